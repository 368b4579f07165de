//! Translates the databases' error codes into ours; the only place that does.
//!
//! Every temporary fault is `UNAVAILABLE`; everything else is a bug in this program, and `INTERNAL`.

use sea_orm::sqlx::error::{DatabaseError, ErrorKind};
use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, sqlx};

use super::{ConflictReason, Error, Reason};

/// What a database error means for the caller and for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is gone, or must not be used again. Another one may work at once.
    Lost,
    /// There was no answer in time.
    Silent,
    /// This server accepts no writes: it is a standby, or read-only.
    ReadOnly,
    /// The disk is full.
    Full,
    /// Temporarily not possible: a lock, a limit, or a statement that took too long.
    Busy,
    /// The file of a SQLite database was moved away or replaced.
    Moved,
    /// The change conflicted with a concurrent one.
    Met,
    /// None of these: a bug in this program, or a damaged database.
    Ours,
}

/// The database file is not the one that was opened at start.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database file was moved or replaced; put it back, or restart the server")]
pub struct FileMoved;

/// PostgreSQL's codes, and classes of codes by their first two characters. The first matching entry counts.
const POSTGRES: &[(&str, Fault)] = &[
    ("08", Fault::Lost),
    // A prepared statement is missing or its name is taken, because others use the same session through a pooler.
    ("26000", Fault::Lost),
    ("42P05", Fault::Lost),
    ("25006", Fault::ReadOnly),
    // Transaction timeouts end the session.
    ("25P03", Fault::Lost),
    ("25P04", Fault::Lost),
    // The role, its password or the database changed under the running server: no connection can be made.
    ("28", Fault::Silent),
    ("3D000", Fault::Silent),
    // On a standby, recovery cancels conflicting statements with this code.
    ("40001", Fault::Busy),
    ("40003", Fault::Lost),
    ("40P01", Fault::Met),
    // Its privileges were revoked.
    ("42501", Fault::Silent),
    ("53100", Fault::Full),
    ("53", Fault::Busy),
    ("55006", Fault::Busy),
    ("55P03", Fault::Busy),
    ("57014", Fault::Busy),
    ("57P", Fault::Lost),
    // The server's own disk or system failed it.
    ("58", Fault::Silent),
];

/// PostgreSQL's code for a statement that took longer than its limit.
const QUERY_CANCELED: &str = "57014";

/// SQLite's primary result codes: the lowest eight bits of the extended code.
const SQLITE: &[(u32, Fault)] = &[
    (5, Fault::Busy), // BUSY
    (6, Fault::Busy), // LOCKED
    (7, Fault::Busy), // NOMEM
    (8, Fault::ReadOnly),
    (9, Fault::Busy),    // INTERRUPT
    (10, Fault::Silent), // IOERR
    (13, Fault::Full),
    (14, Fault::Silent), // CANTOPEN
    (15, Fault::Busy),   // PROTOCOL: the locks of the log are contended
];

/// The meaning of a driver error.
pub fn fault(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(error) if is_stale_plan(error.as_ref()) => Fault::Lost,
        sqlx::Error::Database(error) => of_code(&error.code().unwrap_or_default()),
        sqlx::Error::Io(error) if error.get_ref().is_some_and(|cause| cause.is::<FileMoved>()) => Fault::Moved,
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Fault::Silent,
        sqlx::Error::PoolTimedOut => Fault::Busy,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Fault::Lost,
        _ => Fault::Ours,
    }
}

/// Whether the statement was prepared before a newer release changed the schema. Another connection prepares it again.
/// The code only means "feature not supported", so this checks the location in PostgreSQL's source.
fn is_stale_plan(error: &dyn DatabaseError) -> bool {
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| error.routine() == Some("RevalidateCachedQuery"))
}

/// A code of either database: PostgreSQL's has five characters, two of them letters or not, SQLite's is a number.
fn of_code(code: &str) -> Fault {
    if code.len() == 5 {
        let entry = POSTGRES.iter().find(|(start, _)| code.starts_with(start));
        return entry.map_or(Fault::Ours, |(_, fault)| *fault);
    }
    let primary = code.parse().map_or(0, |code: u32| code & 0xFF);
    let entry = SQLITE.iter().find(|(known, _)| *known == primary);
    entry.map_or(Fault::Ours, |(_, fault)| *fault)
}

/// PostgreSQL's error code.
pub fn sql_state(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

/// Whether the server refuses another connection of this user.
pub fn is_too_many_connections(error: &sqlx::Error) -> bool {
    sql_state(error).as_deref() == Some("53300")
}

/// A rule of the schema that a row would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No two rows may be alike in this.
    Unique,
    /// Values that do not go together, or one that is missing.
    Check,
}

