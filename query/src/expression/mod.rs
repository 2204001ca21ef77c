//! The grammar that filters on events and filters on groups share.
//!
//! ```text
//! any  = all { "or" all }
//! all  = one { "and" one }
//! one  = "not" one | "(" any ")" | "true" | "false" | test
//! ```

mod lex;

use std::borrow::Cow;
use std::fmt;

use quipu_engine::{Error, Result};

pub(crate) use lex::TokenKind;
use lex::{Token, tokens};

/// How deep parentheses and `not` may nest.
const DEPTH: usize = 64;

/// What an expression is made of.
pub(crate) trait Condition: Sized {
    /// What the expression is, for messages.
    const SUBJECT: &'static str;

    /// Reads one test.
    fn test(parser: &mut Parser) -> Result<Self>;

    /// All hold.
    fn all(conditions: Vec<Self>) -> Self;

    /// At least one holds.
    fn any(conditions: Vec<Self>) -> Self;

    /// It does not hold.
    fn not(condition: Self) -> Self;
}

/// Reads an expression from its first character to its last.
pub(crate) fn parse<C: Condition>(text: &str) -> Result<C> {
    let mut parser = Parser { tokens: tokens(text, C::SUBJECT)?, next: 0, depth: 0, subject: C::SUBJECT };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(_) => Err(parser.expected("`and`, `or` or the end")),
    }
}

/// A place in an expression.
pub(crate) struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    subject: &'static str,
}

impl Parser {
    /// The next word.
    pub(crate) fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    /// Goes on behind the next word if it is that one.
    pub(crate) fn take(&mut self, wanted: &TokenKind) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    /// Goes on behind the next word if it is that keyword.
    pub(crate) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    /// The next operator.
    pub(crate) fn operator(&mut self) -> Option<&'static str> {
        let Some(TokenKind::Operator(operator)) = self.peek() else { return None };
        let operator = *operator;
        self.next += 1;
        Some(operator)
    }

    /// The next word, quoted or not.
    pub(crate) fn text(&mut self, what: &str) -> Result<String> {
        match self.peek() {
            Some(TokenKind::Word(text) | TokenKind::Quoted(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Refuses what comes next.
    pub(crate) fn expected(&self, what: &str) -> Error {
        let found = match self.tokens.get(self.next) {
            None => "the end of the text".into(),
            Some(Token { kind: TokenKind::Word(text) | TokenKind::Quoted(text), at }) => {
                format!("{text:?} at character {at}")
            }
            Some(Token { kind: TokenKind::Operator(operator), at }) => format!("`{operator}` at character {at}"),
            Some(Token { kind: TokenKind::Open, at }) => format!("`(` at character {at}"),
            Some(Token { kind: TokenKind::Close, at }) => format!("`)` at character {at}"),
            Some(Token { kind: TokenKind::Comma, at }) => format!("`,` at character {at}"),
        };
        Error::invalid(format!("{}: expected {what}, found {found}", self.subject))
    }

    fn any<C: Condition>(&mut self) -> Result<C> {
        let mut some = vec![self.all()?];
        while self.keyword("or") {
            some.push(self.all()?);
        }
        Ok(if some.len() == 1 { some.remove(0) } else { C::any(some) })
    }

    fn all<C: Condition>(&mut self) -> Result<C> {
        let mut every = vec![self.one()?];
        while self.keyword("and") {
            every.push(self.one()?);
        }
        Ok(if every.len() == 1 { every.remove(0) } else { C::all(every) })
    }

    fn one<C: Condition>(&mut self) -> Result<C> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Error::invalid(format!("{}: nested more than {DEPTH} deep", self.subject)));
        }
        let condition = if self.keyword("not") {
            C::not(self.one()?)
        } else if self.keyword("true") {
            C::all(Vec::new())
        } else if self.keyword("false") {
            C::any(Vec::new())
        } else if self.take(&TokenKind::Open) {
            let inner = self.any()?;
            if !self.take(&TokenKind::Close) {
                return Err(self.expected("`)`, `and` or `or`"));
            }
            inner
        } else {
            C::test(self)?
        };
        self.depth -= 1;
        Ok(condition)
    }
}

/// Writes several conditions with `word` between them, `empty` where there are none.
pub(crate) fn show_joined<C: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    conditions: &[C],
    word: &str,
    empty: &str,
    is_simple: impl Fn(&C) -> bool,
) -> fmt::Result {
    if let [one] = conditions {
        return write!(f, "{one}");
    }
    for (at, condition) in conditions.iter().enumerate() {
        if at > 0 {
            write!(f, " {word} ")?;
        }
        match is_simple(condition) {
            true => write!(f, "{condition}")?,
            false => write!(f, "({condition})")?,
        }
    }
    if conditions.is_empty() { f.write_str(empty) } else { Ok(()) }
}

/// A value or the name of a field as it is written: in quotes unless nothing of it could be mistaken.
pub(crate) fn written(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@".contains(&byte);
    let keyword = ["and", "or", "not", "in", "is", "null", "true", "false", "between"];
    let mistaken = keyword.iter().any(|word| word.eq_ignore_ascii_case(text));
    if !text.is_empty() && text.bytes().all(plain) && !mistaken {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
