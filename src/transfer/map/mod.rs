//! The map: which column or member of another system's file is which member of a user.
//!
//! A map is a JSON object; `presets/` has one per system. It has these members, and no others:
//!
//! - `records`: a JSON pointer to the list; `*` stands for each element of a list on the way.
//! - `fields`: for each member of a user a path, a list of paths (the first one with a value), or an object.
//!   An object has `from` (paths) or `constant`, and may have `split` (between texts of a list), `true` and `false`
//!   (texts), `time` (a form; of `activated`, the user is off until then) and `json` (the value is a text that is JSON).
//!   `organization` may have `name` (paths): then organizations are created. `federatedIdentities` has `from`,
//!   `provider`, `userId` and `userName`; `passwordHash` has `algorithm`, `encoding`, `salt`, `key`, `rounds`, and
//!   `algorithmFrom` with `algorithms` where each row names its algorithm.
//! - `values`: for each field, texts and what they mean.
//! - `variables`: paths to keep as variables, or `"*"` for everything that is left.
//! - `null`: texts that mean "no value".
//! - `skip`: for each path, texts of rows that are no users; `*` is any text.
//! - `lost`: for each word, paths of what users have there and cannot have here. The users are counted.

mod default;
mod fields;
mod hash;
mod identities;
mod parse;
mod parts;
mod path;
mod raw;
mod user;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use default::default;
pub use path::{Path, comparable};
pub use raw::{Columns, RawRow};
pub use user::Mapper;

use crate::transfer::times::TimeForm;
use hash::HashField;
use identities::IdentitiesField;

/// The fields of a map that are one value or a list of texts.
const FIELDS: [&str; 20] = [
    "id",
    "organization",
    "tenant",
    "email",
    "username",
    "name",
    "firstname",
    "lastname",
    "activated",
    "roles",
    "groups",
    "variables",
    "password",
    "passwordChangedAt",
    "passwordTemporary",
    "emailVerifiedAt",
    "lastSeenAt",
    "createdAt",
    "updatedAt",
    "externalId",
];

/// How the rows of a file become users.
#[derive(Clone, Debug, Default)]
pub struct Map {
    records: Vec<Segment>,
    fields: BTreeMap<&'static str, Field>,
    /// The name of the row's organization, which is created with it.
    organization_name: Vec<Path>,
    identities: Option<IdentitiesField>,
    password_hash: Option<HashField>,
    values: HashMap<String, HashMap<String, String>>,
    variables: Variables,
    null: HashSet<String>,
    skip: Vec<(Path, Vec<String>)>,
    lost: Vec<(String, Vec<Path>)>,
}

/// A step of the pointer to the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Member(String),
    /// Each element of a list.
    Each,
}

#[derive(Clone, Debug, Default)]
enum Variables {
    #[default]
    None,
    Some(Vec<Path>),
    /// Everything that no other field uses.
    Rest,
}

/// Where a field's value comes from, and how to read it.
#[derive(Clone, Debug, Default)]
struct Field {
    /// The first one with a value counts.
    from: Vec<Path>,
    /// The value of rows that give none.
    constant: Option<String>,
    split: Option<String>,
    on: Vec<String>,
    off: Vec<String>,
    time: Option<TimeForm>,
    /// The value is a text that contains JSON.
    json: bool,
    /// Of a CSV file that does not have the column, nothing is imported.
    is_required: bool,
}

impl Map {
    /// The pointer to the list of records.
    pub fn records(&self) -> &[Segment] {
        &self.records
    }

