//! The file in which a product declares its permissions, its product-wide roles and its resource servers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::directory::resource_server::SettingsChange;
use crate::model::{LadderRole, OWN_RECIPIENT, PermissionsClaim, RecipientSettings, SigningAlgorithm};
use crate::store::entity::resource_server;

/// The version of the format that this release reads and writes.
pub const FORMAT: i64 = 1;

/// The content of the file. What is not named stays as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PermissionsFile {
    /// The version of the format: always 1.
    pub version: i64,
    /// Rises with each edition of the file. An older edition than the last one is not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    #[serde(default)]
    pub resource_servers: Vec<ResourceServerEntry>,
    #[serde(default)]
    pub permissions: Vec<PermissionEntry>,
    #[serde(default)]
    pub roles: Vec<RoleEntry>,
}

/// A resource server: `default` is tenantry itself. Members that are left out do not change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ResourceServerEntry {
    pub id: String,
    /// If it is left out when it is created: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_lifetime_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<SigningAlgorithm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_claim: Option<PermissionsClaim>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_in_permissions: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles_claim: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_claim: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_claim: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
}

/// A permission of the product. Members that are left out do not change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PermissionEntry {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// As in GraphQL, for example `USER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_role: Option<Lowest>,
    /// The id of a resource server; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_server_id: Option<String>,
    /// Acts only when the permission is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// A product-wide role. Members that are left out do not change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RoleEntry {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
}

/// A [`LadderRole`] by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Lowest(pub LadderRole);

impl TryFrom<String> for Lowest {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        use strum::VariantArray;
        LadderRole::named(&name).map(Self).ok_or_else(|| {
            let all: Vec<&str> = LadderRole::VARIANTS.iter().map(|role| role.name()).collect();
            format!("'lowestRole' must be one of {}, but is '{name}'", all.join(", "))
        })
    }
}

impl From<Lowest> for &'static str {
    fn from(lowest: Lowest) -> Self {
        lowest.0.name()
    }
}

impl ResourceServerEntry {
    /// All of a resource server.
    pub(super) fn of(row: resource_server::Model) -> Result<Self, serde_json::Error> {
        let settings = RecipientSettings::from_stored(&row.settings)?;
        Ok(Self {
            // No other one has any.
            audiences: (row.id == OWN_RECIPIENT).then_some(settings.audiences),
            token_lifetime_seconds: Some(settings.token_lifetime_seconds),
            algorithm: Some(settings.algorithm),
            permissions_claim: Some(settings.permissions_claim),
            built_in_permissions: Some(settings.built_in_permissions),
            roles_claim: Some(settings.roles_claim),
            groups_claim: Some(settings.groups_claim),
            email_claim: Some(settings.email_claim),
            claims: Some(Value::Object(settings.claims)),
            name: Some(row.name),
            id: row.id,
        })
    }

    pub(super) fn settings(&self) -> SettingsChange {
        SettingsChange {
            audiences: self.audiences.clone(),
            token_lifetime_seconds: self.token_lifetime_seconds,
            algorithm: self.algorithm,
            permissions_claim: self.permissions_claim,
            built_in_permissions: self.built_in_permissions,
            roles_claim: self.roles_claim,
            groups_claim: self.groups_claim,
            email_claim: self.email_claim,
            claims: self.claims.clone(),
        }
    }
}

impl PermissionsFile {
    /// Reads the text of a file; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match file.version {
            FORMAT => Ok(file),
            other => Err(format!("'version' must be {FORMAT}, but is {other}")),
        }
    }
}
