//! JSON: a list, a list at a place of an object, or an object a line. The file is read element by element.
//!
//! serde's way to read a list element by element (`DeserializeSeed`) calls us for each element, but the import
//! asks for the next one. Therefore `JsonStream` finds where an element ends.

use std::collections::HashSet;
use std::io::BufRead;

use serde_json::{Map as Object, Value};

use super::Reader;
use super::stream::{JsonStream, Piece};
use crate::model::error::shown;
use crate::transfer::map::{Map, Mapper, RawRow, Segment};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Item, Notes, Pages, Refusal, Row};

/// Members by which the answers of APIs say that there is another page.
const NEXT_PAGE: [&str; 4] = ["@odata.nextLink", "PaginationToken", "NextToken", "nextPageToken"];

/// Reads a JSON file.
pub struct Json {
    stream: JsonStream,
    mapper: Mapper,
    /// The pointer to the list.
    segments: Vec<Segment>,
    /// The members of containing objects that the map uses, with their level.
    wanted: HashSet<(usize, String)>,
    /// Where in the file the reader is, from the outside to the inside.
    stack: Vec<Frame>,
    /// What the map uses of the objects in `stack`.
    parents: Vec<Value>,
    /// Whether the current document has the list.
    is_found: bool,
    has_next_page: bool,
    is_begun: bool,
    is_done: bool,
    /// The row after the one of its organization.
    pending: Option<Row>,
}

/// A list or an object on the way to the records.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// The list of records.
    Records,
    /// Each element leads to the segment `depth`.
    Each { depth: usize },
    /// The member that the segment `depth` names leads further. `is_past`: that member has been read.
    Object { depth: usize, is_past: bool },
}

impl Json {
    pub fn new(source: Box<dyn BufRead + Send>, map: Map, options: Options) -> Result<Self, Fault> {
        Ok(Self {
            stream: JsonStream::new(source, options.encoding.as_deref())?,
            segments: map.records().to_vec(),
            wanted: map.parent_members(),
            mapper: Mapper::new(map, options),
            stack: Vec::new(),
            parents: Vec::new(),
            is_found: false,
            has_next_page: false,
            is_begun: false,
            is_done: false,
            pending: None,
        })
    }

    /// Reads on by one member or element.
    fn step(&mut self) -> Result<Option<Row>, Fault> {
        let Some(frame) = self.stack.last().copied() else {
            return self.document();
        };
        match frame {
            Frame::Records => match self.stream.element()? {
                true => return self.record().map(Some),
                false => self.close()?,
            },
            Frame::Each { depth } => match self.stream.element()? {
                true => self.enter(depth)?,
                false => self.close()?,
            },
            Frame::Object { depth, is_past } => match self.stream.member()? {
                Some(name) => self.member(name, depth, is_past)?,
                None => self.close()?,
            },
        }
        Ok(None)
    }

    /// Leaves the innermost list or object.
    fn close(&mut self) -> Result<(), Fault> {
        if let Some(Frame::Object { .. }) = self.stack.pop() {
            self.parents.pop();
        }
        match self.stack.is_empty() && !self.is_found {
            true => Err(self.no_list()),
            false => Ok(()),
        }
    }

    /// The next document of the file: there is one, or one a line.
    fn document(&mut self) -> Result<Option<Row>, Fault> {
        let Some(sign) = self.stream.peek()? else {
            self.is_done = true;
            if !self.is_begun {
                return Err(Fault::at(self.stream.line(), "The file is empty."));
            }
            self.mapper.notes.pages = Pages {
                has_next: self.has_next_page,
                advice: "Export the others too, and import them together.",
                ..Pages::default()
            };
            return Ok(None);
        };
        self.is_begun = true;
        self.is_found = false;
        self.has_next_page = false;
        match (sign, self.segments.first()) {
            // Also of a file that has only the list, whatever contained it before.
            (b'[', None | Some(Segment::Member(_))) => self.records_begin()?,
            (b'{', None) => return self.record().map(Some),
            (b'{' | b'[', Some(_)) => {
                self.enter(0)?;
                // Nothing was entered, and so nothing will be closed.
                if self.stack.is_empty() {
                    return Err(self.no_list());
                }
            }
            _ => {
                return Err(Fault::at(
                    self.stream.line(),
                    "The file is not JSON: a list, or an object in each line, is expected here.",
                ));
            }
        }
        Ok(None)
    }

