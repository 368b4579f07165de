//! The real binary, as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ADMIN_KEY;

/// A server that ends with the test.
pub struct Server {
    child: Child,
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts one on a free port, and waits until it listens.
    pub fn start(database_url: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenantry"))
            .arg("serve")
            .env_remove("RUST_LOG")
            .env("TENANTRY_DATABASE_URL", database_url)
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .env("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| kept.lock().unwrap().push(line))
        });
        let mut output = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let address = output.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        let Some(address) = address else {
            let _ = child.wait();
            panic!("the server did not start:\n{}", log.lock().unwrap().join("\n"));
        };
        Self { child, address, log }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The lines of its log, once there are so many requests among them.
    pub async fn log(&self, requests: usize) -> Vec<String> {
        let started = Instant::now();
        loop {
            let lines = self.log.lock().unwrap().clone();
            if lines.iter().filter(|line| line.contains(" request ")).count() >= requests {
                return lines;
            }
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "no such log:\n{}",
                lines.join("\n")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The answer to a document by the super admin; `None` if the server ends before it has answered.
    pub async fn send(&self, document: &str, variables: Value) -> Option<Value> {
        send(&self.address, document, variables).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same, for those who outlive the server.
pub async fn send(address: &str, document: &str, variables: Value) -> Option<Value> {
    let body = json!({ "query": document, "variables": variables }).to_string();
    let head = format!(
        "Content-Type: application/json\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Length: {}",
        body.len()
    );
    let answer = exchange(
        address,
        &format!("POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n{body}"),
    )
    .await?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// Sends a request that closes its connection, and reads the answer to its end.
pub async fn exchange(address: &str, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
