//! The command line: commands, arguments and help.

mod transfer;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use self::transfer::{EXPORT_EXAMPLES, IMPORT_EXAMPLES};
pub use self::transfer::{ExportArgs, ImportArgs};
use crate::model::Faces;
use crate::operations::demo;
use crate::services::config::ConfigArgs;
use crate::store::db::Address;

const EXAMPLES: &str = "\
Examples:
  tenantry                                     serve on http://127.0.0.1:8000, with the data in tenantry.db
  tenantry --listen 0.0.0.0:80                 serve for other machines as well
  tenantry --database-url postgres://tenantry@localhost/tenantry
                                               serve from PostgreSQL
  tenantry api-key --user admin                create an API key for the super admin, while the server runs

The first start prints the super admin's API key. Use it at http://127.0.0.1:8000/graphiql, or with curl:

  curl http://127.0.0.1:8000/graphql -H \"Authorization: Bearer $KEY\" \\
       -H 'Content-Type: application/json' -d '{\"query\": \"{ me { id name } }\"}'";
const API_KEY_EXAMPLES: &str = "\
Examples:
  tenantry api-key --user admin                for the super admin, if the first key is lost
  KEY=$(tenantry api-key --user ada@acme.example --name laptop)

The key stays valid until its owner revokes it: mutation { revokeApiKeys(names: [\"laptop\"]) { id } }.
Use the same --database-url or TENANTRY_DATABASE_URL as the running server.";
const MIGRATE_EXAMPLES: &str = "\
Examples:
  tenantry migrate status                      shows whether migrations are pending; changes nothing
  tenantry migrate up                          runs them; the server does the same when it starts

Back up the database before you start a new release for the first time.";
const PERMISSIONS_EXAMPLES: &str = "\
Examples:
  tenantry permissions apply permissions.json            creates and changes what the file names
  tenantry permissions apply permissions.json --dry-run  only shows what would change
  tenantry permissions show > permissions.json           the present state, in the same form

The server applies the file in TENANTRY_PERMISSIONS_FILE when it starts, without deleting anything.";
const FACES_EXAMPLES: &str = "\
Examples:
  tenantry faces                               shows which are on
  tenantry faces --set kili,waii               turns these on and the others off
  tenantry faces --set none                    leaves GraphQL only

Then restart every process on this database, with TENANTRY_FACES set to the same value or not at all.";
const ROTATE_EXAMPLES: &str = "\
Examples:
  tenantry rotate-keys                         routine rotation: sessions stay valid
  tenantry rotate-keys --now                   after a leak: current access tokens become invalid; API keys are not affected";
const DEMO_EXAMPLES: &str = "\
Examples:
  tenantry demo --users 100000 --database-url sqlite://demo.db
  tenantry --database-url sqlite://demo.db     and serve it

The database must be empty. The super admin's key is printed as at every first start.";
const BACKUP_EXAMPLES: &str = "\
Examples:
  tenantry backup /var/backups/tenantry.db     of the SQLite or PostgreSQL database that the server uses
  tenantry backup copy.db --quick              with a shorter check of the copy

The copy is a SQLite file. It does not contain the secret key: keep the key file, or TENANTRY_SECRET_KEY, in another place.";
const RESTORE_EXAMPLES: &str = "\
Examples:
  tenantry restore /var/backups/tenantry.db    into the database that the server uses; stop the server first
  tenantry restore copy.db --end-sessions      everybody signs in again
  tenantry restore copy.db --database-url postgres://tenantry@localhost/tenantry
                                               into an empty PostgreSQL database

A SQLite database that is replaced is kept next to it. What was revoked or deactivated after the backup is valid again.";
const COPY_EXAMPLES: &str = "\
Examples:
  tenantry copy --to postgres://tenantry@localhost/tenantry
                                               from the database that the server uses; stop the server first
  tenantry copy --from postgres://tenantry@localhost/tenantry --to sqlite://tenantry.db

The source is not changed. Afterwards, start the server with the new TENANTRY_DATABASE_URL.";
const DOCTOR_EXAMPLES: &str = "\
Examples:
  tenantry doctor                              with the same flags or variables as the server
  tenantry doctor --quick                      without reading every row
  tenantry doctor --digests                    also print what each table contains, to compare it with a copy
  tenantry doctor --mail-to ann@acme.example   also send a test mail";
const SCHEMA_EXAMPLES: &str = "\
Example:
  tenantry schema > schema.graphql             for code generators; a running server serves it at /schema.graphql";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tenantry completions bash > ~/.local/share/bash-completion/completions/tenantry
  tenantry completions zsh > \"${fpath[1]}/_tenantry\"
  tenantry completions fish > ~/.config/fish/completions/tenantry.fish

Start a new shell to use the completions.";
/// For commands that read no configuration, and so should not list it.
const WITHOUT_OPTIONS: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}";

/// The user directory of a multi-tenant product: organizations, tenants and users behind one GraphQL API.
///
/// Without a command, it starts the server. By default, the server stores its data in tenantry.db and listens on
/// 127.0.0.1:8000. Its first start prints the API key of the super admin.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten, next_help_heading = "Configuration, as flags or environment variables")]
    pub config: ConfigArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server (the default).
    #[command(after_help = EXAMPLES)]
    Serve,
    /// Migrate the database schema, or show its status.
    #[command(subcommand, after_help = MIGRATE_EXAMPLES)]
    Migrate(Migrate),
    /// Create an API key for a user. Prints only the key to standard output. Works while the server runs.
    #[command(after_help = API_KEY_EXAMPLES)]
    ApiKey(ApiKeyArgs),
    /// Declare the permissions of your product and its product-wide roles, or show them. Works while the server runs.
    #[command(subcommand, after_help = PERMISSIONS_EXAMPLES)]
    Permissions(Permissions),
    /// Show or change which APIs of other products are on. Works while the server runs.
    #[command(after_help = FACES_EXAMPLES)]
    Faces(FacesArgs),
    /// Create a new signing key for session tokens. Tokens signed with the old keys stay valid until they expire. Works
    /// while the server runs.
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateKeys(RotateKeysArgs),
    /// Fill an empty database with realistic demo data.
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Bring users and their organizations, roles and groups from a file: of another tenantry, of another product, or a
    /// table. Works while the server runs. The exit code is 0 if all rows are in, 3 if some were refused, 1 if the file cannot be
    /// read.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Box<ImportArgs>),
    /// Write the directory, or some organizations, to a file. Works while the server runs.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Copy the database into a new SQLite file, and check the copy. Works while the server runs.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(BackupArgs),
    /// Put a backup in the place of the database. No server may run.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArgs),
    /// Copy everything into another database: from SQLite to PostgreSQL, back, or between two of a kind. No server may run.
    #[command(after_help = COPY_EXAMPLES)]
    Copy(CopyArgs),
    /// Check the configuration, the local files and the database with everything in it, and report what is wrong or risky
    /// and how to fix it. Changes nothing. Works while the server runs. The exit code is 0 if all is fine, 3 if something
    /// is risky or wrong, 1 if the configuration or the database cannot be read.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Print the GraphQL schema.
    #[command(after_help = SCHEMA_EXAMPLES, help_template = WITHOUT_OPTIONS, override_usage = "tenantry schema")]
    Schema,
    /// Print a shell completion script.
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
    /// Run the pending migrations.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Up,
    /// Show whether the schema is up to date.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Status,
}

#[derive(Debug, Subcommand)]
pub enum Permissions {
    /// Create and change the permissions and product-wide roles that a file names: all of them or, if one of them is
    /// refused, none. The exit code is 0 if the file was applied, 1 if it was refused.
    #[command(after_help = PERMISSIONS_EXAMPLES)]
    Apply(ApplyArgs),
    /// Print the permissions and product-wide roles as such a file.
    #[command(after_help = PERMISSIONS_EXAMPLES)]
    Show,
}

#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// The file, in JSON.
    pub file: PathBuf,
    /// Delete the declared permissions and product-wide roles that the file does not name.
    #[arg(long)]
    pub prune: bool,
    /// With --prune: remove the deleted permissions from the roles and API keys that have them.
    #[arg(long, requires = "prune")]
    pub withdraw: bool,
    /// Show what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print the changes as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct FacesArgs {
    /// Those to turn on, of kili, waii, wallaroo and air, separated by commas; none for no API but GraphQL. The others are
    /// turned off.
    #[arg(long, value_name = "NAMES", value_parser = faces)]
    pub set: Option<Faces>,
}

