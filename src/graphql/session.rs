//! Sessions in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::access_token::Wanted;
use crate::directory::session::{self, Impersonation, Session, SessionFields, SignIn, Term, Tokens};
use crate::directory::user::User;
use crate::graphql::filter::related;
use crate::graphql::user::{UserObject, UserWhere, beside as users_beside};
use crate::graphql::{
    DateTime, Listing, Related, Result, Selection, Shared, Where, connection_type, list_fields, listing, node_fields,
    op, order_by, where_input,
};
use crate::list::{self, Filter};
use crate::model::Actor;

/// A session of a user who signed in, or an impersonation of a user.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Session", complex)]
pub struct SessionObject {
    /// The id of the session. It is not a credential.
    pub id: ID,
    /// The id of its user.
    pub user_id: ID,
    /// Its user; null if the caller cannot, or can no longer, see that user.
    pub user: Option<Shared<UserObject>>,
    /// The id of the impersonator; null if the session is not an impersonation.
    pub impersonator_id: Option<ID>,
    /// The reason that the impersonator gave; null if the session is not an impersonation. In sessions of other users, it
    /// needs `read:audit`.
    pub reason: Option<String>,
    /// Whether it is active now.
    pub active: bool,
    /// Whether this request is authenticated with the session's access token.
    pub current: bool,
    /// When it started.
    pub created_at: DateTime,
    /// When it was last refreshed; until then, when it started.
    pub updated_at: DateTime,
    /// When it expires. `refreshSession` extends it, except for an impersonation.
    pub expires_at: DateTime,
    /// When it was ended; null if it was not, even if it has expired.
    pub ended_at: Option<DateTime>,
}

node_fields! {
    SessionObject as "Session" {}
}

/// The tokens of a session.
#[derive(Clone, Debug, SimpleObject)]
pub struct SessionTokens {
    /// A signed token (JWT) to send as `Authorization: Bearer <accessToken>`. The public keys are at
    /// `/.well-known/jwks.json`.
    pub access_token: String,
    /// Lifetime of the access token in seconds, unless its session ends earlier.
    pub expires_in: i64,
    /// For `refreshSession`. It works once and is replaced by a new one; using an old one ends the session.
    pub refresh_token: String,
    /// Lifetime of the refresh token in seconds.
    pub refresh_expires_in: i64,
    /// The user of the session.
    pub user: UserObject,
}

/// An email address and a password.
#[derive(Clone, InputObject)]
pub struct SignInData {
    /// The email address; case is ignored.
    email: String,
    /// The id of the organization whose account is meant. Without it, the account is chosen in this order: those whose
    /// password was set with a link mailed to the address, then those with a verified address, then the oldest.
    organization_id: Option<ID>,
    /// At most 128 characters.
    password: String,
    /// Who the access token is for: the `id` of a resource server. Default: this server. This server refuses a token for
    /// another one.
    resource: Option<String>,
}

/// A session's latest refresh token.
#[derive(Clone, InputObject)]
pub struct RefreshSessionData {
    /// The refresh token from `signIn` or from the previous refresh.
    refresh_token: String,
    /// Who the new access token is for: the `id` of a resource server. Default: this server. This server refuses a token
    /// for another one.
    resource: Option<String>,
}

where_input! {
    /// Filter for sessions. Conditions are combined with AND; a null condition is ignored.
    SessionWhere of Term;
    target named;
    id id id_in;
    {
        /// `true`: active sessions; `false`: sessions that were ended or have expired. Default: `true`.
        active: bool = |op, active| [Filter::Is(Term::Active { active, at: op.now() })],
        /// Sessions of users who match this. With `read:user` and `write:user`, those of all users in their scope; otherwise
        /// only the caller's.
        user: Box<UserWhere> = |op, user| related(user.filter(op), Term::User),
        /// `true`: impersonations; `false`: sessions of users who signed in themselves.
        impersonated: bool = |_, is| [Filter::Is(Term::Impersonated(is))],
    }
}

