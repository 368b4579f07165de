//! Answers that are there before the request's body: whoever sends all of it first still finds the answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tenantry::http::Bounds;
use tenantry::services::network::Edge;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::app;
use super::connections::{PING, listening, listening_within};

const SMALL: usize = 200 * 1024;
const LARGE: usize = 3 * 1024 * 1024;
const SOON: Duration = Duration::from_secs(20);

/// A request's first lines, and the status of its refusal.
const REFUSALS: [(&str, u16); 17] = [
    (
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip",
        415,
    ),
    ("POST /graphql HTTP/1.1\r\nContent-Type: text/plain", 415),
    ("POST /graphql HTTP/1.1", 415),
    (
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer tnt_unknown",
        401,
    ),
    (
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: a\r\nAuthorization: b",
        400,
    ),
    (
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAccept: text/html",
        406,
    ),
    ("PUT /graphql HTTP/1.1\r\nContent-Type: application/json", 405),
    ("GET /graphql HTTP/1.1", 400),
    (
        "POST /api/label/v2/graphql HTTP/1.1\r\nAuthorization: X-API-Key: tnt_unknown",
        401,
    ),
    ("POST /nowhere HTTP/1.1", 404),
    ("POST /healthz HTTP/1.1", 405),
    ("GET /healthz HTTP/1.1", 200),
    (
        "POST /api/list-users HTTP/1.1\r\nAuthorization: Bearer tnt_unknown",
        401,
    ),
    ("POST /api/nowhere HTTP/1.1", 404),
    (
        "POST /v1/api/users/query HTTP/1.1\r\nAuthorization: Bearer tnt_unknown",
        401,
    ),
    ("POST /api/data/nowhere HTTP/1.1", 404),
    ("POST /api/data/nowhere HTTP/1.1\r\nContent-Encoding: br", 415),
];

/// A request with a body of spaces, in one piece or in many.
fn request(start: &str, length: usize, chunked: bool) -> Vec<u8> {
    let mut bytes = format!("{start}\r\nHost: x\r\n").into_bytes();
    if chunked {
        bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        bytes.extend_from_slice(chunk.repeat(length / 0x1000).as_bytes());
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
        bytes.resize(bytes.len() + length, b' ');
    }
    bytes
}

/// One answer as it came.
#[derive(Debug)]
struct Seen {
    status: u16,
    closes: bool,
}

/// Reads exactly one answer, whole.
async fn answer(stream: &mut TcpStream) -> Result<Seen, String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(seen) = whole(&bytes) {
            return Ok(seen);
        }
        let read = tokio::time::timeout(SOON, stream.read_buf(&mut bytes)).await;
        match read {
            Ok(Ok(1..)) => {}
            end => return Err(format!("{end:?} after {:?}", String::from_utf8_lossy(&bytes))),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Seen> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    assert!(body.len() <= length, "more than one answer: {text}");
    (body.len() == length).then(|| Seen {
        status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap(),
        closes: head.contains("\r\nconnection: close"),
    })
}

/// Sends all of it, and only then reads.
async fn sent_whole(address: SocketAddr, request: &[u8]) -> Result<(Seen, TcpStream), String> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sent = tokio::time::timeout(SOON, stream.write_all(request)).await;
    sent.unwrap().map_err(|error| format!("sending: {error}"))?;
    // Time is the subject: a client that reads late, when a server without care would have broken the connection.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let seen = answer(&mut stream).await?;
    Ok((seen, stream))
}

/// The client that saw an answer can go on, or was told that it cannot.
async fn goes_on(seen: &Seen, mut stream: TcpStream) -> bool {
    if !seen.closes {
        stream.write_all(PING).await.unwrap();
        assert_eq!(answer(&mut stream).await.unwrap().status, 200);
        return true;
    }
    let mut rest = Vec::new();
    let end = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await;
    assert_eq!(end.unwrap().unwrap(), 0, "more than the answer, or a reset");
    false
}

#[tokio::test]
async fn a_refusal_reaches_whoever_sends_all_first() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    for (start, status) in REFUSALS {
        for chunked in [false, true] {
            for length in [SMALL, LARGE] {
                let what = format!("{start} {length} {chunked}");
                let (seen, stream) = sent_whole(address, &request(start, length, chunked))
                    .await
                    .unwrap_or_else(|fault| panic!("{what}: {fault}"));
                assert_eq!(seen.status, status, "{what}");
                assert_eq!(goes_on(&seen, stream).await, length == SMALL, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    for start in [
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json",
        "POST /api/list-users HTTP/1.1",
        "POST /v1/api/users/query HTTP/1.1",
    ] {
        for chunked in [false, true] {
            let (seen, stream) = sent_whole(address, &request(start, LARGE, chunked)).await.unwrap();
            // The face says first that it does not know who calls.
            assert!([413, 401].contains(&seen.status), "{start}: {seen:?}");
            assert!(!goes_on(&seen, stream).await, "{start}");
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    let long = format!("POST /graphql HTTP/1.1\r\nX-Long: {}", "x".repeat(300_000));
    for (start, status) in [
        (long.as_str(), 431),
        ("POST /graphql HTTP/1.1\r\nTransfer-Encoding: xchunked", 400),
        ("POST /graphql HTTP/1.1\r\nno header", 400),
        ("GET / HTTP/7.3", 400),
    ] {
        for length in [SMALL, LARGE] {
            let (seen, stream) = sent_whole(address, &request(start, length, false)).await.unwrap();
            assert_eq!(seen.status, status, "{start:.60}");
            assert!(!goes_on(&seen, stream).await, "{start:.60}");
        }
    }
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so() {
    let app = app().await;
    let bounds = Bounds {
        connections_of_client: 0,
        ..Bounds::default()
    };
    let (address, _stop, _) = listening_within(&app, Edge::default(), bounds).await;
    for length in [0, SMALL, LARGE] {
        let request = request("POST /graphql HTTP/1.1", length, false);
        let (seen, stream) = sent_whole(address, &request).await.unwrap();
        assert_eq!(seen.status, 429);
        assert!(!goes_on(&seen, stream).await);
    }
}

#[tokio::test]
async fn nobody_waits_for_a_body_that_does_not_come() {
    let app = app().await;
    let (address, _stop) = listening(&app).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tnt_unknown\r\nContent-Length: ";
    for (rest, at_most) in [
        // More than would be read.
        ("2000000\r\n\r\n  ", 1),
        // The client waits to be told.
        ("2000\r\nExpect: 100-continue\r\n\r\n", 1),
        // It may still come.
        ("2000\r\n\r\n  ", 4),
    ] {
        let started = Instant::now();
        let (seen, stream) = sent_whole(address, format!("{head}{rest}").as_bytes()).await.unwrap();
        assert!(!goes_on(&seen, stream).await);
        assert_eq!(seen.status, 401);
        assert!(started.elapsed() < Duration::from_secs(at_most), "{rest:?}");
    }
    // One that is told to send its body, and sends it.
    let start = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n";
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = r#"{"query":"{__typename}"}"#;
    let head = format!("{start}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let seen = answer(&mut stream).await.unwrap();
    assert_eq!(seen.status, 200);
    assert!(goes_on(&seen, stream).await);
}
