//! Reads JSON exactly: every digit and the order of keys are preserved, and depth and size are limited.

use serde_json::Value;
use serde_json::map::Entry;
use serde_json::value::RawValue;

/// The maximum nesting of a request; stored JSON has a lower limit.
pub(super) const PARSED_DEPTH_MAX: usize = 100;
/// Enough for a group with all its members in a body of 4 MiB.
const STRICT_VALUES_MAX: usize = 250_000;

/// Why a body is not accepted as JSON. The text is for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictFault {
    /// It is not JSON.
    #[error("The body is not valid JSON.")]
    Malformed,
    /// Lists and objects are nested too deep.
    #[error("The JSON is nested too deep; the limit is {PARSED_DEPTH_MAX} levels.")]
    TooDeep,
    /// An object has the same key twice, so that it is not clear which value counts.
    #[error("The key '{0}' must not be sent twice in one object.")]
    Repeated(String),
    /// It contains more values than this.
    #[error("The JSON contains more than {0} values, lists and objects included; the limit is {0}.")]
    TooManyValues(usize),
}

/// Reads a body as JSON, and refuses an object that has the same key twice.
pub fn strict_json(body: &[u8]) -> Result<Value, StrictFault> {
    let text = std::str::from_utf8(body).map_err(|_| StrictFault::Malformed)?;
    let rules = Rules {
        values_max: STRICT_VALUES_MAX,
        repeated_names: RepeatedNames::Refused,
    };
    read(text, &rules)
}

/// What an object means that has a key twice.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum RepeatedNames {
    LastCounts,
    Refused,
}

pub(super) struct Rules {
    pub(super) values_max: usize,
    pub(super) repeated_names: RepeatedNames,
}

/// Reads any JSON text in one pass.
pub(super) fn read(text: &str, rules: &Rules) -> Result<Value, StrictFault> {
    // The library checks the syntax and keeps the text, so everything below is known to be valid JSON.
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| StrictFault::Malformed)?;
    let mut reader = Reader {
        rest: raw.get(),
        values: 0,
        rules,
    };
    reader.value(PARSED_DEPTH_MAX)
}

/// Reads a text that is known to be valid JSON.
struct Reader<'a> {
    rest: &'a str,
    values: usize,
    rules: &'a Rules,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, StrictFault> {
        let depth = depth.checked_sub(1).ok_or(StrictFault::TooDeep)?;
        self.values += 1;
        if self.values > self.rules.values_max {
            return Err(StrictFault::TooManyValues(self.rules.values_max));
        }
        Ok(match self.next_sign() {
            Some(b'{') => {
                let mut members = serde_json::Map::new();
                self.items(b'}', |reader| {
                    let name = reader.string()?;
                    reader.take(b':');
                    match members.entry(name) {
                        Entry::Occupied(entry) if reader.rules.repeated_names == RepeatedNames::Refused => {
                            return Err(StrictFault::Repeated(entry.key().chars().take(100).collect()));
                        }
                        Entry::Occupied(mut entry) => {
                            entry.insert(reader.value(depth)?);
                        }
                        Entry::Vacant(entry) => {
                            entry.insert(reader.value(depth)?);
                        }
                    }
                    Ok(())
                })?;
                Value::Object(members)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.items(b']', |reader| {
                    items.push(reader.value(depth)?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            Some(b'"') => Value::String(self.string()?),
            _ => match self.word() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                // Keeps the exact digits, which parsing would change: 1e400 to 1e+400. The function is not documented;
                // the lock file and a test guard against changes.
                number => Value::Number(serde_json::Number::from_string_unchecked(number.to_owned())),
            },
        })
    }

    /// The items up to this closing bracket, separated by commas.
    fn items(
        &mut self,
        end: u8,
        mut read: impl FnMut(&mut Self) -> Result<(), StrictFault>,
    ) -> Result<(), StrictFault> {
        self.skip(1);
        while self.next_sign() != Some(end) {
            read(self)?;
            self.take(b',');
        }
        self.skip(1);
        Ok(())
    }

    /// The next byte that is not white space, without consuming it.
    fn next_sign(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    fn take(&mut self, sign: u8) {
        if self.next_sign() == Some(sign) {
            self.skip(1);
        }
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        skipped
    }

    /// A number or a literal.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find([' ', '\t', '\n', '\r', ',', ']', '}']);
        self.skip(end.unwrap_or(self.rest.len()))
    }

    fn string(&mut self) -> Result<String, StrictFault> {
        self.next_sign();
        let mut escaped = false;
        let mut has_escapes = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            has_escapes |= escaped;
            ends
        });
        let quoted = self.skip(end.map_or(self.rest.len(), |end| end + 2));
        match quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) if !has_escapes => Ok(text.to_owned()),
            // Half of a surrogate pair is valid syntax but not a valid string.
            Some(_) | None => serde_json::from_str(quoted).map_err(|_| StrictFault::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Result<Value, StrictFault> {
        strict_json(text.as_bytes())
    }

    #[test]
    fn a_repeated_key_is_refused_at_every_depth() {
        let repeated = |key: &str| Err(StrictFault::Repeated(key.to_owned()));
        assert_eq!(strict(r#"{"a": 1, "a": 1}"#), repeated("a"));
        assert_eq!(strict(r#"[{"b": {"a": 1, "\u0061": 2}}]"#), repeated("a"));
        assert_eq!(
            strict(r#"{"a": 1, "A": {"a": 1}}"#),
            strict(r#"{"a": 1, "A": {"a": 1}}"#)
        );
        assert!(strict(r#"[{"a": 1}, {"a": 1}]"#).is_ok());
    }

    #[test]
    fn depth_and_number_are_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(strict(&nested(PARSED_DEPTH_MAX)).is_ok());
        assert_eq!(strict(&nested(PARSED_DEPTH_MAX + 1)), Err(StrictFault::TooDeep));
        assert_eq!(strict(&nested(1_000_000)), Err(StrictFault::TooDeep));
        let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(strict(&objects(PARSED_DEPTH_MAX - 1)).is_ok());
        assert_eq!(strict(&objects(PARSED_DEPTH_MAX)), Err(StrictFault::TooDeep));
        let many = |values: usize| format!("[{}]", vec!["0"; values - 1].join(","));
        assert!(strict(&many(STRICT_VALUES_MAX)).is_ok());
        let too_many = StrictFault::TooManyValues(STRICT_VALUES_MAX);
        assert_eq!(strict(&many(STRICT_VALUES_MAX + 1)), Err(too_many));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{'a': 1}", "{\"a\": 1} 2", "\"\\ud800\"", "nul", "[1,]"] {
            assert_eq!(strict(text), Err(StrictFault::Malformed), "{text}");
        }
        assert_eq!(strict_json(b"\"\xff\""), Err(StrictFault::Malformed));
    }
}
