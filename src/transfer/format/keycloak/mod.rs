//! Keycloak: a realm export as one file, or as a directory of `<realm>-realm.json` and `<realm>-users-N.json`.
//!
//! Roles and groups of a realm are created in each organization in which somebody has them, just before the first such
//! user. An export without organizations goes into one organization, which gets them all.

mod files;
mod members;
mod realm;
mod user;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};

use self::files::Documents;
use self::realm::{Place, group_name};
use crate::model::BuiltIn;
use crate::model::error::shown;
use crate::transfer::format::common::{refused, text, texts, user_row};
use crate::transfer::format::stream::Piece;
use crate::transfer::format::{Inputs, Reader};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, GroupRecord, Held, Item, Notes, Record, RoleRecord, Row, UserRecord};
use crate::transfer::values::Trouble;

pub use self::files::files_of;
pub use self::realm::Realm;

/// Reads organizations, roles, groups and users from a Keycloak export.
pub struct Keycloak {
    realm: Arc<Realm>,
    documents: Documents,
    options: Options,
    notes: Notes,
    ready: VecDeque<Row>,
    /// What was handed on, by organization and name.
    roles: BTreeSet<(Option<String>, String)>,
    groups: BTreeSet<(Option<String>, String)>,
    /// Roles that were refused.
    reserved: BTreeSet<String>,
    begun: bool,
    /// How many objects of the export were begun.
    objects: usize,
    in_object: bool,
    in_users: bool,
}

impl Keycloak {
    /// Reads an export again, from its beginning, after the first pass over it ([`Realm::survey`]).
    pub fn new(realm: Arc<Realm>, inputs: Inputs, options: Options) -> Self {
        Self {
            realm,
            documents: Documents::new(inputs, options.encoding.clone()),
            options,
            notes: Notes::default(),
            ready: VecDeque::new(),
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
            reserved: BTreeSet::new(),
            begun: false,
            objects: 0,
            in_object: false,
            in_users: false,
        }
    }

    /// Hands on the organizations, or all roles and groups if there are none.
    fn begin(&mut self) {
        self.begun = true;
        for what in &self.realm.left {
            self.notes.leave(what);
        }
        for organization in &self.realm.organizations {
            if !organization.enabled {
                let sentence = format!(
                    "The organization '{}' is disabled in Keycloak. Here, its users can sign in: deactivate them if \
                     they must not.",
                    shown(&organization.record.id)
                );
                self.notes.warn(sentence);
            }
            let record = Record::Organization(organization.record.clone());
            self.ready.push_back(organization.place.row(record));
        }
        if self.realm.organizations.is_empty() {
            let roles: Vec<String> = self.realm.roles.keys().cloned().collect();
            let groups: Vec<String> = self.realm.groups.keys().cloned().collect();
            for role in roles {
                self.need_role(None, &role);
            }
            for group in groups {
                self.need_group(None, &group);
            }
        }
    }

    /// What a role of the realm is called here. It is handed on first, if it was not. `None` if it has no place here.
    fn need_role(&mut self, organization: Option<&str>, role: &str) -> Option<String> {
        if let Some(name) = self.options.roles.get(role) {
            return Some(name.clone());
        }
        if matches!(role, "offline_access" | "uma_authorization") || role.starts_with("default-roles-") {
            return None;
        }
        let known = self.realm.roles.get(role);
        let place = known.map_or_else(Place::default, |known| known.place.clone());
        // A role that somebody named so means something else there than here.
        if BuiltIn::named(role).is_some() {
            if self.reserved.insert(role.to_owned()) {
                let message = format!(
                    "'{role}' is the name of a built-in role. To give that one, write it into the map ('values', \
                     'roles'); otherwise, rename the role."
                );
                let trouble = Trouble::new("name", message);
                let row = refused(place.line, "role", None, None, trouble);
                self.ready.push_back(Row {
                    file: place.file,
                    ..row
                });
            }
            return None;
        }
        if self.roles.insert((organization.map(str::to_owned), role.to_owned())) {
            let record = RoleRecord {
                organization_id: organization.map(str::to_owned),
                name: role.to_owned(),
                description: known.and_then(|known| known.description.clone()),
                ..RoleRecord::default()
            };
            self.ready.push_back(place.row(Record::Role(record)));
        }
        Some(role.to_owned())
    }

