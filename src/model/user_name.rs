//! What an identity provider calls a user: the user name, and its own id of the user.

use unicode_normalization::UnicodeNormalization;

use super::{Email, is_storable, name};
use crate::model::error::{Error, Result};

/// The maximum number of characters of an external id.
const EXTERNAL_ID_CHARACTERS_MAX: usize = 255;

/// A text without regard to case, composed (NFC). Each letter becomes small by itself, so that a text which begins with
/// another one still does; the two small forms of one Greek letter are one.
pub fn lowered(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let small = text.nfc().flat_map(char::to_lowercase);
    small.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// A user name as it is compared: the normal form if it is an e-mail address, otherwise without regard to case.
pub fn user_name_key(text: &str) -> String {
    match Email::normalize(text) {
        Some(email) => email.to_string(),
        None => lowered(text),
    }
}

/// A user name: any text of 1 to 255 characters, an e-mail address or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName {
    text: String,
    key: String,
}

impl UserName {
    /// Parses a user name; blanks at its ends do not count.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid(field, format!("'{field}' must not be blank.")));
        }
        let text = name(field, text)?;
        let key = user_name_key(&text);
        Ok(Self { text, key })
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as it is compared.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name as it was given.
    pub fn into_string(self) -> String {
        self.text
    }
}

/// An optional user name; the empty text counts as absent, blanks alone are refused.
pub fn user_name(field: &str, text: Option<&str>) -> Result<Option<String>> {
    let given = text.filter(|text| !text.is_empty());
    Ok(given
        .map(|text| UserName::parse(field, text))
        .transpose()?
        .map(UserName::into_string))
}

/// An id that another system gave: any text, kept exactly; the empty text counts as absent.
pub fn external_id(field: &str, text: &str) -> Result<Option<String>> {
    if text.len() > EXTERNAL_ID_CHARACTERS_MAX * 4 || text.chars().count() > EXTERNAL_ID_CHARACTERS_MAX {
        return Err(Error::invalid(
            field,
            format!("'{field}' must be at most {EXTERNAL_ID_CHARACTERS_MAX} characters long."),
        ));
    }
    if !is_storable(text) {
        return Err(Error::invalid(
            field,
            format!("'{field}' must not contain the character U+0000."),
        ));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowering_again_changes_nothing_and_keeps_beginnings() {
        for c in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let once = lowered(&c.to_string());
            assert_eq!(lowered(&once), once, "U+{:04X}", u32::from(c));
            assert_eq!(lowered(&c.to_uppercase().to_string()).is_empty(), once.is_empty());
        }
        assert_eq!(lowered("ΟΔΟΣ"), lowered("οδος"));
        assert!(lowered("ΟΔΟΣΑ").starts_with(&lowered("ΟΔΟΣ")));
        assert_eq!(lowered("A\u{30A}Ngström"), "ångström");
        assert_ne!(lowered("Straße"), lowered("STRASSE"));
    }

    #[test]
    fn a_user_name_is_any_text_and_an_address_is_compared_as_one() {
        let parse = |text: &str| UserName::parse("userName", text).unwrap();
        assert_eq!(parse("  Lin O'Kafor ").as_str(), "Lin O'Kafor");
        assert_eq!(parse("Lin@MÜLLER.example").key(), "lin@xn--mller-kva.example");
        assert_eq!(parse("LIN@two words").key(), "lin@two words");
        assert_eq!(parse("Lin").into_string(), "Lin");
        for refused in ["", "  ", "\u{200B}", "a\nb", &"x".repeat(256)] {
            assert!(UserName::parse("userName", refused).is_err(), "{refused}");
        }
        assert_eq!(external_id("externalId", "").unwrap(), None);
        assert_eq!(external_id("externalId", " A ").unwrap(), Some(" A ".to_owned()));
        assert!(external_id("externalId", &"é".repeat(255)).is_ok());
        assert!(external_id("externalId", &"é".repeat(256)).is_err());
        assert!(external_id("externalId", "a\0").is_err());
    }
}
