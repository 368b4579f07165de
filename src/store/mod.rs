//! What is stored, and how it is reached: the database, its tables, and the audit trail that every change writes into.

pub mod audit_trail;
pub mod built_in_roles;
pub mod db;
pub mod entity;
