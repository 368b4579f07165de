//! The table of faults, and who may speak to the driver: what waits for a database without an end is found nowhere else.

use std::path::Path;

use super::from_top;
use super::layers::sources;

/// Every row of the table names a test that there is.
#[test]
fn every_fault_has_its_test() {
    let page = std::fs::read_to_string(from_top("docs/operating.md")).unwrap();
    let (_, section) = page.split_once("\n## When something fails\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 10, "{rows:#?}");
    let mut tests = String::new();
    read(&from_top("tests/it"), &mut tests);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        let name = cells[4].trim_matches('`');
        assert!(
            !name.is_empty() && tests.contains(&format!("fn {name}(")),
            "no test '{name}'"
        );
    }
}

fn read(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Connections, transactions and the driver's errors are known in one place each. The pools of the libraries, which wait
/// without an end in places, are used only for the schema's steps and for what reads or writes a whole database.
#[test]
fn only_the_database_speaks_to_the_driver() {
    for (file, source) in sources("src") {
        let inside = file.starts_with("store/db/") || file == "model/error/database.rs";
        assert!(inside || !source.code.contains("sqlx"), "{file} knows the driver");
        for word in [
            "DatabaseConnection",
            "DatabaseTransaction",
            "TransactionTrait",
            "PoolOptions",
        ] {
            let allowed = ["setup", "snapshot", "whole"].map(|name| format!("store/db/{name}.rs"));
            let allowed = allowed.contains(&file);
            assert!(
                allowed || !source.code.contains(word),
                "{file} uses the library's {word}"
            );
        }
        // Whatever is asked of a connection in use is asked within a time.
        for line in source.code.lines().filter(|line| line.contains(".step()?.")) {
            assert!(line.contains("timeout("), "{file}: {line}");
        }
    }
}
