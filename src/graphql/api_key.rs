//! API keys in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::context::OpContext;
use crate::directory::api_key::{ApiKey, ApiKeyFields, NewApiKey, NewSecret, Target, Term};
use crate::directory::user::User;
use crate::graphql::filter::related;
use crate::graphql::user::{UserObject, UserWhere, beside as users_beside};
use crate::graphql::{
    DateTime, List, Listing, Result, Selection, Where, connection_type, list_fields, op, order_by, where_input,
};
use crate::list::{self, Filter};
use crate::model::Permissions;
use crate::model::Timestamp;

/// A user's long-lived credential. Its secret is shown only once, when the API key is created; only a digest is stored.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "ApiKey")]
pub struct ApiKeyObject {
    /// The id of the API key. It is not a credential.
    pub id: ID,
    /// Unique among the owner's API keys that are neither revoked nor replaced by `rotateApiKey`.
    pub name: String,
    /// Its description; null if none.
    pub description: Option<String>,
    /// The first characters of the secret, to tell API keys apart.
    pub prefix: String,
    /// The permissions that the API key is limited to; null if it has all permissions of its owner.
    pub permissions: Option<Vec<&'static str>>,
    /// When it expires; 9999-12-31 if never.
    pub expiry_date: DateTime,
    /// Whether it is revoked now.
    pub revoked: bool,
    /// When the API key was revoked. After `rotateApiKey`, when the old API key stops working, which can be in the
    /// future. Null if it was neither revoked nor rotated.
    pub revoked_at: Option<DateTime>,
    /// When it was last used, to the minute; null if never.
    pub last_used_at: Option<DateTime>,
    /// The id of its owner.
    pub user_id: ID,
    /// Its owner.
    pub user: Option<Box<UserObject>>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

/// A new API key, from `createApiKey` or `rotateApiKey`, with its secret.
#[derive(Clone, Debug, SimpleObject)]
pub struct ApiKeySecret {
    /// The secret. Send it as `Authorization: Bearer <secret>`. It is shown only once and cannot be read again.
    pub secret: String,
    /// The API key, without its secret.
    pub api_key: ApiKeyObject,
}

where_input! {
    /// Filter for the caller's API keys. Conditions are combined with AND; a null condition is ignored.
    ApiKeyWhere of Term;
    id id id_in;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// Exact secret of the API key, in full.
        key: String = |_, key| [Filter::Is(Term::key(&key))],
        /// API keys of an owner who matches this. The owner is always the caller, so this matches all API keys or none;
        /// with `apiKey`, at most the one with that secret.
        user: Box<UserWhere> = |op, user| {
            // A caller who describes the owner by a key asks for that key, not for all keys of the owner.
            let key = user.api_key().map(|key| Filter::Own(Term::key(key)));
            key.into_iter().chain(related(user.filter(op), Term::User))
        },
        /// `true`: revoked API keys; `false`: API keys that are not revoked. Default: `false`.
        revoked: bool = |op, revoked| [Filter::Is(Term::Revoked { revoked, at: op.now() })],
    }
}

impl ApiKeyWhere {
    /// The one key that a change is for.
    fn target(self, op: &OpContext) -> Target {
        Target {
            id: self.id.as_ref().map(|id| id.0.clone()),
            name: self.name.clone(),
            key: self.key.clone(),
            tests: ApiKey::filter(op, self),
        }
    }
}

order_by! {
    /// Sort order of API keys; ties are ordered by id.
    ApiKeyOrderBy {
        /// Oldest first; the default.
        CreatedAtAsc = CreatedAt false,
        /// Newest first.
        CreatedAtDesc = CreatedAt true,
        /// Least recently updated first.
        UpdatedAtAsc = UpdatedAt false,
        /// Most recently updated first.
        UpdatedAtDesc = UpdatedAt true,
        /// By name, ascending by code point.
        NameAsc = Name false,
        /// By name, descending.
        NameDesc = Name true,
        /// By id, ascending by code point.
        IdAsc = Id false,
        /// By id, descending.
        IdDesc = Id true,
    }
}

connection_type!(ApiKeyConnection, ApiKeyEdge, ApiKeyObject, "API keys");

impl Listing for ApiKey {
    type Object = ApiKeyObject;
    type Where = ApiKeyWhere;
    type OrderBy = ApiKeyOrderBy;

    fn filter(op: &OpContext, wanted: ApiKeyWhere) -> Filter<Term> {
        let filter = wanted.filter(op);
        if filter.has(|term| matches!(term, Term::Revoked { .. })) {
            return filter;
        }
        filter.and_own(Term::Revoked {
            revoked: false,
            at: op.now(),
        })
    }

    fn behind(name: &str) -> ApiKeyFields {
        match name {
            "expiryDate" => ApiKeyFields::EXPIRES_AT,
            "revoked" => ApiKeyFields::REVOKED_AT,
            _ => ApiKeyFields::empty(),
        }
    }

