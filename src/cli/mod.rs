//! The commands of the binary.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::authn::{Credentials, SigningKeys};
use crate::context::{OpContext, Services};
use crate::directory::api_key::{self, NewApiKey};
use crate::directory::audit_event::AuditFile;
use crate::directory::signing_key;
use crate::directory::user::{self, Target};
use crate::graphql;
use crate::http::{Bounds, router, serve};
use crate::model::Clock;
use crate::model::Email;
use crate::model::SecretSource;
use crate::operations::doctor::{self, Finding, Severity};
use crate::operations::signals::Hangups;
use crate::operations::worker::Workers;
use crate::operations::{demo, setup, signals};
use crate::request::App;
use crate::services::config::{Config, ConfigArgs};
use crate::services::hasher::Hasher;
use crate::services::mailer::Mailer;
use crate::services::refusals::Refusals;
use crate::services::telemetry;
use crate::store::built_in_roles::BuiltInRoles;
use crate::store::db::{Address, Database, SchemaState, schema_state};

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
const DOCTOR_EXAMPLES: &str = "\
Examples:
  tenantry doctor                              with the same flags or variables as the server
  tenantry doctor --mail-to ann@acme.example   also try whether mails arrive";
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
    /// Look at the configuration, this machine's files and the database, and say what is wrong or risky and what to do.
    /// Reads only. Ends with 0, with 1 if something is risky, with 2 if something is wrong.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
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
    /// The user, by id or e-mail address. What is one user's id and another's address is refused.
    #[arg(long)]
    user: String,
    /// The key's name, unique among the user's keys.
    #[arg(long, default_value = "machine")]
    name: String,
}

#[derive(Args, Debug)]
struct DoctorArgs {
    /// Also send a mail to this address, and say what the mail server answers.
    #[arg(long, value_name = "ADDRESS")]
    mail_to: Option<String>,
}

#[derive(Args, Debug)]
struct DemoArgs {
    /// How many users; there is about one organization for a thousand of them.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=demo::USERS_MAX))]
    users: u64,
}

/// Runs what the command line asks for.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Schema) => {
            say(graphql::sdl(&graphql::build(true)).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tenantry", &mut script);
            say(String::from_utf8_lossy(&script).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    let config = Config::read(&cli.config, environment)
        .map_err(|faults| anyhow::anyhow!("the configuration has faults:\n{}", faults.trim_end()))?;
    let _logging = telemetry::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .context("cannot start")?;
    let done = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve_until_stopped(&config).await?,
            Command::Migrate(Migrate::Up) => migrate_up(&config).await?,
            Command::Migrate(Migrate::Status) => migrate_status(&config).await?,
            Command::ApiKey(args) => mint(&config, &args).await?,
            Command::RotateKeys(args) => rotate_keys(&config, args.now).await?,
            Command::Demo(args) => fill_demo(&config, &args).await?,
            Command::Doctor(args) => return examine(&config, &args).await,
            Command::Schema | Command::Completions { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    });
    // A hash that is still being made holds up nobody.
    runtime.shutdown_background();
    done
}

/// How long what is under way may take to end, once the last request is answered: together with
/// [`Bounds::grace`] less than the 30 seconds that supervisors wait before they kill.
const END: Duration = Duration::from_secs(4);

async fn serve_until_stopped(config: &Config) -> anyhow::Result<()> {
    let stop = signals::stop();
    // Whoever rotates the file does not know whether the start is over.
    let audit_file = config.audit_log.clone().map(|path| (path, Hangups::listen()));
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().context("cannot tell the address listened on")?;
    let started = async {
        let services = services(config, &format!("http://{address}")).await?;
        services.mailer.make_folder()?;
        prepare(&services, config).await?;
        services.signing.warn_without_secret();
        anyhow::Ok(services)
    };
    // Another process may hold the database for long, while it brings the schema up to date.
    let services = tokio::select! {
        services = started => services?,
        () = stop.cancelled() => return Ok(()),
    };
    if let Some(path) = &config.audit_log {
        // What is wrong with the file is told now, not in the log of the worker that opens it later.
        AuditFile::open(path)?;
    }
    if config.public_url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(
            "TENANTRY_PUBLIC_URL is not set: links in mails would begin with http://{address}, which leads nowhere. Set it \
             to the URL that people reach this server by."
        );
    }
    measure_hashing(&services);
    let listening = format!("listening on http://{address}");
    if say(&listening).is_err() {
        tracing::info!("{listening}");
    }
    let app = App {
        services: Arc::clone(&services),
        schema: graphql::build(config.introspection),
        pages: config.graphiql,
        introspection: config.introspection,
        edge: Arc::new(config.edge.clone()),
    };
    let workers = Workers::start(&services, audit_file);
    let bounds = Bounds::default();
    serve(listener, router(app), &config.edge, bounds, stop.cancelled()).await;
    let end = async {
        services.under_way.close();
        services.under_way.wait().await;
        workers.stop().await;
        services.db.clone().close().await;
    };
    if tokio::time::timeout(END, end).await.is_err() {
        tracing::warn!("stopped before everything had ended: the database or the mail server does not answer");
    }
    Ok(())
}

