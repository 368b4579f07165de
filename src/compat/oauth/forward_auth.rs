//! Whether a proxy may pass a request on: nginx's `auth_request`, Traefik's and Caddy's `forward_auth`, Envoy's external
//! authorization.
//!
//! The proxy sends the request's headers, and says what is demanded in the address: as parameters, or, for proxies that
//! append the client's path and query to a prefix, in the path between `/-/` and the next `/-/`. Then everything behind
//! that, the query too, is the client's and is ignored.
//!
//! 200 allows it, 401 and 403 refuse it; with everything else, such as 503, proxies refuse it too. The headers of a 200
//! say who it is. All of them are always sent, because some proxies keep the client's own header where the response has
//! none. Values are percent-encoded; `?0`, which no encoded value is, means that there is none.

use axum::Extension;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::compat::face::{log_cause, usual_status};
use crate::context::{OpContext, Presented};
use crate::directory::access_token::Wanted;
use crate::directory::{credential, tenant};
use crate::model::error::{Error, Result};
use crate::model::{Actor, Caller, Secret};
use crate::request::{App, LogFields, RequestInfo, in_time, presented};

const OPERATION: &str = "forward auth";
/// How many permissions may be demanded.
const PERMISSIONS_MAX: usize = 100;
/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const NONE: HeaderValue = HeaderValue::from_static("?0");

/// What is demanded of a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Demand {
    permissions: Vec<String>,
    /// The user's organization.
    organization: Option<String>,
    /// The tenant that the permissions are needed for.
    tenant: Option<String>,
    /// The resource server that asks: tokens for it are accepted too.
    resource: Option<String>,
    /// A new token for the resource server, or this server, is asked for.
    token: bool,
    /// A request without a credential passes.
    optional: bool,
}

impl Demand {
    /// From the parameters in the address. An unknown one is an error: a demand with a typo must not pass everybody.
    fn of_query(query: &str) -> Result<Self> {
        let mut demand = Self::default();
        let once = |slot: &mut Option<String>, name: &str, value: String| match slot.replace(value) {
            Some(_) => Err(Error::invalid(name, format!("The parameter '{name}' is repeated."))),
            None => Ok(()),
        };
        let (mut optional, mut token) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            match name.as_str() {
                "permission" => demand.permissions.push(value),
                "organization" => once(&mut demand.organization, "organization", value)?,
                "tenant" => once(&mut demand.tenant, "tenant", value)?,
                "resource" => once(&mut demand.resource, "resource", value)?,
                "token" => once(&mut token, "token", value)?,
                "optional" => once(&mut optional, "optional", value)?,
                _ => {
                    return Err(Error::invalid(
                        "query",
                        "The parameters are 'permission', 'organization', 'tenant', 'resource', 'token' and 'optional'.",
                    ));
                }
            }
        }
        let switch = |name: &str, value: Option<String>| match value.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Error::invalid(name, format!("'{name}' must be 1 or 0."))),
        };
        demand.optional = switch("optional", optional)?;
        demand.token = switch("token", token)?;
        demand.checked()
    }

    /// From the part of the path behind `/forward-auth/-/`.
    fn of_path(rest: &str) -> Result<Self> {
        let Some((permissions, _)) = rest.split_once("/-/") else {
            return Err(Error::invalid(
                "path",
                "The path must be '/forward-auth/-/PERMISSIONS/-/', with permissions separated by commas.",
            ));
        };
        let permissions = permissions.split(',').map(str::to_owned).collect();
        Self {
            permissions,
            ..Self::default()
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        match self.permissions.len() <= PERMISSIONS_MAX {
            true => Ok(self),
            false => Err(Error::invalid(
                "permission",
                format!("At most {PERMISSIONS_MAX} permissions can be demanded."),
            )),
        }
    }
}

/// `/forward-auth?permission=…`.
pub async fn by_query(
    State(app): State<App>,
    Extension(id): Extension<RequestInfo>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    decided(&app, &id, &headers, Demand::of_query(&query.unwrap_or_default())).await
}

