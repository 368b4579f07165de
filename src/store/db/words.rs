//! Error messages at start about the database: what is wrong, and what to do. They never contain parts of a password.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::anyhow;
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::PgConnectOptions;

/// Names the server, but never the password, which the driver's own message may contain.
pub fn cannot_connect(asked: &PgConnectOptions, error: &sqlx::Error) -> anyhow::Error {
    let way_out = match error {
        _ if is_of_certificate(error) => {
            "Check the certificate: sslmode=verify-ca and verify-full need a certificate signed by an authority in \
             the sslrootcert file, and verify-full also one for this host name; sslmode=require encrypts without \
             checking it"
        }
        _ => match super::sql_state(error).as_deref() {
            Some("28P01" | "28000") => {
                "Check the user and the password. In the URL, percent-encode (%XX) every character of the password \
                 that is not a letter or digit"
            }
            Some("3D000") => "Create the database (createdb), or specify another one",
            Some("53300") => {
                "The server has no connection left for this user: raise its CONNECTION LIMIT or max_connections, or \
                 close other connections"
            }
            Some("57P03") => "The server is starting or stopping: try again shortly",
            _ => "Check that PostgreSQL runs there, that the database exists (createdb), and the user and the password",
        },
    };
    anyhow!(
        "cannot connect to the PostgreSQL database '{}' on {}:{} as '{}': {}\n{way_out}, in TENANTRY_DATABASE_URL.",
        asked.get_database().unwrap_or_else(|| asked.get_username()),
        asked.get_host(),
        asked.get_port(),
        asked.get_username(),
        innermost(error)
    )
}

pub fn cannot_open(path: &Path, error: &(dyn std::error::Error + 'static), kind: Option<ErrorKind>) -> anyhow::Error {
    let way_out = match kind {
        Some(ErrorKind::NotFound) => "Its folder does not exist: create it first, or specify another file",
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            "This user may not write there: change the permissions, or specify another file"
        }
        Some(ErrorKind::IsADirectory) => "That is a folder: specify a file in it",
        Some(_) => "Specify another file",
        None => {
            "Check that it is a SQLite database and that no other program locks it; if it is damaged, restore the \
             last backup, or specify another file"
        }
    };
    anyhow!(
        "cannot open the database file {}: {}\n{way_out} in TENANTRY_DATABASE_URL, as in sqlite:///var/lib/tenantry/tenantry.db.",
        path.display(),
        innermost(error)
    )
}

/// Whether encryption failed: the driver reports some of these as I/O errors.
fn is_of_certificate(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>()),
        _ => false,
    }
}

/// The innermost cause: the outer errors repeat it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(error).last().unwrap_or(error).to_string()
}
