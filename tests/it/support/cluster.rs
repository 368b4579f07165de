//! PostgreSQL servers of a test's own, for faults that others should not meet.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::postgres::binaries;

/// A server that ends with the test.
pub struct Cluster {
    folder: tempfile::TempDir,
    pub port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes one and starts it, with these settings beside the usual ones.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::empty();
        let data = cluster.data();
        run(&[
            "initdb",
            "-D",
            &data,
            "-U",
            "tenantry",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        cluster.set(settings);
        cluster.resume();
        cluster
    }

    /// A streaming standby of it, started.
    pub fn standby(&self) -> Self {
        let mut standby = Self::empty();
        let (data, port) = (standby.data(), self.port.to_string());
        run(&[
            "pg_basebackup",
            "-D",
            &data,
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "tenantry",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
            "--no-sync",
        ]);
        standby.set(&[]);
        standby.resume();
        standby
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(folder.path()).status();
            assert!(owned.unwrap().success());
        }
        Self {
            port: TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
            folder,
            server: None,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Writes settings, for the next start.
    pub fn set(&self, settings: &[(&str, &str)]) {
        let path = self.folder.path().join("data/postgresql.auto.conf");
        let mut text = std::fs::read_to_string(&path).unwrap_or_default();
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        std::fs::write(path, text).unwrap();
    }

    /// Starts it, and waits until it takes connections.
    pub fn resume(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let (data, port) = (self.data(), self.port.to_string());
        let sockets = format!("unix_socket_directories={}", self.folder.path().display());
        let server = command("postgres")
            .args([
                "-D",
                &data,
                "-p",
                &port,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                &sockets,
            ])
            .args([
                "-c",
                "fsync=off",
                "-c",
                "shared_buffers=32MB",
                "-c",
                "max_wal_size=256MB",
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let ready = || {
            let asked = command("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status();
            asked.is_ok_and(|status| status.success())
        };
        wait_for("PostgreSQL", Duration::from_secs(120), ready);
    }

    /// Ends it as an administrator does who waits for nobody.
    pub fn stop(&mut self) {
        self.end("INT");
    }

    /// Ends it without a word to anybody; the next start recovers.
    pub fn crash(&mut self) {
        self.end("QUIT");
    }

    fn end(&mut self, signal: &str) {
        if let Some(mut server) = self.server.take() {
            send_signal(signal, server.id());
            server.wait().unwrap();
        }
    }

    pub fn promote(&self) {
        run(&["pg_ctl", "promote", "-D", &self.data(), "-w", "-t", "60"]);
    }

    /// The URL of a database in it.
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Makes a database.
    pub fn create(&self, database: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {database}"));
        self.url(database)
    }

    /// Runs SQL; gives the rows as text.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        psql(&self.url(database), sql)
    }

    /// The processes that serve tenantry.
    pub fn backends(&self) -> Vec<u32> {
        let asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tenantry'";
        let pids = self.sql("postgres", asked);
        pids.lines().map(|pid| pid.parse().unwrap()).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("QUIT");
    }
}

pub fn url(port: u16, database: &str) -> String {
    format!("postgres://tenantry@127.0.0.1:{port}/{database}")
}

/// Runs SQL in psql; gives the rows as text.
pub fn psql(url: &str, sql: &str) -> String {
    let output = command("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{sql}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Sends a signal to a process that the test started, or that serves it.
pub fn send_signal(signal: &str, pid: u32) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "{signal} to {pid}");
}

/// Waits until something is so.
pub fn wait_for(what: &str, limit: Duration, is_so: impl Fn() -> bool) -> Duration {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}

/// One of PostgreSQL's programs, run by whom it lets run it; it ends with the thread that started it.
pub fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    let path: PathBuf = binaries().join(program);
    command.arg(if path.exists() { path } else { program.into() });
    command.current_dir("/").env_remove("PGOPTIONS");
    command
}

fn run(arguments: &[&str]) {
    let output = command(arguments[0]).args(&arguments[1..]).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.starts_with(b"0\n")
}
