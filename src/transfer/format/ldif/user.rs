//! A person of an LDAP directory.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Entry;
use super::name::normalized;
use crate::model::Timestamp;
use crate::transfer::format::common::{boolean_of, email_or_name, keep, place_id, time_of, variables_of};
use crate::transfer::options::Options;
use crate::transfer::record::{Hash, NamedHash, Stamps, UserRecord};
use crate::transfer::values::{Trouble, base64, one_line};

/// The attributes that are read, in lower case.
pub(super) const KNOWN: [&str; 21] = [
    "objectclass",
    "entryuuid",
    "nsuniqueid",
    "objectguid",
    "uid",
    "samaccountname",
    "userprincipalname",
    "mail",
    "givenname",
    "sn",
    "displayname",
    "cn",
    "createtimestamp",
    "whencreated",
    "modifytimestamp",
    "whenchanged",
    "userpassword",
    "pwdchangedtime",
    "nsaccountlock",
    "pwdaccountlockedtime",
    "useraccountcontrol",
];

/// The bit of `userAccountControl` that switches an account off.
const DISABLED: i64 = 2;

/// Whether an attribute says something about the entry in its server, and nothing about the person.
pub(super) fn is_internal(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "structuralobjectclass",
        "subschemasubentry",
        "hassubordinates",
        "numsubordinates",
        "creatorsname",
        "modifiersname",
        "entrycsn",
        "entrydn",
        "entryid",
        "parentid",
        "contextcsn",
        "distinguishedname",
    ];
    NAMES.contains(&name)
}

/// The user of an entry.
pub(super) fn read(entry: &Entry, options: &Options) -> Result<UserRecord, Trouble> {
    let line = |name: &str| entry.text(name).map(|text| text.map(|text| one_line(&text)));
    let user_name = match entry.text("uid")? {
        Some(uid) => Some(uid),
        None => entry.text("samaccountname")?,
    };
    let principal = entry.text("userprincipalname")?;
    let mut user = UserRecord {
        email: email_or_name(entry.text("mail")?, principal.as_deref().or(user_name.as_deref())),
        name: match line("displayname")? {
            Some(name) => Some(name),
            None => line("cn")?,
        },
        firstname: line("givenname")?,
        lastname: line("sn")?,
        activated: activated(entry)?,
        password_changed_at: time(entry, &["pwdchangedtime"])?,
        stamps: Stamps {
            version: None,
            created_at: time(entry, &["createtimestamp", "whencreated"])?,
            updated_at: time(entry, &["modifytimestamp", "whenchanged"])?,
        },
        ..UserRecord::default()
    };
    let mut variables = Map::new();
    place_id(&mut user, &mut variables, id(entry)?);
    keep(&mut variables, "username", user_name.clone());
    keep_others(entry, &mut variables);
    user.variables = variables_of(variables);
    user.aliases.extend(entry.dn.as_deref().and_then(normalized));
    user.aliases.extend(user_name);
    if options.passwords {
        read_password(entry, &mut user);
    }
    Ok(user)
}

/// Keeps what a map asks for: one value as a text, several as a list. Pictures and the like are not texts.
fn keep_others(entry: &Entry, variables: &mut Map<String, Value>) {
    for (name, value) in entry.others() {
        let Ok(text) = std::str::from_utf8(value) else {
            continue;
        };
        let text = Value::String(text.to_owned());
        match variables.get_mut(name) {
            Some(Value::Array(list)) => list.push(text),
            Some(one) => *one = Value::Array(vec![one.take(), text]),
            None => {
                variables.insert(name.to_owned(), text);
            }
        }
    }
}

fn id(entry: &Entry) -> Result<Option<String>, Trouble> {
    for name in ["entryuuid", "nsuniqueid"] {
        if let Some(id) = entry.text(name)? {
            return Ok(Some(id));
        }
    }
    // Active Directory gives the 16 bytes of a UUID, the first half of them in little endian.
    if let Some(guid) = entry.all("objectguid").next() {
        return match <[u8; 16]>::try_from(guid) {
            Ok(bytes) => Ok(Some(Uuid::from_bytes_le(bytes).to_string())),
            Err(_) => entry.text("objectguid"),
        };
    }
    entry.text("uid")
}

