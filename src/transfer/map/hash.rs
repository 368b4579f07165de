//! The field `passwordHash` of a map: a text that names its algorithm, or a bare digest and what the map knows of it.

use std::collections::HashMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;

use super::parts::{Members, listed};
use super::path::{Path, scalar};
use super::raw::RawRow;
use crate::model::error::shown;
use crate::transfer::record::{Hash, NamedHash};
use crate::transfer::values::base64;

/// The algorithms of bare digests.
const DIGESTS: [&str; 13] = [
    "md5",
    "sha1",
    "sha256",
    "sha512",
    "hmac-md5",
    "hmac-sha1",
    "hmac-sha256",
    "hmac-sha512",
    "pbkdf2-sha1",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "scrypt",
    "firebase",
];

/// Kinds that nobody can check, as other systems call them.
const UNUSABLE: [&str; 12] = [
    "salted-md5",
    "salted-sha256",
    "salted-hmac-sha256",
    "hmac-md4",
    "md4",
    "awscognito",
    "bcrypt_peppered",
    "bcrypt_shopify",
    "ntlm",
    "srp",
    "scram",
    "plaintext",
];
pub const MALFORMED: &str = "malformed";
const UNKNOWN: &str = "unknown";

/// What a field is without `algorithm`.
const TEXT: &str = "text";

#[derive(Clone, Debug, Default)]
pub struct HashField {
    from: Vec<Path>,
    spec: Spec,
    /// Where the name of the algorithm is.
    algorithm_from: Vec<Path>,
    /// What such a name means; `None` cannot be checked.
    algorithms: HashMap<String, Option<Spec>>,
}