/// `/forward-auth/-/PERMISSIONS/-/…`.
pub async fn by_path(State(app): State<App>, Extension(id): Extension<RequestInfo>, request: Request) -> Response {
    // As it was sent: nothing in it is decoded or resolved.
    let rest = request
        .uri()
        .path()
        .strip_prefix("/forward-auth/-/")
        .unwrap_or_default();
    let demand = Demand::of_path(rest);
    decided(&app, &id, request.headers(), demand).await
}

async fn decided(app: &App, id: &RequestInfo, headers: &HeaderMap, demand: Result<Demand>) -> Response {
    let mut actor = Actor::Anonymous;
    let run = async {
        let demand = demand?;
        let presented = presented(headers, id, app.services.faces())?.also_for(demand.resource.as_deref());
        let op = OpContext::of_request(app.services.clone(), presented.clone()).await?;
        actor = op.actor().clone();
        match (op.actor(), demand.optional) {
            (Actor::User(caller), _) => {
                allow(&op, caller, &demand).await?;
                // A token for one tenant speaks for that one.
                let tenant = match caller.only_tenant() {
                    Some(pk) => tenant::id_of(&op, pk).await?,
                    None => caller.tenant_id.as_ref().map(ToString::to_string),
                };
                let token = match demand.token {
                    true => Some(token_for(&op, &presented, &demand).await?),
                    false => None,
                };
                Ok(facts_of(Some(caller), tenant, token))
            }
            (Actor::Anonymous | Actor::Machine, true) => Ok(facts_of(None, None, None)),
            (Actor::Anonymous | Actor::Machine, false) => {
                Err(Error::Unauthenticated("This needs a credential.".to_owned()))
            }
        }
    };
    let mut response = match in_time(run).await {
        Ok(facts) => (StatusCode::OK, facts).into_response(),
        Err(error) => {
            log_cause(&error, id);
            refused(&error)
        }
    };
    let mut facts = LogFields::of(&actor);
    facts.operation = Some(OPERATION.to_owned());
    response.extensions_mut().insert(facts);
    response
}

/// A token for the back end behind the proxy, made from the credential of the request: for the resource server that asks, and
/// for the tenant that is demanded. `FORBIDDEN` while impersonating by a header: the credential belongs to somebody else.
async fn token_for(op: &OpContext, presented: &Presented, demand: &Demand) -> Result<Secret> {
    if presented.impersonates() {
        return Err(Error::forbidden(
            "No token is made while a header says who is impersonated. Use 'impersonateUser'.".to_owned(),
        ));
    }
    let wanted = Wanted {
        tenant: demand.tenant.clone(),
        ..Wanted::resource(demand.resource.clone())
    };
    Ok(
        credential::exchange_presented(op, presented.credential(op.catalogue().faces()), &wanted)
            .await?
            .token
            .token,
    )
}

/// `FORBIDDEN` unless the caller is what is demanded. A permission that nobody knows is had by nobody.
async fn allow(op: &OpContext, caller: &Caller, demand: &Demand) -> Result<()> {
    let elsewhere = |id: &String| id != caller.organization_id.as_str();
    if demand.organization.as_ref().is_some_and(elsewhere) {
        return Err(Error::forbidden(
            "This is for users of another organization.".to_owned(),
        ));
    }
    let held = match &demand.tenant {
        None => caller.permitted(),
        Some(id) => match tenant_of(op, caller, id).await? {
            Some(pk) if caller.only_tenant().is_none_or(|only| only == pk) => caller.rights.for_tenant(pk),
            Some(_) | None => return Err(Error::forbidden("This is for users of another tenant.".to_owned())),
        },
    };
    let catalogue = &caller.catalogue;
    let has = |name: &String| {
        catalogue
            .named(name)
            .is_some_and(|permission| held.contains(permission))
    };
    match demand.permissions.iter().all(has) {
        true => Ok(()),
        false => {
            let demanded = demand.permissions.join(" ");
            Err(Error::forbidden(format!("This needs: {demanded}.")))
        }
    }
}

/// A tenant of the caller's organization; the caller's own needs no look-up.
async fn tenant_of(op: &OpContext, caller: &Caller, id: &str) -> Result<Option<i64>> {
    match (&caller.tenant_id, caller.tenant_pk) {
        (Some(own), Some(pk)) if own.as_str() == id => Ok(Some(pk)),
        _ => tenant::key_within(op, caller.organization_pk, id).await,
    }
}

