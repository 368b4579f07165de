//! `tenantry demo`.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::DemoArgs;
use super::open::{prepare, services};
use super::output::say;
use crate::context::OpContext;
use crate::operations::demo;
use crate::services::config::Config;

pub async fn fill(config: &Config, args: &DemoArgs) -> anyhow::Result<()> {
    let services = services(config, None, None).await?;
    prepare(&services, config).await?;
    let op = OpContext::machine(Arc::clone(&services));
    let filled = if std::io::stderr().is_terminal() {
        let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} users, {eta} left")?;
        let bar = ProgressBar::new(args.users).with_style(style);
        let filled = demo::fill(&op, args.users, |done| bar.set_position(done)).await;
        bar.finish_and_clear();
        filled
    } else {
        let mut told = 0;
        let tenths = |done: u64| 10 * done / args.users;
        demo::fill(&op, args.users, |done| {
            if tenths(done) > told {
                told = tenths(done);
                // Not being able to print progress is no reason to stop.
                let _ = writeln!(std::io::stderr(), "{done} of {} users", args.users);
            }
        })
        .await
    };
    let filled = filled.context("cannot fill the database")?;
    services.db.clone().close().await;
    say(format!(
        "Created {} users in {} organizations with {} tenants, and {} API keys.",
        filled.users, filled.organizations, filled.tenants, filled.api_keys
    ))
}
