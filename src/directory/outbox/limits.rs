//! Limits on the number of mails per hour: to an address, by a caller, by an organization.
//!
//! A verb that sends mail can be used to write to strangers. Each mail is counted in several buckets, in the
//! transaction that writes it, and refused with `RATE_LIMITED` if one of them is full. Each organization has its own
//! limit for each address.
//!
//! The limit for an address over all organizations is silent. Otherwise a refusal would tell one organization that others
//! write to the person. So a mail above it is written like any other, and the worker does not send it.

use std::net::IpAddr;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::model::error::{Error, Result};
use crate::model::{Actor, Door, digest};
use crate::model::{Email, Timestamp};
use crate::services::network::network;

const WINDOW: Duration = Duration::from_secs(60 * 60);
/// From one organization to one address.
pub const TO_ADDRESS_OF_ORGANIZATION: i64 = 5;
/// To one address, from all organizations. Further ones are not sent, without an error.
pub const TO_ADDRESS: i64 = 20;
/// By one caller.
pub const BY_CALLER: i64 = 300;
/// By one organization.
pub const OF_ORGANIZATION: i64 = 2_000;
/// Notices from one organization to one address, of what happened to the account. Further ones are left out. They have a
/// limit of their own, so that nobody keeps one away by causing other mails.
pub const NOTICES_TO_ADDRESS: i64 = 10;
/// New addresses that one user requests for itself.
pub const OWN_CHANGES: i64 = 5;
/// Requests for a new password for one address, by anybody, and the mails for them. Further ones are ignored without an
/// error.
pub const ASKED_FOR_ADDRESS: i64 = 3;
/// The same from one network address. Further ones are refused.
pub const ASKED_BY_CLIENT: i64 = 30;

/// One thing that mails are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    name: String,
    limit: i64,
    /// Whether it stays a secret that it is full.
    silent: bool,
}

/// What happens to a mail that is not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Sent,
    /// A silent bucket is full.
    Withheld,
}

impl Bucket {
    fn new(what: &str, of: &str, limit: i64) -> Self {
        Self {
            name: digest(&format!("{what} {of}")),
            limit,
            silent: false,
        }
    }

    /// The buckets of a mail that a caller sends.
    pub fn of_mail(actor: &Actor, organization_pk: i64, to: &Email) -> Vec<Self> {
        // Who manages single tenants must not learn that another tenant writes to the person.
        let of_tenants = actor.rights().only_in_tenants(Door::WRITE_USER);
        Self::of_mail_to(actor, organization_pk, to, of_tenants)
    }

    /// `silent`: whether the caller must not learn how many mails the organization sends to the address.
    fn of_mail_to(actor: &Actor, organization_pk: i64, to: &Email, silent: bool) -> Vec<Self> {
        let mailbox = mailbox(to);
        let mut buckets = vec![
            Self {
                silent,
                ..Self::new(
                    "to",
                    &format!("{mailbox} of {organization_pk}"),
                    TO_ADDRESS_OF_ORGANIZATION,
                )
            },
            Self {
                silent: true,
                ..Self::new("to", &mailbox, TO_ADDRESS)
            },
            Self::new("of", &organization_pk.to_string(), OF_ORGANIZATION),
        ];
        if let Some(caller) = actor.caller() {
            buckets.push(Self::new("by", &caller.behind().to_string(), BY_CALLER));
        }
        buckets
    }

    /// The bucket of a notice.
    pub fn of_notice(organization_pk: i64, to: &Email) -> Self {
        let of = format!("{} of {organization_pk}", mailbox(to));
        Self::new("notices to", &of, NOTICES_TO_ADDRESS)
    }

    /// The buckets of the mail to a new address that callers request for themselves. It may be anybody's address, so it
    /// stays a secret how many mails it gets, and few can be requested.
    pub fn of_own_change(actor: &Actor, organization_pk: i64, to: &Email) -> Vec<Self> {
        let mut buckets = Self::of_mail_to(actor, organization_pk, to, true);
        if let Some(caller) = actor.caller() {
            buckets.push(Self::new("changes by", &caller.behind().to_string(), OWN_CHANGES));
        }
        buckets
    }

