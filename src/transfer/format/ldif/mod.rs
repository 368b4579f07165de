//! Entries of an LDAP directory (RFC 2849): people become users, groups of names become groups.
//!
//! A group names its members by their distinguished names, which have one spelling in the members' `aliases`.

mod lines;
mod name;
mod user;

use std::collections::{HashSet, VecDeque};
use std::io::BufRead;

use self::lines::{Line, Lines};
use self::name::{first_value, normalized};
use crate::model::error::shown;
use crate::transfer::format::Reader;
use crate::transfer::format::common::{refused, user_row};
use crate::transfer::format::text::BYTES_MAX;
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, GroupRecord, Item, MembersRecord, Notes, Record, Row};
use crate::transfer::values::{Trouble, given, one_line};

/// As many members of a group are handed on at once.
const MEMBERS_MAX: usize = 1_000;
/// Members of a group without a name in its `dn` wait for its `cn`, up to this many.
const WAITING_MAX: usize = 100_000;

const USER_CLASSES: [&str; 4] = ["inetorgperson", "person", "user", "posixaccount"];
const GROUP_CLASSES: [&str; 4] = ["groupofnames", "groupofuniquenames", "posixgroup", "group"];

/// An entry that is being read.
#[derive(Default)]
struct Entry {
    /// The line that it begins at.
    line: u64,
    dn: Option<String>,
    /// The values of attributes that are read, by their names in lower case.
    values: Vec<(String, Vec<u8>)>,
    bytes: usize,
    members: Vec<String>,
    /// The group's name, once its row was handed on.
    group: Option<String>,
    problem: Option<Trouble>,
}

impl Entry {
    /// The values of an attribute, in their order.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The first value of an attribute, as a text.
    fn text(&self, name: &str) -> Result<Option<String>, Trouble> {
        let Some(value) = self.all(name).find(|value| !value.is_empty()) else {
            return Ok(None);
        };
        std::str::from_utf8(value)
            .map(|text| given(text).map(str::to_owned))
            .map_err(|_| Trouble::new(name, format!("'{name}' is not UTF-8. Correct it, or leave it out.")))
    }

    fn has_class(&self, classes: &[&str]) -> bool {
        self.all("objectclass")
            .any(|class| classes.iter().any(|known| class.eq_ignore_ascii_case(known.as_bytes())))
    }

    fn is_group(&self) -> bool {
        self.group.is_some() || self.has_class(&GROUP_CLASSES)
    }

    fn id(&self) -> Option<String> {
        self.dn.as_deref().filter(|dn| !dn.is_empty()).map(shown)
    }

    /// The attributes that are kept as variables.
    fn others(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .filter(|(name, _)| !user::KNOWN.contains(name))
    }

    fn hold(&mut self, name: String, value: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(name.len() + value.len());
        if self.bytes > BYTES_MAX {
            self.stop(
                &name,
                "The entry is larger than 16 MiB. Make it smaller, or leave it out.",
            );
        } else {
            self.values.push((name, value));
        }
    }

    fn stop(&mut self, field: &str, message: impl Into<String>) {
        self.problem.get_or_insert_with(|| Trouble::new(field, message));
    }
}

/// Reads users and groups from an LDIF file.
pub struct Ldif {
    lines: Lines,
    options: Options,
    notes: Notes,
    entry: Entry,
    ready: VecDeque<Row>,
    /// Whether an entry was read.
    begun: bool,
    ended: bool,
}

impl Ldif {
    pub fn new(input: Box<dyn BufRead + Send>, options: Options) -> Result<Self, Fault> {
        Ok(Self {
            lines: Lines::new(input, options.encoding.as_deref())?,
            options,
            notes: Notes::default(),
            entry: Entry::default(),
            ready: VecDeque::new(),
            begun: false,
            ended: false,
        })
    }

    fn attribute(&mut self, line: u64, name: String, value: Vec<u8>) -> Result<(), Fault> {
        if self.entry.dn.is_none() {
            return self.before_entry(line, &name, &value);
        }
        match name.as_str() {
            "changetype" if !value.eq_ignore_ascii_case(b"add") => self.entry.stop(
                "changetype",
                "The record changes an entry that is there already. Export whole entries, with ldapsearch or slapcat.",
            ),
            "member" | "uniquemember" | "memberuid" => self.member(&name, &value),
            known if user::KNOWN.contains(&known) => self.entry.hold(name, value),
            _ if user::is_internal(&name) => {}
            _ if self.options.keeps(&name) => self.entry.hold(name, value),
            // The attributes of other entries than people are no loss.
            _ if self.entry.has_class(&USER_CLASSES) => self.notes.leave(&name),
            _ => {}
        }
        Ok(())
    }

