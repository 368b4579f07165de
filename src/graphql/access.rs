//! Explanations of what users may do, in the schema.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use crate::authz::Extent;
use crate::directory::access::{self, Asked, Explanation, Hindrance, HindranceKind};
use crate::directory::role::Role;
use crate::graphql::role::{RoleGrantObject, RoleObject, grants_beside};
use crate::graphql::user::UserWhere;
use crate::graphql::{List, Result, Selection, listing, op};
use crate::model::Catalogue;

/// Whether a user may do something, and why.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "AccessExplanation")]
pub struct AccessExplanationObject {
    /// Whether the user may do it: there are no `hindrances`.
    pub allowed: bool,
    /// How far the user reaches with the permission, by its roles and within the limits of the API key.
    pub reach: AccessReachValue,
    /// The user's roles with the permission, as `User.roleGrants` shows them.
    pub sources: List<RoleGrantObject>,
    /// Why the user may not do it; empty if the user may.
    pub hindrances: List<HindranceObject>,
    /// If the user lacks the permission: at most 100 roles that would give it, and that the caller could assign to the user.
    /// Roles of the organization come last. Needs `read:role`; empty without `write:user`.
    pub would_give: List<RoleObject>,
}

/// How far somebody reaches with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "AccessReach", remote = "Extent")]
pub enum AccessReachValue {
    /// Nowhere.
    Nobody,
    /// Only to what is the user's own.
    #[graphql(name = "SELF")]
    Oneself,
    /// To single tenants.
    Tenants,
    /// To the user's organization.
    Organization,
    /// To every organization.
    #[graphql(name = "EVERY_ORGANIZATION")]
    Everything,
}

/// A reason why a user may not do something.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Hindrance")]
pub struct HindranceObject {
    /// The reason, for programs.
    pub code: HindranceCodeValue,
    /// The reason, for people.
    pub message: &'static str,
    /// The permissions that are missing, as far as the caller may see them.
    pub permissions: Vec<String>,
}

/// The kind of a reason why a user may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "HindranceCode", remote = "HindranceKind")]
pub enum HindranceCodeValue {
    /// The user is deactivated, or the target that is to be impersonated.
    Deactivated,
    /// The user's password is temporary and must be changed before the user can sign in. With an API key, it does not matter.
    PasswordChangeRequired,
    /// The user has no role with the permission.
    NoRole,
    /// The user has the permission, but not for this: the target is outside the user's scope, or the permission is needed for
    /// the whole organization and the user has it for single tenants.
    OutOfReach,
    /// The target has permissions that the user lacks.
    BeyondOwn,
    /// Users cannot do this to themselves.
    NotOneself,
    /// The API key or access token is limited to something else, or the API key is revoked or has expired.
    KeyLimit,
    /// The caller is impersonating the user, and this is not possible while impersonating.
    Impersonating,
}

impl HindranceObject {
    fn of(hindrance: Hindrance, catalogue: &Catalogue) -> Self {
        Self {
            code: hindrance.kind.into(),
            message: hindrance.message,
            permissions: catalogue.names(hindrance.permissions),
        }
    }
}

#[derive(Default)]
pub struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Whether a user may do what a permission is for, and why: the server decides it as if the user did it. About the caller,
    /// this needs no permission, and it is about the credential of this request. About other users, it needs `read:user` and
    /// `read:role`. A caller who has these for single tenants learns nothing of other tenants: what the user and the target have
    /// for those does not count.
    async fn access_explanation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        user: UserWhere,
        #[graphql(desc = "The name of the permission, for example `write:user`.")] permission: String,
        #[graphql(
            desc = "On which user, for `read:user`, `write:user` (as `viewerCan.updateAccount`), `write:group` (as \
                    `viewerCan.manageGroups`) and `usage:impersonation`: `id` or `email` is required; any further \
                    conditions must match too. Default: on anybody."
        )]
        target: Option<UserWhere>,
        #[graphql(
            desc = "The id of an API key of the user, which the caller must be allowed to list. Default: the user has \
                    signed in."
        )]
        api_key: Option<ID>,
    ) -> Result<AccessExplanationObject> {
        let op = op(ctx);
        let _turn = op.turn().await;
        let selection = Selection::of(ctx);
        let asked = Asked {
            user: user.target(op),
            permission,
            target: target.map(|target| target.target(op)),
            api_key: api_key.map(|id| id.0),
            sources: selection.has("sources"),
            would_give: selection.has("wouldGive"),
        };
        let Explanation {
            user_pk,
            extent,
            sources,
            hindrances,
            would_give,
        } = access::explain(op, &asked).await?;
        let mut shown = HashMap::new();
        if let Some(under) = selection.under_field("sources") {
            shown = grants_beside(op, [(user_pk, sources)], &under).await?;
        }
        let under = selection.under_field("wouldGive").unwrap_or_default();
        let roles = listing::present::<Role>(op, would_give, &under).await?;
        let catalogue = op.catalogue();
        Ok(AccessExplanationObject {
            allowed: hindrances.is_empty(),
            reach: extent.into(),
            sources: shown.remove(&user_pk).unwrap_or_default(),
            hindrances: hindrances
                .into_iter()
                .map(|one| HindranceObject::of(one, &catalogue))
                .collect(),
            would_give: roles.into(),
        })
    }
}
