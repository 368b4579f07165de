//! What one can hold in the head: files, functions, and who writes a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::from_top;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 80;

/// Longer files, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Longer functions, and why. At most ten.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[(
    "src/services/config/mod.rs",
    "read",
    "a paragraph for each variable, so that all faults are told together",
)];

/// The folder that writes a table.
const OWNERS: &[(&str, &str)] = &[
    ("answered_request", "context"),
    ("api_key", "directory/api_key"),
    ("audit_event", "store/audit_trail"),
    ("email_token", "directory/email_verification"),
    ("federated_identity", "directory/federated_identity"),
    ("group", "directory/group"),
    ("group_member", "directory/group"),
    ("group_role", "directory/group"),
    ("invitation", "directory/invitation"),
    ("invitation_role", "directory/invitation"),
    ("mail", "directory/outbox"),
    ("mail_limit", "directory/outbox"),
    ("organization", "directory/organization"),
    ("password_request", "directory/password"),
    ("password_token", "directory/password"),
    ("permission", "directory/permission"),
    ("resource_server", "directory/resource_server"),
    ("role", "directory/role"),
    ("session", "directory/session"),
    ("setting", "directory/settings"),
    ("sign_in_attempt", "directory/password"),
    ("signing_key", "directory/signing_key"),
    ("tenant", "directory/tenant"),
    ("user", "directory/user"),
    ("user_role", "directory/role"),
    ("word_fold", "operations/words"),
];

/// Who else writes one, and why.
const IMPORT: &str = "many rows at once, with the versions and times of the file";
const WRITERS: &[(&str, &str, &str)] = &[
    (
        "api_key",
        "directory/user",
        "the keys of a user who moves to another organization end",
    ),
    ("api_key", "operations/demo", "many rows at once"),
    (
        "api_key",
        "operations/setup",
        "the first start has no caller who could be asked",
    ),
    (
        "group_role",
        "directory/role",
        "a deleted role is withdrawn from every group",
    ),
    (
        "invitation",
        "directory/outbox",
        "what became of the mail is shown on the invitation",
    ),
    ("organization", "operations/demo", "many rows at once"),
    (
        "organization",
        "operations/setup",
        "the first start has no caller who could be asked",
    ),
    (
        "password_token",
        "directory/email_verification",
        "a changed address voids what was mailed to the old one",
    ),
    (
        "role",
        "directory/organization",
        "an organization's roles are deleted with it",
    ),
    (
        "session",
        "keep/restore",
        "the sessions of a backup can end before a server starts on it",
    ),
    ("tenant", "operations/demo", "many rows at once"),
    (
        "tenant",
        "operations/setup",
        "the first start has no caller who could be asked",
    ),
    (
        "user",
        "directory/email_verification",
        "the column of when the address was verified",
    ),
    (
        "user",
        "directory/invitation",
        "the row of who accepts, which the users' own verb writes",
    ),
    ("user", "directory/password", "the columns of the password"),
    ("user", "operations/demo", "many rows at once"),
    (
        "user",
        "operations/setup",
        "the first start has no caller who could be asked",
    ),
    ("user_role", "operations/demo", "many rows at once"),
    (
        "user_role",
        "operations/setup",
        "the first start has no caller who could be asked",
    ),
    ("api_key", "transfer/intake", IMPORT),
    ("federated_identity", "transfer/intake", IMPORT),
    ("group", "transfer/intake", IMPORT),
    ("group_member", "transfer/intake", IMPORT),
    ("group_role", "transfer/intake", IMPORT),
    ("invitation", "transfer/intake", IMPORT),
    ("invitation_role", "transfer/intake", IMPORT),
    ("organization", "transfer/intake", IMPORT),
    ("role", "transfer/intake", IMPORT),
    ("setting", "transfer/intake", IMPORT),
    ("tenant", "transfer/intake", IMPORT),
    ("user", "transfer/intake", IMPORT),
    ("user_role", "transfer/intake", IMPORT),
];

/// Rust sources under a folder, each with its path from the top of the repository.
fn sources(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(from_top("")).unwrap().display().to_string();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn all() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    sources(&from_top("src"), &mut found);
    found
}

/// The name of a function that a line begins.
fn function(line: &str) -> Option<&str> {
    let words = line.trim_start();
    let (before, after) = words.split_once("fn ")?;
    let is_head = before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || ["async", "const", "unsafe", "super)", "crate)"].contains(&word));
    let name = after.split(['(', '<']).next()?;
    (is_head && !name.is_empty()).then_some(name)
}

/// Functions with how many lines they have. The formatter puts the end of each below its beginning.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        if let Some(length) = lines[at..].iter().position(|line| *line == end) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut long_files = BTreeSet::new();
    let mut long_functions = BTreeSet::new();
    for (file, text) in all() {
        if text.lines().count() > FILE_LINES_MAX {
            long_files.insert(file.clone());
        }
        for (name, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                long_functions.insert((file.clone(), name));
            }
        }
    }
    let known: BTreeSet<String> = LONG_FILES.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(long_files, known, "files of more than {FILE_LINES_MAX} lines");
    let known = LONG_FUNCTIONS.iter();
    let known: BTreeSet<(String, String)> = known.map(|(file, name, _)| ((*file).into(), (*name).into())).collect();
    assert_eq!(
        long_functions, known,
        "functions of more than {FUNCTION_LINES_MAX} lines"
    );
    assert!(known.len() <= 10);
}

