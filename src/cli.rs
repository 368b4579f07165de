//! The commands of the binary.

#![expect(clippy::print_stdout, reason = "what a command answers goes to standard output")]

use std::io::{ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::api_key::{self, NewApiKey};
use crate::audit::{AuditLog, Refusals};
use crate::authn::{Credentials, SecretSource, SigningKeys, activity};
use crate::config::{Config, ConfigArgs};
use crate::context::{Clock, OpContext, Services};
use crate::db::{Database, SchemaState, schema_state};
use crate::http::{App, router, serve};
use crate::mail::Mailer;
use crate::password::Hasher;
use crate::role::BuiltInRoles;
use crate::user::Target;
use crate::{demo, graphql, setup, sweep, telemetry};

/// Of each thread: twice the usual. Nested inputs are read by calls within each other, which in a debug build take most of
/// the usual for the deepest that is let in. It is taken as it is used.
const STACK_BYTES: usize = 4 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  tenantry                                     serve on http://127.0.0.1:8000, with the data in tenantry.db
  tenantry --listen 0.0.0.0:80                 serve for other machines as well
  tenantry --database-url postgres://tenantry@localhost/tenantry
                                               serve from PostgreSQL
  tenantry api-key --user admin                make a key for the super admin, beside the running server

The first start prints the super admin's API key. With it, open http://127.0.0.1:8000/graphiql, or ask from a shell:

  curl http://127.0.0.1:8000/graphql -H \"Authorization: Bearer $KEY\" \\
       -H 'Content-Type: application/json' -d '{\"query\": \"{ me { id name } }\"}'";
const API_KEY_EXAMPLES: &str = "\
Examples:
  tenantry api-key --user admin                the super admin, when the first key is lost
  KEY=$(tenantry api-key --user ada@acme.example --name laptop)

The key goes on until it is revoked: mutation { revokeApiKeys(names: [\"laptop\"]) { id } }, by its owner.
It must be the running server's database: give the same --database-url or TENANTRY_DATABASE_URL.";
const MIGRATE_EXAMPLES: &str = "\
Examples:
  tenantry migrate status                      reads only; says whether steps are missing
  tenantry migrate up                          makes them; the server does the same when it starts

Keep a copy of the database before the first start of a new release.";
const ROTATE_EXAMPLES: &str = "\
Examples:
  tenantry rotate-keys                         as a habit: sessions go on
  tenantry rotate-keys --now                   after a leak: everybody signs in anew; API keys are not touched";
const DEMO_EXAMPLES: &str = "\
Examples:
  tenantry demo --users 100000 --database-url sqlite://demo.db
  tenantry --database-url sqlite://demo.db     and serve it

The database must be empty. The super admin's key is printed as at any first start.";
const SCHEMA_EXAMPLES: &str = "\
Example:
  tenantry schema > schema.graphql             for code generators; a running server has it at /schema.graphql";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tenantry completions bash > ~/.local/share/bash-completion/completions/tenantry
  tenantry completions zsh > \"${fpath[1]}/_tenantry\"
  tenantry completions fish > ~/.config/fish/completions/tenantry.fish

A new shell then completes commands and flags.";
/// For commands that read no configuration, and so should not list it.
const WITHOUT_OPTIONS: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}";

/// The user directory of a multi-tenant product: organizations, tenants and users behind one GraphQL API.
///
/// Without a command it serves. With no configuration it keeps its data in tenantry.db, listens on 127.0.0.1:8000, and at
/// its first start prints the API key of the super admin.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten, next_help_heading = "Configuration, by flag or variable")]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    #[command(after_help = EXAMPLES)]
    Serve,
    /// Bring the database's schema up to date, or tell how it stands.
    #[command(subcommand, after_help = MIGRATE_EXAMPLES)]
    Migrate(Migrate),
    /// Make an API key for a user and print it, alone, on standard output. Works beside a running server.
    #[command(after_help = API_KEY_EXAMPLES)]
    ApiKey(ApiKeyArgs),
    /// Make a new key for session tokens. The old ones are believed until their last token has ended. Works beside a
    /// running server.
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateKeys(RotateKeysArgs),
    /// Fill an empty database with a believable directory, to try the API on.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Print the GraphQL schema.
    #[command(after_help = SCHEMA_EXAMPLES, help_template = WITHOUT_OPTIONS, override_usage = "tenantry schema")]
    Schema,
    /// Print what a shell needs to complete commands and flags.
    #[command(
        after_help = COMPLETIONS_EXAMPLES,
        help_template = WITHOUT_OPTIONS,
        override_usage = "tenantry completions bash|elvish|fish|powershell|zsh"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Make the missing steps.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Up,
    /// Tell whether the schema is that of this binary.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Status,
}

#[derive(Args, Debug)]
struct RotateKeysArgs {
    /// Believe the old keys no more, because one has leaked or their secret is lost.
    #[arg(long)]
    now: bool,
}

#[derive(Args, Debug)]
struct ApiKeyArgs {
    /// The user, by id or e-mail address.
    #[arg(long)]
    user: String,
    /// The key's name, unique among the user's keys.
    #[arg(long, default_value = "machine")]
    name: String,
}

#[derive(Args, Debug)]
struct DemoArgs {
    /// How many users; there is about one organization for a thousand of them.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=demo::USERS_MAX))]
    users: u64,
}

/// Runs what the command line asks for.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Schema) => {
            print!("{}", graphql::sdl(&graphql::build(true)));
            return Ok(());
        }
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "tenantry", &mut std::io::stdout());
            return Ok(());
        }
        _ => {}
    }
    let environment = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let config = Config::read(&cli.config, environment)
        .map_err(|faults| anyhow::anyhow!("the configuration has faults:\n{}", faults.trim_end()))?;
    telemetry::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve_until_stopped(&config).await,
            Command::Migrate(Migrate::Up) => migrate_up(&config).await,
            Command::Migrate(Migrate::Status) => migrate_status(&config).await,
            Command::ApiKey(args) => mint(&config, &args).await,
            Command::RotateKeys(args) => rotate_keys(&config, args.now).await,
            Command::Demo(args) => fill_demo(&config, &args).await,
            Command::Schema | Command::Completions { .. } => Ok(()),
        }
    })
}

