//! Processes of the benchmark: the server, and this program in another role.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const SERVER: &str = env!("CARGO_BIN_EXE_tenantry");
pub const ADMIN_KEY: &str = "admin-key-of-the-benchmark-0123456789";
const SECRET_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The command `tenantry` on this database.
pub fn tenantry(url: &str) -> Command {
    let mut command = Command::new(SERVER);
    command
        .env("TENANTRY_DATABASE_URL", url)
        .env("TENANTRY_ADMIN_API_KEY", ADMIN_KEY)
        .env("TENANTRY_SECRET_KEY", SECRET_KEY);
    command
}

/// A server that ends with this.
pub struct Started {
    child: Child,
    pub address: String,
    /// What it said before it listened.
    said: Vec<String>,
}

impl Started {
    pub fn new(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let line = lines.next().expect("it listens").unwrap();
            match line.strip_prefix("listening on http://") {
                Some(address) => break address.to_owned(),
                None => said.push(line),
            }
        };
        // Its further lines go nowhere, and do not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, said }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the line that began so.
    pub fn said(&self, beginning: &str) -> &str {
        self.said.iter().find_map(|line| line.strip_prefix(beginning)).unwrap()
    }

    /// The most memory that it held so far, in bytes; unknown where there is no `/proc`.
    pub fn most_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes * 1024)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
