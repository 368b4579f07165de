//! `tenantry serve`.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::open::{prepare, services};
use super::output::announce;
use super::permissions;
use crate::context::Services;
use crate::directory::audit_event::AuditFile;
use crate::graphql;
use crate::http::{Bounds, once_started, router, serve};
use crate::operations::signals::{self, Hangups};
use crate::operations::worker::Workers;
use crate::request::App;
use crate::services::config::Config;
use crate::services::mailer::Templates;

/// How long background work may take to finish after the last response: together with [`Bounds::grace`] less than the
/// 30 seconds that supervisors wait before they kill the process.
const END: Duration = Duration::from_secs(4);

/// Serves until `stop`. While the server starts, it already answers that it is alive but not ready.
pub async fn until_stopped(config: &Config, stop: &CancellationToken) -> anyhow::Result<()> {
    // A log rotation may send SIGHUP before the start is over.
    let audit_file = config.audit_log.clone().map(|path| (path, Hangups::listen()));
    if audit_file.is_none() {
        signals::outlive_hangups(stop.clone());
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().context("cannot determine the listen address")?;
    let routes = Arc::new(OnceLock::new());
    let bounds = Bounds::of_this_process(config.database_connections);
    let serving = tokio::spawn({
        let (routes, edge, stop) = (once_started(Arc::clone(&routes)), config.edge.clone(), stop.clone());
        async move { serve(listener, routes, &edge, bounds, stop.cancelled()).await }
    });
    // Another process may hold the database for a long time while it runs migrations.
    let services = tokio::select! {
        services = started(config, address) => services?,
        () = stop.cancelled() => return Ok(()),
    };
    let app = App {
        services: Arc::clone(&services),
        schema: graphql::build(config.introspection),
        pages: config.graphiql,
        link_pages: config.app_url.is_none(),
        introspection: config.introspection,
        edge: Arc::new(config.edge.clone()),
    };
    let workers = Workers::start(&services, audit_file);
    routes.get_or_init(|| router(app));
    let listening = format!("listening on http://{address}");
    if announce(&listening).is_err() {
        tracing::info!("{listening}");
    }
    serving.await.context("the server failed")?;
    let end = async {
        services.under_way.close();
        services.under_way.wait().await;
        workers.stop().await;
        services.db.clone().close().await;
    };
    if tokio::time::timeout(END, end).await.is_err() {
        tracing::warn!("stopped before all work had finished: the database or the mail server does not answer");
    }
    Ok(())
}

/// Opens the services and prepares the database.
async fn started(config: &Config, address: SocketAddr) -> anyhow::Result<Arc<Services>> {
    // First, because a mistake in a template needs no database to be found.
    let templates = config.mail_templates.as_deref().map(Templates::with_own).transpose()?;
    let services = services(config, Some(address), templates).await?;
    services.mailer.make_folder()?;
    prepare(&services, config).await?;
    if let Some(path) = &config.permissions_file {
        permissions::at_start(&services, path).await?;
    }
    services.signing.warn_without_secret();
    if let Some(path) = &config.audit_log {
        // Report problems with the file now, not later in the log of the worker that opens it.
        AuditFile::open(path)?;
    }
    if config.public_url.is_none() && config.app_url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(
            "TENANTRY_PUBLIC_URL is not set: links in mails would begin with http://{address}, which nobody can open. \
             Set it to this server's public URL."
        );
    }
    measure_hashing(&services);
    Ok(services)
}

/// Measures how fast this machine hashes, in the background: needed when the first password is refused.
fn measure_hashing(services: &Arc<Services>) {
    let hasher = services.hasher.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = hasher.measure() {
            tracing::warn!(%error, "cannot measure how long this machine takes to hash a password");
        }
    });
}

/// The system's error message, and what to do.
fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    let way_out = match error.kind() {
        ErrorKind::AddrInUse => {
            "Another program, perhaps another tenantry, already listens there: stop it, or choose another port"
        }
        ErrorKind::PermissionDenied => "This user may not listen on this port: choose port 1024 or higher",
        ErrorKind::AddrNotAvailable => {
            "This machine does not have this address: choose one that it has, or 0.0.0.0 \
                                        for all"
        }
        _ => "Choose another address",
    };
    anyhow!("cannot listen on {address}: {error}\n{way_out}, as in --listen 127.0.0.1:8001 (port 0 picks a free one).")
}