async fn serve_until_stopped(config: &Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().context("cannot tell the address listened on")?;
    let services = services(config, &format!("http://{address}")).await?;
    prepare(&services, config).await?;
    println!("listening on http://{address}");
    let app = App {
        services: Arc::clone(&services),
        schema: graphql::build(config.introspection),
        pages: config.graphiql,
        introspection: config.introspection,
        edge: Arc::new(config.edge.clone()),
    };
    let refusing = tokio::spawn(write_refusals(Arc::clone(&services)));
    let sweeping = tokio::spawn(sweep::sweep_for_ever(Arc::clone(&services)));
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let noting = tokio::spawn(activity::flush_until(Arc::clone(&services), stopping));
    serve(listener, router(app), stopped()).await;
    services.under_way.close();
    services.under_way.wait().await;
    drop(stop);
    noting
        .await
        .context("cannot write when keys and users were last seen")?;
    refusing.abort();
    sweeping.abort();
    if let Err(error) = services.refusals.flush(&services, true).await {
        tracing::warn!(%error, "the last refusals are not in the audit trail");
    }
    services.db.clone().close().await;
    Ok(())
}

/// Brings the database up, and at its first start prints the super admin's key.
async fn prepare(services: &Arc<Services>, config: &Config) -> anyhow::Result<()> {
    if let Some(key) = setup::prepare(services, config.admin_api_key.as_ref()).await? {
        println!(
            "This is the first start. The super admin's API key, shown this once:\n\n    {}\n",
            key.expose()
        );
    }
    Ok(())
}

/// The system's own words, and the way out.
fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    let way_out = match error.kind() {
        ErrorKind::AddrInUse => {
            "Another program listens there, perhaps another tenantry: stop it, or choose another port"
        }
        ErrorKind::PermissionDenied => "The system keeps this port for itself: choose one from 1024 on",
        ErrorKind::AddrNotAvailable => "This machine has no such address: choose one of its own, or 0.0.0.0 for all",
        _ => "Choose another address",
    };
    anyhow!("cannot listen on {address}: {error}\n{way_out}, as in --listen 127.0.0.1:8001 (port 0: any that is free).")
}

