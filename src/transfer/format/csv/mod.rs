//! CSV, as RFC 4180 describes it and as spreadsheets and databases write it.

pub mod cells;

use std::io::BufRead;

use self::cells::{Place, cells, record};
use super::Reader;
use super::text::Text;
use crate::transfer::map::{Columns, Map, Mapper, RawRow};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Item, Notes, Refusal, Row};

/// The delimiters of which the most frequent one in the heading counts.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// Reads a CSV file with a line of headings.
pub struct Csv {
    text: Text,
    mapper: Mapper,
    delimiter: char,
    columns: Columns,
    /// The row after the one of its organization.
    pending: Option<Row>,
}

impl Csv {
    /// Reads the headings.
    pub fn new(source: Box<dyn BufRead + Send>, map: Map, options: Options) -> Result<Self, Fault> {
        let mut text = Text::new(source, options.encoding.as_deref())?;
        let mut named = None;
        loop {
            let Some((line, first)) = record(&mut text, &DELIMITERS)? else {
                return Err(Fault::at(text.line(), "The file has no line with headings."));
            };
            let trimmed = first.trim();
            if trimmed.is_empty() || trimmed.starts_with("version:") {
                continue;
            }
            // Excel reads this line, and does not show it.
            if let Some(delimiter) = separator(trimmed) {
                named = Some(delimiter);
                continue;
            }
            let delimiter = named.unwrap_or_else(|| most_frequent(&first));
            let cells = cells(&first, delimiter).map_err(|why| Fault::at(line, why))?;
            let headings = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            let columns = Columns::new(headings).map_err(|twice| {
                let twice = crate::model::error::shown(&twice);
                Fault::at(
                    line,
                    format!("Two columns have the heading '{twice}'. Rename or remove one of them."),
                )
            })?;
            map.check(&columns).map_err(|why| Fault::at(line, why))?;
            return Ok(Self {
                text,
                mapper: Mapper::new(map, options),
                delimiter,
                columns,
                pending: None,
            });
        }
    }

    fn row(&mut self, line: u64, text: &str) -> (Row, Option<Row>) {
        let refused = |message: String| {
            let refusal = Refusal {
                kind: "user",
                message,
                ..Refusal::default()
            };
            (Row::new(line, Item::Refused(refusal)), None)
        };
        let mut cells = match cells(text, self.delimiter) {
            Ok(cells) => cells,
            Err(why) => return refused(why.to_owned()),
        };
        cells.iter_mut().for_each(clean);
        if cells.iter().all(String::is_empty) {
            return (Row::new(line, Item::Ignored("blank")), None);
        }
        let columns = self.columns.headings().len();
        let extra = cells.iter().skip(columns).any(|cell| !cell.is_empty());
        if cells.len() < columns || extra {
            return refused(format!(
                "The row has {} cells, but the file has {columns} columns. Complete the row, and put quotation marks \
                 around cells that contain a '{}'.",
                cells.len(),
                self.delimiter.escape_default()
            ));
        }
        let source = RawRow::Csv {
            columns: &self.columns,
            cells: &cells,
        };
        self.mapper.rows(line, &source)
    }
}

impl Reader for Csv {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        if let Some(row) = self.pending.take() {
            return Ok(Some(row));
        }
        let Some((line, text)) = record(&mut self.text, &[self.delimiter])? else {
            return Ok(None);
        };
        let (row, later) = self.row(line, &text);
        self.pending = later;
        Ok(Some(row))
    }

    fn notes(&self) -> Notes {
        self.mapper.notes.clone()
    }
}

/// Removes blanks at the ends, null of databases, and what our export puts before formulas.
fn clean(cell: &mut String) {
    let text = cell.trim();
    let text = match text.strip_prefix('\'') {
        Some(formula) if formula.starts_with(['=', '+', '-', '@']) => formula,
        _ if text == "\\N" => "",
        _ => text,
    };
    if text.len() != cell.len() {
        *cell = text.to_owned();
    }
}

/// The delimiter that the line `sep=;` names.
fn separator(line: &str) -> Option<char> {
    let line = line.trim_matches('"');
    let (name, delimiter) = line.split_at_checked(4)?;
    let mut delimiter = delimiter.chars();
    let first = delimiter.next();
    match name.eq_ignore_ascii_case("sep=") && delimiter.as_str().chars().all(|c| DELIMITERS.contains(&c)) {
        // The tab has been trimmed away.
        true => first.or(Some('\t')),
        false => None,
    }
}

/// The most frequent delimiter outside quotation marks.
fn most_frequent(heading: &str) -> char {
    let mut place = Place::Start;
    let mut counts = [0_usize; DELIMITERS.len()];
    for c in heading.chars() {
        place = place.after(c, DELIMITERS.contains(&c));
        let counted = DELIMITERS
            .iter()
            .zip(&mut counts)
            .find(|(delimiter, _)| **delimiter == c);
        if let (Some((_, count)), true) = (counted, place != Place::Quoted) {
            *count += 1;
        }
    }
    let mut best = (',', 0);
    for (delimiter, count) in DELIMITERS.into_iter().zip(counts) {
        // Of equally frequent ones, the first.
        if count > best.1 {
            best = (delimiter, count);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found() {
        assert_eq!(most_frequent("email;name;\"a,b,c,d\""), ';');
        assert_eq!(most_frequent("email\tname"), '\t');
        assert_eq!(most_frequent("email"), ',');
        assert_eq!(separator("sep=;"), Some(';'));
        assert_eq!(separator("SEP=,;;;"), Some(','));
        assert_eq!(separator("separate"), None);
    }

    #[test]
    fn cells_are_cleaned() {
        let cleaned = |cell: &str| {
            let mut cell = cell.to_owned();
            clean(&mut cell);
            cell
        };
        assert_eq!(cleaned(" a "), "a");
        assert_eq!(cleaned("\\N"), "");
        assert_eq!(cleaned("An\\N"), "An\\N");
        assert_eq!(cleaned("'=1+1"), "=1+1");
        assert_eq!(cleaned("'tis"), "'tis");
    }
}
