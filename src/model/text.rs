//! Names and descriptions: normalized to NFC, without control characters, limited in length, and visible.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

use crate::model::error::{Error, Result};

const NAME_CHARACTERS_MAX: usize = 255;
const PRODUCT_NAME_CHARACTERS_MAX: usize = 100;
const DESCRIPTION_CHARACTERS_MAX: usize = 2_000;

/// A required name: 1 to 255 characters, at least one of them visible.
pub fn name(field: &str, value: &str) -> Result<String> {
    name_of_at_most(field, value, NAME_CHARACTERS_MAX)
}

/// A product name in an update, where the empty string clears it: at most 100 characters, one of them visible.
pub fn product_name(field: &str, value: Option<&str>) -> Result<Option<Option<String>>> {
    match value {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(Some(None)),
        Some(text) => Ok(Some(Some(name_of_at_most(field, text, PRODUCT_NAME_CHARACTERS_MAX)?))),
    }
}

fn name_of_at_most(field: &str, value: &str, characters_max: usize) -> Result<String> {
    let text = normalized(field, value, characters_max, Lines::One)?;
    if !is_visible(&text) {
        return Err(Error::invalid(
            field,
            format!("'{field}' must have at least one visible character."),
        ));
    }
    Ok(text)
}

/// An optional name; the empty string counts as absent.
pub fn optional(field: &str, value: Option<&str>) -> Result<Option<String>> {
    Ok(clearable(field, value)?.flatten())
}

/// A name in an update: an absent value changes nothing (`None`), the empty string clears the name (`Some(None)`).
pub fn clearable(field: &str, value: Option<&str>) -> Result<Option<Option<String>>> {
    match value {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(Some(None)),
        Some(text) => Ok(Some(Some(name(field, text)?))),
    }
}

/// An optional description, which may be empty: at most 2,000 characters, line breaks allowed.
pub fn description(field: &str, value: Option<&str>) -> Result<Option<String>> {
    match value {
        None => Ok(None),
        Some(text) => Ok(Some(normalized(field, text, DESCRIPTION_CHARACTERS_MAX, Lines::Many)?)),
    }
}

/// A description in an update, where the empty string clears it.
pub fn clearable_description(field: &str, value: Option<&str>) -> Result<Option<Option<String>>> {
    Ok(description(field, value)?.map(|text| Some(text).filter(|text| !text.is_empty())))
}

/// Normalizes a text for comparison with stored ones, which are NFC.
pub fn composed(text: &str) -> String {
    // ASCII is composed already, and most texts are.
    if text.is_ascii() {
        return text.to_owned();
    }
    text.nfc().collect()
}

/// Whether both databases can store a text: PostgreSQL does not support U+0000. A filter by such a text matches
/// nothing.
pub fn is_storable(value: &str) -> bool {
    !value.contains('\0')
}

/// Whether a text is visible. Spaces, format controls and default-ignorable characters are invisible, and combining
/// marks need a base character.
pub fn is_visible(text: &str) -> bool {
    text.chars().any(shows)
}

/// Invisible characters in categories of symbols and letters: the blank Braille pattern, the null notehead, two
/// Egyptian hieroglyph blanks, and the object replacement character.
const DRAWN_BLANK: [char; 5] = ['\u{2800}', '\u{FFFC}', '\u{13441}', '\u{13442}', '\u{1D159}'];

fn shows(c: char) -> bool {
    let hidden = GeneralCategoryGroup::Separator
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::Control)
        .union(GeneralCategoryGroup::Format);
    !hidden.contains(CodePointMapData::<GeneralCategory>::new().get(c))
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        && !DRAWN_BLANK.contains(&c)
}

#[derive(Clone, Copy, PartialEq)]
enum Lines {
    One,
    Many,
}

fn normalized(field: &str, value: &str, characters_max: usize, lines: Lines) -> Result<String> {
    // Normalization makes a text at most three times shorter, so a longer text can be refused without it.
    if value.len() > characters_max * 12 {
        return Err(too_long(field, characters_max));
    }
    let text: String = value.nfc().collect();
    if let Some(bad) = text
        .chars()
        .find(|c| is_forbidden(*c) && !(lines == Lines::Many && matches!(c, '\n' | '\t')))
    {
        return Err(Error::invalid(
            field,
            format!(
                "'{field}' must not contain the control character U+{:04X}.",
                u32::from(bad)
            ),
        ));
    }
    if text.chars().count() > characters_max {
        return Err(too_long(field, characters_max));
    }
    Ok(text)
}

fn too_long(field: &str, characters_max: usize) -> Error {
    Error::invalid(
        field,
        format!("'{field}' must be at most {characters_max} characters long."),
    )
}

/// Control characters, and characters that reorder or hide text.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
