//! The tokens of a document, one ahead, with their places and values.

use async_graphql::Pos;
use async_graphql_value::{Number, Value as Literal};

use super::lex::{Bracket, Kind, Lexer, Token};
use super::refusal::Counter;
use super::{Code, Refusal, strings};

/// Reads the tokens of a text.
pub(super) struct Tokens<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    next: Option<Token>,
    counter: Counter<'a>,
    pos: Pos,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Refusal> {
        let (lexer, counter) = (Lexer::new(text.as_bytes()), Counter::new(text.as_bytes()));
        let mut tokens = Self { text, lexer, next: None, counter, pos: Pos::default() };
        tokens.advance()?;
        Ok(tokens)
    }

    /// The next token; `None` at the end.
    pub(super) fn peek(&self) -> Option<Token> {
        self.next
    }

    /// Where the next token starts.
    pub(super) fn pos(&self) -> Pos {
        self.pos
    }

    pub(super) fn is_at(&self, kind: Kind) -> bool {
        self.next.is_some_and(|token| token.kind == kind)
    }

    /// The next token, if it is a name.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.next.filter(|token| token.kind == Kind::Name).map(|token| self.raw(token))
    }

    fn raw(&self, token: Token) -> &'a str {
        self.text.get(token.offset..token.end).unwrap_or_default()
    }

    /// Goes on to the token after the next one.
    pub(super) fn advance(&mut self) -> Result<(), Refusal> {
        // The scan has seen all tokens before; a fault here would be one that it let through.
        self.next = self.lexer.next().map_err(|_| self.expected("a token"))?;
        self.pos = self.counter.at(self.next.map_or(self.text.len(), |token| token.offset));
        Ok(())
    }

    /// Goes past a token of a kind.
    pub(super) fn expect(&mut self, kind: Kind, what: &str) -> Result<(), Refusal> {
        if self.is_at(kind) { self.advance() } else { Err(self.expected(what)) }
    }

    /// Says that something else stands here.
    pub(super) fn expected(&self, what: &str) -> Refusal {
        let found = match self.next.map(|token| token.kind) {
            None => "the end of the document".to_owned(),
            Some(Kind::Name) => "a name".to_owned(),
            Some(Kind::Number) => "a number".to_owned(),
            Some(Kind::String | Kind::Block) => "a string".to_owned(),
            Some(Kind::Spread) => "`...`".to_owned(),
            Some(Kind::At) => "`@`".to_owned(),
            Some(Kind::Sign(sign)) => format!("`{}`", char::from(sign)),
            Some(Kind::Open(bracket)) => format!("`{}`", Bracket::opening(bracket)),
            Some(Kind::Close(bracket)) => format!("`{}`", Bracket::closing(bracket)),
        };
        self.failed(format!("Syntax error: expected {what}, found {found}."))
    }

    fn failed(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(Code::GraphqlParseFailed, message).at(self.pos)
    }

    /// Goes past a number.
    pub(super) fn number(&mut self) -> Result<Literal, Refusal> {
        let raw = self.next.map_or("", |token| self.raw(token));
        let whole = raw.parse().map(|number: i64| Number::from(number)).ok();
        let whole = whole.or_else(|| raw.parse().map(|number: u64| Number::from(number)).ok());
        let number = whole.or_else(|| raw.parse().ok().and_then(Number::from_f64));
        let number = number.ok_or_else(|| self.failed("This number is too large."))?;
        self.advance()?;
        Ok(Literal::Number(number))
    }

    /// Goes past a string.
    pub(super) fn string(&mut self) -> Result<String, Refusal> {
        let Some(token) = self.next else { return Err(self.expected("a string")) };
        let raw = self.raw(token);
        let string = if token.kind == Kind::Block {
            let inner = raw.get(3..raw.len().saturating_sub(3));
            strings::block(inner.unwrap_or_default())
        } else {
            let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
            strings::plain(inner).map_err(|at| {
                let place = super::refusal::position(self.text.as_bytes(), token.offset + 1 + at);
                Refusal::new(Code::GraphqlParseFailed, "This string holds an escape that does not exist.").at(place)
            })?
        };
        self.advance()?;
        Ok(string)
    }
}
