//! No test orders events by sleeping: it waits for what it needs, by `support/wait.rs`. Where time itself is what a test is
//! about, the line before says so.

use std::path::Path;

use super::from_top;

const SLEEP: &str = concat!("sleep", "(");
const REASON: &str = "// Time is the subject: ";

/// The numbers of the lines that sleep without a reason.
fn unexplained(source: &str) -> Vec<usize> {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let sleeps = |at: usize| lines[at].contains(SLEEP) && !lines[at].starts_with("//");
    let explained = |at: usize| at > 0 && lines[at - 1].starts_with(REASON);
    (0..lines.len())
        .filter(|at| sleeps(*at) && !explained(*at))
        .map(|at| at + 1)
        .collect()
}

fn read(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("support") {
                read(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            found.extend(
                unexplained(&source)
                    .iter()
                    .map(|line| format!("{}:{line}", path.display())),
            );
        }
    }
}

#[test]
fn tests_wait_for_conditions() {
    let mut found = Vec::new();
    read(&from_top("tests/it"), &mut found);
    assert!(
        found.is_empty(),
        "wait for a condition, or say why with `{REASON}…` on the line before: {found:#?}"
    );
}

#[test]
fn sleeps_are_found() {
    let [bare, explained] = ["a();", REASON].map(|before| format!("    {before}\n    std::thread::{SLEEP}SOON);\n"));
    assert_eq!((unexplained(&bare), unexplained(&explained)), (vec![2], vec![]));
}
