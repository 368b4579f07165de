//! Accepts connections, and closes them gracefully.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Peer;
use super::activity::Activity;
use super::connection::Connection;
use super::lent::lend;
use super::places::Places;
use crate::services::network::Edge;

/// A longer request head is refused with 431.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How many of the shortest headers (`a:` and a line end) fit into the longest head, so that only the length limits a
/// head. Ordinary requests that pass through several proxies reach hyper's default of 100.
const HEADERS_MAX: usize = HEAD_BYTES_MAX / 4;

/// How long connections may take, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the first byte of a head to its last, and from connecting to the end of the first head.
    pub head: Duration,
    /// Between two requests. Load balancers keep connections for a minute, and they must close first: if a request
    /// meets a connection that we are closing, the balancer answers 502.
    pub idle: Duration,
    /// How long a client may accept no byte of its response.
    pub stall: Duration,
    pub connections: usize,
    /// From one IPv4 address or one /64 network of IPv6 addresses. Trusted proxies have no such limit.
    pub connections_of_client: usize,
    /// How long running requests may take to finish after the signal to stop.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            connections: 4_096,
            connections_of_client: 512,
            grace: Duration::from_secs(25),
        }
    }
}

/// Serves until `stop` is ready, then finishes the running requests.
///
/// This is not `axum::serve`, because that limits neither the size of a request's head nor the time that it takes to
/// arrive.
pub async fn serve(listener: TcpListener, router: Router, edge: &Edge, bounds: Bounds, stop: impl Future<Output = ()>) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .keep_alive(true);
    let graceful = GracefulShutdown::new();
    let stopping = CancellationToken::new();
    let all_places = Arc::new(Semaphore::new(bounds.connections));
    let places = Places::default();
    let places_outside = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
    let mut complained = None;
    let mut stop = std::pin::pin!(stop);
    loop {
        let of_all = tokio::select! {
            place = Arc::clone(&all_places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = accepted(&listener, &mut complained) => accepted,
            () = &mut stop => break,
        };
        let most = match edge.trusts(peer.ip()) {
            true => bounds.connections,
            false => bounds.connections_of_client,
        };
        let Some(of_client) = places.take(peer.ip(), most) else {
            turn_away(stream, bounds, &places_outside);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::default());
        let io = TokioIo::new(Connection::new(stream, Arc::clone(&activity), bounds));
        let service = service_fn(answering(router.clone(), Arc::clone(&activity), peer.ip()));
        let connection = graceful.watch(builder.serve_connection(io, service));
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let _places = (of_all, of_client);
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    ended_early(&error);
                },
                () = async { stopping.cancelled().await; activity.expendable().await } => {}
            }
        });
    }
    drop(listener);
    stopping.cancel();
    if tokio::time::timeout(bounds.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Logs what is not a valid request, because it is refused before any route sees it.
fn ended_early(error: &hyper::Error) {
    if error.is_parse() {
        tracing::info!(%error, "refused a head that cannot be read");
    } else {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// How often the log may say that no connection can be accepted.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// The next connection. `complained` is when the log last said that none can be accepted.
async fn accepted(listener: &TcpListener, complained: &mut Option<Instant>) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                if complained.is_none_or(|before| before.elapsed() >= COMPLAINT_PAUSE) {
                    *complained = Some(Instant::now());
                    tracing::warn!(%error, "cannot accept a connection");
                }
                // Probably no file descriptor is free: wait until other connections end.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The service of one connection.
fn answering(
    router: Router,
    activity: Arc<Activity>,
    peer: IpAddr,
) -> impl Fn(
    hyper::Request<hyper::body::Incoming>,
) -> futures::future::BoxFuture<'static, Result<hyper::Response<Body>, Infallible>> {
    move |request| {
        let answering = activity.begin();
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Peer(peer));
        let (body, rest) = lend(body, &parts.headers, &activity);
        let answer = router.clone().oneshot(Request::from_parts(parts, body));
        Box::pin(async move {
            let mut answer = answer.await?;
            if !rest.read_away().await {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            // The connection is busy until the body is dropped.
            Ok(answer.map(|body| {
                Body::new(body.map_err(move |error| {
                    let _answering = &answering;
                    error
                }))
            }))
        })
    }
}

/// For this many clients at a time, a refused connection stays open until the refusal has surely arrived.
const TURNED_AWAY_MAX: usize = 64;

static TURNED_AWAY: AtomicU64 = AtomicU64::new(0);

/// How many connections were refused since the start.
pub fn turned_away() -> u64 {
    TURNED_AWAY.load(Ordering::Relaxed)
}

/// Answers a client that has too many connections, without waiting if it does not read.
fn turn_away(stream: TcpStream, bounds: Bounds, places: &Arc<Semaphore>) {
    const TEXT: &str = "There are too many connections from this address. Close some, or use them again.\n";
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{TEXT}",
        TEXT.len()
    );
    TURNED_AWAY.fetch_add(1, Ordering::Relaxed);
    let _ = stream.try_write(answer.as_bytes());
    tracing::debug!("refused a connection: its address has too many");
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        let mut connection = Connection::new(stream, Arc::default(), bounds);
        tokio::spawn(async move {
            let _ = poll_fn(|context| Pin::new(&mut connection).poll_shutdown(context)).await;
            drop(place);
        });
    }
}
