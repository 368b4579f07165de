//! The error type of all verbs, with a variant for each meaning.
//!
//! The `Display` text is for the caller. The internal cause is the `source`: it is logged once, where the error becomes
//! a response, and never sent. Database errors can become a response only through [`Error::Internal`] and
//! [`Error::Unavailable`], whose texts are fixed.

mod database;
mod refusal;

use sea_orm::{DbErr, SqlErr};

pub use database::{
    Broken, Fault, FileMoved, broken_rule, database_error, fault, fault_of, is_too_many_connections, sql_state,
    took_too_long,
};
pub use refusal::{Conflict, ConflictReason, Forbidden};

/// The result of everything a caller can ask for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credential is missing, invalid or no longer valid.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller may not do this at all.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// It does not exist, or the caller may not see it.
    #[error("{0}")]
    NotFound(String),
    /// A value that is never accepted. `field` is its path in the caller's input.
    #[error("{message}")]
    Invalid { field: String, message: String },
    /// A conflict with the current state: taken, still in use, already done, or changed.
    #[error("{0}")]
    Conflict(Conflict),
    /// The caller's input matches several things. `field` is its path in the caller's input.
    #[error("{message}")]
    Ambiguous { field: &'static str, message: String },
    /// The organization's `seatLimit` of activated users is reached.
    #[error("{0}")]
    SeatLimitReached(String),
    /// The password is correct but temporary: it must be changed before signing in.
    #[error("{0}")]
    PasswordChangeRequired(String),
    /// A document or body exceeds a limit; the message names the limit and its value.
    #[error("{0}")]
    LimitExceeded(String),
    /// Too many attempts; the same request may succeed later.
    #[error("{message}")]
    RateLimited { message: String, retry_after_seconds: u64 },
    /// The server cannot do this now; the request is not at fault.
    #[error("{reason}")]
    Unavailable {
        reason: Reason,
        #[source]
        cause: Cause,
    },
    /// An internal error; the cause is not revealed.
    #[error("Something went wrong on the server. Report the request id if it happens again.")]
    Internal(#[source] Cause),
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error and its causes, without causes that only repeat the end of the text.
pub fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = anyhow::Chain::new(error).map(ToString::to_string);
    let with = |text: String, cause: String| match text.ends_with(&cause) {
        true => text,
        false => format!("{text}: {cause}"),
    };
    causes.reduce(with).unwrap_or_default()
}

/// Why the server is unavailable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("The server is too busy for this at the moment. Try again shortly.")]
    Busy,
    #[error("The server stopped before the request arrived. Try again shortly.")]
    Stopping,
    #[error("The database does not answer at the moment. Try again shortly.")]
    NoAnswer,
    #[error("The database accepts no writes at the moment. Try again shortly.")]
    ReadOnly,
    #[error("The database has no space left for changes. Try again later.")]
    Full,
    #[error("This server's database file was moved or replaced. Its operator must put it back, or restart the server.")]
    Moved,
    #[error(
        "This server cannot keep sessions or an 'Idempotency-Key': TENANTRY_SECRET_KEY is not set. Its operator must set it \
         to 64 hex digits, the same for every process on this database."
    )]
    NoSecretKey,
}

impl Reason {
    /// When to retry.
    fn retry_after_seconds(self) -> u64 {
        match self {
            Self::Busy | Self::Stopping => 1,
            Self::NoAnswer => 2,
            Self::ReadOnly => 5,
            Self::Full => 30,
            Self::Moved | Self::NoSecretKey => 60,
        }
    }
}

/// The public half of [`Error`], sent as `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
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

impl Error {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unauthenticated(_) => ErrorCode::Unauthenticated,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Invalid { .. } => ErrorCode::Invalid,
            Self::Conflict(_) | Self::Ambiguous { .. } => ErrorCode::Conflict,
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

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::needing::<String>([], message)
    }

    /// The caller lacks the permissions with these names.
    pub fn needing<N: Into<String>>(permissions: impl IntoIterator<Item = N>, message: impl Into<String>) -> Self {
        Self::Forbidden(Forbidden {
            message: message.into(),
            permissions: permissions.into_iter().map(Into::into).collect(),
        })
    }

    pub fn conflict(reason: ConflictReason, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict {
            reason,
            message: message.into(),
            id: None,
        })
    }

    /// The request was done before. `id` is that of what it created or changed.
    pub fn done_before(id: Option<String>, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict {
            reason: ConflictReason::Done,
            message: message.into(),
            id,
        })
    }

    /// `what` is the noun without an article, `by` is what the caller identified it by: `No user has the id 'u9'.`
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

    /// When to retry, if known.
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
            | Self::Ambiguous { .. }
            | Self::SeatLimitReached(_)
            | Self::PasswordChangeRequired(_)
            | Self::LimitExceeded(_)
            | Self::Internal(_) => None,
        }
    }
}

/// A caller's text, shortened to one line for use in a message.
pub fn shown(value: &str) -> String {
    // The length of a whole id, so that ids are never shortened.
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

/// Translates a violated unique constraint into an error, at the place where it can happen. Other errors stay
/// unchanged.
pub trait OrConflict<T> {
    /// `meaning` gets the database's message, which contains the constraint's name, to distinguish several constraints.
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