    /// A line outside of an entry.
    fn before_entry(&mut self, line: u64, name: &str, value: &[u8]) -> Result<(), Fault> {
        match name {
            "dn" => {
                self.begun = true;
                self.entry.line = line;
                match std::str::from_utf8(value) {
                    Ok(dn) => self.entry.dn = Some(dn.to_owned()),
                    Err(_) => {
                        self.entry.dn = Some(String::new());
                        self.entry
                            .stop("dn", "'dn' is not UTF-8. Correct it, or leave the entry out.");
                    }
                }
            }
            "version" if value != b"1" => {
                return Err(Fault::at(
                    line,
                    "This version of LDIF is unknown. Export the entries as version 1.",
                ));
            }
            // What ldapsearch writes at its end; 4 means that the server has more entries than it gives.
            "result" if value.starts_with(b"4") => self.notes.warn(
                "Entries are missing: the server stopped at its size limit. Fetch all with 'ldapsearch -E pr=1000', \
                 and import that file."
                    .to_owned(),
            ),
            "version" | "search" | "result" | "ref" => {}
            _ => {
                self.begin_without_name(line)?;
                self.entry
                    .stop("dn", "The entry does not begin with its 'dn'. Export it again.");
            }
        }
        Ok(())
    }

    /// Begins an entry that has no `dn`. A file that begins with one is of another kind.
    fn begin_without_name(&mut self, line: u64) -> Result<(), Fault> {
        if !self.begun {
            return Err(not_ldif(line));
        }
        self.entry.line = line;
        self.entry.dn = Some(String::new());
        Ok(())
    }

    fn member(&mut self, attribute: &str, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else {
            self.entry.stop(
                attribute,
                format!("'{attribute}' is not UTF-8. Correct it, or leave it out."),
            );
            return;
        };
        let named = match attribute {
            "memberuid" => given(text).map(str::to_owned),
            _ => normalized(text).or_else(|| given(text).map(str::to_owned)),
        };
        self.entry.members.extend(named);
        if self.entry.members.len() < MEMBERS_MAX {
            return;
        }
        let is_other = self.entry.all("objectclass").next().is_some() && !self.entry.is_group();
        if self.entry.problem.is_some() || is_other {
            self.entry.members.clear();
        } else if self.entry.is_group() {
            self.hand_on_members();
        }
        if self.entry.members.len() > WAITING_MAX {
            self.entry.members = Vec::new();
            self.entry.stop(
                "member",
                "'objectClass' or 'cn' stands after more than 100,000 members. Write them before the members.",
            );
        }
    }

    /// Hands on the group, and the members that were read.
    fn hand_on_members(&mut self) {
        let entry = &mut self.entry;
        if entry.group.is_none() {
            // The name in the `dn` comes first in every file, and is one of the values of `cn`.
            let name = match entry.text("cn") {
                Ok(Some(name)) => Some(name),
                _ => entry.dn.as_deref().and_then(|dn| first_value(dn, "cn")),
            };
            let Some(name) = name.map(|name| one_line(&name)) else {
                return;
            };
            let record = GroupRecord {
                name: name.clone(),
                ..GroupRecord::default()
            };
            self.ready.push_back(Row::record(entry.line, Record::Group(record)));
            entry.group = Some(name);
        }
        let mut members = std::mem::take(&mut entry.members);
        // Some servers give each member as 'member' and as 'uniqueMember'.
        let mut seen = HashSet::new();
        members.retain(|member| seen.insert(member.clone()));
        if let Some(group) = entry.group.clone().filter(|_| !members.is_empty()) {
            let record = MembersRecord {
                group,
                organization_id: None,
                members,
            };
            self.ready.push_back(Row::record(entry.line, Record::Members(record)));
        }
    }

    fn end_entry(&mut self) {
        if self.entry.dn.is_none() {
            self.entry = Entry::default();
            return;
        }
        let is_group = self.entry.is_group();
        if let Some(trouble) = self.entry.problem.take() {
            let kind = if is_group { "group" } else { "user" };
            let row = refused(self.entry.line, kind, self.entry.id(), None, trouble);
            self.ready.push_back(row);
        } else if is_group {
            self.hand_on_members();
            if self.entry.group.is_none() {
                let trouble = Trouble::new("cn", "The group has no 'cn'. Give it one.");
                let row = refused(self.entry.line, "group", self.entry.id(), None, trouble);
                self.ready.push_back(row);
            }
        } else {
            let row = self.person();
            self.ready.push_back(row);
        }
        self.entry = Entry::default();
    }

    fn person(&mut self) -> Row {
        let line = self.entry.line;
        if self.entry.has_class(&["computer"]) || !self.entry.has_class(&USER_CLASSES) {
            return Row::new(line, Item::Ignored("neither a person nor a group"));
        }
        let email = self.entry.text("mail").ok().flatten();
        let user = user::read(&self.entry, &self.options);
        user_row(line, user, self.entry.id(), email)
    }
}

impl Reader for Ldif {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            match self.lines.next()? {
                None => {
                    self.ended = true;
                    self.end_entry();
                }
                Some((_, Line::Blank)) => self.end_entry(),
                Some((line, Line::Wrong(message))) => {
                    if self.entry.dn.is_none() {
                        self.begin_without_name(line)?;
                    }
                    self.entry.stop("", message);
                }
                Some((line, Line::Attribute(name, value))) => self.attribute(line, name, value)?,
            }
        }
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }
}

fn not_ldif(line: u64) -> Fault {
    Fault::at(
        line,
        "An entry must begin with 'dn:'. Check that this is an LDIF file, as ldapsearch and slapcat write it.",
    )
}

#[cfg(test)]
mod tests;
