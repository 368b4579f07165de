//! `tenantry api-key`.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;

use super::arguments::ApiKeyArgs;
use super::open::current;
use super::output::say;
use crate::context::OpContext;
use crate::directory::api_key::{self, NewApiKey};
use crate::directory::user::{self, Target};
use crate::services::config::Config;

pub async fn create(config: &Config, args: &ApiKeyArgs) -> anyhow::Result<()> {
    let services = current(config).await?;
    let op = OpContext::machine(Arc::clone(&services));
    let new = NewApiKey {
        name: args.name.clone(),
        ..NewApiKey::default()
    };
    let cannot = || format!("cannot create an API key for '{}'", args.user);
    let owner = user::known_by(&op, &args.user, args.organization.as_deref())
        .await
        .with_context(cannot)?;
    let minted = api_key::create_for(&op, &Target::id(owner.id.as_str()), new, None)
        .await
        .with_context(cannot)?;
    // Standard output contains only the secret. The key is valid even if nobody reads this.
    let _ = writeln!(
        std::io::stderr(),
        "Created the API key '{}' for the user {owner}.",
        minted.key.name
    );
    services.db.clone().close().await;
    say(minted.secret.expose()).with_context(|| {
        let name = &minted.key.name;
        format!("the API key '{name}' was created but could not be printed: revoke it and create another one")
    })
}
