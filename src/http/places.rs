//! Limits on the number of connections, in total and per client.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::services::network::network;

/// Counts the connections of each client.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection in the count of its client, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    client: IpAddr,
}

impl Places {
    /// Counts one more connection of this client. `None` if it already has as many as it may have.
    pub fn take(&self, client: IpAddr, most: usize) -> Option<Place> {
        let client = network(client);
        let mut counts = self.counts();
        let count = counts.entry(client).or_default();
        (*count < most).then(|| {
            *count += 1;
            Place {
                places: self.clone(),
                client,
            }
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.places.counts().entry(self.client) {
            match count.get() {
                0 | 1 => {
                    count.remove();
                }
                _ => *count.get_mut() -= 1,
            }
        }
    }
}
