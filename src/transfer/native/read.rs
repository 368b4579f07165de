//! Reads a file in the native format, line by line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, Read as _};
use std::str::FromStr as _;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::line::VERSION;
use super::members::{self, IntoRecord};
use crate::model::error::{Error, shown};
use crate::transfer::format::Reader;
use crate::transfer::kind;
use crate::transfer::record::{Fault, Item, Notes, Refusal, Row};

/// A longer line is refused with the whole file.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The first line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Head {
    #[serde(rename = "type")]
    _kind: String,
    version: i64,
    /// "everything", if the file has a whole directory.
    pub scope: Option<String>,
    pub organizations: Option<Vec<String>>,
    pub with: Vec<String>,
    /// Whether the last line is an end line.
    pub end: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(rename = "type")]
    _kind: String,
    records: u64,
    sha256: String,
}

/// The records of a file. The end line, if one is promised, is checked when it is reached.
pub struct NativeReader {
    input: Box<dyn BufRead + Send>,
    digest: Sha256,
    line: u64,
    records: u64,
    head: Head,
    ended: bool,
}

impl std::fmt::Debug for NativeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeReader")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl NativeReader {
    /// Reads the first line.
    pub fn open(input: Box<dyn BufRead + Send>) -> Result<Self, Fault> {
        let mut reader = Self {
            input,
            digest: Sha256::new(),
            line: 0,
            records: 0,
            head: Head::default(),
            ended: false,
        };
        let first = reader.next_line()?.unwrap_or_default();
        reader.digest.update(&first);
        let head = head_of(first.trim_end()).map_err(|why| reader.fault(&why))?;
        if head.version != VERSION {
            return Err(reader.fault(&format!(
                "This file has version {} of the format; this release reads version {VERSION}. Import it with a newer release.",
                head.version
            )));
        }
        reader.head = head;
        Ok(reader)
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            let Some(line) = self.next_line()? else {
                return match self.head.end && !self.ended {
                    true => Err(self
                        .fault("The file is cut: its last line, {\"type\":\"end\", …}, is missing. Export it again.")),
                    false => Ok(None),
                };
            };
            if self.ended {
                return Err(self.fault("There is something after the last line."));
            }
            if self.head.end && line.starts_with("{\"type\":\"end\"") {
                self.check_end(&line)?;
                continue;
            }
            self.digest.update(&line);
            let text = line.trim();
            if text.is_empty() {
                continue;
            }
            self.records += 1;
            return Ok(Some(Row {
                file: None,
                line: self.line,
                item: parsed(text),
            }));
        }
    }

    fn check_end(&mut self, line: &str) -> Result<(), Fault> {
        let end: End =
            serde_json::from_str(line.trim_end()).map_err(|_| self.fault("The last line cannot be read."))?;
        let digest: String = self
            .digest
            .clone()
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if end.records != self.records {
            return Err(self.fault(&format!(
                "The last line says {} records, but the file has {}. Export it again.",
                end.records, self.records
            )));
        }
        if end.sha256 != digest {
            return Err(self.fault(
                "The file was changed after its export: its digest differs. To import it all the same, remove \"end\":true \
                 from its first line, and its last line.",
            ));
        }
        self.ended = true;
        Ok(())
    }

    /// The next line with its line break.
    fn next_line(&mut self) -> Result<Option<String>, Fault> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX) + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut bytes);
        self.line += 1;
        let read = read.map_err(|error| self.fault(&format!("The file cannot be read: {error}.")))?;
        if read == 0 {
            self.line -= 1;
            return Ok(None);
        }
        if bytes.len() > LINE_BYTES_MAX {
            return Err(self.fault("This line is longer than 16 MiB."));
        }
        if self.head.end && bytes.last() != Some(&b'\n') {
            return Err(self.fault("The file is cut in the middle of this line. Export it again."));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.fault("This line is not UTF-8.")),
        }
    }

    fn fault(&self, message: &str) -> Fault {
        Fault {
            line: Some(self.line),
            ..Fault::new(message)
        }
    }
}

impl Reader for NativeReader {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        self.next_row()
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }
}