/// The headers that say who it is.
fn facts_of(caller: Option<&Caller>, tenant: Option<String>, token: Option<Secret>) -> HeaderMap {
    let email = |caller: &Caller| {
        caller
            .email
            .as_ref()
            .filter(|_| caller.email_verified)
            .map(ToString::to_string)
    };
    let actor = |caller: &Caller| caller.impersonator.as_ref().map(|who| who.user_id.to_string());
    let roles = |caller: &Caller| {
        let names = caller.role_names(caller.only_tenant());
        let names: Vec<String> = names
            .into_iter()
            .map(|name| utf8_percent_encode(name, ENCODED).to_string())
            .collect();
        names.join(",")
    };
    let encoded = |text: Option<String>| text.map(|text| utf8_percent_encode(&text, ENCODED).to_string());
    let given = [
        (
            "x-tenantry-user",
            encoded(caller.map(|caller| caller.user_id.to_string())),
        ),
        (
            "x-tenantry-organization",
            encoded(caller.map(|caller| caller.organization_id.to_string())),
        ),
        ("x-tenantry-tenant", encoded(tenant)),
        ("x-tenantry-email", encoded(caller.and_then(email))),
        // Each is encoded, so that the commas between them are the only ones.
        ("x-tenantry-roles", caller.map(roles)),
        ("x-tenantry-actor", encoded(caller.and_then(actor))),
        // Of these characters already.
        ("x-tenantry-token", token.map(|token| token.expose().to_owned())),
    ];
    let header = |(name, value): (&'static str, Option<String>)| {
        let value = value.filter(|value| !value.is_empty()).map(HeaderValue::try_from);
        let value = value.and_then(std::result::Result::ok).unwrap_or(NONE);
        (HeaderName::from_static(name), value)
    };
    given.into_iter().map(header).collect()
}

/// An empty body: the proxy shows its own page.
fn refused(error: &Error) -> Response {
    let mut response = usual_status(error).into_response();
    let challenge = match error {
        Error::Unauthenticated(_) => Some("Bearer error=\"invalid_token\""),
        Error::Forbidden(_) => Some("Bearer error=\"insufficient_scope\""),
        _ => None,
    };
    if let Some(challenge) = challenge {
        let challenge = HeaderValue::from_static(challenge);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after_seconds() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(demand: Result<Demand>) -> Option<Vec<String>> {
        demand.ok().map(|demand| demand.permissions)
    }

    #[test]
    fn what_the_client_appends_demands_nothing_else() {
        let whole = |rest: &str| permissions(Demand::of_path(rest)).unwrap();
        assert_eq!(whole("read:user/-/orders?permission=x"), ["read:user"]);
        assert_eq!(
            whole("read:user,write:user/-//-/read:org/-/"),
            ["read:user", "write:user"]
        );
        // An empty name is a permission that nobody has.
        assert_eq!(whole("/-/"), [""]);
        assert_eq!(whole("read:user%2Cwrite:user/-/"), ["read:user%2Cwrite:user"]);
        assert_eq!(permissions(Demand::of_path("read:user")), None);
    }

    #[test]
    fn a_demand_is_read_whole_or_refused() {
        let demand = Demand::of_query(
            "permission=read%3Auser&permission=write:user&organization=acme&tenant=t&resource=https://api.example&token=1&optional=1",
        );
        let expected = Demand {
            permissions: vec!["read:user".to_owned(), "write:user".to_owned()],
            organization: Some("acme".to_owned()),
            tenant: Some("t".to_owned()),
            resource: Some("https://api.example".to_owned()),
            token: true,
            optional: true,
        };
        assert_eq!(demand.unwrap(), expected);
        for query in [
            "permissions=read:user",
            "optional=yes",
            "tenant=a&tenant=b",
            "optional=1&optional=0",
            "token=true",
            "resource=a&resource=a",
            "x",
        ] {
            assert!(Demand::of_query(query).is_err(), "{query}");
        }
        let many = vec!["permission=a"; PERMISSIONS_MAX + 1].join("&");
        assert!(Demand::of_query(&many).is_err());
    }
}
