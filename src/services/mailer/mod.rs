//! Mails: their content, and how they are sent.

mod date;
mod letter;
mod names;
mod refusal;
mod smtp;
mod templates;
mod values;

pub use letter::{Letter, Letterhead, ResetLink};
pub use templates::{Fault, Templates};

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, MultiPart};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::Notify;
use url::Url;

use crate::model::Email;
use crate::model::error::{Error, Result};
use crate::services::config::MailConfig;

/// The mail server's replies are foreign text. At most this many characters of one are kept.
const SAID_CHARACTERS_MAX: usize = 300;

/// The outcomes of a mail that this process has tried to send.
pub const SENT: &str = "sent";
pub const PUT_OFF: &str = "put_off";
pub const GIVEN_UP: &str = "given_up";
/// Not sent, because its address gets too many.
pub const WITHHELD: &str = "withheld";

/// A subject and a body, as plain text and as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
}

/// Why the mail server did not accept a mail: its own reply, or what went wrong on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The server may accept it later.
    Later(String),
    /// The server will never accept it.
    Never(String),
}

/// Sends mails as configured.
#[derive(Clone, Debug)]
pub struct Mailer {
    way: Way,
    public_url: String,
    /// The base of links: the address of the application, or the public URL.
    base: String,
    templates: Arc<Templates>,
    from: Mailbox,
    /// The part after the `@` in message ids.
    host: String,
    due: Arc<Notify>,
    outcomes: Outcomes,
}

#[derive(Clone, Debug)]
enum Way {
    Nowhere,
    Log,
    Directory(PathBuf),
    Smtp(smtp::Server),
}

/// Counts mails by their outcome: those that this process has tried to send.
pub type Outcomes = Family<[(&'static str, &'static str); 1], Counter>;

impl Mailer {
    /// `from` is the sender; the default is an address at the host of `public_url`. `public_url` is the base of links,
    /// unless [`Self::with_app_url`] sets another one. It has no slash at the end.
    pub fn new(config: &MailConfig, from: Option<&Mailbox>, public_url: &str) -> anyhow::Result<Self> {
        let way = match config {
            MailConfig::None if cfg!(debug_assertions) => Way::Log,
            MailConfig::None => Way::Nowhere,
            MailConfig::Directory(folder) => Way::Directory(folder.clone()),
            MailConfig::Smtp(smtp) => Way::Smtp(smtp::Server::new(smtp)?),
        };
        let templates = Templates::built_in().map_err(|fault| anyhow::anyhow!("{fault}"))?;
        // There are no mail addresses at an IP address.
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(Url::domain).unwrap_or("localhost");
        let from = match from {
            Some(from) => from.clone(),
            None => format!("tenantry <no-reply@{host}>")
                .parse()
                .context("cannot make a sender's address")?,
        };
        let outcomes = Outcomes::default();
        for outcome in [SENT, PUT_OFF, GIVEN_UP, WITHHELD] {
            let _ = outcomes.get_or_create(&[("result", outcome)]);
        }
        Ok(Self {
            way,
            public_url: public_url.to_owned(),
            base: public_url.to_owned(),
            templates: Arc::new(templates),
            from,
            host: host.to_owned(),
            due: Arc::default(),
            outcomes,
        })
    }

    /// Lets links lead to the pages of an application. The URL has no slash at the end.
    #[must_use]
    pub fn with_app_url(mut self, app_url: &str) -> Self {
        app_url.clone_into(&mut self.base);
        self
    }

    /// Writes letters from other templates than those in the binary.
    #[must_use]
    pub fn with_templates(mut self, templates: Templates) -> Self {
        self.templates = Arc::new(templates);
        self
    }

    /// Writes a letter as a mail.
    pub fn write(&self, letter: &Letter, head: &Letterhead) -> std::result::Result<Mail, Fault> {
        self.templates.write(letter, head, &self.base)
    }

