//! A password as the user typed it.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

pub const CHARACTERS_MAX: usize = 128;
/// A longer text exceeds the character limit in any form, so it is not normalized.
pub(super) const BYTES_MAX: usize = CHARACTERS_MAX * 12;

/// A password as the user typed it, to be set or verified. Hashing accepts nothing else, so every password goes through
/// this type, whichever verb or API it came from.
///
/// A password can have several spellings: a keyboard may send `ö` as one character or as `o` with a combining mark, and
/// a no-break space looks like a space. Passwords are normalized as in RFC 8265 (`OpaqueString`): each space becomes an
/// ASCII space, and the rest is composed (NFC). Nothing else is changed: case, leading and trailing spaces and
/// compatibility forms stay.
///
/// An imported hash may be of another spelling. So the text as it was typed is kept too and tried second: a user who
/// types the same way as in the other product can sign in, and from then on the normal form is stored.
#[derive(Clone, Debug)]
pub struct Password {
    normal: SecretString,
    /// The text as it was typed, if it differs.
    typed: Option<SecretString>,
}

impl Password {
    pub fn new(typed: &str) -> Self {
        let normal = if typed.is_ascii() || typed.len() > BYTES_MAX {
            typed.to_owned()
        } else {
            typed.chars().map(plain_space).nfc().collect()
        };
        Self {
            typed: (normal != typed).then(|| typed.into()),
            normal: normal.into(),
        }
    }

    /// The normal form.
    pub fn expose(&self) -> &str {
        self.normal.expose_secret()
    }

    /// The text as it was typed, to be returned to the caller who sent it.
    pub fn as_typed(&self) -> &str {
        self.typed.as_ref().unwrap_or(&self.normal).expose_secret()
    }

    /// The texts that a hash may be of, the normal form first; empty for a text that cannot be a password. Longer
    /// passwords were never set. U+0000 is refused when a password is set; and for bcrypt, scrypt and PBKDF2, some
    /// texts with it are equal to others without it.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let possible = !self.expose().contains('\0') && self.expose().chars().nth(CHARACTERS_MAX).is_none();
        let typed = self.typed.as_ref().map(ExposeSecret::expose_secret);
        [Some(self.expose()), typed]
            .into_iter()
            .flatten()
            .filter(move |_| possible)
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self::new(&typed)
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// The spaces of Unicode category Zs: white space without line breaks.
fn plain_space(c: char) -> char {
    match c {
        '\u{2028}' | '\u{2029}' => c,
        _ if c.is_whitespace() && !c.is_control() => ' ',
        _ => c,
    }
}
