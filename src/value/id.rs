//! Public ids: text, one type per kind, so that a wrong kind does not compile.
//!
//! An id is chosen by the caller where an input allows it (1 to 255 printable ASCII characters without a blank at
//! either end), else it is a new UUIDv7. It is unique per kind over the whole system and free again after deletion,
//! which is why nothing inside points to it: rows point to the internal key (`pk`), which is never given out twice.

use std::borrow::Cow;

use sea_orm::DeriveValueType;
use uuid::Uuid;

use crate::error::{Error, Result, shown};

const CHARACTERS_MAX: usize = 255;

fn is_valid(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CHARACTERS_MAX
        && text.bytes().all(|byte| (0x20..=0x7E).contains(&byte))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
}

/// The ids that a text may name: itself first, then, if it is a UUID, the same one with hyphens and without. Products
/// differ in how they write UUIDs; an id that is no UUID has one form only.
pub fn forms_of_id(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    if let Ok(uuid) = Uuid::try_parse(text) {
        for form in [uuid.hyphenated().to_string(), uuid.simple().to_string()] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

/// An id as products show it that write UUIDs with hyphens; one that is no UUID, or a UUID that somebody wrote in a form of
/// their own, as it is: it could not be found again by another form.
pub fn with_hyphens(id: &str) -> Cow<'_, str> {
    match Uuid::try_parse(id) {
        Ok(uuid) if uuid.simple().to_string() == id => Cow::Owned(uuid.hyphenated().to_string()),
        Ok(_) | Err(_) => Cow::Borrowed(id),
    }
}

/// An id as products show it that write UUIDs without hyphens; one that is no UUID, or a UUID that somebody wrote in a
/// form of their own, as it is.
pub fn without_hyphens(id: &str) -> Cow<'_, str> {
    match Uuid::try_parse(id) {
        Ok(uuid) if uuid.hyphenated().to_string() == id => Cow::Owned(uuid.simple().to_string()),
        Ok(_) | Err(_) => Cow::Borrowed(id),
    }
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
                        "'{}' is not a valid id: 1 to {CHARACTERS_MAX} printable ASCII characters, no blank at either end.",
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
