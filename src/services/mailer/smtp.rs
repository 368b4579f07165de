//! The SMTP conversation with a mail server.
//!
//! lettre implements the protocol. This module limits what lettre does not: how much the server may send and how long
//! it may take. It also records at which command the server refused, because that shows whether the mail is the reason.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::Context as _;
use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
#[expect(deprecated, reason = "lettre offers no other way to use its TLS on our own stream")]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Undelivered, refusal, said};
use crate::services::config::{Encryption, Smtp};

/// The limit for one mail, from connecting to the server's last reply.
const MAIL_TIME_MAX: Duration = Duration::from_secs(60);
/// The limit for each reply except the last, which may use all the time that is left. A server that scans a mail needs
/// time, and a mail that we stop waiting for would be sent twice.
const WORD_TIME_MAX: Duration = Duration::from_secs(20);
/// The goodbye runs in the background, because the mail has already been accepted or refused.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(5);
/// How much the server may send for one mail, encryption included. A certificate chain takes about 5 KiB, and each
/// reply less than one. The limit is not higher because lettre parses a reply of many lines from its start for each
/// line.
const SAID_BYTES_MAX: usize = 32 * 1024;

/// A mail server. Each mail uses a new connection.
#[derive(Clone, Debug)]
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    /// The name that we introduce ourselves with.
    us: ClientId,
}

