//! `tenantry faces`.

use std::sync::Arc;

use super::arguments::FacesArgs;
use super::open::current;
use super::output::say;
use crate::context::OpContext;
use crate::directory::faces;
use crate::services::config::Config;

pub async fn run(config: &Config, args: &FacesArgs) -> anyhow::Result<()> {
    let services = current(config).await?;
    let op = OpContext::machine(Arc::clone(&services));
    if let Some(wanted) = args.set {
        faces::set(&op, wanted).await?;
    }
    let on = faces::on(&op).await?;
    let hidden = faces::hidden_roles_assigned(&op, on).await?;
    services.db.clone().close().await;
    let mut lines = vec![format!("On: {}.", on.to_text())];
    if hidden > 0 {
        lines.push(format!(
            "Roles of the others are assigned {hidden} times: nobody sees them, and they still permit what they did. To \
             withdraw them, turn the face on again first."
        ));
    }
    if args.set.is_some() {
        lines.push(
            "Restart every process on this database, with TENANTRY_FACES set to the same value or not at all."
                .to_owned(),
        );
    }
    say(lines.join("\n"))
}
