//! Accepting connections, and ending them gracefully.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
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
use super::activity::{Activity, Answer};
use super::connection::Connection;
use super::lent::lend;
use super::places::Places;
use crate::services::network::Edge;

/// A longer request head is refused with 431.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// So many of the shortest headers (`a:` and the end of its line) fit into the longest head, so that its length is what
/// counts. hyper's usual bound of 100 is met by honest requests that come through several proxies.
const HEADERS_MAX: usize = HEAD_BYTES_MAX / 4;

/// How long connections may take, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From a head's first byte to its last one, and from connecting to the end of the first head.
    pub head: Duration,
    /// Between two requests. Balancers keep connections for a minute, and must be the ones who close them: a request that
    /// meets a closing connection is a 502 there.
    pub idle: Duration,
    /// How long a client may take no byte of its answer.
    pub stall: Duration,
    pub connections: usize,
    /// Of one IPv4 address or one /64 network of IPv6 addresses. Trusted proxies have as many as they like.
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

/// Serves until `stop` is ready, then finishes the requests that are running.
///
/// Not `axum::serve`, which sets no limit to a request's head and none to the time it takes to come.
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

/// What came as a request and is none was refused before any route saw it, and leaves a line as requests do.
fn ended_early(error: &hyper::Error) {
    if error.is_parse() {
        tracing::info!(%error, "refused a head that cannot be read");
    } else {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The log tells so often that no connection can be accepted.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// The next connection. `complained` is when the log last told that there is none to be had.
async fn accepted(listener: &TcpListener, complained: &mut Option<Instant>) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                if complained.is_none_or(|before| before.elapsed() >= COMPLAINT_PAUSE) {
                    *complained = Some(Instant::now());
                    tracing::warn!(%error, "cannot accept a connection");
                }
                // Out of file descriptors, most likely: give others time to end.
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
) -> futures::future::BoxFuture<'static, Result<hyper::Response<Answer>, Infallible>> {
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
            Ok(answer.map(|body| Answer::new(body, answering)))
        })
    }
}

/// So many clients are turned away at a time with words that are sure to arrive.
const TURNED_AWAY_MAX: usize = 64;

static TURNED_AWAY: AtomicU64 = AtomicU64::new(0);

/// How many connections were turned away since the start.
pub fn turned_away() -> u64 {
    TURNED_AWAY.load(Ordering::Relaxed)
}

/// Tells a client that has too many connections, as far as it listens.
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
