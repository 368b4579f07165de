//! A server process behind its own path to PostgreSQL.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::DATABASE;
use crate::cluster::url;
use crate::signal::send_signal;
use crate::switch::Switch;

pub struct Process {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
    pub switch: Switch,
    running: Mutex<(Option<Child>, String)>,
}

impl Process {
    pub fn start(name: &'static str, switch: Switch, variables: &[(&'static str, String)]) -> Self {
        let process = Self {
            name,
            variables: variables.to_vec(),
            switch,
            running: Mutex::default(),
        };
        process.resume("/dev/null");
        process
    }

    /// Starts it, with its log in this file, and waits until it listens.
    pub fn resume(&self, log: &str) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenantry"))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("TENANTRY_LISTEN", "127.0.0.1:0")
            .env("TENANTRY_DATABASE_URL", url(self.switch.port, DATABASE))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().append(true).open(log).unwrap())
            .spawn()
            .unwrap();
        // From here on nobody reads what it prints.
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        *self.running.lock().unwrap() = (Some(child), address.expect("the server listens"));
    }

    pub fn number(&self) -> usize {
        usize::from(self.name != "first")
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn address(&self) -> String {
        self.running.lock().unwrap().1.clone()
    }

    pub fn signal(&self, signal: &str) {
        if let Some(child) = &self.running.lock().unwrap().0 {
            send_signal(signal, child.id());
        }
    }

    /// Waits until it has ended by itself; whether it did so in time and as it should.
    pub async fn ended(&self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let status = match &mut self.running.lock().unwrap().0 {
                Some(child) => child.try_wait().unwrap(),
                None => return Ok(()),
            };
            match status {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{} ended with {status}", self.name)),
                None if started.elapsed() > Duration::from_secs(31) => {
                    return Err(format!("{} does not end", self.name));
                }
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        if let Some(mut child) = self.running.lock().unwrap().0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn memory_mib(&self) -> f64 {
        let pid = self.running.lock().unwrap().0.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
