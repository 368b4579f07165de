//! What a session token says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long an access token lasts. It is looked up at every use all the same; this bounds what others, who only check
/// the signature, believe.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// A token that claims to last longer is none of ours.
pub(super) const LIFETIME_SECONDS_MAX: i64 = 15 * 60;
/// By how much the clocks of our processes may differ: a token is believed so long before it begins, and never after its
/// end.
pub(super) const SKEW_SECONDS: i64 = 120;
/// `typ` of the header, as RFC 9068 has it: no other token of ours, present or future, is taken for an access token.
pub(super) const TYPE: &str = "at+jwt";
pub(super) const AUDIENCE: &str = "tenantry";

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The user's id.
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// Names the token: no two are the same text. Those of before had none.
    #[serde(default)]
    pub jti: String,
    /// The session's id; its row decides.
    pub sid: String,
    /// Who acts in the user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

/// Who acts in the user's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub sub: String,
}
