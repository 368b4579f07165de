//! `tenantry migrate`.

use super::open::existing;
use super::output::say;
use crate::operations::setup;
use crate::services::config::Config;
use crate::store::db::{Database, SchemaState, schema_state};

pub async fn up(config: &Config) -> anyhow::Result<()> {
    let db = Database::open(&config.database, config.database_connections).await?;
    setup::migrate(&db).await?;
    db.close().await;
    say("The schema is up to date.")
}

pub async fn status(config: &Config) -> anyhow::Result<()> {
    let services = existing(config).await?;
    let state = schema_state(services.db.reader()).await?.known()?;
    services.db.clone().close().await;
    match state {
        SchemaState::Older(steps) => say(format!("Pending migrations: {steps}. Run 'tenantry migrate up'.")),
        _ => say("The schema is up to date."),
    }
}
