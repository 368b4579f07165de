//! What only a real connection shows.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use tenantry::http::Bounds;
use tenantry::services::network::Edge;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::app;
use crate::support::App;

/// Serves on a port of its own until the sender is dropped.
pub(super) async fn listening(app: &App) -> (SocketAddr, oneshot::Sender<()>) {
    let (address, stop, _) = listening_within(app, Edge::default(), Bounds::default()).await;
    (address, stop)
}

/// The same with other bounds, and what tells when it has stopped.
pub(super) async fn listening_within(
    app: &App,
    edge: Edge,
    bounds: Bounds,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    serving(app.router.clone(), edge, bounds).await
}

/// The same with any routes.
pub(super) async fn serving(
    router: Router,
    edge: Edge,
    bounds: Bounds,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        tenantry::http::serve(listener, router, &edge, bounds, stopped).await;
    });
    (address, stop, served)
}

/// Sends these bytes and reads until the server closes, or for so long.
async fn exchange(address: SocketAddr, bytes: &[u8], wait: Duration) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have answered and closed before all was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(wait, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_head_is_limited_in_size() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    let with = |length: usize| {
        format!(
            "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {}\r\n\r\n",
            "x".repeat(length)
        )
    };
    let fits = exchange(address, with(30_000).as_bytes(), SOON).await;
    assert!(fits.starts_with("HTTP/1.1 200"), "{fits}");
    let large = exchange(address, with(100_000).as_bytes(), SOON).await;
    assert!(large.starts_with("HTTP/1.1 431"), "{large}");
    // Its length is what counts, however many headers it has.
    let of = |many: usize, header: &str| {
        let headers = header.repeat(many);
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
    };
    for (many, header) in [
        (99, "X-Many: 1\r\n"),
        (500, "X-Many: 1\r\n"),
        (5_000, "X-Many: 1\r\n"),
        (12_000, "a:\r\n"),
    ] {
        let answer = exchange(address, of(many, header).as_bytes(), SOON).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{many}: {answer}");
    }
    let distinct: String = (0..5_000).map(|n| format!("X-{n}: 1\r\n")).collect();
    let answer = exchange(address, of(1, &distinct).as_bytes(), SOON).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let many = exchange(address, of(15_000, "a:\r\n").as_bytes(), SOON).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    assert!(
        many.contains("The request's head is too large; the limit is 65536 bytes."),
        "{many}"
    );
    assert!(many.contains("x-request-id: "), "{many}");
    let long = format!("GET /graphql?query={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let long = exchange(address, long.as_bytes(), SOON).await;
    assert!(
        long.starts_with("HTTP/1.1 431") || long.starts_with("HTTP/1.1 414"),
        "{long}"
    );
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    let started = Instant::now();
    let wait = Duration::from_secs(25);
    let (partial, nothing) = tokio::join!(
        exchange(address, b"POST /graphql HTTP/1.1\r\nHost: x\r\n", wait),
        exchange(address, b"", wait),
    );
    assert!(started.elapsed() < wait, "a connection was kept");
    assert!(!partial.contains(" 200 ") && !nothing.contains(" 200 "));
}

/// As a program with a stream in its hand sees it.
async fn ends(stream: &mut TcpStream, within: Duration) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(within, stream.read_to_end(&mut rest))
        .await
        .is_ok()
}

