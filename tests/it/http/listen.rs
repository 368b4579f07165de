//! What only a real connection shows.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::app;
use crate::support::App;

/// Serves on a port of its own until the sender is dropped.
async fn listening(app: &App) -> (std::net::SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let router = app.router.clone();
    tokio::spawn(tenantry::http::serve(listener, router, async {
        let _ = stopped.await;
    }));
    (address, stop)
}

/// Sends these bytes and reads until the server closes, or for so long.
async fn exchange(address: std::net::SocketAddr, bytes: &[u8], wait: Duration) -> String {
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
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    let many = exchange(
        address,
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes(),
        SOON,
    )
    .await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
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
    let (partial, nothing, idle) = tokio::join!(
        exchange(address, b"POST /graphql HTTP/1.1\r\nHost: x\r\n", wait),
        exchange(address, b"", wait),
        exchange(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", wait),
    );
    assert!(started.elapsed() < wait, "a connection was kept");
    assert!(!partial.contains(" 200 ") && !nothing.contains(" 200 "));
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
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
