//! The schema of tenantry, one file per step.
//!
//! A shipped step is never edited: a change is a new step, and it expands first, so that a server of the release
//! before keeps working beside the new schema. Steps are SQL as text, because the two databases differ in three
//! words only ([`Dialect`]), and because the schema is then readable where it stands. Nothing of the server is
//! imported here.

pub use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod dialect;
mod m20261128_000001_directory;

pub use dialect::Dialect;

/// Every step, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261128_000001_directory::Migration)]
    }
}

/// The statements of every step for one database, by the step's name. A test compares those of released steps with what they
/// were.
#[must_use]
pub fn statements(database: DbBackend) -> Vec<(String, Vec<String>)> {
    let dialect = Dialect::for_database(database);
    let steps = [(
        m20261128_000001_directory::Migration.name().to_owned(),
        m20261128_000001_directory::statements(database),
    )];
    let ready = |templates: Vec<&str>| templates.into_iter().map(|template| dialect.sql(template)).collect();
    steps
        .into_iter()
        .map(|(name, templates)| (name, ready(templates)))
        .collect()
}
