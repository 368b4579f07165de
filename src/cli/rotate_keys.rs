//! `tenantry rotate-keys`.

use std::sync::Arc;

use anyhow::Context;

use super::open::current;
use super::output::say;
use crate::context::OpContext;
use crate::directory::signing_key;
use crate::services::config::Config;

pub async fn rotate_keys(config: &Config, at_once: bool) -> anyhow::Result<()> {
    let services = current(config).await?;
    let op = OpContext::machine(Arc::clone(&services));
    signing_key::rotate(&op, at_once)
        .await
        .context("cannot make a new key")?;
    services.db.clone().close().await;
    say(if at_once {
        "A new key signs session tokens; the old ones are not believed any more."
    } else {
        "A new key is published, and signs session tokens in some minutes."
    })
}
