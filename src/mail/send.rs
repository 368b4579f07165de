//! Handing a mail over.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

use crate::config::MailConfig;
use crate::error::{Error, Result};
use crate::value::Email;

const SMTP_TIMEOUT: Duration = Duration::from_secs(10);

/// A subject and a plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
}

/// Sends mails the configured way.
#[derive(Clone, Debug)]
pub struct Mailer {
    way: Way,
    public_url: String,
    from: Mailbox,
}

#[derive(Clone, Debug)]
enum Way {
    Nowhere,
    Log,
    Directory(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// `public_url` is the base of links, without a slash at the end.
    pub fn new(config: &MailConfig, public_url: &str) -> anyhow::Result<Self> {
        let way = match config {
            MailConfig::None if cfg!(debug_assertions) => Way::Log,
            MailConfig::None => Way::Nowhere,
            MailConfig::Directory(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the mail folder {}", folder.display()))?;
                Way::Directory(folder.clone())
            }
            MailConfig::Smtp(url) => Way::Smtp(
                AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .context("TENANTRY_SMTP_URL is not an SMTP URL")?
                    .timeout(Some(SMTP_TIMEOUT))
                    .build(),
            ),
        };
        let host = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
        let host = host
            .split(['/', ':'])
            .next()
            .filter(|host| host.contains(char::is_alphabetic))
            .unwrap_or("localhost");
        let from = format!("tenantry <no-reply@{host}>")
            .parse()
            .context("cannot make a sender's address")?;
        Ok(Self {
            way,
            public_url: public_url.to_owned(),
            from,
        })
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

    /// Hands a mail over that nothing depends on: it tells of a change that is made. Where it cannot be sent, the log
    /// says so.
    pub async fn notify(&self, to: &Email, mail: Mail) {
        if self.require().is_err() {
            return;
        }
        if let Err(error) = self.send(to, mail).await {
            tracing::warn!(error = %error, "a notice could not be mailed");
        }
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Hands a mail over. `UNAVAILABLE` if nobody takes it; what it was about is committed by then, and asking again
    /// sends a new one.
    pub async fn send(&self, to: &Email, mail: Mail) -> Result<()> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(to.as_str().parse().map_err(Error::internal)?)
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(Error::internal)?;
        let unavailable = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Unavailable {
            retry_after_seconds: 30,
            source: Some(cause),
        };
        match &self.way {
            Way::Nowhere => self.require(),
            Way::Log => {
                let text = String::from_utf8_lossy(&message.formatted()).into_owned();
                tracing::info!(target: "tenantry::mail", "a mail, since this is a debug build:\n{text}");
                Ok(())
            }
            Way::Directory(folder) => {
                let path = folder.join(format!("{}.eml", Uuid::now_v7()));
                // Under its last name only when it is whole: readers wait for *.eml.
                let partial = path.with_extension("part");
                let written = async {
                    tokio::fs::write(&partial, message.formatted()).await?;
                    tokio::fs::rename(&partial, &path).await
                };
                written.await.map_err(|e| unavailable(e.into()))
            }
            Way::Smtp(server) => server
                .send(message)
                .await
                .map(|_| ())
                .map_err(|e| unavailable(e.into())),
        }
    }
}
