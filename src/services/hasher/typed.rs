//! A password as somebody typed it.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

pub const CHARACTERS_MAX: usize = 128;
/// A longer text has more than the characters allowed in any form, and is not brought into another one.
const BYTES_MAX: usize = CHARACTERS_MAX * 12;

/// A password as somebody typed it, to be set or to be checked. Hashing takes nothing else, so that every password passes
/// here, whichever verb or face it came by.
///
/// One password has several spellings: a keyboard may send `ö` as one character or as `o` and two dots, and a no-break
/// space looks like a space. What counts is the normal form of RFC 8265 (`OpaqueString`): each space an ASCII space, and the
/// rest composed (NFC). Nothing else is changed: cases, spaces at the ends and compatibility forms stay.
///
/// A hash from elsewhere may have been made of another spelling. So the text as it was typed is kept beside the normal form
/// and tried after it: whoever types as they did there gets in, and from then on the normal form counts.
#[derive(Clone, Debug)]
pub struct Password {
    normal: SecretString,
    /// As it was typed, where that is another text.
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

    /// What was typed, to be told to whoever gave it.
    pub fn as_typed(&self) -> &str {
        self.typed.as_ref().unwrap_or(&self.normal).expose_secret()
    }

    /// The texts that a hash may be of, the normal form first; none for what is nobody's password. A longer one was never
    /// set. U+0000 is refused where a password is set; and to bcrypt, scrypt and PBKDF2 some texts with it are the same as
    /// others without it.
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

/// The spaces of Unicode's category Zs, which are the white space that does not break a line.
fn plain_space(c: char) -> char {
    match c {
        '\u{2028}' | '\u{2029}' => c,
        _ if c.is_whitespace() && !c.is_control() => ' ',
        _ => c,
    }
}