order_by! {
    /// Sort order of sessions; ties are in the order in which they were created.
    SessionOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently refreshed first.", UpdatedAtDesc "Most recently refreshed first.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(SessionConnection, SessionEdge, SessionObject, "sessions");

impl Listing for Session {
    type Object = SessionObject;
    type Where = SessionWhere;
    type OrderBy = SessionOrderBy;
    type Preloaded = Preloaded;

    fn filter(op: &OpContext, wanted: SessionWhere) -> Filter<Term> {
        let filter = wanted.filter(op);
        if filter.has(|term| matches!(term, Term::Active { .. })) {
            return filter;
        }
        filter.and_own(Term::Active {
            active: true,
            at: op.now(),
        })
    }

    /// Of any user whom the caller may change, without a condition on the user.
    fn filter_one(op: &OpContext, wanted: SessionWhere) -> Filter<Term> {
        Filter::All(vec![wanted.filter(op), Filter::Is(Term::User(Filter::default()))])
    }

    fn behind(name: &str) -> SessionFields {
        match name {
            "active" => SessionFields::EXPIRES_AT | SessionFields::ENDED_AT,
            _ => SessionFields::empty(),
        }
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let owners = things.iter().map(|session| session.user_pk);
        let mut named: Vec<i64> = Vec::new();
        if selection.has("userId") {
            named.extend(owners.clone());
        }
        if selection.has("impersonatorId") {
            named.extend(things.iter().filter_map(|session| session.impersonator_pk));
        }
        let ids = match named.is_empty() {
            true => HashMap::new(),
            false => list::ids_of::<User>(op, named).await?,
        };
        let users = users_beside(op, selection, owners).await?;
        let audits = session::may_read_reasons(op);
        Ok(Preloaded { ids, users, audits })
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> SessionObject {
        let id_of = |pk: i64| preloaded.ids.get(&pk).cloned().map(ID);
        let caller = op.actor().caller();
        let is_own =
            op.actor().is(self.user_pk) || caller.is_some_and(|caller| self.impersonator_pk == Some(caller.user_pk));
        SessionObject {
            id: ID(self.id.to_string()),
            user_id: id_of(self.user_pk).unwrap_or_else(|| ID(String::new())),
            user: preloaded.users.object(self.user_pk),
            impersonator_id: self.impersonator_pk.and_then(id_of),
            reason: self.reason.filter(|_| is_own || preloaded.audits),
            active: self.ended_at.is_none() && self.expires_at > op.now(),
            current: caller.and_then(|caller| caller.session_pk) == Some(self.pk),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            expires_at: self.expires_at.into(),
            ended_at: self.ended_at.map(DateTime),
        }
    }
}

/// The relations of a page of sessions. The caller may no longer see a user who was impersonated; only the id remains.
pub struct Preloaded {
    ids: HashMap<i64, String>,
    users: Related<User>,
    /// Whether the caller may read why others were impersonated.
    audits: bool,
}

/// The tokens, with the user as the user may see itself.
async fn object_of(ctx: &Context<'_>, tokens: Tokens) -> Result<SessionTokens> {
    let under = Selection::of(ctx).under_field("user").unwrap_or_default();
    let as_user = op(ctx).acting_as(Actor::user(tokens.caller));
    Ok(SessionTokens {
        access_token: tokens.access_token.expose().to_owned(),
        expires_in: i64::try_from(tokens.expires_in_seconds).unwrap_or(i64::MAX),
        refresh_token: tokens.refresh_token.expose().to_owned(),
        refresh_expires_in: i64::try_from(tokens.refresh_expires_in_seconds).unwrap_or(i64::MAX),
        user: listing::present_one(&as_user, tokens.user, &under).await?,
    })
}

list_fields! {
    SessionQuery of Session as SessionObject, SessionWhere, SessionOrderBy, SessionConnection;
    where "Filter. Default: active sessions.";
    /// The caller's sessions, including those in which the caller impersonates another user or is impersonated; with `user`
    /// in `where`, those of the users that it matches, which needs `read:user` and `write:user` for other users.
    sessions;
    /// Number of sessions that `sessions` lists for this `where`.
    count_sessions;
    /// `sessions` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    sessions_connection;
    /// The session that `where` names, if the caller may see it, ended or not; otherwise null.
    session where "Which session: `id` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs in with an email address and a password, and starts a session. A failed sign-in always takes the same
    /// time, so that the time does not reveal whether the account exists. Fails with `RATE_LIMITED` and
    /// `retryAfterSeconds` after 20 failures for one email address, or 100 from one client address, within 15 minutes.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email address and the password.")] data: SignInData,
    ) -> Result<SessionTokens> {
        let typed = SignIn {
            email: data.email,
            organization_id: data.organization_id.map(|id| id.0),
            password: data.password.into(),
            resource: data.resource,
        };
        let tokens = crate::directory::session::sign_in(op(ctx), &typed).await?;
        object_of(ctx, tokens).await
    }

    /// Exchanges a refresh token for new tokens. Needs no other credential. Each refresh token works once, and using an
    /// old one ends the session. If the response was lost, the last exchange can be repeated within ten seconds.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's latest refresh token.")] data: RefreshSessionData,
    ) -> Result<SessionTokens> {
        let wanted = Wanted::resource(data.resource);
        let tokens = crate::directory::session::refresh(op(ctx), &data.refresh_token, &wanted).await?;
        object_of(ctx, tokens).await
    }

    /// Starts a session of another account of the caller, in another organization; `me { accounts }` lists them. The
    /// current session does not end. Fails with `FORBIDDEN` unless the session was started by `signIn` with a password
    /// that was set with an emailed link, or by `switchAccount`; with an API key, and while impersonating.
    async fn switch_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the account's user.")] user_id: ID,
    ) -> Result<SessionTokens> {
        let tokens = session::switch(op(ctx), &user_id).await?;
        object_of(ctx, tokens).await
    }

    /// Ends the session whose access token authenticates this request; during an impersonation, only the impersonation.
    /// Fails with `INVALID` if the request is authenticated with an API key, or impersonates with a header, because
    /// there is no session to end.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SessionObject> {
        listing::one(ctx, session::sign_out(op(ctx))).await
    }

    /// Ends one of the caller's sessions, or one in which the caller impersonates another user.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session: `id` is required; any further conditions must match too.")]
        r#where: SessionWhere,
    ) -> Result<SessionObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, session::revoke(op(ctx), &named)).await
    }

    /// Ends sessions, effective from the next request: those of the caller, or with `user` in `where` those of the users that
    /// it matches. Returns how many were ended; at most 1,000 per call. For other users this needs `read:user`, `write:user` and every
    /// permission of these users that tenantry itself checks.
    async fn revoke_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions. An empty filter means all active sessions of the caller.")]
        r#where: SessionWhere,
        #[graphql(
            desc = "Whether the session of this request stays active, even if `where` matches it.",
            default_with = "Some(true)"
        )]
        keep_current: Option<bool>,
    ) -> Result<i64> {
        let which = Session::filter(op(ctx), r#where);
        Ok(session::revoke_all(op(ctx), &which, keep_current.unwrap_or(true)).await?)
    }

    /// Starts a session as another user, with only that user's permissions. Needs `usage:impersonation` and every
    /// permission that the user has. The session ends with `signOut` (sent with its access token), with
    /// `revokeSession`, when it expires, or when the credential that started it ends. `refreshSession` does not extend
    /// it.
    async fn impersonate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(
            desc = "The reason for the impersonation, at most 2,000 characters. The impersonated user can read it in `sessions`."
        )]
        reason: String,
        #[graphql(desc = "Lifetime in seconds, from 60 to 28800.", default = 3600)] lifetime_seconds: i64,
    ) -> Result<SessionTokens> {
        let target = r#where.target(op(ctx));
        let wanted = Impersonation {
            reason,
            lifetime_seconds,
        };
        let tokens = crate::directory::session::impersonate(op(ctx), &target, &wanted).await?;
        object_of(ctx, tokens).await
    }
}
