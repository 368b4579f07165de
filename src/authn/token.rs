//! The claims of a session token.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The lifetime of an access token. We look up its session for every request anyway; this limits how long others, who
/// only check the signature, accept it.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A token with a longer lifetime is not ours.
pub(super) const LIFETIME_SECONDS_MAX: i64 = 15 * 60;
/// How much the clocks of our processes may differ: a token is accepted that long before it becomes valid, but never
/// after it expires.
pub(super) const SKEW_SECONDS: i64 = 120;
/// `typ` of the header (RFC 9068): prevents other tokens of ours, now or in the future, from being accepted as access
/// tokens.
pub(super) const TYPE: &str = "at+jwt";
/// `client_id` (RFC 9068) of a session's tokens: people sign in to tenantry itself.
pub const CLIENT: &str = "tenantry";

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// The issuer: the token is for this server.
    pub aud: Vec<String>,
    /// The user's id.
    pub sub: String,
    /// The id of the user's organization.
    pub org_id: String,
    /// The id of the user's tenant, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    pub client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether a link that was mailed to the address was used; absent without an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The names of the user's built-in roles for the whole organization; none if the session is limited to some
    /// permissions.
    pub roles: Vec<String>,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// A unique id, so that no two tokens are the same. Older tokens have none.
    #[serde(default)]
    pub jti: String,
    /// The session's id; the session's row decides.
    pub sid: String,
    /// The impersonator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

/// The impersonator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub sub: String,
    /// The id of the impersonator's organization.
    pub org_id: String,
}