/// Which kind of rule a row would break, if the error says so.
pub fn broken_rule(error: &DbErr) -> Option<Broken> {
    match database_error(error)?.as_database_error()?.kind() {
        ErrorKind::UniqueViolation => Some(Broken::Unique),
        ErrorKind::CheckViolation | ErrorKind::NotNullViolation => Some(Broken::Check),
        _ => None,
    }
}

/// The meaning of a SeaORM error.
pub fn fault_of(error: &DbErr) -> Fault {
    match (error, database_error(error)) {
        (DbErr::ConnectionAcquire(ConnAcquireErr::Timeout), _) => Fault::Busy,
        (DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed), _) => Fault::Lost,
        // A referenced row was deleted in the meantime. This is rare, because verbs look it up first.
        _ if matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) => Fault::Met,
        (_, Some(cause)) => fault(cause),
        (_, None) => Fault::Ours,
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match fault_of(&error) {
            Fault::Lost | Fault::Silent => Self::unavailable(Reason::NoAnswer, error),
            Fault::ReadOnly => Self::unavailable(Reason::ReadOnly, error),
            Fault::Full => Self::unavailable(Reason::Full, error),
            Fault::Moved => Self::unavailable(Reason::Moved, error),
            Fault::Busy => Self::unavailable(Reason::Busy, error),
            Fault::Met => {
                tracing::warn!(%error, "a change conflicted with a concurrent one");
                Self::conflict(
                    ConflictReason::Concurrent,
                    "Another request changed or deleted the same data at the same time, so nothing was changed. Try \
                     again.",
                )
            }
            Fault::Ours => Self::Internal(Box::new(error)),
        }
    }
}

/// Whether a statement was cancelled because it took too long, and would take as long again.
pub fn took_too_long(error: &Error) -> bool {
    let Error::Unavailable { cause, .. } = error else {
        return false;
    };
    match cause.downcast_ref::<DbErr>() {
        // A wait for a connection is another kind of error.
        Some(error @ DbErr::Query(_)) => match database_error(error) {
            Some(sqlx::Error::PoolTimedOut) => true,
            Some(cause) => sql_state(cause).as_deref() == Some(QUERY_CANCELED),
            None => false,
        },
        _ => false,
    }
}

/// The driver error inside a SeaORM error.
pub fn database_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(cause.as_ref()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_codes_mean_what_they_say() {
        for (code, fault) in [
            ("08000", Fault::Lost),
            ("08006", Fault::Lost),
            ("08P01", Fault::Lost),
            ("0A000", Fault::Ours),
            ("22001", Fault::Ours),
            ("23505", Fault::Ours),
            ("25006", Fault::ReadOnly),
            ("25P02", Fault::Ours),
            ("25P03", Fault::Lost),
            ("28P01", Fault::Silent),
            ("40001", Fault::Busy),
            ("40P01", Fault::Met),
            ("42501", Fault::Silent),
            ("42P01", Fault::Ours),
            ("53000", Fault::Busy),
            // Its privileges were revoked.
            ("42501", Fault::Silent),
            ("53100", Fault::Full),
            ("53200", Fault::Busy),
            ("53300", Fault::Busy),
            ("53400", Fault::Busy),
            ("55P03", Fault::Busy),
            ("57014", Fault::Busy),
            ("57P01", Fault::Lost),
            ("57P02", Fault::Lost),
            ("57P03", Fault::Lost),
            ("57P04", Fault::Lost),
            ("57P05", Fault::Lost),
            ("58030", Fault::Silent),
            ("XX000", Fault::Ours),
            ("XX001", Fault::Ours),
            // SQLite: BUSY_SNAPSHOT, LOCKED, READONLY_DBMOVED, IOERR_WRITE, IOERR_FSYNC, FULL, CANTOPEN, CORRUPT, NOTADB,
            // CONSTRAINT_UNIQUE.
            ("517", Fault::Busy),
            ("6", Fault::Busy),
            ("1032", Fault::ReadOnly),
            ("778", Fault::Silent),
            ("1034", Fault::Silent),
            ("13", Fault::Full),
            ("14", Fault::Silent),
            ("11", Fault::Ours),
            ("26", Fault::Ours),
            ("2067", Fault::Ours),
            ("", Fault::Ours),
        ] {
            assert_eq!(of_code(code), fault, "{code}");
        }
    }
}
