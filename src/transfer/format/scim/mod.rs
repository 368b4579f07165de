//! SCIM resources (RFC 7643, RFC 7644): list responses, bare resources, lists of them, and NDJSON.

use std::collections::VecDeque;
use std::io::BufRead;

use serde_json::{Map, Value};

use crate::model::{Entries, is_id};
use crate::transfer::format::Reader;
use crate::transfer::format::common::{
    boolean, email_or_name, keep, keep_others, name, place_id, refused, text, time, user_row, variables_of,
};
use crate::transfer::format::elements::{Element, Elements};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, GroupRecord, MembersRecord, Notes, Record, Row, Stamps, UserRecord};
use crate::transfer::values::Trouble;

/// What to do if records are missing.
const ADVICE: &str = "Fetch the other pages (with 'startIndex'), and import them together.";
/// Members that stand before the group's name are kept until it comes, up to this many.
const WAITING_MAX: usize = 100_000;
const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Members that are read, or that say nothing about a person.
const KNOWN: [&str; 13] = [
    "schemas",
    "id",
    "externalId",
    "userName",
    "name",
    "displayName",
    "emails",
    "active",
    "meta",
    "groups",
    "password",
    "members",
    ENTERPRISE,
];

/// The attributes of the profile, but for the e-mail addresses.
const SAID: [&str; 15] = [
    "name",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "x509Certificates",
    ENTERPRISE,
];

/// Reads users and groups from SCIM resources.
pub struct Scim {
    elements: Elements,
    options: Options,
    notes: Notes,
    /// Members of a group whose name was not read yet.
    waiting: Vec<String>,
    too_many: bool,
    /// The group whose members are being read, once its row was handed on.
    group: Option<String>,
    /// Rows that are ready.
    ready: VecDeque<Row>,
}

impl Scim {
    pub fn new(input: Box<dyn BufRead + Send>, options: Options) -> Result<Self, Fault> {
        Ok(Self {
            elements: Elements::new(input, options.encoding.as_deref(), "Resources", Some("members"))?,
            options,
            notes: Notes::default(),
            waiting: Vec::new(),
            too_many: false,
            group: None,
            ready: VecDeque::new(),
        })
    }

    fn count_page(&mut self, page: &Map<String, Value>, count: u64) {
        let total = text(page.get("totalResults")).and_then(|total| total.parse::<u64>().ok());
        let pages = &mut self.notes.pages;
        pages.total = pages.total.max(total.unwrap_or(0));
        pages.found = pages.found.saturating_add(count);
        pages.has_next = page.contains_key("@odata.nextLink");
        pages.advice = ADVICE;
    }

    fn take(&mut self, element: Element) {
        let is_group = !element.first || !element.last || is_group(&element.members);
        if is_group {
            self.take_group(element);
            return;
        }
        let id = text(element.members.get("id"));
        if let Some(problem) = element.problem {
            let row = refused(element.line, "user", id, None, Trouble::new("", problem));
            self.ready.push_back(row);
            return;
        }
        let email = email(&element.members);
        let user = self.user(&element.members, email.clone());
        self.ready.push_back(user_row(element.line, user, id, email));
    }

    /// A group, or a part of one with many members.
    fn take_group(&mut self, element: Element) {
        if element.first {
            self.group = None;
            self.waiting.clear();
            self.too_many = false;
        }
        let id = text(element.members.get("id"));
        if self.group.is_none()
            && let Some(name) = name(element.members.get("displayName"))
            && !self.too_many
        {
            let group = GroupRecord {
                id: id.clone().filter(|id| is_id(id)),
                name: name.clone(),
                ..GroupRecord::default()
            };
            self.ready.push_back(Row::record(element.line, Record::Group(group)));
            self.group = Some(name);
        }
        self.waiting.extend(element.items.iter().filter_map(|item| match item {
            Value::Object(member) => text(member.get("value")),
            other => text(Some(other)),
        }));
        match &self.group {
            Some(group) if !self.waiting.is_empty() => {
                let members = MembersRecord {
                    group: group.clone(),
                    organization_id: None,
                    members: std::mem::take(&mut self.waiting),
                };
                self.ready
                    .push_back(Row::record(element.line, Record::Members(members)));
            }
            None if self.waiting.len() > WAITING_MAX => {
                self.too_many = true;
                self.waiting = Vec::new();
            }
            _ => {}
        }
        let trouble = match element.problem {
            Some(problem) if element.last => Trouble::new("members", problem),
            None if element.last && self.too_many => Trouble::new(
                "displayName",
                "'displayName' stands after more than 100,000 members. Write it before 'members'.",
            ),
            None if element.last && self.group.is_none() => {
                Trouble::new("displayName", "The group has no 'displayName'. Give it one.")
            }
            _ => return,
        };
        self.ready.push_back(refused(element.line, "group", id, None, trouble));
    }