    fn records_begin(&mut self) -> Result<(), Fault> {
        self.stream.open(b'[')?;
        self.is_found = true;
        self.stack.push(Frame::Records);
        Ok(())
    }

    /// Begins the value that the segment `depth` leads into.
    fn enter(&mut self, depth: usize) -> Result<(), Fault> {
        // At the end of the file, skipping the value reports that it is missing.
        let sign = self.stream.peek()?.unwrap_or(b'n');
        match (self.segments.get(depth), sign) {
            (None, b'[') => self.records_begin(),
            (Some(Segment::Each), b'[') => {
                self.stream.open(b'[')?;
                self.stack.push(Frame::Each { depth: depth + 1 });
                Ok(())
            }
            (Some(Segment::Member(_)), b'{') => {
                self.stream.open(b'{')?;
                self.parents.push(Value::Object(Object::new()));
                let is_past = false;
                self.stack.push(Frame::Object { depth, is_past });
                Ok(())
            }
            (None | Some(Segment::Each), sign) if sign != b'n' => Err(self.no_list()),
            // Null, or something else than an object.
            _ => self.stream.skip(),
        }
    }

    fn member(&mut self, name: String, depth: usize, was_past: bool) -> Result<(), Fault> {
        if matches!(self.segments.get(depth), Some(Segment::Member(member)) if *member == name) {
            if let Some(Frame::Object { is_past, .. }) = self.stack.last_mut() {
                *is_past = true;
            }
            return self.enter(depth + 1);
        }
        let members = self
            .segments
            .iter()
            .filter(|segment| matches!(segment, Segment::Member(_)));
        let level = (members.count() + 1).saturating_sub(self.parents.len());
        let is_next_page = self.parents.len() == 1 && NEXT_PAGE.contains(&name.as_str());
        let wanted = (level, name);
        let is_wanted = self.wanted.contains(&wanted);
        let (_, name) = wanted;
        if is_wanted && was_past {
            return Err(Fault::at(
                self.stream.line(),
                format!(
                    "The member '{}', which the map uses for all elements of the list, stands after the list. Put it \
                     before the list.",
                    shown(&name)
                ),
            ));
        }
        if !is_wanted && !is_next_page {
            return self.stream.skip();
        }
        let line = self.stream.line();
        let Piece::Value(value, _) = self.stream.value()? else {
            return Err(Fault::at(
                line,
                format!("The member '{}' is too large or too deep.", shown(&name)),
            ));
        };
        if is_next_page {
            self.has_next_page = value.as_str().is_some_and(|page| !page.is_empty());
        }
        if let (true, Some(Value::Object(members))) = (is_wanted, self.parents.last_mut()) {
            members.insert(name, value);
        }
        Ok(())
    }

    /// The next element of the list.
    fn record(&mut self) -> Result<Row, Fault> {
        self.is_found = true;
        self.stream.peek()?;
        let line = self.stream.line();
        let why = match self.stream.value()? {
            Piece::Value(row @ Value::Object(_), _) => {
                let source = RawRow::Json {
                    row: &row,
                    parents: &self.parents,
                };
                let (row, later) = self.mapper.rows(line, &source);
                self.pending = later;
                return Ok(row);
            }
            Piece::Value(..) => "The element of the list is not an object. Correct it, or leave it out.",
            Piece::TooLarge => "The element of the list is larger than 16 MiB. Leave members out that are not needed.",
            Piece::TooDeep => "The element of the list is nested too deep. Make it flatter, or leave it out.",
        };
        let refusal = Refusal {
            kind: "user",
            message: why.to_owned(),
            ..Refusal::default()
        };
        Ok(Row::new(line, Item::Refused(refusal)))
    }

    fn no_list(&self) -> Fault {
        let steps = self.segments.iter().map(|segment| match segment {
            Segment::Member(name) => format!("/{name}"),
            Segment::Each => "/*".to_owned(),
        });
        let pointer: String = steps.collect();
        Fault::at(
            self.stream.line(),
            format!(
                "The file has no list at '{pointer}'. Choose another preset, or name the place in 'records' of a map."
            ),
        )
    }
}

impl Reader for Json {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        if let Some(row) = self.pending.take() {
            return Ok(Some(row));
        }
        while !self.is_done {
            if let Some(row) = self.step()? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn notes(&self) -> Notes {
        self.mapper.notes.clone()
    }
}
