//! Columns of text.

use std::io::{self, Write};

/// Writes rows in columns as wide as their widest cell: the first to the left, the others to the right.
pub fn write<const N: usize>(out: &mut dyn Write, head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let head = head.map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Units: whole where they are whole.
pub fn number(value: f64) -> String {
    // An empty sum of floats is -0.
    let value = value + 0.0;
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut text = vec![];
        let rows = [["a ticket".to_owned(), "2".to_owned()], ["b".to_owned(), "11".to_owned()]];
        write(&mut text, ["act", "units"], &rows).unwrap();
        let expected = "act       units\na ticket      2\nb            11\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn half_units_keep_their_half() {
        assert_eq!([2.0, 0.5, -0.0].map(number), ["2", "0.5", "0"]);
    }
}
