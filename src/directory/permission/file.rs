//! The file in which a product declares its permissions and its product-wide roles.

use serde::{Deserialize, Serialize};

use crate::model::LadderRole;

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
    pub permissions: Vec<PermissionEntry>,
    #[serde(default)]
    pub roles: Vec<RoleEntry>,
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
