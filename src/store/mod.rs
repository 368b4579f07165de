//! Storage: the database, its tables, and the audit trail that every change writes to.

pub mod audit_trail;
pub mod built_in_roles;
pub mod catalogue;
pub mod cursor_key;
pub mod db;
pub mod entity;
