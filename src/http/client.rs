//! The address of a client, and which other sites' pages may send requests.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::services::network::{self, Edge};

/// The address at the other end of the socket.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl Edge {
    /// The client's address: the socket's, unless that belongs to a trusted proxy, which names its client in a header.
    /// Each proxy appends the address that it saw. So the list is read from its end, and only as far as its entries
    /// were written by trusted proxies.
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

    /// Lets pages of the configured origins send requests with any headers. Without configured origins, browsers block
    /// all other sites. Pages may send cookies along, because this server ignores cookies.
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

/// An address in the forms that proxies write: with quotes, brackets, a port or a zone.
fn address(said: &str) -> Option<IpAddr> {
    let said = said.trim_matches('"');
    let bare = match said.strip_prefix('[') {
        Some(bracketed) => {
            let (inside, port) = bracketed.split_once(']')?;
            (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(inside)?
        }
        // A single colon separates an IPv4 address from its port.
        None => match said.split_once(':') {
            Some((v4, port)) if is_port(port) => v4,
            Some(_) | None => said,
        },
    };
    let without_zone = bare.split_once('%').map_or(bare, |(address, _)| address);
    Some(without_zone.parse::<IpAddr>().ok()?.to_canonical())
}

/// The port may be empty: an address may end with its colon (RFC 3986, section 3.2.3).
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
        // The entries that the client itself wrote come first and are ignored.
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
            // An entry that is not an address ends the list: the last address before it is used.
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
