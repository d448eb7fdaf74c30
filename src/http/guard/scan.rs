//! The limits that hold for the text of a document, before anything parses it.

use super::lex::{Bracket, Fault, Kind, Lexer};
use super::refusal::position;
use super::{Code, Limits, Refusal};

/// Reads a document once, without recursion, and refuses it when it is too long, nests too deeply,
/// has too many directives, leaves brackets open or is not made of GraphQL tokens.
///
/// It does not check grammar. It counts brackets exactly as the parser will see them, strings and
/// comments left out, and that is enough: the parser, the validator and the drop of the parsed
/// document recurse only where brackets nest.
///
/// Time grows with the text; memory with the nesting that is allowed.
///
/// # Errors
///
/// `QUERY_TOO_COMPLEX` above a limit; `GRAPHQL_PARSE_FAILED` for what is no GraphQL.
pub fn scan(query: &str, limits: &Limits) -> Result<(), Refusal> {
    check_characters(query, limits)?;
    let mut scan = Scan { query, limits, open: Vec::new(), tokens: 0, directives: 0 };
    let mut lexer = Lexer::new(query.as_bytes());
    while let Some(token) = lexer.next().map_err(|fault| scan.fault(fault))? {
        scan.token(token.kind, token.offset)?;
    }
    scan.end()
}

fn check_characters(query: &str, limits: &Limits) -> Result<(), Refusal> {
    // A text has at least as many bytes as characters, so most need no counting.
    if query.len() <= limits.max_characters {
        return Ok(());
    }
    let characters = query.chars().count();
    if characters <= limits.max_characters {
        return Ok(());
    }
    Err(Refusal::new(
        Code::QueryTooComplex,
        format!("A document may have at most {} characters; this one has {characters}.", limits.max_characters),
    ))
}

struct Scan<'a> {
    query: &'a str,
    limits: &'a Limits,
    /// The brackets that are open, innermost last, with their offsets.
    open: Vec<(Bracket, usize)>,
    tokens: usize,
    directives: usize,
}

