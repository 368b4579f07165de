//! Opens what the commands need: services and the database.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::bail;

use super::output::announce;
use crate::authn::{Issuer, SigningKeys};
use crate::context::{OpContext, Services};
use crate::directory::faces::{self, Settled};
use crate::model::SecretSource;
use crate::operations::setup;
use crate::services::config::Config;
use crate::services::mailer::{Mailer, Templates};
use crate::store::db::{Address, Database, SchemaState, schema_state};

/// Opens the database, and creates the SQLite file if it does not exist. If there is no public URL, `address` is the base
/// of links; the commands beside the server have none, and send no links and issue no tokens. `templates` are the operator's, if
/// there are any.
pub async fn services(
    config: &Config,
    address: Option<SocketAddr>,
    templates: Option<Templates>,
) -> anyhow::Result<Arc<Services>> {
    let db = Database::open(&config.database, config.database_connections).await?;
    with(db, config, address, templates)
}

fn with(
    db: Database,
    config: &Config,
    address: Option<SocketAddr>,
    templates: Option<Templates>,
) -> anyhow::Result<Arc<Services>> {
    let local = address.map_or_else(|| "http://localhost".to_owned(), |address| format!("http://{address}"));
    let base = config.public_url.as_ref().unwrap_or(&local);
    let mut mailer = Mailer::new(&config.mail, config.mail_from.as_ref(), base)?;
    if let Some(app_url) = &config.app_url {
        mailer = mailer.with_app_url(app_url);
    }
    if let Some(templates) = templates {
        mailer = mailer.with_templates(templates);
    }
    let issuer = match &config.public_url {
        Some(url) => Issuer::public(url),
        None => Issuer::local(address.unwrap_or(config.listen).port()),
    };
    let secret = SecretSource::new(config.secret_key.clone(), config.database.sqlite_file());
    Ok(Arc::new(Services {
        public_variables: Arc::new(config.public_variables.clone()),
        ..Services::new(db, mailer, SigningKeys::new(secret, issuer))
    }))
}

/// Migrates and sets up the database, and prints the super admin's key at the first start.
pub async fn prepare(services: &Arc<Services>, config: &Config) -> anyhow::Result<()> {
    if let Some(key) = setup::prepare(services, config.admin_api_key.as_ref()).await? {
        let key = key.expose();
        let told = announce(format!(
            "This is the first start. The super admin's API key, shown only once:\n\n    {key}\n"
        ));
        if let Err(error) = told {
            tracing::error!(
                "The super admin's API key could not be printed: {error:#}. Create another one: tenantry api-key \
                 --user {}",
                setup::ADMIN_EMAIL
            );
        }
    }
    let op = OpContext::machine(Arc::clone(services));
    match faces::settle(&op, config.faces).await? {
        Settled::On(_) => Ok(()),
        Settled::Otherwise(what) => bail!(what),
    }
}

/// Opens an existing database, for a command that runs beside the server; never creates one.
pub async fn existing(config: &Config) -> anyhow::Result<Arc<Services>> {
    if let Address::Sqlite(path) = &config.database
        && !path.exists()
    {
        bail!(
            "there is no database at {} yet. The server creates it when it starts",
            path.display()
        );
    }
    let db = Database::open_existing(&config.database, config.database_connections).await?;
    with(db, config, None, None)
}

/// The same, and requires the schema of this binary.
pub async fn current(config: &Config) -> anyhow::Result<Arc<Services>> {
    let services = existing(config).await?;
    if schema_state(services.db.reader()).await?.known()? != SchemaState::Current {
        bail!(
            "this database does not have this release's schema yet; start the server once, or run 'tenantry migrate \
               up'"
        );
    }
    Ok(services)
}
