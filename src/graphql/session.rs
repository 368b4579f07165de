//! Sessions in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::session::{Impersonation, Session, SessionFields, SignIn, Term, Tokens};
use crate::directory::user::User;
use crate::graphql::user::{UserObject, UserWhere, beside as users_beside};
use crate::graphql::{
    DateTime, Listing, Result, Selection, Where, connection_type, list_fields, listing, op, order_by, where_input,
};
use crate::list::{self, Filter};
use crate::model::Actor;
use crate::model::error::Error;

/// A signed-in user, or an impersonation of a user.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "Session")]
pub struct SessionObject {
    /// Identifies the session; it is not a credential.
    pub id: ID,
    /// The id of its user.
    pub user_id: ID,
    /// Its user; null if the caller may not (or no longer) see that user.
    pub user: Option<Box<UserObject>>,
    /// The id of the impersonator; null if there is none.
    pub impersonator_id: Option<ID>,
    /// The reason for the impersonation, as given by who began it; null if it is none.
    pub reason: Option<String>,
    /// Whether it is active now.
    pub active: bool,
    /// Whether it is the session that makes this call.
    pub current: bool,
    /// When it began.
    pub created_at: DateTime,
    /// When its tokens were last renewed.
    pub updated_at: DateTime,
    /// When it expires unless it is refreshed; an impersonation expires in any case.
    pub expires_at: DateTime,
    /// When it was ended; null if it was not.
    pub ended_at: Option<DateTime>,
}

/// The tokens of a session.
#[derive(Clone, Debug, SimpleObject)]
pub struct SessionTokens {
    /// A signed token (JWT, EdDSA) to send as `Authorization: Bearer <accessToken>`. The public keys are at
    /// `/.well-known/jwks.json`.
    pub access_token: String,
    /// Lifetime of the access token in seconds, unless its session ends earlier.
    pub expires_in: i64,
    /// For `refreshSession`; it works once and is replaced by a new one. Using an old one ends the session.
    pub refresh_token: String,
    /// Lifetime of the refresh token in seconds.
    pub refresh_expires_in: i64,
    /// Who is signed in.
    pub user: UserObject,
}

/// An address and a password.
#[derive(Clone, InputObject)]
pub struct SignInData {
    /// Ignoring case.
    email: String,
    /// The id of the organization whose account is meant. Without it, the account is chosen in this order: those whose
    /// password was set with a link mailed to the address, then those with a verified address, then the oldest.
    organization_id: Option<String>,
    /// At most 128 characters.
    password: String,
}

/// A session's latest refresh token.
#[derive(Clone, InputObject)]
pub struct RefreshSessionData {
    /// The refresh token from `signIn` or from the previous refresh.
    refresh_token: String,
}

where_input! {
    /// Filter for the caller's sessions. Conditions are combined with AND; null means not specified.
    SessionWhere of Term;
    target named;
    id id id_in;
    {
        /// Active sessions, or those that have ended; active ones by default.
        active: bool = |op, active| [Filter::Is(Term::Active { active, at: op.now() })],
        /// Impersonations, or sessions of users who signed in themselves.
        impersonated: bool = |_, is| [Filter::Is(Term::Impersonated(is))],
    }
}

order_by! {
    /// Sort order of sessions; ties are ordered by id.
    SessionOrderBy {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least recently refreshed first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most recently refreshed first.
        UpdatedAtDesc = UpdatedAt true,
        /// By id, ascending by code point.
        IdAsc = Id false,
        /// By id, descending.
        IdDesc = Id true,
    }
}

connection_type!(SessionConnection, SessionEdge, SessionObject, "sessions");

impl Listing for Session {
    type Object = SessionObject;
    type Where = SessionWhere;
    type OrderBy = SessionOrderBy;

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