/// The first line, or what is wrong with it.
fn head_of(text: &str) -> Result<Head, String> {
    const NEEDED: &str =
        "The first line must be like {\"type\":\"tenantry\",\"version\":1}, as 'tenantry export' writes it.";
    let wrong = |what: &str| format!("{NEEDED} {what} Export the file again, or correct this line.");
    let unread = |error: serde_json::Error| wrong(&why(&error, text));
    let Kind { kind } = serde_json::from_str(text).map_err(unread)?;
    match kind.as_ref() {
        "tenantry" => serde_json::from_str(text).map_err(unread),
        other if is_kind(other) => Err(format!(
            "{NEEDED} It is missing: this line is a record already. Put it before the records; or, if the file is of another \
             product, name its format with --format."
        )),
        other => Err(wrong(&format!("The type of this one is '{}'.", shown(other)))),
    }
}

/// Whether a line is a record as only files of this format have it: of a kind that there is, with members that others do
/// not have.
pub fn is_record(line: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Members<'a> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        organization_id: Option<IgnoredAny>,
        version: Option<IgnoredAny>,
        created_at: Option<IgnoredAny>,
    }
    serde_json::from_str::<Members<'_>>(line).is_ok_and(|members| {
        let is_versioned = members.version.is_some() && members.created_at.is_some();
        is_kind(&members.kind) && (members.organization_id.is_some() || is_versioned)
    })
}

/// Which kind of record a line has.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

fn is_kind(name: &str) -> bool {
    kind::Kind::from_str(name).is_ok()
}

/// A record, or why it is refused, with what is known of it.
fn parsed(text: &str) -> Item {
    let kind = match serde_json::from_str::<Kind<'_>>(text) {
        Ok(Kind { kind }) => kind,
        Err(error) => return refused(text, "record", &why(&error, text)),
    };
    match kind.as_ref() {
        "resourceServer" => of_kind::<members::ResourceServer>(text, "resourceServer"),
        "permission" => of_kind::<members::Permission>(text, "permission"),
        "organization" => of_kind::<members::Organization>(text, "organization"),
        "tenant" => of_kind::<members::Tenant>(text, "tenant"),
        "role" => of_kind::<members::Role>(text, "role"),
        "group" => of_kind::<members::Group>(text, "group"),
        "user" => of_kind::<members::User>(text, "user"),
        "setting" => of_kind::<members::Setting>(text, "setting"),
        "apiKey" => of_kind::<members::ApiKey>(text, "apiKey"),
        "invitation" => of_kind::<members::Invitation>(text, "invitation"),
        // For archives only.
        "auditEvent" => Item::Ignored("audit event"),
        other => refused(text, "record", &format!("There is no type '{}'.", shown(other))),
    }
}

fn of_kind<'de, T: Deserialize<'de> + IntoRecord>(text: &'de str, kind: &'static str) -> Item {
    match serde_json::from_str::<T>(text) {
        Err(error) => refused(text, kind, &why(&error, text)),
        Ok(members) => match members.into_record() {
            Ok(record) => Item::Record(record),
            Err(Error::Invalid { field, message }) => match refused(text, kind, &message) {
                Item::Refused(refusal) => Item::Refused(Refusal {
                    field: Some(field),
                    ..refusal
                }),
                other => other,
            },
            Err(error) => refused(text, kind, &error.to_string()),
        },
    }
}

fn refused(text: &str, kind: &'static str, message: &str) -> Item {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Who {
        id: Option<serde_json::Value>,
        email: Option<serde_json::Value>,
    }
    let who: Who = serde_json::from_str(text).unwrap_or_default();
    let text = |value: Option<serde_json::Value>| Some(value?.as_str()?.to_owned());
    Item::Refused(Refusal {
        kind,
        id: text(who.id),
        email: text(who.email),
        field: None,
        message: message.to_owned(),
    })
}

/// The reason in plain words. The library's text names members and kinds, but never the value of a text.
fn why(error: &serde_json::Error, text: &str) -> String {
    if serde_json::from_str::<HashMap<Cow<'_, str>, IgnoredAny>>(text).is_err() {
        return "This line is not a JSON object.".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if let Some(name) = text
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("There is no member '{name}'. Remove it, or correct its name.");
    }
    if let Some(name) = text
        .strip_prefix("duplicate field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("The member '{name}' is there twice.");
    }
    if let Some(name) = text
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        return format!("The member '{name}' is missing.");
    }
    "A member has the wrong kind of value: for example a number instead of a text.".to_owned()
}
