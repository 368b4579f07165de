//! The schema of tenantry, one file per step.
//!
//! A shipped step is never edited: a change is a new step, and it expands first, so that a server of the release
//! before keeps working beside the new schema. Steps are SQL as text, because the two databases differ in three
//! words only ([`Dialect`]), and because the schema is then readable where it stands. Nothing of the server is
//! imported here.

pub use sea_orm_migration::prelude::*;

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
