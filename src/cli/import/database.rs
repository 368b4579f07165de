//! The database of an import: whether it is new, and whether anybody else uses it.

use std::path::Path;
use std::sync::Arc;

use sea_orm::EntityTrait;

use super::survey::Survey;
use crate::cli::open::{current, prepare, services};
use crate::context::Services;
use crate::keep::target::alone;
use crate::operations::setup;
use crate::services::config::Config;
use crate::store::db::{Address, Database, clients};
use crate::store::entity::organization;

/// How the server of a PostgreSQL database sees imports; each adds a text of its own.
const APPLICATION: &str = "tenantry import";

/// The database, ready for the records of a file.
pub struct Opened {
    pub services: Arc<Services>,
    /// It was new and has only the schema, so that it becomes what the file says.
    pub becomes_file: bool,
    /// Nobody else uses it.
    pub alone: bool,
}

/// Opens the database. A new one has its first start like that of the server, except for a whole directory with a super
/// admin.
pub async fn open(config: &Config, survey: &Survey, dry_run: bool) -> anyhow::Result<Opened> {
    if dry_run {
        return Ok(Opened {
            services: current(config).await?,
            becomes_file: false,
            alone: false,
        });
    }
    // Before this process itself has it open.
    let is_unused = match &config.database {
        Address::Sqlite(path) => is_unused(path).await,
        Address::Postgres(_) => true,
    };
    let name = format!("{APPLICATION} {}", uuid::Uuid::new_v4().simple());
    let own = Config {
        database: config.database.as_application(&name),
        ..config.clone()
    };
    let services = services(&own, None, None).await?;
    let becomes_file = survey.is_whole && survey.has_super_admin && is_new(&services.db).await?;
    match becomes_file {
        true => drop(services.cursor_keys.get(services.db.reader()).await?),
        false => prepare(&services, config).await?,
    }
    // As late as possible: a server may have started in the meantime.
    let has_others = match config.database {
        Address::Sqlite(_) => false,
        Address::Postgres(_) => has_others(&services.db, &name).await?,
    };
    Ok(Opened {
        services,
        becomes_file,
        alone: is_unused && !has_others,
    })
}

/// Makes the schema; whether there is nothing else.
async fn is_new(db: &Database) -> anyhow::Result<bool> {
    setup::migrate(db).await?;
    let any = organization::Entity::find().one(db.reader()).await?;
    Ok(any.is_none())
}

/// Whether no process has a SQLite file open. One that is not there is not created.
async fn is_unused(path: &Path) -> bool {
    if !path.exists() {
        return true;
    }
    match alone(path).await {
        Ok(file) => {
            file.close().await;
            true
        }
        Err(_) => false,
    }
}

/// Whether anybody else is connected to a PostgreSQL database. A server may have any name.
async fn has_others(db: &Database, own: &str) -> anyhow::Result<bool> {
    Ok(clients(db.reader()).await?.iter().any(|(name, _)| name != own))
}
