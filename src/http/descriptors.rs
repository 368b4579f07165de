//! File descriptors: each connection needs one, and so does the work for its requests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::serve::Bounds;

/// Reserved for files, mails, connections that are being refused, and the standard streams.
const OTHERS: usize = 256;

impl Bounds {
    /// The usual limits, but no more connections than this process has file descriptors for, apart from those for the
    /// database. The process raises its own limit as far as it is allowed to, because the default that shells set is
    /// too low for a server.
    pub fn of_this_process(database_connections: usize) -> Self {
        let limit = raised();
        let usual = Self::default();
        let bounds = usual.within(limit, OTHERS + database_connections);
        if bounds.connections < usual.connections {
            tracing::warn!(
                "{limit} files may be open, which is enough for {} connections of {}: raise the limit (LimitNOFILE=, ulimit -Hn)",
                bounds.connections,
                usual.connections
            );
        }
        bounds
    }

    /// With few descriptors, half of them are for connections. One address never gets more than half of the
    /// connections.
    fn within(self, limit: usize, others: usize) -> Self {
        let connections = self.connections.min(limit - others.min(limit / 2));
        Self {
            connections,
            connections_of_client: self.connections_of_client.min(connections.div_ceil(2)),
            ..self
        }
    }
}

/// Raises the limit as far as possible, and returns it.
fn raised() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    now.and_then(|now| usize::try_from(now).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (limit, connections, of_client) in [
            (usize::MAX, 4_096, 512),
            (65_536, 4_096, 512),
            (4_360, 4_096, 512),
            (4_359, 4_095, 512),
            (1_024, 760, 380),
            (300, 150, 75),
            (3, 2, 1),
            (0, 0, 0),
        ] {
            let bounds = Bounds::default().within(limit, 264);
            assert_eq!(
                (bounds.connections, bounds.connections_of_client),
                (connections, of_client),
                "{limit}"
            );
        }
    }
}
