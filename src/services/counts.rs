//! What is counted where it happens, for `/metrics`.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

type ByLabel = Family<[(&'static str, &'static str); 1], Counter>;

/// The grants of the token endpoint.
pub const GRANTS: [&str; 3] = ["refresh_token", "client_credentials", "token_exchange"];

/// The counts of this process.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Access tokens from the token endpoint, by `grant`.
    pub tokens: ByLabel,
    /// Answers about credentials, by `active`.
    pub introspections: ByLabel,
}

impl Default for Counts {
    fn default() -> Self {
        let counts = Self {
            tokens: Family::default(),
            introspections: Family::default(),
        };
        // A counter that first appears with its first event shows no increase.
        for grant in GRANTS {
            let _ = counts.tokens.get_or_create(&[("grant", grant)]);
        }
        for active in ["true", "false"] {
            let _ = counts.introspections.get_or_create(&[("active", active)]);
        }
        counts
    }
}

impl Counts {
    pub fn token(&self, grant: &'static str) {
        self.tokens.get_or_create(&[("grant", grant)]).inc();
    }

    pub fn introspection(&self, active: bool) {
        let active = if active { "true" } else { "false" };
        self.introspections.get_or_create(&[("active", active)]).inc();
    }
}
