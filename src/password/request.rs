//! Asking for a reset without a credential.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use tokio::sync::Semaphore;

use super::reset::{TOKEN_LIFETIME, mail_link, token_in_txn};
use crate::audit::Event;
use crate::context::OpContext;
use crate::entity::{password_token, user as table};
use crate::error::{Error, Result};
use crate::value::Email;
use crate::{federated, organization};

/// So many look-ups and mails run beside the requests that asked for them; a further one is told `UNAVAILABLE`.
const UNDER_WAY_MAX: usize = 64;
/// So many links in force a user gets by this way, so that nobody's mailbox is flooded; more are passed over.
const LINKS_MAX: u64 = 3;

static UNDER_WAY: Semaphore = Semaphore::const_new(UNDER_WAY_MAX);

/// Mails a reset link to the user of this address, if there is one who can use it. Whoever asks learns nothing: the
/// answer is the same, and it is given before anybody is looked up, so that its time tells nothing either.
pub async fn request(op: &OpContext, email: &str) -> Result<()> {
    let op = &op.as_nobody();
    op.mailer().require()?;
    let Some(email) = Email::normalize(email) else {
        return Ok(());
    };
    let place = UNDER_WAY.try_acquire().map_err(|_| Error::Unavailable {
        retry_after_seconds: Duration::from_secs(5).as_secs(),
        source: None,
    })?;
    let op = op.clone();
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = look_up_and_mail(&op, &email).await {
            tracing::warn!(request_id = op.request_id(), error = %error, "a requested password reset failed");
        }
    });
    Ok(())
}

async fn look_up_and_mail(op: &OpContext, email: &Email) -> Result<()> {
    let mut change = op.begin().await?;
    let row = table::Entity::find()
        .filter(table::Column::Email.eq(email.clone()))
        .filter(table::Column::Activated.eq(true))
        .lock_exclusive()
        .one(&*change)
        .await?;
    let Some(row) = row else { return Ok(()) };
    if !organization::is_mailed(&*change, row.organization_pk).await?
        || federated::is_only_federated(&*change, &row).await?
    {
        return Ok(());
    }
    let in_force = password_token::Entity::find()
        .filter(password_token::Column::UserPk.eq(row.pk))
        .filter(password_token::Column::ExpiresAt.gt(op.now()))
        .count(&*change)
        .await?;
    if in_force >= LINKS_MAX {
        return Ok(());
    }
    let token = token_in_txn(&*change, op, row.pk, TOKEN_LIFETIME).await?;
    change
        .record(Event::new("password.requestReset", row.pk, &row.id).of_organization(row.organization_pk))
        .await?;
    change.commit().await?;
    mail_link(op, email, &row.into(), &token).await
}
