//! Requests as fast as they are answered, over connections that stay open.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where requests go, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    pub path: String,
    pub process: u32,
    pub credential: Credential,
    pub content_type: &'static str,
    /// Behind a proxy, each request is another client's: so many there were.
    pub clients: Option<Arc<AtomicUsize>>,
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

/// How often something is asked for that must not wait for something else.
pub const PER_SECOND: u32 = 200;

/// What came of asking at fixed times.
#[derive(Clone, Copy, Debug)]
pub struct Punctual {
    pub asked: usize,
    pub failed: usize,
    pub p50: Duration,
    pub p99: Duration,
}

/// Makes the next request's body; an empty one is asked for by GET.
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

    /// An answer, or the text of a refusal.
    pub async fn try_ask(&self, connection: &mut Connection, body: Bytes) -> Result<Bytes, String> {
        let mut request = Request::builder()
            .method(if body.is_empty() { Method::GET } else { Method::POST })
            .uri(&self.path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, self.content_type);
        if let Some(key) = self.credential.next() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(clients) = &self.clients {
            let [_, b, c, d] = u32::try_from(clients.fetch_add(1, Ordering::Relaxed))
                .unwrap()
                .to_be_bytes();
            request = request.header("x-forwarded-for", format!("10.{b}.{c}.{d}"));
        }
        let request = request.body(Full::new(body)).unwrap();
        // After an answer in pieces it takes a moment until the connection takes the next request.
        connection.ready().await.map_err(|e| e.to_string())?;
        let response = connection.send_request(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let answer = response
            .into_body()
            .collect()
            .await
            .map_err(|e| e.to_string())?
            .to_bytes();
        if status == StatusCode::OK && !answer.starts_with(b"{\"errors\"") {
            Ok(answer)
        } else {
            Err(String::from_utf8_lossy(&answer).into_owned())
        }
    }

    /// An answer, which must not be a refusal.
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

    /// Asks so often a second, whether or not the answers keep up; each is timed from the moment it was to be sent.
    pub async fn open_loop(&self, bodies: &Bodies, per_second: u32, time: Duration) -> Punctual {
        // Enough connections for answers that take a second.
        let mut idle = Vec::new();
        for _ in 0..per_second {
            idle.push(self.connect().await);
        }
        let idle = Arc::new(Mutex::new(idle));
        let count = (time.as_secs_f64() * f64::from(per_second)) as u32;
        let started = Instant::now();
        let mut asking = Vec::new();
        for number in 0..count {
            let due = started + Duration::from_secs(1) * number / per_second;
            tokio::time::sleep_until(due.into()).await;
            let (target, body, idle) = (self.clone(), bodies(), Arc::clone(&idle));
            asking.push(tokio::spawn(async move {
                let taken = idle.lock().unwrap().pop();
                let mut connection = match taken {
                    Some(connection) => connection,
                    None => target.connect().await,
                };
                let answer = target.try_ask(&mut connection, body).await;
                let took = due.elapsed();
                idle.lock().unwrap().push(connection);
                answer.is_ok().then_some(took)
            }));
        }
        let mut times = Vec::new();
        for one in asking {
            times.extend(one.await.unwrap());
        }
        times.sort_unstable();
        Punctual {
            asked: count as usize,
            failed: count as usize - times.len(),
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
        }
    }
}
