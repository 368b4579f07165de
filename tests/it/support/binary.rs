//! The binary itself, as those who run it see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The binary with no variables but these, and on a free port unless they name one: whoever runs the tests may have a
/// server on the usual one.
pub fn tenantry(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    command
        .env_clear()
        .args(arguments)
        .env("TENANTRY_LISTEN", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command
}

/// Runs a command of the binary to its end.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    tenantry(arguments, variables).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running server; it ends with the test.
pub struct Server {
    child: Child,
    /// What it printed before it listened.
    pub printed: String,
    pub address: String,
}

impl Server {
    /// Starts one on a free port and waits until it listens.
    pub fn start(database_url: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_logging(database_url, variables, Stdio::null())
    }

    /// The same, with its log written somewhere.
    pub fn start_logging(database_url: &str, variables: &[(&str, &str)], log: Stdio) -> Self {
        let command = tenantry(&["--listen", "127.0.0.1:0"], variables);
        Self::start_by(command, database_url, log)
    }

    /// The same, by a command that leads to the binary.
    #[expect(clippy::zombie_processes, reason = "it is waited for where the server is dropped")]
    pub fn start_by(mut command: Command, database_url: &str, log: Stdio) -> Self {
        command.env("TENANTRY_DATABASE_URL", database_url);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed = String::new();
        loop {
            let line = lines.next().expect("the server listens").unwrap();
            if let Some(address) = line.strip_prefix("listening on http://") {
                let address = address.to_owned();
                return Self {
                    child,
                    printed,
                    address,
                };
            }
            printed.push_str(&line);
            printed.push('\n');
        }
    }

    /// The API key it printed, if it did.
    pub fn printed_key(&self) -> Option<&str> {
        self.printed
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("tnt_"))
    }

    /// Sends a document with a key; gives status and answer.
    pub fn call(&self, key: &str, document: &str) -> (u16, Value) {
        let (head, body) = request(&self.address, key, document);
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.write_all((head + &body).as_bytes()).unwrap();
        answer(connection)
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let limit = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < limit, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The head and the body of a request.
pub fn request(address: &str, key: &str, document: &str) -> (String, String) {
    let body = json!({ "query": document }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Sends a request, and gives the answer; nothing if nobody listens, or it breaks off.
pub fn try_answer(address: &str, request: &str) -> Option<(u16, Value)> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// Reads an answer to its end.
pub fn answer(mut connection: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}
