//! PgBouncer before PostgreSQL.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::json;

use super::{VARIABLES, at_once, call, create, get};
use crate::support::binary::{Server, run, text};
use crate::support::cluster::{Cluster, psql, url};
use crate::support::postgres::command;
use crate::support::signal::send_signal;
use crate::support::wait::until_outside;

const SOON: Duration = Duration::from_secs(20);

/// A pooler that ends with the test.
struct Pooler {
    process: Child,
    port: u16,
}

impl Pooler {
    fn start(cluster: &Cluster, mode: &str) -> Self {
        Self::start_with(cluster, mode, "")
    }

    fn start_with(cluster: &Cluster, mode: &str, more: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = cluster.folder().join(format!("pgbouncer-{mode}.ini"));
        // As small as can be, so that sessions change hands all the time.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n\
             auth_type=any\npool_mode={mode}\ndefault_pool_size=3\nmax_client_conn=100\n{more}\n",
            cluster.port
        )
        .replace("* = ", "* = user=tenantry ");
        std::fs::write(&path, settings).unwrap();
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists());
        let program = program.expect("PgBouncer is installed (Debian: pgbouncer)");
        let process = command(program.to_str().unwrap())
            .arg("-q")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pooler = Self { process, port };
        until_outside("PgBouncer", Duration::from_secs(30), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        send_signal("KILL", self.process.id());
        let _ = self.process.wait();
    }
}

/// Two processes share few sessions, and nobody sees anything of it.
fn every_answer_is_right(mode: &str) {
    let cluster = Cluster::start(&[]);
    cluster.create("pooled");
    let pooler = Pooler::start(&cluster, mode);
    let url = url(pooler.port, "pooled");
    let mut variables = VARIABLES.to_vec();
    // In session mode a connection keeps its session: both processes together have as many as there are.
    let connections = if mode == "session" { "1" } else { "8" };
    variables.push(("TENANTRY_DATABASE_CONNECTIONS", connections));
    let servers = [Server::start(&url, &variables), Server::start(&url, &variables)];
    for round in 0..10 {
        for (number, server) in servers.iter().enumerate() {
            let id = format!("o-{round}-{number}");
            let answer = call(&server.address, &create(&id), SOON);
            assert_eq!(
                (answer.0, &answer.1["data"]["createOrganization"]["id"]),
                (200, &json!(id)),
                "{answer:?}"
            );
            let one =
                format!("{{ me {{ id }} organizations(where: {{id: \"{id}\"}}) {{ id name }} countOrganizations }}");
            for answer in at_once(&server.address, &one, 15, SOON) {
                let expected = json!({
                    "me": {"id": "admin"}, "organizations": [{"id": id, "name": id}], "countOrganizations": 2 + 2 * round + number,
                });
                assert_eq!((answer.0, &answer.1["data"]), (200, &expected), "{answer:?}");
            }
        }
    }
    for server in &servers {
        assert_eq!(get(&server.address, "/readyz").0, 200);
    }
    // Another client of the same sessions finds nothing of ours in them.
    if mode == "transaction" {
        assert_eq!(psql(&url, "SELECT count(*) FROM pg_prepared_statements"), "0");
        assert_eq!(psql(&url, "SHOW statement_timeout"), "0");
    }
    // Sessions that end are met by nobody here, too.
    cluster.sql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'pooled'",
    );
    let answers = at_once(&servers[0].address, super::ME, 15, SOON);
    assert!(answers.iter().all(|answer| answer.0 == 200), "{answers:?}");
}

#[test]
fn pgbouncer_that_pools_transactions_on_postgresql() {
    every_answer_is_right("transaction");
}

#[test]
fn pgbouncer_that_pools_sessions_on_postgresql() {
    every_answer_is_right("session");
}

#[test]
fn pgbouncer_that_pools_statements_is_refused_on_postgresql() {
    let cluster = Cluster::start(&[]);
    cluster.create("pooled");
    let pooler = Pooler::start(&cluster, "statement");
    let url = url(pooler.port, "pooled");
    let mut variables = VARIABLES.to_vec();
    variables.push(("TENANTRY_DATABASE_URL", &url));
    let refused = run(&["serve"], &variables);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("does not support transactions") && said.contains("pool_mode = transaction"),
        "{said}"
    );
}

/// What a pooler leaves out, tables in another schema among it, would be missed later.
#[test]
fn pgbouncer_that_leaves_out_options_is_refused_on_postgresql() {
    let cluster = Cluster::start(&[]);
    cluster.create("pooled");
    let pooler = Pooler::start_with(
        &cluster,
        "transaction",
        "ignore_startup_parameters=options,extra_float_digits",
    );
    let with_options = format!("{}?options=-c%20search_path%3Dmine", url(pooler.port, "pooled"));
    let mut variables = VARIABLES.to_vec();
    variables.push(("TENANTRY_DATABASE_URL", &with_options));
    let refused = run(&["serve"], &variables);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("ignores the 'options'") && said.contains("ALTER ROLE"),
        "{said}"
    );
    // Without them it serves.
    let server = Server::start(&url(pooler.port, "pooled"), &VARIABLES);
    assert_eq!(get(&server.address, "/readyz").0, 200);
}
