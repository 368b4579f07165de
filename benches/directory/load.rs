//! Requests as fast as they are answered, over connections that stay open.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::bench::{median, millis};

/// Where requests go, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: String,
    pub path: String,
    pub process: u32,
    /// Of the database that it asks, if that is one on this machine.
    pub postmaster: Option<Postmaster>,
    pub credential: Credential,
    pub content_type: &'static str,
    /// Otherwise GET without a body, and POST with one.
    pub method: Option<Method>,
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
    /// Of PostgreSQL.
    pub database_micros: Option<f64>,
    /// What the server says that it sent, for each request.
    pub statements: Option<f64>,
}

impl Measured {
    /// Each figure's median.
    pub fn median(measured: impl Iterator<Item = Self>) -> Self {
        let all: Vec<Self> = measured.collect();
        let of = |value: fn(&Self) -> f64| median(all.iter().map(value));
        let of_known = |value: fn(&Self) -> Option<f64>| {
            let known: Vec<f64> = all.iter().filter_map(value).collect();
            (!known.is_empty()).then(|| median(known.into_iter()))
        };
        Self {
            per_second: of(|one| one.per_second),
            p50: Duration::from_secs_f64(of(|one| one.p50.as_secs_f64())),
            p99: Duration::from_secs_f64(of(|one| one.p99.as_secs_f64())),
            cpu_micros: of(|one| one.cpu_micros),
            database_micros: of_known(|one| one.database_micros),
            statements: of_known(|one| one.statements),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!(
            "{:.0} ({:.1}, {:.1}; {:.0}",
            self.per_second,
            millis(self.p50),
            millis(self.p99),
            self.cpu_micros
        );
        if let Some(micros) = self.database_micros {
            let _ = write!(text, "+{micros:.0}");
        }
        if let Some(statements) = self.statements {
            let _ = write!(text, "; {statements:.1}");
        }
        text.push(')');
        f.pad(&text)
    }
}

/// The process that starts those that PostgreSQL answers with.
#[derive(Clone, Copy, Debug)]
pub struct Postmaster(u32);

impl Postmaster {
    /// Of one of them; nothing if it runs on another machine.
    pub fn of(backend: i64) -> Option<Self> {
        let process = u32::try_from(backend).ok()?;
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
        name.starts_with("postgres")
            .then(|| processor(process).map(|(parent, _)| Self(parent)))?
    }

    /// What they have had of the processors so far.
    fn cpu_micros(self) -> f64 {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|entry| processor(entry.file_name().to_str()?.parse().ok()?))
            .filter(|(parent, _)| *parent == self.0)
            .map(|(_, micros)| micros)
            .sum()
    }
}

/// A process's parent, and what it has had of the processors so far.
fn processor(process: u32) -> Option<(u32, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold blanks.
    let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
    let number = |place: usize| fields.get(place)?.parse::<u32>().ok();
    // In ticks, a hundred a second on every Linux of today.
    let ticks = number(11)? + number(12)?;
    Some((number(1)?, f64::from(ticks) * 10_000.0))
}

struct Counts {
    cpu_micros: f64,
    database_micros: Option<f64>,
    statements: Option<f64>,
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
        let usual = if body.is_empty() { Method::GET } else { Method::POST };
        let mut request = Request::builder()
            .method(self.method.clone().unwrap_or(usual))
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
        if status.is_success() && !answer.starts_with(b"{\"errors\"") {
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
        let before = self.counts().await;
        let started = Instant::now();
        let asking: Vec<_> = asking.into_iter().map(tokio::spawn).collect();
        let mut times = Vec::new();
        for one in asking {
            times.extend(one.await.unwrap());
        }
        let elapsed = started.elapsed();
        let after = self.counts().await;
        times.sort_unstable();
        let count = times.len() as f64;
        Measured {
            per_second: count / elapsed.as_secs_f64(),
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
            cpu_micros: (after.cpu_micros - before.cpu_micros) / count,
            database_micros: Option::zip(after.database_micros, before.database_micros)
                .map(|(after, before)| (after - before) / count),
            statements: Option::zip(after.statements, before.statements)
                .map(|(after, before)| (after - before) / count),
        }
    }

    /// What it and its database have done so far.
    async fn counts(&self) -> Counts {
        let metrics = Self {
            path: "/metrics".to_owned(),
            credential: Credential::None,
            ..self.clone()
        };
        // The floors have none.
        let text = metrics.try_ask(&mut metrics.connect().await, Bytes::new()).await;
        let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
        let statements = text.unwrap_or_default();
        let mut statements = statements
            .lines()
            .filter_map(|line| line.strip_prefix("tenantry_statements_total "));
        Counts {
            cpu_micros: processor(self.process).map_or(0.0, |(_, micros)| micros),
            database_micros: self.postmaster.map(Postmaster::cpu_micros),
            statements: statements.next().and_then(|count| count.parse().ok()),
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
