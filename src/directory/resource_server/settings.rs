//! Checks what tokens for a resource server are to contain.

use serde_json::{Map, Value};

use crate::model::error::{Error, Result, shown};
use crate::model::{OWN_RECIPIENT, PermissionsClaim, RecipientSettings, SigningAlgorithm, is_id};

const LIFETIME_SECONDS_MIN: i64 = 60;
const LIFETIME_SECONDS_MAX: i64 = crate::authn::LIFETIME_SECONDS_MAX;
const AUDIENCES_MAX: usize = 10;
const CLAIMS_MAX: usize = 20;
const CLAIM_NAME_CHARACTERS_MAX: usize = 64;
const CLAIM_BYTES_MAX: usize = 1_024;

/// Names that an added claim cannot have: those that tokens here use, and those that the registry of JSON Web Token claims has
/// for everybody, OpenID Connect's included.
const TAKEN: &str = "iss sub aud exp nbf iat jti org_id tenant_id tenant_scope client_id sid key_id auth_time email email_verified \
    roles groups permissions entitlements scope scp limited act omitted \
    name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale \
    phone_number phone_number_verified address updated_at azp nonce at_hash c_hash s_hash acr amr sub_jwk cnf sip_from_tag \
    sip_date sip_callid sip_cseq_num sip_via_branch orig dest mky events toe txn rph vot vtm attest origid may_act jcard \
    at_use_nbf div opt vc vp sph ace_profile cnonce exi token_introspection authorization_details verified_claims \
    place_of_birth nationalities birth_family_name birth_given_name birth_middle_name salutation title msisdn also_known_as \
    htm htu ath atc sub_id rcd rcdi crn msgi _claim_names _claim_sources rdap_allowed_purposes rdap_dnt_allowed geohash \
    sd_hash _sd _sd_alg typ alg kid";

/// Changes of what tokens contain; `None` leaves a member unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsChange {
    pub audiences: Option<Vec<String>>,
    pub token_lifetime_seconds: Option<i64>,
    pub algorithm: Option<SigningAlgorithm>,
    pub permissions_claim: Option<PermissionsClaim>,
    pub built_in_permissions: Option<bool>,
    pub roles_claim: Option<bool>,
    pub groups_claim: Option<bool>,
    pub email_claim: Option<bool>,
    pub claims: Option<Value>,
}

impl SettingsChange {
    /// The settings of the resource server with this id after the changes. `INVALID` names the first that is wrong.
    pub fn applied_to(&self, before: &RecipientSettings, id: &str) -> Result<RecipientSettings> {
        Ok(RecipientSettings {
            audiences: match &self.audiences {
                Some(audiences) => checked_audiences(audiences, id)?,
                None => before.audiences.clone(),
            },
            token_lifetime_seconds: match self.token_lifetime_seconds {
                Some(seconds) => lifetime(seconds)?,
                None => before.token_lifetime_seconds,
            },
            algorithm: self.algorithm.unwrap_or(before.algorithm),
            permissions_claim: self.permissions_claim.unwrap_or(before.permissions_claim),
            built_in_permissions: self.built_in_permissions.unwrap_or(before.built_in_permissions),
            roles_claim: self.roles_claim.unwrap_or(before.roles_claim),
            groups_claim: self.groups_claim.unwrap_or(before.groups_claim),
            email_claim: self.email_claim.unwrap_or(before.email_claim),
            claims: match &self.claims {
                Some(claims) => checked_claims(claims)?,
                None => before.claims.clone(),
            },
        })
    }

    /// Checks settings that are given as a whole. `INVALID` names the first member that is wrong.
    pub fn whole(given: &RecipientSettings, id: &str) -> Result<RecipientSettings> {
        Ok(RecipientSettings {
            audiences: checked_audiences(&given.audiences, id)?,
            token_lifetime_seconds: lifetime(given.token_lifetime_seconds)?,
            claims: checked_claims(&Value::Object(given.claims.clone()))?,
            ..given.clone()
        })
    }

