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
        .context("cannot create a new signing key")?;
    services.db.clone().close().await;
    say(if at_once {
        "A new key now signs session tokens. Tokens signed with the old keys are no longer valid."
    } else {
        "A new key is published. It starts signing session tokens in a few minutes."
    })
}
