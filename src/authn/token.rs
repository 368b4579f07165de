//! The claims of an access token.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest lifetime of an access token. We look up its session for every request anyway; this limits how long others,
/// who only check the signature, accept it. A token with a longer lifetime is not ours.
pub const LIFETIME_SECONDS_MAX: i64 = 15 * 60;
/// How much the clocks of our processes may differ: a token is accepted that long before it becomes valid, but never
/// after it expires.
pub(super) const SKEW_SECONDS: i64 = 120;
/// `typ` of the header (RFC 9068): prevents other tokens of ours, now or in the future, from being accepted as access
/// tokens.
pub(super) const TYPE: &str = "at+jwt";
/// `client_id` (RFC 9068) of a session's tokens: people sign in to tenantry itself.
pub const CLIENT: &str = "tenantry";

/// A token is at most that long, so that it fits into the headers that servers read.
pub const TOKEN_BYTES_MAX: usize = 4_096;

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: Audience,
    /// The user's id.
    pub sub: String,
    /// The id of the user's organization.
    pub org_id: String,
    /// The id of the user's tenant, if it is in one; with `tenant_scope`, of the tenant that the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Whether the token is for one tenant only: it permits what the user may do there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tenant_scope: bool,
    /// [`CLIENT`] for a session's tokens. For a token made from another credential, the id of the user, who asked for it.
    pub client_id: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// A unique id, so that no two tokens are the same.
    pub jti: String,
    /// The session's id; the session's row decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The id of the API key that the token was made from; the key's row decides. A token has this or `sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When the password was checked; absent under impersonation and for API keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether a link that was mailed to the address was used; absent without an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The names of the user's built-in and product-wide roles, for the whole organization or for the token's tenant; none if the token or
    /// what it was made from is limited to some permissions.
    ///
    /// `None` if they made the token too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The keys of the user's groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The declared permissions, for the whole organization or for the token's tenant. `None` if they made the token too
    /// long: a part of them would look like all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// The same, for resource servers that read them here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<Vec<String>>,
    /// The names of the claims that made the token too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<String>,
    /// The permissions that the token is limited to, or those that it reports, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether `scope` is a limit, and not only information.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
    /// The impersonator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

impl Claims {
    /// Whether the token was made from another credential, or narrowed: all but the tokens that a session itself gets.
    pub fn is_derived(&self) -> bool {
        let elsewhere = matches!(self.aud, Audience::Elsewhere(_));
        self.client_id != CLIENT || self.key_id.is_some() || self.limited || self.tenant_scope || elsewhere
    }
}

/// Who a token is for. The form tells the two apart: somebody else's id can look like that of one of our processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// This server, by the issuer, which is among them.
    Here(Vec<String>),
    /// One resource server, and nobody else: not this server.
    Elsewhere(String),
}

impl Audience {
    pub fn contains(&self, id: &str) -> bool {
        match self {
            Self::Here(all) => all.iter().any(|one| one == id),
            Self::Elsewhere(only) => only == id,
        }
    }
}

/// What is signed: the claims, and those that a resource server adds.
#[derive(Debug, Serialize)]
pub struct Signed<'a> {
    #[serde(flatten)]
    pub claims: &'a Claims,
    #[serde(flatten)]
    pub added: &'a Map<String, Value>,
}

/// The impersonator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub sub: String,
    /// The id of the impersonator's organization.
    pub org_id: String,
}