/// Why a command got no good reply.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// The server refused, or lettre did.
    #[error(transparent)]
    Refused(#[from] lettre::transport::smtp::Error),
    #[error(transparent)]
    Broken(#[from] io::Error),
    #[error("the mail server said nothing for {} seconds", WORD_TIME_MAX.as_secs())]
    Silent,
}

impl Fault {
    /// The failure is not about this mail: the next mail would fail too.
    fn of_the_way(self) -> Undelivered {
        Undelivered::Later(said(&self))
    }

    /// The failure may be about this mail, if it is a refusal that `is_final`.
    fn of_the_mail(self, is_final: impl Fn(u16, &str) -> bool) -> Undelivered {
        if let Self::Refused(error) = &self
            && let Some(code) = error.status()
            && is_final(
                u16::from(code),
                &std::error::Error::source(error).map_or_else(String::new, ToString::to_string),
            )
        {
            return Undelivered::Never(said(error));
        }
        self.of_the_way()
    }
}

impl Server {
    pub fn new(smtp: &Smtp) -> anyhow::Result<Self> {
        let parameters = || {
            TlsParameters::new(smtp.host.clone()).context("cannot use TLS with the mail server of TENANTRY_SMTP_URL")
        };
        let tls = match smtp.encryption {
            Encryption::Tls => Tls::Wrapper(parameters()?),
            Encryption::Required => Tls::Required(parameters()?),
            Encryption::Offered => Tls::Opportunistic(parameters()?),
            Encryption::None => Tls::None,
        };
        let credentials =
            |password: &crate::model::Secret| Credentials::new(smtp.user.clone(), password.expose().to_owned());
        Ok(Self {
            host: smtp.host.clone(),
            port: smtp.port,
            tls,
            credentials: smtp.password.as_ref().map(credentials),
            us: ClientId::default(),
        })
    }

    /// Sends a mail. When this returns, the server has accepted the mail or has not. If the future is dropped earlier,
    /// the outcome is unknown.
    pub async fn send(&self, message: &Message) -> Result<(), Undelivered> {
        let handed_over = async {
            let mut server = self.connect().await.map_err(Fault::of_the_way)?;
            let result = hand_over(&mut server, message.envelope(), &message.formatted()).await;
            // The outcome for the mail is known, so a slow goodbye does not matter.
            tokio::spawn(async move { timeout(GOODBYE_TIME_MAX, server.abort()).await });
            result
        };
        match timeout(MAIL_TIME_MAX, handed_over).await {
            Ok(result) => result,
            Err(_) => Err(Undelivered::Later(format!(
                "the mail server did not take the mail within {} seconds",
                MAIL_TIME_MAX.as_secs()
            ))),
        }
    }

    /// Connects, encrypts as configured, and signs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Fault> {
        let stream = Metered {
            stream: self.reach().await?,
            left: SAID_BYTES_MAX,
        };
        let stream: Box<dyn AsyncTokioStream> = match &self.tls {
            Tls::Wrapper(parameters) => Box::new(in_time(Encrypted::over(stream, parameters.clone())).await?),
            _ => Box::new(stream),
        };
        let mut server = in_time(AsyncSmtpConnection::connect_with_transport(stream, &self.us)).await?;
        match &self.tls {
            Tls::Opportunistic(_) if !server.can_starttls() => {}
            Tls::Opportunistic(parameters) | Tls::Required(parameters) => {
                in_time(server.starttls(parameters.clone(), &self.us)).await?;
            }
            Tls::Wrapper(_) | Tls::None => {}
        }
        if let Some(credentials) = &self.credentials {
            in_time(server.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(server)
    }

    /// A connection to the first of its addresses that accepts one.
    async fn reach(&self) -> Result<TcpStream, Fault> {
        let addresses = in_time(tokio::net::lookup_host((self.host.as_str(), self.port))).await?;
        let mut fault = Fault::Broken(io::Error::new(
            io::ErrorKind::NotFound,
            "the mail server has no address",
        ));
        for address in addresses {
            match in_time(TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }
}

/// The reply to a command, within the time limit.
async fn in_time<T, E>(word: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
where
    Fault: From<E>,
{
    match timeout(WORD_TIME_MAX, word).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::Silent),
    }
}

/// Sends a mail over a connection that is signed in.
async fn hand_over(server: &mut AsyncSmtpConnection, envelope: &Envelope, text: &[u8]) -> Result<(), Undelivered> {
    let addresses = || envelope.from().into_iter().chain(envelope.to());
    let mut parameters = Vec::new();
    if addresses().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        if !server.server_info().supports_feature(Extension::SmtpUtfEight) {
            let words = "the mail server takes no addresses with letters beyond ASCII";
            return Err(Undelivered::Later(words.to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    in_time(server.command(Mail::new(envelope.from().cloned(), parameters)))
        .await
        .map_err(Fault::of_the_way)?;
    for to in envelope.to() {
        in_time(server.command(Rcpt::new(to.clone(), Vec::new())))
            .await
            .map_err(|fault| fault.of_the_mail(refusal::is_of_recipient))?;
    }
    let asked = in_time(server.command(Data))
        .await
        .map_err(|fault| fault.of_the_mail(refusal::is_of_content))?;
    // A server that accepts every command is not a mail server.
    if !asked.has_code(354) {
        return Err(Undelivered::Later(format!(
            "the mail server did not ask for the mail, but said {}",
            asked.code()
        )));
    }
    match server.message(text).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::from(error).of_the_mail(refusal::is_of_content)),
    }
}

/// A stream that fails when more than the limit is read from it.
#[derive(Debug)]
struct Metered {
    stream: TcpStream,
    left: usize,
}

impl AsyncTokioStream for Metered {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Metered {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let read = into.filled().len().saturating_sub(before);
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other("the mail server said too much"))),
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// TLS from the first byte, with the same checks as STARTTLS.
#[expect(deprecated, reason = "see its import")]
#[derive(Debug)]
struct Encrypted(AsyncNetworkStream);

impl Encrypted {
    async fn over(stream: Metered, parameters: TlsParameters) -> Result<Self, lettre::transport::smtp::Error> {
        #[expect(deprecated, reason = "see its import")]
        let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(stream));
        stream.upgrade_tls(parameters).await?;
        Ok(Self(stream))
    }
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(futures::AsyncRead::poll_read(
            Pin::new(&mut self.0),
            context,
            into.initialize_unfilled()
        ))?;
        into.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        futures::AsyncWrite::poll_write(Pin::new(&mut self.0), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures::AsyncWrite::poll_flush(Pin::new(&mut self.0), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        futures::AsyncWrite::poll_close(Pin::new(&mut self.0), context)
    }
}
