//! Applying a map to a row.

use std::collections::HashSet;

use serde_json::{Map as Object, Value};

use super::fields::{Result, wrong};
use super::hash::{Credential, MALFORMED};
use super::path::{Path, comparable, scalar};
use super::raw::RawRow;
use super::{Map, Variables};
use crate::model::error::shown;
use crate::model::{Email, is_id};
use crate::transfer::options::Options;
use crate::transfer::record::{Hash, Item, Notes, OrganizationRecord, Record, Refusal, Row, Stamps, UserRecord};
use crate::transfer::values::{self, Trouble};

/// Makes users of the rows of one file.
#[derive(Debug)]
pub struct Mapper {
    pub(super) map: Map,
    pub(super) options: Options,
    /// The organization of the row before, so that it is created once.
    organization: Option<String>,
    /// The members and headings that the map uses.
    used: HashSet<String>,
    /// Names that have been looked at, so that each is normalized once.
    settled: HashSet<String>,
    pub notes: Notes,
}

impl Mapper {
    pub fn new(map: Map, options: Options) -> Self {
        let paths = map.paths();
        let of_row = paths.iter().filter(|path| path.parents() == 0);
        let names = of_row.flat_map(|path| [path.first(), path.first_heading(), path.text(), path.heading()]);
        let used = names.map(str::to_owned).collect();
        Self {
            used,
            map,
            options,
            organization: None,
            settled: HashSet::new(),
            notes: Notes::default(),
        }
    }

    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The row of a user; or the row of an organization that the file names here for the first time, and then the user's.
    pub fn rows(&mut self, line: u64, source: &RawRow<'_>) -> (Row, Option<Row>) {
        if let Some(why) = self.skipped(source) {
            return (Row::new(line, Item::Ignored(why)), None);
        }
        self.note(source);
        let item = match self.user(source) {
            Ok(user) => Item::Record(Record::User(Box::new(user))),
            Err(trouble) => Item::Refused(self.refusal(source, trouble)),
        };
        let row = Row::new(line, item);
        match self.organization(source) {
            Some(organization) => (Row::record(line, Record::Organization(organization)), Some(row)),
            None => (row, None),
        }
    }

    fn skipped(&self, source: &RawRow<'_>) -> Option<&'static str> {
        let fits = |(path, texts): &&(Path, Vec<String>)| {
            let found = self.scalars(source, path);
            found
                .iter()
                .any(|found| texts.iter().any(|text| text == "*" || text.eq_ignore_ascii_case(found)))
        };
        let (path, _) = self.map.skip.iter().find(fits)?;
        let name = comparable(path.text());
        Some(match name.as_str() {
            name if name.contains("delete") => "deleted",
            name if name.contains("anonymous") => "anonymous",
            _ => "not a user",
        })
    }

    /// Counts what is not taken over.
    fn note(&mut self, source: &RawRow<'_>) {
        for (word, paths) in &self.map.lost {
            let mut texts = paths.iter().flat_map(|path| source.find(path));
            let has = texts.any(|value| match &value {
                Value::Array(items) => !items.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    let text = scalar(&value).filter(|text| !self.is_null(text));
                    text.is_some_and(|text| values::boolean(&text) != Ok(false))
                }
            });
            if has {
                self.notes.lose(word);
            }
        }
        if matches!(self.map.variables, Variables::Rest) {
            return;
        }
        for (name, text) in source.texts() {
            let is_settled = name.len() > NAME_BYTES_MAX || self.settled.contains(name);
            if is_settled || text.is_some_and(|text| self.is_null(text)) {
                continue;
            }
            if !self.is_used(name) {
                self.notes.leave(name);
            }
            if self.settled.len() < SETTLED_MAX {
                self.settled.insert(name.to_owned());
            }
        }
    }

    fn is_used(&self, name: &str) -> bool {
        self.used.contains(name) || self.used.contains(&comparable(name))
    }

    /// The row's organization, if it is another one than that of the row before and has a name.
    fn organization(&mut self, source: &RawRow<'_>) -> Option<OrganizationRecord> {
        let paths = &self.map.organization_name;
        let name = paths
            .iter()
            .find_map(|path| self.scalars(source, path).into_iter().next())?;
        let id = self.first(source, "organization").ok().flatten()?;
        if self.organization.as_ref() == Some(&id) {
            return None;
        }
        self.organization = Some(id.clone());
        Some(OrganizationRecord {
            id,
            name: Some(values::one_line(&name)),
            ..OrganizationRecord::default()
        })
    }

    fn refusal(&self, source: &RawRow<'_>, trouble: Trouble) -> Refusal {
        Refusal {
            kind: "user",
            id: self.first(source, "id").ok().flatten(),
            email: self.first(source, "email").ok().flatten(),
            field: Some(trouble.field),
            message: trouble.message,
        }
    }

