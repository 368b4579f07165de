//! `tenantry copy`.

use std::io::{IsTerminal, Write};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::CopyArgs;
use super::output::say;
use crate::keep::copy::{self, Source};
use crate::keep::secret::{Place, Secret};
use crate::services::config::Config;
use crate::store::db::Address;

pub async fn copy(config: &Config, args: &CopyArgs) -> anyhow::Result<()> {
    let from = args.from.as_ref().unwrap_or(&config.database);
    if let (Some(from), Some(to)) = (from.sqlite_file(), args.to.sqlite_file())
        && std::path::absolute(from)? == std::path::absolute(to)?
    {
        bail!("the source and the target are the same file");
    }
    let source = Source::hold(from).await?;
    let secret = Secret::of(&source, config.secret_key.clone(), from, &args.to).await?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    let is_seen = std::io::stderr().is_terminal();
    let progress = |table: &'static str, rows: u64| {
        if is_seen {
            bar.set_message(format!("{table}: {rows} rows"));
            bar.tick();
        } else if rows.is_multiple_of(100_000) {
            // Not being able to print progress is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{table}: {rows} rows");
        }
    };
    // A server that starts on the copy needs the key.
    let copied = copy::copy(&source, &args.to, progress, || secret.write()).await;
    bar.finish_and_clear();
    let digests = copied?;
    source.release().await?;
    for (table, digest) in &digests {
        say(format!("{table:<20} {:>9} {}", digest.rows, digest.sha256))?;
    }
    let rows: u64 = digests.iter().map(|(_, digest)| digest.rows).sum();
    say(format!(
        "Copied {rows} rows, and compared them. {}",
        of_secret(secret.place())
    ))?;
    say(next(&args.to, from))
}

fn of_secret(place: &Place) -> String {
    match place {
        Place::File(path) => format!("The secret key is in {}.", path.display()),
        Place::FileOfSource(path) => format!(
            "Sessions stay valid if TENANTRY_SECRET_KEY is the content of {}.",
            path.display()
        ),
        Place::Variable => "Sessions stay valid with the same TENANTRY_SECRET_KEY.".to_owned(),
        Place::Unknown => {
            "Sessions stay valid with the TENANTRY_SECRET_KEY of the source, if there are any.".to_owned()
        }
    }
}

fn next(to: &Address, from: &Address) -> String {
    let kept = match from {
        Address::Sqlite(path) => format!("move {} away", path.display()),
        Address::Postgres(_) => "rename or drop the old database".to_owned(),
    };
    format!(
        "Now set TENANTRY_DATABASE_URL to the copy ({to:?}), start the server, and look whether all is there. Then {kept}, so \
         that no server starts on it by mistake."
    )
}
