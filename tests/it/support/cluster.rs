//! PostgreSQL servers of a test's own, for faults that others should not meet.

use std::path::Path;
use std::process::Child;

use super::postgres::{self, command, run};
use super::signal::send_signal;

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
        postgres::make(cluster.folder());
        cluster.set(settings);
        cluster.resume();
        cluster
    }

    /// A streaming standby of it, started.
    pub fn standby(&self) -> Self {
        let mut standby = Self::empty();
        postgres::give_away(standby.folder());
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
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: postgres::free_port(),
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
        self.server = Some(postgres::start(self.folder(), self.port, &[("shared_buffers", "32MB")]));
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
    format!("{}/{database}", postgres::url(port))
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
