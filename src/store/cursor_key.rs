//! The key that encrypts the internal keys in cursors.

use std::sync::OnceLock;

use super::db::{Reader, select};
use crate::model::CursorKey;
use crate::model::error::{Error, Result};

/// The cursor key of this database. It is created with the schema and never changes, so reading it once is enough.
#[derive(Debug, Default)]
pub struct CursorKeys(OnceLock<CursorKey>);

impl CursorKeys {
    /// The key; read when first needed.
    pub async fn get(&self, reader: &Reader) -> Result<&CursorKey> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let secrets: Vec<String> = select(reader, "SELECT secret FROM cursor_keys").await?;
        let key = secrets.first().and_then(|secret| CursorKey::parse(secret));
        let key = key.ok_or_else(|| Error::internal("the key of cursors is missing"))?;
        Ok(self.0.get_or_init(|| key))
    }
}
