//! What a process knows of the catalogue of permissions and resource servers.
//!
//! Permissions are stored by name and compared as sets of bits. Which bit stands for which name is read once and remembered.
//! Every statement that reads stored names reads the version of the catalogue too ([`VERSION`]): if it is newer, the
//! catalogue is read again before the names are interpreted. So a change counts with the next look-up in every process.

use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::model::error::{Error, Result};
use crate::model::{Catalogue, Declared, Faces, LadderRole, RecipientSettings};

/// A column with the version of the catalogue, for statements that read stored names.
pub const VERSION: &str = "(SELECT version FROM catalogue) AS catalogue_version";

/// The catalogue as it was last read.
#[derive(Debug, Default)]
pub struct Known(RwLock<Arc<Catalogue>>);

impl Known {
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self(RwLock::new(catalogue))
    }

    pub fn now(&self) -> Arc<Catalogue> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, newer: &Arc<Catalogue>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(newer);
    }
}

/// A connection to a database whose catalogue is known. A transaction keeps to itself what it reads: it may have changed
/// the catalogue, and not be committed.
pub trait Catalogued: ConnectionTrait {
    fn known(&self) -> &Known;
}

/// The catalogue at this version or, if it has changed since, at the present one. After a restore, the present one can have
/// a lower number.
pub async fn at(connection: &impl Catalogued, version: i64) -> Result<Arc<Catalogue>> {
    let known = connection.known().now();
    match known.version() == version {
        true => Ok(known),
        false => read(connection).await,
    }
}

/// The catalogue as it is now.
pub async fn read(connection: &impl Catalogued) -> Result<Arc<Catalogue>> {
    /// A permission, or with settings a resource server.
    #[derive(FromQueryResult)]
    struct Row {
        version: i64,
        faces: Option<String>,
        id: Option<String>,
        bit: Option<i64>,
        lowest_role: Option<String>,
        resource_server_pk: Option<i64>,
        settings: Option<String>,
    }
    // One statement, so that all of it is of the same moment.
    let statement = Statement::from_string(
        connection.get_database_backend(),
        "SELECT c.version, c.faces, p.id, p.bit, p.lowest_role, p.resource_server_pk, NULL AS settings FROM catalogue c
         LEFT JOIN permissions p ON p.bit IS NOT NULL AND p.deleted_at IS NULL
         UNION ALL
         SELECT c.version, c.faces, s.id, NULL, NULL, s.pk, s.settings FROM catalogue c CROSS JOIN resource_servers s",
    );
    let rows = Row::find_by_statement(statement).all(connection).await?;
    let first = rows
        .first()
        .ok_or_else(|| Error::internal("the catalogue has no row"))?;
    let version = first.version;
    // Before the first start, nothing is decided.
    let faces = first.faces.as_deref().map_or(Faces::all(), Faces::from_stored);
    let (mut declared, mut servers) = (Vec::new(), Vec::new());
    for row in rows {
        let Some(id) = row.id else { continue };
        if let (Some(settings), Some(pk)) = (&row.settings, row.resource_server_pk) {
            let settings = RecipientSettings::from_stored(settings).map_err(Error::internal)?;
            servers.push((pk, id, settings));
        } else if let (Some(bit), Some(lowest)) = (row.bit, row.lowest_role)
            && let (Ok(bit), Some(lowest_role)) = (u16::try_from(bit), LadderRole::named(&lowest))
        {
            declared.push(Declared {
                name: id,
                bit,
                lowest_role,
                resource_server_pk: row.resource_server_pk,
            });
        }
    }
    let catalogue = Arc::new(Catalogue::new(version, faces, declared, servers));
    connection.known().keep(&catalogue);
    Ok(catalogue)
}

/// The catalogue as it is now, read again only if it has changed: for names that were read before, in another statement.
pub async fn present(connection: &impl Catalogued) -> Result<Arc<Catalogue>> {
    version(connection, "").await
}

/// The catalogue as it stays until the transaction ends: for changes that store names of permissions or roles. A change of
/// the catalogue waits for them, and they for it.
pub async fn hold(transaction: &impl Catalogued) -> Result<Arc<Catalogue>> {
    match transaction.get_database_backend() {
        DbBackend::Postgres => version(transaction, "FOR SHARE").await,
        _ => version(transaction, "").await,
    }
}

/// The same alone: other changes that hold the catalogue wait until this one ends.
pub async fn hold_alone(transaction: &impl Catalogued) -> Result<Arc<Catalogue>> {
    match transaction.get_database_backend() {
        DbBackend::Postgres => version(transaction, "FOR UPDATE").await,
        _ => version(transaction, "").await,
    }
}

async fn version(connection: &impl Catalogued, lock: &str) -> Result<Arc<Catalogue>> {
    let sql = format!("SELECT version FROM catalogue {lock}");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::internal("the catalogue has no row"))?;
    at(connection, row.try_get("", "version")?).await
}

/// Begins a change of the catalogue, which excludes all others until the transaction ends.
pub async fn change(transaction: &impl Catalogued) -> Result<Arc<Catalogue>> {
    let sql = "UPDATE catalogue SET version = version + 1";
    let statement = Statement::from_string(transaction.get_database_backend(), sql);
    transaction.execute_raw(statement).await?;
    read(transaction).await
}

/// The faces that are on; `None` before the first start has decided.
pub async fn faces(connection: &impl ConnectionTrait) -> Result<Option<Faces>> {
    let statement = Statement::from_string(connection.get_database_backend(), "SELECT faces FROM catalogue");
    let row = connection.query_one_raw(statement).await?;
    let text: Option<String> = row.map_or(Ok(None), |row| row.try_get("", "faces"))?;
    Ok(text.as_deref().map(Faces::from_stored))
}

/// Turns these faces on and the others off, within a change of the catalogue.
pub async fn set_faces(transaction: &impl Catalogued, faces: Faces) -> Result<()> {
    let sql = "UPDATE catalogue SET faces = $1";
    let values = [faces.to_text().into()];
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    transaction.execute_raw(statement).await?;
    Ok(())
}
