//! The native floor: tokio-postgres, with a few connections that take requests without waiting for the answers to those
//! before, and rusqlite, read on the thread that answers.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use rusqlite::{Connection, OpenFlags, Row, Statement};
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls};

use super::statements::{
    BY_EMAIL, CREATE_POSTGRES, INSERT_EVENT, INSERT_ROLE, INSERT_USER, NAMES_POSTGRES, NAMES_SQLITE, NESTED_POSTGRES,
    NESTED_SQLITE, PAGE, PAIRS_SQLITE, PLANNED_ONCE,
};
use super::written::{Names, Nested, Users, distinct};
use super::{Caller, Driver, New};

/// More bring nothing on two cores.
const CONNECTIONS: usize = 4;
/// How many users are created in one transaction of SQLite at most.
const TOGETHER: usize = 64;

pub struct Postgres {
    connections: Vec<Prepared>,
    next: AtomicUsize,
    caller: Caller,
}

struct Prepared {
    client: Client,
    by_email: tokio_postgres::Statement,
    page: tokio_postgres::Statement,
    nested: tokio_postgres::Statement,
    names: tokio_postgres::Statement,
    create: tokio_postgres::Statement,
}

impl Postgres {
    pub async fn new(url: &str, caller: Caller) -> Self {
        let mut config: Config = url.parse().unwrap();
        let (name, value) = PLANNED_ONCE;
        config.options(format!("-c {name}={value}"));
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = config.connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            connections.push(Prepared {
                by_email: client.prepare(BY_EMAIL).await.unwrap(),
                page: client.prepare(PAGE).await.unwrap(),
                nested: client.prepare(NESTED_POSTGRES).await.unwrap(),
                names: client.prepare(NAMES_POSTGRES).await.unwrap(),
                create: client.prepare(CREATE_POSTGRES).await.unwrap(),
                client,
            });
        }
        Self {
            connections,
            next: AtomicUsize::new(0),
            caller,
        }
    }

    fn connection(&self) -> &Prepared {
        &self.connections[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS]
    }
}

