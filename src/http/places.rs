//! Limits on the number of connections, in total and per client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::services::network::network;

/// Counts the connections of each client: each holds the same pointer until it ends.
#[derive(Debug, Default)]
pub struct Places(Mutex<HashMap<IpAddr, Weak<()>>>);

impl Places {
    /// Counts one more connection of this client. `None` if it already has as many as it may have.
    pub fn take(&self, client: IpAddr, most: usize) -> Option<Arc<()>> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the map grows, remove the clients that are gone.
        if clients.len() == clients.capacity() {
            clients.retain(|_, place| place.strong_count() > 0);
        }
        let known = clients.entry(network(client)).or_default();
        if known.strong_count() >= most {
            return None;
        }
        let place = known.upgrade().unwrap_or_default();
        *known = Arc::downgrade(&place);
        Some(place)
    }
}
