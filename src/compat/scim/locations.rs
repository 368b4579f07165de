//! Where resources are: the public address of this server, never the host that a request names.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::context::OpContext;

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The addresses of this server's resources.
#[derive(Clone, Debug)]
pub struct Locations {
    base: String,
}

impl Locations {
    pub fn of(op: &OpContext) -> Self {
        let url = op.signing().issuer().url().trim_end_matches('/');
        Self {
            base: format!("{url}/scim/v2"),
        }
    }

    /// A resource below an endpoint.
    fn below(&self, endpoint: &str, id: &str) -> String {
        format!("{}/{endpoint}/{}", self.base, utf8_percent_encode(id, RESERVED))
    }

    pub fn user(&self, id: &str) -> String {
        self.below("Users", id)
    }

    pub fn group(&self, id: &str) -> String {
        self.below("Groups", id)
    }

    /// The base of all of them.
    pub fn base(&self) -> &str {
        &self.base
    }
}