fn written(rows: &[tokio_postgres::Row]) -> Vec<u8> {
    let mut users = Users::new();
    for row in rows {
        users.add(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    }
    users.end()
}

impl Driver for Postgres {
    async fn by_email(&self, email: &str) -> Vec<u8> {
        let on = self.connection();
        let rows = on
            .client
            .query(&on.by_email, &[&self.caller.organization_pk, &email])
            .await;
        written(&rows.unwrap())
    }

    async fn page(&self) -> Vec<u8> {
        let on = self.connection();
        let rows = on.client.query(&on.page, &[&self.caller.organization_pk]).await;
        written(&rows.unwrap())
    }

    async fn nested(&self) -> Vec<u8> {
        let (on, organization) = (self.connection(), &self.caller.organization_pk);
        let rows = on.client.query(&on.nested, &[organization]).await.unwrap();
        let nested: Vec<Nested<&str>> = rows
            .iter()
            .map(|row| Nested {
                id: row.get(0),
                email: row.get(1),
                name: row.get(2),
                tenant: row.get::<_, Option<&str>>(3).map(|id| (id, row.get(4))),
                groups: row.get(5),
                roles: row.get(6),
            })
            .collect();
        let groups = distinct(nested.iter().map(|user| &user.groups));
        let roles = distinct(nested.iter().map(|user| &user.roles));
        let mut names = Names::default();
        for row in on
            .client
            .query(&on.names, &[organization, &groups, &roles])
            .await
            .unwrap()
        {
            names.add(row.get::<_, i32>(0).into(), row.get(1), row.get(2), row.get(3));
        }
        let mut users = Users::new();
        nested.iter().for_each(|user| users.add_nested(user, &names));
        users.end()
    }

    async fn create(&self, new: New) -> Vec<u8> {
        let (on, caller) = (self.connection(), &self.caller);
        let values: [&(dyn ToSql + Sync); 12] = [
            &new.id,
            &caller.organization_pk,
            &caller.tenant_pk,
            &new.email,
            &new.words,
            &new.now,
            &caller.role_pk,
            &caller.user_pk,
            &new.event_id,
            &caller.user_id,
            &caller.related,
            &new.request_id,
        ];
        assert_eq!(on.client.execute(&on.create, &values).await.unwrap(), 1);
        new.answer()
    }
}

pub struct Sqlite {
    organization_pk: i64,
    writer: mpsc::Sender<(New, oneshot::Sender<New>)>,
}

static FILE: OnceLock<String> = OnceLock::new();

thread_local! {
    static READER: RefCell<Reader> = RefCell::new(Reader::new());
}

/// A thread's connection, which lasts as long as the process.
struct Reader {
    by_email: Statement<'static>,
    page: Statement<'static>,
    nested: Statement<'static>,
    pairs: Statement<'static>,
    names: Statement<'static>,
}

impl Reader {
    fn new() -> Self {
        let connection: &'static Connection = Box::leak(Box::new(open(OpenFlags::SQLITE_OPEN_READ_ONLY)));
        let prepare = |sql| connection.prepare(sql).unwrap();
        Self {
            by_email: prepare(BY_EMAIL),
            page: prepare(PAGE),
            nested: prepare(NESTED_SQLITE),
            pairs: prepare(PAIRS_SQLITE),
            names: prepare(NAMES_SQLITE),
        }
    }

    fn nested(&mut self, organization_pk: i64) -> Vec<u8> {
        let (mut pks, mut nested) = (Vec::new(), Vec::new());
        let mut rows = self.nested.query([organization_pk]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            pks.push(row.get_unwrap(5));
            nested.push(Nested {
                id: text(row, 0).to_owned(),
                email: optional(row, 1).map(str::to_owned),
                name: text(row, 2).to_owned(),
                tenant: optional(row, 3).map(|id| (id.to_owned(), text(row, 4).to_owned())),
                groups: Vec::new(),
                roles: Vec::new(),
            });
        }
        let mut rows = self.pairs.query([organization_pk]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let pk: i64 = row.get_unwrap(1);
            nested[pks.binary_search(&pk).unwrap()].push(row.get_unwrap(0), row.get_unwrap(2));
        }
        let json = |keys: Vec<i64>| serde_json::to_string(&keys).unwrap();
        let groups = json(distinct(nested.iter().map(|user| &user.groups)));
        let roles = json(distinct(nested.iter().map(|user| &user.roles)));
        let mut names = Names::default();
        let mut rows = self.names.query((organization_pk, groups, roles)).unwrap();
        while let Some(row) = rows.next().unwrap() {
            names.add(row.get_unwrap(0), row.get_unwrap(1), text(row, 2), text(row, 3));
        }
        let mut users = Users::new();
        nested.iter().for_each(|user| users.add_nested(user, &names));
        users.end()
    }
}

impl Sqlite {
    pub fn new(url: &str, caller: Caller) -> Self {
        let file = url.strip_prefix("sqlite://").unwrap();
        FILE.set(file.to_owned()).unwrap();
        let organization_pk = caller.organization_pk;
        let (writer, waiting) = mpsc::channel();
        std::thread::spawn(move || write(&caller, &waiting));
        Self {
            organization_pk,
            writer,
        }
    }
}

impl Driver for Sqlite {
    async fn by_email(&self, email: &str) -> Vec<u8> {
        READER.with_borrow_mut(|on| listed(on.by_email.query((self.organization_pk, email)).unwrap()))
    }

    async fn page(&self) -> Vec<u8> {
        READER.with_borrow_mut(|on| listed(on.page.query([self.organization_pk]).unwrap()))
    }

    async fn nested(&self) -> Vec<u8> {
        READER.with_borrow_mut(|on| on.nested(self.organization_pk))
    }

    async fn create(&self, new: New) -> Vec<u8> {
        let (made, wait) = oneshot::channel();
        self.writer.send((new, made)).unwrap();
        wait.await.unwrap().answer()
    }
}

/// Creates users, those that wait at the same time in one transaction.
fn write(caller: &Caller, waiting: &mpsc::Receiver<(New, oneshot::Sender<New>)>) {
    let connection = open(OpenFlags::SQLITE_OPEN_READ_WRITE);
    let prepare = |sql| connection.prepare(sql).unwrap();
    let (mut begin, mut commit) = (prepare("BEGIN IMMEDIATE"), prepare("COMMIT"));
    let (mut user, mut role, mut event) = (prepare(INSERT_USER), prepare(INSERT_ROLE), prepare(INSERT_EVENT));
    let organization = caller.organization_pk;
    while let Ok(first) = waiting.recv() {
        let together: Vec<_> = std::iter::once(first)
            .chain(waiting.try_iter().take(TOGETHER - 1))
            .collect();
        begin.execute(()).unwrap();
        for (new, _) in &together {
            let values = (&new.id, organization, caller.tenant_pk, &new.email, &new.words, new.now);
            let pk: i64 = user.query_row(values, |row| row.get(0)).unwrap();
            role.execute((pk, caller.role_pk, organization, new.now, caller.user_pk))
                .unwrap();
            event
                .execute((
                    &new.event_id,
                    organization,
                    caller.tenant_pk,
                    caller.user_pk,
                    &caller.user_id,
                    pk,
                    &new.id,
                    &caller.related,
                    &new.request_id,
                    new.now,
                ))
                .unwrap();
        }
        commit.execute(()).unwrap();
        for (new, made) in together {
            // Whoever asked may be gone.
            let _ = made.send(new);
        }
    }
}

fn open(access: OpenFlags) -> Connection {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(FILE.get().unwrap(), flags).unwrap();
    connection
        .execute_batch(
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192;",
        )
        .unwrap();
    connection
}

fn listed(mut rows: rusqlite::Rows<'_>) -> Vec<u8> {
    let mut users = Users::new();
    while let Some(row) = rows.next().unwrap() {
        users.add(
            text(row, 0),
            optional(row, 1),
            text(row, 2),
            row.get_unwrap(3),
            row.get_unwrap(4),
        );
    }
    users.end()
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> &'a str {
    row.get_ref_unwrap(column).as_str().unwrap()
}

fn optional<'a>(row: &'a Row<'_>, column: usize) -> Option<&'a str> {
    row.get_ref_unwrap(column).as_str_or_null().unwrap()
}
