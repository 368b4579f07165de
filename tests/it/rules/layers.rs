//! Who may import whom, read from the sources: `http` → `graphql`, `compat` → `<noun>/graphql.rs` → `<noun>/<verb>.rs` →
//! `list`, `authz`, `entity`, `audit` → `value`, `permission`, `error`, and never back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::from_top;

/// Modules that know nothing of the server but what stands here beside them. Every other module of the crate is a noun
/// of the domain or one of `TOP`.
const LOW: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("permission", &[]),
    ("value", &["error"]),
    ("entity", &["authz", "value"]),
    // The gate asks who calls, and what that permits.
    ("authz", &["authn", "error", "permission"]),
    // A credential becomes an actor with the permissions of its owner's roles.
    // Keys that sign are made with their event, and whoever impersonates is asked by the gate whether they may.
    (
        "authn",
        &[
            "audit",
            "authz",
            "context",
            "db",
            "entity",
            "error",
            "permission",
            "role",
            "value",
        ],
    ),
    ("db", &["error"]),
    ("list", &["authz", "context", "entity", "error", "value"]),
    (
        "audit",
        // Events are looked for by their organization.
        &[
            "authz",
            "authn",
            "context",
            "db",
            "entity",
            "error",
            "list",
            "organization",
            "value",
        ],
    ),
    (
        "mail",
        &["authn", "config", "context", "edge", "entity", "error", "value"],
    ),
    ("edge", &[]),
    ("config", &["authn", "db", "edge", "error", "value"]),
    ("telemetry", &[]),
];

/// What nothing of the domain, nor anything below it, may know.
const TOP: &[&str] = &[
    "cli", "compat", "doctor", "graphql", "http", "setup", "signals", "sweep", "worker",
];

/// Which files may speak of the GraphQL library.
fn is_face(file: &str) -> bool {
    file.starts_with("graphql/")
        || file.starts_with("http/graphql")
        || file.starts_with("compat/kili")
        || file.ends_with("/graphql.rs")
        || file.contains("/graphql/")
}

/// Which module of the crate a file belongs to.
fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

#[test]
fn the_graphql_library_stays_in_the_face() {
    for (file, source) in sources("src") {
        let speaks = source.code.contains("async_graphql");
        assert!(!speaks || is_face(&file), "{file} uses async_graphql");
    }
}