    fn user(&self, source: &RawRow<'_>) -> Result<UserRecord> {
        let mut variables = self.variables(source)?;
        let id = self.id(source, &mut variables)?;
        let username = self.first(source, "username")?;
        let email = match self.first(source, "email")? {
            Some(text) => Some(Email::parse("email", &text).map_err(|why| wrong("email", why.to_string()))?),
            None => username.as_deref().and_then(values::address_of_user_name),
        };
        let email = email.map(|email| email.as_str().to_owned());
        if id.is_none() && email.is_none() {
            let why = match variables.contains_key(EXTERNAL_ID) {
                true => {
                    "The row has no e-mail address, and its id only counts rows or is not ASCII. Use --id-prefix for numbers."
                }
                false => "The row has neither an e-mail address nor an id. Add one of them.",
            };
            return Err(wrong("email", why.to_owned()));
        }
        if let Some(name) = &username {
            variables.insert("username".to_owned(), Value::String(name.clone()));
        }
        let (password, password_hash) = match self.credential(source) {
            _ if !self.options.passwords => (None, None),
            Credential::None => (self.first(source, "password")?, None),
            Credential::Password(password) => (Some(password), None),
            Credential::Hash(hash) => (self.first(source, "password")?, Some(hash)),
        };
        let name = |field: &'static str| -> Result<Option<String>> {
            Ok(self.first(source, field)?.map(|text| values::one_line(&text)))
        };
        Ok(UserRecord {
            id,
            organization_id: self.first(source, "organization")?,
            tenant_id: self.first(source, "tenant")?,
            name: name("name")?,
            firstname: name("firstname")?,
            lastname: name("lastname")?,
            activated: self.activated(source)?,
            roles: self.held(source, "roles")?,
            groups: self.held(source, "groups")?,
            federated_identities: self.identities(source),
            variables: (!variables.is_empty()).then_some(Value::Object(variables)),
            password,
            password_hash,
            password_changed_at: self.time(source, "passwordChangedAt")?,
            password_temporary: self.boolean(source, "passwordTemporary")?,
            email_verified_at: self.verified(source, email.as_deref())?,
            last_seen_at: self.time(source, "lastSeenAt")?,
            stamps: Stamps {
                version: None,
                created_at: self.time(source, "createdAt")?,
                updated_at: self.time(source, "updatedAt")?,
            },
            email,
            aliases: username.into_iter().collect(),
            ..UserRecord::default()
        })
    }

    /// The id, if it can be one here; otherwise it becomes a variable.
    fn id(&self, source: &RawRow<'_>, variables: &mut Object<String, Value>) -> Result<Option<String>> {
        if let Some(id) = self.first(source, EXTERNAL_ID)? {
            variables.insert(EXTERNAL_ID.to_owned(), Value::String(id));
        }
        let Some(id) = self.first(source, "id")? else {
            return Ok(None);
        };
        if values::is_rounded(&id) {
            return Err(wrong(
                "id",
                format!(
                    "A spreadsheet has rounded the id to '{}'. Import the original file, or format the column as text.",
                    shown(&id)
                ),
            ));
        }
        match (&self.options.id_prefix, values::is_counted(&id)) {
            (Some(prefix), true) => Ok(Some(format!("{prefix}{id}"))),
            (_, false) if is_id(&id) => Ok(Some(id)),
            (None, true) | (_, false) => {
                variables.insert(EXTERNAL_ID.to_owned(), Value::String(id));
                Ok(None)
            }
        }
    }

    fn variables(&self, source: &RawRow<'_>) -> Result<Object<String, Value>> {
        let mut variables = Object::new();
        if let Some(field) = self.map.fields.get("variables") {
            for value in field.from.iter().flat_map(|path| source.find(path)) {
                let value = match value {
                    Value::String(json) => crate::model::exact_json(&json)
                        .map_err(|_| wrong("variables", "'variables' is a text that is not valid JSON.".to_owned()))?,
                    value => value,
                };
                if let Value::Object(members) = value {
                    variables.extend(members);
                }
            }
        }
        match &self.map.variables {
            Variables::None => {}
            Variables::Some(paths) => {
                for path in paths {
                    let mut found = source.find(path);
                    found.retain(|value| self.is_value(value));
                    let value = match found.len() {
                        0 => continue,
                        1 => found.pop().unwrap_or_default(),
                        _ => Value::Array(found),
                    };
                    variables.insert(path.last().to_owned(), value);
                }
            }
            Variables::Rest => {
                let left = source.members().into_iter();
                let left = left.filter(|(name, value)| self.is_value(value) && !self.is_used(name));
                variables.extend(left.map(|(name, value)| (name.to_owned(), value)));
            }
        }
        Ok(variables)
    }

    fn is_value(&self, value: &Value) -> bool {
        !value.is_null() && scalar(value).is_none_or(|text| !self.is_null(&text))
    }

    fn identities(&self, source: &RawRow<'_>) -> Option<Vec<crate::transfer::record::Identity>> {
        let identities = self.map.identities.as_ref()?.read(source, |text| self.is_null(text));
        let meaning = self.map.values.get("federatedIdentities");
        let named = identities.into_iter().map(|mut identity| {
            if let Some(name) = meaning.and_then(|meaning| meaning.get(&identity.provider)) {
                identity.provider.clone_from(name);
            }
            identity
        });
        Some(named.collect::<Vec<_>>()).filter(|identities| !identities.is_empty())
    }

    fn credential(&self, source: &RawRow<'_>) -> Credential {
        let Some(field) = &self.map.password_hash else {
            return Credential::None;
        };
        match (field.read(source, |text| self.is_null(text)), &self.options.hash_config) {
            // SuperTokens leaves out what all hashes of a Firebase project have in common.
            (Credential::Hash(Hash::Text(text)), Some(project)) if text.starts_with(SUPERTOKENS) => {
                Credential::Hash(project.complete(&text).unwrap_or(Hash::Unusable(MALFORMED)))
            }
            (credential, _) => credential,
        }
    }
}

/// JSON may have other names in each row, and names of any length.
const SETTLED_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 255;
const EXTERNAL_ID: &str = "externalId";
const SUPERTOKENS: &str = "$f_scrypt$";
