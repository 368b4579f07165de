//! The files of a Keycloak export, and the realms in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::transfer::format::Inputs;
use crate::transfer::format::stream::JsonStream;
use crate::transfer::record::Fault;

/// The files of a directory, in the order of their names and numbers; others than `<realm>-realm.json` and
/// `<realm>-users-N.json` are skipped.
pub fn files_of(directory: &Path) -> Result<Vec<PathBuf>, Fault> {
    let shown = directory.display();
    let failed = |error: std::io::Error| Fault::new(format!("The directory {shown} cannot be read: {error}."));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(place) = path.file_name().and_then(|name| place_of(name.to_str()?)) {
            files.push((place, path));
        }
    }
    if files.is_empty() {
        return Err(Fault::new(format!(
            "The directory {shown} has no file named '<realm>-realm.json' or '<realm>-users-0.json'. Export with 'kc.sh \
             export --dir {shown} --realm <realm>', or name the files one by one."
        )));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// The realm of a file, and its place in the realm: the realm itself, then its users by number.
fn place_of(name: &str) -> Option<(String, u64)> {
    let name = name.strip_suffix(".json")?;
    if let Some(realm) = name.strip_suffix("-realm") {
        return Some((realm.to_owned(), 0));
    }
    let (realm, number) = name.rsplit_once("-users-")?;
    Some((realm.to_owned(), number.parse::<u64>().ok()?.checked_add(1)?))
}

/// The realms of an export, or parts of realms: each is an object, alone or in a list.
pub(super) struct Documents {
    inputs: Inputs,
    /// The file that is being read.
    file: Option<Arc<str>>,
    encoding: Option<String>,
    stream: Option<JsonStream>,
    in_array: bool,
}

impl Documents {
    pub(super) fn new(inputs: Inputs, encoding: Option<String>) -> Self {
        Self {
            inputs,
            file: None,
            encoding,
            stream: None,
            in_array: false,
        }
    }

    /// Goes into the next object; `None` after the last one. The one before must have been read to its end.
    pub(super) fn next(&mut self) -> Result<Option<&mut JsonStream>, Fault> {
        while !self.is_at_object()? {
            let Some(input) = self.inputs.next().transpose()? else {
                return Ok(None);
            };
            self.file = input.name;
            self.stream = Some(JsonStream::new(input.bytes, self.encoding.as_deref())?);
        }
        self.stream()?.open(b'{')?;
        Ok(self.stream.as_mut())
    }

    /// The file that is being read.
    pub(super) fn file(&self) -> Option<Arc<str>> {
        self.file.clone()
    }

    /// A fault in the file that is being read.
    pub(super) fn fault(&self, fault: Fault) -> Fault {
        Fault {
            file: fault.file.or_else(|| self.file()),
            ..fault
        }
    }

    /// The object that is being read.
    pub(super) fn stream(&mut self) -> Result<&mut JsonStream, Fault> {
        // There is always one between two calls of `next`.
        self.stream.as_mut().ok_or_else(|| Fault::at(1, "The file is empty."))
    }

    /// Whether an object comes next in this file. At its end there is no stream any more.
    fn is_at_object(&mut self) -> Result<bool, Fault> {
        let Some(stream) = self.stream.as_mut() else {
            return Ok(false);
        };
        loop {
            if self.in_array {
                if stream.element()? {
                    break;
                }
                self.in_array = false;
            }
            match stream.peek()? {
                None => {
                    self.stream = None;
                    return Ok(false);
                }
                Some(b'[') => {
                    stream.open(b'[')?;
                    self.in_array = true;
                }
                Some(_) => break,
            }
        }
        Ok(true)
    }
}
