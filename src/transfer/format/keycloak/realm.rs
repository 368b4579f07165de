//! The first pass over a Keycloak export: the realm's roles, groups and organizations, which users refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::files::Documents;
use super::members::Members;
use crate::model::is_id;
use crate::transfer::format::Inputs;
use crate::transfer::format::common::{name, text, texts, variables_of};
use crate::transfer::format::stream::{JsonStream, Piece};
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Item, OrganizationRecord, Record, Row};

/// Where in the export something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Option<Arc<str>>,
    pub(super) line: u64,
}

impl Place {
    pub(super) fn row(&self, record: Record) -> Row {
        Row {
            file: self.file.clone(),
            line: self.line,
            item: Item::Record(record),
        }
    }
}

/// A role of the realm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RealmRole {
    pub(super) place: Place,
    pub(super) description: Option<String>,
    composites: Vec<String>,
}

/// A group of the realm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RealmGroup {
    pub(super) place: Place,
    /// Its own ones, and those of the groups above it.
    pub(super) roles: Vec<String>,
}

/// An organization of the realm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RealmOrganization {
    pub(super) place: Place,
    pub(super) record: OrganizationRecord,
    pub(super) enabled: bool,
}

/// What the second pass needs to know about a realm.
#[derive(Debug, Default)]
pub struct Realm {
    name: String,
    pub(super) roles: BTreeMap<String, RealmRole>,
    /// By their paths, without the slash at the beginning.
    pub(super) groups: BTreeMap<String, RealmGroup>,
    pub(super) organizations: Vec<RealmOrganization>,
    members: Members,
    has_users: bool,
    /// What has no place here.
    pub(super) left: BTreeSet<&'static str>,
    /// Of the objects in the export, those of this realm.
    objects: BTreeSet<usize>,
    /// The file that is being read.
    file: Option<Arc<str>>,
}

impl Realm {
    /// Reads an export up to its end, and chooses the realm.
    pub fn survey(inputs: Inputs, options: &Options) -> Result<Self, Fault> {
        let mut documents = Documents::new(inputs, options.encoding.clone());
        let mut realms: Vec<Self> = Vec::new();
        Self::read_all(&mut documents, &mut realms).map_err(|fault| documents.fault(fault))?;
        let mut realm = choose(realms, options)?;
        if !realm.has_users {
            return Err(without_users(&realm.name));
        }
        realm.members.sort();
        Ok(realm)
    }

    fn read_all(documents: &mut Documents, realms: &mut Vec<Self>) -> Result<(), Fault> {
        let mut count = 0;
        while documents.next()?.is_some() {
            let mut realm = Self {
                objects: BTreeSet::from([count]),
                file: documents.file(),
                ..Self::default()
            };
            realm.read(documents.stream()?)?;
            count += 1;
            match realms.iter_mut().find(|known| known.name == realm.name) {
                Some(known) => known.add(realm),
                None => realms.push(realm),
            }
        }
        Ok(())
    }

    fn place(&self, line: u64) -> Place {
        Place {
            file: self.file.clone(),
            line,
        }
    }

    /// Whether an object of the export is of this realm; they are counted from 0.
    pub(super) fn has_object(&self, number: usize) -> bool {
        self.objects.contains(&number)
    }

    /// The organizations that somebody is a member of.
    pub(super) fn organizations_of(&self, user_name: &str) -> Vec<&RealmOrganization> {
        let places = self.members.of(user_name);
        places.into_iter().filter_map(|at| self.organizations.get(at)).collect()
    }

    /// A role and all roles that it consists of.
    pub(super) fn unfold(&self, roles: &[String]) -> Vec<String> {
        let mut unfolded: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        // The last one comes next, so that the order of the file remains.
        let mut waiting: Vec<&String> = roles.iter().rev().collect();
        while let Some(role) = waiting.pop() {
            if seen.insert(role.as_str()) {
                unfolded.push(role.clone());
                waiting.extend(
                    self.roles
                        .get(role)
                        .into_iter()
                        .flat_map(|role| role.composites.iter().rev()),
                );
            }
        }
        unfolded
    }

    /// Adds what another file says about the same realm.
    fn add(&mut self, other: Self) {
        self.roles.extend(other.roles);
        self.groups.extend(other.groups);
        let before = self.organizations.len();
        self.organizations.extend(other.organizations);
        self.members.add(other.members, before);
        self.has_users |= other.has_users;
        self.left.extend(other.left);
        self.objects.extend(other.objects);
    }

    fn read(&mut self, stream: &mut JsonStream) -> Result<(), Fault> {
        while let Some(member) = stream.member()? {
            let next = stream.peek()?;
            match (member.as_str(), next) {
                ("realm", Some(b'"')) => {
                    if let Piece::Value(value, _) = stream.value()? {
                        self.name = text(Some(&value)).unwrap_or_default();
                    }
                }
                ("roles", Some(b'{')) => self.read_roles(stream)?,
                ("groups", Some(b'[')) => each(stream, |line, group| self.add_group(line, &group, "", &[]))?,
                ("organizations", Some(b'[')) => self.read_organizations(stream)?,
                ("users", Some(b'[')) => {
                    self.has_users = true;
                    stream.skip()?;
                }
                _ => stream.skip()?,
            }
        }
        Ok(())
    }

    fn read_roles(&mut self, stream: &mut JsonStream) -> Result<(), Fault> {
        stream.open(b'{')?;
        while let Some(member) = stream.member()? {
            // The roles of clients have no place here.
            if member != "realm" || stream.peek()? != Some(b'[') {
                stream.skip()?;
                continue;
            }
            each(stream, |line, role| {
                if let Some(name) = name(role.get("name")) {
                    let composites = role.get("composites").and_then(|composites| composites.get("realm"));
                    let place = self.place(line);
                    self.roles.insert(
                        name,
                        RealmRole {
                            place,
                            // Keycloak's own roles have the name of a message in braces.
                            description: text(role.get("description")).filter(|text| !text.starts_with("${")),
                            composites: texts(composites),
                        },
                    );
                }
            })?;
        }
        Ok(())
    }