impl Scan<'_> {
    fn token(&mut self, kind: Kind, offset: usize) -> Result<(), Refusal> {
        self.tokens += 1;
        if self.tokens > self.limits.max_tokens {
            return Err(self.above("tokens", self.limits.max_tokens, offset));
        }
        match kind {
            Kind::Open(bracket) => self.open(bracket, offset),
            Kind::Close(bracket) => self.close(bracket, offset),
            Kind::At => self.directive(offset),
            Kind::Spread | Kind::Sign(_) | Kind::Name | Kind::Number | Kind::String | Kind::Block => Ok(()),
        }
    }

    fn directive(&mut self, offset: usize) -> Result<(), Refusal> {
        self.directives += 1;
        if self.directives > self.limits.max_directives {
            return Err(self.above("directives", self.limits.max_directives, offset));
        }
        Ok(())
    }

    fn open(&mut self, bracket: Bracket, offset: usize) -> Result<(), Refusal> {
        self.open.push((bracket, offset));
        let nesting = self.limits.nesting();
        if self.open.len() > nesting {
            return Err(self.deeper("Brackets in a document", nesting, offset));
        }
        if self.literal_nesting() > self.limits.max_literal_nesting {
            let limit = self.limits.max_literal_nesting;
            return Err(self.deeper("Lists and objects in arguments", limit, offset));
        }
        Ok(())
    }

    /// Lists and objects open inside parentheses. Square brackets mean the same where no
    /// parenthesis is open: no selection set can follow them.
    fn literal_nesting(&self) -> usize {
        self.open
            .iter()
            .skip_while(|(bracket, _)| *bracket == Bracket::Curly)
            .filter(|(bracket, _)| *bracket != Bracket::Round)
            .count()
    }

    fn close(&mut self, bracket: Bracket, offset: usize) -> Result<(), Refusal> {
        let closing = bracket.closing();
        match self.open.pop() {
            Some((open, _)) if open == bracket => Ok(()),
            Some((open, opened)) => {
                let opened = position(self.query.as_bytes(), opened);
                let message = format!(
                    "`{closing}` does not close the `{}` of line {}, column {}.",
                    open.opening(),
                    opened.line,
                    opened.column
                );
                Err(self.unparsable(message, offset))
            }
            None => Err(self.unparsable(format!("`{closing}` closes nothing."), offset)),
        }
    }

    fn end(&self) -> Result<(), Refusal> {
        match self.open.last() {
            Some((open, offset)) => {
                let message = format!("This `{}` is never closed.", open.opening());
                Err(self.unparsable(message, *offset))
            }
            None => Ok(()),
        }
    }

    fn fault(&self, fault: Fault) -> Refusal {
        let (message, offset) = match fault {
            Fault::Character(offset) => (self.unexpected(offset), offset),
            Fault::Number(offset) => ("A number cannot go on like this.".to_owned(), offset),
            Fault::Unterminated(offset) => ("This string does not end on its line.".to_owned(), offset),
            Fault::UnterminatedBlock(offset) => ("This block string never ends.".to_owned(), offset),
        };
        self.unparsable(message, offset)
    }

    fn unexpected(&self, offset: usize) -> String {
        match self.query.get(offset..).and_then(|rest| rest.chars().next()) {
            Some(character) if character.is_ascii_graphic() || character.is_alphanumeric() => {
                format!("No token of GraphQL starts with `{character}`.")
            }
            Some(character) => format!("No token of GraphQL starts with the character U+{:04X}.", u32::from(character)),
            None => "The document ends too early.".to_owned(),
        }
    }

    fn unparsable(&self, message: String, offset: usize) -> Refusal {
        self.refusal(Code::GraphqlParseFailed, message, offset)
    }

    fn above(&self, what: &str, limit: usize, offset: usize) -> Refusal {
        let message = format!("A document may have at most {limit} {what}; this one has more.");
        self.refusal(Code::QueryTooComplex, message, offset)
    }

    fn deeper(&self, what: &str, limit: usize, offset: usize) -> Refusal {
        let message = format!("{what} may nest at most {limit} deep; here they nest deeper.");
        self.refusal(Code::QueryTooComplex, message, offset)
    }

    fn refusal(&self, code: Code, message: String, offset: usize) -> Refusal {
        Refusal::new(code, message).at(position(self.query.as_bytes(), offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits {
        max_body_bytes: 0,
        max_variable_nesting: 0,
        max_characters: 40,
        max_tokens: 15,
        max_literal_nesting: 3,
        max_nesting: 5,
        max_directives: 2,
        max_depth: 0,
        max_aliases: 0,
        max_selections: 0,
        max_cost: 0,
        max_values: 0,
        max_ids: 0,
        page_size: 0,
    };

    #[test]
    fn limits_hold_to_the_last_unit() {
        for (fits, breaks) in [
            ("é,".repeat(20).replace('é', "#"), "#é".repeat(20) + "é"),
            ("a ".repeat(15), "a ".repeat(16)),
            ("@a @a".to_owned(), "@a @a @a".to_owned()),
            ("{{{{{ }}}}}".to_owned(), "{{{{{{ }}}}}}".to_owned()),
            ("{a(b:[{c:[]}])}".to_owned(), "{a(b:[{c:[[]]}])}".to_owned()),
            ("(a:[]) [[[]]]".to_owned(), "[[[[]]]]".to_owned()),
        ] {
            assert_eq!(scan(&fits, &SMALL), Ok(()), "{fits}");
            let refusal = scan(&breaks, &SMALL).expect_err(&breaks);
            assert_eq!(refusal.code, Code::QueryTooComplex, "{breaks}");
        }
    }

    #[test]
    fn strings_and_comments_are_not_counted() {
        let query = r#"{ a(b: "[[[[ @ @ @ {" c: """ \""" [[[[ """) # {{{{{{ @ @ @
        }"#;
        let limits = Limits { max_characters: 80, ..SMALL };
        assert_eq!(scan(query, &limits), Ok(()));
    }

    #[test]
    fn refusals_say_what_and_where() {
        for (query, message, line, column) in [
            ("{\n  a ]", "`]` does not close the `{` of line 1, column 1.", 2, 5),
            ("{ a }\n}", "`}` closes nothing.", 2, 1),
            ("{ a(b: 1)", "This `{` is never closed.", 1, 1),
            ("{ é }", "No token of GraphQL starts with `é`.", 1, 3),
            ("{ \0 }", "No token of GraphQL starts with the character U+0000.", 1, 3),
            ("{ a(b: \"c", "This string does not end on its line.", 1, 8),
            ("{ a(b: \"\"\"c", "This block string never ends.", 1, 8),
            ("@a @b\n@c", "A document may have at most 2 directives; this one has more.", 2, 1),
            ("{{{{{{", "Brackets in a document may nest at most 5 deep; here they nest deeper.", 1, 6),
        ] {
            let refusal = scan(query, &SMALL).expect_err(query);
            assert_eq!(refusal.message, message);
            let position = refusal.position.map(|at| (at.line, at.column));
            assert_eq!(position, Some((line, column)), "{query}");
        }
    }

    #[test]
    fn too_long_a_document_is_told_its_length() {
        let refusal = scan(&" ".repeat(41), &SMALL).expect_err("41 characters");
        assert_eq!(refusal.message, "A document may have at most 40 characters; this one has 41.");
    }

    #[test]
    fn nothing_raises_the_ceiling() {
        let limits = Limits { max_nesting: usize::MAX, ..Limits::default() };
        let nested = |depth: usize| "{".repeat(depth) + &"}".repeat(depth);
        assert_eq!(scan(&nested(Limits::NESTING_CEILING), &limits), Ok(()));
        assert!(scan(&nested(Limits::NESTING_CEILING + 1), &limits).is_err());
    }
}
