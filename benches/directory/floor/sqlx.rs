//! The floor on the server's driver, with the settings of its pools.

use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, PgPool, Row, SqlitePool};

use super::statements::{
    BY_EMAIL, CREATE_POSTGRES, INSERT_EVENT, INSERT_ROLE, INSERT_USER, NAMES_POSTGRES, NAMES_SQLITE, NESTED_POSTGRES,
    NESTED_SQLITE, PAGE, PAIRS_SQLITE, PLANNED_ONCE,
};
use super::written::{Names, Nested, Users, distinct};
use super::{Caller, Driver, New};

const WAIT: Duration = Duration::from_secs(10);

macro_rules! write_users {
    ($rows:expr) => {{
        let mut users = Users::new();
        for row in &$rows {
            users.add(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
        }
        users.end()
    }};
}

pub struct Postgres {
    pool: PgPool,
    caller: Caller,
}

impl Postgres {
    pub async fn new(url: &str, caller: Caller) -> Self {
        let options = PgConnectOptions::from_str(url).unwrap().options([PLANNED_ONCE]);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .min_connections(1)
            .acquire_timeout(WAIT)
            .test_before_acquire(false);
        Self {
            pool: pool.connect_with(options).await.unwrap(),
            caller,
        }
    }
}

impl Driver for Postgres {
    async fn by_email(&self, email: &str) -> Vec<u8> {
        let query = sqlx::query(BY_EMAIL).bind(self.caller.organization_pk).bind(email);
        write_users!(query.fetch_all(&self.pool).await.unwrap())
    }

    async fn page(&self) -> Vec<u8> {
        let query = sqlx::query(PAGE).bind(self.caller.organization_pk);
        write_users!(query.fetch_all(&self.pool).await.unwrap())
    }

    async fn nested(&self) -> Vec<u8> {
        let organization = self.caller.organization_pk;
        let mut connection = self.pool.acquire().await.unwrap();
        let query = sqlx::query(NESTED_POSTGRES).bind(organization);
        let rows = query.fetch_all(&mut *connection).await.unwrap();
        let nested: Vec<Nested<&str>> = rows
            .iter()
            .map(|row| Nested {
                id: row.get(0),
                email: row.get(1),
                name: row.get(2),
                tenant: row.get::<Option<&str>, _>(3).map(|id| (id, row.get(4))),
                groups: row.get(5),
                roles: row.get(6),
            })
            .collect();
        let query = sqlx::query(NAMES_POSTGRES)
            .bind(organization)
            .bind(distinct(nested.iter().map(|user| &user.groups)))
            .bind(distinct(nested.iter().map(|user| &user.roles)));
        let mut names = Names::default();
        for row in query.fetch_all(&mut *connection).await.unwrap() {
            names.add(row.get::<i32, _>(0).into(), row.get(1), row.get(2), row.get(3));
        }
        let mut users = Users::new();
        nested.iter().for_each(|user| users.add_nested(user, &names));
        users.end()
    }

    async fn create(&self, new: New) -> Vec<u8> {
        let caller = &self.caller;
        sqlx::query(CREATE_POSTGRES)
            .bind(&new.id)
            .bind(caller.organization_pk)
            .bind(caller.tenant_pk)
            .bind(&new.email)
            .bind(&new.words)
            .bind(new.now)
            .bind(caller.role_pk)
            .bind(caller.user_pk)
            .bind(&new.event_id)
            .bind(&caller.user_id)
            .bind(&caller.related)
            .bind(&new.request_id)
            .execute(&self.pool)
            .await
            .unwrap();
        new.answer()
    }
}

pub struct Sqlite {
    reader: SqlitePool,
    writer: SqlitePool,
    caller: Caller,
}

impl Sqlite {
    pub async fn new(url: &str, caller: Caller) -> Self {
        let open = async |connections: u32, read_only: bool| {
            let options = SqliteConnectOptions::from_str(url)
                .unwrap()
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(WAIT)
                .pragma("trusted_schema", "OFF")
                .pragma("cache_size", "-8192")
                .read_only(read_only)
                .statement_cache_capacity(256);
            let pool = SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(WAIT)
                .test_before_acquire(false);
            pool.connect_with(options).await.unwrap()
        };
        Self {
            writer: open(1, false).await,
            reader: open(4, true).await,
            caller,
        }
    }
}

impl Driver for Sqlite {
    async fn by_email(&self, email: &str) -> Vec<u8> {
        let query = sqlx::query(BY_EMAIL).bind(self.caller.organization_pk).bind(email);
        write_users!(query.fetch_all(&self.reader).await.unwrap())
    }

    async fn page(&self) -> Vec<u8> {
        let query = sqlx::query(PAGE).bind(self.caller.organization_pk);
        write_users!(query.fetch_all(&self.reader).await.unwrap())
    }

    async fn nested(&self) -> Vec<u8> {
        let organization = self.caller.organization_pk;
        let mut connection = self.reader.acquire().await.unwrap();
        let query = sqlx::query(NESTED_SQLITE).bind(organization);
        let rows = query.fetch_all(&mut *connection).await.unwrap();
        let pks: Vec<i64> = rows.iter().map(|row| row.get(5)).collect();
        let mut nested: Vec<Nested<&str>> = rows
            .iter()
            .map(|row| Nested {
                id: row.get(0),
                email: row.get(1),
                name: row.get(2),
                tenant: row.get::<Option<&str>, _>(3).map(|id| (id, row.get(4))),
                groups: Vec::new(),
                roles: Vec::new(),
            })
            .collect();
        let query = sqlx::query(PAIRS_SQLITE).bind(organization);
        for row in query.fetch_all(&mut *connection).await.unwrap() {
            let place = pks.binary_search(&row.get(1)).unwrap();
            nested[place].push(row.get(0), row.get(2));
        }
        let query = sqlx::query(NAMES_SQLITE)
            .bind(organization)
            .bind(json(&distinct(nested.iter().map(|user| &user.groups))))
            .bind(json(&distinct(nested.iter().map(|user| &user.roles))));
        let mut names = Names::default();
        for row in query.fetch_all(&mut *connection).await.unwrap() {
            names.add(row.get(0), row.get(1), row.get(2), row.get(3));
        }
        let mut users = Users::new();
        nested.iter().for_each(|user| users.add_nested(user, &names));
        users.end()
    }

    async fn create(&self, new: New) -> Vec<u8> {
        let caller = &self.caller;
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let user = sqlx::query(INSERT_USER)
            .bind(&new.id)
            .bind(caller.organization_pk)
            .bind(caller.tenant_pk)
            .bind(&new.email)
            .bind(&new.words)
            .bind(new.now)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        let pk: i64 = user.get(0);
        sqlx::query(INSERT_ROLE)
            .bind(pk)
            .bind(caller.role_pk)
            .bind(caller.organization_pk)
            .bind(new.now)
            .bind(caller.user_pk)
            .execute(&mut *transaction)
            .await
            .unwrap();
        sqlx::query(INSERT_EVENT)
            .bind(&new.event_id)
            .bind(caller.organization_pk)
            .bind(caller.tenant_pk)
            .bind(caller.user_pk)
            .bind(&caller.user_id)
            .bind(pk)
            .bind(&new.id)
            .bind(&caller.related)
            .bind(&new.request_id)
            .bind(new.now)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        new.answer()
    }
}

fn json(keys: &[i64]) -> String {
    serde_json::to_string(keys).unwrap()
}