    /// Whether it says where fields come from.
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty() || self.password_hash.is_some() || self.identities.is_some()
    }

    /// Whether it says which organization a row belongs to.
    pub fn names_organizations(&self) -> bool {
        self.fields.contains_key("organization")
    }

    /// Takes the usual headings, if it names none.
    pub fn complete(&mut self) {
        if !self.has_fields() {
            let usual = default();
            self.fields = usual.fields;
            self.password_hash = usual.password_hash;
        }
    }

    /// What the texts of a field mean.
    pub fn meanings(&self, field: &str) -> BTreeMap<String, String> {
        let meanings = self.values.get(field).into_iter().flatten();
        meanings
            .map(|(text, meaning)| (text.clone(), meaning.clone()))
            .collect()
    }

    /// The members to keep as variables: their names, or `*` for all that are left.
    pub fn kept(&self) -> Vec<String> {
        match &self.variables {
            Variables::None => Vec::new(),
            Variables::Some(paths) => paths.iter().map(|path| path.text().to_owned()).collect(),
            Variables::Rest => vec!["*".to_owned()],
        }
    }

    /// Replaces where a field comes from, as `--column FIELD=COLUMN` asks for.
    pub fn set_column(&mut self, field: &str, column: &str) -> Result<(), String> {
        let path = Path::parse(column);
        if field == "passwordHash" {
            self.password_hash.get_or_insert_default().set_from(path);
            return Ok(());
        }
        let name = parse::field_name(field)?;
        let field = self.fields.entry(name).or_default();
        field.from = vec![path];
        field.is_required = true;
        Ok(())
    }

    /// The names of members of the containing objects that the map uses, for each level; 1 is the nearest one.
    pub fn parent_members(&self) -> HashSet<(usize, String)> {
        let paths = self.paths();
        let outer = paths.iter().filter(|path| path.parents() > 0);
        outer.map(|path| (path.parents(), path.first().to_owned())).collect()
    }

    /// The headings by which the map finds users.
    pub fn identifying(&self) -> Vec<&str> {
        let fields = ["email", "id", "username"]
            .into_iter()
            .filter_map(|name| self.fields.get(name));
        fields.flat_map(|field| field.from.iter().map(Path::text)).collect()
    }

    /// Checks that a CSV file has the columns that the map needs.
    pub fn check(&self, columns: &Columns) -> Result<(), String> {
        for (name, field) in &self.fields {
            if field.is_required && !field.from.is_empty() && !field.from.iter().any(|path| columns.has(path)) {
                let expected: Vec<&str> = field.from.iter().map(Path::text).collect();
                let headings = columns.headings().iter().filter(|heading| !is_data(heading));
                let headings: Vec<&String> = headings.collect();
                return Err(format!(
                    "The file has no column {} for '{name}'. Its columns are {}.",
                    parts::listed(&expected),
                    parts::listed(&headings)
                ));
            }
        }
        let names = ["email", "id", "username"];
        let mut fields = names.into_iter().filter_map(|name| self.fields.get(name));
        if fields.any(|field| field.from.iter().any(|path| columns.has(path))) {
            return Ok(());
        }
        let known = parts::listed(&self.identifying());
        // A first line without headings is a user's, and may contain a password.
        if columns.headings().iter().any(|heading| is_data(heading)) {
            return Err(format!(
                "The first line has data instead of headings. Add a line with headings before it, of which one is for \
                 an e-mail address or an id; known are {known}."
            ));
        }
        Err(format!(
            "The first line has no heading for an e-mail address or an id. It has {}; known are {known}. Add a line with \
             headings, or name the column, as in --column email=COLUMN.",
            parts::listed(columns.headings()),
        ))
    }

    /// All paths of the map.
    fn paths(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> = self.fields.values().flat_map(|field| &field.from).collect();
        paths.extend(&self.organization_name);
        paths.extend(self.identities.iter().flat_map(IdentitiesField::paths));
        paths.extend(self.password_hash.iter().flat_map(HashField::paths));
        if let Variables::Some(variables) = &self.variables {
            paths.extend(variables);
        }
        paths.extend(self.skip.iter().map(|(path, _)| path));
        paths.extend(self.lost.iter().flat_map(|(_, paths)| paths));
        paths
    }
}

/// Whether a cell is not a heading: an address, a number, a hash.
fn is_data(cell: &str) -> bool {
    const HEADING_CHARACTERS_MAX: usize = 60;
    let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    is_number || cell.contains(['@', '$', '{']) || cell.chars().count() > HEADING_CHARACTERS_MAX
}
