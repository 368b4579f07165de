//! Finding out the format of a file from its beginning.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::file::File;
use super::{Format, Map};
use crate::transfer::format::csv::Csv;
use crate::transfer::format::csv::cells::{cells, record};
use crate::transfer::format::firebase::is_csv_row;
use crate::transfer::format::stream::JsonStream;
use crate::transfer::format::text::Text;
use crate::transfer::map;
use crate::transfer::native;
use crate::transfer::options::Options;
use crate::transfer::presets;
use crate::transfer::record::Fault;

/// How much of a file is looked at.
const HEAD_BYTES: u64 = 64 * 1024;
/// A name is that of a record's member if it is within at most so many objects: the record, and what contains the list.
const RECORD_DEPTH: usize = 2;
/// Names that are deeper within objects and lists say nothing about the format.
const LEVELS_MAX: usize = 8;

/// The format of the files, which must be the same for all.
pub(super) fn format(files: &[File], map: &Map, options: &Options) -> Result<Format, Fault> {
    let mut found: Option<(Format, &File)> = None;
    for file in files {
        let format = format_of(file, map, options).map_err(|fault| Fault {
            file: Some(Arc::clone(&file.name)),
            ..fault
        })?;
        match found {
            Some((known, first)) if known != format => {
                return Err(Fault::new(format!(
                    "The files are of several formats: {} is '{}', and {} is '{}'. Import them one after the other, or \
                     name the format with --format.",
                    first.name,
                    known.name(),
                    file.name,
                    format.name()
                )));
            }
            Some(_) => {}
            None => found = Some((format, file)),
        }
    }
    found.map(|(format, _)| format).ok_or_else(unknown)
}

fn format_of(file: &File, map: &Map, options: &Options) -> Result<Format, Fault> {
    let mut head = Vec::new();
    // What is looked at here is not counted: it will be read again.
    let mut bytes = file.open(&Arc::new(AtomicU64::new(0)))?.take(HEAD_BYTES);
    bytes
        .read_to_end(&mut head)
        .map_err(|error| Fault::new(format!("The file cannot be read: {error}.")))?;
    if head.is_empty() {
        return Err(Fault::new("The file is empty."));
    }
    let text = decoded(&head, options)?;
    let is_json = text.trim_start().starts_with(['{', '[']);
    if map.has_fields() {
        return Ok(if is_json { Format::Json } else { Format::Csv });
    }
    // Whatever its first line is: its reader says what is wrong with it.
    if text.lines().any(native::is_record) {
        return Ok(Format::Tenantry);
    }
    let format = match is_json {
        true => json(&text, &head, options),
        false => lines(&text, &head, options),
    };
    format
        .or_else(|| by_extension(file.path()?, is_json))
        .ok_or_else(unknown)
}

fn unknown() -> Fault {
    let presets: Vec<&str> = presets::names().collect();
    Fault::new(format!(
        "The file begins like none that is known. Name its format with --format, which is one of {}; or, for CSV and JSON, \
         name the product that it comes from with --preset, which is one of {}.",
        Format::names(),
        presets.join(", ")
    ))
}

