//! The grammar: a text becomes a tree of names and values, within the limits.

use serde_json::Value;

use super::super::fault::clipped;
use super::Op;

/// The maximum size of a filter, in bytes.
pub const BYTES_MAX: usize = 8_192;
const LEVELS_MAX: usize = 10;
const COMPARISONS_MAX: usize = 100;

/// A filter whose names have not been looked up.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw<'a> {
    /// `and`
    All(Vec<Raw<'a>>),
    /// `or`
    Any(Vec<Raw<'a>>),
    /// `not (…)`
    Not(Box<Raw<'a>>),
    /// `name op value`
    Test { name: &'a str, test: RawTest },
    /// `name[…]`, and perhaps `.sub op value` behind it.
    Entry {
        name: &'a str,
        such: Box<Raw<'a>>,
        then: Option<(&'a str, RawTest)>,
    },
}

/// A comparison without its attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum RawTest {
    /// `pr`
    Present,
    /// `ne value`
    NotEqual(Value),
    /// Any other operator and a value.
    Compare(Op, Value),
}

/// Reads a whole filter.
pub fn read(text: &str) -> Result<Raw<'_>, String> {
    let (raw, rest) = read_at_start(text)?;
    match rest.trim_matches(BLANK) {
        "" => Ok(raw),
        rest => Err(format!("The filter is not valid from '{}' on.", clipped(rest))),
    }
}

/// Reads a filter at the start of a text, and returns what follows.
pub fn read_at_start(text: &str) -> Result<(Raw<'_>, &str), String> {
    if text.len() > BYTES_MAX {
        return Err(format!(
            "The filter is {} bytes long; the limit is {BYTES_MAX}.",
            text.len()
        ));
    }
    let mut reader = Reader {
        rest: text,
        comparisons: 0,
    };
    let raw = reader.any(0, Inside::Resource)?;
    Ok((raw, reader.rest))
}

const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// Whether names are those of a resource, or of one entry of a list.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Resource,
    Entry,
}

struct Reader<'a> {
    rest: &'a str,
    comparisons: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self, level: usize, inside: Inside) -> Result<Raw<'a>, String> {
        // Before recursing, so that the text cannot choose the depth of the stack.
        if level > LEVELS_MAX {
            return Err(format!(
                "The filter is nested too deep; the limit is {LEVELS_MAX} levels."
            ));
        }
        let mut filters = vec![self.all(level, inside)?];
        while self.takes_word("or") {
            filters.push(self.all(level, inside)?);
        }
        Ok(alone(filters, Raw::Any))
    }

    fn all(&mut self, level: usize, inside: Inside) -> Result<Raw<'a>, String> {
        let mut filters = vec![self.one(level, inside)?];
        while self.takes_word("and") {
            filters.push(self.one(level, inside)?);
        }
        Ok(alone(filters, Raw::All))
    }

    fn one(&mut self, level: usize, inside: Inside) -> Result<Raw<'a>, String> {
        if self.takes('(') {
            return self.closed(level, inside, ')');
        }
        let name = self.name();
        if name.is_empty() {
            return Err(self.missing("the name of an attribute"));
        }
        if name.eq_ignore_ascii_case("not") && self.takes('(') {
            return Ok(Raw::Not(Box::new(self.closed(level, inside, ')')?)));
        }
        if inside == Inside::Resource && self.rest.starts_with('[') {
            self.skip(1);
            let such = Box::new(self.closed(level, Inside::Entry, ']')?);
            let then = match self.rest.strip_prefix('.') {
                Some(rest) => {
                    self.rest = rest;
                    let sub = self.name();
                    Some((sub, self.test()?))
                }
                None => None,
            };
            return Ok(Raw::Entry { name, such, then });
        }
        let test = self.test()?;
        Ok(Raw::Test { name, test })
    }

    /// A filter up to its closing bracket.
    fn closed(&mut self, level: usize, inside: Inside, bracket: char) -> Result<Raw<'a>, String> {
        let raw = self.any(level + 1, inside)?;
        match self.takes(bracket) {
            true => Ok(raw),
            false => Err(self.missing(&format!("'{bracket}'"))),
        }
    }

    /// An operator and its value.
    fn test(&mut self) -> Result<RawTest, String> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS_MAX {
            return Err(format!(
                "The filter has more than {COMPARISONS_MAX} comparisons; the limit is {COMPARISONS_MAX}."
            ));
        }
        if !self.rest.starts_with(BLANK) {
            return Err(self.missing("a blank and an operator, such as eq"));
        }
        self.skip_blanks();
        let before = self.rest;
        let word = self.name().to_ascii_lowercase();
        let op = match word.as_str() {
            "pr" => return Ok(RawTest::Present),
            "ne" => None,
            "eq" => Some(Op::Eq),
            "co" => Some(Op::Co),
            "sw" => Some(Op::Sw),
            "ew" => Some(Op::Ew),
            "gt" => Some(Op::Gt),
            "ge" => Some(Op::Ge),
            "lt" => Some(Op::Lt),
            "le" => Some(Op::Le),
            _ => {
                self.rest = before;
                return Err(self.missing("an operator: eq, ne, co, sw, ew, gt, ge, lt, le or pr"));
            }
        };
        let value = self.value()?;
        Ok(match op {
            Some(op) => RawTest::Compare(op, value),
            None => RawTest::NotEqual(value),
        })
    }

    fn value(&mut self) -> Result<Value, String> {
        if !self.rest.starts_with(BLANK) {
            return Err(self.missing("a blank and a value"));
        }
        self.skip_blanks();
        if self.rest.starts_with('"') {
            let mut escaped = false;
            let end = self.rest.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let text = end.and_then(|end| self.rest.get(..end + 2));
            let value = text.and_then(|text| serde_json::from_str::<String>(text).ok());
            return match (text, value) {
                (Some(text), Some(value)) => {
                    self.skip(text.len());
                    Ok(Value::String(value))
                }
                _ => Err(self.missing("a text in quotation marks, with JSON's escapes")),
            };
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
        let word = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default();
        let value = match word.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => serde_json::from_str::<serde_json::Number>(word).ok().map(Value::Number),
        };
        match value {
            Some(value) => {
                self.skip(word.len());
                Ok(value)
            }
            None => Err(self.missing("a value: a text in quotation marks, true, false or null")),
        }
    }

    /// A name, with the characters of URNs, or an operator.
    fn name(&mut self) -> &'a str {
        self.skip_blanks();
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "$_-.:".contains(c)));
        self.skip(end.unwrap_or(self.rest.len()))
    }

    /// Takes this word, in any case, if it is the next one.
    fn takes_word(&mut self, word: &str) -> bool {
        let before = self.rest;
        let found = self.name().eq_ignore_ascii_case(word);
        if !found {
            self.rest = before;
        }
        found
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANK);
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }

    fn missing(&self, what: &str) -> String {
        match self.rest.trim_start_matches(BLANK) {
            "" => format!("The filter ends where {what} is expected."),
            rest => format!("The filter must have {what} at '{}'.", clipped(rest)),
        }
    }
}

/// The only one, or several together.
fn alone<'a>(mut filters: Vec<Raw<'a>>, together: fn(Vec<Raw<'a>>) -> Raw<'a>) -> Raw<'a> {
    match (filters.len(), filters.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            filters.extend(last);
            together(filters)
        }
    }
}
