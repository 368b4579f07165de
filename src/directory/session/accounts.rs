//! The accounts that a person has in several organizations.
//!
//! Two accounts are linked if they have the same address, both passwords were set with a link mailed to that address,
//! both are activated, and both organizations allow mail and switching. A person who controls the mailbox can reset both
//! passwords by mail, so switching gives nothing that a mail would not.
//!
//! A verified address alone is not enough: an administrator can set a member's password, create a key while
//! impersonating the member, or change the address, and would reach the person's accounts in other organizations. The
//! same goes for the session: it must have begun with the verified password.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::context::OpContext;
use crate::model::error::Result;
use crate::model::{Caller, OrganizationId, Timestamp, UserId};
use crate::store::entity::user::{ACCOUNT_AGE, ACCOUNT_RANK};

/// A person who has more accounts sees the oldest of them, and can switch to the others all the same.
const ACCOUNTS_MAX: u64 = 100;

/// An account, for the person who has it.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Account {
    pub user_pk: i64,
    pub user_id: UserId,
    pub organization_id: OrganizationId,
    pub organization_name: String,
    pub last_seen_at: Option<Timestamp>,
}

/// The account of a verified session and those linked with it; no row if the session is not verified. `ACCOUNT_RANK` is 0
/// for activated accounts with a verified password.
static LINKED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT a.user_pk, a.user_id, o.id AS organization_id, o.name AS organization_name, a.last_seen_at
         FROM (
             SELECT pk AS user_pk, id AS user_id, organization_pk, last_seen_at, {ACCOUNT_AGE} AS since
             FROM users
             WHERE email IS NOT NULL AND {ACCOUNT_RANK} = 0 AND email = (
                 SELECT me.email FROM sessions s JOIN users me ON me.pk = s.user_pk
                 WHERE s.pk = $1 AND me.pk = $2 AND s.verified AND s.ended_at IS NULL
                   AND me.activated AND me.password_verified_at IS NOT NULL)
         ) a
         JOIN organizations o ON o.pk = a.organization_pk
         WHERE a.user_pk = $2 OR (
             a.user_id = COALESCE($3, a.user_id) AND o.mail_allowed AND o.account_switching
             AND EXISTS (SELECT 1 FROM organizations home WHERE home.pk = $4 AND home.mail_allowed AND home.account_switching))
         ORDER BY a.since, a.user_pk
         LIMIT {ACCOUNTS_MAX}"
    )
});

/// The caller's own account and the linked ones, oldest first, at most 100; `None` unless the caller's session is verified.
pub async fn accounts(op: &OpContext) -> Result<Option<Vec<Account>>> {
    match op.actor().caller() {
        Some(caller) => linked(op.db().reader(), caller, None).await,
        None => Ok(None),
    }
}

/// The same, of the linked accounts only the one with the id `only`, if given.
pub(super) async fn linked(
    connection: &impl ConnectionTrait,
    caller: &Caller,
    only: Option<&UserId>,
) -> Result<Option<Vec<Account>>> {
    // An impersonation, a key, or a token that was made for others is not the person.
    let oneself = caller.impersonator.is_none() && caller.derived.is_none();
    let Some(session_pk) = caller.session_pk.filter(|_| oneself) else {
        return Ok(None);
    };
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        LINKED.as_str(),
        [
            session_pk.into(),
            caller.user_pk.into(),
            only.map(|id| id.as_str().to_owned()).into(),
            caller.organization_pk.into(),
        ],
    );
    let found = Account::find_by_statement(statement).all(connection).await?;
    Ok(Some(found).filter(|found| !found.is_empty()))
}
