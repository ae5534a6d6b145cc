//! Tables that fit where they are printed: as wide as the terminal, a hundred columns in a pipe, which has no width of its own.
//! Must not know what stands in them.

use std::io::IsTerminal;

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, TableStyle};

/// Columns of what is no terminal.
const PIPE_WIDTH: u16 = 100;

/// An empty table of that style under these titles; long cells wrap.
pub fn fitted(style: TableStyle, titles: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic).set_header(titles);
    if !std::io::stdout().is_terminal() {
        table.set_width(PIPE_WIDTH);
    }
    table
}

/// Keeps the cells of a column in one piece, such as names; the others wrap.
pub fn keep_whole(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// Prose that breaks between words where the terminal ends; in a pipe it stays as it is, for whatever reads lines.
pub fn paragraph(words: &str) -> String {
    if std::io::stdout().is_terminal() { wrapped(words, columns()) } else { words.to_owned() }
}

/// Words in lines of `width` columns at most, each as far from the edge as the first.
fn wrapped(words: &str, width: u16) -> String {
    let indent = &words[..words.len() - words.trim_start().len()];
    let mut lines = Table::new();
    let room = width.saturating_sub(u16::try_from(indent.len()).unwrap_or(0)).max(1);
    lines.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(room);
    lines.add_row([words.trim_start()]);
    if let Some(column) = lines.column_mut(0) {
        column.set_padding((0, 0));
    }
    lines.trim_fmt().lines().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

/// How many columns there are to print on.
pub fn columns() -> u16 {
    fitted(comfy_table::presets::NOTHING, [""]).width().unwrap_or(PIPE_WIDTH)
}

#[cfg(test)]
mod tests {
    use comfy_table::presets;

    use super::*;

    #[test]
    fn a_table_in_a_pipe_is_a_hundred_columns_wide_at_most() {
        // The test's own output is no terminal, or wide enough.
        let mut table = fitted(presets::UTF8_FULL_CONDENSED, ["a", "b"]);
        table.set_width(PIPE_WIDTH).add_row(["word ".repeat(60), "other ".repeat(60)]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(columns() > 0);
    }

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(wrapped("  one two three", 9), "  one two\n  three");
        assert_eq!(wrapped("one", 80), "one");
    }
}
