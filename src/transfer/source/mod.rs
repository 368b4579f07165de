//! Where the rows of an import come from: files, a directory or standard input, in any format that is known.

mod chain;
mod detect;
mod file;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strum::VariantArray;

use self::chain::{Chain, Each};
use self::file::{File, find};
use super::format::firebase::HashConfig;
use super::format::keycloak::{Keycloak, Realm};
use super::format::{Inputs, Reader};
use super::map::Map;
use super::native::NativeReader;
use super::options::Options;
use super::presets;
use super::record::Fault;
use crate::model::Timestamp;
use crate::model::error::shown;

/// The format of a file. CSV and JSON are read with a map, the others have a fixed shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// What `tenantry export` writes.
    Tenantry,
    Csv,
    Json,
    Keycloak,
    Auth0,
    Firebase,
    Scim,
    Ldif,
}

impl Format {
    /// The format of this name.
    pub fn parse(name: &str) -> Result<Self, String> {
        name.parse()
            .map_err(|_| format!("'{}' is not a format; formats are {}.", shown(name), Self::names()))
    }

    /// The name, as in `--format`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The names of all formats, for a message.
    pub fn names() -> String {
        let names: Vec<&str> = Self::VARIANTS.iter().map(|format| format.name()).collect();
        names.join(", ")
    }

    fn has_map(self) -> bool {
        matches!(self, Self::Csv | Self::Json)
    }
}

/// How files are read: what the flags of the command say.
#[derive(Clone, Debug)]
pub struct How {
    /// `None`: it is found out from the beginning of the file.
    pub format: Option<Format>,
    pub preset: Option<String>,
    pub map: Option<Map>,
    /// Fields and the columns or members that they come from.
    pub columns: Vec<(String, String)>,
    /// The one of several Keycloak realms.
    pub realm: Option<String>,
    /// Of files without a byte order mark; UTF-8 if there is none.
    pub encoding: Option<String>,
    pub hash_config: Option<HashConfig>,
    /// Whether passwords are taken.
    pub passwords: bool,
    pub id_prefix: Option<String>,
    pub now: Timestamp,
}

impl How {
    /// Without any flags.
    pub fn new(now: Timestamp) -> Self {
        Self {
            format: None,
            preset: None,
            map: None,
            columns: Vec::new(),
            realm: None,
            encoding: None,
            hash_config: None,
            passwords: true,
            id_prefix: None,
            now,
        }
    }

    /// The map of the preset or of the person; it may say only what a part of the values mean.
    fn map(&self) -> Result<Map, Fault> {
        let mut map = match (&self.preset, &self.map) {
            (Some(_), Some(_)) => return Err(Fault::new("Give a preset or a map, but not both.")),
            (Some(name), None) => presets::preset(name).map_err(Fault::new)?,
            (None, Some(map)) => map.clone(),
            (None, None) => Map::default(),
        };
        if !self.columns.is_empty() {
            map.complete();
        }
        for (field, column) in &self.columns {
            map.set_column(field, column).map_err(Fault::new)?;
        }
        Ok(map)
    }

