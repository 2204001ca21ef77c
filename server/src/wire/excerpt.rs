//! What a message shows of bytes from outside: short, and nothing that a terminal would obey.

use std::borrow::Cow;

/// The longest name that is shown whole, in characters.
const LONGEST_NAME: usize = 80;

/// A quoted text short enough for a message.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The name of a field or column, with control characters escaped and cut where it is long.
pub fn shown(name: &str) -> Cow<'_, str> {
    let cut = name.char_indices().nth(LONGEST_NAME).map(|(end, _)| &name[..end]);
    match cut {
        None => printable(name),
        Some(start) => Cow::Owned(format!("{}…", printable(start))),
    }
}

/// A text with its control characters escaped, so that it cannot move the cursor or hide what stands beside it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.into() });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_harmless() {
        assert_eq!(shown("usage.input"), "usage.input");
        assert_eq!(shown("a\u{1b}[2J\nb\u{9b}"), "a\\u{1b}[2J\\nb\\u{9b}");
        assert_eq!(shown(&"é".repeat(100)), format!("{}…", "é".repeat(LONGEST_NAME)));
    }
}
