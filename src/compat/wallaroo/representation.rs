//! A user in the product's format.

use futures::{Stream, TryStreamExt};
use serde::Serialize;

use crate::compat::users;
use crate::context::OpContext;
use crate::directory::federated_identity::{self, FederatedIdentity};
use crate::directory::role::{self, Held, OrganizationRole};
use crate::directory::user::{Term, User, UserFields, viewer_can};
use crate::list::{self, Filter};
use crate::model::error::Result;
use crate::model::with_hyphens;

/// The fields that are read.
pub const FIELDS: UserFields = UserFields::EMAIL
    .union(UserFields::FIRSTNAME)
    .union(UserFields::LASTNAME)
    .union(UserFields::ACTIVATED)
    .union(UserFields::PASSWORD_TEMPORARY)
    .union(UserFields::EMAIL_VERIFIED_AT)
    .union(UserFields::LAST_SEEN_AT)
    .union(UserFields::CREATED_AT);

/// The representation of a user. A name or address that is not set has no key: the SDK checks for the key, not for
/// null.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Representation {
    #[serde(flatten)]
    account: Account,
    last_login: Option<i64>,
    not_before: i64,
    disableable_credential_types: [&'static str; 0],
    required_actions: &'static [&'static str],
    access: Access,
    /// Only when reading a single user.
    #[serde(skip_serializing_if = "Option::is_none")]
    federated_identities: Option<Vec<Federated>>,
    /// Only in lists, and on administrators.
    #[serde(skip_serializing_if = "Option::is_none")]
    realm_roles: Option<[&'static str; 1]>,
}

/// The fields of a user that the brief representation has too.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: String,
    /// The address, or the id of a user without one.
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    enabled: bool,
    email_verified: bool,
    /// Times are in milliseconds since 1970.
    created_timestamp: i64,
}

/// What the caller may do to the user.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    manage_group_membership: bool,
    view: bool,
    map_roles: bool,
    impersonate: bool,
    manage: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Federated {
    identity_provider: String,
    user_id: String,
    user_name: String,
}

impl From<FederatedIdentity> for Federated {
    fn from(one: FederatedIdentity) -> Self {
        Self {
            identity_provider: one.identity_provider,
            user_id: one.user_id,
            user_name: one.user_name,
        }
    }
}

impl Representation {
    fn new(op: &OpContext, user: User, held: &Held) -> Self {
        let can = viewer_can(op, &user, &held.rights());
        let id = with_hyphens(user.id.as_str()).into_owned();
        let email = user.email.as_ref().map(ToString::to_string);
        Self {
            account: Account {
                username: email.clone().unwrap_or_else(|| id.clone()),
                id,
                email,
                first_name: user.firstname,
                last_name: user.lastname,
                enabled: user.activated,
                email_verified: user.email_verified_at.is_some(),
                created_timestamp: user.created_at.micros() / 1_000,
            },
            last_login: user.last_seen_at.map(|at| at.micros() / 1_000),
            not_before: 0,
            disableable_credential_types: [],
            required_actions: if user.password_temporary {
                &["UPDATE_PASSWORD"]
            } else {
                &[]
            },
            access: Access {
                manage_group_membership: can.manage_groups,
                view: true,
                map_roles: can.map_roles,
                impersonate: can.impersonate,
                manage: can.update_account,
            },
            federated_identities: None,
            realm_roles: None,
        }
    }

    pub fn id(&self) -> &str {
        &self.account.id
    }

    /// Keycloak's brief representation of a user.
    pub fn brief(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Brief<'a> {
            #[serde(flatten)]
            account: &'a Account,
            access: Access,
        }
        Brief {
            account: &self.account,
            access: self.access,
        }
    }
}

/// All matching users of the caller's organization, as lists show them, in chunks.
pub fn listed(
    op: &OpContext,
    filter: Filter<Term>,
) -> impl Stream<Item = Result<Vec<Representation>>> + Send + 'static {
    let filter = Filter::All(vec![filter, users::of_own_organization(op)]);
    shown(op, list::all::<User>(op, filter, FIELDS))
}

/// Users as lists show them.
pub fn shown(
    op: &OpContext,
    users: impl Stream<Item = Result<Vec<User>>> + Send + 'static,
) -> impl Stream<Item = Result<Vec<Representation>>> + Send + 'static {
    let op = op.clone();
    users.and_then(move |users| {
        let op = op.clone();
        async move {
            let show = |(user, held): (User, Held)| {
                let is_admin = held.organization_role() == Some(OrganizationRole::Admin);
                Representation {
                    realm_roles: is_admin.then_some(["admin"]),
                    ..Representation::new(&op, user, &held)
                }
            };
            Ok(users::with_roles(&op, users).await?.into_iter().map(show).collect())
        }
    })
}

/// A user that was just changed.
pub async fn one(op: &OpContext, user: User) -> Result<Representation> {
    let held = role::held(op.db().reader(), [user.pk]).await?.remove(&user.pk);
    Ok(Representation::new(op, user, &held.unwrap_or_default()))
}

/// Users that were requested individually, in their order.
pub async fn each(op: &OpContext, users: Vec<User>) -> Result<Vec<Representation>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let users = users::with_roles(op, users).await?;
    let keys = users.iter().map(|(user, _)| user.pk);
    let mut identities = federated_identity::of_users(op.db().reader(), keys).await?;
    let show = |(user, held): (User, Held)| {
        let identities = identities.remove(&user.pk).unwrap_or_default();
        Representation {
            federated_identities: Some(identities.into_iter().map(Into::into).collect()),
            ..Representation::new(op, user, &held)
        }
    };
    Ok(users.into_iter().map(show).collect())
}
