//! Who issues tokens.

use url::{Host, Url};

/// The issuer of this server's tokens, as in their claim `iss`.
#[derive(Clone, Debug)]
pub struct Issuer {
    url: String,
    /// Whether it is the configured public URL, the same for all processes.
    public: bool,
}

impl Issuer {
    /// The configured public URL.
    pub fn public(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            public: true,
        }
    }

    /// Without a public URL: this machine, with the port that the server listens on.
    pub fn local(port: u16) -> Self {
        Self {
            url: format!("http://localhost:{port}"),
            public: false,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of the URL, without the slash at its end; often empty.
    pub fn path(&self) -> String {
        let path = Url::parse(&self.url).map(|url| url.path().to_owned());
        path.unwrap_or_default().trim_end_matches('/').to_owned()
    }

    /// Whether tokens of this issuer are ours, if one of our keys signed them. Without a public URL, those of `localhost`
    /// and of literal addresses are, because several processes of one database listen on different ports.
    pub fn accepts(&self, issuer: &str) -> bool {
        match self.public {
            true => issuer == self.url,
            false => is_local(issuer),
        }
    }
}

fn is_local(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let host = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    let bare = url.path() == "/" && !issuer.ends_with('/') && url.query().is_none() && url.fragment().is_none();
    host && bare && url.scheme() == "http" && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_public_url_only_that() {
        let issuer = Issuer::public("https://directory.example/a");
        assert!(issuer.accepts("https://directory.example/a"));
        assert_eq!(issuer.path(), "/a");
        for other in [
            "https://directory.example",
            "https://directory.example/a/",
            "http://directory.example/a",
            "http://localhost:8000",
            "",
        ] {
            assert!(!issuer.accepts(other), "{other}");
        }
    }

    #[test]
    fn without_one_every_port_of_this_machine() {
        let issuer = Issuer::local(8000);
        assert_eq!((issuer.url(), issuer.path().as_str()), ("http://localhost:8000", ""));
        for ours in [
            "http://localhost:8000",
            "http://localhost:80",
            "http://10.0.0.1:8000",
            "http://[::1]:8000",
        ] {
            assert!(issuer.accepts(ours), "{ours}");
        }
        for other in [
            "tenantry",
            "https://localhost:8000",
            "http://localhost.example:8000",
            "http://localhost:8000/",
            "http://localhost:8000/a",
            "http://localhost:8000?a",
            "http://u@localhost:8000",
            "http://localhost:80800",
            "",
        ] {
            assert!(!issuer.accepts(other), "{other}");
        }
    }
}
