//! API keys in the schema.

use std::collections::HashMap;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::api_key::{self, ApiKey, ApiKeyFields, NewApiKey, NewSecret, Target, Term};
use crate::directory::user::{self, User, UserFields};
use crate::graphql::filter::related;
use crate::graphql::user::{UserObject, UserWhere, beside as users_beside, in_field as users_in_field};
use crate::graphql::{
    DateTime, List, Listing, Related, Result, Selection, Shared, Where, connection_type, list_fields, listing,
    node_fields, op, order_by, where_input,
};
use crate::list::{self, Filter};
use crate::model::Timestamp;

/// A user's long-lived credential. Its secret is shown only once, when the API key is created; only a digest is stored.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "ApiKey", complex)]
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
    pub permissions: Option<Vec<String>>,
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
    pub user: Option<Shared<UserObject>>,
    /// The id of the user who really created it: the owner, an administrator, or the impersonator of one of them. Null if
    /// it was created on the command line, if that user was deleted, or if neither the caller owns the key nor sees that user.
    pub creator_id: Option<ID>,
    /// The user who really created it; null also if the caller cannot see that user.
    pub creator: Option<Shared<UserObject>>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

node_fields! {
    ApiKeyObject as "ApiKey" {}
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
    /// Filter for API keys. Conditions are combined with AND; a null condition is ignored.
    ApiKeyWhere of Term;
    names name key;
    id id id_in;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {
        /// Exact secret of the API key, in full.
        key: String = |_, key| [Filter::Is(Term::key(&key))],
        /// API keys of owners who match this. With `read:user` and `write:user`, those of all users in their scope;
        /// otherwise only the caller's. With `apiKey`, at most the one with that secret.
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
    /// Sort order of API keys; ties are in the order in which they were created.
    ApiKeyOrderBy {
        CreatedAt: CreatedAtAsc "Oldest first; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending by code point.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(ApiKeyConnection, ApiKeyEdge, ApiKeyObject, "API keys");

impl Listing for ApiKey {
    type Object = ApiKeyObject;
    type Where = ApiKeyWhere;
    type OrderBy = ApiKeyOrderBy;
    type Preloaded = Preloaded;

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

    /// By id, of any user whom the caller may change, without a condition on the owner.
    fn filter_one(op: &OpContext, wanted: ApiKeyWhere) -> Filter<Term> {
        match wanted.id {
            Some(_) => Filter::All(vec![wanted.filter(op), Filter::Is(Term::User(Filter::default()))]),
            None => wanted.filter(op),
        }
    }

    fn behind(name: &str) -> ApiKeyFields {
        match name {
            "expiryDate" => ApiKeyFields::EXPIRES_AT,
            "revoked" => ApiKeyFields::REVOKED_AT,
            _ => ApiKeyFields::empty(),
        }
    }

    async fn preload(
        op: &OpContext,
        things: &[Self],
        selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        let owners = || things.iter().map(|key| key.user_pk);
        let creators = || things.iter().filter_map(|key| key.creator_pk);
        let mut named: Vec<i64> = Vec::new();
        if selection.has("userId") {
            named.extend(owners());
        }
        if selection.has("creatorId") {
            // Owners learn who made their keys; others only if they see that user.
            let own = things.iter().filter(|key| op.actor().is(key.user_pk));
            named.extend(own.filter_map(|key| key.creator_pk));
        }
        let mut ids = match named.is_empty() {
            true => HashMap::new(),
            false => list::ids_of::<User>(op, named).await?,
        };
        let unnamed: Vec<i64> = creators().filter(|pk| !ids.contains_key(pk)).collect();
        if selection.has("creatorId") && !unnamed.is_empty() {
            let seen = list::by_keys::<User>(op, &user::readable(op)?, unnamed, UserFields::empty()).await?;
            ids.extend(seen.into_iter().map(|(pk, user)| (pk, user.id.to_string())));
        }
        if selection.has("permissions") {
            op.renew_catalogue().await?;
        }
        let users = users_beside(op, selection, owners()).await?;
        let creators = users_in_field(op, selection, "creator", creators()).await?;
        Ok(Preloaded { ids, users, creators })
    }

    fn object(self, op: &OpContext, preloaded: &Preloaded) -> ApiKeyObject {
        let catalogue = op.catalogue();
        let permissions = self.permissions.as_deref().map(|names| catalogue.from_stored(names));
        ApiKeyObject {
            id: ID(self.id.to_string()),
            name: self.name,
            description: self.description,
            prefix: self.prefix,
            permissions: permissions.map(|these| catalogue.names(these)),
            expiry_date: self.expires_at.unwrap_or(Timestamp::FAR).into(),
            revoked: self.revoked_at.is_some_and(|at| at <= op.now()),
            revoked_at: self.revoked_at.map(DateTime),
            last_used_at: self.last_used_at.map(DateTime),
            user_id: ID(preloaded.ids.get(&self.user_pk).cloned().unwrap_or_default()),
            user: preloaded.users.object(self.user_pk),
            creator_id: self.creator_pk.and_then(|pk| preloaded.ids.get(&pk).cloned()).map(ID),
            creator: preloaded.creators.object(self.creator_pk),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// The relations of a page of keys.
pub struct Preloaded {
    ids: HashMap<i64, String>,
    users: Related<User>,
    creators: Related<User>,
}

async fn with_secret(ctx: &Context<'_>, new: NewSecret) -> Result<ApiKeySecret> {
    let under = Selection::of(ctx).under_field("apiKey").unwrap_or_default();
    Ok(ApiKeySecret {
        secret: new.secret.expose().to_owned(),
        api_key: listing::present_one(op(ctx), new.key, &under).await?,
    })
}

/// A new API key.
#[derive(Clone, Debug, InputObject)]
pub struct CreateApiKeyData {
    /// 1 to 255 characters, not only spaces or other invisible characters; unique among the owner's API keys that are
    /// neither revoked nor replaced by `rotateApiKey`.
    name: String,
    /// At most 2,000 characters.
    description: Option<String>,
    /// When the API key expires. Default: never; while impersonating, in 90 days. If this request is authenticated with an
    /// API key that expires, the default is at the latest that API key's expiry date, and it cannot be later.
    expiry_date: Option<DateTime>,
    /// The permissions that the API key is limited to, for example `read:user`. The caller must have all of them, and for a
    /// service the service too.
    /// Default: all permissions of its owner; if this request is authenticated with a limited API key, the permissions
    /// of that one.
    permissions: Option<Vec<String>>,
}

list_fields! {
    ApiKeyQuery of ApiKey as ApiKeyObject, ApiKeyWhere, ApiKeyOrderBy, ApiKeyConnection;
    where "Filter. Default: API keys that are not revoked.";
    /// The caller's API keys, also for a super admin; with `user` in `where`, those of the users that it matches, which needs
    /// `read:user` and `write:user` for other users. Revoked ones are left out unless `where` contains `revoked`.
    api_keys;
    /// Number of API keys that `apiKeys` lists for this `where`.
    count_api_keys;
    /// `apiKeys` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    api_keys_connection;
    /// The API key that `where` names, if the caller may see it, revoked or not; otherwise null.
    api_key where "Which API key: `id`, `name` or `key` (the secret) is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct ApiKeyMutation;

#[Object]
impl ApiKeyMutation {
    /// Creates an API key for the caller. Needs `write:access_key`. With `user`, creates one for a service, which also needs
    /// `write:user` and every permission that the API key gives. People create their own API keys.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new API key.")] data: CreateApiKeyData,
        #[graphql(
            desc = "A service that gets the API key: `id` or `email` is required; any further conditions must match too. Default: the caller."
        )]
        user: Option<UserWhere>,
    ) -> Result<ApiKeySecret> {
        let new = NewApiKey {
            name: data.name,
            description: data.description,
            expires_at: data.expiry_date.map(|date| date.0),
            permissions: data.permissions,
            lasting: false,
        };
        let made = match user.map(|one| one.target(op(ctx))) {
            Some(service) => api_key::create_for_service(op(ctx), &service, new).await?,
            None => api_key::create(op(ctx), new).await?,
        };
        with_secret(ctx, made).await
    }

    /// Replaces one of the caller's API keys with a new one, which has the same name, description, permissions and
    /// expiry date but a new `id` and secret. The old API key is revoked after `overlapSeconds`. Needs
    /// `write:access_key`. By `id`, it can also be an API key of a service, which needs what `createApiKey` needs.
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
            api_key::rotate(op(ctx), &target, overlap_seconds.unwrap_or(0)).await?,
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
        Ok(listing::present(op(ctx), keys, &Selection::of(ctx)).await?.into())
    }

    /// Revokes API keys of a user, effective from the next request: those with these ids, or all of them, at most 1,000
    /// per call. Ids of other API keys are ignored. For the caller, this needs no permission; for other users it needs
    /// `write:user` and every permission of the user that tenantry itself checks.
    async fn revoke_user_api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The owner: `id` or `email` is required; any further conditions must match too.")]
        r#where: UserWhere,
        #[graphql(desc = "At most 100 ids of API keys. Default: all API keys of the user.")] ids: Option<Vec<ID>>,
    ) -> Result<List<ApiKeyObject>> {
        let target = r#where.target(op(ctx));
        let ids = ids.map(|ids| ids.into_iter().map(|id| id.0).collect::<Vec<_>>());
        let keys = api_key::revoke_of_user(op(ctx), &target, ids.as_deref()).await?;
        Ok(listing::present(op(ctx), keys, &Selection::of(ctx)).await?.into())
    }
}
