//! What to say about a name that does not exist: the nearest one that does.

/// `; did you mean …?` where some known name is near enough to be what was meant; else nothing.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, name), name))
        .min()
        // A third of the letters may be wrong; beyond that the guess would puzzle more than help.
        .filter(|(distance, name)| *distance * 3 <= name.len().max(3))
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("tema", ["model", "team"]), "; did you mean `team`?");
        assert_eq!(did_you_mean("Modle", ["model", "team"]), "; did you mean `model`?");
        assert_eq!(did_you_mean("zebra", ["model", "team"]), "");
    }
}
