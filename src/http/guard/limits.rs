//! The limits that every request is held to.

/// How large, how deep and how dear a request may be.
///
/// The defaults leave room for the largest queries that honest clients of Kring send, the standard
/// introspection query included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an HTTP body, or of the query string of a GET.
    pub max_body_bytes: usize,
    /// Levels of lists and objects in the variables; the `variables` object is the first. Holds
    /// for the other members of the request as well.
    pub max_variable_nesting: usize,
    /// Characters (Unicode scalar values) of a document, comments and white space included.
    pub max_characters: usize,
    /// Lexical tokens of a document: names, numbers, strings and punctuators. White space,
    /// commas and comments do not count.
    pub max_tokens: usize,
    /// Lists and objects open at once inside parentheses: argument values, default values and
    /// list types.
    pub max_literal_nesting: usize,
    /// Brackets of any kind open at once, and, once parsed, selection sets inside one another with
    /// fragments expanded. It bounds the stack that parsing, validation and execution need: at 40
    /// an unoptimised build parses within 512 KiB, an optimised one within 160 KiB. Values above
    /// [`Limits::NESTING_CEILING`] act as the ceiling.
    pub max_nesting: usize,
    /// Directives (`@`) in a document.
    pub max_directives: usize,
    /// Fields inside one another, with fragments expanded, for any operation of the document:
    /// `{ a { b } }` has depth 2.
    pub max_depth: usize,
    /// Fields with an alias, counted each time that a fragment brings them, for any operation of
    /// the document.
    pub max_aliases: u64,
    /// Fields, spreads and inline fragments of all operations of the document together, counted
    /// each time that a fragment brings them.
    pub max_selections: u64,
    /// Rows that the selected operation could read; see [`measure`](super::measure).
    pub max_cost: u64,
    /// Values that the answer to the selected operation could contain; see
    /// [`measure`](super::measure).
    pub max_values: u64,
    /// Ids that `nodes` takes in one field.
    pub max_ids: u64,
    /// Rows of a page whose size the request leaves out or gets wrong: the largest page that the
    /// schema serves, so that the estimate is never too low.
    pub page_size: u64,
}

impl Limits {
    /// The most that [`Limits::max_nesting`] can be raised to. The library's parser refuses
    /// selection sets nested deeper than this, and even an unoptimised build parses this depth in
    /// half of the 2 MiB of stack that the threads of a server have.
    pub const NESTING_CEILING: usize = 64;

    /// [`Limits::max_nesting`], never above the ceiling.
    pub(super) fn nesting(&self) -> usize {
        self.max_nesting.min(Self::NESTING_CEILING)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 100 * 1024,
            max_variable_nesting: 32,
            max_characters: 15_000,
            max_tokens: 2_000,
            max_literal_nesting: 32,
            max_nesting: 40,
            max_directives: 50,
            max_depth: 15,
            max_aliases: 30,
            // As many as the largest document could spell out without fragments: fragments may
            // shorten a document, not enlarge what it asks.
            max_selections: 2_000,
            max_cost: 5_000,
            max_values: 100_000,
            max_ids: 50,
            page_size: 100,
        }
    }
}
