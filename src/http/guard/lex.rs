//! The lexical grammar of GraphQL: bytes to tokens, without recursion.

/// A kind of bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

impl Bracket {
    pub(super) const fn opening(self) -> char {
        match self {
            Self::Round => '(',
            Self::Square => '[',
            Self::Curly => '{',
        }
    }

    pub(super) const fn closing(self) -> char {
        match self {
            Self::Round => ')',
            Self::Square => ']',
            Self::Curly => '}',
        }
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open(Bracket),
    Close(Bracket),
    /// `@`, which starts a directive.
    At,
    /// `...`
    Spread,
    /// Another punctuator, by its only byte.
    Sign(u8),
    Name,
    Number,
    String,
    /// A string in three quotes.
    Block,
}

/// A token, from the offset of its first byte to the one behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub offset: usize,
    pub end: usize,
}

/// A place where the text is not GraphQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No token starts with the character here.
    Character(usize),
    /// A number cannot go on with the character here.
    Number(usize),
    /// A string starts here and never ends, or not on its line.
    Unterminated(usize),
    /// A block string starts here and never ends.
    UnterminatedBlock(usize),
}

/// Reads the tokens of a text, skipping white space, commas and comments.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, offset: 0 }
    }

    /// The next token, or `None` at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Fault> {
        self.skip_ignored();
        let offset = self.offset;
        let Some(&first) = self.rest().first() else {
            return Ok(None);
        };
        let kind = match first {
            b'(' => self.single(Kind::Open(Bracket::Round)),
            b'[' => self.single(Kind::Open(Bracket::Square)),
            b'{' => self.single(Kind::Open(Bracket::Curly)),
            b')' => self.single(Kind::Close(Bracket::Round)),
            b']' => self.single(Kind::Close(Bracket::Square)),
            b'}' => self.single(Kind::Close(Bracket::Curly)),
            b'@' => self.single(Kind::At),
            b'!' | b'$' | b'&' | b':' | b'=' | b'|' => self.single(Kind::Sign(first)),
            b'.' => self.spread()?,
            b'"' => self.string()?,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                Kind::Name
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => return Err(Fault::Character(offset)),
        };
        Ok(Some(Token { kind, offset, end: self.offset }))
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.offset += rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
    }

    fn skip_ignored(&mut self) {
        loop {
            let rest = self.rest();
            match rest.first() {
                Some(b' ' | b',' | b'\t' | b'\n' | b'\r') => self.offset += 1,
                Some(b'#') => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                _ if rest.starts_with(BYTE_ORDER_MARK) => self.offset += BYTE_ORDER_MARK.len(),
                _ => return,
            }
        }
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.offset += 1;
        kind
    }

    fn spread(&mut self) -> Result<Kind, Fault> {
        if !self.rest().starts_with(b"...") {
            return Err(Fault::Character(self.offset));
        }
        self.offset += 3;
        Ok(Kind::Spread)
    }

    /// A number, which ends where neither a name nor more of a number could follow.
    fn number(&mut self) -> Result<Kind, Fault> {
        let is_digit = |byte: u8| byte.is_ascii_digit();
        if self.rest().first() == Some(&b'-') {
            if !self.rest().get(1).copied().is_some_and(is_digit) {
                return Err(Fault::Character(self.offset));
            }
            self.offset += 1;
        }
        if self.rest().first() == Some(&b'0') {
            self.offset += 1;
        } else {
            self.skip_while(is_digit);
        }
        if let [b'.', digit, ..] = self.rest()
            && is_digit(*digit)
        {
            self.offset += 1;
            self.skip_while(is_digit);
        }
        if let [b'e' | b'E', tail @ ..] = self.rest() {
            let sign = usize::from(matches!(tail.first(), Some(b'+' | b'-')));
            if tail.get(sign).copied().is_some_and(is_digit) {
                self.offset += 1 + sign;
                self.skip_while(is_digit);
            }
        }
        match self.rest().first() {
            Some(b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => Err(Fault::Number(self.offset)),
            _ => Ok(Kind::Number),
        }
    }

    fn string(&mut self) -> Result<Kind, Fault> {
        let start = self.offset;
        if self.rest().starts_with(BLOCK_QUOTE) {
            return self.block_string();
        }
        self.offset += 1;
        loop {
            match self.rest() {
                [b'"', ..] => {
                    self.offset += 1;
                    return Ok(Kind::String);
                }
                // Whether the escape exists is left to the parser; a line never continues.
                [b'\\', escaped, ..] if !matches!(escaped, b'\n' | b'\r') => self.offset += 2,
                [] | [b'\\' | b'\n' | b'\r', ..] => return Err(Fault::Unterminated(start)),
                _ => self.offset += 1,
            }
        }
    }

    fn block_string(&mut self) -> Result<Kind, Fault> {
        let start = self.offset;
        self.offset += BLOCK_QUOTE.len();
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return Err(Fault::UnterminatedBlock(start));
            } else if rest.starts_with(BLOCK_QUOTE) {
                self.offset += BLOCK_QUOTE.len();
                return Ok(Kind::Block);
            } else if rest.starts_with(ESCAPED_BLOCK_QUOTE) {
                self.offset += ESCAPED_BLOCK_QUOTE.len();
            } else {
                self.offset += 1;
            }
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const BLOCK_QUOTE: &[u8] = b"\"\"\"";
const ESCAPED_BLOCK_QUOTE: &[u8] = b"\\\"\"\"";

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of the tokens.
    fn tokens(text: &str) -> Result<Vec<&str>, Fault> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(token) = lexer.next()? {
            found.push(&text[token.offset..lexer.offset]);
        }
        Ok(found)
    }

    #[test]
    fn tokens_are_those_of_the_specification() {
        for (text, expected) in [
            ("", &[][..]),
            ("\u{feff} ,\t\r\n# { [ (\n", &[]),
            ("{a _b9}", &["{", "a", "_b9", "}"]),
            ("...on", &["...", "on"]),
            ("$a:[Int!]=1@b", &["$", "a", ":", "[", "Int", "!", "]", "=", "1", "@", "b"]),
            ("-1.5e+10 0 2E7,-0 4 ...", &["-1.5e+10", "0", "2E7", "-0", "4", "..."]),
            (r#""" "a\"{" "\\""#, &[r#""""#, r#""a\"{""#, r#""\\""#]),
            (r#""""a"b""c\""" { \" """x"#, &[r#""""a"b""c\""" { \" """"#, "x"]),
            ("\"é # {\"", &["\"é # {\""]),
        ] {
            assert_eq!(tokens(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_say_where() {
        for (text, expected) in [
            ("{ ; }", Fault::Character(2)),
            ("{ é }", Fault::Character(2)),
            ("..", Fault::Character(0)),
            ("a -b", Fault::Character(2)),
            ("\0", Fault::Character(0)),
            ("3e", Fault::Number(1)),
            ("4...", Fault::Number(1)),
            ("1.2.3", Fault::Number(3)),
            ("00", Fault::Number(1)),
            ("-01", Fault::Number(2)),
            ("0xF", Fault::Number(1)),
            ("1_000", Fault::Number(1)),
            ("a \"b", Fault::Unterminated(2)),
            ("a \"b\n\"", Fault::Unterminated(2)),
            ("a \"b\\\n\"", Fault::Unterminated(2)),
            ("a \"b\\", Fault::Unterminated(2)),
            (r#"a """b" "" \""" "#, Fault::UnterminatedBlock(2)),
        ] {
            assert_eq!(tokens(text), Err(expected), "{text:?}");
        }
    }
}