/// How to read a hash.
#[derive(Clone, Debug, Default)]
struct Spec {
    algorithm: Algorithm,
    encoding: Encoding,
    salt: Option<Part>,
    salt_last: bool,
    key: Option<Part>,
    rounds: Option<Part>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Algorithm {
    /// The text names it.
    #[default]
    Text,
    /// It is no hash, but the password.
    Clear,
    /// The cost, the salt and the hash of bcrypt, each in a column of its own.
    BcryptParts,
    /// `name$rounds$salt$hash`, with salt and hash in base64.
    Pbkdf2Parts,
    Digest(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Encoding {
    #[default]
    Hex,
    Base64,
    Text,
}

/// A salt, a key or a number of rounds.
#[derive(Clone, Debug, Default)]
struct Part {
    from: Vec<Path>,
    constant: Option<String>,
    encoding: Encoding,
}

/// What a row has.
#[derive(Debug, PartialEq)]
pub enum Credential {
    None,
    Password(String),
    Hash(Hash),
}

impl HashField {
    pub fn set_from(&mut self, path: Path) {
        self.from = vec![path];
    }

    /// A path, a list of paths, or an object.
    pub fn parse(place: &str, value: Value) -> Result<Self, String> {
        if matches!(value, Value::String(_) | Value::Array(_)) {
            let paths = super::parts::texts(place, value)?;
            return Ok(Self {
                from: paths.iter().map(|path| Path::parse(path)).collect(),
                ..Self::default()
            });
        }
        let mut members = Members::new(place, value)?;
        let from = members.paths("from")?;
        let algorithm_from = members.paths("algorithmFrom")?;
        let mut algorithms = HashMap::new();
        for (name, value) in members.named("algorithms")? {
            let place = format!("'{}' of 'algorithms'", shown(&name));
            let spec = match value {
                Value::Null => None,
                Value::String(algorithm) => Some(Spec {
                    algorithm: Algorithm::parse(&place, &algorithm)?,
                    ..Spec::default()
                }),
                value => {
                    let mut members = Members::new(place.clone(), value)?;
                    let spec = Spec::parse(&place, &mut members)?;
                    members.end()?;
                    Some(spec)
                }
            };
            algorithms.insert(name.to_lowercase(), spec);
        }
        let spec = Spec::parse(place, &mut members)?;
        members.end()?;
        if from.is_empty() {
            return Err(format!("{place} needs 'from'."));
        }
        if algorithm_from.is_empty() != algorithms.is_empty() {
            return Err(format!(
                "{place} needs both 'algorithmFrom' and 'algorithms', or none of them."
            ));
        }
        Ok(Self {
            from,
            spec,
            algorithm_from,
            algorithms,
        })
    }

    pub fn paths(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> = self.from.iter().chain(&self.algorithm_from).collect();
        let specs = std::iter::once(&self.spec).chain(self.algorithms.values().flatten());
        for spec in specs {
            let parts = [&spec.salt, &spec.key, &spec.rounds];
            paths.extend(parts.into_iter().flatten().flat_map(|part| &part.from));
        }
        paths
    }

    /// The hash of a row.
    pub fn read(&self, source: &RawRow<'_>, is_null: impl Fn(&str) -> bool) -> Credential {
        let first = |paths: &[Path]| {
            let values = paths.iter().flat_map(|path| source.find(path));
            let mut texts = values
                .filter_map(|value| scalar(&value))
                .map(|text| text.trim().to_owned());
            texts.find(|text| !is_null(text))
        };
        // `!` is an account without a password, in Django and in lists of Unix accounts.
        let Some(text) = first(&self.from).filter(|text| !text.starts_with('!')) else {
            return Credential::None;
        };
        let names_itself = text.starts_with(['$', '{']);
        let spec = match self.algorithm_from.as_slice() {
            [] => &self.spec,
            paths => {
                let name = first(paths).unwrap_or_default().to_lowercase();
                match self.algorithms.get(&name) {
                    Some(Some(spec)) => spec,
                    None if names_itself => return Credential::Hash(Hash::Text(text)),
                    Some(None) | None => return Credential::Hash(Hash::Unusable(kind(&name))),
                }
            }
        };
        let part = |part: &Option<Part>| match part {
            None => Some(Vec::new()),
            Some(part) => match first(&part.from).or_else(|| part.constant.clone()) {
                None => Some(Vec::new()),
                Some(text) => part.encoding.decode(&text),
            },
        };
        let hash = match &spec.algorithm {
            Algorithm::Clear => return Credential::Password(text),
            Algorithm::Text => Some(Hash::Text(text)),
            Algorithm::Digest(_) if names_itself => Some(Hash::Text(text)),
            Algorithm::BcryptParts => bcrypt(&text, part(&spec.rounds), part(&spec.salt)),
            Algorithm::Pbkdf2Parts => pbkdf2(&text),
            Algorithm::Digest(name) => digest(name, &text, spec, part),
        };
        Credential::Hash(hash.unwrap_or(Hash::Unusable(MALFORMED)))
    }
}

fn digest(name: &str, text: &str, spec: &Spec, part: impl Fn(&Option<Part>) -> Option<Vec<u8>>) -> Option<Hash> {
    let rounds = match &spec.rounds {
        None => None,
        rounds => Some(String::from_utf8(part(rounds)?).ok()?.trim().parse().ok()?),
    };
    Some(Hash::Named(NamedHash {
        algorithm: name.to_owned(),
        digest: spec.encoding.decode(text)?,
        salt: part(&spec.salt)?,
        salt_first: !spec.salt_last,
        key: part(&spec.key)?,
        rounds,
    }))
}

fn bcrypt(hash: &str, cost: Option<Vec<u8>>, salt: Option<Vec<u8>>) -> Option<Hash> {
    let cost: u32 = String::from_utf8(cost?).ok()?.parse().ok()?;
    let salt = String::from_utf8(salt?).ok()?;
    Some(Hash::Text(format!("$2a${cost:02}${salt}{hash}")))
}

fn pbkdf2(text: &str) -> Option<Hash> {
    let mut parts = text.split('$');
    let (name, rounds) = (parts.next()?.replace('_', "-"), parts.next()?.parse().ok()?);
    let (salt, digest) = (
        Encoding::Base64.decode(parts.next()?)?,
        Encoding::Base64.decode(parts.next()?)?,
    );
    if !DIGESTS.contains(&name.as_str()) || parts.next().is_some() {
        return None;
    }
    Some(Hash::Named(NamedHash {
        algorithm: name,
        digest,
        salt,
        salt_first: true,
        key: Vec::new(),
        rounds: Some(rounds),
    }))
}

/// The kind for the summary. Names that are not known could be anything, so they are not shown.
fn kind(name: &str) -> &'static str {
    UNUSABLE.into_iter().find(|known| *known == name).unwrap_or(UNKNOWN)
}

impl Spec {
    fn parse(place: &str, members: &mut Members) -> Result<Self, String> {
        let algorithm = members.text("algorithm")?;
        let algorithm = Algorithm::parse(place, algorithm.as_deref().unwrap_or(TEXT))?;
        let encoding = encoding(place, members.text("encoding")?.as_deref())?.unwrap_or_default();
        let mut salt_last = false;
        let salt_place = members.place("salt");
        let salt = match members.take("salt") {
            None => None,
            Some(value) => Some(part(&salt_place, value, Some(&mut salt_last))?),
        };
        let key_place = members.place("key");
        let key = members
            .take("key")
            .map(|value| part(&key_place, value, None))
            .transpose()?;
        let rounds_place = members.place("rounds");
        let rounds = match members.take("rounds") {
            None => None,
            Some(Value::Number(number)) => Some(Part {
                constant: Some(number.to_string()),
                encoding: Encoding::Text,
                ..Part::default()
            }),
            Some(value) => Some(part(&rounds_place, value, None)?),
        };
        if let Algorithm::Digest(name) = &algorithm {
            if name.starts_with("pbkdf2") && rounds.is_none() {
                return Err(format!("{place} needs 'rounds', because its algorithm is '{name}'."));
            }
            if name.starts_with("hmac") && key.is_none() {
                return Err(format!("{place} needs 'key', because its algorithm is '{name}'."));
            }
        }
        Ok(Self {
            algorithm,
            encoding,
            salt,
            salt_last,
            key,
            rounds,
        })
    }
}

/// A path, or an object with a path or a constant.
fn part(place: &str, value: Value, is_last: Option<&mut bool>) -> Result<Part, String> {
    if let Value::String(path) = &value {
        return Ok(Part {
            from: vec![Path::parse(path)],
            constant: None,
            encoding: Encoding::Text,
        });
    }
    let mut members = Members::new(place, value)?;
    let part = Part {
        from: members.paths("from")?,
        constant: members.text("constant")?,
        encoding: encoding(place, members.text("encoding")?.as_deref())?.unwrap_or(Encoding::Text),
    };
    if let Some(is_last) = is_last {
        *is_last = match members.text("position")?.as_deref() {
            None | Some("prefix") => false,
            Some("suffix") => true,
            Some(_) => return Err(format!("'position' of {place} must be 'prefix' or 'suffix'.")),
        };
    }
    members.end()?;
    if part.from.is_empty() && part.constant.is_none() {
        return Err(format!("{place} needs 'from' or 'constant'."));
    }
    Ok(part)
}

fn encoding(place: &str, name: Option<&str>) -> Result<Option<Encoding>, String> {
    match name {
        None => Ok(None),
        Some("hex") => Ok(Some(Encoding::Hex)),
        Some("base64") => Ok(Some(Encoding::Base64)),
        Some("text") => Ok(Some(Encoding::Text)),
        Some(_) => Err(format!("'encoding' of {place} must be 'hex', 'base64' or 'text'.")),
    }
}

impl Algorithm {
    fn parse(place: &str, name: &str) -> Result<Self, String> {
        match name {
            TEXT => Ok(Self::Text),
            "clear" => Ok(Self::Clear),
            "bcrypt-parts" => Ok(Self::BcryptParts),
            "pbkdf2-parts" => Ok(Self::Pbkdf2Parts),
            name if DIGESTS.contains(&name) => Ok(Self::Digest(name.to_owned())),
            name => Err(format!(
                "'{}' is not an algorithm for {place}; use 'text' for hashes that name it themselves, 'clear', \
                 'bcrypt-parts', 'pbkdf2-parts', {}.",
                shown(name),
                listed(&DIGESTS)
            )),
        }
    }
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Text => Some(text.as_bytes().to_vec()),
            Self::Hex => HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
            Self::Base64 => base64(text),
        }
    }
}