    /// Refuses flags that would have no effect.
    fn check(&self, format: Format, map: &Map) -> Result<(), Fault> {
        let name = format.name();
        let misplaced = match format {
            Format::Tenantry if self.map.is_some() || self.preset.is_some() => Some("a preset or a map"),
            format if format.has_map() => None,
            _ if map.has_fields() => Some("a preset, 'fields' of a map or --column"),
            _ if self.id_prefix.is_some() => Some("--id-prefix"),
            _ => None,
        };
        if let Some(what) = misplaced {
            return Err(Fault::new(format!(
                "The format '{name}' has a fixed shape, for which {what} says nothing. Leave it out, or choose the format \
                 'csv' or 'json' with --format."
            )));
        }
        match &self.realm {
            Some(_) if format != Format::Keycloak => Err(Fault::new(format!(
                "--realm chooses a realm of Keycloak, but the format is '{name}'. Leave it out."
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

/// The files of an import. They can be read several times, each time from the beginning.
pub struct Source {
    format: Format,
    files: Arc<[File]>,
    options: Options,
    plan: Plan,
    read: Arc<AtomicU64>,
}

enum Plan {
    /// One reader for all files.
    Keycloak(Arc<Realm>),
    /// A reader for each file.
    Each(Box<Each>),
}

impl Source {
    /// Finds the files and their format. `-` is standard input, which is kept until the end in a file that has no name
    /// and that nobody else can read.
    pub fn open(inputs: &[PathBuf], how: &How) -> Result<Self, Fault> {
        let (files, has_directory) = find(inputs)?;
        Self::over(files, has_directory, how)
    }

    fn over(files: Vec<File>, has_directory: bool, how: &How) -> Result<Self, Fault> {
        let map = how.map()?;
        let mut options = Options {
            now: how.now,
            id_prefix: how.id_prefix.clone(),
            roles: map.meanings("roles"),
            variables: map.kept(),
            passwords: how.passwords,
            hash_config: how.hash_config.clone(),
            realm: how.realm.clone(),
            encoding: how.encoding.clone(),
        };
        let format = match (how.format, has_directory) {
            (None | Some(Format::Keycloak), true) => Format::Keycloak,
            (Some(format), true) => {
                return Err(Fault::new(format!(
                    "A directory can be read if it is an export of Keycloak, but the format is '{}'. Name the files one \
                     by one.",
                    format.name()
                )));
            }
            (Some(format), false) => format,
            (None, false) => detect::format(&files, &map, &options)?,
        };
        how.check(format, &map)?;
        let files: Arc<[File]> = files.into();
        let read = Arc::new(AtomicU64::new(0));
        let plan = match format {
            Format::Keycloak => {
                let inputs = file::inputs(Arc::clone(&files), Arc::clone(&read));
                Plan::Keycloak(Arc::new(Realm::survey(inputs, &options)?))
            }
            Format::Tenantry => Plan::Each(Box::new(Each::Tenantry)),
            Format::Csv => Plan::Each(Box::new(Each::Csv(Box::new(completed(map))))),
            Format::Json => Plan::Each(Box::new(Each::Json(Box::new(completed(map))))),
            Format::Auth0 => Plan::Each(Box::new(Each::Auth0)),
            Format::Firebase => Plan::Each(Box::new(Each::Firebase)),
            Format::Scim => Plan::Each(Box::new(Each::Scim)),
            Format::Ldif => Plan::Each(Box::new(Each::Ldif)),
        };
        // The map of rows has its own ones.
        if format.has_map() {
            options.roles.clear();
            options.variables.clear();
        }
        Ok(Self {
            format,
            files,
            options,
            plan,
            read,
        })
    }

    /// Begins to read from the start. Only one reader at a time is counted by [`Source::bytes_read`].
    pub fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        self.read.store(0, Ordering::Relaxed);
        let inputs = self.inputs();
        Ok(match &self.plan {
            Plan::Keycloak(realm) => Box::new(Keycloak::new(Arc::clone(realm), inputs, self.options.clone())),
            Plan::Each(each) => Box::new(Chain::new(each.as_ref().clone(), inputs, self.options.clone())),
        })
    }

    /// Whether it is one file of `tenantry export` that has a whole directory.
    pub fn is_whole_directory(&self) -> Result<bool, Fault> {
        match (self.format, self.files.as_ref()) {
            (Format::Tenantry, [file]) => {
                let bytes = file.open(&Arc::new(AtomicU64::new(0)))?;
                let reader = NativeReader::open(bytes)?;
                Ok(reader.head().scope.as_deref() == Some("everything"))
            }
            _ => Ok(false),
        }
    }

    /// Whether the file may say which organization each user belongs to.
    pub fn names_organizations(&self) -> bool {
        match &self.plan {
            Plan::Keycloak(_) => true,
            Plan::Each(each) => match each.as_ref() {
                Each::Tenantry => true,
                Each::Csv(map) | Each::Json(map) => map.names_organizations(),
                Each::Auth0 | Each::Firebase | Each::Scim | Each::Ldif => false,
            },
        }
    }

    /// The format that was named or found out.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The bytes of all files, as they are stored.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// At least so many bytes they have when they are unpacked.
    pub fn bytes_unpacked(&self) -> u64 {
        self.files.iter().map(File::bytes_unpacked).sum()
    }

    /// How many of [`Source::bytes`] the present reader has read.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    fn inputs(&self) -> Inputs {
        file::inputs(Arc::clone(&self.files), Arc::clone(&self.read))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// The map of CSV and JSON, with the usual headings if it names none.
fn completed(mut map: Map) -> Map {
    map.complete();
    map
}

#[cfg(test)]
mod limits;
#[cfg(test)]
mod tests;
