//! Why a hash is not taken.

/// Why no password can be checked against a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is, such as "yescrypt" or "malformed": for counting.
    pub kind: &'static str,
    /// A sentence, which never contains any part of the hash.
    pub message: String,
}

const MALFORMED: &str = "'passwordHash' is not a hash that this server can check. Supported are PHC strings of argon2, \
                         scrypt and pbkdf2, with a salt of 8 to 48 bytes and a hash of 10 to 64 bytes, bcrypt strings \
                         '$2b$…', and the other forms that docs/operating.md lists.";

/// How texts of kinds that are not supported begin.
const BEGINNINGS: [(&str, &str); 14] = [
    ("$1$", "MD5 crypt"),
    ("$apr1$", "Apache MD5 crypt"),
    ("$md5", "Sun MD5 crypt"),
    ("$sha1$", "SHA-1 crypt"),
    ("$3$", "ntlm"),
    ("$NT$", "ntlm"),
    ("$y$", "yescrypt"),
    ("$gy$", "yescrypt"),
    ("$7$", "scrypt crypt"),
    ("$S$", "drupal"),
    ("U$S$", "drupal"),
    ("U$P$", "drupal"),
    ("SCRAM-", "scram"),
    ("!", "no-password"),
];

/// A text that has no known form.
pub fn malformed() -> Refused {
    because("malformed", MALFORMED)
}

/// A hash with parameters outside the limits.
pub fn beyond_limits(message: String) -> Refused {
    Refused { kind: "cost", message }
}

pub fn because(kind: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        kind,
        message: message.into(),
    }
}

/// A hash of a kind that this server cannot check.
pub fn unsupported(kind: &'static str) -> Refused {
    because(
        kind,
        format!(
            "'passwordHash' is of a kind that this server cannot check ({kind}). Create the user without it; with \
             'requestPasswordReset', the user gets an email to choose a password."
        ),
    )
}

/// A text that [`recognize`](super::recognize) does not know: by its kind, if that is known at least.
pub fn unknown(text: &str) -> Refused {
    let begins = BEGINNINGS.iter().find(|(beginning, _)| text.starts_with(beginning));
    match begins.map(|(_, kind)| *kind) {
        Some("no-password") => because("no-password", "'passwordHash' marks an account without a password."),
        Some(kind) => unsupported(kind),
        None if !text.is_empty() && text.bytes().all(|byte| byte == b'*') => because(
            "masked",
            "'passwordHash' is masked: only the other product has the hash.",
        ),
        None if is_mysql(text) => unsupported("mysql"),
        None if is_des(text) => unsupported("DES crypt"),
        None if is_bare(text) => because(
            "bare-digest",
            "'passwordHash' is a digest without the name of its algorithm. Name it in the map of an import.",
        ),
        None => malformed(),
    }
}

fn is_mysql(text: &str) -> bool {
    text.strip_prefix('*')
        .is_some_and(|digits| digits.len() == 40 && is_hex(digits))
}

/// The traditional crypt: two characters of salt and eleven of hash; or the longer form of BSD.
fn is_des(text: &str) -> bool {
    let (characters, length) = match text.strip_prefix('_') {
        Some(longer) => (longer, 19),
        None => (text, 13),
    };
    let of_crypt = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    characters.len() == length && characters.bytes().all(of_crypt)
}

/// The digits of MD5, SHA-1, SHA-256, SHA-384 or SHA-512; but also of NTLM and others.
fn is_bare(text: &str) -> bool {
    [32, 40, 64, 96, 128].contains(&text.len()) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