#[test]
fn nothing_imports_upwards() {
    let mut wrong = BTreeSet::new();
    for (file, source) in sources("src") {
        let home = module(&file);
        for path in &source.paths {
            let to = module_of_path(path);
            if to == home {
                continue;
            }
            let allowed = match LOW.iter().find(|(low, _)| *low == home) {
                // The face of a low module (`audit/graphql.rs`) is a face like any other.
                Some((_, known)) if !is_face(&file) => known.contains(&to),
                _ => match home {
                    "main" | "lib" => true,
                    "cli" => to != "compat",
                    "http" => to != "cli" && to != "setup" && (to != "compat" || file == "http/router.rs"),
                    "compat" => !matches!(to, "cli" | "setup"),
                    "graphql" => !matches!(to, "http" | "compat" | "cli" | "setup"),
                    "setup" => !matches!(to, "http" | "compat" | "cli" | "graphql"),
                    "worker" => !matches!(to, "http" | "compat" | "cli" | "graphql" | "setup"),
                    _ if is_face(&file) => !matches!(to, "http" | "compat" | "cli" | "setup"),
                    _ => !TOP.contains(&to),
                },
            };
            if !allowed {
                wrong.insert(format!("{file} uses crate::{path}"));
            }
            // A verb does not know any noun's face, its own as little as another's.
            let verb = !is_face(&file) && !["graphql", "http", "compat", "cli", "lib", "main"].contains(&home);
            if verb && path.split("::").nth(1) == Some("graphql") {
                wrong.insert(format!("{file} uses the face crate::{path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A resolver decodes, calls a verb and wraps: it sends nothing to the database and asks no permission.
#[test]
fn faces_hold_no_query_and_no_rule() {
    // Maps and sets are inserted into, tables are not.
    let words = [
        ".find()",
        "find_by_id",
        ".query_one",
        ".query_all",
        ".execute",
        "Statement::",
        "Entity::insert",
        "insert_many",
        ".insert(op",
        ".insert(connection",
        ".insert(&*change",
        ".insert(&transaction",
        ".begin()",
        "ActiveModel",
        "update_many",
        "delete_many",
        ".authorize(",
        "may_manage",
        "may_grant",
        "Permissions::READ",
        "Permissions::WRITE",
        "Permissions::USAGE",
    ];
    for (file, source) in sources("src") {
        let translates = file.starts_with("compat/");
        if !(is_face(&file) || translates) || file.starts_with("graphql/") || file.starts_with("http/") {
            continue;
        }
        // Where a product refuses the caller before it reads the fields, its face asks the gate itself, as the verb will.
        for word in words.into_iter().filter(|word| !(translates && *word == ".authorize(")) {
            let code = source.code.replace("\n.", ".");
            assert!(!code.contains(word), "{file} has '{word}'");
        }
    }
}

/// Only the gate makes a `Granted`, and only entities and lists read its scope into a predicate; a verb may look at it.
#[test]
fn only_the_gate_grants() {
    for (file, source) in sources("src") {
        if module(&file) != "authz" {
            assert!(!source.code.contains("Granted {"), "{file} makes a Granted");
            assert!(
                // An actor that is still being made has no context yet.
                !source.code.contains("policy::decide")
                    || ["context.rs", "authn/impersonation.rs"].contains(&file.as_str()),
                "{file} passes by the context"
            );
        }
    }
}

/// The clock is read in one place, randomness comes from the system's generator.
#[test]
fn time_comes_from_the_context() {
    for (file, source) in sources("src") {
        for word in ["Utc::now", "OffsetDateTime::now", "SystemTime::now", "Local::now"] {
            assert!(
                !source.code.contains(word) || file == "context.rs",
                "{file} has '{word}'"
            );
        }
        for word in ["thread_rng", "rand::rng", "StdRng"] {
            assert!(!source.code.contains(word), "{file} has '{word}'");
        }
    }
}

/// The steps stand alone: a shipped one must mean tomorrow what it meant when it was written.
#[test]
fn migrations_import_nothing_of_the_server() {
    for (file, source) in sources("migration/src") {
        assert!(!source.code.contains("tenantry"), "{file} uses the server");
        for path in &source.paths {
            assert_eq!(path, "Dialect", "{file} uses crate::{path}");
        }
    }
    let manifest = std::fs::read_to_string(from_top("migration/Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("tenantry ="),
        "the migration crate depends on the server"
    );
}

/// Each module is a folder or file that `lib.rs` names, so that none is forgotten here.
#[test]
fn every_module_is_known() {
    let modules: BTreeSet<String> = sources("src").keys().map(|file| module(file).to_owned()).collect();
    let lib = std::fs::read_to_string(from_top("src/lib.rs")).unwrap();
    for module in modules
        .iter()
        .filter(|module| !["lib", "main"].contains(&module.as_str()))
    {
        assert!(lib.contains(&format!("mod {module};")), "{module} is not in lib.rs");
    }
    for (low, known) in LOW {
        assert!(modules.contains(*low), "there is no module {low}");
        for one in *known {
            assert!(modules.contains(*one), "there is no module {one}");
        }
    }
}

/// A noun of a path: `user::Target` → `user`. A path that names an item of `lib.rs` itself has none.
fn module_of_path(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

pub(super) struct Source {
    /// Without comments, texts and tests.
    pub(super) code: String,
    /// What stands behind `crate::`, with groups taken apart.
    paths: BTreeSet<String>,
}

pub(super) fn sources(folder: &str) -> BTreeMap<String, Source> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeMap<String, Source>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                let code = code(&std::fs::read_to_string(&path).unwrap());
                let paths = crate_paths(&code);
                found.insert(name, Source { code, paths });
            }
        }
    }
    let top = from_top(folder);
    let mut found = BTreeMap::new();
    walk(&top, &top, &mut found);
    assert!(!found.is_empty());
    found
}

/// Lines without comments; unit tests at a file's end are not its code.
fn code(source: &str) -> String {
    let source = source.split("#[cfg(test)]").next().unwrap_or(source);
    let mut code = String::with_capacity(source.len());
    for line in source.lines() {
        let line = line.trim_start();
        if !line.starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or(line));
            code.push('\n');
        }
    }
    code
}

/// `use crate::{a::B, c::{D, E}}` → `a::B`, `c::D`, `c::E`.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + start.len()..];
        if !rest.is_empty() {
            take_apart(rest, "", &mut paths);
        }
    }
    paths
}

/// Reads one path, or a group of them, at the start of `text`; gives what is left behind it.
fn take_apart<'a>(text: &'a str, prefix: &str, paths: &mut BTreeSet<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut group) = text.strip_prefix('{') {
        loop {
            group = group.trim_start().trim_start_matches(',').trim_start();
            match group.strip_prefix('}') {
                Some(rest) => return rest,
                None if group.is_empty() => return group,
                None => group = take_apart(group, prefix, paths),
            }
        }
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let path = if prefix.is_empty() {
        word.to_owned()
    } else {
        format!("{prefix}::{word}")
    };
    if let Some(deeper) = rest.strip_prefix("::")
        && deeper.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{')
    {
        return take_apart(deeper, &path, paths);
    }
    paths.insert(path);
    // `self as name`, `*`, a macro's `!`: nothing more of the path.
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace());
    let rest = rest.strip_prefix("as ").map_or(rest, |alias| {
        alias.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c.is_whitespace())
    });
    match rest.strip_prefix(|c: char| c != ',' && c != '}') {
        // Inside a group nothing else can stand before the comma; outside it nobody reads on.
        Some(more) if prefix.is_empty() => more,
        _ => rest,
    }
}

#[test]
fn paths_are_read() {
    let code = "use crate::{organization, tenant};\nuse crate::a::{self, b::{C, D as E}, F};\nlet x = crate::g::h(1);\n$crate::no::thing";
    let expected = [
        "a::F",
        "a::b::C",
        "a::b::D",
        "a::self",
        "g::h",
        "organization",
        "tenant",
    ];
    assert_eq!(crate_paths(code).into_iter().collect::<Vec<_>>(), expected);
}
