//! Reads a JSON document piece by piece, so that a file of any size needs little memory.

use std::io::BufRead;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::text::{BYTES_MAX, Text, utf8};
use crate::model::{JsonFault, exact_json};
use crate::transfer::record::Fault;

/// The deepest nesting that is read. What is stored may be half as deep.
const DEPTH_MAX: usize = 64;

/// A value of the document.
#[derive(Debug)]
pub enum Piece {
    /// With the number of its bytes.
    Value(Value, usize),
    TooLarge,
    TooDeep,
}

/// A JSON document, or several, one after the other (NDJSON).
pub struct JsonStream {
    text: Text,
    /// For each list and object that is open, whether a member of it was read.
    begun: Vec<bool>,
}

impl JsonStream {
    /// `encoding` is that of a file without a byte order mark.
    pub fn new(input: Box<dyn BufRead + Send>, encoding: Option<&str>) -> Result<Self, Fault> {
        Ok(Self {
            text: Text::new(input, encoding)?,
            begun: Vec::new(),
        })
    }

    /// The line that the next byte is in, from 1.
    pub fn line(&self) -> u64 {
        self.text.line()
    }

    /// The first byte of what comes next; `None` at the end of the file.
    pub fn peek(&mut self) -> Result<Option<u8>, Fault> {
        while let Some(byte) = self.text.peek_byte()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.text.next_byte()?;
        }
        Ok(None)
    }

    /// Begins a list or an object, which must come next.
    pub fn open(&mut self, bracket: u8) -> Result<(), Fault> {
        self.expect(bracket)?;
        self.begun.push(false);
        Ok(())
    }

    /// The name of the next member of the object that is open; its value comes next. `None` when the object has ended.
    pub fn member(&mut self) -> Result<Option<String>, Fault> {
        if !self.advance_in(b'}')? {
            return Ok(None);
        }
        let line = self.line();
        let name = match self.value()? {
            Piece::Value(Value::String(name), _) => name,
            _ => return Err(not_json(line)),
        };
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Whether the list that is open has another element, which comes next. Otherwise the list has ended.
    pub fn element(&mut self) -> Result<bool, Fault> {
        self.advance_in(b']')
    }

    /// Passes the comma before the next member, or the bracket that ends the innermost list or object.
    fn advance_in(&mut self, end: u8) -> Result<bool, Fault> {
        let next = self.peek()?.ok_or_else(|| self.cut())?;
        let line = self.line();
        if next == end {
            self.text.next_byte()?;
            self.begun.pop();
            return Ok(false);
        }
        let begun = self.begun.last_mut().ok_or_else(|| not_json(line))?;
        if !std::mem::replace(begun, true) {
            return Ok(true);
        }
        self.expect(b',')?;
        match self.peek()? {
            None => Err(self.cut()),
            // A comma before the end is no JSON, but people who edit files leave one.
            Some(next) if next == end => self.advance_in(end),
            Some(_) => Ok(true),
        }
    }

    fn expect(&mut self, expected: u8) -> Result<(), Fault> {
        match self.peek()? {
            Some(byte) if byte == expected => {
                self.text.next_byte()?;
                Ok(())
            }
            Some(_) => Err(not_json(self.line())),
            None => Err(self.cut()),
        }
    }

    /// The next value as a whole.
    pub fn value(&mut self) -> Result<Piece, Fault> {
        let mut text = Vec::new();
        let line = self.line();
        let deepest = self.scan(Some(&mut text))?;
        if text.len() > BYTES_MAX {
            return Ok(Piece::TooLarge);
        }
        if deepest > DEPTH_MAX {
            return Ok(Piece::TooDeep);
        }
        let size = text.len();
        let text = utf8(text, line)?;
        match exact_json(&text) {
            Ok(value) => Ok(Piece::Value(value, size)),
            Err(JsonFault::TooManyValues) => Ok(Piece::TooLarge),
            Err(JsonFault::Malformed) => Err(not_json(line.saturating_add(lines_before_fault(&text)))),
        }
    }

    /// Skips the next value, whatever its size.
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.scan(None).map(|_| ())
    }

    /// Skips the next value, and copies it up to just above the limit. Returns how deep it is nested.
    fn scan(&mut self, mut copy: Option<&mut Vec<u8>>) -> Result<usize, Fault> {
        let first = self.peek()?.ok_or_else(|| self.cut())?;
        if matches!(first, b',' | b':' | b']' | b'}') {
            return Err(not_json(self.line()));
        }
        let mut place = Place::default();
        loop {
            let Some(byte) = self.text.peek_byte()? else {
                // Only a bare number or word may end with the file.
                return if place.depth == 0 && !place.in_text {
                    Ok(place.deepest)
                } else {
                    Err(self.cut())
                };
            };
            if place.ends_before(byte) {
                return Ok(place.deepest);
            }
            self.text.next_byte()?;
            if let Some(copy) = copy.as_deref_mut()
                && copy.len() <= BYTES_MAX
            {
                copy.push(byte);
            }
            if place.pass(byte) {
                return Ok(place.deepest);
            }
        }
    }

    fn cut(&self) -> Fault {
        Fault::at(
            self.line(),
            "The file ends in the middle of a value: it is cut. Export it again, or copy it again.",
        )
    }
}

/// Where a scan is in a value.
#[derive(Default)]
struct Place {
    depth: usize,
    deepest: usize,
    in_text: bool,
    escaped: bool,
}

impl Place {
    /// Whether a bare number or word ends before this byte.
    fn ends_before(&self, byte: u8) -> bool {
        self.depth == 0 && !self.in_text && (byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b']' | b'}'))
    }

    /// Passes a byte; whether the value ends with it.
    fn pass(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return !self.in_text && self.depth == 0;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

fn not_json(line: u64) -> Fault {
    Fault::at(
        line,
        "This line is not JSON. Export the file again, or correct the line.",
    )
}

/// How many lines of a text stand before the one in which it stops being JSON.
fn lines_before_fault(text: &str) -> u64 {
    let line = serde_json::from_str::<IgnoredAny>(text).map_or_else(|error| error.line(), |_| 1);
    u64::try_from(line).unwrap_or(1).saturating_sub(1)
}
