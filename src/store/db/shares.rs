//! Limits each caller's share of the database and of the memory for responses, so that no caller can block the others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::WAIT;

/// Concurrent reads of one caller: half of SQLite's readers.
pub const READS_MAX: usize = 2;
/// Concurrent changes of one caller.
pub const CHANGES_MAX: usize = 2;

/// Memory for all concurrent requests and responses.
const ANSWERS_BYTES_MAX: usize = 40 * 1024 * 1024;
/// The same of one caller.
const CALLERS_ANSWERS_BYTES_MAX: usize = 24 * 1024 * 1024;

/// A caller whose statements are counted together: a user, with any credential, or an anonymous client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    User(i64),
    Client(Option<IpAddr>),
}

impl Holder {
    /// A client with one IPv6 address usually has all addresses with the same first 64 bits.
    pub fn client(address: Option<IpAddr>) -> Self {
        Self::Client(address.map(|address| match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        }))
    }
}

/// A caller's slots.
#[derive(Debug)]
pub struct Share {
    pub(super) reads: Arc<Semaphore>,
    pub(super) changes: Arc<Semaphore>,
    pub(super) answers: Answers,
}

/// The memory for responses: the caller's, within the total. A permit is one KiB.
#[derive(Clone, Debug)]
pub struct Answers {
    callers: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            callers: Arc::new(Semaphore::new(CALLERS_ANSWERS_BYTES_MAX / 1024)),
            all: Arc::new(Semaphore::new(ANSWERS_BYTES_MAX / 1024)),
        }
    }
}

impl Answers {
    /// The memory of another caller, within the same total.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self {
            all: Arc::clone(&self.all),
            ..Self::default()
        }
    }

    /// Reserves bytes, without waiting.
    pub fn at_once(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], DbErr> {
        let none_left = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let permits = kibibytes(bytes);
        let callers = Arc::clone(&self.callers).try_acquire_many_owned(permits);
        let all = Arc::clone(&self.all).try_acquire_many_owned(permits);
        Ok([callers.map_err(none_left)?, all.map_err(none_left)?])
    }

    /// Reserves bytes, and waits until they are available; at most the caller's limit.
    pub async fn wait(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], DbErr> {
        let permits = kibibytes(bytes);
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let both = async {
            // Always in the same order, to avoid deadlocks.
            let callers = Arc::clone(&self.callers)
                .acquire_many_owned(permits)
                .await
                .map_err(closed)?;
            let all = Arc::clone(&self.all)
                .acquire_many_owned(permits)
                .await
                .map_err(closed)?;
            Ok([callers, all])
        };
        let waited = tokio::time::timeout(WAIT, both).await;
        waited.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
    }
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// The shares of the current callers.
#[derive(Debug, Default)]
pub struct Shares {
    /// The total, without a caller.
    pub(super) answers: Answers,
    holders: Mutex<HashMap<Holder, Weak<Share>>>,
}

impl Shares {
    /// The share of a holder, which exists while anybody uses it.
    pub fn of(&self, holder: Holder) -> Arc<Share> {
        let mut shares = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&holder).and_then(Weak::upgrade) {
            return share;
        }
        // Before the map grows, remove unused entries.
        if shares.len() == shares.capacity() {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Share {
            reads: Arc::new(Semaphore::new(READS_MAX)),
            changes: Arc::new(Semaphore::new(CHANGES_MAX)),
            answers: self.answers.of_another(),
        });
        shares.insert(holder, Arc::downgrade(&share));
        share
    }
}

/// A slot, first come, first served. It is released when dropped, also if the waiting caller gives up.
pub async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbErr> {
    if let Ok(free) = Arc::clone(places).try_acquire_owned() {
        return Ok(free);
    }
    let waited = tokio::time::timeout(WAIT, Arc::clone(places).acquire_owned()).await;
    match waited {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
        Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_has_one_share_and_leaves_nothing_behind() {
        let shares = Shares::default();
        let one = shares.of(Holder::User(1));
        assert!(Arc::ptr_eq(&one, &shares.of(Holder::User(1))));
        assert!(!Arc::ptr_eq(&one, &shares.of(Holder::User(2))));
        for number in 0..100_000 {
            let _ = shares.of(Holder::User(number));
        }
        assert!(Arc::ptr_eq(&one, &shares.of(Holder::User(1))), "it is in use");
        assert!(
            shares.holders.lock().unwrap().len() < 100,
            "those who are gone are forgotten"
        );
    }

    #[test]
    fn a_network_is_one_client() {
        let client = |text: &str| Holder::client(Some(text.parse().unwrap()));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8:0:1::1"), client("2001:db8::1"));
        assert_ne!(client("10.0.0.1"), client("10.0.0.2"));
    }
}