fn faces(text: &str) -> Result<Faces, &'static str> {
    Faces::parse(text).ok_or("must be names of kili, waii, wallaroo and air separated by commas, or none")
}

#[derive(Args, Debug)]
pub struct RotateKeysArgs {
    /// Revoke the old keys at once, because one has leaked or the secret key is lost.
    #[arg(long)]
    pub now: bool,
}

#[derive(Args, Debug)]
pub struct ApiKeyArgs {
    /// The user's id or e-mail address. Refused if several users match.
    #[arg(long)]
    pub user: String,
    /// The id of the user's organization, if several organizations have a user with this e-mail address.
    #[arg(long, value_name = "ID")]
    pub organization: Option<String>,
    /// The key's name, unique among the user's keys.
    #[arg(long, default_value = "machine")]
    pub name: String,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Also send a test mail to this address, and show the mail server's reply.
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
    /// Do not read every row of the database.
    #[arg(long, conflicts_with = "digests")]
    pub quick: bool,
    /// Print the number of rows and the SHA-256 of each table. They are equal in a copy, on SQLite and on PostgreSQL.
    #[arg(long)]
    pub digests: bool,
    /// Print everything as one JSON object, at the end.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The file to create. It must not exist.
    pub file: PathBuf,
    /// Check the copy faster: without comparing its indexes with its tables.
    #[arg(long)]
    pub quick: bool,
}

#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The backup.
    pub file: PathBuf,
    /// End all sessions of the backup.
    #[arg(long)]
    pub end_sessions: bool,
}

#[derive(Args, Debug)]
pub struct CopyArgs {
    /// The URL of the database to fill: one without organizations, or a SQLite file that does not exist.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub to: Address,
    /// The URL of the database to copy. Default: the database of the server.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub from: Option<Address>,
}

fn address(url: &str) -> Result<Address, String> {
    url.parse()
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Number of users to create. There is about one organization per thousand users.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=demo::USERS_MAX))]
    pub users: u64,
}
