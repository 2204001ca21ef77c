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

/// A text with the characters escaped that a terminal would obey, so that it can neither move the cursor nor hide,
/// reorder or look like what stands beside it.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().map(|c| if is_obeyed(c) { c.escape_debug().to_string() } else { c.into() });
    Cow::Owned(escaped.collect())
}

/// Control characters, line and paragraph separators, and those without a shape that turn the direction of writing or
/// tell nothing; joiners, of which writing and emoji are made, stay.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_harmless() {
        assert_eq!(shown("usage.input"), "usage.input");
        assert_eq!(shown("a\u{1b}[2J\nb\u{9b}"), "a\\u{1b}[2J\\nb\\u{9b}");
        assert_eq!(shown("re\u{202e}d\u{2066}\u{200b}"), "re\\u{202e}d\\u{2066}\\u{200b}");
        assert_eq!(shown("नमस्ते 👩\u{200d}🔬"), "नमस्ते 👩\u{200d}🔬");
        assert_eq!(shown(&"é".repeat(100)), format!("{}…", "é".repeat(LONGEST_NAME)));
    }
}
