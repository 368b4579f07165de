//! Requests that come in parts.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends the head of a request, without its empty line, and waits until the server reads the body, which it then says.
/// Gives the connection and what came: `100 Continue`, or the answer of a server that wants no body.
pub async fn begun(address: SocketAddr, head: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{head}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut came = Vec::new();
    while !came.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let read = stream.read_buf(&mut came).await.unwrap();
        assert!(read > 0, "no answer: {:?}", String::from_utf8_lossy(&came));
    }
    (stream, String::from_utf8(came).unwrap())
}
