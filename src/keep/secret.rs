//! The secret key, which is in no database, and has to come with a copy.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::copy::Source;
use super::draft::with_ending;
use crate::authn::{Issuer, SigningKeys};
use crate::model::{Clock, SecretKey, SecretSource};
use crate::store::db::Address;

/// Where the copy's secret key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this file, next to the copy.
    File(PathBuf),
    /// In this file of the source, from which it must be put into `TENANTRY_SECRET_KEY`.
    FileOfSource(PathBuf),
    /// In `TENANTRY_SECRET_KEY`, as before.
    Variable,
    /// Unknown: it must be found.
    Unknown,
}

/// The secret key of a source, which opens its signing keys.
#[derive(Debug)]
pub struct Secret {
    key: Option<SecretKey>,
    place: Place,
}

impl Secret {
    /// Refuses a key that does not open the signing keys of the source, and a target with the key file of another key.
    pub async fn of(source: &Source, given: Option<SecretKey>, from: &Address, to: &Address) -> anyhow::Result<Self> {
        let is_given = given.is_some();
        let origin = SecretSource::new(given, from.sqlite_file());
        let key = origin.present()?;
        if key.is_some() {
            let signing = SigningKeys::new(origin, Issuer::local(0));
            source
                .check(&signing, Clock::System.now())
                .await
                .context("the secret key is not that of the source")?;
        }
        let place = match (to.sqlite_file(), from.sqlite_file()) {
            (Some(file), _) if key.is_some() => Place::File(key_file(file)),
            (Some(_), _) => Place::Unknown,
            (None, _) if is_given => Place::Variable,
            (None, Some(file)) if key.is_some() => Place::FileOfSource(key_file(file)),
            (None, _) => Place::Unknown,
        };
        if let (Place::File(path), Some(key)) = (&place, &key)
            && path.exists()
            && !key.is_in(path)?
        {
            bail!("{} contains another secret key: move it away", path.display());
        }
        Ok(Self { key, place })
    }

    /// Writes the key file of the copy, if it has one.
    pub fn write(&self) -> anyhow::Result<()> {
        if let (Place::File(path), Some(key)) = (&self.place, &self.key) {
            key.store(path)
                .with_context(|| format!("cannot write the secret key into {}", path.display()))?;
        }
        Ok(())
    }

    /// Where it is once the copy has appeared.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

fn key_file(database: &Path) -> PathBuf {
    with_ending(database, ".key")
}
