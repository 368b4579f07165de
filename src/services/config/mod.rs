//! The configuration: flags and `TENANTRY_` variables, read once at start. All mistakes are reported together.

mod arguments;
mod smtp;

pub use arguments::ConfigArgs;
pub use smtp::{Encryption, Smtp};

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, Command};
use lettre::message::Mailbox;
use url::Url;

use crate::model::{Faces, Secret, SecretKey};
use crate::services::network::{self, Edge};
use crate::store::db::{Address, POSTGRES_CONNECTIONS, POSTGRES_CONNECTIONS_ALLOWED};

/// The checked configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    pub database: Address,
    pub database_connections: usize,
    pub listen: SocketAddr,
    pub admin_api_key: Option<Secret>,
    /// Without a slash at the end. `None`: the address that the server listens on.
    pub public_url: Option<String>,
    /// Where links in mails lead, without a slash at the end. `None`: to this server's own pages.
    pub app_url: Option<String>,
    pub mail: MailConfig,
    /// `None`: an address at the public URL's host.
    pub mail_from: Option<Mailbox>,
    /// The folder of the operator's mail templates.
    pub mail_templates: Option<PathBuf>,
    /// The APIs of other products that are on; `None`: as the database has it.
    pub faces: Option<Faces>,
    pub graphiql: bool,
    pub introspection: bool,
    pub audit_log: Option<PathBuf>,
    /// `None`: a key file next to the SQLite file, and on PostgreSQL no sessions.
    pub secret_key: Option<SecretKey>,
    pub edge: Edge,
    /// Top-level keys of effective variables that all users see of themselves.
    pub public_variables: BTreeSet<String>,
    /// The permissions that are declared when the server starts; `None` to declare none.
    pub permissions_file: Option<PathBuf>,
}

/// Where mails go.
#[derive(Clone, Debug)]
pub enum MailConfig {
    /// Nowhere: operations that need mail are refused before they create anything. Debug builds write mails to the log.
    None,
    Directory(PathBuf),
    Smtp(Smtp),
}

const ADMIN_API_KEY_CHARACTERS_MIN: usize = 20;

