//! The words of an expression.

use quipu_engine::{Error, Result};

/// A word and where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// The character it starts at, from 1.
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An unquoted word: a name, a keyword or a value.
    Word(String),
    /// A quoted text: never a keyword.
    Quoted(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=` or `^=`.
    Operator(&'static str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// Operators with their spellings, longer ones first.
const OPERATORS: [(&str, &str); 9] = [
    ("!=", "!="),
    ("<>", "!="),
    ("≠", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("^=", "^="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
];

/// Takes `text` apart.
pub(super) fn tokens(text: &str, subject: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let (kind, length) = match first {
            '(' => (TokenKind::Open, 1),
            ')' => (TokenKind::Close, 1),
            ',' => (TokenKind::Comma, 1),
            '"' | '\'' => quoted(rest, first, at, subject)?,
            _ => match OPERATORS.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
                Some((spelling, operator)) => (TokenKind::Operator(operator), spelling.len()),
                None => word(rest, at, subject)?,
            },
        };
        tokens.push(Token { kind, at });
        rest = &rest[length..];
    }
}

fn quoted(rest: &str, quote: char, at: usize, subject: &str) -> Result<(TokenKind, usize)> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c if c == quote => return Ok((TokenKind::Quoted(value), offset + c.len_utf8())),
            c => value.push(c),
        }
    }
    Err(Error::invalid(format!("{subject}: the quoted text that starts at character {at} has no closing {quote}")))
}

fn word(rest: &str, at: usize, subject: &str) -> Result<(TokenKind, usize)> {
    let ends = |c: char| c.is_whitespace() || "(),\"'=<>^!≠".contains(c);
    let length = rest.find(ends).unwrap_or(rest.len());
    if length == 0 {
        let found = rest.chars().next().unwrap_or_default();
        return Err(Error::invalid(format!(
            "{subject}: unexpected {found:?} at character {at}; operators are = != < <= > >= ^= in, not in, is null"
        )));
    }
    Ok((TokenKind::Word(rest[..length].into()), length))
}
