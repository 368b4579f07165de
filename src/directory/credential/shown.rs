//! A credential that somebody was shown.

use std::sync::Arc;

use sea_orm::{EntityTrait, QuerySelect};

use crate::authn::{Claims, Credential, credential};
use crate::context::OpContext;
use crate::model::error::Result;
use crate::model::{Actor, ApiKeyId, Caller, Faces, Timestamp};
use crate::store::entity::api_key;

/// A credential that is in force.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Whose it is, with what it may do.
    pub caller: Arc<Caller>,
    pub kind: Kind,
}

/// The kind of a credential.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A session's own token.
    Session(Box<Claims>),
    /// A token that was made from an API key or from another token.
    Token(Box<Claims>),
    ApiKey {
        id: ApiKeyId,
        /// `None` if it does not expire.
        ends_at: Option<Timestamp>,
    },
}

/// What a text is as a credential; `None` if it is not one in force.
pub(super) async fn shown(op: &OpContext, text: &str) -> Result<Option<Shown>> {
    let header = format!("Bearer {text}");
    presented(op, credential(Some(header.as_bytes()), Faces::empty())).await
}

/// The same for a credential that was read already.
pub(super) async fn presented(op: &OpContext, presented: Credential<'_>) -> Result<Option<Shown>> {
    let Some(Actor::User(caller)) = op.owner_of(presented).await? else {
        return Ok(None);
    };
    let kind = match (presented, caller.api_key_pk) {
        (Credential::Token(token), _) => match op.signing().verify(op.db(), token, op.now()).await? {
            Some((claims, _)) if claims.is_derived() => Kind::Token(Box::new(claims)),
            Some((claims, _)) => Kind::Session(Box::new(claims)),
            None => return Ok(None),
        },
        (_, Some(pk)) => match id_of_key(op, pk).await? {
            Some(id) => Kind::ApiKey {
                id,
                ends_at: caller.limits.ends_at,
            },
            None => return Ok(None),
        },
        (_, None) => return Ok(None),
    };
    Ok(Some(Shown { caller, kind }))
}

async fn id_of_key(op: &OpContext, pk: i64) -> Result<Option<ApiKeyId>> {
    let key = api_key::Entity::find_by_id(pk)
        .select_only()
        .column(api_key::Column::Id);
    Ok(key.into_tuple().one(op.db().reader()).await?)
}