/// The beginning as a text. It may be cut within a character, and wrong bytes are reported with their line later.
fn decoded(head: &[u8], options: &Options) -> Result<String, Fault> {
    let mut text = Text::new(Box::new(Cursor::new(head.to_vec())), options.encoding.as_deref())?;
    let mut bytes = Vec::with_capacity(head.len());
    while let Ok(Some(byte)) = text.next_byte() {
        bytes.push(byte);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json(text: &str, head: &[u8], options: &Options) -> Option<Format> {
    let start: String = text.chars().filter(|c| !c.is_whitespace()).take(20).collect();
    if start.starts_with("{\"type\":\"tenantry\"") {
        return Some(Format::Tenantry);
    }
    let names = members(head, options);
    let has = |name: &str, depth: usize| names.iter().any(|(at, found)| *at <= depth && found == name);
    let has_in_record = |name: &str| has(name, RECORD_DEPTH);
    if has("realm", 1) {
        return Some(Format::Keycloak);
    }
    if has_in_record("localId") {
        return Some(Format::Firebase);
    }
    if has("Resources", 1) || (has_in_record("schemas") && text.contains("urn:ietf:params:scim:schemas:")) {
        return Some(Format::Scim);
    }
    let is_profile = has_in_record("user_id") && (has_in_record("email_verified") || has_in_record("identities"));
    if is_profile
        || has_in_record("custom_password_hash")
        || (has_in_record("_id") && names.iter().any(|(_, name)| name == "$oid"))
    {
        return Some(Format::Auth0);
    }
    let map = map::default();
    let is_known = map.identifying().iter().any(|name| has(name, 1));
    is_known.then_some(Format::Json)
}

/// The names of members, and within how many objects each one is. That the beginning is cut is no fault.
fn members(head: &[u8], options: &Options) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let Ok(mut stream) = JsonStream::new(Box::new(Cursor::new(head.to_vec())), options.encoding.as_deref()) else {
        return names;
    };
    while let Ok(Some(_)) = stream.peek() {
        if collect(&mut stream, 0, LEVELS_MAX, &mut names).is_err() {
            break;
        }
    }
    names
}

fn collect(
    stream: &mut JsonStream,
    depth: usize,
    levels: usize,
    names: &mut Vec<(usize, String)>,
) -> Result<(), Fault> {
    match stream.peek()? {
        Some(b'{') if levels > 0 => {
            stream.open(b'{')?;
            while let Some(name) = stream.member()? {
                names.push((depth + 1, name));
                collect(stream, depth + 1, levels - 1, names)?;
            }
            Ok(())
        }
        Some(b'[') if levels > 0 => {
            stream.open(b'[')?;
            while stream.element()? {
                collect(stream, depth, levels - 1, names)?;
            }
            Ok(())
        }
        _ => stream.skip(),
    }
}

fn lines(text: &str, head: &[u8], options: &Options) -> Option<Format> {
    let is_name = |line: &str| line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("dn:"));
    let mut lines = text
        .split(['\n', '\r'])
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let first = lines.next()?;
    if is_name(first) || (first.starts_with("version:") && lines.any(is_name)) {
        return Some(Format::Ldif);
    }
    let input = || Box::new(Cursor::new(head.to_vec()));
    // It has a known heading, if the reader finds one.
    if Csv::new(input(), map::default(), options.clone()).is_ok() {
        return Some(Format::Csv);
    }
    let mut text = Text::new(input(), options.encoding.as_deref()).ok()?;
    let (_, row) = record(&mut text, &[',']).ok()??;
    is_csv_row(&cells(&row, ',').ok()?).then_some(Format::Firebase)
}

/// The format of a file in which nothing known is found; its reader says what is missing.
fn by_extension(path: &Path, is_json: bool) -> Option<Format> {
    let mut extension = path.extension()?;
    if extension.eq_ignore_ascii_case("gz") {
        extension = Path::new(path.file_stem()?).extension()?;
    }
    match extension.to_str()?.to_ascii_lowercase().as_str() {
        "csv" | "tsv" if !is_json => Some(Format::Csv),
        "ldif" if !is_json => Some(Format::Ldif),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    fn options() -> Options {
        Options::new(Timestamp::from_micros(1))
    }

    #[test]
    fn members_of_objects() {
        let names = members(br#"[{"a": "b: \" \\", "c": [{"d": {"e": 1}}]}, {"f": "x"#, &options());
        let names: Vec<(usize, &str)> = names.iter().map(|(depth, name)| (*depth, name.as_str())).collect();
        assert_eq!(names, [(1, "a"), (1, "c"), (2, "d"), (3, "e"), (1, "f")]);
        // As deep as a beginning can be.
        assert_eq!(
            members("[{\"a\":".repeat(8_000).as_bytes(), &options()).len(),
            LEVELS_MAX / 2
        );
    }

    #[test]
    fn formats_of_json() {
        for (text, format) in [
            ("{ \"type\": \"tenantry\",\n\"version\": 1}", Some(Format::Tenantry)),
            ("{\"realm\":\"a\"", Some(Format::Keycloak)),
            ("[{\"realm\":\"a\"", Some(Format::Keycloak)),
            ("{\"users\":[{\"localId\":\"a\"", Some(Format::Firebase)),
            ("{\"totalResults\":1,\"Resources\":[", Some(Format::Scim)),
            ("{\"_id\":{\"$oid\":\"1\"}}", Some(Format::Auth0)),
            ("{\"email\":\"a@example.com\"}", Some(Format::Json)),
            ("{\"person\":{\"email\":\"a@example.com\"}}", None),
            ("{\"note\":\"realm\"}", None),
        ] {
            assert_eq!(json(text, text.as_bytes(), &options()), format, "{text}");
        }
    }
}
