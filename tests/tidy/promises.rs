//! The promises of docs/reliability.md and the tests they name. Reads both as text.

/// The rows of a page's tables: the cells of each, the headings left out.
pub fn rows(markdown: &str) -> Vec<Vec<&str>> {
    let rows = markdown.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).filter(|cells: &Vec<&str>| cells.first() != Some(&"promise")).collect()
}

/// Whether `source` holds a test of this name, which runs where tests run.
pub fn has_test(source: &str, name: &str) -> bool {
    let declaration = format!("fn {name}(");
    source.match_indices(&declaration).any(|(at, _)| {
        let before = &source[..at];
        let attributes = before.rfind("\n\n").map_or(before, |blank| &before[blank..]);
        attributes.contains("#[test]") || attributes.contains("#[tokio::test")
    })
}