    /// The members in which two differ.
    pub fn between(one: &RecipientSettings, two: &RecipientSettings) -> Vec<&'static str> {
        let members = [
            ("audiences", one.audiences != two.audiences),
            (
                "tokenLifetimeSeconds",
                one.token_lifetime_seconds != two.token_lifetime_seconds,
            ),
            ("algorithm", one.algorithm != two.algorithm),
            ("permissionsClaim", one.permissions_claim != two.permissions_claim),
            (
                "builtInPermissions",
                one.built_in_permissions != two.built_in_permissions,
            ),
            ("rolesClaim", one.roles_claim != two.roles_claim),
            ("groupsClaim", one.groups_claim != two.groups_claim),
            ("emailClaim", one.email_claim != two.email_claim),
            ("claims", one.claims != two.claims),
        ];
        members
            .into_iter()
            .filter(|(_, differ)| *differ)
            .map(|(name, _)| name)
            .collect()
    }
}

fn lifetime(seconds: i64) -> Result<i64> {
    match (LIFETIME_SECONDS_MIN..=LIFETIME_SECONDS_MAX).contains(&seconds) {
        true => Ok(seconds),
        false => Err(Error::invalid(
            "tokenLifetimeSeconds",
            format!(
                "'tokenLifetimeSeconds' must be from {LIFETIME_SECONDS_MIN} to {LIFETIME_SECONDS_MAX}, but is {seconds}."
            ),
        )),
    }
}

fn checked_audiences(audiences: &[String], id: &str) -> Result<Vec<String>> {
    let invalid = |message: String| Err(Error::invalid("audiences", message));
    if id != OWN_RECIPIENT && !audiences.is_empty() {
        return invalid(format!(
            "Only '{OWN_RECIPIENT}' has further audiences: a token for another resource server is for that one alone."
        ));
    }
    if audiences.len() > AUDIENCES_MAX {
        return invalid(format!(
            "There are {} audiences; the limit is {AUDIENCES_MAX}.",
            audiences.len()
        ));
    }
    if let Some(wrong) = audiences.iter().find(|one| !is_id(one)) {
        return invalid(format!(
            "'{}' is not an audience: 1 to 255 printable ASCII characters, no leading or trailing spaces.",
            shown(wrong)
        ));
    }
    let mut checked: Vec<String> = Vec::new();
    for one in audiences {
        if !checked.contains(one) {
            checked.push(one.clone());
        }
    }
    Ok(checked)
}

fn checked_claims(claims: &Value) -> Result<Map<String, Value>> {
    let invalid = |message: String| Err(Error::invalid("claims", message));
    let Value::Object(claims) = claims else {
        return invalid(
            "'claims' must be an object, with a member for each claim, such as {\"role\": {\"value\": \"staff\"}}."
                .to_owned(),
        );
    };
    if claims.len() > CLAIMS_MAX {
        return invalid(format!("There are {} claims; the limit is {CLAIMS_MAX}.", claims.len()));
    }
    for (name, claim) in claims {
        if !is_name(name) {
            return invalid(format!(
                "'{}' cannot be the name of a claim: 1 to {CLAIM_NAME_CHARACTERS_MAX} letters, digits, '_', '-', '.', ':' \
                 and '/'.",
                shown(name)
            ));
        }
        if TAKEN.split_ascii_whitespace().any(|taken| taken == name) {
            return invalid(format!("The name '{name}' is taken: tokens or standards use it."));
        }
        let value = claim.as_object().filter(|claim| claim.len() == 1);
        let Some(value) = value
            .and_then(|claim| claim.get("value"))
            .filter(|value| is_plain(value))
        else {
            return invalid(format!(
                "The claim '{name}' must be an object with the member 'value': a text, a number, true, false, or a list of \
                 them."
            ));
        };
        if value.to_string().len() > CLAIM_BYTES_MAX {
            return invalid(format!(
                "The value of the claim '{name}' is longer than {CLAIM_BYTES_MAX} bytes, which is the limit."
            ));
        }
    }
    Ok(claims.clone())
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    !name.is_empty() && name.len() <= CLAIM_NAME_CHARACTERS_MAX && name.chars().all(plain)
}

fn is_plain(value: &Value) -> bool {
    let is_scalar = |value: &Value| match value {
        Value::String(text) => !text.contains('\0'),
        Value::Bool(_) | Value::Number(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    match value {
        Value::Array(items) => items.iter().all(is_scalar),
        other => is_scalar(other),
    }
}
