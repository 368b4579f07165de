//! The objects of a JSON file, one at a time: of a list, of NDJSON, or of a list within an object (`{"users": […]}`).

use std::io::BufRead;

use serde_json::{Map, Value};

use super::stream::{JsonStream, Piece};
use super::text::BYTES_MAX;
use crate::transfer::record::Fault;

/// As many items of a long list are handed on at once.
const ITEMS_MAX: usize = 1_000;

/// An object, or a part of one whose long list is read in parts.
#[derive(Clone, Debug)]
pub struct Element {
    /// The line that the object begins at.
    pub line: u64,
    /// The members read so far, without the long list.
    pub members: Map<String, Value>,
    /// Some items of the long list.
    pub items: Vec<Value>,
    /// Whether this is the first part of the object.
    pub first: bool,
    /// Whether this is the last part of the object.
    pub last: bool,
    /// Why some of it could not be read: a sentence.
    pub problem: Option<&'static str>,
}

const TOO_LARGE: &str =
    "The record is larger than 16 MiB, or has more than 75,000 values. Make it smaller, or leave it out.";
const TOO_DEEP: &str = "The record is nested deeper than 64 levels. Make it flatter, or leave it out.";
const NO_OBJECT: &str = "The record is not an object in braces. Correct it, or leave it out.";

/// An object that is being read.
struct Open {
    line: u64,
    members: Map<String, Value>,
    bytes: usize,
    problem: Option<&'static str>,
    /// Whether its long list is being read.
    in_items: bool,
    /// Whether a part of it was handed on.
    begun: bool,
    /// Whether it is an object of the file, which may have the list of all others.
    outer: bool,
    /// Whether it had that list: then it is no record itself.
    is_page: bool,
}

impl Open {
    fn new(line: u64, outer: bool) -> Self {
        Self {
            line,
            members: Map::new(),
            bytes: 0,
            problem: None,
            in_items: false,
            begun: false,
            outer,
            is_page: false,
        }
    }

    fn part(&mut self, items: Vec<Value>, last: bool) -> Element {
        Element {
            line: self.line,
            members: if last {
                std::mem::take(&mut self.members)
            } else {
                self.members.clone()
            },
            items,
            first: !std::mem::replace(&mut self.begun, true),
            last,
            problem: self.problem,
        }
    }
}

/// The objects of a file.
pub struct Elements {
    stream: JsonStream,
    /// The name of the list within an object.
    list: &'static str,
    /// The name of the long list within a record.
    long: Option<&'static str>,
    /// Whether the file is a list.
    in_array: bool,
    /// The object of the file whose list is being read.
    page: Option<Open>,
    open: Option<Open>,
    /// The other members of the objects that had the list, and how many records were in it.
    pages: Vec<(Map<String, Value>, u64)>,
    in_page: u64,
}

