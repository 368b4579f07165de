//! A mail server that does what a test says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpSocket, TcpStream};

/// How the server answers a recipient, by the word that the address begins with: `later` is told 451, `never` 550, `held`
/// nothing for as long as it is held back; everybody else gets the mail, `slow` without a word for as long.
#[derive(Clone, Default)]
pub struct Smtp {
    pub url: String,
    taken: Arc<Mutex<Vec<String>>>,
    /// What `later` is told: nothing is wrong with it any more once this is taken away.
    pub later: Arc<Mutex<Option<&'static str>>>,
    /// Whether mails to `held` and `slow` are held back, and how many were.
    pub hold: tokio::sync::watch::Sender<bool>,
    pub held: Arc<AtomicUsize>,
    /// What it does at a step in place of what is right: `GREETING`, a command's name, or `CONTENT`, behind a mail's end.
    pub instead: Arc<Mutex<BTreeMap<&'static str, Instead>>>,
    /// How many bytes it got rid of where it floods.
    pub flooded: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
pub enum Instead {
    Says(&'static str),
    /// Says this again and again.
    Floods(&'static str),
    /// Says nothing; at `CONTENT`, the mail is not taken.
    Hangs,
}

impl Smtp {
    pub async fn start() -> Self {
        // Small, so that what is flooded is what was read.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(64 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
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

    /// Does this at a step, and at all others what is right.
    pub fn only(&self, step: &'static str, instead: Instead) {
        *self.instead.lock().unwrap() = BTreeMap::from([(step, instead)]);
    }

    async fn talk(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut slow = false;
        self.say(&mut write, "GREETING", "220 test").await?;
        loop {
            let line = lines.next_line().await.ok()??;
            let upper = line.to_uppercase();
            let later = *self.later.lock().unwrap();
            if upper.starts_with("RCPT TO:<HELD") {
                self.hold_back().await?;
            }
            slow |= upper.starts_with("RCPT TO:<SLOW");
            let step = ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
                .into_iter()
                .find(|step| upper.starts_with(step))?;
            let answer = match (step, later) {
                ("EHLO", _) => "250-test\r\n250 AUTH PLAIN",
                ("AUTH", _) => "235 well",
                ("RCPT", Some(said)) if upper.starts_with("RCPT TO:<LATER") || upper.starts_with("RCPT TO:<HELD") => {
                    said
                }
                ("RCPT", _) if upper.starts_with("RCPT TO:<NEVER") => "550 5.1.1 no such mailbox here",
                ("DATA", _) => "354 go on",
                ("QUIT", _) => "221 bye",
                _ => "250 well",
            };
            let said = self.say(&mut write, step, answer).await?;
            if step == "QUIT" {
                return None;
            }
            if !said.starts_with("354") {
                continue;
            }
            let mut mail = String::new();
            loop {
                let line = lines.next_line().await.ok()??;
                if line == "." {
                    break;
                }
                mail.push_str(&line);
                mail.push_str("\r\n");
            }
            // Taken before that is said: the other side may look as soon as it hears it.
            if !self.instead.lock().unwrap().contains_key("CONTENT") {
                self.taken.lock().unwrap().push(mail);
            }
            if slow {
                self.hold_back().await?;
            }
            self.say(&mut write, "CONTENT", "250 taken").await?;
        }
    }

    async fn hold_back(&self) -> Option<()> {
        self.held.fetch_add(1, Ordering::SeqCst);
        self.hold.subscribe().wait_for(|hold| !hold).await.ok()?;
        Some(())
    }

    /// Answers, and gives what was said.
    async fn say(&self, write: &mut OwnedWriteHalf, step: &str, right: &'static str) -> Option<&'static str> {
        let instead = self.instead.lock().unwrap().get(step).copied();
        let said = match instead {
            Some(Instead::Hangs) => std::future::pending().await,
            Some(Instead::Floods(text)) => {
                let piece = text.repeat(16 * 1024 / text.len());
                loop {
                    let written = write.write(piece.as_bytes()).await.ok()?;
                    self.flooded.fetch_add(written, Ordering::SeqCst);
                }
            }
            Some(Instead::Says(text)) => text,
            None => right,
        };
        write.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
        Some(said)
    }
}
