//! What is configured of the way between clients and the server: proxies that are believed, origins that may call.
//!
//! It is read here; [`crate::http`] uses it.

use std::net::IpAddr;

use axum::http::HeaderValue;

/// What is configured of the way between clients and this server.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    pub trusted_proxies: Vec<Network>,
    /// Exact origins, as browsers send them.
    pub cors_origins: Vec<HeaderValue>,
}

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.1` or `10.0.0.0/8`, and the same of IPv6.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in it.
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (a.to_bits() ^ b.to_bits())
                    .checked_shr(32 - self.bits)
                    .unwrap_or_default()
                    == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                (a.to_bits() ^ b.to_bits())
                    .checked_shr(128 - self.bits)
                    .unwrap_or_default()
                    == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether a text is an origin as browsers send it: scheme, host and, unless it is the usual one, port.
pub fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-:[]_".contains(&c);
    !host.is_empty() && host.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read() {
        for good in ["0.0.0.0/0", "10.0.0.1", "::/0", "2001:db8::/32", "10.1.2.3/32"] {
            assert!(Network::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0",
            "host",
            "10.0.0.0/-1",
            "10.0.0.0/",
        ] {
            assert!(Network::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn origins_are_exact() {
        for good in ["https://app.example.com", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "null",
            "https://",
            "https://A.example",
            "https://a.example/",
            "ftp://a.example",
            "a.example",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
