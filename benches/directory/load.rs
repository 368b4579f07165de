//! Requests as fast as they are answered, over connections that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where requests go, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    pub path: &'static str,
    pub process: u32,
    pub credential: Credential,
}

#[derive(Clone)]
pub enum Credential {
    None,
    Key(String),
    /// One after the other.
    InTurn(Arc<(Vec<String>, AtomicUsize)>),
}

impl Credential {
    pub fn in_turn(keys: Vec<String>) -> Self {
        Self::InTurn(Arc::new((keys, AtomicUsize::new(0))))
    }

    fn next(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Key(key) => Some(key),
            Self::InTurn(keys) => Some(&keys.0[keys.1.fetch_add(1, Ordering::Relaxed) % keys.0.len()]),
        }
    }
}

pub type Connection = SendRequest<Full<Bytes>>;

/// Makes the next request's body.
pub type Bodies = Arc<dyn Fn() -> Bytes + Send + Sync>;

/// What came of a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// Of the asked process, for each request; nothing where there is no `/proc`.
    pub cpu_micros: f64,
}

/// What a process has had of the processors so far.
fn cpu_micros(process: u32) -> f64 {
    // In ticks, a hundred a second on every Linux of today; after the name, which may hold blanks.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        * 10_000.0
}

impl Target {
    pub async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// An answer with data, or the text of one without.
    pub async fn try_ask(&self, connection: &mut Connection, body: Bytes) -> Result<Bytes, String> {
        let mut request = Request::post(self.path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = self.credential.next() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request.body(Full::new(body)).unwrap();
        let response = connection.send_request(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let answer = response
            .into_body()
            .collect()
            .await
            .map_err(|e| e.to_string())?
            .to_bytes();
        if status == StatusCode::OK && answer.starts_with(b"{\"data\"") {
            Ok(answer)
        } else {
            Err(String::from_utf8_lossy(&answer).into_owned())
        }
    }

    /// An answer, which must have data.
    pub async fn ask(&self, connection: &mut Connection, body: Bytes) -> Bytes {
        self.try_ask(connection, body).await.unwrap()
    }

    /// One answer.
    pub async fn once(&self, body: Bytes) -> Bytes {
        self.ask(&mut self.connect().await, body).await
    }

    /// Asks for so long over so many connections.
    pub async fn measure(&self, bodies: &Bodies, connections: usize, time: Duration) -> Measured {
        let mut asking = Vec::new();
        for _ in 0..connections {
            let (target, bodies) = (self.clone(), Arc::clone(bodies));
            let mut sender = target.connect().await;
            asking.push(async move {
                let end = Instant::now() + time;
                let mut times = Vec::new();
                while Instant::now() < end {
                    let started = Instant::now();
                    target.ask(&mut sender, bodies()).await;
                    times.push(started.elapsed());
                }
                times
            });
        }
        let (started, cpu) = (Instant::now(), cpu_micros(self.process));
        let asking: Vec<_> = asking.into_iter().map(tokio::spawn).collect();
        let mut times = Vec::new();
        for one in asking {
            times.extend(one.await.unwrap());
        }
        let elapsed = started.elapsed();
        times.sort_unstable();
        Measured {
            per_second: times.len() as f64 / elapsed.as_secs_f64(),
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
            cpu_micros: (cpu_micros(self.process) - cpu) / times.len() as f64,
        }
    }
}
