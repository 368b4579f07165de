//! The rows of several files, one after the other.

use std::io::BufRead;
use std::sync::Arc;

use super::Map;
use crate::transfer::format::auth0::Auth0;
use crate::transfer::format::csv::Csv;
use crate::transfer::format::firebase::Firebase;
use crate::transfer::format::json::Json;
use crate::transfer::format::ldif::Ldif;
use crate::transfer::format::scim::Scim;
use crate::transfer::format::{Inputs, Reader};
use crate::transfer::native::NativeReader;
use crate::transfer::options::Options;
use crate::transfer::record::{Fault, Notes, Row};

/// How each file is read.
#[derive(Clone, Debug)]
pub(super) enum Each {
    Tenantry,
    Csv(Box<Map>),
    Json(Box<Map>),
    Auth0,
    Firebase,
    Scim,
    Ldif,
}

impl Each {
    /// The reader of one file.
    fn begin(&self, bytes: Box<dyn BufRead + Send>, options: Options) -> Result<Box<dyn Reader>, Fault> {
        Ok(match self {
            Self::Tenantry => Box::new(NativeReader::open(bytes)?),
            Self::Csv(map) => Box::new(Csv::new(bytes, Map::clone(map), options)?),
            Self::Json(map) => Box::new(Json::new(bytes, Map::clone(map), options)?),
            Self::Auth0 => Box::new(Auth0::new(bytes, options)?),
            Self::Firebase => Box::new(Firebase::new(bytes, options)?),
            Self::Scim => Box::new(Scim::new(bytes, options)?),
            Self::Ldif => Box::new(Ldif::new(bytes, options)?),
        })
    }
}

/// Reads files of one format.
pub(super) struct Chain {
    each: Each,
    inputs: Inputs,
    options: Options,
    /// The file that is being read, and its reader.
    file: Option<Arc<str>>,
    current: Option<Box<dyn Reader>>,
    /// What there is to say about the files before.
    notes: Notes,
}

impl Chain {
    pub(super) fn new(each: Each, inputs: Inputs, options: Options) -> Self {
        Self {
            each,
            inputs,
            options,
            file: None,
            current: None,
            notes: Notes::default(),
        }
    }

    fn next_row(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            if let Some(reader) = &mut self.current {
                if let Some(row) = reader.next()? {
                    return Ok(Some(row));
                }
                self.notes.add(reader.notes());
                self.current = None;
            }
            let Some(input) = self.inputs.next().transpose()? else {
                return Ok(None);
            };
            self.file = input.name;
            self.current = Some(self.each.begin(input.bytes, self.options.clone())?);
        }
    }
}

impl Reader for Chain {
    fn next(&mut self) -> Result<Option<Row>, Fault> {
        match self.next_row() {
            Ok(row) => Ok(row.map(|row| Row {
                file: self.file.clone(),
                ..row
            })),
            Err(fault) => Err(Fault {
                file: fault.file.or_else(|| self.file.clone()),
                ..fault
            }),
        }
    }

    fn notes(&self) -> Notes {
        let mut notes = self.notes.clone();
        if let Some(reader) = &self.current {
            notes.add(reader.notes());
        }
        notes
    }
}
