//! What a start says when it cannot have the database: what is wrong, and the way out. Never a piece of a password.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::anyhow;
use sea_orm::sqlx;
use sea_orm::sqlx::postgres::PgConnectOptions;

/// Says which server it was, and never the password, which the driver's own words may hold.
pub fn cannot_connect(asked: &PgConnectOptions, error: &sqlx::Error) -> anyhow::Error {
    let way_out = match error {
        _ if is_of_certificate(error) => {
            "Check the certificate: sslmode=verify-ca and verify-full take a server whose certificate is signed by an authority \
             in the file that sslrootcert names, verify-full only under its own name; sslmode=require encrypts without looking"
        }
        _ => match super::sql_state(error).as_deref() {
            Some("28P01" | "28000") => {
                "Check the user and the password. In the URL, every character of a password that is no letter or digit is written \
                 as %XX"
            }
            Some("3D000") => "Make the database (createdb), or name another one",
            Some("53300") => {
                "The server has no connection left for this user: raise its CONNECTION LIMIT or max_connections, or end others"
            }
            Some("57P03") => "The server is starting or stopping: try again shortly",
            _ => {
                "Check that PostgreSQL runs there, that the database has been made (createdb), and the user and the password"
            }
        },
    };
    anyhow!(
        "cannot connect to PostgreSQL, asked for the database '{}' on {}:{} as '{}': {}\n{way_out}, in TENANTRY_DATABASE_URL.",
        asked.get_database().unwrap_or_else(|| asked.get_username()),
        asked.get_host(),
        asked.get_port(),
        asked.get_username(),
        innermost(error)
    )
}

pub fn cannot_open(path: &Path, error: &(dyn std::error::Error + 'static), kind: Option<ErrorKind>) -> anyhow::Error {
    let way_out = match kind {
        Some(ErrorKind::NotFound) => "Its folder is not there: make it first, or name another file",
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            "This user may not write there: change who may, or name another file"
        }
        Some(ErrorKind::IsADirectory) => "That is a folder: name a file in it",
        Some(_) => "Name another file",
        None => {
            "Check that it is a SQLite database and that no other program locks it; if it is damaged, put the last copy in its \
             place, or name another file"
        }
    };
    anyhow!(
        "cannot open the database file {}: {}\n{way_out} in TENANTRY_DATABASE_URL, as in sqlite:///var/lib/tenantry/tenantry.db.",
        path.display(),
        innermost(error)
    )
}

/// Whether the connection was not encrypted as it should be: the driver hands some of these on as errors of the system.
fn is_of_certificate(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>()),
        _ => false,
    }
}

/// The cause of the cause: what stands around it repeats it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