    fn user(&mut self, members: &Map<String, Value>, email: Option<String>) -> Result<UserRecord, Trouble> {
        let names = members.get("name").and_then(Value::as_object);
        let meta = members.get("meta").and_then(Value::as_object);
        let mut user = UserRecord {
            email,
            name: name(members.get("displayName")).or_else(|| name(names.and_then(|names| names.get("formatted")))),
            firstname: name(names.and_then(|names| names.get("givenName"))),
            lastname: name(names.and_then(|names| names.get("familyName"))),
            user_name: text(members.get("userName")),
            external_id: text(members.get("externalId")),
            profile: profile(members, email_place(members)),
            activated: boolean("active", members.get("active"))?,
            stamps: Stamps {
                version: None,
                created_at: time("meta.created", meta.and_then(|meta| meta.get("created")))?,
                updated_at: time("meta.lastModified", meta.and_then(|meta| meta.get("lastModified")))?,
            },
            ..UserRecord::default()
        };
        // Servers never return it, but files that were made for a bulk request have it.
        if self.options.passwords {
            user.password = members.get("password").and_then(Value::as_str).map(str::to_owned);
            user.password = user.password.filter(|password| !password.is_empty());
        }
        let mut variables = Map::new();
        place_id(&mut user, &mut variables, text(members.get("id")));
        keep(&mut variables, "username", text(members.get("userName")));
        keep(&mut variables, "externalId", text(members.get("externalId")));
        if let Some(Value::Object(enterprise)) = members.get(ENTERPRISE) {
            for (key, value) in enterprise {
                if !value.is_null() {
                    variables.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        keep_others(&mut variables, members, &KNOWN, &self.options, &mut self.notes);
        user.variables = variables_of(variables);
        Ok(user)
    }
}

impl Reader for Scim {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            let element = self.elements.next()?;
            for (page, count) in self.elements.pages() {
                self.count_page(&page, count);
            }
            match element {
                None => return Ok(None),
                Some(element) => self.take(element),
            }
        }
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

fn is_group(members: &Map<String, Value>) -> bool {
    let has_schema = members
        .get("schemas")
        .and_then(Value::as_array)
        .is_some_and(|schemas| schemas.iter().any(|schema| schema.as_str() == Some(GROUP_SCHEMA)));
    let kind = members.get("meta").and_then(|meta| meta.get("resourceType"));
    has_schema || kind.and_then(Value::as_str) == Some("Group")
}

fn emails(members: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let emails = members.get("emails").and_then(Value::as_array);
    emails.into_iter().flatten().filter_map(Value::as_object).collect()
}

/// The place of the account's address: the primary one, else that of work, else the first one.
fn email_place(members: &Map<String, Value>) -> Option<usize> {
    let emails = emails(members);
    let is_primary = |email: &&Map<String, Value>| boolean("primary", email.get("primary")) == Ok(Some(true));
    let is_work = |email: &&Map<String, Value>| email.get("type").and_then(Value::as_str) == Some("work");
    let has_address = |place: &usize| {
        emails
            .get(*place)
            .is_some_and(|email| text(email.get("value")).is_some())
    };
    let such = |is: &dyn Fn(&&Map<String, Value>) -> bool| {
        let places = 0..emails.len();
        let mut such = places.filter(|place| emails.get(*place).is_some_and(is));
        such.find(has_address)
    };
    such(&is_primary).or_else(|| such(&is_work)).or_else(|| such(&|_| true))
}

/// The account's address, or else a user name that is an address.
fn email(members: &Map<String, Value>) -> Option<String> {
    let found = email_place(members).and_then(|place| text(emails(members).get(place)?.get("value")));
    email_or_name(found, text(members.get("userName")).as_deref())
}

/// What is said about the user in attributes of the schema that have no field of their own. Numbers become texts.
fn profile(members: &Map<String, Value>, account: Option<usize>) -> Option<Value> {
    let said = members.iter().filter(|(key, _)| SAID.contains(&key.as_str()));
    let mut said: Map<String, Value> = said.map(|(key, value)| (key.clone(), as_texts(value))).collect();
    if let Some(Value::Object(enterprise)) = said.get_mut(ENTERPRISE)
        && let Some(manager) = enterprise.get_mut("manager")
    {
        // What else is said of the manager is what the manager's own record says.
        let id = manager.get("value").or(Some(manager)).and_then(Value::as_str);
        *manager = serde_json::json!({ "value": id });
    }
    let entries = emails(members)
        .into_iter()
        .map(|entry| as_texts(&Value::Object(entry.clone())));
    let entries = entries.filter_map(|entry| entry.as_object().cloned()).collect();
    let entries = Entries::new(entries, account).stored();
    if !entries.is_empty() {
        said.insert("emails".to_owned(), Value::Array(entries));
    }
    (!said.is_empty()).then_some(Value::Object(said))
}

fn as_texts(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(as_texts).collect()),
        Value::Object(members) => {
            let texts = members.iter().map(|(key, value)| (key.clone(), as_texts(value)));
            Value::Object(texts.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