pub(super) const PING: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// Asks once and reads the answer.
pub(super) async fn ping(stream: &mut TcpStream) -> String {
    stream.write_all(PING).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = tokio::time::timeout(SOON, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn a_connection_is_kept_for_longer_than_balancers_keep_it() {
    assert!(Bounds::default().idle > Duration::from_secs(60));
    let app = app().await;
    let bounds = Bounds {
        head: Duration::from_millis(300),
        idle: Duration::from_secs(2),
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
        // Time is the subject: longer than a head may take, and idle all the same.
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    stream.write_all(b"GET /he").await.unwrap();
    let started = Instant::now();
    assert!(ends(&mut stream, SOON).await);
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "the head had the time of an idle connection"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(ends(&mut stream, SOON).await, "an idle connection is kept for ever");
}

#[tokio::test]
async fn empty_lines_between_requests_begin_none() {
    let app = app().await;
    let bounds = Bounds {
        head: Duration::from_millis(300),
        idle: Duration::from_secs(2),
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for blank in ["\r\n", "\r\n\r\n", "\n"] {
        assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
        stream.write_all(blank.as_bytes()).await.unwrap();
        // Time is the subject: longer than a head may take.
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    // With the request, as old browsers sent them after a body.
    let trailed = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\r\n";
    stream.write_all(trailed).await.unwrap();
    assert!(read_some(&mut stream).await.starts_with("HTTP/1.1 200"));
    // Time is the subject: longer than a head may take.
    tokio::time::sleep(Duration::from_millis(800)).await;
    // A head after them has the time of a head.
    assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
    stream.write_all(b"\r\nGET /he").await.unwrap();
    let started = Instant::now();
    assert!(ends(&mut stream, SOON).await);
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
    // Nobody lives on them alone, before a first request or after one.
    for (asks, at_most) in [(false, 1_500), (true, 4_000)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if asks {
            assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
        }
        let (mut reader, mut writer) = stream.into_split();
        let drip = tokio::spawn(async move {
            while writer.write_all(b"\r\n").await.is_ok() {
                // Time is the subject: a client that drips.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let started = Instant::now();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(SOON, reader.read_to_end(&mut rest)).await;
        assert!(ended.is_ok() && rest.is_empty(), "{ended:?} {rest:?}");
        assert!(
            started.elapsed() < Duration::from_millis(at_most),
            "{:?}",
            started.elapsed()
        );
        drip.abort();
    }
}

/// Asks again and again and reads nothing, until nothing more can be sent.
pub(super) async fn ask_without_reading(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = b"GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    while tokio::time::timeout(Duration::from_millis(500), stream.write_all(&asked))
        .await
        .is_ok()
    {}
    stream
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let app = app().await;
    let bounds = Bounds {
        stall: Duration::from_secs(1),
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    let mut stream = ask_without_reading(address).await;
    let gone = async {
        // The reset comes when the server has let go; until then nothing more can be written.
        while stream.write_all(PING).await.is_ok() {}
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(10), gone).await.is_ok(),
        "kept for ever"
    );
}

#[tokio::test]
async fn one_address_has_its_share_of_the_connections() {
    let app = app().await;
    let bounds = Bounds {
        connections_of_client: 3,
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let refused = exchange(address, b"", SOON).await;
    assert!(refused.starts_with("HTTP/1.1 429 "), "{refused}");
    // One that ends makes room.
    held.pop();
    let again = async {
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            if stream.write_all(PING).await.is_ok() && read_some(&mut stream).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(SOON, again).await.is_ok());
    // A proxy serves many.
    let edge = Edge {
        trusted_proxies: vec![tenantry::services::network::proxies("127.0.0.0/8").unwrap()],
        ..Edge::default()
    };
    let (address, _stop, _) = listening_within(&app, edge, bounds).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ping(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
}

/// Whatever comes first; nothing, if the connection ends.
async fn read_some(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn a_chunked_body_is_limited_too() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let small = r#"{"query":"{__typename}"}"#;
    let chunk = format!("{:x}\r\n{small}\r\n0\r\n\r\n", small.len());
    let fits = format!("{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    let fits = exchange(address, fits.as_bytes(), SOON).await;
    assert!(fits.ends_with(r#"{"data":{"__typename":"Query"}}"#), "{fits}");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let large = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(17));
    let large = exchange(address, large.as_bytes(), SOON).await;
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    // A length that says too much is enough; nothing needs to come.
    let told = format!("{head}Content-Length: 1048577\r\n\r\n");
    let told = exchange(address, told.as_bytes(), SOON).await;
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
}

#[tokio::test]
async fn two_lengths_are_no_way_to_smuggle() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ] {
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = exchange(address, request.as_bytes(), Duration::from_secs(1)).await;
        assert!(
            !answer.contains(" 200 ") || headers.contains("Content-Length: 5\r\nTransfer"),
            "{headers}: {answer}"
        );
    }
}
