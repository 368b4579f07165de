//! Checks of the configuration.

use std::path::Path;

use url::{Host, Url};

use super::Finding;
use crate::services::config::{Config, Encryption, MailConfig};
use crate::services::mailer::Templates;
use crate::store::db::Address;

pub fn examine(config: &Config) -> Vec<Finding> {
    let mut found = vec![public_url(config), secret_key(config), mail(config)];
    found.extend(config.app_url.as_deref().map(app_url));
    found.extend(config.mail_templates.as_deref().map(mail_templates));
    found.extend(proxies(config));
    found.extend(public_variables(config));
    found
}

fn public_url(config: &Config) -> Finding {
    const SUBJECT: &str = "public URL";
    let local = config.listen.ip().is_loopback();
    let Some(text) = &config.public_url else {
        return match (&config.app_url, local) {
            (Some(_), _) => Finding::fine(SUBJECT, "Not set; links begin with TENANTRY_APP_URL."),
            (None, true) => Finding::fine(SUBJECT, format!("Not set; links begin with http://{}.", config.listen)),
            (None, false) => Finding::wrong(
                SUBJECT,
                format!(
                    "Not set, so links in mails begin with http://{}. Set TENANTRY_PUBLIC_URL to the server's public \
                     URL.",
                    config.listen
                ),
            ),
        };
    };
    address(
        SUBJECT,
        text,
        "passwords and keys can be read on the network. Terminate TLS at a proxy, and use https:// in TENANTRY_PUBLIC_URL.",
    )
}

/// Where links in mails lead.
fn app_url(text: &str) -> Finding {
    address(
        "app URL",
        text,
        "links that set passwords lead there. Use https:// in TENANTRY_APP_URL.",
    )
}

fn mail_templates(folder: &Path) -> Finding {
    const SUBJECT: &str = "templates";
    match Templates::with_own(folder) {
        Ok(_) => Finding::fine(SUBJECT, format!("Those in {} are in order.", folder.display())),
        Err(error) => Finding::wrong(SUBJECT, format!("The server does not start with them: {error:#}.")),
    }
}

/// A URL that others use; `danger` is what follows from one that is not encrypted.
fn address(subject: &'static str, text: &str, danger: &str) -> Finding {
    let url = Url::parse(text).ok();
    let of_this_machine = match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.as_ref().map(Url::scheme) {
        Some("https") => Finding::fine(subject, format!("{text}.")),
        _ if of_this_machine => Finding::fine(subject, format!("{text}, reachable from this machine only.")),
        _ => Finding::risky(subject, format!("{text} is not encrypted: {danger}")),
    }
}

fn secret_key(config: &Config) -> Finding {
    const SUBJECT: &str = "secret key";
    match (&config.secret_key, &config.database) {
        (Some(_), _) => Finding::fine(SUBJECT, "TENANTRY_SECRET_KEY is set."),
        (None, Address::Sqlite(_)) => Finding::fine(SUBJECT, "It is in a file next to the database."),
        (None, Address::Postgres(_)) => Finding::wrong(
            SUBJECT,
            "TENANTRY_SECRET_KEY is not set: nobody can sign in, and no mail with a link can be sent. Set it to what \
             'openssl rand -hex 32' prints, the same for every process on this database.",
        ),
    }
}

fn mail(config: &Config) -> Finding {
    const SUBJECT: &str = "mail";
    match &config.mail {
        MailConfig::None => Finding::risky(
            SUBJECT,
            "No mail server is configured, so invitations, password resets and verifications are refused. Set \
             TENANTRY_SMTP_URL.",
        ),
        MailConfig::Directory(folder) => Finding::risky(
            SUBJECT,
            format!(
                "Mails are written to {} and not sent. Set TENANTRY_SMTP_URL instead of TENANTRY_MAIL_DIR.",
                folder.display()
            ),
        ),
        MailConfig::Smtp(smtp) => match smtp.encryption {
            Encryption::Tls | Encryption::Required => {
                Finding::fine(SUBJECT, format!("Sent through {}, encrypted.", smtp.host))
            }
            Encryption::Offered | Encryption::None if is_of_this_machine(&smtp.host) => {
                Finding::fine(SUBJECT, "Sent through a mail server on this machine.")
            }
            Encryption::Offered | Encryption::None => Finding::risky(
                SUBJECT,
                format!(
                    "Links to set passwords may go to {} unencrypted. Add ?tls=required to TENANTRY_SMTP_URL, or use \
                     smtps://.",
                    smtp.host
                ),
            ),
        },
    }
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What users see without a permission, because a key in this list may have been meant for administrators only.
fn public_variables(config: &Config) -> Option<Finding> {
    let keys: Vec<&str> = config.public_variables.iter().map(String::as_str).collect();
    let says = || {
        format!(
            "All users see these keys of their effective variables: {}.",
            keys.join(", ")
        )
    };
    (!keys.is_empty()).then(|| Finding::fine("variables", says()))
}

/// A trusted proxy can claim any client address.
fn proxies(config: &Config) -> Option<Finding> {
    let everybody = config
        .edge
        .trusted_proxies
        .iter()
        .find(|proxies| proxies.prefix_len() == 0)?;
    Some(Finding::risky(
        "proxies",
        format!(
            "TENANTRY_TRUSTED_PROXIES contains {everybody}: every client can forge its address, so limits per client \
             have no effect. List only your proxies."
        ),
    ))
}
