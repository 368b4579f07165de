//! Requests a password reset without a credential.
//!
//! The caller must not learn who has an account. So a request writes the same row for every address, and nothing else;
//! the worker processes it afterwards.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set,
};

use super::reset::{Counted, mail_links_in_txn};
use crate::context::{OpContext, Services};
use crate::directory::outbox::limits::{self, Bucket};
use crate::directory::user;
use crate::model::error::{Error, Result};
use crate::model::{Actor, Client, Email, OrganizationId};
use crate::store::audit_trail;
use crate::store::audit_trail::Event;
use crate::store::entity::{
    federated_identity as identity_table, organization as organization_table, password_request, user as table,
};

/// A request that has waited this long is dropped: the user no longer expects the mail.
const WAITING_MAX: Duration = Duration::from_secs(60 * 60);
/// The maximum number of accounts that one mail has links for.
const ACCOUNTS_MAX: u64 = 10;

/// Mails a reset link to the user with this address, if there is one who can use it. The response is the same for every
/// address, and takes the same time. `RATE_LIMITED` after too many requests from one client.
///
/// `organization` is the id of the only organization whose account is meant. Without it, the mail has a link for each
/// account of the address.
pub async fn request(op: &OpContext, email: &str, organization: Option<&str>) -> Result<()> {
    let op = &op.as_nobody();
    op.mailer().require()?;
    op.signing().secret()?;
    let Some(email) = Email::normalize(email) else {
        return Ok(());
    };
    let organization = match organization.map(OrganizationId::existing) {
        Some(None) => return Ok(()),
        named => named.flatten().map(|id| id.to_string()),
    };
    let (of_client, of_address) = Bucket::of_request(op.client_address(), &email, organization.as_deref());
    let transaction = op.db().begin().await?;
    if let Some(of_client) = of_client {
        limits::take(&transaction, vec![of_client], op.now()).await?;
    }
    match limits::take(&transaction, vec![of_address], op.now()).await {
        // The response does not reveal whether the account exists.
        Err(Error::RateLimited { .. }) => return Ok(()),
        taken => {
            taken?;
        }
    }
    password_request::ActiveModel {
        email: Set(email),
        organization_id: Set(organization),
        request_id: Set(op.request_id().to_owned()),
        client_address: Set(op.client_address().map(|address| address.to_string())),
        user_agent: Set(op.client().agent.as_deref().map(str::to_owned)),
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
        let client = Client {
            address: asked.client_address.and_then(|address| address.parse().ok()),
            agent: asked.user_agent.map(Into::into),
        };
        let op = OpContext::new(Arc::clone(services), Actor::Anonymous, asked.request_id).for_client(client);
        let transaction = op.db().begin().await?;
        // If two processes see it, the second waits here and then finds it gone.
        let taken = password_request::Entity::delete_by_id(asked.pk)
            .exec(&transaction)
            .await?;
        // After a longer wait, the user has asked again or no longer expects the mail.
        let is_old = asked.created_at.after(WAITING_MAX) <= op.now();
        if taken.rows_affected == 1 && !is_old {
            answer(&transaction, &op, &asked.email, asked.organization_id.as_deref()).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

async fn answer(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    email: &Email,
    organization: Option<&str>,
) -> Result<()> {
    let Some(accounts) = user::accounts(connection, email.as_str(), organization)? else {
        return Ok(());
    };
    let mailed = organization_table::Entity::find()
        .select_only()
        .column(organization_table::Column::Pk)
        .filter(organization_table::Column::MailAllowed.eq(true));
    let identities = identity_table::Entity::find()
        .select_only()
        .column(identity_table::Column::Pk)
        .filter(
            Expr::col((identity_table::Entity, identity_table::Column::UserPk))
                .equals((table::Entity, table::Column::Pk)),
        );
    let can_reset = table::Entity::find()
        .filter(accounts.clone())
        .filter(table::Column::Activated.eq(true))
        .filter(table::Column::Service.eq(false))
        .filter(table::Column::OrganizationPk.in_subquery(mailed.into_query()))
        // Who signs in only with another identity provider has no password to reset.
        .filter(
            Condition::any()
                .add(table::Column::PasswordHash.is_not_null())
                .add(Expr::exists(identities.into_query()).not()),
        );
    // Verified addresses first: no number of others may push the person's own account off the list.
    let first = can_reset
        .clone()
        .select_only()
        .column(table::Column::Pk)
        .order_by_asc(table::Column::EmailVerifiedAt.is_null());
    let chosen: Vec<i64> = user::in_account_order(first)
        .limit(ACCOUNTS_MAX)
        .into_tuple()
        .all(connection)
        .await?;
    let mut users = user::in_account_order(can_reset.clone().filter(table::Column::Pk.is_in(chosen)))
        .lock_exclusive()
        .all(connection)
        .await?;
    // In the trail of each account, with or without a link: an organization must not learn from its trail whether the
    // person has another account.
    // Nor may it learn where the person is, if it only made an account with the person's address.
    let anywhere = Client::default();
    let has_others = users.len() > 1 || table::Entity::find().filter(accounts.clone()).count(connection).await? > 1;
    for row in &users {
        let event = Event::new("password.requestReset", row.pk, &row.id).of_user(row);
        let mut author = op.author();
        if organization.is_none() && row.email_verified_at.is_none() && has_others {
            author.client = &anywhere;
        }
        audit_trail::record(connection, author, event).await?;
    }
    // A person who confirms an address by mistake would give somebody else's account a way to the mailbox. So accounts
    // whose address was never verified get a link only if there is no other account.
    let has_verified = users.iter().any(|user| user.email_verified_at.is_some());
    let unverified = match users.first() {
        Some(_) if has_verified => {
            users.retain(|user| user.email_verified_at.is_some());
            let others = can_reset.filter(table::Column::EmailVerifiedAt.is_null());
            others.count(connection).await?
        }
        Some(_) => 0,
        None => return Ok(()),
    };
    match limits::take(connection, vec![Bucket::of_requested_mail(email)], op.now()).await {
        // The mailbox has already received links.
        Err(Error::RateLimited { .. }) => Ok(()),
        taken => {
            taken?;
            mail_links_in_txn(connection, op, &users, email, unverified, Counted::Already).await
        }
    }
}
