//! Firebase Authentication: what `firebase auth:export` writes, as JSON or as CSV without a heading.

mod csv;

use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use self::csv::Csv;
pub use self::csv::is_csv_row;
use crate::model::exact_json;
use crate::transfer::format::Reader;
use crate::transfer::format::common::{
    boolean, keep, keep_others, millis, name, place_id, refused, text, user_row, variables_of,
};
use crate::transfer::format::elements::Elements;
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Hash, Identity, Notes, Row, Stamps, UserRecord};
use crate::transfer::values::{Trouble, base64, given};

/// Members that are read, or that say nothing about a person.
const KNOWN: [&str; 18] = [
    "localId",
    "email",
    "emailVerified",
    "passwordHash",
    "salt",
    "displayName",
    "createdAt",
    "lastSignedInAt",
    "lastLoginAt",
    "disabled",
    "customAttributes",
    "providerUserInfo",
    "phoneNumber",
    "mfaInfo",
    "passwordUpdatedAt",
    "validSince",
    "version",
    "lastRefreshAt",
];

/// How a Firebase project makes its hashes: what the console's dialog "Password hash parameters" shows.
#[derive(Clone, PartialEq, Eq)]
pub struct HashConfig {
    signer_key: Vec<u8>,
    salt_separator: Vec<u8>,
    rounds: u32,
    mem_cost: u32,
}

/// The signer key is a secret.
impl std::fmt::Debug for HashConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashConfig").finish_non_exhaustive()
    }
}

impl HashConfig {
    /// Reads the text of the dialog.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(found, _)| found.trim().trim_matches('"') == name)
                .and_then(|(_, value)| given(value.trim().trim_end_matches([',', ';']).trim().trim_matches('"')))
                .map(str::to_owned)
                .ok_or_else(|| wrong_config(name))
        };
        if value("algorithm")? != "SCRYPT" {
            return Err(wrong_config("algorithm"));
        }
        let bytes = |name: &str| value(name).and_then(|text| base64(&text).ok_or_else(|| wrong_config(name)));
        let number = |name: &str| value(name).and_then(|text| text.parse::<u32>().map_err(|_| wrong_config(name)));
        Ok(Self {
            signer_key: bytes("base64_signer_key")?,
            salt_separator: bytes("base64_salt_separator")?,
            rounds: number("rounds")?,
            mem_cost: number("mem_cost")?,
        })
    }

    /// SuperTokens' `$f_scrypt$<hash>$<salt>$m=…$r=…$s=…`, which has all but the signer key. `None` if it is malformed.
    pub fn complete(&self, text: &str) -> Option<Hash> {
        let mut fields = text.strip_prefix("$f_scrypt$")?.split('$');
        let (hash, salt) = (base64(fields.next()?)?, base64(fields.next()?)?);
        let mem_cost = fields.next()?.strip_prefix("m=")?.parse().ok()?;
        let rounds = fields.next()?.strip_prefix("r=")?.parse().ok()?;
        let salt_separator = base64(fields.next()?.strip_prefix("s=")?)?;
        let project = Self {
            signer_key: self.signer_key.clone(),
            salt_separator,
            rounds,
            mem_cost,
        };
        fields.next().is_none().then(|| project.hash(&salt, &hash))
    }

    /// A hash of a user in the form that is stored.
    fn hash(&self, salt: &[u8], hash: &[u8]) -> Hash {
        Hash::Text(format!(
            "$fbscrypt$v=1,n={},r={},p=1,ss={},sk={}${}${}",
            self.mem_cost,
            self.rounds,
            STANDARD.encode(&self.salt_separator),
            STANDARD.encode(&self.signer_key),
            STANDARD.encode(salt),
            STANDARD.encode(hash),
        ))
    }
}

fn wrong_config(name: &str) -> Fault {
    Fault::new(format!(
        "The hash configuration has no usable '{name}'. Copy the whole text of the Firebase console (Authentication, \
         Users, the three dots, Password hash parameters)."
    ))
}

/// The records of the file, as members of the JSON export.
enum Source {
    Json(Box<Elements>),
    Csv(Box<Csv>),
}

/// Reads users from an export of Firebase.
pub struct Firebase {
    source: Source,
    options: Options,
    notes: Notes,
}

impl Firebase {
    /// Looks at the beginning of the file to see whether it is JSON.
    pub fn new(mut input: Box<dyn BufRead + Send>, options: Options) -> Result<Self, Fault> {
        let start = input
            .fill_buf()
            .map_err(|error| Fault::at(1, format!("The file cannot be read: {error}.")))?;
        // Byte order marks, and the zeros of UTF-16, stand before and between the signs that count.
        let first = start.iter().find(|byte| byte.is_ascii_graphic()).copied();
        let encoding = options.encoding.as_deref();
        let source = match first {
            Some(b'{' | b'[') => Source::Json(Box::new(Elements::new(input, encoding, "users", None)?)),
            _ => Source::Csv(Box::new(Csv::new(input, encoding)?)),
        };
        Ok(Self {
            source,
            options,
            notes: Notes::default(),
        })
    }

    fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        let (line, members, trouble) = match &mut self.source {
            Source::Json(elements) => match elements.next()? {
                None => return Ok(None),
                Some(element) => {
                    let trouble = element.problem.map(|problem| Trouble::new("", problem));
                    (element.line, element.members, trouble)
                }
            },
            Source::Csv(csv) => match csv.next()? {
                None => return Ok(None),
                Some((line, Ok(members))) => (line, members, None),
                Some((line, Err(trouble))) => (line, Map::new(), Some(trouble)),
            },
        };
        let id = text(members.get("localId"));
        let email = text(members.get("email"));
        if let Some(trouble) = trouble {
            return Ok(Some(refused(line, "user", id, email, trouble)));
        }
        let hash = self.hash(line, &members)?;
        let user = self.user(&members, hash);
        Ok(Some(user_row(line, user, id, email)))
    }

    /// The hash of a user. Without the project's parameters, no hash of the file can be checked: that stops the import.
    fn hash(&self, line: u64, members: &Map<String, Value>) -> Result<Option<Hash>, Fault> {
        let Some(hash) = text(members.get("passwordHash")).filter(|_| self.options.passwords) else {
            return Ok(None);
        };
        let Some(config) = &self.options.hash_config else {
            return Err(Fault::at(
                line,
                "The file has password hashes, but it is not known how they were made. Give '--hash-config FILE' with \
                 the text of the Firebase console (Authentication, Users, the three dots, Password hash parameters), \
                 or '--passwords none'.",
            ));
        };
        let salt = text(members.get("salt")).and_then(|salt| base64(&salt));
        Ok(Some(match (salt, base64(&hash)) {
            (Some(salt), Some(hash)) => config.hash(&salt, &hash),
            _ => Hash::Unusable("malformed"),
        }))
    }

    fn user(&mut self, members: &Map<String, Value>, hash: Option<Hash>) -> Result<UserRecord, Trouble> {
        let email = text(members.get("email"));
        let verified = boolean("emailVerified", members.get("emailVerified"))? == Some(true);
        let last_seen = members.get("lastSignedInAt").or_else(|| members.get("lastLoginAt"));
        let mut user = UserRecord {
            name: name(members.get("displayName")),
            activated: boolean("disabled", members.get("disabled"))?.map(|disabled| !disabled),
            federated_identities: identities(members),
            password_hash: hash,
            password_changed_at: millis("passwordUpdatedAt", members.get("passwordUpdatedAt"))?,
            email_verified_at: (verified && email.is_some()).then_some(self.options.now),
            last_seen_at: millis("lastSignedInAt", last_seen)?,
            stamps: Stamps {
                created_at: millis("createdAt", members.get("createdAt"))?,
                ..Stamps::default()
            },
            email,
            ..UserRecord::default()
        };
        let mut variables = Map::new();
        place_id(&mut user, &mut variables, text(members.get("localId")));
        keep(&mut variables, "phoneNumber", text(members.get("phoneNumber")));
        variables.extend(custom_attributes(members)?);
        keep_others(&mut variables, members, &KNOWN, &self.options, &mut self.notes);
        user.variables = variables_of(variables);
        let factors = members.get("mfaInfo").and_then(Value::as_array);
        if factors.is_some_and(|factors| !factors.is_empty()) {
            self.notes.lose("second factors");
        }
        Ok(user)
    }
}

impl Reader for Firebase {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        self.next_row()
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

/// The claims of the user: JSON in a text.
fn custom_attributes(members: &Map<String, Value>) -> Result<Map<String, Value>, Trouble> {
    let Some(attributes) = text(members.get("customAttributes")) else {
        return Ok(Map::new());
    };
    match exact_json(&attributes) {
        Ok(Value::Object(attributes)) => Ok(attributes),
        _ => Err(Trouble::new(
            "customAttributes",
            "'customAttributes' is not an object in JSON. Correct it, or leave it out.",
        )),
    }
}

/// The identities elsewhere. The export names a password and a telephone as if they were some.
fn identities(members: &Map<String, Value>) -> Option<Vec<Identity>> {
    let all = members.get("providerUserInfo")?.as_array()?;
    let identities = all
        .iter()
        .filter_map(|identity| {
            let provider = text(identity.get("providerId"))?;
            if matches!(provider.as_str(), "password" | "phone") {
                return None;
            }
            Some(Identity {
                provider,
                user_id: text(identity.get("rawId"))?,
                user_name: text(identity.get("email")),
            })
        })
        .collect();
    Some(identities)
}

#[cfg(test)]
mod tests;
