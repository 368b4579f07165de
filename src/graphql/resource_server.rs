//! Resource servers in the schema.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::context::OpContext;
use crate::directory::resource_server::{
    self, NewResourceServer, ResourceServer, ResourceServerChange, ResourceServerFields, SettingsChange, Term,
};
use crate::graphql::{
    DateTime, Json, KeptJson, List, Listing, Result, Selection, connection_type, list_fields, listing, node_fields, op,
    order_by, where_input,
};
use crate::model::{PermissionsClaim, SigningAlgorithm};

/// Who access tokens are for, and what they contain. `default` is this server: sessions get tokens for it.
///
/// A token for another resource server is for that one alone; this server refuses it. Only super admins see them.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(name = "ResourceServer", complex)]
pub struct ResourceServerObject {
    /// Its id, which is the audience (`aud`) of its tokens. Tokens for `default` have the URL of this server as audience.
    pub id: ID,
    /// Its name, for people.
    pub name: String,
    /// Further audiences of tokens for `default`; empty for all others.
    pub audiences: List<String>,
    /// How long its tokens are valid, in seconds, unless what they are made from ends earlier.
    pub token_lifetime_seconds: i64,
    /// How its tokens are signed.
    pub algorithm: SigningAlgorithmValue,
    /// The claim that lists the user's permissions.
    pub permissions_claim: PermissionsClaimValue,
    /// Whether built-in permissions are listed too.
    pub built_in_permissions: bool,
    /// Whether its tokens have the claim `roles`.
    pub roles_claim: bool,
    /// Whether its tokens have the claim `groups`: the keys of the user's groups. Organizations choose them.
    pub groups_claim: bool,
    /// Whether its tokens have the claims `email` and `email_verified`.
    pub email_claim: bool,
    /// Claims that every token has: an object with a member for each, such as `{"role": {"value": "staff"}}`.
    pub claims: KeptJson,
    /// Incremented by every change. Pass it as `expectedVersion`: the mutation then fails with `CONFLICT` if the object
    /// has changed since you read it.
    pub version: i64,
    /// When it was created; 1970 for `default`.
    pub created_at: DateTime,
    /// When it was last updated.
    pub updated_at: DateTime,
}

node_fields! {
    ResourceServerObject as "ResourceServer" {}
}

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "SigningAlgorithm", remote = "SigningAlgorithm")]
pub enum SigningAlgorithmValue {
    /// Ed25519: small and fast.
    Eddsa,
    /// ECDSA with P-256 and SHA-256, for libraries that do not verify EdDSA.
    #[graphql(name = "ES256")]
    Es256,
}

/// The claim of an access token that lists permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(name = "PermissionsClaim", remote = "PermissionsClaim")]
pub enum PermissionsClaimValue {
    /// None: the resource server asks.
    None,
    /// `permissions`, a list of names.
    Permissions,
    /// `entitlements`, a list of names.
    Entitlements,
    /// `scope`, names separated by spaces.
    Scope,
}

where_input! {
    /// Filter for resource servers. Conditions are combined with AND; a null condition is ignored.
    ResourceServerWhere of Term;
    target named;
    id id id_in id_starts_with id_contains;
    text name name_in name_starts_with name_contains = Name, "name", "names", "Name";
    {}
}

order_by! {
    /// Sort order of resource servers; ties are in the order in which they were created.
    ResourceServerOrderBy {
        CreatedAt: CreatedAtAsc "`default` first, then the oldest; the default.", CreatedAtDesc "Newest first.";
        UpdatedAt: UpdatedAtAsc "Least recently updated first.", UpdatedAtDesc "Most recently updated first.";
        Name: NameAsc "By name, ascending by code point.", NameDesc "By name, descending.";
        Id: IdAsc "By id, ascending by code point.", IdDesc "By id, descending.";
    }
}

connection_type!(
    ResourceServerConnection,
    ResourceServerEdge,
    ResourceServerObject,
    "resource servers"
);

impl Listing for ResourceServer {
    type Object = ResourceServerObject;
    type Where = ResourceServerWhere;
    type OrderBy = ResourceServerOrderBy;
    type Preloaded = ();

    fn behind(name: &str) -> ResourceServerFields {
        match name {
            "audiences"
            | "tokenLifetimeSeconds"
            | "algorithm"
            | "permissionsClaim"
            | "builtInPermissions"
            | "rolesClaim"
            | "groupsClaim"
            | "emailClaim"
            | "claims" => ResourceServerFields::SETTINGS,
            _ => ResourceServerFields::empty(),
        }
    }

    async fn preload(
        _op: &OpContext,
        _things: &[Self],
        _selection: &Selection<'_>,
    ) -> crate::model::error::Result<Self::Preloaded> {
        Ok(())
    }

