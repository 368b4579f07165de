//! A user of a Keycloak export, and its password.

use serde_json::{Map, Value};

use super::realm::{attributes, has_members};
use crate::model::exact_json;
use crate::transfer::format::common::{
    boolean, email_or_name, keep, millis, name, place_id, text, texts, variables_of,
};
use crate::transfer::options::Options;
use crate::transfer::record::{Hash, Identity, Notes, Stamps, UserRecord};
use crate::transfer::values::{Trouble, base64, base64_bare};

/// Members that are read elsewhere or here, or that say nothing about a person.
const KNOWN: [&str; 26] = [
    "id",
    "username",
    "email",
    "emailVerified",
    "firstName",
    "lastName",
    "enabled",
    "createdTimestamp",
    "credentials",
    "federatedIdentities",
    "federationLink",
    "serviceAccountClientId",
    "attributes",
    "realmRoles",
    "clientRoles",
    "groups",
    "requiredActions",
    "disableableCredentialTypes",
    "totp",
    "notBefore",
    "access",
    "self",
    "origin",
    "clientConsents",
    "applicationRoles",
    "socialLinks",
];

/// A user without its organization, roles and groups.
pub(super) fn read(members: &Map<String, Value>, options: &Options, notes: &mut Notes) -> Result<UserRecord, Trouble> {
    let user_name = text(members.get("username"));
    let email = email_or_name(text(members.get("email")), user_name.as_deref());
    let verified = boolean("emailVerified", members.get("emailVerified"))? == Some(true);
    let mut user = UserRecord {
        firstname: name(members.get("firstName")),
        lastname: name(members.get("lastName")),
        activated: boolean("enabled", members.get("enabled"))?,
        federated_identities: identities(members),
        email_verified_at: (verified && email.is_some()).then_some(options.now),
        stamps: Stamps {
            created_at: millis("createdTimestamp", members.get("createdTimestamp"))?,
            ..Stamps::default()
        },
        email,
        ..UserRecord::default()
    };
    let mut variables = members.get("attributes").map(attributes).unwrap_or_default();
    place_id(&mut user, &mut variables, text(members.get("id")));
    keep(&mut variables, "username", user_name.clone());
    for (key, value) in members {
        if KNOWN.contains(&key.as_str()) || value.is_null() {
            continue;
        }
        if options.keeps(key) {
            variables.insert(key.clone(), value.clone());
        } else {
            notes.leave(key);
        }
    }
    if has_members(members.get("clientRoles")) {
        notes.leave("clientRoles");
    }
    user.variables = variables_of(variables);
    user.aliases.extend(user_name);
    read_credentials(members, options, notes, &mut user)?;
    Ok(user)
}

/// The identities elsewhere. `None` if the file gives none at all.
fn identities(members: &Map<String, Value>) -> Option<Vec<Identity>> {
    let all = members.get("federatedIdentities")?.as_array()?;
    let identities = all
        .iter()
        .filter_map(|identity| {
            Some(Identity {
                provider: text(identity.get("identityProvider"))?,
                user_id: text(identity.get("userId"))?,
                user_name: text(identity.get("userName")),
            })
        })
        .collect();
    Some(identities)
}

fn read_credentials(
    members: &Map<String, Value>,
    options: &Options,
    notes: &mut Notes,
    user: &mut UserRecord,
) -> Result<(), Trouble> {
    let mut newest: Option<(i64, &Value)> = None;
    let mut has_second_factor = false;
    for credential in members
        .get("credentials")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if credential.get("type").and_then(Value::as_str) != Some("password") {
            has_second_factor = true;
            continue;
        }
        let date = credential.get("createdDate").and_then(Value::as_i64).unwrap_or(0);
        if newest.is_none_or(|(known, _)| date >= known) {
            newest = Some((date, credential));
        }
    }
    if has_second_factor {
        notes.lose("second factors");
    }
    let Some((_, credential)) = newest.filter(|_| options.passwords) else {
        if members.get("federationLink").is_some_and(|link| !link.is_null()) {
            notes.lose("passwords that are kept in another directory");
        }
        return Ok(());
    };
    user.password_changed_at = millis("createdDate", credential.get("createdDate"))?;
    let must_change = texts(members.get("requiredActions"))
        .iter()
        .any(|action| action == "UPDATE_PASSWORD");
    user.password_temporary = match boolean("temporary", credential.get("temporary"))? {
        _ if must_change => Some(true),
        given => given,
    };
    match credential.get("value").and_then(Value::as_str) {
        Some(masked) if is_masked(masked) => user.password_hash = Some(Hash::Unusable("masked")),
        Some(password) if !password.is_empty() => user.password = Some(password.to_owned()),
        _ => user.password_hash = Some(hash(credential).unwrap_or(Hash::Unusable("malformed"))),
    }
    Ok(())
}

/// Whether the console replaced a secret.
fn is_masked(value: &str) -> bool {
    value.len() >= 4 && value.bytes().all(|byte| byte == b'*')
}

/// The hash of a credential; `None` if something is missing.
fn hash(credential: &Value) -> Option<Hash> {
    let inner = |member: &str| {
        let json = credential.get(member)?.as_str()?;
        exact_json(json).ok()
    };
    let (secret, data) = match (inner("secretData"), inner("credentialData")) {
        (Some(secret), Some(data)) => (secret, data),
        // Before version 8, the members are in the credential itself.
        _ => (
            serde_json::json!({"value": credential.get("hashedSaltedValue")?, "salt": credential.get("salt")}),
            credential.clone(),
        ),
    };
    let value = text(secret.get("value"))?;
    if is_masked(&value) {
        return Some(Hash::Unusable("masked"));
    }
    let algorithm = text(data.get("algorithm"))?;
    let rounds = text(data.get("hashIterations")).and_then(|rounds| rounds.parse::<u32>().ok());
    let digest = match algorithm.as_str() {
        "pbkdf2" => "sha1",
        "pbkdf2-sha256" => "sha256",
        "pbkdf2-sha512" => "sha512",
        "argon2" => return argon2(&value, &secret, &data, rounds?),
        // What the usual extension calls it: the value is the whole hash.
        "bcrypt" => return Some(Hash::Text(value)),
        _ => return Some(Hash::Unusable("other")),
    };
    let (salt, hash) = (base64(&text(secret.get("salt"))?)?, base64(&value)?);
    Some(Hash::Text(format!(
        "$pbkdf2-{digest}$i={},l={}${}${}",
        rounds?,
        hash.len(),
        base64_bare(&salt),
        base64_bare(&hash),
    )))
}

fn argon2(value: &str, secret: &Value, data: &Value, rounds: u32) -> Option<Hash> {
    let parameters = data.get("additionalParameters")?;
    // Each parameter is a list of one text.
    let parameter = |name: &str| match parameters.get(name)? {
        Value::Array(list) => text(list.first()),
        value => text(Some(value)),
    };
    let number = |name: &str| parameter(name)?.parse::<u32>().ok();
    let version = match parameter("version").as_deref() {
        Some("1.3") => 19,
        Some("1.0") => 16,
        _ => return None,
    };
    let kind = parameter("type").filter(|kind| matches!(kind.as_str(), "id" | "i" | "d"))?;
    Some(Hash::Text(format!(
        "$argon2{kind}$v={version}$m={},t={rounds},p={}${}${}",
        number("memory")?,
        number("parallelism")?,
        base64_bare(&base64(&text(secret.get("salt"))?)?),
        base64_bare(&base64(value)?),
    )))
}
