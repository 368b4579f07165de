//! A mail server that does what a test says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How the server answers a recipient, by the word that the address begins with: `later` is told 451, `never` 550,
/// `silent` nothing at all, `held` nothing for as long as it is held back; everybody else gets the mail.
#[derive(Clone, Default)]
pub struct Smtp {
    pub url: String,
    taken: Arc<Mutex<Vec<String>>>,
    /// What `later` is told: nothing is wrong with it any more once this is taken away.
    pub later: Arc<Mutex<Option<&'static str>>>,
    /// Whether mails to `held` are held back, and how many are.
    pub hold: tokio::sync::watch::Sender<bool>,
    pub held: Arc<std::sync::atomic::AtomicUsize>,
}

impl Smtp {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("smtp://{}", listener.local_addr().unwrap()),
            later: Arc::new(Mutex::new(Some("451 4.3.0 the queue is full"))),
            ..Self::default()
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.talk(stream).await });
            }
        });
        server
    }

    /// The mails it has taken, oldest first.
    pub fn mails(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    async fn talk(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut say = async |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).await.ok();
        say("220 test").await?;
        loop {
            let line = lines.next_line().await.ok()??;
            let upper = line.to_uppercase();
            if upper.starts_with("RCPT TO:<SILENT") {
                std::future::pending::<()>().await;
            }
            let later = *self.later.lock().unwrap();
            if upper.starts_with("RCPT TO:<HELD") {
                self.held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                self.hold.subscribe().wait_for(|hold| !hold).await.ok()?;
            }
            let answer = match (upper.as_str(), later) {
                (line, _) if line.starts_with("EHLO") => "250 test",
                (line, Some(said)) if line.starts_with("RCPT TO:<LATER") || line.starts_with("RCPT TO:<HELD") => said,
                (line, _) if line.starts_with("RCPT TO:<NEVER") => "550 5.1.1 no such mailbox here",
                ("DATA", _) => {
                    say("354 go on").await?;
                    let mut mail = String::new();
                    loop {
                        let line = lines.next_line().await.ok()??;
                        if line == "." {
                            break;
                        }
                        mail.push_str(&line);
                        mail.push_str("\r\n");
                    }
                    self.taken.lock().unwrap().push(mail);
                    "250 taken"
                }
                ("QUIT", _) => {
                    say("221 bye").await?;
                    return None;
                }
                _ => "250 well",
            };
            say(answer).await?;
        }
    }
}
