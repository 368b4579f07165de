//! Tests of e-mail addresses as people type them. Stored is the ASCII form (`ann@xn--mller-kva.example`); people also
//! type, and copy from a mail, `ann@müller.example`.
//!
//! A whole address has one ASCII form. A part of one has it label by label, and a label that is not ASCII has it only as
//! a whole: the form of `mül` is no part of the form of `müller`. So such a label in a part stands for a whole label.

use super::TextTest;
use crate::model::Email;

/// What is this very address, in any case. What is no address belongs to nobody.
pub fn address(typed: &str) -> TextTest {
    TextTest::Equals(stored(typed))
}

/// One of these addresses.
pub fn one_of_addresses(typed: &[String]) -> TextTest {
    TextTest::In(typed.iter().map(|one| stored(one)).collect())
}

/// Addresses that begin so.
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

/// Addresses that hold this.
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
    /// Whether the part can stand at an address's beginning: a local part is ASCII.
    begins_address: bool,
    /// Whether a label must begin where the part does, and end where it does.
    begins_whole: bool,
    ends_whole: bool,
}

impl Part {
    /// `None` for what is in no address.
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
        // The dots of other scripts part labels too.
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
    /// Whether it stands for a whole label only.
    whole: bool,
}

impl Label {
    fn of(typed: &str) -> Option<Self> {
        // Letters of full width, for one, are ASCII ones once they are mapped, and so any part of a label.
        let text = idna::domain_to_ascii(typed).ok()?;
        let whole = !typed.is_ascii() && text.starts_with("xn--");
        Some(Self { text, whole })
    }
}
