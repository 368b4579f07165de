//! A caller's JSON, stored as the original text: key order, 64-bit integers and every digit are preserved.

use crate::model::error::{Error, Result};
use crate::model::strict_json::{RepeatedNames, Rules, StrictFault, read};
use sea_orm::DeriveValueType;

const BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 32;

/// One JSON value as compact text, at most 64 KiB and 32 levels deep.
#[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
pub struct JsonText(String);

impl JsonText {
    /// Any JSON value.
    pub fn parse(field: &str, value: &serde_json::Value) -> Result<Self> {
        Self::of_depth(field, value, DEPTH_MAX)
    }

    /// Any JSON value of at most this many levels.
    pub(super) fn of_depth(field: &str, value: &serde_json::Value, depth_max: usize) -> Result<Self> {
        let depth = depth(value);
        if depth > depth_max {
            return Err(Error::invalid(
                field,
                format!("'{field}' is nested {depth} levels deep; the limit is {depth_max}."),
            ));
        }
        if contains_nul(value) {
            return Err(Error::invalid(
                field,
                format!("'{field}' must not contain the character U+0000."),
            ));
        }
        let text = value.to_string();
        if text.len() > BYTES_MAX {
            return Err(Error::invalid(
                field,
                format!("'{field}' is {} bytes long; the limit is {BYTES_MAX}.", text.len()),
            ));
        }
        Ok(Self(text))
    }

    /// A JSON object, for variables.
    pub fn object(field: &str, value: Option<&serde_json::Value>) -> Result<Option<Self>> {
        if value.is_some_and(|value| !value.is_object()) {
            return Err(Error::invalid(field, format!("'{field}' must be a JSON object.")));
        }
        value.map(|value| Self::parse(field, value)).transpose()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

// Recursion is safe: the parser has limited the nesting (serde_json to 128).
fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Not because of the database (the escape sequence is stored), but because this character is refused everywhere.
fn contains_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(contains_nul),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(key, value)| key.contains('\0') || contains_nul(value)),
        _ => false,
    }
}

/// A value takes about seventy bytes of memory in addition to its text, and `[0,0,0,…]` has a value per two bytes.
pub const JSON_VALUES_MAX: usize = 75_000;

/// Why a text is not accepted as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// It is not JSON, or nested too deep.
    Malformed,
    /// It contains more than [`JSON_VALUES_MAX`] values.
    TooManyValues,
}

impl JsonFault {
    /// The error: `wrong` for malformed JSON, or the exceeded limit.
    pub fn refusal(self, wrong: impl FnOnce() -> Error) -> Error {
        match self {
            Self::Malformed => wrong(),
            Self::TooManyValues => Error::LimitExceeded(format!(
                "The JSON contains more than {JSON_VALUES_MAX} values, lists and objects included; the limit is \
                 {JSON_VALUES_MAX}."
            )),
        }
    }
}

