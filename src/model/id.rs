//! Public ids: text, one type per kind, so that a wrong kind does not compile.
//!
//! An id is chosen by the caller where an input allows it (1 to 255 printable ASCII characters without a blank at
//! either end), else it is a new UUIDv7. It is unique per kind over the whole system and free again after deletion,
//! which is why nothing inside points to it: rows point to the internal key (`pk`), which is never given out twice.

use std::borrow::Cow;

use sea_orm::DeriveValueType;
use uuid::Uuid;

use crate::model::error::{Error, Result, shown};

const CHARACTERS_MAX: usize = 255;

fn is_valid(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CHARACTERS_MAX
        && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// The UUID that a text is, in whatever spelling: any case, hyphens anywhere or nowhere, in braces or brackets, as a
/// URN or a part of one. Products differ in how they write and read UUIDs. The column `users.uuid` says the same in SQL, and a test compares the two.
pub fn uuid_of(text: &str) -> Option<Uuid> {
    // As long as a UUID with every mark that is left out, and then some.
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

/// An id as products show it that write UUIDs with hyphens; one that is no UUID, as it is.
pub fn with_hyphens(id: &str) -> Cow<'_, str> {
    uuid_of(id).map_or(Cow::Borrowed(id), |uuid| Cow::Owned(uuid.hyphenated().to_string()))
}

/// An id as products show it that write UUIDs without hyphens; one that is no UUID, as it is.
pub fn without_hyphens(id: &str) -> Cow<'_, str> {
    uuid_of(id).map_or(Cow::Borrowed(id), |uuid| Cow::Owned(uuid.simple().to_string()))
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(String);

        impl $name {
            /// An id as the caller chose it.
            pub fn parse(field: &str, value: &str) -> Result<Self> {
                if is_valid(value) {
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

            /// A text that a caller names something by; what is no id names nothing.
            pub fn existing(value: &str) -> Option<Self> {
                is_valid(value).then(|| Self(value.to_owned()))
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
    /// Names an organization.
    OrganizationId
);
public_id!(
    /// Names a tenant.
    TenantId
);
public_id!(
    /// Names a user.
    UserId
);
public_id!(
    /// Names a group.
    GroupId
);
public_id!(
    /// Names a role; fixed for the built-in ones.
    RoleId
);
public_id!(
    /// Names an invitation; it is not its secret.
    InvitationId
);
public_id!(
    /// Names an API key; it is not the key.
    ApiKeyId
);
public_id!(
    /// Names a session; it is no credential.
    SessionId
);