    fn present<'a>(
        op: &'a OpContext,
        things: Vec<Self>,
        selection: &'a Selection<'a>,
    ) -> BoxFuture<'a, crate::model::error::Result<Vec<ApiKeyObject>>> {
        async move {
            let mut beside = Beside::default();
            let owners = || things.iter().map(|key| key.user_pk);
            if selection.has("userId") {
                beside.ids = list::ids_of::<User>(op, owners()).await?;
            }
            if let Some(under) = selection.under_field("user") {
                beside.users = users_beside(op, owners(), &under).await?;
            }
            let now = op.now();
            Ok(things.into_iter().map(|key| object(key, now, &beside)).collect())
        }
        .boxed()
    }
}

/// What is loaded together with a list of keys.
#[derive(Default)]
struct Beside {
    ids: HashMap<i64, String>,
    users: HashMap<i64, UserObject>,
}

fn object(key: ApiKey, now: Timestamp, beside: &Beside) -> ApiKeyObject {
    let user_id = beside.ids.get(&key.user_pk).cloned().unwrap_or_default();
    ApiKeyObject {
        id: ID(key.id.to_string()),
        name: key.name,
        description: key.description,
        prefix: key.prefix,
        permissions: key
            .permissions
            .as_deref()
            .map(|stored| Permissions::from_stored(stored).names()),
        expiry_date: key.expires_at.unwrap_or(Timestamp::FAR).into(),
        revoked: key.revoked_at.is_some_and(|at| at <= now),
        revoked_at: key.revoked_at.map(DateTime),
        last_used_at: key.last_used_at.map(DateTime),
        user_id: ID(user_id),
        user: beside.users.get(&key.user_pk).cloned().map(Box::new),
        created_at: key.created_at.into(),
        updated_at: key.updated_at.into(),
    }
}

async fn with_secret(ctx: &Context<'_>, new: NewSecret) -> Result<ApiKeySecret> {
    let under = Selection::of(ctx).under_field("apiKey").unwrap_or_default();
    let mut keys = ApiKey::present(op(ctx), vec![new.key], &under).await?;
    let api_key = keys
        .pop()
        .ok_or_else(|| crate::model::error::Error::internal("a key that was not presented"))?;
    Ok(ApiKeySecret {
        secret: new.secret.expose().to_owned(),
        api_key,
    })
}

/// A new API key.
#[derive(Clone, Debug, InputObject)]
pub struct CreateApiKeyData {
    /// 1 to 255 characters, not only spaces or other invisible characters; unique among the caller's API keys that are
    /// neither revoked nor replaced by `rotateApiKey`.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// When the API key expires. Default: never. If this request is authenticated with an API key that expires, the
    /// default is that API key's expiry date, and it cannot be later.
    expiry_date: Option<DateTime>,
    /// The permissions that the API key is limited to, for example `read:user`. The caller must have all of them.
    /// Default: all permissions of its owner; if this request is authenticated with a limited API key, the permissions
    /// of that one.
    permissions: Option<Vec<String>>,
}

list_fields! {
    ApiKeyQuery of ApiKey as ApiKeyObject, ApiKeyWhere, ApiKeyOrderBy, ApiKeyConnection;
    where "Filter. Default: API keys that are not revoked.";
    /// The caller's API keys, also for a super admin. Revoked ones are left out unless `where` contains `revoked`.
    api_keys;
    /// Number of API keys that `apiKeys` lists for this `where`.
    count_api_keys;
    /// `apiKeys` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    api_keys_connection;
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Creates an API key for the caller. Needs `write:access_key`.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new API key.")] data: CreateApiKeyData,
    ) -> Result<ApiKeySecret> {
        let new = NewApiKey {
            name: data.name,
            description: data.description,
            expires_at: data.expiry_date.map(|date| date.0),
            permissions: data.permissions,
        };
        with_secret(ctx, crate::directory::api_key::create(op(ctx), new).await?).await
    }

    /// Replaces one of the caller's API keys with a new one, which has the same name, description, permissions and
    /// expiry date but a new `id` and secret. The old API key is revoked after `overlapSeconds`. Needs
    /// `write:access_key`.
    async fn rotate_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The API key to replace: `id`, `name` or `key` (the secret) is required; any further conditions must match too."
        )]
        r#where: ApiKeyWhere,
        #[graphql(
            desc = "Number of seconds that the old API key still works, from 0 to 604800.",
            default_with = "Some(0)"
        )]
        overlap_seconds: Option<i64>,
    ) -> Result<ApiKeySecret> {
        let target = r#where.target(op(ctx));
        with_secret(
            ctx,
            crate::directory::api_key::rotate(op(ctx), &target, overlap_seconds.unwrap_or(0)).await?,
        )
        .await
    }

    /// Revokes the caller's API keys with these names, effective from the next request; unknown names are ignored.
    /// Needs no permission.
    async fn revoke_api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 names.")] names: Vec<String>,
    ) -> Result<List<ApiKeyObject>> {
        let keys = crate::directory::api_key::revoke(op(ctx), &names).await?;
        Ok(ApiKey::present(op(ctx), keys, &Selection::of(ctx)).await?.into())
    }
}
