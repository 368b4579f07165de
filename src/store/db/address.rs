//! The address of the database, from `TENANTRY_DATABASE_URL`.
//!
//! Error messages about a URL never contain parts of a password. An unescaped special character in a password moves the
//! rest of it into another part of the URL, so such a URL is refused before any part is shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sea_orm::sqlx::ConnectOptions;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

const APPLICATION_NAME: &str = "tenantry";
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/// The parameters that a PostgreSQL URL may have, in addition to `options[NAME]`.
const PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A database that can be connected to.
#[derive(Clone)]
pub enum Address {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    /// The file of a SQLite database.
    pub fn sqlite_file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// The same address under another name, by which a server can tell its clients.
    #[must_use]
    pub fn as_application(&self, name: &str) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(path.clone()),
            Self::Postgres(options) => Self::Postgres(Box::new((**options).clone().application_name(name))),
        }
    }

    /// The name by which a PostgreSQL server knows its clients.
    pub fn application(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(options) => options.get_application_name(),
        }
    }
}

/// Without the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(options) => write!(f, "postgres://{}:{}", options.get_host(), options.get_port()),
        }
    }
}

impl FromStr for Address {
    /// What is wrong; follows the name of the setting in the message.
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return sqlite(rest.strip_prefix("//").unwrap_or(rest)).map(Self::Sqlite);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres(url).map(|options| Self::Postgres(Box::new(options)));
        }
        Err("must start with sqlite:// or postgres://".to_owned())
    }
}

fn sqlite(text: &str) -> Result<PathBuf, String> {
    let (name, parameters) = match text.split_once('?') {
        Some((name, parameters)) => (name, Some(parameters)),
        None => (text, None),
    };
    let name = percent_decode_str(name)
        .decode_utf8()
        .map_err(|_| "must name a file in UTF-8".to_owned())?;
    let lower = name.to_ascii_lowercase();
    if lower.contains(":memory:") || parameters.is_some_and(|text| text.contains("mode=memory")) {
        return Err(
            "names an in-memory database, whose data is lost when the process ends; name a file, as in \
             sqlite://tenantry.db"
                .to_owned(),
        );
    }
    if lower.starts_with("file:") {
        return Err("must name the file without 'file:', as in sqlite://tenantry.db".to_owned());
    }
    if name.is_empty() || name.contains('\0') {
        return Err("must name a file, as in sqlite://tenantry.db".to_owned());
    }
    // The parameter for what happens anyway is allowed.
    if parameters.is_some_and(|text| text != "mode=rwc") {
        return Err("cannot have parameters for SQLite; in a file name, write '?' as %3F".to_owned());
    }
    Ok(PathBuf::from(name.into_owned()))
}

fn postgres(text: &str) -> Result<PgConnectOptions, String> {
    refuse_ambiguous(text)?;
    let url = Url::parse(text).map_err(|error| format!("is not a PostgreSQL URL: {error}"))?;
    refuse_parameters(&url)?;
    let mut options = PgConnectOptions::from_url(&url)
        .map_err(|_| "is not a PostgreSQL URL such as postgres://USER:PASSWORD@HOST/NAME".to_owned())?;
    let has = |name: &str, value: Option<&str>| {
        url.query_pairs()
            .any(|pair| pair.0 == name && value.is_none_or(|value| pair.1 == value))
    };
    // As in PostgreSQL's own clients: if authorities are given, they are used.
    if has("sslmode", Some("require")) && has("sslrootcert", None) {
        options = options.ssl_mode(PgSslMode::VerifyCa);
    }
    let name = options.get_application_name().unwrap_or(APPLICATION_NAME).to_owned();
    // The look-up needs an IPv6 address without the brackets that it has in a URL.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    Ok(options
        .host(&host)
        .application_name(&name)
        // Poolers do not support this setting, and no response contains a fraction as text.
        .extra_float_digits(None)
        .disable_statement_logging())
}

/// Refuses unescaped characters that may be part of a password but would end it, and lists of hosts.
fn refuse_ambiguous(text: &str) -> Result<(), String> {
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    if authority.matches('@').count() > 1 || behind.contains(['@', '#']) {
        return Err(
            "has an ambiguous '@' or '#': in the user name and the password, percent-encode every character that is \
             not a letter or digit ('@' is %40, '#' is %23, '/' is %2F, '?' is %3F)"
                .to_owned(),
        );
    }
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    if hosts.contains(',') {
        return Err(ONE_HOST.to_owned());
    }
    Ok(())
}

const ONE_HOST: &str = "names several hosts; name one that always leads to the primary server, such as a virtual IP \
                        address or a proxy";

/// Refuses parameters that the driver would ignore.
fn refuse_parameters(url: &Url) -> Result<(), String> {
    for (name, value) in url.query_pairs() {
        let option = name.starts_with("options[") && name.ends_with(']');
        if !option && !PARAMETERS.contains(&name.as_ref()) {
            return Err(format!("has an unknown parameter: '{name}'"));
        }
        match name.as_ref() {
            "host" | "hostaddr" | "port" if value.contains(',') => return Err(ONE_HOST.to_owned()),
            "sslmode" if !SSL_MODES.contains(&value.as_ref()) => {
                return Err(format!("has an sslmode that is not one of {}", SSL_MODES.join(", ")));
            }
            "sslrootcert" | "sslcert" | "sslkey" => {
                if let Err(error) = std::fs::File::open(value.as_ref()) {
                    return Err(format!("has a file in {name} that cannot be read: {value}: {error}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}
