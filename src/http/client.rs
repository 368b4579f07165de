//! Where a request comes from, and which other sites' pages may make one.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

/// What is configured of the way between clients and this server.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    pub trusted_proxies: Vec<Network>,
    /// Exact origins, as browsers send them.
    pub cors_origins: Vec<HeaderValue>,
}

/// The socket's other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

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

    fn contains(&self, other: IpAddr) -> bool {
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

impl Edge {
    /// The client's address: the socket's, unless that is a trusted proxy's, which says whom it serves. Each proxy adds
    /// whom it saw at the end, so that the list is read from there, and only as far as those who wrote it are trusted.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = peer?.to_canonical();
        let mut said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|value| value.to_str().unwrap_or("?").split(','))
            .collect();
        while self.trusted_proxies.iter().any(|proxy| proxy.contains(client)) {
            match said.pop().and_then(|address| address.trim().parse::<IpAddr>().ok()) {
                Some(before) => client = before.to_canonical(),
                None => break,
            }
        }
        Some(client)
    }

    /// Lets pages of the configured origins call; without any, a browser keeps every other site out. No cookies: the only
    /// credential is a header that a page must know.
    pub fn cors(&self) -> Option<CorsLayer> {
        if self.cors_origins.is_empty() {
            return None;
        }
        Some(
            CorsLayer::new()
                .allow_origin(self.cors_origins.clone())
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
                .allow_headers([
                    header::AUTHORIZATION,
                    header::CONTENT_TYPE,
                    HeaderName::from_static(super::request::IMPERSONATE),
                    HeaderName::from_static(super::request::WAII_IMPERSONATE),
                ])
                .expose_headers([
                    header::WWW_AUTHENTICATE,
                    header::RETRY_AFTER,
                    HeaderName::from_static("x-request-id"),
                ])
                .max_age(Duration::from_secs(600)),
        )
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

    fn edge(proxies: &[&str]) -> Edge {
        Edge {
            trusted_proxies: proxies.iter().filter_map(|text| Network::parse(text)).collect(),
            cors_origins: Vec::new(),
        }
    }

    fn client(edge: &Edge, peer: &str, forwarded: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).ok()?);
        }
        edge.client(peer.parse().ok(), &headers)
            .map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let nobody = edge(&[]);
        assert_eq!(
            client(&nobody, "192.0.2.1", &["10.9.9.9"]).as_deref(),
            Some("192.0.2.1")
        );
        let inner = edge(&["10.0.0.0/8", "fd00::/8"]);
        let of = |peer, forwarded: &[&str]| client(&inner, peer, forwarded).unwrap_or_default();
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        // What the client itself wrote stands first and counts for nothing.
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("fd00::1", &["2001:db8::1"]), "2001:db8::1");
    }

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
        let everything = edge(&["0.0.0.0/0"]);
        assert_eq!(
            client(&everything, "192.0.2.1", &["198.51.100.7"]).as_deref(),
            Some("198.51.100.7")
        );
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