    /// Creates the folder that mails are written to, if mails are written to a folder. Only a server calls this:
    /// commands that only inspect must not create anything.
    pub fn make_folder(&self) -> anyhow::Result<()> {
        match &self.way {
            Way::Directory(folder) => {
                make_private_folder(folder).with_context(|| format!("cannot make the mail folder {}", folder.display()))
            }
            Way::Nowhere | Way::Log | Way::Smtp(_) => Ok(()),
        }
    }

    /// Refuses an operation that needs mail, before it creates anything, if mail is not configured.
    pub fn require(&self) -> Result<()> {
        match self.way {
            Way::Nowhere => Err(Error::invalid(
                "where",
                "This server cannot send mail. Its operator can set TENANTRY_SMTP_URL or TENANTRY_MAIL_DIR.".to_owned(),
            )),
            Way::Log | Way::Directory(_) | Way::Smtp(_) => Ok(()),
        }
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Wakes the worker of this process, because a mail may be due.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Waits until a mail may be due.
    pub async fn woken(&self) {
        self.due.notified().await;
    }

    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// Counts a mail that this process has tried to send.
    pub fn count(&self, outcome: &'static str) {
        self.outcomes.get_or_create(&[("result", outcome)]).inc();
    }

    /// Sends a mail without the outbox. Only the caller learns the outcome.
    pub async fn send_now(&self, to: &Email, mail: Mail) -> std::result::Result<(), Undelivered> {
        self.send(0, &uuid::Uuid::now_v7().to_string(), to, mail).await
    }

    /// Sends a mail. This takes at most a minute, whatever the mail server does. `place` is the mail's position among
    /// the others.
    pub async fn send(&self, place: i64, id: &str, to: &Email, mail: Mail) -> std::result::Result<(), Undelivered> {
        let message = self
            .message(id, to, mail.clone())
            .map_err(|error| Undelivered::Never(said(&error)))?;
        match &self.way {
            Way::Nowhere => Err(Undelivered::Later("this server cannot send mail".to_owned())),
            Way::Log => {
                // For people: not the encoded parts of the message.
                let Mail { subject, text, .. } = mail;
                tracing::info!(
                    target: "tenantry::mail",
                    "a mail, since this is a debug build:\nTo: {to}\nSubject: {subject}\n\n{text}"
                );
                Ok(())
            }
            // File names sort in the order in which the mails were written. Each attempt writes the same file.
            Way::Directory(folder) => write(folder, &format!("{place:010}-{id}"), message.formatted())
                .await
                .map_err(|error| {
                    Undelivered::Later(said(&format!(
                        "cannot write to the mail folder {}: {error}",
                        folder.display()
                    )))
                }),
            Way::Smtp(server) => server.send(&message).await,
        }
    }

    fn message(&self, id: &str, to: &Email, mail: Mail) -> anyhow::Result<Message> {
        let message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .date_now()
            .from(self.from.clone())
            .to(to.as_str().parse()?)
            .subject(mail.subject)
            .header(MIME_VERSION_1_0);
        let mut message = match mail.html {
            Some(html) => message.multipart(MultiPart::alternative_plain_html(mail.text, html))?,
            None => message.header(ContentType::TEXT_PLAIN).body(mail.text)?,
        };
        // RFC 3834: it says that a program sent the mail, so that other programs do not answer it.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        let automatic = HeaderValue::new(name, "auto-generated".to_owned());
        message.headers_mut().insert_raw(automatic);
        Ok(message)
    }
}

/// An error with its causes, on one line, shortened.
fn said(error: &(impl std::fmt::Display + ?Sized)) -> String {
    let text = format!("{error:#}");
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(SAID_CHARACTERS_MAX).collect()
}

async fn write(folder: &Path, name: &str, text: Vec<u8>) -> std::io::Result<()> {
    let path = folder.join(format!("{name}.eml"));
    // The file gets its final name when it is complete, because readers wait for *.eml.
    let partial = path.with_extension("part");
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(&partial).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &text).await?;
    file.sync_all().await?;
    tokio::fs::rename(&partial, &path).await
}

/// Mails contain tokens, so only the owner of a folder that is created here can read it.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder)
}
