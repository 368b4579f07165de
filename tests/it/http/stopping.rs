//! Whom the end of the server waits for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tenantry::http::Bounds;
use tenantry::services::network::Edge;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::app;
use super::connections::{ask_without_reading, listening_within, ping, serving};
use crate::support::stream::begun;

/// Much less than the grace, on a slow machine too.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn stopping_waits_for_nobody_who_does_not_go_on() {
    let app = app().await;
    let (address, stop, served) = listening_within(&app, Edge::default(), Bounds::default()).await;
    let nothing = TcpStream::connect(address).await.unwrap();
    let mut partial = TcpStream::connect(address).await.unwrap();
    partial
        .write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(ping(&mut idle).await.starts_with("HTTP/1.1 200"));
    let stalled = ask_without_reading(address).await;
    drop(stop);
    ends(served).await;
    drop((nothing, partial, idle, stalled));
}

async fn ends(served: JoinHandle<()>) {
    let ended = tokio::time::timeout(SOON, served).await;
    ended.expect("it waits for them").unwrap();
}

/// Everything that comes until the server closes.
async fn all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A client that has sent the head of a request, and less than the body that it says is coming.
async fn with_part_of_a_body(address: SocketAddr) -> TcpStream {
    let mut stream = with_a_head(address, 100_000).await;
    stream.write_all(b"{").await.unwrap();
    stream
}

/// A client that has sent the head of a request with so long a body, which the server is about to read.
async fn with_a_head(address: SocketAddr, length: usize) -> TcpStream {
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ";
    let (stream, came) = begun(address, &format!("{head}{length}")).await;
    assert_eq!(came, "HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn stopping_waits_for_no_body_that_does_not_come() {
    let app = app().await;
    let (address, stop, served) = listening_within(&app, Edge::default(), Bounds::default()).await;
    let mut stalled = with_part_of_a_body(address).await;
    let (mut reader, mut writer) = with_part_of_a_body(address).await.into_split();
    // One byte now and then makes no request.
    let drip = tokio::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            // Time is the subject: a client that drips.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    drop(stop);
    let mut dripped = Vec::new();
    let (stalled, read) = tokio::join!(all(&mut stalled), reader.read_to_end(&mut dripped));
    read.unwrap();
    for answer in [stalled, String::from_utf8(dripped).unwrap()] {
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(
            answer.contains("The server stopped before the request arrived."),
            "{answer}"
        );
    }
    ends(served).await;
    drip.abort();
}

#[tokio::test]
async fn stopping_waits_for_a_body_that_comes() {
    let app = app().await;
    let (address, stop, served) = listening_within(&app, Edge::default(), Bounds::default()).await;
    let document = r#"{"query":"{__typename}"}"#;
    let mut stream = with_a_head(address, 15 * 3_000 + document.len()).await;
    drop(stop);
    for _ in 0..15 {
        stream.write_all(&[b' '; 3_000]).await.unwrap();
        // Time is the subject: a client that is slow.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stream.write_all(document.as_bytes()).await.unwrap();
    let answer = all(&mut stream).await;
    assert!(answer.ends_with(r#"{"data":{"__typename":"Query"}}"#), "{answer}");
    ends(served).await;
}

#[tokio::test]
async fn stopping_waits_for_what_is_being_answered() {
    const LARGE: usize = 12 * 1024 * 1024;
    let (asked, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (asked, finish) = (Arc::clone(&asked), Arc::clone(&finish));
        async move |_: Bytes| {
            asked.notify_one();
            finish.notified().await;
            "done"
        }
    };
    let routes = Router::new()
        .route("/slow", get(slow))
        .route("/large", get(async || vec![b'x'; LARGE]));
    let (address, stop, served) = serving(routes, Edge::default(), Bounds::default()).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    let ask = b"GET /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    slow.write_all(ask).await.unwrap();
    let mut large = TcpStream::connect(address).await.unwrap();
    large
        .write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    asked.notified().await;
    large.readable().await.unwrap();
    drop(stop);
    // Slower than the server would send, for longer than it waits for who takes nothing.
    let (started, mut taken) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(3) {
        let mut some = vec![0; 256 * 1024];
        taken += large.read(&mut some).await.unwrap();
        // Time is the subject: a client that takes its answer slowly.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(taken < LARGE, "too fast to show anything");
    taken += all(&mut large).await.len();
    assert!(taken > LARGE, "{taken}");
    finish.notify_one();
    let answer = all(&mut slow).await;
    assert!(answer.ends_with("done"), "{answer}");
    ends(served).await;
}