/// The tables that a source imports, by the name that it has for each.
fn imported(tree: &syn::UseTree, before: &[String], found: &mut BTreeMap<String, String>) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    let mut add = |path: &[String], name: &str| {
        if let ["crate", "store", "entity", table] = path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            found.insert(name.to_owned(), table.to_owned());
        }
    };
    match tree {
        syn::UseTree::Path(path) => imported(&path.tree, &with(&path.ident), found),
        syn::UseTree::Name(name) if name.ident == "self" => {
            let name = before.last().cloned().unwrap_or_default();
            add(before, &name);
        }
        syn::UseTree::Name(name) => add(&with(&name.ident), &name.ident.to_string()),
        syn::UseTree::Rename(name) if name.ident == "self" => add(before, &name.rename.to_string()),
        syn::UseTree::Rename(name) => add(&with(&name.ident), &name.rename.to_string()),
        syn::UseTree::Glob(_) => {}
        syn::UseTree::Group(group) => group.items.iter().for_each(|item| imported(item, before, found)),
    }
}

/// The tables whose rows a source inserts, changes or deletes.
fn written(text: &str) -> BTreeSet<String> {
    const VERBS: [&str; 5] = [
        "insert(",
        "insert_many(",
        "update_many(",
        "delete_many(",
        "delete_by_id(",
    ];
    let mut names = BTreeMap::new();
    for item in syn::parse_file(text).unwrap().items {
        if let syn::Item::Use(import) = item {
            imported(&import.tree, &[], &mut names);
        }
    }
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: String = code.split_whitespace().collect();
    let writes = |name: &str| {
        let by_verb = VERBS
            .iter()
            .any(|verb| code.contains(&format!("{name}::Entity::{verb}")));
        by_verb || code.contains(&format!("{name}::ActiveModel{{"))
    };
    names
        .into_iter()
        .filter(|(name, _)| writes(name))
        .map(|(_, table)| table)
        .collect()
}

/// Each table has one folder that writes it, and few others with a reason.
#[test]
fn each_table_has_one_owner() {
    let mut writers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in all() {
        let path = file.strip_prefix("src/").unwrap().trim_end_matches(".rs");
        let folder = path.split('/').take(2).collect::<Vec<_>>().join("/");
        for table in written(&text) {
            writers.entry(table).or_default().insert(folder.clone());
        }
    }
    assert!(writers.len() > 15, "{writers:?}");
    let mut strange = BTreeSet::new();
    for (table, folders) in &writers {
        let owner = OWNERS.iter().find(|(owned, _)| owned == table);
        let owner = owner.unwrap_or_else(|| panic!("{table} has no owner"));
        assert!(folders.contains(owner.1), "{table}: {folders:?}");
        strange.extend(
            folders
                .iter()
                .filter(|folder| *folder != owner.1)
                .map(|folder| (table.clone(), folder.clone())),
        );
    }
    let known = WRITERS.iter();
    let known: BTreeSet<_> = known
        .map(|(table, folder, _)| ((*table).to_owned(), (*folder).to_owned()))
        .collect();
    assert_eq!(strange, known);
}

/// What can be searched has its words in its row, so no statement writes the texts that they are made of without them. Rows
/// that are saved one by one get theirs on the way.
#[test]
fn no_statement_writes_texts_without_their_words() {
    const SEARCHED: [&str; 4] = ["group", "organization", "tenant", "user"];
    const MADE_OF: [&str; 5] = ["Id", "Name", "Firstname", "Lastname", "Email"];
    let mut inserters = 0;
    for (file, text) in all() {
        let mut names = BTreeMap::new();
        for item in syn::parse_file(&text).unwrap().items {
            if let syn::Item::Use(import) = item {
                imported(&import.tree, &[], &mut names);
            }
        }
        names.retain(|_, table| SEARCHED.contains(&table.as_str()));
        let code: String = text.split_whitespace().collect();
        for name in names.keys() {
            for column in MADE_OF {
                for path in [format!("{name}::Column::{column}"), format!("Column::{column}")] {
                    assert!(!code.contains(&format!("col_expr({path},")), "{file} writes {path}");
                }
            }
            let inserts = [
                format!("{name}::Entity::insert("),
                format!("{name}::Entity::insert_many("),
                format!("insert::<{name}::Entity>"),
            ];
            if inserts.iter().any(|insert| code.contains(insert)) {
                inserters += 1;
                let makes = code.contains(".complete()?") || code.contains(".worded()?");
                assert!(makes, "{file} inserts {name} without its words");
            }
        }
    }
    assert!(inserters >= 3, "{inserters}");
}
