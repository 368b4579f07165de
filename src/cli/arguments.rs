//! The command line: its commands, what they take, and their help.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::operations::demo;
use crate::services::config::ConfigArgs;

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
pub struct Cli {
    #[command(flatten, next_help_heading = "Configuration, by flag or variable")]
    pub config: ConfigArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
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
pub enum Migrate {
    /// Make the missing steps.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Up,
    /// Tell whether the schema is that of this binary.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Status,
}

#[derive(Args, Debug)]
pub struct RotateKeysArgs {
    /// Believe the old keys no more, because one has leaked or their secret is lost.
    #[arg(long)]
    pub now: bool,
}

#[derive(Args, Debug)]
pub struct ApiKeyArgs {
    /// The user, by id or e-mail address. What is one user's id and another's address is refused.
    #[arg(long)]
    pub user: String,
    /// The key's name, unique among the user's keys.
    #[arg(long, default_value = "machine")]
    pub name: String,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Also send a mail to this address, and say what the mail server answers.
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// How many users; there is about one organization for a thousand of them.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=demo::USERS_MAX))]
    pub users: u64,
}
