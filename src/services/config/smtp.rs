//! The mail server, as configured by a URL.
//!
//! A URL that could be read in two ways is refused. If a password contains an `@` or a `#`, the URL standard reads a
//! shortened password, or a host that somebody else may own.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::model::Secret;

/// A mail server as configured.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub user: String,
    pub password: Option<Secret>,
}

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS; without it, nothing is sent.
    Required,
    /// STARTTLS if the server offers it.
    Offered,
    None,
}

/// What is wrong with a URL, shown after the name of its variable. It never quotes the URL, since any part of it may
/// belong to the password.
type Fault = &'static str;

const NO_URL: Fault = "must be a URL such as smtps://USER:PASSWORD@HOST or smtp://HOST:25, optionally with ?tls=required or \
                       ?tls=none";
const BLANK: Fault = "contains a space or a control character: remove it or, in a name or a password, write it as %XX";
const SIGN: Fault = "has an @, /, ? or # where none is allowed: in a name or a password write @ as %40, / as %2F, ? as %3F and # \
                     as %23";
const PERCENT: Fault = "has a % that does not begin a character written as %XX: in a name or a password write % as %25";
const CREDENTIALS: Fault = "must have both a user and a password, as in smtp://USER:PASSWORD@HOST, or neither";
const DECODED: Fault =
    "has a name or a password that is not text: %XX must be a byte of UTF-8, and not of a control character";
const SEVERAL: Fault = "names several servers: name one, and let it relay mails to the others";
const HOST: Fault = "must name a host after smtp:// or smtps://, or after the @: a name in ASCII, an IPv4 address, or an IPv6 \
                     address in brackets";
const PORT: Fault = "must have a number from 1 to 65535 after the colon of its host, or no colon";
const PATH: Fault = "has a path after the host: remove it, since a mail server has none";
const PARAMETER: Fault = "has an unknown parameter after the ?: only ?tls=required, ?tls=opportunistic or ?tls=none is allowed \
                          there, once";
const TLS: Fault = "has a ?tls= that contradicts the rest: smtps:// is always encrypted, and with a password STARTTLS is \
                    required, or left out with ?tls=none";

impl Smtp {
    /// Reads a URL. A password is sent over an unencrypted connection only if the URL says so: by default, STARTTLS is
    /// required with a password, and otherwise used if the server offers it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BLANK);
        }
        let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(NO_URL),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let behind = rest.get(authority.len()..).unwrap_or_default();
        if behind.contains(['@', '#']) || authority.matches('@').count() > 1 {
            return Err(SIGN);
        }
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        if !matches!(path, "" | "/") {
            return Err(PATH);
        }
        let (credentials, host) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials_of(credentials)?), host),
            None => (None, authority),
        };
        let (host, port) = host_of(host)?;
        // After the checks above, the URL has only one meaning. The standard may still reject it.
        Url::parse(text).map_err(|_| NO_URL)?;
        let encryption = match (secure, tls_of(query)?, &credentials) {
            (true, None, _) => Encryption::Tls,
            (false, Some(Encryption::Required), _) | (false, None, Some(_)) => Encryption::Required,
            (false, Some(Encryption::Offered) | None, None) => Encryption::Offered,
            (false, Some(Encryption::None), _) => Encryption::None,
            _ => return Err(TLS),
        };
        let usual = match (encryption, &credentials) {
            (Encryption::Tls, _) => 465,
            (_, Some(_)) => 587,
            (_, None) => 25,
        };
        let (user, password) = credentials.unzip();
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            encryption,
            user: user.unwrap_or_default(),
            password: password.map(|password| Secret::given(&password)),
        })
    }
}

/// The name and the password from `USER:PASSWORD`.
fn credentials_of(text: &str) -> Result<(String, String), Fault> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => Ok((decoded(user)?, decoded(password)?)),
        _ => Err(CREDENTIALS),
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    if !escapes.all(|escape| is_hex(escape.first()) && is_hex(escape.get(1))) {
        return Err(PERCENT);
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text.into_owned()),
        _ => Err(DECODED),
    }
}

/// The host without brackets, and the port, from `HOST:PORT`.
fn host_of(text: &str) -> Result<(&str, Option<u16>), Fault> {
    if text.contains(',') {
        return Err(SEVERAL);
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
        Some(_) => return Err(HOST),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            if name.is_empty() || !name.chars().all(is_of_name) {
                return Err(HOST);
            }
            (name, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        None => Err(HOST),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(port @ 1..) => Ok((host, Some(port))),
            _ => Err(PORT),
        },
        Some(_) => Err(PORT),
    }
}