impl Config {
    /// Checks everything and reports all mistakes at once, one per line. The environment consists of names and values.
    pub fn read(args: &ConfigArgs, environment: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let mut faults = Faults::default();
        for (name, value) in environment {
            let ours = name.starts_with("TENANTRY_") && !name.starts_with("TENANTRY_TEST_");
            if ours && !variables().contains(&name) && !is_service_link(&name, &value) {
                faults.add(&name, &unknown(&name));
            }
        }
        let given = |value: &Option<String>| value.clone().filter(|text| !text.is_empty());
        let database_url = given(&args.database_url).unwrap_or_else(|| "sqlite://tenantry.db".to_owned());
        let database = database_url.parse().unwrap_or_else(|what: String| {
            faults.add("TENANTRY_DATABASE_URL", &what);
            Address::Sqlite(PathBuf::new())
        });
        let database_connections = faults.read(
            "TENANTRY_DATABASE_CONNECTIONS",
            &args.database_connections,
            "must be a number from 1 to 1000",
            |text| {
                text.parse()
                    .ok()
                    .filter(|number| POSTGRES_CONNECTIONS_ALLOWED.contains(number))
            },
        );
        let listen = faults.read(
            "TENANTRY_LISTEN",
            &args.listen,
            "must be an address and a port, as in 127.0.0.1:8000",
            |text| text.to_socket_addrs().ok()?.next(),
        );
        let admin_api_key = faults.read(
            "TENANTRY_ADMIN_API_KEY",
            &args.admin_api_key,
            "must be 20 or more visible ASCII characters",
            |key| {
                let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
                (visible && key.len() >= ADMIN_API_KEY_CHARACTERS_MIN).then(|| Secret::given(key))
            },
        );
        let public_url = faults.read(
            "TENANTRY_PUBLIC_URL",
            &args.public_url,
            "must be a URL without query, as in https://directory.example.com",
            base_url,
        );
        let app_url = faults.read(
            "TENANTRY_APP_URL",
            &args.app_url,
            "must be a URL without query, as in https://app.example.com",
            base_url,
        );
        let mail = match (given(&args.mail_dir), given(&args.smtp_url)) {
            (Some(_), Some(_)) => {
                faults.add("TENANTRY_MAIL_DIR", "and TENANTRY_SMTP_URL are both set; set one");
                MailConfig::None
            }
            (Some(folder), None) => MailConfig::Directory(folder.into()),
            (None, Some(url)) => Smtp::parse(&url).map_or_else(
                |what| {
                    faults.add("TENANTRY_SMTP_URL", what);
                    MailConfig::None
                },
                MailConfig::Smtp,
            ),
            (None, None) => MailConfig::None,
        };
        let mail_from = faults.read(
            "TENANTRY_MAIL_FROM",
            &args.mail_from,
            "must be an e-mail address, with a name before it if you like: Acme <no-reply@acme.example>",
            |text| text.parse().ok(),
        );
        let faces = faults.read(
            "TENANTRY_FACES",
            &args.faces,
            "must be names of kili, waii, wallaroo and air separated by commas, or none",
            Faces::parse,
        );
        let graphiql = faults.read("TENANTRY_GRAPHIQL", &args.graphiql, SWITCH, switch);
        let introspection = faults.read("TENANTRY_INTROSPECTION", &args.introspection, SWITCH, switch);
        let secret_key = faults.read(
            "TENANTRY_SECRET_KEY",
            &args.secret_key,
            "must be 64 hex digits; 'openssl rand -hex 32' makes some",
            SecretKey::parse,
        );
        let trusted_proxies = faults.read(
            "TENANTRY_TRUSTED_PROXIES",
            &args.trusted_proxies,
            "must be addresses or networks separated by commas, as in 10.0.0.0/8,192.0.2.1",
            |list| items(list).map(network::proxies).collect(),
        );
        let cors_origins = faults.read(
            "TENANTRY_CORS_ORIGINS",
            &args.cors_origins,
            "must be origins separated by commas, without a path: https://app.example.com",
            |list| items(list).map(network::origin).collect(),
        );
        if !faults.0.is_empty() {
            return Err(faults.0);
        }
        Ok(Self {
            database,
            database_connections: database_connections.unwrap_or(POSTGRES_CONNECTIONS),
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            admin_api_key,
            public_url,
            app_url,
            mail,
            mail_from,
            mail_templates: given(&args.mail_templates).map(PathBuf::from),
            faces,
            graphiql: graphiql.unwrap_or(true),
            introspection: introspection.unwrap_or(true),
            audit_log: given(&args.audit_log).map(PathBuf::from),
            secret_key,
            edge: Edge {
                trusted_proxies: trusted_proxies.unwrap_or_default(),
                cors_origins: cors_origins.unwrap_or_default(),
            },
            public_variables: items(args.public_variables.as_deref().unwrap_or_default())
                .map(str::to_owned)
                .collect(),
            permissions_file: given(&args.permissions_file).map(PathBuf::from),
        })
    }
}

/// Every variable that is read. Any other `TENANTRY_` variable is probably mistyped and is refused.
fn variables() -> Vec<String> {
    let flags = ConfigArgs::augment_args(Command::default());
    let variables = flags.get_arguments().filter_map(|flag| flag.get_env()?.to_str());
    variables.map(str::to_owned).collect()
}

/// Whether Kubernetes set this variable. Kubernetes gives every container variables for the services around it, and a
/// service may be called `tenantry` or `tenantry-pg`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    if name.ends_with("_SERVICE_HOST") || (name.ends_with("_PORT") && is_url) {
        return true;
    }
    // Example: TENANTRY_SERVICE_PORT_HTTP.
    if name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return value.parse::<u16>().is_ok();
    }
    // Example: TENANTRY_PORT_80_TCP_ADDR.
    let Some((_, port)) = name.rsplit_once("_PORT_") else {
        return false;
    };
    let mut words = port.split('_');
    words.next().is_some_and(|number| number.parse::<u16>().is_ok())
        && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
        && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
        && words.next().is_none()
}

