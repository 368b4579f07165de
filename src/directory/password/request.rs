//! Requests a password reset without a credential.
//!
//! The caller must not learn who has an account. So a request writes the same row for every address, and nothing else;
//! the worker processes it afterwards.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::reset::mail_link_in_txn;
use crate::context::{OpContext, Services};
use crate::directory::outbox::limits::{self, Bucket};
use crate::directory::{federated_identity, organization};
use crate::model::Actor;
use crate::model::Email;
use crate::model::error::{Error, Result};
use crate::store::audit_trail;
use crate::store::audit_trail::Event;
use crate::store::entity::{password_request, user as table};

/// A request that has waited this long is dropped: the user no longer expects the mail.
const WAITING_MAX: Duration = Duration::from_secs(60 * 60);

/// Mails a reset link to the user with this address, if there is one who can use it. The response is the same for every
/// address, and takes the same time. `RATE_LIMITED` after too many requests from one client.
pub async fn request(op: &OpContext, email: &str) -> Result<()> {
    let op = &op.as_nobody();
    op.mailer().require()?;
    op.signing().secret()?;
    let Some(email) = Email::normalize(email) else {
        return Ok(());
    };
    let (of_client, of_address) = Bucket::of_request(op.client(), &email);
    let transaction = op.db().begin().await?;
    if let Some(of_client) = of_client {
        limits::take(&transaction, vec![of_client], op.now()).await?;
    }
    match limits::take(&transaction, vec![of_address], op.now()).await {
        // The mailbox has already received links. The response does not reveal whether the account exists.
        Err(Error::RateLimited { .. }) => return Ok(()),
        taken => taken?,
    }
    password_request::ActiveModel {
        email: Set(email),
        request_id: Set(op.request_id().to_owned()),
        created_at: Set(op.now()),
        ..Default::default()
    }
    .insert(&transaction)
    .await?;
    transaction.commit().await?;
    op.mailer().wake();
    Ok(())
}

/// Processes the waiting requests: mails a link to each user who can use one. Several processes share the work.
pub async fn answer_requests(services: &Arc<Services>) -> Result<()> {
    let oldest = || password_request::Entity::find().order_by_asc(password_request::Column::Pk);
    while let Some(asked) = oldest().one(services.db.reader()).await? {
        let op = OpContext::new(Arc::clone(services), Actor::Anonymous, asked.request_id);
        let transaction = op.db().begin().await?;
        // If two processes see it, the second waits here and then finds it gone.
        let taken = password_request::Entity::delete_by_id(asked.pk)
            .exec(&transaction)
            .await?;
        // After a longer wait, the user has asked again or no longer expects the mail.
        let is_old = asked.created_at.after(WAITING_MAX) <= op.now();
        if taken.rows_affected == 1 && !is_old {
            answer(&transaction, &op, &asked.email).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

async fn answer(connection: &impl ConnectionTrait, op: &OpContext, email: &Email) -> Result<()> {
    let row = table::Entity::find()
        .filter(table::Column::Email.eq(email.clone()))
        .filter(table::Column::Activated.eq(true))
        .lock_exclusive()
        .one(connection)
        .await?;
    let Some(row) = row else { return Ok(()) };
    if !organization::is_mailed(connection, row.organization_pk).await?
        || federated_identity::is_only_federated(connection, &row).await?
    {
        return Ok(());
    }
    match mail_link_in_txn(connection, op, &row, email).await {
        Err(Error::RateLimited { .. }) => return Ok(()),
        mailed => mailed?,
    }
    let event = Event::new("password.requestReset", row.pk, &row.id).of_organization(row.organization_pk);
    audit_trail::record(connection, op.author(), event).await
}