    /// What these roles, and those that they consist of, are called here.
    fn need_roles(&mut self, organization: Option<&str>, roles: &[String]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for role in self.realm.unfold(roles) {
            if let Some(name) = self.need_role(organization, &role)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Hands on a group and its roles, if it was not handed on. A group that the export does not have is left to the
    /// import, which refuses who is in it.
    fn need_group(&mut self, organization: Option<&str>, name: &str) {
        let Some(group) = self.realm.groups.get(name).cloned() else {
            return;
        };
        if !self.groups.insert((organization.map(str::to_owned), name.to_owned())) {
            return;
        }
        let roles = self.need_roles(organization, &group.roles);
        let record = GroupRecord {
            organization_id: organization.map(str::to_owned),
            name: name.to_owned(),
            roles: Some(roles.into_iter().map(Held::from).collect()),
            ..GroupRecord::default()
        };
        self.ready.push_back(group.place.row(Record::Group(record)));
    }

    fn take_user(&mut self, line: u64, piece: Piece) {
        let trouble = match piece {
            Piece::Value(Value::Object(members), _) => {
                let row = self.user(line, &members);
                self.push(row);
                return;
            }
            Piece::Value(..) => "The user is not an object in braces. Correct it, or leave it out.",
            Piece::TooLarge => {
                "The user is larger than 16 MiB, or has more than 75,000 values. Make it smaller, or leave it out."
            }
            Piece::TooDeep => "The user is nested deeper than 64 levels. Make it flatter, or leave it out.",
        };
        self.push(refused(line, "user", None, None, Trouble::new("", trouble)));
    }

    /// Adds a row of the file that is being read.
    fn push(&mut self, row: Row) {
        let file = self.documents.file();
        self.ready.push_back(Row { file, ..row });
    }

    fn user(&mut self, line: u64, members: &Map<String, Value>) -> Row {
        if members
            .get("serviceAccountClientId")
            .is_some_and(|client| !client.is_null())
        {
            return Row::new(line, Item::Ignored("service account"));
        }
        let read = self.placed(members);
        user_row(line, read, text(members.get("id")), text(members.get("email")))
    }

    /// A user with its organization, roles and groups.
    fn placed(&mut self, members: &Map<String, Value>) -> Result<UserRecord, Trouble> {
        let user_name = text(members.get("username")).unwrap_or_default();
        let organizations: Vec<String> = self
            .realm
            .organizations_of(&user_name)
            .into_iter()
            .map(|organization| organization.record.id.clone())
            .collect();
        if organizations.len() > 1 {
            return Err(Trouble::new(
                "organizations",
                format!(
                    "The user is a member of several organizations: {}. A user belongs to one: remove it from the \
                     others.",
                    shown(&organizations.join(", "))
                ),
            ));
        }
        let mut user = user::read(members, &self.options, &mut self.notes)?;
        user.organization_id = organizations.into_iter().next();
        let organization = user.organization_id.as_deref();
        if members.contains_key("realmRoles") {
            let roles = self.need_roles(organization, &texts(members.get("realmRoles")));
            user.roles = Some(roles.into_iter().map(Held::from).collect());
        }
        if members.contains_key("groups") {
            let groups: Vec<String> = texts(members.get("groups"))
                .iter()
                .map(|path| group_name(path))
                .collect();
            for group in &groups {
                self.need_group(organization, group);
            }
            user.groups = Some(groups.into_iter().map(Held::from).collect());
        }
        Ok(user)
    }
}

impl Keycloak {
    fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            if !self.begun {
                self.begin();
            } else if self.in_users {
                let stream = self.documents.stream()?;
                if stream.element()? {
                    stream.peek()?;
                    let line = stream.line();
                    let piece = stream.value()?;
                    self.take_user(line, piece);
                } else {
                    self.in_users = false;
                }
            } else if self.in_object {
                let is_ours = self.realm.has_object(self.objects.saturating_sub(1));
                let stream = self.documents.stream()?;
                match stream.member()?.as_deref() {
                    None => self.in_object = false,
                    Some("users") if is_ours && stream.peek()? == Some(b'[') => {
                        stream.open(b'[')?;
                        self.in_users = true;
                    }
                    Some(_) => stream.skip()?,
                }
            } else if self.documents.next()?.is_some() {
                self.in_object = true;
                self.objects += 1;
            } else {
                return Ok(None);
            }
        }
    }
}

impl Reader for Keycloak {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        self.next_row().map_err(|fault| self.documents.fault(fault))
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

#[cfg(test)]
mod tests;
