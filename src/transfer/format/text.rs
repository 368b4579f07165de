//! A file as bytes in UTF-8, with the number of the current line: byte order marks are dropped, other encodings are
//! converted, and nothing but a buffer is kept.

use std::io::{BufRead, Read as _};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::model::error::shown;
use crate::transfer::record::Fault;

/// Bytes that are decoded at a time.
const STEP_BYTES: usize = 64 * 1024;
/// The longest line, value or record that is read.
pub(crate) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bytes of a file in UTF-8. Bytes of a file without a byte order mark are passed on as they are; [`utf8`]
/// checks them when they become texts.
pub struct Text {
    source: Box<dyn BufRead + Send>,
    /// Of a file that is not in UTF-8.
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    /// How much of `decoded` has been taken.
    taken: usize,
    peeked: Option<u8>,
    is_at_end: bool,
    line: u64,
    after_cr: bool,
}

impl Text {
    /// Reads the byte order mark. `encoding` is the name of the encoding of a file without one.
    pub fn new(mut source: Box<dyn BufRead + Send>, encoding: Option<&str>) -> Result<Self, Fault> {
        let named = match encoding {
            None => UTF_8,
            Some(name) => Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| {
                Fault::new(format!(
                    "'{}' is not the name of an encoding. Use a name such as utf-8, utf-16le, windows-1252 or \
                     shift_jis.",
                    shown(name)
                ))
            })?,
        };
        let mut head = Vec::new();
        // A mark is two or three bytes long, and a buffer may hold fewer.
        while head.len() < 3 {
            let buffer = source.fill_buf().map_err(|e| unreadable(&e))?;
            let Some(byte) = buffer.first() else { break };
            head.push(*byte);
            source.consume(1);
        }
        let (encoding, mark_bytes) = match head.as_slice() {
            [0xEF, 0xBB, 0xBF] => (UTF_8, 3),
            [0xFF, 0xFE, ..] => (UTF_16LE, 2),
            [0xFE, 0xFF, ..] => (UTF_16BE, 2),
            _ => (named, 0),
        };
        let head = head.get(mark_bytes..).unwrap_or_default().to_vec();
        let source: Box<dyn BufRead + Send> = Box::new(std::io::Cursor::new(head).chain(source));
        Ok(Self {
            source,
            decoder: (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling()),
            decoded: Vec::new(),
            taken: 0,
            peeked: None,
            is_at_end: false,
            line: 1,
            after_cr: false,
        })
    }

    /// The line of the next byte, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The next byte, which remains the next one.
    pub fn peek_byte(&mut self) -> Result<Option<u8>, Fault> {
        if self.peeked.is_none() {
            self.peeked = self.take_byte()?;
        }
        Ok(self.peeked)
    }

    /// The next byte.
    pub fn next_byte(&mut self) -> Result<Option<u8>, Fault> {
        let byte = match self.peeked.take() {
            Some(byte) => Some(byte),
            None => self.take_byte()?,
        };
        // LF, CR LF and CR end a line.
        match byte {
            Some(b'\n') if self.after_cr => {}
            Some(b'\n' | b'\r') => self.line += 1,
            _ => {}
        }
        self.after_cr = byte == Some(b'\r');
        Ok(byte)
    }

    /// Reads a line with its end, which may be LF, CR LF or CR; whether there is one. A line that is too long ends early.
    pub fn read_line(&mut self, line: &mut Vec<u8>) -> Result<bool, Fault> {
        let before = line.len();
        while line.len() - before <= BYTES_MAX {
            let Some(byte) = self.next_byte()? else {
                break;
            };
            line.push(byte);
            if byte == b'\r' && self.peek_byte()? == Some(b'\n') {
                self.next_byte()?;
            }
            if matches!(byte, b'\n' | b'\r') {
                break;
            }
        }
        Ok(line.len() > before)
    }

    fn take_byte(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            if let Some(byte) = self.decoded.get(self.taken) {
                self.taken += 1;
                return Ok(Some(*byte));
            }
            if self.is_at_end {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Decodes the next part of the file.
    fn fill(&mut self) -> Result<(), Fault> {
        self.decoded.clear();
        self.taken = 0;
        let buffer = self.source.fill_buf().map_err(|e| unreadable(&e))?;
        let part = buffer.get(..STEP_BYTES).unwrap_or(buffer);
        let is_last = part.is_empty();
        let Some(decoder) = &mut self.decoder else {
            self.decoded.extend_from_slice(part);
            let read = part.len();
            self.source.consume(read);
            self.is_at_end = is_last;
            return Ok(());
        };
        let bytes_max = decoder.max_utf8_buffer_length(part.len()).unwrap_or(4 * STEP_BYTES);
        self.decoded.resize(bytes_max, 0);
        let (result, read, written, has_errors) = decoder.decode_to_utf8(part, &mut self.decoded, is_last);
        self.decoded.truncate(written);
        self.source.consume(read);
        self.is_at_end = is_last && result == CoderResult::InputEmpty;
        if has_errors {
            return Err(Fault::at(
                self.line,
                format!(
                    "The file is not valid {}. Save it as UTF-8, or name its encoding with --encoding.",
                    decoder.encoding().name()
                ),
            ));
        }
        Ok(())
    }
}

/// The text of these bytes, which begin at this line.
pub fn utf8(bytes: Vec<u8>, line: u64) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        let breaks = valid.iter().filter(|byte| **byte == b'\n').count();
        Fault::at(
            line.saturating_add(u64::try_from(breaks).unwrap_or(0)),
            "The file is not UTF-8. If it comes from a spreadsheet on Windows, add --encoding windows-1252; otherwise \
             save it as UTF-8.",
        )
    })
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::new(format!("The file cannot be read: {error}."))
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    fn read(bytes: &[u8], encoding: Option<&str>) -> Result<(String, u64), Fault> {
        // A small buffer, so that characters and marks are cut.
        let source = BufReader::with_capacity(1, Cursor::new(bytes.to_vec()));
        let mut text = Text::new(Box::new(source), encoding)?;
        let mut all = Vec::new();
        while let Some(byte) = text.next_byte()? {
            all.push(byte);
        }
        Ok((utf8(all, 1)?, text.line()))
    }

    #[test]
    fn marks_are_dropped_and_encodings_converted() {
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        assert_eq!(read(b"\xEF\xBB\xBFa\r\nb", None).unwrap(), ("a\r\nb".to_owned(), 2));
        assert_eq!(read(&utf16("\u{FEFF}Zoë 李\n"), None).unwrap().0, "Zoë 李\n");
        assert_eq!(read(b"\xFE\xFF\x00a", None).unwrap().0, "a");
        assert_eq!(read(b"Jos\xE9", Some("windows-1252")).unwrap().0, "José");
        assert_eq!(read(b"", None).unwrap(), (String::new(), 1));
        assert_eq!(read(b"a\rb\nc", None).unwrap().1, 3);
    }

    #[test]
    fn what_is_not_utf8_is_refused_with_its_line() {
        let fault = read(b"a\nJos\xE9\n", None).unwrap_err();
        assert_eq!(fault.line, Some(2));
        assert!(fault.message.contains("windows-1252"));
        assert!(read(b"\xFF\xFEa", None).is_err());
        assert!(read(b"a", Some("klingon")).is_err());
    }
}
