//! What an organization has decided about mails.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use crate::model::MailLanguage;
use crate::model::error::{Error, Result};
use crate::services::mailer::Letterhead;
use crate::store::entity::organization as table;

/// The organization's name, if mails may be sent to its users and to those it invites.
pub async fn name_if_mailed(connection: &impl ConnectionTrait, pk: i64) -> Result<Option<String>> {
    let row = table::Entity::find_by_id(pk).one(connection).await?;
    Ok(row.filter(|row| row.mail_allowed).map(|row| row.name))
}

/// The names of organizations, for a mail.
pub async fn names(
    connection: &impl ConnectionTrait,
    pks: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, String>> {
    let named = table::Entity::find()
        .select_only()
        .columns([table::Column::Pk, table::Column::Name])
        .filter(table::Column::Pk.is_in(pks))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(named.into_iter().collect())
}

/// How mails of an organization are written. Without a product name, its own name is used.
pub async fn letterhead(connection: &impl ConnectionTrait, pk: i64) -> Result<Letterhead> {
    #[derive(FromQueryResult)]
    struct Row {
        name: String,
        product_name: Option<String>,
        mail_language: MailLanguage,
    }
    let row = table::Entity::find_by_id(pk)
        .select_only()
        .columns([
            table::Column::Name,
            table::Column::ProductName,
            table::Column::MailLanguage,
        ])
        .into_model::<Row>()
        .one(connection)
        .await?
        .ok_or_else(|| Error::internal("a mail of an organization that is gone"))?;
    Ok(Letterhead {
        product: row.product_name.unwrap_or(row.name),
        language: row.mail_language,
    })
}

/// Refuses operations that need mail in an organization that does not allow it, before anything is changed. Returns the
/// organization's name. `field` is the argument that led to it.
pub async fn require_mail(connection: &impl ConnectionTrait, pk: i64, field: &'static str) -> Result<String> {
    name_if_mailed(connection, pk).await?.ok_or_else(|| {
        Error::invalid(
            field,
            "This needs mail, which the organization does not allow ('mailAllowed' is false).".to_owned(),
        )
    })
}

/// Whether the organization demands that a new address of a user is confirmed before it is used.
pub async fn confirms_email_changes(connection: &impl ConnectionTrait, pk: i64) -> Result<bool> {
    let row = table::Entity::find_by_id(pk).one(connection).await?;
    Ok(row.is_some_and(|row| row.confirm_email_changes))
}
