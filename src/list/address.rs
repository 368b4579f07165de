//! Filters on e-mail addresses as people type them. The ASCII form is stored (`ann@xn--mller-kva.example`); but people
//! also type, or copy from a mail, `ann@müller.example`.
//!
//! A whole address has one ASCII form. Part of an address is converted label by label, and a non-ASCII label can only
//! be converted as a whole: the ASCII form of `mül` is not a part of the ASCII form of `müller`. So a non-ASCII label
//! matches only a whole label.

use super::TextTest;
use crate::model::Email;

/// Exactly this address, case-insensitive. A text that is not an address matches nothing.
pub fn address(typed: &str) -> TextTest {
    TextTest::Equals(stored(typed))
}

/// One of these addresses.
pub fn one_of_addresses(typed: &[String]) -> TextTest {
    TextTest::In(typed.iter().map(|one| stored(one)).collect())
}

/// Addresses that start with this.
pub fn address_starting_with(typed: &str) -> TextTest {
    let Some(part) = Part::of(typed).filter(|part| part.begins_address) else {
        return TextTest::Any(Vec::new());
    };
    match part.ends_whole {
        false => TextTest::StartsWith(part.text),
        true => TextTest::Any(vec![
            TextTest::StartsWith(format!("{}.", part.text)),
            TextTest::Equals(part.text),
        ]),
    }
}

/// Addresses that contain this.
pub fn address_containing(typed: &str) -> TextTest {
    let Some(part) = Part::of(typed) else {
        return TextTest::Any(Vec::new());
    };
    let before: &[&str] = if part.begins_whole { &["@", "."] } else { &[""] };
    let tests = before.iter().flat_map(|before| {
        let text = format!("{before}{}", part.text);
        match part.ends_whole {
            false => vec![TextTest::Contains(text)],
            true => vec![TextTest::Contains(format!("{text}.")), TextTest::EndsWith(text)],
        }
    });
    let mut tests: Vec<TextTest> = tests.collect();
    match tests.pop() {
        Some(one) if tests.is_empty() => one,
        one => TextTest::Any(tests.into_iter().chain(one).collect()),
    }
}

fn stored(typed: &str) -> String {
    Email::normalize(typed).map_or_else(|| typed.to_lowercase(), |email| email.to_string())
}

/// A part of an address in its ASCII form.
struct Part {
    text: String,
    /// Whether the part can be at the start of an address: a local part is ASCII.
    begins_address: bool,
    /// Whether a label must start at the start of the part, and end at its end.
    begins_whole: bool,
    ends_whole: bool,
}

impl Part {
    /// `None` for a text that no address contains.
    fn of(typed: &str) -> Option<Self> {
        if typed.is_ascii() {
            return Some(Self {
                text: typed.to_ascii_lowercase(),
                begins_address: true,
                begins_whole: false,
                ends_whole: false,
            });
        }
        let (local, domain) = match typed.rsplit_once('@') {
            Some((local, _)) if !local.is_ascii() => return None,
            Some((local, domain)) => (Some(local), domain),
            None => (None, typed),
        };
        // Dots of other scripts also separate labels.
        let labels = domain.split(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']).map(Label::of);
        let labels = labels.collect::<Option<Vec<Label>>>()?;
        let texts: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        let before = local.map(|local| format!("{}@", local.to_ascii_lowercase()));
        Some(Self {
            text: format!("{}{}", before.unwrap_or_default(), texts.join(".")),
            begins_address: local.is_some(),
            begins_whole: local.is_none() && labels.first().is_some_and(|label| label.whole),
            ends_whole: labels.last().is_some_and(|label| label.whole),
        })
    }
}

struct Label {
    text: String,
    /// Whether it matches only a whole label.
    whole: bool,
}

impl Label {
    fn of(typed: &str) -> Option<Self> {
        // Full-width letters, for example, are mapped to ASCII letters, and so can be any part of a label.
        let text = idna::domain_to_ascii(typed).ok()?;
        let whole = !typed.is_ascii() && text.starts_with("xn--");
        Some(Self { text, whole })
    }
}
