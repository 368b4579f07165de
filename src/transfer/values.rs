//! What the files of other systems have in common: empty texts, names, booleans and user names.
//!
//! A function returns the value, or a sentence that says what is wrong. Such a sentence quotes the value, so these
//! functions must not get a password or a hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD_INDIFFERENT;

use crate::model::Email;
use crate::model::error::shown;

/// A member of a record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Empty, if it is not a single member.
    pub field: String,
    /// A sentence, which contains no secret.
    pub message: String,
}

impl Trouble {
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// Bytes from base64 of either alphabet, with or without padding.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD_INDIFFERENT.decode(text).ok()
}

/// Base64 as PHC strings have it: without padding.
pub fn base64_bare(bytes: &[u8]) -> String {
    STANDARD_NO_PAD_INDIFFERENT.encode(bytes)
}

/// The text without blanks at its ends; the empty text is absent.
pub fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A name in one line: tabs and line breaks become one blank. Other control characters remain, so that the user is
/// refused like any other with such a name.
pub fn one_line(text: &str) -> String {
    let breaks = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let parts: Vec<&str> = text
        .split(breaks)
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

/// Parses a boolean, in any of the usual spellings and any case.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "on" => Ok(true),
        "false" | "f" | "no" | "n" | "0" | "off" => Ok(false),
        _ => Err(format!(
            "'{}' is neither on nor off. Use true or false, or list the texts in the map, as 'true' and 'false'.",
            shown(text)
        )),
    }
}

/// The e-mail address that a user name is. Names of guests at Microsoft look like one, but nobody gets mail there.
pub fn address_of_user_name(name: &str) -> Option<Email> {
    match name.contains("#EXT#") {
        true => None,
        false => Email::normalize(name),
    }
}

/// Whether an id counts the rows of a table: 1, 2, 3. Such an id is not unique in a directory of several systems.
pub fn is_counted(id: &str) -> bool {
    // Longer numbers are random, or contain a time.
    const DIGITS_MAX: usize = 10;
    (1..=DIGITS_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a spreadsheet has rounded a number: `1.23457E+17`.
pub fn is_rounded(id: &str) -> bool {
    let Some((number, power)) = id.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    power.starts_with('+') && digits(power.trim_start_matches('+')) && digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_and_names() {
        for on in ["true", "T", "Yes", "y", "1", "ON"] {
            assert_eq!(boolean(on), Ok(true));
        }
        for off in ["False", "f", "no", "N", "0", "off"] {
            assert_eq!(boolean(off), Ok(false));
        }
        assert!(boolean("maybe").is_err());
        assert_eq!(one_line(" Ada\r\n\tLovelace "), "Ada Lovelace");
        assert!(address_of_user_name("guest_x.example#EXT#@example.com").is_none());
        assert!(address_of_user_name("ada@example.com").is_some());
        assert!(is_rounded("1.23457E+17") && is_rounded("1,23457E+17") && !is_rounded("E17") && !is_rounded("1e5"));
        assert!(is_counted("17") && !is_counted("104577987654321098") && !is_counted("u-1"));
    }
}
