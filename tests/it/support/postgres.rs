//! PostgreSQL for tests: the server that `TENANTRY_TEST_POSTGRES_URL` names, else a private one that ends with the tests.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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
    let folder = std::env::temp_dir().join(format!("tenantry-test-postgres-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    at_the_end(&format!(
        r#"cat >/dev/null || true
for try in $(seq 100); do [ -e '{folder}/data/postmaster.pid' ] || break; sleep 0.1; done
rm -rf '{folder}'
"#,
        folder = folder.display(),
    ));
    let port = free_port();
    let (started, told) = std::sync::mpsc::channel();
    // The server ends with the thread that started it: this one ends with the process.
    std::thread::spawn(move || {
        make(&folder);
        let mut server = start(&folder, port, FOR_ALL);
        started.send(()).unwrap();
        server.wait().unwrap();
    });
    told.recv().expect("PostgreSQL starts");
    url(port)
}

/// What the server that all tests share has beside the rest: room for all of them, and nothing that outlives a crash.
const FOR_ALL: &[(&str, &str)] = &[
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "400"),
    ("shared_buffers", "64MB"),
];

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The base of the URLs of a server on this port.
pub fn url(port: u16) -> String {
    format!("postgres://tenantry@127.0.0.1:{port}")
}

/// Makes the files of a server in a folder.
pub fn make(folder: &Path) {
    give_away(folder);
    let data = folder.join("data").display().to_string();
    let settings = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
    run(&[&["initdb", "-D", &data, "-U", "tenantry"][..], &settings].concat());
}

/// Gives a folder to whom PostgreSQL runs as.
pub fn give_away(folder: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg("postgres").arg(folder).status();
        assert!(owned.unwrap().success());
    }
}

/// Starts the server whose files are in a folder, and waits until it takes connections. It ends with this thread.
pub fn start(folder: &Path, port: u16, settings: &[(&str, &str)]) -> Child {
    let path = folder.join("log");
    let log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let sockets = folder.display().to_string();
    let usual = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", sockets.as_str()),
        ("fsync", "off"),
        ("max_wal_size", "256MB"),
    ];
    let settings = usual.iter().chain(settings);
    let port = port.to_string();
    let mut server = command("postgres")
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port])
        .args(settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    // On a busy machine recovery alone can take half a minute.
    for _ in 0..2_400 {
        let ready = command("pg_isready")
            .args(["-q", "-h", "127.0.0.1", "-p", &port])
            .status();
        if ready.is_ok_and(|status| status.success()) {
            return server;
        }
        if server.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = std::fs::read_to_string(path).unwrap_or_default();
    panic!("PostgreSQL did not start:\n{log}");
}

/// One of PostgreSQL's programs, run by whom it lets run it; it ends with the thread that started it.
pub fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    let path = binaries().join(program);
    command.arg(if path.exists() { path } else { program.into() });
    command.current_dir("/").env_remove("PGOPTIONS");
    command
}

/// Runs one of them to its end.
pub fn run(arguments: &[&str]) {
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

fn binaries() -> PathBuf {
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
