//! Auth0: profiles of the export job, lines of the password export, and arrays for its bulk import.
//!
//! Files of these kinds look alike, so each object is recognized by itself.

mod hash;

use std::io::BufRead;

use serde_json::{Map, Value};

use crate::model::Timestamp;
use crate::transfer::format::Reader;
use crate::transfer::format::common::{
    boolean, email_or_name, keep, keep_others, name, place_id, refused, text, texts, time, user_row, variables_of,
};
use crate::transfer::format::elements::{Element, Elements};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Hash, HashRecord, Held, Identity, Notes, Record, Row, Stamps, UserRecord};
use crate::transfer::values::Trouble;

/// The provider of users with a password, whose identity is the user.
const OWN_PROVIDER: &str = "auth0";
/// How the ids of those users begin.
const OWN_PREFIX: &str = "auth0|";
/// What to do if users are missing.
const ADVICE: &str =
    "Import the file of an export job instead of the list of users, because the list ends after 1,000.";
/// Members that are read, or that say nothing about a person.
const KNOWN: [&str; 23] = [
    "user_id",
    "email",
    "email_verified",
    "emailVerified",
    "username",
    "given_name",
    "family_name",
    "name",
    "blocked",
    "created_at",
    "updated_at",
    "last_login",
    "password_set_date",
    "last_password_reset",
    "identities",
    "password_hash",
    "passwordHash",
    "custom_password_hash",
    "mfa_factors",
    "multifactor",
    "last_ip",
    "logins_count",
    "connection",
];

/// Reads users, and hashes of users, from Auth0's files.
pub struct Auth0 {
    elements: Elements,
    options: Options,
    notes: Notes,
}

impl Auth0 {
    pub fn new(input: Box<dyn BufRead + Send>, options: Options) -> Result<Self, Fault> {
        Ok(Self {
            elements: Elements::new(input, options.encoding.as_deref(), "users", None)?,
            options,
            notes: Notes::default(),
        })
    }

    fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        let element = self.elements.next()?;
        for (page, count) in self.elements.pages() {
            let total = text(page.get("total")).and_then(|total| total.parse::<u64>().ok());
            let pages = &mut self.notes.pages;
            pages.total = pages.total.max(total.unwrap_or(0));
            pages.found = pages.found.saturating_add(count);
            pages.advice = ADVICE;
        }
        Ok(element.map(|element| self.row(&element)))
    }

    fn row(&mut self, element: &Element) -> Row {
        let members = &element.members;
        let line = element.line;
        let object_id = ["_id", "_ID", "alt_id"].into_iter().find_map(|key| members.get(key));
        let id = text(members.get("user_id")).or_else(|| object_id.and_then(own_id));
        let email = text(members.get("email"));
        if let Some(problem) = element.problem {
            return refused(line, "user", id, email, Trouble::new("", problem));
        }
        if object_id.is_some() && !members.contains_key("user_id") {
            return match self.hash(members, id.clone()) {
                Ok(hash) => Row::record(line, Record::PasswordHash(hash)),
                Err(trouble) => refused(line, "passwordHash", id, email, trouble),
            };
        }
        let user = self.user(members);
        user_row(line, user, id, email)
    }

    /// A line of the password export, which names a user who is there already.
    fn hash(&self, members: &Map<String, Value>, id: Option<String>) -> Result<HashRecord, Trouble> {
        let user_id =
            id.ok_or_else(|| Trouble::new("_id", "'_id' must have an '$oid'. Export the passwords again."))?;
        let hash = text(members.get("passwordHash")).or_else(|| text(members.get("password_hash")));
        Ok(HashRecord {
            user_id,
            hash: hash.filter(|_| self.options.passwords).map(Hash::Text),
            changed_at: changed_at(members)?,
        })
    }

    fn user(&mut self, members: &Map<String, Value>) -> Result<UserRecord, Trouble> {
        let user_name = text(members.get("username"));
        let email = email_or_name(text(members.get("email")), user_name.as_deref());
        let verified = match boolean("email_verified", members.get("email_verified"))? {
            Some(verified) => Some(verified),
            None => boolean("emailVerified", members.get("emailVerified"))?,
        };
        let mut user = UserRecord {
            // Auth0 writes the address as the name of those who have none.
            name: name(members.get("name")).filter(|name| Some(name) != email.as_ref()),
            firstname: name(members.get("given_name")),
            lastname: name(members.get("family_name")),
            activated: boolean("blocked", members.get("blocked"))?.map(|blocked| !blocked),
            federated_identities: identities(members),
            email_verified_at: (verified == Some(true) && email.is_some()).then_some(self.options.now),
            last_seen_at: time("last_login", members.get("last_login"))?,
            stamps: Stamps {
                version: None,
                created_at: time("created_at", members.get("created_at"))?,
                updated_at: time("updated_at", members.get("updated_at"))?,
            },
            password_changed_at: changed_at(members)?,
            email,
            ..UserRecord::default()
        };
        if self.options.passwords {
            user.password_hash = match (members.get("custom_password_hash"), text(members.get("password_hash"))) {
                (Some(Value::Object(custom)), _) => Some(self.custom_hash(custom)),
                (_, Some(hash)) => Some(Hash::Text(hash)),
                _ => text(members.get("passwordHash")).map(Hash::Text),
            };
        }
        let factors = members.get("mfa_factors").or_else(|| members.get("multifactor"));
        if factors
            .and_then(Value::as_array)
            .is_some_and(|factors| !factors.is_empty())
        {
            self.notes.lose("second factors");
        }
        let mut variables = Map::new();
        place_id(&mut user, &mut variables, text(members.get("user_id")));
        keep(&mut variables, "username", user_name);
        keep_others(&mut variables, members, &KNOWN, &self.options, &mut self.notes);
        user.roles = self.roles(members);
        user.variables = variables_of(variables);
        Ok(user)
    }

    /// A user whose hash is malformed is created without a password, as one whose hash is of an unknown kind.
    fn custom_hash(&mut self, custom: &Map<String, Value>) -> Hash {
        hash::custom(custom).unwrap_or_else(|trouble| {
            self.notes.warn(trouble.message);
            Hash::Unusable("malformed")
        })
    }

    /// Roles of `app_metadata` that the map translates. Others mean nothing here: each product writes its own there.
    fn roles(&self, members: &Map<String, Value>) -> Option<Vec<Held>> {
        let given = members.get("app_metadata")?.get("roles")?;
        let names = match given {
            Value::String(name) => vec![name.clone()],
            list => texts(Some(list)),
        };
        let roles: Vec<Held> = names
            .iter()
            .filter_map(|name| self.options.roles.get(name).cloned().map(Held::from))
            .collect();
        (!roles.is_empty()).then_some(roles)
    }
}

impl Reader for Auth0 {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        self.next_row()
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

/// The id of the user whom an object id of Auth0's database names.
fn own_id(object_id: &Value) -> Option<String> {
    let id = text(object_id.get("$oid").or(Some(object_id)))?;
    Some(if id.contains('|') {
        id
    } else {
        format!("{OWN_PREFIX}{id}")
    })
}

fn changed_at(members: &Map<String, Value>) -> Result<Option<Timestamp>, Trouble> {
    for field in ["password_set_date", "last_password_reset"] {
        if let Some(changed) = time(field, members.get(field))? {
            return Ok(Some(changed));
        }
    }
    Ok(None)
}

/// The identities elsewhere. `None` if the file gives none at all.
fn identities(members: &Map<String, Value>) -> Option<Vec<Identity>> {
    let all = members.get("identities")?.as_array()?;
    let identities = all
        .iter()
        .filter_map(|identity| {
            Some(Identity {
                provider: text(identity.get("provider")).filter(|provider| provider != OWN_PROVIDER)?,
                user_id: text(identity.get("user_id"))?,
                user_name: None,
            })
        })
        .collect();
    Some(identities)
}

#[cfg(test)]
mod tests;