/// Parses any JSON text exactly, in one pass.
///
/// Not `serde_json::from_str`, which gives objects with some internal keys a special meaning: for it,
/// `{"$serde_json::private::RawValue": "1"}` is the number 1.
pub fn exact_json(text: &str) -> Result<serde_json::Value, JsonFault> {
    let rules = Rules {
        values_max: JSON_VALUES_MAX,
        repeated_names: RepeatedNames::LastCounts,
    };
    read(text, &rules).map_err(|fault| match fault {
        StrictFault::TooManyValues(_) => JsonFault::TooManyValues,
        StrictFault::Malformed | StrictFault::TooDeep | StrictFault::Repeated(_) => JsonFault::Malformed,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use proptest::prelude::*;
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde_json::value::RawValue;

    use super::*;
    use crate::model::strict_json::PARSED_DEPTH_MAX;

    /// A slow second implementation: parses every level separately, with its members as raw text.
    fn meaning(raw: &RawValue, depth: usize) -> Option<serde_json::Value> {
        use serde_json::Value;
        let text = raw.get();
        let depth = depth.checked_sub(1)?;
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members: Members<'_> = serde_json::from_str(text).ok()?;
                let read = |(name, value)| Some((name, meaning(value, depth)?));
                Value::Object(members.0.into_iter().map(read).collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Value::Array(
                    items
                        .into_iter()
                        .map(|item| meaning(item, depth))
                        .collect::<Option<_>>()?,
                )
            }
            b'"' => Value::String(serde_json::from_str(text).ok()?),
            b't' | b'f' => Value::Bool(serde_json::from_str(text).ok()?),
            b'n' => Value::Null,
            _ => Value::Number(serde_json::Number::from_string_unchecked(text.to_owned())),
        })
    }

    struct Members<'a>(Vec<(String, &'a RawValue)>);

    impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Each;

            impl<'de> Visitor<'de> for Each {
                type Value = Members<'de>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }

            deserializer.deserialize_map(Each)
        }
    }

    /// Compared as text, because the order of keys and every digit matter.
    fn assert_same(text: &str) {
        let expected = serde_json::from_str::<&RawValue>(text)
            .ok()
            .and_then(|raw| meaning(raw, PARSED_DEPTH_MAX));
        let read = exact_json(text).ok();
        assert_eq!(
            read.map(|value| value.to_string()),
            expected.map(|value| value.to_string()),
            "{text}"
        );
    }

    fn scalars() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1.50",
                "1e400",
                "-1E-7",
                "12345678901234567890123",
                "\"\"",
                "\"\\\"\"",
                "\"\\\\\"",
                "\"\\u00e9\"",
                "\"\\ud83d\\ude00\"",
                "\"\\ud83d\"",
                "\"a\\n,]}\"",
                "\"😀 é\"",
                // Not JSON.
                "01",
                "tru",
                "nulll",
                "\"",
                "\"\t\"",
                "'a'",
                "+1",
                "",
                "1 2",
            ])
            .prop_map(str::to_owned),
            any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        ]
    }

    fn texts() -> impl Strategy<Value = String> {
        let blank = || prop::sample::select(vec!["", "", " ", "\n\t", "\r\n "]);
        let keys = prop_oneof![
            4 => prop::sample::select(vec!["a", "b", "\\u0061", "c\\\"", "$serde_json::private::RawValue", "$serde_json::private::Number"])
                .prop_map(|key| format!("\"{key}\"")),
            1 => any::<String>().prop_map(|key| serde_json::Value::from(key).to_string()),
        ];
        scalars().prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                (prop::collection::vec((blank(), inner.clone(), blank()), 0..5)).prop_map(|items| {
                    let items: Vec<String> = items.iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                    format!("[{}]", items.join(","))
                }),
                prop::collection::vec((blank(), keys.clone(), blank(), inner), 0..5).prop_map(|members| {
                    let members: Vec<String> = members
                        .iter()
                        .map(|(a, key, b, value)| format!("{a}{key}{b}:{b}{value}{a}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_reads_what_the_text_means(text in texts(), garbage in any::<prop::sample::Index>(), byte in "[ -~]") {
            assert_same(&text);
            // The same with one character inserted: most of these are not JSON.
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (before, after) = text.split_at(*garbage.get(&places));
            assert_same(&format!("{before}{byte}{after}"));
        }
    }

    #[test]
    fn depth_and_number_of_values_are_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [1, PARSED_DEPTH_MAX - 1, PARSED_DEPTH_MAX, PARSED_DEPTH_MAX + 1, 100_000] {
            assert_same(&nested(depth));
        }
        assert!(exact_json(&nested(PARSED_DEPTH_MAX)).is_ok());
        assert_eq!(exact_json(&nested(PARSED_DEPTH_MAX + 1)), Err(JsonFault::Malformed));
        let many = |values: usize| format!("[{}]", vec!["0"; values - 1].join(","));
        assert!(exact_json(&many(JSON_VALUES_MAX)).is_ok());
        assert_eq!(exact_json(&many(JSON_VALUES_MAX + 1)), Err(JsonFault::TooManyValues));
    }

    /// A deeply nested body of maximum size takes no longer than a flat one.
    #[test]
    fn depth_does_not_multiply_the_work() {
        let text = "x".repeat(900_000);
        let deep = format!("{}\"{text}\"{}", "[".repeat(99), "]".repeat(99));
        let flat = format!("[\"{text}\"]");
        let time = |text: &str| {
            let started = std::time::Instant::now();
            assert!(exact_json(text).is_ok());
            started.elapsed()
        };
        let fastest = |text: &str| (0..5).map(|_| time(text)).min();
        assert!(
            fastest(&deep) < fastest(&flat).map(|flat| flat * 10),
            "{:?} {:?}",
            fastest(&deep),
            fastest(&flat)
        );
    }
}
