//! Records of CSV and their cells (RFC 4180).

use crate::transfer::format::text::{BYTES_MAX, Text, utf8};
use crate::transfer::record::Fault;

/// A row of nothing but commas must not fill the memory.
const COLUMNS_MAX: usize = 10_000;

/// Where in a record a reader is.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    /// At the beginning of a cell, where a quotation mark opens it.
    Start,
    Plain,
    Quoted,
    /// After a quotation mark in a quoted cell: the end, or the first of two.
    Mark,
}

impl Place {
    pub fn after(self, c: char, is_delimiter: bool) -> Self {
        match (self, c) {
            (Self::Start, '"') => Self::Quoted,
            (Self::Quoted, '"') => Self::Mark,
            (Self::Mark, '"') => Self::Quoted,
            (Self::Quoted, _) => Self::Quoted,
            (Self::Start | Self::Plain | Self::Mark, _) if is_delimiter => Self::Start,
            (Self::Start | Self::Plain | Self::Mark, _) => Self::Plain,
        }
    }
}

/// The text of the next record without the line break at its end, and the line that it begins at.
pub fn record(text: &mut Text, delimiters: &[char]) -> Result<Option<(u64, String)>, Fault> {
    let line = text.line();
    let mut quote_line = line;
    let mut bytes = Vec::new();
    let mut place = Place::Start;
    loop {
        let before = text.line();
        let Some(byte) = text.next_byte()? else {
            if place == Place::Quoted {
                return Err(Fault::at(
                    quote_line,
                    "The quotation mark that opens a cell in this line is never closed.",
                ));
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            break;
        };
        if place != Place::Quoted && matches!(byte, b'\n' | b'\r') {
            if byte == b'\r' && text.peek_byte()? == Some(b'\n') {
                text.next_byte()?;
            }
            break;
        }
        // Delimiters and quotation marks are ASCII, which no byte of another character is.
        let c = char::from(byte);
        let next = place.after(c, delimiters.contains(&c));
        if place == Place::Start && next == Place::Quoted {
            quote_line = before;
        }
        place = next;
        bytes.push(byte);
        if bytes.len() > BYTES_MAX {
            return Err(Fault::at(
                quote_line,
                "A row is longer than 16 MiB. A quotation mark in this line is probably never closed.",
            ));
        }
    }
    Ok(Some((line, utf8(bytes, line)?)))
}

/// The cells of a record.
pub fn cells(record: &str, delimiter: char) -> Result<Vec<String>, &'static str> {
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut place = Place::Start;
    for c in record.chars() {
        let next = place.after(c, c == delimiter);
        match (place, next) {
            // The mark that opens a cell, and one that closes it or is the first of two.
            (Place::Start, Place::Quoted) | (_, Place::Mark) => {}
            (_, Place::Start) => {
                cells.push(std::mem::take(&mut cell));
                if cells.len() >= COLUMNS_MAX {
                    return Err("The row has more than 10,000 cells. Remove columns that are not needed.");
                }
            }
            (Place::Mark, Place::Plain) => {
                return Err("A quotation mark inside a cell in quotation marks must be doubled.");
            }
            (_, Place::Plain | Place::Quoted) => cell.push(c),
        }
        place = next;
    }
    cells.push(cell);
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_in_quotation_marks() {
        assert_eq!(
            cells(r#"a,"b ""c"", d",,5" pipe,"""#, ',').unwrap(),
            ["a", "b \"c\", d", "", "5\" pipe", ""]
        );
        assert_eq!(cells("", ',').unwrap(), [""]);
        assert!(cells(r#""a" b,c"#, ',').is_err());
    }
}