    fn object(self, _op: &OpContext, (): &Self::Preloaded) -> ResourceServerObject {
        let settings = self.settings();
        ResourceServerObject {
            id: ID(self.id),
            name: self.name,
            audiences: settings.audiences.into_iter().collect(),
            token_lifetime_seconds: settings.token_lifetime_seconds,
            algorithm: settings.algorithm.into(),
            permissions_claim: settings.permissions_claim.into(),
            built_in_permissions: settings.built_in_permissions,
            roles_claim: settings.roles_claim,
            groups_claim: settings.groups_claim,
            email_claim: settings.email_claim,
            claims: serde_json::Value::Object(settings.claims).to_string().into(),
            version: self.version,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

/// A new resource server.
#[derive(Clone, Debug, InputObject)]
pub struct CreateResourceServerData {
    /// Its id, which is the audience of its tokens: 1 to 255 printable ASCII characters, usually its address, such as
    /// `https://api.example.com`. It never changes.
    id: ID,
    /// Its name, for people: 1 to 255 characters.
    name: String,
    /// Only `default` has further audiences: leave it out, or give an empty list.
    audiences: Option<Vec<String>>,
    /// How long its tokens are valid, in seconds: from 60 to 900. Default: 600.
    token_lifetime_seconds: Option<i64>,
    /// How its tokens are signed. Default: `EDDSA`.
    algorithm: Option<SigningAlgorithmValue>,
    /// The claim that lists the user's permissions: those that belong to this resource server or to none. Default:
    /// `PERMISSIONS`.
    permissions_claim: Option<PermissionsClaimValue>,
    /// Whether built-in permissions are listed too. Default: false.
    built_in_permissions: Option<bool>,
    /// Whether its tokens have the claim `roles`. Default: true.
    roles_claim: Option<bool>,
    /// Whether its tokens have the claim `groups`. Default: false.
    groups_claim: Option<bool>,
    /// Whether its tokens have the claims `email` and `email_verified`. Default: true.
    email_claim: Option<bool>,
    /// Claims that every token has: an object with a member for each, such as `{"role": {"value": "staff"}}`. At most 20; a
    /// value is a text, a number, true, false or a list of them, of at most 1,024 bytes. Names that tokens or standards use
    /// are refused.
    claims: Option<Json>,
}

/// Changes to a resource server, for the tokens that are made from now on. Fields that are null or omitted do not change.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateResourceServerData {
    /// Its name, for people: 1 to 255 characters.
    name: Option<String>,
    /// Further audiences of tokens for `default`, at most 10; an empty list removes all.
    audiences: Option<Vec<String>>,
    /// How long its tokens are valid, in seconds: from 60 to 900.
    token_lifetime_seconds: Option<i64>,
    /// How its tokens are signed. Those that were made before stay valid.
    algorithm: Option<SigningAlgorithmValue>,
    /// The claim that lists the user's permissions.
    permissions_claim: Option<PermissionsClaimValue>,
    /// Whether built-in permissions are listed too.
    built_in_permissions: Option<bool>,
    /// Whether its tokens have the claim `roles`.
    roles_claim: Option<bool>,
    /// Whether its tokens have the claim `groups`.
    groups_claim: Option<bool>,
    /// Whether its tokens have the claims `email` and `email_verified`.
    email_claim: Option<bool>,
    /// All claims that every token has, as in `createResourceServer`; an empty object removes all.
    claims: Option<Json>,
}

/// The settings in an input, which both inputs name alike.
macro_rules! settings {
    ($data:ident) => {
        SettingsChange {
            audiences: $data.audiences,
            token_lifetime_seconds: $data.token_lifetime_seconds,
            algorithm: $data.algorithm.map(Into::into),
            permissions_claim: $data.permissions_claim.map(Into::into),
            built_in_permissions: $data.built_in_permissions,
            roles_claim: $data.roles_claim,
            groups_claim: $data.groups_claim,
            email_claim: $data.email_claim,
            claims: $data.claims.map(Json::given),
        }
    };
}

list_fields! {
    ResourceServerQuery of ResourceServer as ResourceServerObject, ResourceServerWhere, ResourceServerOrderBy, ResourceServerConnection;
    where "Filter. Default: all resource servers.";
    /// All resource servers, `default` included. Only super admins can.
    resource_servers;
    /// Number of resource servers that `resourceServers` lists for this `where`.
    count_resource_servers;
    /// `resourceServers` with cursor pagination. While you page, rows that do not change are neither repeated nor skipped.
    resource_servers_connection;
    /// The resource server that `where` names, if `resourceServers` would list it; otherwise null.
    resource_server where "Which resource server: `id` is required; any further conditions must match too.";
}

#[derive(Default)]
pub struct ResourceServerMutation;

#[Object]
impl ResourceServerMutation {
    /// Creates a resource server, for which access tokens can be asked then. Only super admins can, and not with an API key
    /// that is limited to some permissions. There are at most 50 besides `default`.
    async fn create_resource_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new resource server.")] data: CreateResourceServerData,
    ) -> Result<ResourceServerObject> {
        let new = NewResourceServer {
            id: data.id.0,
            name: data.name,
            settings: settings!(data),
        };
        listing::one(ctx, resource_server::create(op(ctx), new)).await
    }

    /// Updates a resource server, also `default`. Only super admins can, and not with an API key that is limited to some
    /// permissions.
    async fn update_resource_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource server: `id` is required; any further conditions must match too.")]
        r#where: ResourceServerWhere,
        #[graphql(desc = "The changes.")] data: UpdateResourceServerData,
        #[graphql(desc = "Fail with `CONFLICT` unless the resource server still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<ResourceServerObject> {
        let wanted = ResourceServerChange {
            name: data.name,
            settings: settings!(data),
        };
        let named = r#where.named(op(ctx));
        listing::one(ctx, resource_server::update(op(ctx), &named, &wanted, expected_version)).await
    }

    /// Deletes a resource server: its tokens are no longer in force. Fails with `CONFLICT` (reason `IN_USE`) if permissions
    /// belong to it, and with `INVALID` for `default`. Only super admins can, and not with an API key that is limited to
    /// some permissions.
    async fn delete_resource_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The resource server: `id` is required; any further conditions must match too.")]
        r#where: ResourceServerWhere,
        #[graphql(desc = "Fail with `CONFLICT` unless the resource server still has this `version`.")]
        expected_version: Option<i64>,
    ) -> Result<ResourceServerObject> {
        let named = r#where.named(op(ctx));
        listing::one(ctx, resource_server::delete(op(ctx), &named, expected_version)).await
    }
}