    /// The buckets of a request for a new password: first the client's, then that of the address. Requests that name an
    /// organization are counted apart, because they lead to no mail if it has no such account.
    pub fn of_request(client: Option<IpAddr>, email: &Email, organization: Option<&str>) -> (Option<Self>, Self) {
        let asked_for = format!("{} of {}", mailbox(email), organization.unwrap_or_default());
        (
            client.map(|client| Self::new("asked by", &network(client).to_string(), ASKED_BY_CLIENT)),
            Self::new("asked for", &asked_for, ASKED_FOR_ADDRESS),
        )
    }

    /// The bucket of the mails for such requests. It is their only one: no organization can use up what the person needs.
    pub fn of_requested_mail(to: &Email) -> Self {
        Self::new("mailed for", &mailbox(to), ASKED_FOR_ADDRESS)
    }
}

/// The mailbox of an address. Most providers ignore what follows a `+`, so anybody could make up any number of
/// addresses for one mailbox.
fn mailbox(email: &Email) -> String {
    let plain = || {
        let (local, domain) = email.as_str().rsplit_once('@')?;
        let (name, _) = local.split_once('+').filter(|(name, _)| !name.is_empty())?;
        Some(format!("{name}@{domain}"))
    };
    plain().unwrap_or_else(|| email.to_string())
}

/// Counts a mail. Returns `RATE_LIMITED` if one of the buckets is full; dropping the transaction then undoes the count.
pub async fn take(connection: &impl ConnectionTrait, mut buckets: Vec<Bucket>, now: Timestamp) -> Result<Verdict> {
    #[derive(FromQueryResult)]
    struct Counted {
        bucket: String,
        count: i64,
        started_at: Timestamp,
    }
    // Always in the same order, so that two mails that are counted in the same buckets cannot deadlock.
    buckets.sort();
    let (over, now_micros) = (now.before(WINDOW).micros(), now.micros());
    let rows: Vec<String> = (0..buckets.len()).map(|n| format!("(${}, 1, $1)", n + 3)).collect();
    // A window with a start in the future is from before the clock was set back.
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        format!(
            "INSERT INTO mail_limits (bucket, count, started_at) VALUES {}
             ON CONFLICT (bucket) DO UPDATE SET
                 count = CASE WHEN {in_window} THEN mail_limits.count + 1 ELSE 1 END,
                 started_at = CASE WHEN {in_window} THEN mail_limits.started_at ELSE $1 END
             RETURNING bucket, count, started_at",
            rows.join(", "),
            in_window = "mail_limits.started_at > $2 AND mail_limits.started_at <= $1"
        ),
        [now_micros.into(), over.into()]
            .into_iter()
            .chain(buckets.iter().map(|bucket| bucket.name.as_str().into())),
    );
    let mut verdict = Verdict::Sent;
    for row in connection.query_all_raw(statement).await? {
        let counted = Counted::from_query_result(&row, "")?;
        let full = buckets
            .iter()
            .find(|bucket| bucket.name == counted.bucket && counted.count > bucket.limit);
        if full.is_some_and(|bucket| bucket.silent) {
            verdict = Verdict::Withheld;
        } else if full.is_some() {
            let retry_after_seconds = now
                .until(counted.started_at.after(WINDOW))
                .as_secs()
                .clamp(1, WINDOW.as_secs());
            return Err(Error::RateLimited {
                message: format!(
                    "Too many mails were sent to this address, or by you, within an hour. Try again in {retry_after_seconds} \
                     seconds."
                ),
                retry_after_seconds,
            });
        }
    }
    Ok(verdict)
}

/// Rows whose window began before this time are ignored.
pub fn over_before(now: Timestamp) -> Timestamp {
    now.before(WINDOW)
}