/// The message about a variable that is not read. It names the variable that was probably meant.
fn unknown(name: &str) -> String {
    const LIKENESS_MIN: f64 = 0.8;
    // Without the prefix that all of them share.
    let own = |name: &str| name.trim_start_matches("TENANTRY_").to_owned();
    let likeness = |known: &String| strsim::jaro_winkler(&own(name), &own(known));
    let nearest = variables()
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|known| likeness(known) >= LIKENESS_MIN);
    match nearest {
        Some(known) => format!("is not a variable of tenantry; perhaps {known} is meant"),
        None => "is not a variable of tenantry; see 'tenantry --help' for those there are".to_owned(),
    }
}

/// The parts of a list.
fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

const SWITCH: &str = "must be on or off";

fn switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

#[derive(Default)]
struct Faults(String);

impl Faults {
    fn add(&mut self, name: &str, what: &str) {
        let flag = name
            .trim_start_matches("TENANTRY_")
            .to_ascii_lowercase()
            .replace('_', "-");
        let also = match variables().iter().any(|known| known == name) {
            true => format!(" (--{flag})"),
            false => String::new(),
        };
        let _ = writeln!(self.0, "{name}{also} {what}.");
    }

    /// The value, if it is given and can be read.
    fn read<T>(
        &mut self,
        name: &str,
        given: &Option<String>,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = given.as_deref().filter(|text| !text.is_empty())?;
        let value = read(text);
        if value.is_none() {
            self.add(name, what);
        }
        value
    }
}

/// A base of links, without the slash at its end.
fn base_url(text: &str) -> Option<String> {
    let url = text.trim_end_matches('/');
    is_base_url(url).then(|| url.to_owned())
}

/// Whether it can be the base of links and the issuer of tokens. It may have a path.
fn is_base_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && !text.contains(":///")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            // It goes into mails and tokens without changes.
            && text.is_ascii()
            && !text.contains([' ', '"', '\'', '&', '<', '>', '\\'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_may_be_an_address() {
        for valid in [
            "https://directory.example.com",
            "http://localhost:8000",
            "http://[fd00::12]",
            "http://[fd00::12]:8000/directory",
            "https://192.0.2.1",
        ] {
            assert!(is_base_url(valid), "{valid}");
        }
        for invalid in [
            "directory.example.com",
            "https://",
            "https:///x",
            "http://[fd00::12",
            "https://u:p@a.example",
            "https://a.example?x",
            "https://a.example#x",
            "https://a.example/ x",
            "ftp://a.example",
            "https://a.example/a&b",
            "https://a.example/it's",
        ] {
            assert!(!is_base_url(invalid), "{invalid}");
        }
    }

    #[test]
    fn service_links_are_passed_over() {
        for (name, value) in [
            ("TENANTRY_SERVICE_HOST", "10.0.0.1"),
            ("TENANTRY_SERVICE_PORT", "80"),
            ("TENANTRY_SERVICE_PORT_HTTP", "80"),
            ("TENANTRY_PORT", "tcp://10.0.0.1:80"),
            ("TENANTRY_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("TENANTRY_PORT_80_TCP_PROTO", "tcp"),
            ("TENANTRY_PORT_80_TCP_PORT", "80"),
            ("TENANTRY_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("TENANTRY_PG_SERVICE_HOST", "10.0.0.2"),
            ("TENANTRY_PG_PORT", "tcp://10.0.0.2:5432"),
            ("TENANTRY_PG_PORT_5432_TCP_ADDR", "10.0.0.2"),
            ("TENANTRY_DNS_PORT_53_UDP", "udp://10.0.0.2:53"),
        ] {
            assert!(is_service_link(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("TENANTRY_PORT", "8000"),
            ("TENANTRY_HOST", "0.0.0.0"),
            ("TENANTRY_PORT_80", "80"),
            ("TENANTRY_PORT_HTTP_TCP", "80"),
            ("TENANTRY_SERVICE_PORT", "http"),
            ("TENANTRY_DATABASE_URI", "tcp://10.0.0.1:80"),
        ] {
            assert!(!is_service_link(name, value), "{name}={value}");
        }
    }
}
