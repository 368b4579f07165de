//! The arguments of `tenantry import` and `tenantry export`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use strum::IntoEnumIterator;

use crate::transfer::export;
use crate::transfer::intake::{MissingRoles, OnConflict, Passwords};
use crate::transfer::kind::Kind;
use crate::transfer::source::Format;

pub const IMPORT_EXAMPLES: &str = "\
Examples:
  tenantry import directory.ndjson             a file of 'tenantry export'
  tenantry import --organization acme --dry-run people.csv
                                               shows what the file would do, and which rows would be refused
  tenantry import --organization acme acme-realm.json
                                               a realm of Keycloak; its format is recognized
  tenantry import --organization acme --preset clerk users.csv

The same file can be imported again: what is there already stays unchanged. Refused rows are written to a file beside it.";
pub const EXPORT_EXAMPLES: &str = "\
Examples:
  tenantry export --with-hashes --with-keys directory.ndjson
                                               everything that another tenantry needs
  tenantry export --organization acme acme.ndjson
  tenantry export --only user - | jq -r .email
  tenantry export --with-audit archive.ndjson  with the audit trail, to keep
  tenantry export --format csv users.csv       a table of users, for a spreadsheet

The file is readable for its owner only. Unless it is a table, it has a line of JSON for each record, and 'tenantry import' reads it. It
never contains sessions, mailed tokens, signing keys or the secret key.";

#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The new file, or - for standard output.
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// The id of an organization to export, instead of all. Can be repeated.
    #[arg(long, value_name = "ID")]
    pub organization: Vec<String>,
    /// The format: tenantry, or csv for a table of users that people read. A table has no hashes, and is not made for an import.
    #[arg(long, value_name = "NAME", default_value = "tenantry", value_parser = one_of::<export::Format>)]
    pub format: export::Format,
    /// Include password hashes, so that people keep their passwords.
    #[arg(long)]
    pub with_hashes: bool,
    /// Include API keys and invitations as they are stored, so that they stay valid: digests, not the keys themselves.
    #[arg(long)]
    pub with_keys: bool,
    /// Include the audit trail.
    #[arg(long)]
    pub with_audit: bool,
    /// Only these kinds of records, separated by commas, such as user,group.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = one_of::<Kind>)]
    pub only: Vec<Kind>,
}

impl ExportArgs {
    /// Why these arguments do not go together, if they do not.
    pub fn conflict(&self) -> Option<String> {
        if self.format != export::Format::Csv {
            return None;
        }
        let flags = [
            ("--with-hashes", self.with_hashes),
            ("--with-keys", self.with_keys),
            ("--with-audit", self.with_audit),
            ("--only", !self.only.is_empty()),
        ];
        let given: Vec<&str> = flags.into_iter().filter(|(_, is)| *is).map(|(flag, _)| flag).collect();
        (!given.is_empty()).then(|| {
            format!(
                "'--format csv' writes a table of users, without anything else. Leave out {}, or '--format csv'",
                given.join(", ")
            )
        })
    }
}

#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files, a directory (of a Keycloak export), or - for standard input. Files that end in .gz are unpacked.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The format, if it is not recognized: tenantry, csv, json, keycloak, auth0, firebase, scim or ldif.
    #[arg(long, value_name = "NAME", value_parser = Format::parse)]
    pub format: Option<Format>,
    /// The product that a CSV or JSON file comes from, such as clerk, cognito, entra or wordpress.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// A file in JSON that says which columns or members mean what.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The column of a field, as in firstname=Vorname. Can be repeated.
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = column)]
    pub column: Vec<(String, String)>,
    /// The one of several Keycloak realms.
    #[arg(long, value_name = "NAME")]
    pub realm: Option<String>,
    /// The encoding of a table without a byte order mark, such as windows-1252. The default is UTF-8.
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Begins the ids of tables that count their rows: with wp-, 17 becomes wp-17. Without it, users are recognized by their
    /// addresses.
    #[arg(long, value_name = "TEXT")]
    pub id_prefix: Option<String>,
    /// How a Firebase project hashes passwords: a file with the text of its console.
    #[arg(long, value_name = "FILE")]
    pub hash_config: Option<PathBuf>,
    /// The id of the organization of users for whom the file names none. It must exist.
    #[arg(long, value_name = "ID")]
    pub organization: Option<String>,
    /// The id of the tenant of users for whom the file names none.
    #[arg(long, value_name = "ID", requires = "organization")]
    pub tenant: Option<String>,
    /// A role for users who have none in the file. Can be repeated.
    #[arg(long, value_name = "NAME")]
    pub role: Vec<String>,
    /// What to do with roles that the organization does not have: fail, create or drop.
    #[arg(long, value_name = "WHAT", default_value = "fail", value_parser = one_of::<MissingRoles>)]
    pub missing_roles: MissingRoles,
    /// What to do with records that exist already and differ: fail, skip or update.
    #[arg(long, value_name = "WHAT", default_value = "fail", value_parser = one_of::<OnConflict>)]
    pub on_conflict: OnConflict,
    /// Which password hashes to take: all, strong or none. Weak ones are stored only inside Argon2id.
    #[arg(long, value_name = "WHICH", default_value = "all", value_parser = one_of::<Passwords>)]
    pub passwords: Passwords,
    /// Take API keys and the links of invitations, so that they stay valid.
    #[arg(long)]
    pub with_keys: bool,
    /// Let the file give the role super-admin.
    #[arg(long)]
    pub allow_super_admins: bool,
    /// Show what the file would do, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Where to write the refused rows. By default beside the file, with the ending .errors.ndjson.
    #[arg(long, value_name = "FILE")]
    pub errors: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

fn column(text: &str) -> Result<(String, String), &'static str> {
    let (field, column) = text
        .split_once('=')
        .ok_or("must be a field and its column, as in firstname=Vorname")?;
    Ok((field.to_owned(), column.to_owned()))
}

fn one_of<T: FromStr + IntoEnumIterator + Into<&'static str>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        let known: Vec<&'static str> = T::iter().map(Into::into).collect();
        format!("must be of {}", known.join(", "))
    })
}
