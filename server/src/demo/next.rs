//! What to try after the demo.

use std::path::Path;

use super::shell_word;

/// Commands that work as they stand; `kept` is the store, where it stays.
pub fn next_steps(program: &str, kept: Option<&Path>) -> Vec<String> {
    let store = shell_word(kept.unwrap_or(Path::new("quipu-demo")));
    let mut commands = Vec::new();
    if kept.is_none() {
        commands.push(format!("{program} demo --store {store}"));
    }
    commands.extend([
        format!("{program} query --store {store} --by model,month --measure reported_cost,jobs --limit 20"),
        format!("{program} jobs --store {store} --cost reported --where \"model ^= claude\" --limit 5"),
        format!("{program} roi --store {store} --by agent --cost reported --assume-value CONVERTED=25"),
        format!("{program} query --store {store} --where \"source = aider\" --every 1mo"),
        format!("{program} serve --store {store}"),
    ]);
    commands
}