impl Elements {
    /// `encoding` is that of a file without a byte order mark.
    pub fn new(
        input: Box<dyn BufRead + Send>,
        encoding: Option<&str>,
        list: &'static str,
        long: Option<&'static str>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            stream: JsonStream::new(input, encoding)?,
            list,
            long,
            in_array: false,
            page: None,
            open: None,
            pages: Vec::new(),
            in_page: 0,
        })
    }

    /// The objects that had the list: their other members, and how many records were in it. Each is handed on once.
    pub fn pages(&mut self) -> Vec<(Map<String, Value>, u64)> {
        std::mem::take(&mut self.pages)
    }

    /// The next object, or the next part of one.
    pub fn next(&mut self) -> Result<Option<Element>, Fault> {
        loop {
            if let Some(open) = self.open.take() {
                if let Some(element) = self.go_on(open)? {
                    return Ok(Some(element));
                }
                continue;
            }
            if self.page.is_some() {
                if self.stream.element()? {
                    self.in_page += 1;
                    if let Some(element) = self.begin(false)? {
                        return Ok(Some(element));
                    }
                    continue;
                }
                self.open = self.page.take();
                continue;
            }
            if !self.begin_next()? {
                return Ok(None);
            }
            if let Some(element) = self.begin(true)? {
                return Ok(Some(element));
            }
        }
    }

    /// Goes to the next value of the file or of its list; whether there is one.
    fn begin_next(&mut self) -> Result<bool, Fault> {
        loop {
            if self.in_array {
                if self.stream.element()? {
                    return Ok(true);
                }
                self.in_array = false;
            }
            match self.stream.peek()? {
                None => return Ok(false),
                Some(b'[') => {
                    self.stream.open(b'[')?;
                    self.in_array = true;
                }
                Some(b'{') => return Ok(true),
                Some(_) => {
                    return Err(Fault::at(
                        self.stream.line(),
                        "Neither an object in braces nor a list in brackets begins here. Check that this is the JSON \
                         file of the export.",
                    ));
                }
            }
        }
    }

    /// Begins an object. Something else is handed on as a record that cannot be read.
    fn begin(&mut self, outer: bool) -> Result<Option<Element>, Fault> {
        let first = self.stream.peek()?;
        let mut open = Open::new(self.stream.line(), outer);
        if first == Some(b'{') {
            self.stream.open(b'{')?;
            self.open = Some(open);
            return Ok(None);
        }
        self.stream.skip()?;
        open.problem = Some(NO_OBJECT);
        Ok(Some(open.part(Vec::new(), true)))
    }

    /// Reads on in an object; `None` if there is nothing to hand on yet.
    fn go_on(&mut self, mut open: Open) -> Result<Option<Element>, Fault> {
        if open.in_items {
            let items = self.items(&mut open)?;
            let element = open.part(items, false);
            self.open = Some(open);
            return Ok(Some(element));
        }
        while let Some(name) = self.stream.member()? {
            let next = self.stream.peek()?;
            if open.outer && name == self.list && next == Some(b'[') {
                self.stream.open(b'[')?;
                open.is_page = true;
                self.page = Some(open);
                return Ok(None);
            }
            if self.long == Some(name.as_str()) && next == Some(b'[') {
                self.stream.open(b'[')?;
                open.in_items = true;
                self.open = Some(open);
                return Ok(None);
            }
            self.read_member(&mut open, name)?;
        }
        if open.is_page {
            self.pages.push((open.members, std::mem::take(&mut self.in_page)));
            return Ok(None);
        }
        Ok(Some(open.part(Vec::new(), true)))
    }

    fn read_member(&mut self, open: &mut Open, name: String) -> Result<(), Fault> {
        if open.problem.is_some() && !open.is_page {
            return self.stream.skip();
        }
        match self.stream.value()? {
            Piece::Value(value, bytes) => {
                open.bytes = open.bytes.saturating_add(bytes).saturating_add(name.len());
                if open.bytes > BYTES_MAX {
                    open.problem = Some(TOO_LARGE);
                } else {
                    open.members.insert(name, value);
                }
            }
            Piece::TooLarge => open.problem = Some(TOO_LARGE),
            Piece::TooDeep => open.problem = Some(TOO_DEEP),
        }
        Ok(())
    }

    /// Some items of the long list.
    fn items(&mut self, open: &mut Open) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        while items.len() < ITEMS_MAX {
            if !self.stream.element()? {
                open.in_items = false;
                break;
            }
            match self.stream.value()? {
                Piece::Value(item, bytes) if bytes <= BYTES_MAX / ITEMS_MAX => items.push(item),
                Piece::TooDeep => open.problem = Some(TOO_DEEP),
                _ => open.problem = Some(TOO_LARGE),
            }
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    type Read = (Vec<(u64, String)>, Vec<u64>);

    /// The lines and ids of all elements, and the elements with a problem.
    fn read(text: &str) -> Result<Read, Fault> {
        let mut elements = Elements::new(Box::new(Cursor::new(text.to_owned())), None, "users", None)?;
        let (mut ids, mut problems) = (Vec::new(), Vec::new());
        while let Some(element) = elements.next()? {
            match (element.problem, element.members.get("id")) {
                (None, Some(id)) => ids.push((element.line, id.to_string())),
                _ => problems.push(element.line),
            }
        }
        Ok((ids, problems))
    }

    #[test]
    fn lists_objects_and_lines_give_the_same() {
        let expected = vec![(2, "1".to_owned()), (3, "2".to_owned())];
        for text in [
            "[\n{\"id\":1},\n{\"id\":2}]",
            "\n{\"id\":1}\n{\"id\":2}\n",
            "{\"total\":2,\"users\":[\n{\"id\":1},\n{\"id\":2}],\"more\":{}}",
            "[{\"users\":[\r\n{\"id\":1}]},{\"users\":[\r\n{\"id\":2}]}]",
        ] {
            assert_eq!(read(text).unwrap(), (expected.clone(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_record_that_cannot_be_read_does_not_stop_the_others() {
        let deep = format!("[{}1{}]", "[".repeat(200), "]".repeat(200));
        let text = format!("[5,\n{{\"deep\":{deep}}},\n{{\"id\":1}}]");
        assert_eq!(read(&text).unwrap(), (vec![(3, "1".to_owned())], vec![1, 2]));
        let large = "x".repeat(BYTES_MAX);
        let text = format!("{{\"large\":\"{large}\"}}\n{{\"id\":1}}");
        assert_eq!(read(&text).unwrap(), (vec![(2, "1".to_owned())], vec![1]));
    }

    #[test]
    fn what_is_no_json_is_a_fault_with_its_line() {
        for (text, line) in [
            ("[{\"id\":1},\n{\"id\":1", 2),
            ("[\n{\"id\":tru}]", 2),
            ("name,email", 1),
            ("[{\"id\" 1}]", 1),
            ("[{},]]", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, Some(line), "{text}");
        }
        assert_eq!(read("").unwrap(), (Vec::new(), Vec::new()));
    }
}