    fn behind(name: &str) -> SessionFields {
        match name {
            "active" => SessionFields::EXPIRES_AT | SessionFields::ENDED_AT,
            _ => SessionFields::empty(),
        }
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<SessionObject>>> {
        async move {
            let mut beside = Beside::default();
            let mut named: Vec<i64> = Vec::new();
            if selection.has("userId") {
                named.extend(things.iter().map(|session| session.user_pk));
            }
            if selection.has("impersonatorId") {
                named.extend(things.iter().filter_map(|session| session.impersonator_pk));
            }
            if !named.is_empty() {
                beside.ids = list::ids_of::<User>(op, named).await?;
            }
            if let Some(under) = selection.under_field("user") {
                beside.users = users_beside(op, things.iter().map(|session| session.user_pk), &under).await?;
            }
            Ok(things.into_iter().map(|session| object(op, session, &beside)).collect())
        }
        .boxed()
    }
}

/// What is loaded together with a list of sessions. The caller may no longer see a user who was impersonated; only the
/// id remains.
#[derive(Default)]
struct Beside {
    ids: HashMap<i64, String>,
    users: HashMap<i64, UserObject>,
}

fn object(op: &OpContext, session: Session, beside: &Beside) -> SessionObject {
    let id_of = |pk: i64| beside.ids.get(&pk).cloned().map(ID);
    let caller = op.actor().caller();
    SessionObject {
        id: ID(session.id.to_string()),
        user_id: id_of(session.user_pk).unwrap_or_else(|| ID(String::new())),
        user: beside.users.get(&session.user_pk).cloned().map(Box::new),
        impersonator_id: session.impersonator_pk.and_then(id_of),
        reason: session.reason,
        active: session.ended_at.is_none() && session.expires_at > op.now(),
        current: caller.and_then(|caller| caller.session_pk) == Some(session.pk),
        created_at: session.created_at.into(),
        updated_at: session.updated_at.into(),
        expires_at: session.expires_at.into(),
        ended_at: session.ended_at.map(DateTime),
    }
}

/// The tokens, with the user as the user may see itself.
async fn object_of(ctx: &Context<'_>, tokens: Tokens) -> Result<SessionTokens> {
    let under = Selection::of(ctx).under_field("user").unwrap_or_default();
    let as_user = op(ctx).acting_as(Actor::user(tokens.caller));
    let mut users = User::present(&as_user, vec![tokens.user], &under).await?;
    Ok(SessionTokens {
        access_token: tokens.access_token.expose().to_owned(),
        expires_in: i64::try_from(tokens.expires_in_seconds).unwrap_or(i64::MAX),
        refresh_token: tokens.refresh_token.expose().to_owned(),
        refresh_expires_in: i64::try_from(tokens.refresh_expires_in_seconds).unwrap_or(i64::MAX),
        user: users
            .pop()
            .ok_or_else(|| Error::internal("a user that was not presented"))?,
    })
}

list_fields! {
    SessionQuery of Session as SessionObject, SessionWhere, SessionOrderBy, SessionConnection;
    where "Filter; active sessions by default.";
    /// The caller's sessions, and those in which the caller impersonates somebody.
    sessions;
    /// Number of sessions that `sessions` lists for this `where`.
    count_sessions;
    /// `sessions` with cursor pagination: unchanged rows are neither repeated nor skipped.
    sessions_connection;
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Begins a session with an address and a password. A refusal takes a fixed time, so that it reveals nothing about
    /// the account. After 20 failures for an address, or 100 from one client, within 15 minutes: `RATE_LIMITED` with
    /// `retryAfterSeconds`.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is signing in.")] data: SignInData,
    ) -> Result<SessionTokens> {
        let typed = SignIn {
            email: data.email,
            organization_id: data.organization_id,
            password: data.password.into(),
        };
        let tokens = crate::directory::session::sign_in(op(ctx), &typed).await?;
        object_of(ctx, tokens).await
    }

    /// Issues new tokens for a refresh token, which works once; using an old one ends the session. Requires no other
    /// credential.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's latest refresh token.")] data: RefreshSessionData,
    ) -> Result<SessionTokens> {
        let tokens = crate::directory::session::refresh(op(ctx), &data.refresh_token).await?;
        object_of(ctx, tokens).await
    }

    /// Ends the session whose token makes the call; for an impersonation, the impersonation.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SessionObject> {
        listing::one(ctx, crate::directory::session::sign_out(op(ctx)).await?).await
    }

    /// Ends one of the caller's sessions, or one in which the caller impersonates somebody.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session, by `id`.")] r#where: SessionWhere,
    ) -> Result<SessionObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, crate::directory::session::revoke(op(ctx), &named).await?).await
    }

    /// Begins a session as another user, with only that user's permissions. Needs `usage:impersonation`, and the user
    /// must not have permissions that the caller lacks. It ends by `signOut` with its token, by `revokeSession`,
    /// together with the credential that began it, or when it expires; refreshing does not extend it.
    async fn impersonate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user, by `id` or `email`.")] r#where: UserWhere,
        #[graphql(desc = "What it is for, at most 2,000 characters; the user can read it.")] reason: String,
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
