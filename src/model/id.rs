//! Public ids: text, one type per kind, so that a wrong kind does not compile.
//!
//! The caller may choose an id where an input allows it (1 to 255 printable ASCII characters without leading or
//! trailing spaces); otherwise it is a new UUIDv7. Ids are unique per kind in the whole system, and can be reused after
//! deletion. Therefore rows never reference an id, but the internal key (`pk`), which is never reused.

use std::borrow::Cow;

use sea_orm::DeriveValueType;
use uuid::Uuid;

use crate::model::error::{Error, Result, shown};

const CHARACTERS_MAX: usize = 255;

/// Whether a text is a valid id; anything else cannot exist.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CHARACTERS_MAX
        && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// Parses a UUID in any spelling: any case, hyphens anywhere or nowhere, in braces or brackets, as a URN or a part of
/// one. Products differ in how they write and read UUIDs. The column `users.uuid` does the same in SQL, and a test
/// compares the two.
pub fn uuid_of(text: &str) -> Option<Uuid> {
    // Longer than any spelling of a UUID.
    const BYTES_MAX: usize = 255;
    if text.len() > BYTES_MAX {
        return None;
    }
    let digits = text
        .to_ascii_lowercase()
        .replace("urn:", "")
        .replace("uuid:", "")
        .replace(['-', '{', '}', '(', ')'], "");
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| Uuid::try_parse(&digits).ok()).flatten()
}

/// The id for products that write UUIDs with hyphens; unchanged if it is not a UUID.
pub fn with_hyphens(id: &str) -> Cow<'_, str> {
    uuid_of(id).map_or(Cow::Borrowed(id), |uuid| Cow::Owned(uuid.hyphenated().to_string()))
}

/// The id for products that write UUIDs without hyphens; unchanged if it is not a UUID.
pub fn without_hyphens(id: &str) -> Cow<'_, str> {
    uuid_of(id).map_or(Cow::Borrowed(id), |uuid| Cow::Owned(uuid.simple().to_string()))
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(String);

        impl $name {
            /// Parses an id that the caller chooses.
            pub fn parse(field: &str, value: &str) -> Result<Self> {
                if is_id(value) {
                    return Ok(Self(value.to_owned()));
                }
                Err(Error::invalid(
                    field,
                    format!(
                        "'{}' is not a valid id: 1 to {CHARACTERS_MAX} printable ASCII characters, no leading or \
                         trailing spaces.",
                        shown(value)
                    ),
                ))
            }

            /// Parses an id for a look-up; `None` if it is not a valid id, and so cannot exist.
            pub fn existing(value: &str) -> Option<Self> {
                is_id(value).then(|| Self(value.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value.to_string())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

public_id!(
    /// Identifies an organization.
    OrganizationId
);
public_id!(
    /// Identifies a tenant.
    TenantId
);
public_id!(
    /// Identifies a user.
    UserId
);
public_id!(
    /// Identifies a group.
    GroupId
);
public_id!(
    /// Identifies a role; fixed for built-in roles.
    RoleId
);
public_id!(
    /// Identifies an invitation; not a secret.
    InvitationId
);
public_id!(
    /// Identifies an API key; not a secret.
    ApiKeyId
);
public_id!(
    /// Identifies a session; not a credential.
    SessionId
);
