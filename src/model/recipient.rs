//! Who access tokens are for, and what tokens for it contain.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::exact_json;
use super::permission::Permissions;

/// The id of the one that stands for this server: sessions get tokens for it.
pub const OWN_RECIPIENT: &str = "default";

/// A resource server, as tokens for it need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    pub pk: i64,
    /// The audience of its tokens, if it is not this server.
    pub id: String,
    pub settings: RecipientSettings,
    /// The declared permissions that tokens for it can contain: its own, and those of no resource server. For this server,
    /// all of them.
    pub permissions: Permissions,
}

impl Recipient {
    /// Whether it is this server.
    pub fn is_own(&self) -> bool {
        self.id == OWN_RECIPIENT
    }

    /// What tokens for it permit of these permissions. This server's permit everything.
    pub fn permits(&self, held: Permissions) -> Permissions {
        match self.is_own() {
            true => held,
            false => self.tells(held),
        }
    }

    /// What tokens for it say of these permissions.
    pub fn tells(&self, held: Permissions) -> Permissions {
        match self.settings.built_in_permissions {
            true => held & (self.permissions | held.without_declared()),
            false => held & self.permissions,
        }
    }
}

/// What tokens for a resource server contain. Stored as JSON; a member that is missing has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecipientSettings {
    /// Audiences in addition to this server: only of [`OWN_RECIPIENT`].
    pub audiences: Vec<String>,
    pub token_lifetime_seconds: i64,
    pub algorithm: SigningAlgorithm,
    pub permissions_claim: PermissionsClaim,
    pub built_in_permissions: bool,
    pub roles_claim: bool,
    pub groups_claim: bool,
    pub email_claim: bool,
    /// Claims with the same value in every token: each is an object with the member `value`.
    #[serde(deserialize_with = "exact_claims")]
    pub claims: Map<String, Value>,
}

impl Default for RecipientSettings {
    fn default() -> Self {
        Self {
            audiences: Vec::new(),
            token_lifetime_seconds: 600,
            algorithm: SigningAlgorithm::default(),
            permissions_claim: PermissionsClaim::default(),
            built_in_permissions: false,
            roles_claim: true,
            groups_claim: false,
            email_claim: true,
            claims: Map::new(),
        }
    }
}

impl RecipientSettings {
    /// The stored form.
    pub fn to_stored(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Parses the stored form.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Claims are JSON of a caller: every digit of it stays as it is.
fn exact_claims<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    let text = Box::<RawValue>::deserialize(deserializer)?;
    match exact_json(text.get()) {
        Ok(Value::Object(claims)) => Ok(claims),
        _ => Err(D::Error::custom("the claims are no object")),
    }
}

/// How tokens are signed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
    strum::VariantArray,
)]
#[serde(rename_all = "UPPERCASE")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SigningAlgorithm {
    #[default]
    #[sea_orm(string_value = "EdDSA")]
    Eddsa,
    #[sea_orm(string_value = "ES256")]
    Es256,
}

impl SigningAlgorithm {
    /// Its name in tokens and keys (RFC 7518, RFC 8037).
    pub fn name(self) -> &'static str {
        match self {
            Self::Eddsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

/// The claim that lists permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PermissionsClaim {
    None,
    #[default]
    Permissions,
    Entitlements,
    Scope,
}