/// The value of `?tls=…`.
fn tls_of(query: &str) -> Result<Option<Encryption>, Fault> {
    match query {
        "" => Ok(None),
        "tls=required" => Ok(Some(Encryption::Required)),
        "tls=opportunistic" => Ok(Some(Encryption::Offered)),
        "tls=none" => Ok(Some(Encryption::None)),
        _ => Err(PARAMETER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Result<(String, u16, Encryption, String, Option<String>), Fault> {
        let smtp = Smtp::parse(text)?;
        let password = smtp.password.as_ref().map(|password| password.expose().to_owned());
        Ok((smtp.host, smtp.port, smtp.encryption, smtp.user, password))
    }

    #[test]
    fn a_mail_server_is_read_from_its_url() {
        for (text, host, port, encryption, credentials) in [
            ("smtps://h.example", "h.example", 465, Encryption::Tls, None),
            ("SMTPS://h.example/", "h.example", 465, Encryption::Tls, None),
            ("smtp://h.example", "h.example", 25, Encryption::Offered, None),
            ("smtp://h_1.example?", "h_1.example", 25, Encryption::Offered, None),
            ("smtp://h.example:26?tls=none", "h.example", 26, Encryption::None, None),
            (
                "smtp://h.example/?tls=required",
                "h.example",
                25,
                Encryption::Required,
                None,
            ),
            (
                "smtp://h.example?tls=opportunistic",
                "h.example",
                25,
                Encryption::Offered,
                None,
            ),
            (
                "smtp://u:p@h.example",
                "h.example",
                587,
                Encryption::Required,
                Some(("u", "p")),
            ),
            (
                "smtps://u:p@h.example:65535",
                "h.example",
                65535,
                Encryption::Tls,
                Some(("u", "p")),
            ),
            (
                "smtp://u%40x:p%2F%25%3A:%c3%a4@[fd00::12]?tls=required",
                "fd00::12",
                587,
                Encryption::Required,
                Some(("u@x", "p/%::ä")),
            ),
            (
                "smtp://u:p@127.0.0.1?tls=none",
                "127.0.0.1",
                587,
                Encryption::None,
                Some(("u", "p")),
            ),
            ("smtp://[::1]:2525", "::1", 2525, Encryption::Offered, None),
        ] {
            let (user, password) = credentials.unzip();
            let expected = (
                host.to_owned(),
                port,
                encryption,
                user.unwrap_or_default().to_owned(),
                password.map(str::to_owned),
            );
            assert_eq!(seen(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_can_be_misread_is_refused() {
        for (text, expected) in [
            ("", NO_URL),
            ("h.example", NO_URL),
            ("smtp:h.example", NO_URL),
            ("smtp:/h.example", NO_URL),
            ("http://h.example", NO_URL),
            ("\"smtp://h.example\"", NO_URL),
            // A password that contains a character with a meaning in a URL.
            ("smtp://user:se@cret@h.example", SIGN),
            ("smtp://us@er:secret@h.example", SIGN),
            ("smtp://user:se#cret@h.example", SIGN),
            ("smtp://user:se/cret@h.example", SIGN),
            ("smtp://user:se?cret@h.example", SIGN),
            ("smtp://user:25/cret@h.example", SIGN),
            ("smtp://user:25?tls=none@h.example", SIGN),
            ("smtp://user:secret@h.example#", SIGN),
            ("smtp://h.example?tls=none#x", SIGN),
            ("smtp://user:se%cret@h.example", PERCENT),
            ("smtp://user:secret%@h.example", PERCENT),
            ("smtp://user:secret%4@h.example", PERCENT),
            ("smtp://user:se%ffcret@h.example", DECODED),
            ("smtp://user:se%00cret@h.example", DECODED),
            ("smtp://user%0a:secret@h.example", DECODED),
            // Blanks and control characters.
            ("smtp://user:se cret@h.example", BLANK),
            ("smtp://user:se\tcret@h.example", BLANK),
            ("smtp://user:secret@h.example\n", BLANK),
            (" smtp://h.example", BLANK),
            ("smtp://h.ex\0ample", BLANK),
            ("smtp://h.ex\u{a0}ample", BLANK),
            // A user without a password, or the reverse.
            ("smtp://user@h.example", CREDENTIALS),
            ("smtp://user:@h.example", CREDENTIALS),
            ("smtp://:secret@h.example", CREDENTIALS),
            ("smtp://:@h.example", CREDENTIALS),
            ("smtp://@h.example", CREDENTIALS),
            // Hosts and ports.
            ("smtp://", HOST),
            ("smtp://:25", HOST),
            ("smtp:///", HOST),
            ("smtp://user:secret@", HOST),
            ("smtp://user:secret@:25", HOST),
            ("smtp://?tls=none", HOST),
            ("smtp://h%2eexample", HOST),
            ("smtp://b\u{fc}cher.example", HOST),
            ("smtp://[h.example]", HOST),
            ("smtp://[::1", HOST),
            ("smtp://[::1]x", HOST),
            ("smtp://::1", HOST),
            ("smtp://fd00::12", PORT),
            ("smtp://h.example,i.example", SEVERAL),
            ("smtp://user:secret@h.example:25,i.example:25", SEVERAL),
            ("smtp://h.example:0", PORT),
            ("smtp://h.example:", PORT),
            ("smtp://h.example:65536", PORT),
            ("smtp://h.example:+25", PORT),
            ("smtp://h.example:smtp", PORT),
            ("smtp://h.example:25:26", PORT),
            ("smtp://user:secret@h.example/inbox", PATH),
            ("smtp://h.example//", PATH),
            // Query parameters.
            ("smtp://h.example?tls=perhaps", PARAMETER),
            ("smtp://h.example?tls", PARAMETER),
            ("smtp://h.example?tls=none&tls=required", PARAMETER),
            ("smtp://h.example?timeout=1", PARAMETER),
            ("smtp://h.example?tls=none&timeout=1", PARAMETER),
            ("smtps://h.example?tls=none", TLS),
            ("smtp://user:secret@h.example?tls=opportunistic", TLS),
        ] {
            assert_eq!(seen(text), Err(expected), "{text:?}");
        }
    }
}