async fn services(config: &Config, address: &str) -> anyhow::Result<Arc<Services>> {
    let public_url = config.public_url.as_deref().unwrap_or(address);
    Ok(Arc::new(Services {
        db: Database::connect(&config.database_url).await?,
        clock: Clock::System,
        credentials: Credentials::default(),
        hasher: Hasher::default(),
        mailer: Mailer::new(&config.mail, public_url)?,
        audit_log: config
            .audit_log
            .as_deref()
            .map(AuditLog::open)
            .transpose()?
            .unwrap_or_default(),
        refusals: Refusals::default(),
        built_in_roles: BuiltInRoles::default(),
        under_way: TaskTracker::new(),
        signing: SigningKeys::new(
            SecretSource::new(config.secret_key.clone(), Database::sqlite_file(&config.database_url)),
            config.public_url.as_deref(),
        ),
    }))
}

async fn migrate_up(config: &Config) -> anyhow::Result<()> {
    let db = Database::connect(&config.database_url).await?;
    setup::migrate(&db).await?;
    println!("The schema is up to date.");
    Ok(())
}

async fn migrate_status(config: &Config) -> anyhow::Result<()> {
    let db = Database::connect(&config.database_url).await?;
    match schema_state(db.reader()).await?.known()? {
        SchemaState::Older(steps) => println!("{steps} steps are missing; run 'tenantry migrate up'."),
        _ => println!("The schema is up to date."),
    }
    Ok(())
}

async fn mint(config: &Config, args: &ApiKeyArgs) -> anyhow::Result<()> {
    let services = services(config, "http://localhost").await?;
    if schema_state(services.db.reader()).await?.known()? != SchemaState::Current {
        bail!("this database has no schema of this release yet; start the server once, or run 'tenantry migrate up'");
    }
    let op = OpContext::machine(Arc::clone(&services));
    let new = || NewApiKey {
        name: args.name.clone(),
        ..NewApiKey::default()
    };
    // An id may look like an address; as everywhere, an exact id comes first.
    let by_id = Target::id(&args.user);
    let minted = match api_key::create_for(&op, &by_id, new(), None).await {
        Err(crate::error::Error::NotFound(_)) => {
            let by_email = Target {
                email: Some(args.user.clone()),
                ..Target::default()
            };
            api_key::create_for(&op, &by_email, new(), None).await
        }
        other => other,
    };
    let minted = minted.with_context(|| format!("cannot make a key for '{}'", args.user))?;
    println!("{}", minted.secret.expose());
    services.db.clone().close().await;
    Ok(())
}

/// Writes the refusals of each minute when it is over.
async fn write_refusals(services: Arc<Services>) {
    let mut every = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        every.tick().await;
        if let Err(error) = services.refusals.flush(&services, false).await {
            tracing::warn!(%error, "cannot write refusals to the audit trail");
        }
    }
}

async fn rotate_keys(config: &Config, at_once: bool) -> anyhow::Result<()> {
    let services = services(config, "http://localhost").await?;
    if schema_state(services.db.reader()).await?.known()? != SchemaState::Current {
        bail!("this database has no schema of this release yet; start the server once, or run 'tenantry migrate up'");
    }
    let op = OpContext::machine(Arc::clone(&services));
    services
        .signing
        .rotate(&op, at_once)
        .await
        .context("cannot make a new key")?;
    if at_once {
        println!("A new key signs session tokens; the old ones are not believed any more.");
    } else {
        println!("A new key is published, and signs session tokens in some minutes.");
    }
    services.db.clone().close().await;
    Ok(())
}

async fn fill_demo(config: &Config, args: &DemoArgs) -> anyhow::Result<()> {
    let services = services(config, "http://localhost").await?;
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
                eprintln!("{done} of {} users", args.users);
            }
        })
        .await
    };
    let filled = filled.context("cannot fill the database")?;
    println!(
        "Made {} users in {} organizations with {} tenants, and {} API keys.",
        filled.users, filled.organizations, filled.tenants, filled.api_keys
    );
    services.db.clone().close().await;
    Ok(())
}

/// The signal to stop: an interrupt or, from a supervisor, a termination.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
