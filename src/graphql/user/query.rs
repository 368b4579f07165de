//! Reading users.

use async_graphql::{Context, Object};

use super::{UserConnection, UserObject, UserOrderBy, UserWhere};
use crate::authn::caller_of;
use crate::directory::user::User;
use crate::graphql::{Result, Selection, list_fields, listing, op, or_null};
use crate::model::{Actor, Caller};

#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The caller; null for an anonymous request.
    async fn me(&self, ctx: &Context<'_>) -> Option<UserObject> {
        or_null(ctx, oneself(ctx).await)
    }

    /// The caller; null for an anonymous request. The same as `me`.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<UserObject> {
        or_null(ctx, oneself(ctx).await)
    }

    /// What the caller may do with the credential of this request, for its whole organization: names of permissions. An API
    /// key that is limited gives less than `me.roles` do. Empty for an anonymous request. `me.reach` adds single tenants.
    async fn viewer_permissions(&self, ctx: &Context<'_>) -> Vec<String> {
        let actor = op(ctx).actor();
        actor.names(actor.caller().map(Caller::permitted).unwrap_or_default())
    }
}

list_fields! {
    UserLists of User as UserObject, UserWhere, UserOrderBy, UserConnection;
    where "Filter. Default: all users.";
    /// The users of the caller's organization; for a super admin, of all organizations. With `read:user` for single tenants,
    /// only the users of these tenants; without it, only the caller.
    users;
    /// Number of users that `users` lists for this `where`.
    count_users;
    /// `users` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    users_connection;
    /// The user that `where` names, if `users` would list it; otherwise null.
    user where "Which user: `id` or `email` is required; any further conditions must match too.";
}

/// A user as the user may see itself, for a caller that has just become this user without a credential.
pub async fn to_itself(ctx: &Context<'_>, user: User) -> Result<UserObject> {
    let caller = caller_of(op(ctx).db().reader(), user.pk).await?;
    let actor = caller.map_or(Actor::Anonymous, Actor::user);
    Ok(listing::present_one(&op(ctx).acting_as(actor), user, &Selection::of(ctx)).await?)
}

async fn oneself(ctx: &Context<'_>) -> Result<Option<UserObject>> {
    let fields = listing::fields_of::<User>(&Selection::of(ctx));
    Ok(match crate::directory::user::oneself(op(ctx), fields).await? {
        Some(user) => Some(listing::present_one(op(ctx), user, &Selection::of(ctx)).await?),
        None => None,
    })
}
