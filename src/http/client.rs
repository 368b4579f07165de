//! Where a request comes from, and which other sites' pages may make one.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, Method, header};
use tower_http::cors::CorsLayer;

use crate::edge::Edge;

/// The socket's other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::edge::Network;

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
    fn a_network_may_be_everything() {
        let everything = edge(&["0.0.0.0/0"]);
        assert_eq!(
            client(&everything, "192.0.2.1", &["198.51.100.7"]).as_deref(),
            Some("198.51.100.7")
        );
    }
}
