//! What a refusal tells programs beside its message.

/// The caller may not do something.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Forbidden {
    pub message: String,
    /// The names of the permissions that are missing. Empty if no permission would help, or if the caller must not learn
    /// which.
    pub permissions: Vec<String>,
}

/// A conflict with the current state.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Conflict {
    pub reason: ConflictReason,
    pub message: String,
    /// The id of what was done before, for a request that is not run again.
    pub id: Option<String>,
}

/// Why there is a conflict: sent as `extensions.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum ConflictReason {
    /// The caller has read an older version than this one.
    Version { current: i64 },
    /// Somebody else has the id, the address or the name.
    Taken,
    /// Others still need it.
    InUse,
    /// The last super admin must stay one.
    LastAdmin,
    /// It is done already.
    Done,
    /// The input matches several things.
    Ambiguous,
    /// The `Idempotency-Key` belongs to another request.
    KeyUsed,
    /// Another request changed the same data at the same time. Nothing was changed; the same request may succeed.
    Concurrent,
}
