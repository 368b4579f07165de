//! Where a request comes from, and which other sites' pages may make one.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::services::network::{self, Edge};

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
            .map(str::trim)
            .filter(|said| !said.is_empty())
            .collect();
        while self.trusts(client) {
            match said.pop().and_then(address) {
                Some(before) => client = before,
                None => break,
            }
        }
        Some(client)
    }

    /// Lets pages of the configured origins call, with whatever headers they like; without any, a browser keeps every
    /// other site out. Cookies mean nothing here, so that a page may send its own along.
    pub fn cors(&self) -> Option<CorsLayer> {
        if self.cors_origins.is_empty() {
            return None;
        }
        let origins = self.cors_origins.clone();
        let is_allowed = move |asked: &HeaderValue, _: &Parts| {
            let asked = asked.to_str().ok().and_then(network::origin);
            asked.is_some_and(|asked| origins.contains(&asked))
        };
        Some(
            CorsLayer::new()
                .allow_origin(AllowOrigin::predicate(is_allowed))
                .allow_credentials(true)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
                .allow_headers(AllowHeaders::mirror_request())
                .expose_headers([
                    header::WWW_AUTHENTICATE,
                    header::RETRY_AFTER,
                    HeaderName::from_static("x-request-id"),
                ])
                .max_age(Duration::from_secs(600)),
        )
    }
}

/// An address as proxies write it: in quotes, in brackets, with a port, with a zone.
fn address(said: &str) -> Option<IpAddr> {
    let said = said.trim_matches('"');
    let bare = match said.strip_prefix('[') {
        Some(bracketed) => {
            let (inside, port) = bracketed.split_once(']')?;
            (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(inside)?
        }
        // One colon parts an IPv4 address from its port.
        None => match said.split_once(':') {
            Some((v4, port)) if is_port(port) => v4,
            Some(_) | None => said,
        },
    };
    let without_zone = bare.split_once('%').map_or(bare, |(address, _)| address);
    Some(without_zone.parse::<IpAddr>().ok()?.to_canonical())
}

/// An address may end with its colon: the port behind it may be left out (RFC 3986, section 3.2.3).
fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(proxies: &[&str]) -> Edge {
        Edge {
            trusted_proxies: proxies.iter().filter_map(|text| network::proxies(text)).collect(),
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
    fn addresses_are_read_as_proxies_write_them() {
        let inner = edge(&["10.0.0.0/8"]);
        let of = |forwarded: &str| client(&inner, "10.0.0.1", &[forwarded]).unwrap_or_default();
        for (forwarded, expected) in [
            ("198.51.100.7:51234", "198.51.100.7"),
            ("198.51.100.7:", "198.51.100.7"),
            ("\"198.51.100.7:\"", "198.51.100.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]:", "2001:db8::1"),
            ("2001:db8::", "2001:db8::"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("\"198.51.100.7\"", "198.51.100.7"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
            ("198.51.100.7,", "198.51.100.7"),
            (" , 198.51.100.7 , 10.0.0.3:80, ,", "198.51.100.7"),
            // What is no address ends the list: the last one that is counts.
            ("198.51.100.7, unknown, 10.0.0.3", "10.0.0.3"),
            ("198.51.100.7:port", "10.0.0.1"),
            ("198.51.100.7:80:", "10.0.0.1"),
            (":", "10.0.0.1"),
            ("[]:", "10.0.0.1"),
            ("[2001:db8::1", "10.0.0.1"),
            ("[2001:db8::1]x", "10.0.0.1"),
        ] {
            assert_eq!(of(forwarded), expected, "{forwarded}");
        }
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
