//! A mail server, and the conversation with it.
//!
//! lettre knows the words. What it leaves open is bounded here: how much the server says, and how long it takes. And it is
//! known here at which word the server refused: only there can be told whether the mail is at fault.

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
#[expect(deprecated, reason = "lettre has no other way to its own TLS over a stream of ours")]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Undelivered, refusal, said};
use crate::services::config::{Encryption, Smtp};

/// A mail server may take so long for a whole mail, from connecting to its last word.
const MAIL_TIME_MAX: Duration = Duration::from_secs(60);
/// The same for each of its words but the last, which has what is left: a server that looks a mail through takes its time,
/// and a mail that nobody waits for any more would be sent twice.
const WORD_TIME_MAX: Duration = Duration::from_secs(20);
/// A goodbye is waited for beside everything else: the mail is taken, or not.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(5);
/// So much may it say about one mail, encryption included. A certificate with its chain takes some 5 KiB, and each word less
/// than one. Not more: lettre reads an answer of many lines anew with each of them.
const SAID_BYTES_MAX: usize = 32 * 1024;

/// A mail server that is connected to for each mail.
#[derive(Clone, Debug)]
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    /// Who we say we are.
    us: ClientId,
}

/// Why one word of the conversation has no good answer.
enum Fault {
    /// The server's refusal, or lettre's own.
    Refused(lettre::transport::smtp::Error),
    Broken(io::Error),
    Silent,
}

impl From<lettre::transport::smtp::Error> for Fault {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Fault {
    /// That it says nothing of this mail: the next one would fare no better.
    fn of_the_way(self) -> Undelivered {
        Undelivered::Later(match self {
            Self::Refused(error) => said(&error),
            Self::Broken(error) => said(&error),
            Self::Silent => format!("the mail server said nothing for {} seconds", WORD_TIME_MAX.as_secs()),
        })
    }

    /// That it may say something of this mail, if it is a refusal that `is_final`.
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

    /// Hands a mail over. Once this is ready, the server has taken the mail or has not: dropped before, nobody knows.
    pub async fn send(&self, message: &Message) -> Result<(), Undelivered> {
        let handed_over = async {
            let mut server = self.connect().await.map_err(Fault::of_the_way)?;
            let result = hand_over(&mut server, message.envelope(), &message.formatted()).await;
            // It has said what becomes of the mail, and may be as slow as it likes to say goodbye.
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

    /// A connection to the first of its addresses that takes one.
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

/// What a word is answered, in time.
async fn in_time<T, E>(word: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
where
    Fault: From<E>,
{
    match timeout(WORD_TIME_MAX, word).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::Silent),
    }
}

/// Gives a mail to a server that lets us.
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
    // Whoever says yes to everything is no mail server.
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

/// A stream that ends with an error when more is read from it than may be.
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

/// TLS from the first byte, by the same checks as STARTTLS.
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
