//! Names and descriptions: NFC, one line's worth of characters, a length in characters, and something to see.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

use crate::model::error::{Error, Result};

const NAME_CHARACTERS_MAX: usize = 255;
const DESCRIPTION_CHARACTERS_MAX: usize = 2_000;

/// A required name: 1 to 255 characters, at least one of them visible.
pub fn name(field: &str, value: &str) -> Result<String> {
    let text = normalized(field, value, NAME_CHARACTERS_MAX, Lines::One)?;
    if !is_visible(&text) {
        return Err(Error::invalid(
            field,
            format!("'{field}' must have at least one visible character."),
        ));
    }
    Ok(text)
}

/// A name that may be absent; the empty text is absent too.
pub fn optional(field: &str, value: Option<&str>) -> Result<Option<String>> {
    Ok(clearable(field, value)?.flatten())
}

/// A name in an update: not given changes nothing (`None`), the empty text clears (`Some(None)`).
pub fn clearable(field: &str, value: Option<&str>) -> Result<Option<Option<String>>> {
    match value {
        None => Ok(None),
        Some(text) if text.trim().is_empty() => Ok(Some(None)),
        Some(text) => Ok(Some(Some(name(field, text)?))),
    }
}

/// A description that may be absent or empty: at most 2,000 characters, line breaks allowed.
pub fn description(field: &str, value: Option<&str>) -> Result<Option<String>> {
    match value {
        None => Ok(None),
        Some(text) => Ok(Some(normalized(field, text, DESCRIPTION_CHARACTERS_MAX, Lines::Many)?)),
    }
}

/// A text to compare with stored ones, which are NFC.
pub fn composed(text: &str) -> String {
    // ASCII is composed already, and most texts are.
    if text.is_ascii() {
        return text.to_owned();
    }
    text.nfc().collect()
}

/// Whether a text can be handed to both databases at all: PostgreSQL has no U+0000. A filter by such a text finds
/// nothing, since no such text is ever stored.
pub fn is_storable(value: &str) -> bool {
    !value.contains('\0')
}

/// Whether a reader sees anything of a text. Blanks, format controls and characters that a font may ignore show nothing,
/// and combining marks need a character to stand on.
pub fn is_visible(text: &str) -> bool {
    text.chars().any(shows)
}

/// Symbols and letters by their category that are drawn as nothing: the empty Braille pattern, the null notehead, two
/// blanks of Egyptian hieroglyphs, and the mark of an object that is not there.
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
    // Composing never makes a text more than three times shorter, so what is longer than that needs no composing.
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

/// Controls, and the marks that reorder or hide what a reader sees.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
