//! The binary itself, as those who run it see it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{end_of, port_of};
use super::signal::send_signal;
use super::wait::{AT_LAST, until_outside};

/// The binary with no variables but these, and on a free port unless they name one: whoever runs the tests may have a
/// server on the usual one.
pub fn tenantry(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    with_variables(Command::new(env!("CARGO_BIN_EXE_tenantry")), arguments, variables)
}

/// The same, started by a shell that has run this before: a limit of the process, say.
pub fn tenantry_after(before: &str, variables: &[(&str, &str)]) -> Command {
    let script = format!("{before} && exec \"$0\" serve");
    let arguments = ["-c", &script, env!("CARGO_BIN_EXE_tenantry")];
    with_variables(Command::new("/bin/sh"), &arguments, variables)
}

fn with_variables(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
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
    log: Arc<Mutex<Vec<String>>>,
    /// Reads the log.
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one on a free port and waits until it listens.
    pub fn start(database_url: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_by(tenantry(&["serve"], variables), database_url)
    }

    /// The same, by a command that leads to the binary.
    pub fn start_by(mut command: Command, database_url: &str) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Self::spawn(command, database_url);
        let lines = BufReader::new(server.child.stderr.take().unwrap()).lines();
        let log = Arc::clone(&server.log);
        server.reader = Some(std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .for_each(|line| log.lock().unwrap().push(line));
        }));
        let lines = BufReader::new(server.child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("listening on http://") {
                server.address = address.to_owned();
                return server;
            }
            server.printed.push_str(&line);
            server.printed.push('\n');
        }
        server.ended();
        panic!("the server did not start:\n{}", server.log());
    }

    /// Starts one whose output goes where the test wants it, or that is busy before it serves: the system knows when it
    /// listens.
    pub fn start_unheard(mut command: Command, database_url: &str, stdout: Stdio, stderr: Stdio) -> Self {
        command.stdout(stdout).stderr(stderr);
        let mut server = Self::spawn(command, database_url);
        until_outside("a server that listens", Duration::from_secs(60), || {
            assert!(server.is_running(), "the server has ended");
            let port = port_of(server.process());
            server.address = port.map_or_else(String::new, |port| format!("127.0.0.1:{port}"));
            port.is_some()
        });
        server
    }

    fn spawn(mut command: Command, database_url: &str) -> Self {
        let child = command.env("TENANTRY_DATABASE_URL", database_url).spawn().unwrap();
        Self {
            child,
            printed: String::new(),
            address: String::new(),
            log: Arc::default(),
            reader: None,
        }
    }

    /// The API key it printed, if it did.
    pub fn printed_key(&self) -> Option<&str> {
        self.printed
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("tnt_"))
    }

    /// What it has logged by now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits until its log has these words so often; gives the lines that have them.
    pub fn logged(&self, words: &str, times: usize) -> Vec<String> {
        let with_words = || -> Vec<String> {
            let log = self.log.lock().unwrap();
            log.iter().filter(|line| line.contains(words)).cloned().collect()
        };
        until_outside(words, AT_LAST, || with_words().len() >= times);
        with_words()
    }

    /// Sends a document with a key, or without one if it is empty; gives status and answer.
    pub fn call(&self, key: &str, document: &str) -> (u16, Value) {
        self.call_with(key, document, &Value::Null)
    }

    /// The same, with variables.
    pub fn call_with(&self, key: &str, document: &str, variables: &Value) -> (u16, Value) {
        let (head, body) = request_with(&self.address, key, document, variables);
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.write_all((head + &body).as_bytes()).unwrap();
        answer(connection)
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        send_signal(name, self.child.id());
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it takes no connection any more: it is stopping.
    pub fn stops_listening(&self) {
        until_outside("a server that listens no more", AT_LAST, || {
            TcpStream::connect(&self.address).is_err()
        });
    }

    /// Waits for its end, and for the last line of its log.
    pub fn ended(&mut self) -> ExitStatus {
        let status = end_of(&mut self.child);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
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
    request_with(address, key, document, &Value::Null)
}

/// The same, with variables.
pub fn request_with(address: &str, key: &str, document: &str, variables: &Value) -> (String, String) {
    let body = json!({ "query": document, "variables": variables }).to_string();
    let authorization = match key {
        "" => String::new(),
        key => format!("Authorization: Bearer {key}\r\n"),
    };
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{authorization}\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

/// Sends a request, and gives the answer; nothing if nobody listens, or it breaks off.
pub fn try_answer(address: &str, request: &str) -> Option<(u16, Value)> {
    let text = exchange(address, request)?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    Some((status, serde_json::from_str(body).ok()?))
}

/// Sends a request that closes its connection, and reads the answer to its end.
pub fn exchange(address: &str, request: &str) -> Option<String> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    connection.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Reads an answer to its end.
pub fn answer(mut connection: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}
