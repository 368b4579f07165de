//! Global ids: every noun has a `nodeId`, and `node` finds it again.
//!
//! Clients that keep objects in a cache of their own, such as Relay, need one id over all types, and a field that returns
//! an object by it. The ids of objects are unique only within their kind.

use std::collections::HashMap;

use async_graphql::{Context, ID, Interface, Object};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::api_key::ApiKeyObject;
use super::audit_event::AuditEventObject;
use super::group::GroupObject;
use super::invitation::InvitationObject;
use super::organization::OrganizationObject;
use super::permission::PermissionObject;
use super::resource_server::ResourceServerObject;
use super::role::RoleObject;
use super::session::SessionObject;
use super::tenant::TenantObject;
use super::user::UserObject;
use super::{Listing, Result, Selection, Where, listing, op, or_null};
use crate::directory::api_key::ApiKey;
use crate::directory::audit_event::AuditEvent;
use crate::directory::group::Group;
use crate::directory::invitation::Invitation;
use crate::directory::organization::{self, Organization};
use crate::directory::permission::Permission;
use crate::directory::resource_server::ResourceServer;
use crate::directory::role::Role;
use crate::directory::session::Session;
use crate::directory::tenant::{self, Tenant};
use crate::directory::user::User;
use crate::model::error::Error;

/// The `nodeId` of an object of a type in the schema.
pub fn node_id(ty: &str, id: &ID) -> ID {
    ID(URL_SAFE_NO_PAD.encode(format!("{ty}:{}", id.as_str())))
}

/// The type and the id in a `nodeId`.
fn parse(node_id: &str) -> Option<(String, String)> {
    let bytes = URL_SAFE_NO_PAD.decode(node_id).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (ty, id) = text.split_once(':')?;
    Some((ty.to_owned(), id.to_owned()))
}

/// An object with an id that is unique over all types.
#[derive(Interface)]
#[graphql(
    name = "Node",
    field(name = "node_id", ty = "ID", desc = "Unique over all types; for `node`.")
)]
pub enum Node {
    Organization(Box<OrganizationObject>),
    Tenant(Box<TenantObject>),
    User(Box<UserObject>),
    Group(Box<GroupObject>),
    Role(Box<RoleObject>),
    Permission(Box<PermissionObject>),
    ResourceServer(Box<ResourceServerObject>),
    ApiKey(Box<ApiKeyObject>),
    Session(Box<SessionObject>),
    Invitation(Box<InvitationObject>),
    AuditEvent(Box<AuditEventObject>),
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this `nodeId`, if the query for its type would find it, such as `user` for a user, or if it is the
    /// caller's own organization or tenant; otherwise null.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The `nodeId` of an object.")] node_id: ID,
    ) -> Option<Node> {
        or_null(ctx, find(ctx, &node_id).await)
    }
}

async fn find(ctx: &Context<'_>, node_id: &str) -> Result<Option<Node>> {
    let foreign = || Error::invalid("nodeId", "'nodeId' must be the 'nodeId' of an object of this server.");
    let (ty, id) = parse(node_id).ok_or_else(foreign)?;
    let id = ID(id);
    let _turn = op(ctx).turn().await;
    Ok(match ty.as_str() {
        "Organization" if organization::readable(op(ctx)).is_err() => {
            let pk = op(ctx).actor().caller().map(|caller| caller.organization_pk);
            own(ctx, &id, |fields| organization::by_keys(op(ctx), pk, fields))
                .await?
                .map(Node::Organization)
        }
        "Tenant" if tenant::readable(op(ctx)).is_err() => {
            let pk = op(ctx).actor().caller().and_then(|caller| caller.tenant_pk);
            own(ctx, &id, |fields| tenant::by_keys(op(ctx), pk, fields))
                .await?
                .map(Node::Tenant)
        }
        "Organization" => one::<Organization>(ctx, id).await?.map(Node::Organization),
        "Tenant" => one::<Tenant>(ctx, id).await?.map(Node::Tenant),
        "User" => one::<User>(ctx, id).await?.map(Node::User),
        "Group" => one::<Group>(ctx, id).await?.map(Node::Group),
        "Role" => one::<Role>(ctx, id).await?.map(Node::Role),
        "Permission" => one::<Permission>(ctx, id).await?.map(Node::Permission),
        "ResourceServer" => one::<ResourceServer>(ctx, id).await?.map(Node::ResourceServer),
        "ApiKey" => one::<ApiKey>(ctx, id).await?.map(Node::ApiKey),
        "Session" => one::<Session>(ctx, id).await?.map(Node::Session),
        "Invitation" => one::<Invitation>(ctx, id).await?.map(Node::Invitation),
        "AuditEvent" => one::<AuditEvent>(ctx, id).await?.map(Node::AuditEvent),
        _ => return Err(foreign().into()),
    })
}

/// The caller's own organization or tenant, of which everybody sees something.
async fn own<L: Listing>(
    ctx: &Context<'_>,
    id: &str,
    read: impl AsyncFnOnce(L::Fields) -> crate::model::error::Result<HashMap<i64, L>>,
) -> Result<Option<Box<L::Object>>> {
    let selection = Selection::of(ctx);
    let found = read(listing::fields_of::<L>(&selection)).await?;
    Ok(match found.into_values().find(|own| own.public_id() == id) {
        Some(own) => Some(Box::new(listing::present_one(op(ctx), own, &selection).await?)),
        None => None,
    })
}

/// What is selected for other types is ignored, except for fields of the same name. Boxed, because the library keeps the
/// futures of all fields on the stack.
fn one<'a, L: Listing>(ctx: &'a Context<'_>, id: ID) -> BoxFuture<'a, Result<Option<Box<L::Object>>>> {
    async move {
        let filter = L::filter_one(op(ctx), L::Where::by_id(id));
        let found = listing::find_one::<L>(op(ctx), &filter, &Selection::of(ctx)).await?;
        Ok(found.map(Box::new))
    }
    .boxed()
}
