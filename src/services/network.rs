//! The network configuration: trusted proxies and allowed origins.
//!
//! It is parsed here and used by the routes.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use url::{Origin, Url};

/// The network configuration.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    pub trusted_proxies: Vec<IpNet>,
    pub cors_origins: Vec<Origin>,
}

impl Edge {
    /// Whether this is the address of a trusted proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted_proxies.iter().any(|proxies| proxies.contains(&address))
    }
}

/// Parses `10.0.0.1` or `10.0.0.0/8`, or the same for IPv6. IPv4 inside IPv6 (`::ffff:10.0.0.1`) is IPv4.
pub fn proxies(text: &str) -> Option<IpNet> {
    const MAPPED_BITS: u8 = 96;
    let net: IpNet = match text.parse() {
        Ok(net) => net,
        Err(_) => text.parse::<IpAddr>().ok()?.into(),
    };
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(MAPPED_BITS)) {
        (IpAddr::V4(v4), Some(bits)) if net.addr().is_ipv6() => IpNet::new(v4.into(), bits).ok(),
        _ => Some(net),
    }
}

/// Parses `https://app.example.com`, in any equivalent spelling: browsers omit the default port.
pub fn origin(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && !text.ends_with('/')
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    bare.then(|| url.origin())
}

/// Identifies a client: by its IPv4 address, or the /64 network of its IPv6 address, because clients have many of
/// these.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read() {
        for (text, net) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("::/0", "::/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:10.0.0.1", "10.0.0.1/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(proxies(text).map(|net| net.to_string()).as_deref(), Some(net), "{text}");
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
            assert!(proxies(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn origins_are_exact_in_any_spelling() {
        for (text, ascii) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example:443", "https://app.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            let origin = origin(text).map(|origin| origin.ascii_serialization());
            assert_eq!(origin.as_deref(), Some(ascii), "{text}");
        }
        for bad in [
            "*",
            "null",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://u@a.example",
            "ftp://a.example",
            "a.example",
        ] {
            assert!(origin(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_client_is_told_by_its_network() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let told = address.parse().map(network).map(|net| net.to_string());
            assert_eq!(told.as_deref(), Ok(expected));
        }
    }
}
