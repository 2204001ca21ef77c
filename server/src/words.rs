//! Numbers of things in sentences.

use crate::render::grouped;

/// `1 row`, `2 rows`, `5,000 rows`; `one` is what a single one is called.
pub fn counted(count: u64, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {one}{ending}", grouped(&count.to_string()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_no_plural() {
        let counts = [0, 1, 2, 5_000].map(|count| super::counted(count, "row"));
        assert_eq!(counts, ["0 rows", "1 row", "2 rows", "5,000 rows"]);
    }
}
