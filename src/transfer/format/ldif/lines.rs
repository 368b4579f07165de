//! The lines of an LDIF file (RFC 2849): folded ones joined, comments left out, base64 decoded.

use std::io::BufRead;

use crate::transfer::format::text::{BYTES_MAX, Text, utf8};
use crate::transfer::record::Fault;
use crate::transfer::values::base64;

/// A line of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The attribute in lower case without its options, and its value.
    Attribute(String, Vec<u8>),
    /// A line that cannot be read: a sentence.
    Wrong(String),
    /// A blank line, which ends a record.
    Blank,
}

/// The lines of a file.
pub struct Lines {
    text: Text,
    /// The line after the one that was handed on, and its number: it had to be read to see whether it continues there.
    next: Option<(u64, Vec<u8>)>,
}

impl Lines {
    pub fn new(input: Box<dyn BufRead + Send>, encoding: Option<&str>) -> Result<Self, Fault> {
        Ok(Self {
            text: Text::new(input, encoding)?,
            next: None,
        })
    }

    /// The next line with its number; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<(u64, Line)>, Fault> {
        loop {
            let first = match self.next.take() {
                Some(line) => Some(line),
                None => self.physical()?,
            };
            let Some((number, mut text)) = first else {
                return Ok(None);
            };
            if text.is_empty() {
                return Ok(Some((number, Line::Blank)));
            }
            // A line that begins with a blank continues the line before it; so does a comment.
            let mut too_long = false;
            while let Some((after, next)) = self.physical()? {
                let Some(rest) = next.strip_prefix(b" ") else {
                    self.next = Some((after, next));
                    break;
                };
                too_long |= text.len() + rest.len() > BYTES_MAX;
                if !too_long {
                    text.extend_from_slice(rest);
                }
            }
            if text.starts_with(b"#") {
                continue;
            }
            if too_long {
                return Ok(Some((number, wrong("is larger than 16 MiB"))));
            }
            let text = utf8(text, number)?;
            return Ok(Some((number, attribute(&text))));
        }
    }

    /// A line of the file without its end, and its number. One that is longer than all that is read stops the import.
    fn physical(&mut self) -> Result<Option<(u64, Vec<u8>)>, Fault> {
        let number = self.text.line();
        let mut line = Vec::new();
        if !self.text.read_line(&mut line)? {
            return Ok(None);
        }
        if line.len() > BYTES_MAX {
            return Err(Fault::at(
                number,
                "This line is longer than 16 MiB. Check that this is an LDIF file.",
            ));
        }
        if line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some((number, line)))
    }
}

fn wrong(what: &str) -> Line {
    Line::Wrong(format!(
        "A line of the record {what}. Correct it, or leave the record out."
    ))
}

fn attribute(text: &str) -> Line {
    let Some((name, value)) = text.split_once(':') else {
        return wrong("has no colon");
    };
    let name = name.split(';').next().unwrap_or(name).trim().to_ascii_lowercase();
    if let Some(encoded) = value.strip_prefix(':') {
        return match base64(encoded) {
            Some(bytes) => Line::Attribute(name, bytes),
            None => wrong("is not valid base64"),
        };
    }
    if value.starts_with('<') {
        return Line::Wrong(
            "A value of the record is in another file (':<'). Write it into this file, or leave it out.".to_owned(),
        );
    }
    Line::Attribute(name, value.trim().as_bytes().to_vec())
}
