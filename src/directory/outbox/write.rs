//! Writes mails for the worker, in the transaction of the change that they are about.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    Set,
};
use serde::{Deserialize, Serialize};

use super::limits::{self, Bucket, Verdict};
use crate::context::OpContext;
use crate::directory::organization;
use crate::model::SecretKey;
use crate::model::error::{Error, Result};
use crate::model::{Email, Timestamp};
use crate::services::mailer::{Letter, Letterhead};
use crate::store::entity::invitation;
use crate::store::entity::mail::{self as table, Column};

/// The purpose in the encryption of mails.
const SEALED: &str = "mails";
/// A notice that could not be sent for this long is no longer of interest.
const NOTICE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A letter as it is stored. It keeps the product name and the language of its organization, so that it is written and
/// sent without a look at the directory, and attempts to send it do not differ.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Draft {
    pub head: Letterhead,
    pub letter: Letter,
}

/// A mail and the rows that it belongs to.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    pub to: &'a Email,
    pub letter: Letter,
    /// The organization of the account or the invitation.
    pub organization_pk: i64,
    /// The user whose token is in the mail. The mail is deleted with the user.
    pub user_pk: Option<i64>,
    /// The invitation whose token is in it.
    pub invitation_pk: Option<i64>,
    /// When its token expires.
    pub ends_at: Timestamp,
}

/// Queues a mail, to be sent after the transaction is committed. Returns `RATE_LIMITED` if the caller, the organization,
/// or the organization's mails to the address have reached the limit per hour. A mail above the limit of the address over
/// all organizations is queued, and not sent.
pub async fn put_in_txn(connection: &impl ConnectionTrait, op: &OpContext, post: Post<'_>) -> Result<()> {
    let buckets = Bucket::of_mail(op.actor(), post.organization_pk, post.to);
    put_counted_in_txn(connection, op, post, buckets).await
}

/// The same, counted in these buckets.
pub async fn put_counted_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    post: Post<'_>,
    buckets: Vec<Bucket>,
) -> Result<()> {
    let verdict = limits::take(connection, buckets, op.now()).await?;
    insert(connection, op, post, verdict).await
}

/// Queues a notice about a change. The change does not depend on it: if mail is not configured or a limit is reached,
/// the notice is left out.
pub async fn notify_in_txn(
    connection: &impl ConnectionTrait,
    op: &OpContext,
    organization_pk: i64,
    to: &Email,
    letter: Letter,
) -> Result<()> {
    if op.mailer().require().is_err() {
        return Ok(());
    }
    let (now, buckets) = (op.now(), vec![Bucket::of_notice(organization_pk, to)]);
    let verdict = match limits::take(connection, buckets, now).await {
        Err(Error::RateLimited { .. }) => {
            tracing::warn!(
                request_id = op.request_id(),
                "a notice is left out: too many mails within an hour"
            );
            return Ok(());
        }
        taken => taken?,
    };
    let post = Post {
        to,
        letter,
        organization_pk,
        user_pk: None,
        invitation_pk: None,
        ends_at: now.after(NOTICE_LIFETIME),
    };
    insert(connection, op, post, verdict).await
}

/// The same for a mail that was counted before.
pub async fn insert_in_txn(connection: &impl ConnectionTrait, op: &OpContext, post: Post<'_>) -> Result<()> {
    insert(connection, op, post, Verdict::Sent).await
}

async fn insert(connection: &impl ConnectionTrait, op: &OpContext, post: Post<'_>, verdict: Verdict) -> Result<()> {
    let now = op.now();
    let id = op.new_id().to_string();
    op.note_mail();
    let (kind, sealed) = (post.letter.kind(), post.letter.is_secret());
    let draft = Draft {
        head: organization::letterhead(connection, post.organization_pk).await?,
        letter: post.letter,
    };
    let text = serde_json::to_string(&draft).map_err(Error::internal)?;
    table::ActiveModel {
        letter: Set(match sealed {
            true => op.signing().secret()?.seal(SEALED, &id, text.as_bytes())?,
            false => text,
        }),
        id: Set(id),
        kind: Set(kind.to_owned()),
        user_pk: Set(post.user_pk),
        invitation_pk: Set(post.invitation_pk),
        recipient: Set(post.to.clone()),
        sealed: Set(sealed),
        withheld: Set(verdict == Verdict::Withheld),
        attempts: Set(0),
        due_at: Set(now),
        leased_until: Set(Timestamp::default()),
        ends_at: Set(post.ends_at),
        request_id: Set(op.request_id().to_owned()),
        created_at: Set(now),
        ..Default::default()
    }
    .insert(connection)
    .await?;
    Ok(())
}

/// Decrypts the letter of a row.
pub(super) fn open(row: &table::Model, secret: Result<&SecretKey>) -> Result<Draft> {
    let text = match row.sealed {
        true => secret?.open(SEALED, &row.id, &row.letter)?,
        false => row.letter.clone().into_bytes(),
    };
    serde_json::from_slice(&text).map_err(Error::internal)
}

/// Deletes a user's mails with tokens of these kinds, because these tokens are now void. Mails with other kinds of
/// tokens are still sent.
pub async fn forget_tokens_in_txn(connection: &impl ConnectionTrait, user_pk: i64, kinds: &[&str]) -> Result<()> {
    table::Entity::delete_many()
        .filter(Column::UserPk.eq(user_pk))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes the mails of an invitation, because its secret is now void.
pub async fn forget_invitation_in_txn(connection: &impl ConnectionTrait, invitation_pk: i64) -> Result<()> {
    table::Entity::delete_many()
        .filter(Column::InvitationPk.eq(invitation_pk))
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes the mails of all invitations that a user sent, because these invitations are now void.
pub async fn forget_invitations_of_in_txn(connection: &impl ConnectionTrait, inviter_pk: i64) -> Result<()> {
    let sent = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::Pk)
        .filter(invitation::Column::InviterPk.eq(inviter_pk));
    table::Entity::delete_many()
        .filter(Column::InvitationPk.in_subquery(sent.into_query()))
        .exec(connection)
        .await?;
    Ok(())
}

/// How many mails are waiting, and since when the oldest of them is.
pub async fn load(connection: &impl ConnectionTrait) -> Result<(i64, Option<Timestamp>)> {
    #[derive(FromQueryResult)]
    struct Load {
        waiting: i64,
        oldest: Option<Timestamp>,
    }
    let load = table::Entity::find()
        .select_only()
        .column_as(Expr::cust("COUNT(*)"), "waiting")
        .column_as(Expr::cust("MIN(created_at)"), "oldest")
        .into_model::<Load>()
        .one(connection)
        .await?;
    Ok(load.map_or((0, None), |load| (load.waiting, load.oldest)))
}
