//! Tables that fit where they are printed: as wide as the terminal, a hundred columns in a pipe, which has no width of its own.
//! Must not know what stands in them.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Row, Table, TableStyle};

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
}
