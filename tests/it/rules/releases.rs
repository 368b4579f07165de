//! What has been released stays as it was: the steps of the schema, and the databases that each release leaves behind.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use migration::{Migrator, MigratorTrait};
use sea_orm::DbBackend;
use sha2::{Digest, Sha256};

use super::from_top;

/// The version before the first one whose databases are kept.
const BEFORE: &str = "0.1.0";

/// The folders of all releases whose databases are upgraded in the tests, oldest first, by version.
pub fn released() -> BTreeMap<String, PathBuf> {
    let folders = std::fs::read_dir(from_top("tests/releases")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    folders
        .map(|path| (name(&path), path))
        .filter(|(name, _)| !name.starts_with(['_', '.']))
        .collect()
}

/// A line for each step and database: its name, the database, the SHA-256 of its statements.
fn digests() -> Vec<String> {
    let mut lines = Vec::new();
    for (word, database) in [("sqlite", DbBackend::Sqlite), ("postgres", DbBackend::Postgres)] {
        for (step, statements) in migration::statements(database) {
            let mut digest = Sha256::new();
            for statement in &statements {
                digest.update((statement.len() as u64).to_be_bytes());
                digest.update(statement);
            }
            let mut line = format!("{step} {word} ");
            for byte in digest.finalize() {
                write!(line, "{byte:02x}").unwrap();
            }
            lines.push(line);
        }
    }
    lines
}

/// With `TENANTRY_TEST_RELEASE=0.2.0` it writes the file of that release, as `tests/releases/make.py` does.
#[test]
fn statements_of_released_steps_stay_as_they_were() {
    let today = digests();
    if let Ok(version) = std::env::var("TENANTRY_TEST_RELEASE") {
        let path = from_top("tests/releases").join(version).join("steps.txt");
        std::fs::write(path, today.join("\n") + "\n").unwrap();
    }
    for (version, folder) in released() {
        let steps = std::fs::read_to_string(folder.join("steps.txt")).unwrap();
        let changed: Vec<&str> = steps
            .lines()
            .filter(|line| !today.iter().any(|now| now == line))
            .collect();
        assert!(
            changed.is_empty(),
            "These steps of the schema were released with {version}, and their statements have changed since:\n{}\n\
             Databases that were made with them exist, and never run them again. Put the statements back as they were, and \
             add a new step: CONTRIBUTING.md, 'Add a migration', says how.",
            changed.join("\n")
        );
    }
}

/// `statements` lists what is run.
#[test]
fn every_step_has_its_statements_listed() {
    let run: Vec<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    for database in [DbBackend::Sqlite, DbBackend::Postgres] {
        let listed = migration::statements(database);
        assert!(listed.iter().all(|(_, statements)| !statements.is_empty()));
        assert_eq!(listed.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), run);
    }
}

/// A version in the changelog has its databases here.
#[test]
fn every_release_has_its_databases() {
    let changelog = std::fs::read_to_string(from_top("CHANGELOG.md")).unwrap();
    let versions = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## [")?.split_once(']'));
    let versions: Vec<&str> = versions
        .map(|(version, _)| version)
        .filter(|version| !["Unreleased", BEFORE].contains(version))
        .collect();
    assert!(versions.contains(&env!("CARGO_PKG_VERSION")), "{versions:?}");
    let released = released();
    for version in versions {
        let folder = released.get(version);
        let folder =
            folder.unwrap_or_else(|| panic!("run tests/releases/make.py: there is no tests/releases/{version}"));
        for file in ["sqlite.db.gz", "postgres.sql.gz", "facts.json", "steps.txt"] {
            assert!(folder.join(file).is_file(), "{version} has no {file}");
        }
    }
}
