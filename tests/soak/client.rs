//! A client of both processes that keeps a connection to each.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::process::Process;

/// Longer than the server needs for any answer.
const PATIENCE: Duration = Duration::from_secs(45);

/// What came of a request.
#[derive(Debug)]
pub enum Answer {
    /// The data.
    Given(Value),
    /// An error with this code, and what it says.
    Refused(String, String),
    /// Nothing: the connection broke, or nobody listens.
    Lost,
}

pub struct Client {
    credential: String,
    connections: Mutex<[Option<(String, SendRequest<Full<Bytes>>)>; 2]>,
}

impl Client {
    pub fn new(credential: &str) -> Self {
        Self {
            credential: credential.to_owned(),
            connections: Mutex::default(),
        }
    }

    /// Sends a document to a process.
    pub async fn ask(&self, process: &Process, document: &str, variables: Value) -> Answer {
        let address = process.address();
        let mut connections = self.connections.lock().await;
        let kept = &mut connections[process.number()];
        let usable = kept
            .take()
            .filter(|(of, connection)| *of == address && !connection.is_closed());
        let mut connection = match usable {
            Some((_, connection)) => connection,
            None => match connect(&address).await {
                Some(connection) => connection,
                None => return Answer::Lost,
            },
        };
        let mut request = Request::post("/graphql")
            .header(header::HOST, &address)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if !self.credential.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.credential));
        }
        let body = json!({ "query": document, "variables": variables }).to_string();
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let asked = async {
            connection.ready().await.ok()?;
            let response = connection.send_request(request).await.ok()?;
            response.into_body().collect().await.ok()
        };
        let Ok(Some(body)) = tokio::time::timeout(PATIENCE, asked).await else {
            return Answer::Lost;
        };
        *kept = Some((address, connection));
        let body = body.to_bytes();
        let answer: Value = serde_json::from_slice(&body)
            .unwrap_or_else(|_| json!({"errors": [{"message": String::from_utf8_lossy(&body)}]}));
        match answer["errors"].get(0) {
            None => Answer::Given(answer["data"].clone()),
            Some(error) => Answer::Refused(
                error["extensions"]["code"].as_str().unwrap_or("NONE").to_owned(),
                error["message"].as_str().unwrap_or_default().to_owned(),
            ),
        }
    }

    /// Sends what must be answered.
    pub async fn must(&self, process: &Process, document: &str, variables: Value) -> Value {
        match self.ask(process, document, variables).await {
            Answer::Given(data) => data,
            other => panic!("{document}: {other:?}"),
        }
    }
}

async fn connect(address: &str) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}