fn time(entry: &Entry, names: &[&str]) -> Result<Option<Timestamp>, Trouble> {
    for name in names {
        if let Some(text) = entry.text(name)? {
            return time_of(name, &text);
        }
    }
    Ok(None)
}

/// `None` if the entry does not say.
fn activated(entry: &Entry) -> Result<Option<bool>, Trouble> {
    if entry.text("pwdaccountlockedtime")?.is_some() {
        return Ok(Some(false));
    }
    if let Some(lock) = entry.text("nsaccountlock")? {
        return Ok(Some(!boolean_of("nsAccountLock", &lock)?));
    }
    let Some(control) = entry.text("useraccountcontrol")? else {
        return Ok(None);
    };
    match control.parse::<i64>() {
        Ok(bits) => Ok(Some(bits & DISABLED == 0)),
        Err(_) => Err(Trouble::new(
            "userAccountControl",
            "'userAccountControl' is not a number.",
        )),
    }
}

enum Password {
    Clear(String),
    Hash(Hash),
}

/// Takes the first of the passwords that can be checked; an entry may have several.
fn read_password(entry: &Entry, user: &mut UserRecord) {
    let mut unusable = None;
    for value in entry.all("userpassword").filter(|value| !value.is_empty()) {
        let password = std::str::from_utf8(value).map_or(Password::Hash(Hash::Unusable("other")), password_of);
        match password {
            Password::Hash(Hash::Unusable(kind)) => unusable = unusable.or(Some(Hash::Unusable(kind))),
            Password::Hash(hash) => {
                user.password_hash = Some(hash);
                return;
            }
            Password::Clear(password) => {
                user.password = Some(password);
                return;
            }
        }
    }
    user.password_hash = unusable;
}

/// A value of `userPassword`: a scheme in braces and a hash, or the password itself (RFC 2307).
fn password_of(value: &str) -> Password {
    let Some((scheme, rest)) = value.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        let is_hash = ["$2a$", "$2b$", "$2y$", "$argon2", "$5$", "$6$"]
            .iter()
            .any(|start| value.starts_with(start));
        return if is_hash {
            Password::Hash(Hash::Text(value.to_owned()))
        } else {
            Password::Clear(value.to_owned())
        };
    };
    let scheme = scheme.to_ascii_uppercase();
    let hash = match scheme.as_str() {
        "CLEAR" | "CLEARTEXT" => return Password::Clear(rest.to_owned()),
        "SSHA" | "SSHA256" | "SSHA512" | "SHA" | "SMD5" | "MD5" => Hash::Text(format!("{{{scheme}}}{rest}")),
        "SHA256" => named("sha256", rest),
        "SHA512" => named("sha512", rest),
        "ARGON2" | "BCRYPT" | "BLF-CRYPT" => Hash::Text(rest.to_owned()),
        "PBKDF2" | "PBKDF2-SHA1" => Hash::Text(format!("$pbkdf2${rest}")),
        "PBKDF2-SHA256" => Hash::Text(format!("$pbkdf2-sha256${rest}")),
        "PBKDF2-SHA512" => Hash::Text(format!("$pbkdf2-sha512${rest}")),
        "CRYPT" => crypt(rest),
        "SASL" => Hash::Unusable("SASL"),
        _ => Hash::Unusable("other"),
    };
    Password::Hash(hash)
}

fn named(algorithm: &str, digest: &str) -> Hash {
    base64(digest).map_or(Hash::Unusable("other"), |digest| {
        Hash::Named(NamedHash {
            algorithm: algorithm.to_owned(),
            digest,
            ..NamedHash::default()
        })
    })
}

/// What crypt(3) made.
fn crypt(hash: &str) -> Hash {
    match hash.split('$').nth(1) {
        Some("2a" | "2b" | "2y" | "5" | "6") => Hash::Text(format!("{{CRYPT}}{hash}")),
        Some("1") => Hash::Unusable("MD5 crypt"),
        Some("apr1") => Hash::Unusable("Apache MD5 crypt"),
        Some("y" | "7" | "gy") => Hash::Unusable("yescrypt"),
        Some(_) => Hash::Unusable("other"),
        None => Hash::Unusable("DES crypt"),
    }
}
