//! How much one caller may hold at a moment, of the database and of memory for answers, so that nobody keeps others waiting.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::WAIT;

/// Statements of one caller that read at the same moment: half of SQLite's readers.
pub const READS_MAX: usize = 2;
/// Changes of one caller that are open at the same moment.
pub const CHANGES_MAX: usize = 2;

/// Memory that all answers under way may take together, and what was asked for.
const ANSWERS_BYTES_MAX: usize = 40 * 1024 * 1024;
/// The same of one caller.
const CALLERS_ANSWERS_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Whose statements are counted together: a user, whatever its credentials, or a client that has not said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    User(i64),
    Client(Option<IpAddr>),
}

impl Holder {
    /// Whoever has one address of IPv6 has those that begin with the same 64 bits too.
    pub fn client(address: Option<IpAddr>) -> Self {
        Self::Client(address.map(|address| match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        }))
    }
}

/// A caller's places.
#[derive(Debug)]
pub struct Share {
    pub(super) reads: Arc<Semaphore>,
    pub(super) changes: Arc<Semaphore>,
    pub(super) answers: Answers,
}

/// The memory that answers may take: a caller's, within that of all. A permit is a kibibyte.
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
    /// That of another caller, within the same of all.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self {
            all: Arc::clone(&self.all),
            ..Self::default()
        }
    }

    /// So many bytes, now or never.
    pub fn at_once(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], DbErr> {
        let none_left = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let permits = kibibytes(bytes);
        let callers = Arc::clone(&self.callers).try_acquire_many_owned(permits);
        let all = Arc::clone(&self.all).try_acquire_many_owned(permits);
        Ok([callers.map_err(none_left)?, all.map_err(none_left)?])
    }

    /// So many bytes, when there are some: no more than a caller may have.
    pub async fn wait(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], DbErr> {
        let permits = kibibytes(bytes);
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let both = async {
            // In one order always, so that nobody waits in a circle.
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

/// The shares of those who call at this moment.
#[derive(Debug, Default)]
pub struct Shares {
    /// Of whom nobody is counted apart.
    pub(super) answers: Answers,
    holders: Mutex<HashMap<Holder, Weak<Share>>>,
}

impl Shares {
    /// The one share of a holder, for as long as anybody has it.
    pub fn of(&self, holder: Holder) -> Arc<Share> {
        let mut shares = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&holder).and_then(Weak::upgrade) {
            return share;
        }
        // Before the map grows, those who are gone make room.
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

/// A place, in the order of asking; it is free again when this is dropped, also if whoever waits gives up.
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
