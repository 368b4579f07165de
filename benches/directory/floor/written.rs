//! Answers as JSON, written row by row.

use std::collections::HashMap;

use tenantry::model::Timestamp;

/// A list of users.
pub struct Users {
    text: Vec<u8>,
}

impl Users {
    pub fn new() -> Self {
        let mut text = Vec::with_capacity(8 * 1024);
        text.extend_from_slice(br#"{"data":{"users":["#);
        Self { text }
    }

    fn begin(&mut self, id: &str, email: Option<&str>, name: &str) {
        if self.text.ends_with(b"}") {
            self.text.push(b',');
        }
        self.text.extend_from_slice(br#"{"id":"#);
        put(&mut self.text, id);
        self.text.extend_from_slice(br#","email":"#);
        match email {
            Some(email) => put(&mut self.text, email),
            None => self.text.extend_from_slice(b"null"),
        }
        self.text.extend_from_slice(br#","name":"#);
        put(&mut self.text, name);
    }

    pub fn add(&mut self, id: &str, email: Option<&str>, name: &str, activated: bool, created_at: i64) {
        self.begin(id, email, name);
        self.text.extend_from_slice(br#","activated":"#);
        self.text.extend_from_slice(if activated { b"true" } else { b"false" });
        self.text.extend_from_slice(br#","createdAt":""#);
        self.text
            .extend_from_slice(Timestamp::from_micros(created_at).to_string().as_bytes());
        self.text.extend_from_slice(br#""}"#);
    }

    /// A user with what is beside it.
    pub fn add_nested(&mut self, user: &Nested<impl AsRef<str>>, names: &Names) {
        self.begin(
            user.id.as_ref(),
            user.email.as_ref().map(AsRef::as_ref),
            user.name.as_ref(),
        );
        self.text.extend_from_slice(br#","organization":"#);
        self.text.extend_from_slice(&names.organization);
        self.text.extend_from_slice(br#","tenant":"#);
        match &user.tenant {
            Some((id, name)) => self.text.extend_from_slice(&named(id.as_ref(), name.as_ref())),
            None => self.text.extend_from_slice(b"null"),
        }
        for (title, keys, of) in [
            (r#","groups":["#, &user.groups, &names.groups),
            (r#","roles":["#, &user.roles, &names.roles),
        ] {
            self.text.extend_from_slice(title.as_bytes());
            for (number, key) in keys.iter().enumerate() {
                if number > 0 {
                    self.text.push(b',');
                }
                self.text.extend_from_slice(&of[key]);
            }
            self.text.push(b']');
        }
        self.text.push(b'}');
    }

    pub fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}}");
        self.text
    }
}

/// A user of a nested page.
pub struct Nested<S> {
    pub id: S,
    pub email: Option<S>,
    pub name: S,
    /// Its id and name.
    pub tenant: Option<(S, S)>,
    pub groups: Vec<i64>,
    pub roles: Vec<i64>,
}

impl<S> Nested<S> {
    /// A row of the statement for pairs.
    pub fn push(&mut self, kind: i64, key: i64) {
        match kind {
            1 => self.groups.push(key),
            _ => self.roles.push(key),
        }
    }
}

/// What stands beside users, each as it is written, by its key.
#[derive(Default)]
pub struct Names {
    organization: Vec<u8>,
    groups: HashMap<i64, Vec<u8>>,
    roles: HashMap<i64, Vec<u8>>,
}

impl Names {
    /// A row of the statements for names.
    pub fn add(&mut self, kind: i64, pk: i64, id: &str, name: &str) {
        let written = named(id, name);
        match kind {
            0 => self.organization = written,
            1 => drop(self.groups.insert(pk, written)),
            _ => drop(self.roles.insert(pk, written)),
        }
    }
}

/// Each key once, in order.
pub fn distinct<'a>(keys: impl Iterator<Item = &'a Vec<i64>>) -> Vec<i64> {
    let mut all: Vec<i64> = keys.flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn named(id: &str, name: &str) -> Vec<u8> {
    let mut text = br#"{"id":"#.to_vec();
    put(&mut text, id);
    text.extend_from_slice(br#","name":"#);
    put(&mut text, name);
    text.push(b'}');
    text
}

fn put(text: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(text, value).unwrap();
}
