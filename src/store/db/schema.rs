//! Compares the schema of the database with this binary's.

use anyhow::bail;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, TryGetableMany};

use crate::model::error::Result;

/// Compares the schema of the database with this binary's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// This many migrations are pending.
    Older(usize),
    /// This migration is unknown: a newer release ran it.
    Newer(String),
    /// This migration is unknown, and older than the last known one: an unreleased build ran it.
    Unreleased(String),
}

impl SchemaState {
    /// Refuses a schema that this binary cannot migrate.
    pub fn known(self) -> anyhow::Result<Self> {
        match self {
            Self::Newer(step) => bail!(
                "the database has the schema of a newer release (migration {step} is unknown); start that release or \
                 a later one"
            ),
            Self::Unreleased(step) => bail!(
                "the database was created by an unreleased build of tenantry (migration {step} is unknown), and \
                 unreleased builds cannot be upgraded. Start with an empty database: specify another one in \
                 TENANTRY_DATABASE_URL, or move this one away"
            ),
            Self::Current | Self::Older(_) => Ok(self),
        }
    }
}

/// Compares the applied migrations with those of this binary; only reads.
pub async fn schema_state(connection: &impl ConnectionTrait) -> Result<SchemaState> {
    let applied = recorded_steps(connection).await?;
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let missing = known.iter().filter(|step| !applied.contains(step)).count();
    let last = known.iter().map(|step| number(step)).max().unwrap_or_default();
    let strange = applied.into_iter().find(|step| !known.contains(step));
    Ok(match strange {
        Some(step) if number(&step) <= last => SchemaState::Unreleased(step),
        _ if missing > 0 => SchemaState::Older(missing),
        Some(step) => SchemaState::Newer(step),
        None => SchemaState::Current,
    })
}

/// The date and number at the start of a migration's name: `m20261128_000001`.
fn number(step: &str) -> &str {
    step.match_indices('_')
        .nth(1)
        .map_or(step, |(end, _)| step.get(..end).unwrap_or(step))
}

async fn recorded_steps(connection: &impl ConnectionTrait) -> Result<Vec<String>> {
    let table = match connection.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT 1 FROM pg_class WHERE oid = to_regclass(quote_ident(current_schema()) || '.seaql_migrations')"
        }
        _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'",
    };
    match select::<i32>(connection, table).await?.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(applied_steps(connection).await?),
    }
}

/// The names of the applied migrations, which the table of the migration library has.
pub(super) async fn applied_steps(connection: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    select(connection, "SELECT version FROM seaql_migrations ORDER BY version").await
}

/// The rows that a statement without parameters returns.
pub async fn select<T: TryGetableMany>(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<T>, DbErr> {
    let asked = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(asked).await?;
    rows.iter().map(|row| Ok(T::try_get_many_by_index(row)?)).collect()
}
