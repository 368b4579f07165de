//! One error by meaning, for every face.
//!
//! What a caller may read is the `Display` text; why it happened inside is the `source`, which is logged once, where
//! the error becomes a response, and never sent. There is no way from a database error to a response but through
//! [`Error::Internal`] and [`Error::Unavailable`], whose texts are fixed.

mod database;

use std::fmt;

use sea_orm::{DbErr, SqlErr};

pub use database::{Fault, FileMoved, database_error, fault, fault_of, is_too_many_connections, sql_state};

/// The result of everything a caller can ask for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is calling, or with a credential that is not, or no longer, valid.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller is known and may not do this at all.
    #[error("{0}")]
    Forbidden(String),
    /// It does not exist, as far as this caller may know.
    #[error("{0}")]
    NotFound(String),
    /// A value that can never be accepted. `field` is its path in the input, as the caller wrote it.
    #[error("{message}")]
    Invalid { field: String, message: String },
    /// A value that collides with the present state: taken, still in use, already done, moved on.
    #[error("{0}")]
    Conflict(String),
    /// The organization's `seatLimit` activated users are reached.
    #[error("{0}")]
    SeatLimitReached(String),
    /// The right, but temporary, password: it must be changed before it opens anything.
    #[error("{0}")]
    PasswordChangeRequired(String),
    /// A document or body beyond a limit; the message names limit and number.
    #[error("{0}")]
    LimitExceeded(String),
    /// Too many attempts; the same request may succeed later.
    #[error("{message}")]
    RateLimited { message: String, retry_after_seconds: u64 },
    /// The server cannot take this now, through no fault of the request.
    #[error("{reason}")]
    Unavailable {
        reason: Reason,
        #[source]
        cause: Cause,
    },
    /// Our fault; nothing of the cause is told.
    #[error("Something went wrong on the server. Report the request id if it happens again.")]
    Internal(#[source] Cause),
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What keeps the server from doing what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("The server is too busy for this at the moment. Try again shortly.")]
    Busy,
    #[error("The database does not answer at the moment. Try again shortly.")]
    NoAnswer,
    #[error("The database accepts no writes at the moment. Try again shortly.")]
    ReadOnly,
    #[error("The database has no space left for changes. Try again later.")]
    Full,
    #[error("This server's database file was moved or replaced. Its operator must put it back, or restart the server.")]
    Moved,
    #[error(
        "This server cannot keep sessions: TENANTRY_SECRET_KEY is not set. Its operator must set it to 64 hex digits, \
         the same for every process on this database."
    )]
    NoSecretKey,
}

impl Reason {
    /// When it is worth asking again.
    fn retry_after_seconds(self) -> u64 {
        match self {
            Self::Busy => 1,
            Self::NoAnswer => 2,
            Self::ReadOnly => 5,
            Self::Full => 30,
            Self::Moved | Self::NoSecretKey => 60,
        }
    }
}

/// The public half of [`Error`], sent as `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    Unauthenticated,
    Forbidden,
    NotFound,
    Invalid,
    Conflict,
    SeatLimitReached,
    PasswordChangeRequired,
    LimitExceeded,
    RateLimited,
    Unavailable,
    Internal,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Invalid => "INVALID",
            Self::Conflict => "CONFLICT",
            Self::SeatLimitReached => "SEAT_LIMIT_REACHED",
            Self::PasswordChangeRequired => "PASSWORD_CHANGE_REQUIRED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid { .. } => ErrorCode::Invalid,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::SeatLimitReached(_) => ErrorCode::SeatLimitReached,
            Self::PasswordChangeRequired(_) => ErrorCode::PasswordChangeRequired,
            Self::LimitExceeded(_) => ErrorCode::LimitExceeded,
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            message: message.into(),
        }
    }

    /// `what` is a noun with its article-less kind, `by` how the caller named it: `No user has the id 'u9'.`
    pub fn no_such(what: &str, by: &str, value: &str) -> Self {
        Self::NotFound(format!("No {what} has the {by} '{}'.", shown(value)))
    }

    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// The cause is for the log.
    pub fn unavailable(reason: Reason, cause: impl Into<Cause>) -> Self {
        Self::Unavailable {
            reason,
            cause: cause.into(),
        }
    }

    /// When it is worth asking again, if that is known.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::RateLimited {
                retry_after_seconds, ..
            } => Some(*retry_after_seconds),
            Self::Unavailable { reason, .. } => Some(reason.retry_after_seconds()),
            Self::Unauthenticated(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Invalid { .. }
            | Self::Conflict(_)
            | Self::SeatLimitReached(_)
            | Self::PasswordChangeRequired(_)
            | Self::LimitExceeded(_)
            | Self::Internal(_) => None,
        }
    }
}

/// A caller's text as it may stand in a message: short and on one line.
pub fn shown(value: &str) -> String {
    // A whole id: whoever is told of one must be able to tell which it was.
    const CHARACTERS_MAX: usize = 255;
    let mut text: String = value
        .chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .take(CHARACTERS_MAX)
        .collect();
    if value.chars().nth(CHARACTERS_MAX).is_some() {
        text.push('…');
    }
    text
}

/// Gives a violated unique constraint its meaning where it can happen; anything else stays what it was.
pub trait OrConflict<T> {
    /// `meaning` is given the database's own message, which names the constraint, to tell several apart.
    fn or_conflict(self, meaning: impl FnOnce(&str) -> Error) -> Result<T>;
}

impl<T> OrConflict<T> for Result<T, DbErr> {
    fn or_conflict(self, meaning: impl FnOnce(&str) -> Error) -> Result<T> {
        self.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(message)) => meaning(&message),
            Some(SqlErr::ForeignKeyConstraintViolation(_)) | None | Some(_) => error.into(),
        })
    }
}