    fn add_group(&mut self, line: u64, group: &Value, above: &str, roles_above: &[String]) {
        let path = text(group.get("path")).or_else(|| Some(format!("{above}/{}", text(group.get("name"))?)));
        let Some(path) = path else {
            return;
        };
        if has_members(group.get("attributes")) {
            self.left.insert("attributes of groups");
        }
        let mut roles = roles_above.to_vec();
        roles.extend(texts(group.get("realmRoles")));
        for below in group.get("subGroups").and_then(Value::as_array).into_iter().flatten() {
            self.add_group(line, below, &path, &roles);
        }
        let place = self.place(line);
        self.groups.insert(group_name(&path), RealmGroup { place, roles });
    }

    fn read_organizations(&mut self, stream: &mut JsonStream) -> Result<(), Fault> {
        stream.open(b'[')?;
        while stream.element()? {
            let line = stream.line();
            if stream.peek()? != Some(b'{') {
                stream.skip()?;
                continue;
            }
            stream.open(b'{')?;
            let at = self.organizations.len();
            let mut members = Map::new();
            while let Some(member) = stream.member()? {
                if member == "members" && stream.peek()? == Some(b'[') {
                    each(stream, |_, person| {
                        if let Some(user_name) = text(person.get("username")) {
                            self.members.insert(&user_name, at);
                        }
                    })?;
                } else if let Piece::Value(value, _) = stream.value()? {
                    members.insert(member, value);
                }
            }
            if text(members.get("description")).is_some() {
                self.left.insert("descriptions of organizations");
            }
            self.organizations.push(organization(self.place(line), &members));
        }
        Ok(())
    }
}

/// Hands on the elements of a list that comes next. Those that are too large are skipped: no role or group is.
fn each(stream: &mut JsonStream, mut take: impl FnMut(u64, Value)) -> Result<(), Fault> {
    stream.open(b'[')?;
    while stream.element()? {
        let line = stream.line();
        if let Piece::Value(value, _) = stream.value()? {
            take(line, value);
        }
    }
    Ok(())
}

/// Whether a value is an object with something in it.
pub(super) fn has_members(value: Option<&Value>) -> bool {
    value
        .and_then(Value::as_object)
        .is_some_and(|members| !members.is_empty())
}

/// The name of a group: its path without the slash at the beginning.
pub(super) fn group_name(path: &str) -> String {
    path.trim_start_matches('/').to_owned()
}

fn organization(place: Place, members: &Map<String, Value>) -> RealmOrganization {
    let mut variables = members.get("attributes").map(attributes).unwrap_or_default();
    let domains: Vec<Value> = members
        .get("domains")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|domain| text(domain.get("name")).map(Value::String))
        .collect();
    if !domains.is_empty() {
        variables.insert("domains".to_owned(), Value::Array(domains));
    }
    let alias = text(members.get("alias")).filter(|alias| is_id(alias));
    RealmOrganization {
        place,
        record: OrganizationRecord {
            id: alias.or_else(|| text(members.get("id"))).unwrap_or_default(),
            name: name(members.get("name")),
            variables: variables_of(variables),
            ..OrganizationRecord::default()
        },
        enabled: members.get("enabled") != Some(&Value::Bool(false)),
    }
}

/// Attributes as variables: one value as a text, several as a list.
pub(super) fn attributes(attributes: &Value) -> Map<String, Value> {
    let Some(attributes) = attributes.as_object() else {
        return Map::new();
    };
    attributes
        .iter()
        .filter_map(|(key, values)| {
            let value = match values.as_array().map(Vec::as_slice) {
                Some([]) => return None,
                Some([value]) => value.clone(),
                _ => values.clone(),
            };
            (!value.is_null()).then(|| (key.clone(), value))
        })
        .collect()
}

fn choose(mut realms: Vec<Realm>, options: &Options) -> Result<Realm, Fault> {
    let names: Vec<String> = realms.iter().map(|realm| format!("'{}'", realm.name)).collect();
    let message = match &options.realm {
        _ if realms.is_empty() => "The file is empty.".to_owned(),
        Some(wanted) => match realms.iter().position(|realm| realm.name == *wanted) {
            Some(at) => return Ok(realms.swap_remove(at)),
            None => format!("The export has no realm '{wanted}', but {}.", names.join(", ")),
        },
        None if realms.len() > 1 => format!(
            "The export has several realms: {}. Choose one with '--realm NAME'.",
            names.join(", ")
        ),
        None => match realms.pop() {
            Some(realm) => return Ok(realm),
            None => String::new(),
        },
    };
    Err(Fault::new(message))
}

fn without_users(realm: &str) -> Fault {
    Fault::new(format!(
        "The file has no users: it is a partial export of Keycloak's console. Export with 'kc.sh export --file \
         {realm}.json --realm {realm} --users same_file'."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composites_are_unfolded_once() {
        let role = |composites: &[&str]| RealmRole {
            composites: composites.iter().map(|&name| name.to_owned()).collect(),
            ..RealmRole::default()
        };
        let realm = Realm {
            roles: [
                ("a".to_owned(), role(&["b", "c"])),
                ("b".to_owned(), role(&["a", "d"])),
                ("c".to_owned(), role(&[])),
            ]
            .into(),
            ..Realm::default()
        };
        assert_eq!(realm.unfold(&["a".to_owned(), "c".to_owned()]), ["a", "b", "d", "c"]);
    }
}
