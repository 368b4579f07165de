//! PostgreSQL's connections, in use by a query.

use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::postgres::{PgConnection, PgPool};
use sea_orm::sqlx::{self, Connection, Postgres};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use tokio::sync::OwnedSemaphorePermit;

/// A connection in use. Dropped before its statement is done, it stays its caller's until the server has ended that:
/// whoever asks and goes away would else have one connection after the other.
#[derive(Debug)]
pub struct Borrowed {
    /// Present until it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    place: Option<OwnedSemaphorePermit>,
    done: bool,
}

impl Borrowed {
    pub async fn from(pool: &PgPool, place: Option<OwnedSemaphorePermit>) -> Result<Self, DbErr> {
        let connection = pool.acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            _ => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })?;
        Ok(Self {
            connection: Some(connection),
            place,
            done: false,
        })
    }

    pub fn connection(&mut self) -> Option<&mut PgConnection> {
        self.connection.as_deref_mut()
    }

    /// The statement has come to its end, well or badly.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (connection, place) = (self.connection.take(), self.place.take());
        if let (Some(mut connection), Ok(runtime)) = (connection, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                // It answers when the statement has ended, which the server sees to.
                let _ = connection.ping().await;
                drop(place);
            });
        }
    }
}
