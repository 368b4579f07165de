//! The schema of tenantry, one file per step.
//!
//! A shipped step is never edited: a change is a new step, and it expands first, so that a server of the release
//! before keeps working beside the new schema. Steps are SQL as text, because the two databases differ in three
//! words only ([`Dialect`]), and because the schema is then readable where it stands. Nothing of the server is
//! imported here.

pub use sea_orm_migration::prelude::*;

mod dialect;
mod m20261123_000001_directory;
mod m20261123_000002_groups;
mod m20261123_000003_sessions;
mod m20261123_000004_invitations;
mod m20261123_000005_audit;
mod m20261125_000007_audit_eras;
mod m20261126_000008_narrow_lists;

pub use dialect::Dialect;

/// Every step, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_directory::Migration),
            Box::new(m20261123_000002_groups::Migration),
            Box::new(m20261123_000003_sessions::Migration),
            Box::new(m20261123_000004_invitations::Migration),
            Box::new(m20261123_000005_audit::Migration),
            Box::new(m20261125_000007_audit_eras::Migration),
            Box::new(m20261126_000008_narrow_lists::Migration),
        ]
    }
}
