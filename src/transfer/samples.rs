//! Reading the samples in `tests/import-samples`.

use std::io::{BufReader, Cursor};

use super::format::Reader;
use super::format::csv::Csv;
use super::format::json::Json;
use super::map::Map;
use super::options::Options;
use super::record::{Fault, Hash, Item, NamedHash, Notes, OrganizationRecord, Record, Refusal, UserRecord};
use crate::model::Timestamp;

/// What a file gives.
#[derive(Debug, Default)]
pub struct Given {
    pub users: Vec<UserRecord>,
    pub organizations: Vec<OrganizationRecord>,
    pub others: Vec<Record>,
    pub refused: Vec<(u64, Refusal)>,
    pub ignored: Vec<&'static str>,
    pub notes: Notes,
}

impl Given {
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.users.len(), self.refused.len(), self.ignored.len())
    }

    pub fn user(&self, email: &str) -> &UserRecord {
        let is_theirs = |user: &&UserRecord| user.email.as_deref() == Some(email);
        self.users.iter().find(is_theirs).expect(email)
    }

    pub fn by_id(&self, id: &str) -> &UserRecord {
        let is_theirs = |user: &&UserRecord| user.id.as_deref() == Some(id);
        self.users.iter().find(is_theirs).expect(id)
    }
}

pub fn now() -> Timestamp {
    Timestamp::parse("", "2026-11-30T00:00:00Z").unwrap()
}

pub fn options() -> Options {
    Options::new(now())
}

pub fn bytes(file: &str) -> Vec<u8> {
    let path = format!("{}/tests/import-samples/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).expect(&path)
}

pub fn read_bytes(file: &str, bytes: Vec<u8>, map: Map, options: Options) -> Result<Given, Fault> {
    // A small buffer, so that everything is cut somewhere.
    let source = Box::new(BufReader::with_capacity(7, Cursor::new(bytes)));
    let mut reader: Box<dyn Reader> = match file.starts_with("csv/") {
        true => Box::new(Csv::new(source, map, options)?),
        false => Box::new(Json::new(source, map, options)?),
    };
    read_all(reader.as_mut())
}

/// Reads up to the end.
pub fn read_all(reader: &mut dyn Reader) -> Result<Given, Fault> {
    let mut given = Given::default();
    while let Some(row) = reader.next()? {
        match row.item {
            Item::Record(Record::User(user)) => given.users.push(*user),
            Item::Record(Record::Organization(organization)) => given.organizations.push(organization),
            Item::Record(other) => given.others.push(other),
            Item::Refused(refusal) => given.refused.push((row.line, refusal)),
            Item::Ignored(why) => given.ignored.push(why),
        }
    }
    given.notes = reader.notes();
    Ok(given)
}

pub fn read(file: &str, map: Map) -> Result<Given, Fault> {
    read_bytes(file, bytes(file), map, options())
}

pub fn time(text: &str) -> Option<Timestamp> {
    Some(Timestamp::parse("", text).unwrap())
}

pub fn text(hash: &Option<Hash>) -> &str {
    match hash {
        Some(Hash::Text(text)) => text,
        other => unreachable!("{other:?}"),
    }
}

pub fn named(hash: &Option<Hash>) -> &NamedHash {
    match hash {
        Some(Hash::Named(named)) => named,
        other => unreachable!("{other:?}"),
    }
}