/// Brings the database up, and at its first start prints the super admin's key.
async fn prepare(services: &Arc<Services>, config: &Config) -> anyhow::Result<()> {
    if let Some(key) = setup::prepare(services, config.admin_api_key.as_ref()).await? {
        let key = key.expose();
        let told = say(format!(
            "This is the first start. The super admin's API key, shown this once:\n\n    {key}\n"
        ));
        if let Err(error) = told {
            tracing::error!(
                "The super admin's API key is lost: {error:#}. Make another one: tenantry api-key --user {}",
                setup::ADMIN_EMAIL
            );
        }
    }
    Ok(())
}

/// Prints a line. `println!` would panic where standard output is closed or full.
fn say(text: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Measures how fast this machine hashes, beside what comes after: the first password that is refused needs to know.
fn measure_hashing(services: &Arc<Services>) {
    let hasher = services.hasher.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = hasher.measure() {
            tracing::warn!(%error, "cannot measure how long this machine takes for a hash");
        }
    });
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
        db: Database::open(&config.database, config.database_connections).await?,
        clock: Clock::System,
        credentials: Credentials::default(),
        hasher: Hasher::default(),
        mailer: Mailer::new(&config.mail, config.mail_from.as_ref(), public_url)?,
        refusals: Refusals::default(),
        built_in_roles: BuiltInRoles::default(),
        under_way: TaskTracker::new(),
        signing: SigningKeys::new(
            SecretSource::new(config.secret_key.clone(), config.database.sqlite_file()),
            config.public_url.as_deref(),
        ),
    }))
}

async fn migrate_up(config: &Config) -> anyhow::Result<()> {
    let db = Database::open(&config.database, config.database_connections).await?;
    setup::migrate(&db).await?;
    say("The schema is up to date.")
}

async fn migrate_status(config: &Config) -> anyhow::Result<()> {
    let db = Database::open(&config.database, config.database_connections).await?;
    match schema_state(db.reader()).await?.known()? {
        SchemaState::Older(steps) => say(format!("{steps} steps are missing; run 'tenantry migrate up'.")),
        _ => say("The schema is up to date."),
    }
}

async fn mint(config: &Config, args: &ApiKeyArgs) -> anyhow::Result<()> {
    let services = services(config, "http://localhost").await?;
    if schema_state(services.db.reader()).await?.known()? != SchemaState::Current {
        bail!("this database has no schema of this release yet; start the server once, or run 'tenantry migrate up'");
    }
    let op = OpContext::machine(Arc::clone(&services));
    let new = NewApiKey {
        name: args.name.clone(),
        ..NewApiKey::default()
    };
    let cannot = || format!("cannot make a key for '{}'", args.user);
    let owner = user::known_by(&op, &args.user).await.with_context(cannot)?;
    let minted = api_key::create_for(&op, &Target::id(owner.id.as_str()), new, None)
        .await
        .with_context(cannot)?;
    // Standard output holds the secret alone. Whoever reads neither has the key all the same.
    let _ = writeln!(
        std::io::stderr(),
        "The API key '{}' is one of the user {owner}.",
        minted.key.name
    );
    services.db.clone().close().await;
    say(minted.secret.expose()).with_context(|| {
        let name = &minted.key.name;
        format!("the key '{name}' was made, and is lost: delete it, and make another")
    })
}

async fn rotate_keys(config: &Config, at_once: bool) -> anyhow::Result<()> {
    let services = services(config, "http://localhost").await?;
    if schema_state(services.db.reader()).await?.known()? != SchemaState::Current {
        bail!("this database has no schema of this release yet; start the server once, or run 'tenantry migrate up'");
    }
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

/// Prints what is found, line by line as it is found.
async fn examine(config: &Config, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let to = match &args.mail_to {
        Some(text) => Some(Email::normalize(text).with_context(|| format!("'{text}' is no e-mail address"))?),
        None => None,
    };
    let mut worst = Severity::Fine;
    let mut tell = |finding: &Finding| {
        worst = worst.max(finding.severity);
        say(format!(
            "{:<6} {:<12} {}",
            finding.severity.as_str(),
            finding.subject,
            finding.says
        ))
    };
    for finding in doctor::examine_settings(config) {
        tell(&finding)?;
    }
    match opened(config).await {
        Ok(services) => {
            for finding in doctor::examine_database(&services).await {
                tell(&finding)?;
            }
            if let Some(to) = &to {
                tell(&doctor::send_mail(&services, to).await)?;
            }
            services.db.clone().close().await;
        }
        Err(error) => tell(&doctor::unopened(&error))?,
    }
    Ok(worst.exit_code().into())
}

/// Opens a database that is there. To look at one must not make one.
async fn opened(config: &Config) -> anyhow::Result<Arc<Services>> {
    if let Address::Sqlite(path) = &config.database
        && !path.exists()
    {
        bail!(
            "there is none at {} yet. The server makes it when it starts",
            path.display()
        );
    }
    services(config, "http://localhost").await
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
                // Progress that nobody reads is no reason to stop.
                let _ = writeln!(std::io::stderr(), "{done} of {} users", args.users);
            }
        })
        .await
    };
    let filled = filled.context("cannot fill the database")?;
    services.db.clone().close().await;
    say(format!(
        "Made {} users in {} organizations with {} tenants, and {} API keys.",
        filled.users, filled.organizations, filled.tenants, filled.api_keys
    ))
}
