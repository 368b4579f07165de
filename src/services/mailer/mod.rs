//! Mails: what they say, and handing one over.

mod letter;
mod names;
mod refusal;
mod smtp;

pub use letter::Letter;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use tokio::sync::Notify;
use url::Url;

use crate::model::Email;
use crate::model::error::{Error, Result};
use crate::services::config::MailConfig;

/// A mail server's words are somebody else's; so much of them is kept.
const SAID_CHARACTERS_MAX: usize = 300;

/// A subject and a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
}

/// Why a mail is not with the mail server, in that server's words or those of the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may be taken later.
    Later(String),
    /// It will never be taken.
    Never(String),
}

/// Sends mails the configured way.
#[derive(Clone, Debug)]
pub struct Mailer {
    way: Way,
    public_url: String,
    from: Mailbox,
    /// What comes behind the `@` in the ids of mails.
    host: String,
    due: Arc<Notify>,
    counts: Arc<Counts>,
}

#[derive(Clone, Debug)]
enum Way {
    Nowhere,
    Log,
    Directory(PathBuf),
    Smtp(smtp::Server),
}

/// What became of the mails that this process has tried to send.
#[derive(Debug, Default)]
pub struct Counts {
    sent: AtomicU64,
    put_off: AtomicU64,
    given_up: AtomicU64,
}

impl Counts {
    pub fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub fn put_off(&self) {
        self.put_off.fetch_add(1, Ordering::Relaxed);
    }

    pub fn given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    /// By outcome: sent, put off to a later attempt, given up.
    pub fn all(&self) -> [(&'static str, u64); 3] {
        [
            ("sent", self.sent.load(Ordering::Relaxed)),
            ("put_off", self.put_off.load(Ordering::Relaxed)),
            ("given_up", self.given_up.load(Ordering::Relaxed)),
        ]
    }
}

/// RFC 3834: nobody answers a machine, and no machine answers it.
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mailer {
    /// `from` is the sender; by default an address at the host of `public_url`, which is the base of links, without a slash at
    /// the end.
    pub fn new(config: &MailConfig, from: Option<&Mailbox>, public_url: &str) -> anyhow::Result<Self> {
        let way = match config {
            MailConfig::None if cfg!(debug_assertions) => Way::Log,
            MailConfig::None => Way::Nowhere,
            MailConfig::Directory(folder) => Way::Directory(folder.clone()),
            MailConfig::Smtp(smtp) => Way::Smtp(smtp::Server::new(smtp)?),
        };
        // An address in numbers has no mail.
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(Url::domain).unwrap_or("localhost");
        let from = match from {
            Some(from) => from.clone(),
            None => format!("tenantry <no-reply@{host}>")
                .parse()
                .context("cannot make a sender's address")?,
        };
        Ok(Self {
            way,
            public_url: public_url.to_owned(),
            from,
            host: host.to_owned(),
            due: Arc::default(),
            counts: Arc::default(),
        })
    }

    /// Makes the folder that mails are written to, if that is the way. Only a server does: to look at one must not make one.
    pub fn make_folder(&self) -> anyhow::Result<()> {
        match &self.way {
            Way::Directory(folder) => {
                make_private_folder(folder).with_context(|| format!("cannot make the mail folder {}", folder.display()))
            }
            Way::Nowhere | Way::Log | Way::Smtp(_) => Ok(()),
        }
    }

    /// Refuses what needs mail where there is no way to send one, before anything is made.
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

    /// Wakes the worker of this process: something may be due.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Waits until something may be due.
    pub async fn woken(&self) {
        self.due.notified().await;
    }

    /// What became of the mails that this process has tried to send.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends a mail past the outbox: nobody but the caller learns what becomes of it.
    pub async fn send_now(&self, to: &Email, mail: Mail) -> std::result::Result<(), Undelivered> {
        self.send(0, &uuid::Uuid::now_v7().to_string(), to, mail).await
    }

    /// Hands a mail over. It takes a minute at most, whatever the mail server does.
    /// `place` is its place among the others.
    pub async fn send(&self, place: i64, id: &str, to: &Email, mail: Mail) -> std::result::Result<(), Undelivered> {
        let message = self
            .message(id, to, mail)
            .map_err(|error| Undelivered::Never(said(&error)))?;
        match &self.way {
            Way::Nowhere => Err(Undelivered::Later("this server cannot send mail".to_owned())),
            Way::Log => {
                let text = String::from_utf8_lossy(&message.formatted()).into_owned();
                tracing::info!(target: "tenantry::mail", "a mail, since this is a debug build:\n{text}");
                Ok(())
            }
            // In the order in which they were written, and under one name at each attempt.
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
        Ok(Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .date_now()
            .from(self.from.clone())
            .to(to.as_str().parse()?)
            .subject(mail.subject)
            .header(MIME_VERSION_1_0)
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)?)
    }
}

/// An error with its causes, on one line and not too long.
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
    // Under its last name only when it is whole: readers wait for *.eml.
    let partial = path.with_extension("part");
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&partial).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, &text).await?;
    file.sync_all().await?;
    tokio::fs::rename(&partial, &path).await
}

/// Mails hold tokens: a folder that is made here is its owner's alone.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
