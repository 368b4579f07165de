//! PostgreSQL for tests: the server that `TENANTRY_TEST_POSTGRES_URL` names, else a private one that ends with the tests.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use sea_orm::ConnectionTrait;

/// The base of URLs, up to the database's name.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("TENANTRY_TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => {
            remove_at_the_end(&url);
            url.rsplit_once('/').map(|(base, _)| base.to_owned()).unwrap_or(url)
        }
        _ => start_private(),
    })
}

/// Makes a database and gives its URL.
pub async fn create_database(name: &str, template: Option<&str>) -> String {
    // Copying a template fails while another copy is made of it.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = ONE_AT_A_TIME.lock().await;
    let template = template
        .map(|template| format!(" TEMPLATE {template}"))
        .unwrap_or_default();
    execute(&format!("CREATE DATABASE {name}{template}")).await;
    format!("{}/{name}", server())
}

/// Runs a statement outside of any test's database.
pub async fn execute(statement: &str) {
    let mut options = sea_orm::ConnectOptions::new(format!("{}/postgres", server()));
    options.max_connections(1).sqlx_logging(false);
    let connection = sea_orm::Database::connect(options).await.expect("PostgreSQL answers");
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

/// A server that goes on must not keep what this process leaves: the database that the others are copies of, and all of
/// them if it is killed. Their names begin with its number.
fn remove_at_the_end(url: &str) {
    let own = format!("^tenantry_test_{}_", std::process::id());
    at_the_end(&format!(
        r#"cat >/dev/null || true
psql -X -q '{url}' <<'SQL'
SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE datname ~ '{own}' \gexec
SQL
"#
    ));
}

/// Starts a server in a temporary folder; it ends with this process, and the folder goes.
fn start_private() -> String {
    let bin = binaries();
    let folder = std::env::temp_dir().join(format!("tenantry-test-postgres-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = format!(
        r#"set -e
run() {{ if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else exec "$@"; fi; }}
if [ "$(id -u)" = 0 ]; then chown postgres '{folder}'; fi
cd '{folder}'
(run '{bin}/initdb' -D '{folder}/data' -U tenantry --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >'{folder}/log' 2>&1)
run '{bin}/postgres' -D '{folder}/data' -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder}' \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=64MB \
    -c max_wal_size=256MB >>'{folder}/log' 2>&1 &
server=$!
cat >/dev/null || true
kill -INT $server; wait $server || true
rm -rf '{folder}'
"#,
        folder = folder.display(),
        bin = bin.display(),
    );
    at_the_end(&script);
    // On a busy machine making the cluster alone can take half a minute.
    for _ in 0..1_200 {
        let ready = Command::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
            .status();
        if ready.is_ok_and(|status| status.success()) {
            return format!("postgres://tenantry@127.0.0.1:{port}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    panic!("PostgreSQL did not start:\n{log}");
}

/// Runs a script in a small shell, whose input ends when this process does, however it ends.
#[expect(clippy::zombie_processes, reason = "the shell ends after this process does")]
fn at_the_end(script: &str) {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group_of_its_own()
        .spawn()
        .expect("a shell starts");
    // Kept open for as long as this process lives.
    let mut input = child.stdin.take().unwrap();
    input.flush().unwrap();
    std::mem::forget(input);
}

pub fn binaries() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    versions
        .into_iter()
        .rev()
        .chain(on_path)
        .find(|folder| has_all(folder))
        .expect("PostgreSQL is installed (Debian: postgresql), or TENANTRY_TEST_POSTGRES_URL names a server")
}

fn has_all(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_isready"]
        .iter()
        .all(|name| folder.join(name).exists())
}

/// So that an interrupt at the terminal does not end the server before the shell does.
trait OwnGroup {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OwnGroup for Command {
    fn process_group_of_its_own(&mut self) -> &mut Self {
        use std::os::unix::process::CommandExt;
        self.process_group(0)
    }
}
