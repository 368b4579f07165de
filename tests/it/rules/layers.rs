//! Who may import whom, read from the sources: from the top of [`LEVELS`] down, and never back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;

use super::{assert_committed, from_top};

/// The folders of `src`, the lowest first. Each knows only those before it.
const LEVELS: &[(&str, &str)] = &[
    ("model", "ids, texts, timestamps, secrets, permissions, actors, errors"),
    ("authz", "the policy, and the checks against privilege escalation"),
    ("store", "the database, its tables, the audit trail"),
    ("services", "what a process needs: configuration, hashing, mail, logs"),
    ("authn", "who the caller is: API keys, tokens, impersonation"),
    ("context", "what every verb gets, and its transaction"),
    ("list", "every list, count and connection"),
    (
        "directory",
        "the nouns of the product: a folder per noun, a file per verb",
    ),
    ("keep", "backups and other copies of a whole database, and checks of it"),
    ("operations", "set-up, background work, cleanup, doctor, demo"),
    (
        "transfer",
        "users in and out: export, import, the formats of other products",
    ),
    ("graphql", "the GraphQL schema and its resolvers"),
    ("request", "reading a GraphQL request and its credential"),
    ("compat", "the APIs of other products"),
    ("http", "routes, limits, pages, metrics"),
    ("cli", "the binary's commands"),
];

/// Nouns that know each other, and why. No others do.
const PAIRS: &[(&str, &str, &str)] = &[
    (
        "email_verification",
        "user",
        "a changed address is verified, and a verification is of a user",
    ),
    (
        "group",
        "user",
        "groups are found by their members, and users by their groups",
    ),
    (
        "organization",
        "user",
        "an organization counts the seats that its users take",
    ),
    (
        "password",
        "session",
        "a sign-in checks a password, and a new password ends sessions",
    ),
    (
        "password",
        "user",
        "a user may be created with a password, and a password is a user's",
    ),
    (
        "role",
        "user",
        "roles are given to users, and users are found by their roles",
    ),
    (
        "invitation",
        "user",
        "an invitation becomes a user, and ends with the user who sent it",
    ),
    (
        "session",
        "user",
        "sessions are a user's, and a deactivated user's sessions end",
    ),
];

/// The files that may speak of the GraphQL library.
fn is_face(file: &str) -> bool {
    ["graphql/", "request/graphql.rs", "request/once.rs", "compat/kili"]
        .iter()
        .any(|face| file.starts_with(face))
}

/// The folder or file of `src` that a file belongs to.
fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or(file)
}

/// The folder or file that a path of the crate begins with.
fn module_of_path(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn level(module: &str) -> usize {
    let level = LEVELS.iter().position(|(name, _)| *name == module);
    level.unwrap_or_else(|| panic!("{module} has no level"))
}

#[test]
fn the_graphql_library_stays_in_the_face() {
    for (file, source) in sources("src") {
        let speaks = source.code.contains("async_graphql");
        assert!(!speaks || is_face(&file), "{file} uses async_graphql");
    }
}

#[test]
fn imports_point_down() {
    let mut wrong = BTreeSet::new();
    for (file, source) in sources("src") {
        let home = module(&file);
        if ["lib", "main"].contains(&home) {
            continue;
        }
        for path in &source.paths {
            if level(module_of_path(path)) > level(home) {
                wrong.insert(format!("{file} uses crate::{path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Within a folder no two parts know each other, round about neither; but for the nouns that the domain itself joins.
#[test]
fn no_circles() {
    for (folder, _) in LEVELS {
        // Every object of the schema may lead to every other one.
        if *folder == "graphql" {
            continue;
        }
        let known: BTreeSet<(&str, &str)> = match *folder {
            "directory" => PAIRS.iter().flat_map(|(a, b, _)| [(*a, *b), (*b, *a)]).collect(),
            _ => BTreeSet::new(),
        };
        let graph = within(folder);
        for (from, to) in &graph {
            let back = graph.contains(&(to.clone(), from.clone()));
            assert!(
                !back || known.contains(&(from.as_str(), to.as_str())),
                "{folder}: {from} and {to} know each other"
            );
        }
        for (from, to) in &known {
            assert!(
                graph.contains(&((*from).to_owned(), (*to).to_owned())),
                "{from} does not know {to} any more"
            );
        }
        // The pairs apart, nothing leads back to where it began.
        let apart: BTreeSet<_> = graph
            .into_iter()
            .filter(|(from, to)| !known.contains(&(from.as_str(), to.as_str())))
            .collect();
        for start in apart.iter().map(|(from, _)| from) {
            let mut reached = BTreeSet::new();
            let mut waiting = vec![start];
            while let Some(at) = waiting.pop() {
                for (_, to) in apart.iter().filter(|(from, _)| from == at) {
                    if reached.insert(to) {
                        waiting.push(to);
                    }
                }
            }
            assert!(!reached.contains(start), "{folder}: {start} leads back to itself");
        }
    }
}

/// Which parts of a folder name which others.
fn within(folder: &str) -> BTreeSet<(String, String)> {
    let mut graph = BTreeSet::new();
    for (file, source) in sources("src") {
        let Some(part) = file.strip_prefix(&format!("{folder}/")).map(module) else {
            continue;
        };
        for path in &source.paths {
            let mut names = path.split("::");
            if names.next() == Some(folder)
                && let Some(to) = names.next()
                && part != "mod"
                && part != to
                && to.starts_with(char::is_lowercase)
                && is_part(folder, to)
            {
                graph.insert((part.to_owned(), to.to_owned()));
            }
        }
    }
    graph
}

fn is_part(folder: &str, name: &str) -> bool {
    let path = from_top("src").join(folder).join(name);
    path.is_dir() || path.with_extension("rs").is_file()
}

/// The map in `docs/architecture.md` is drawn from the sources.
#[test]
fn the_map_is_true() {
    let mut map = String::new();
    let sources = sources("src");
    for (folder, what) in LEVELS.iter().rev() {
        let of = |file: &&String| module(file) == *folder;
        let known: BTreeSet<&str> = sources
            .iter()
            .filter(|(file, _)| of(file))
            .flat_map(|(_, source)| source.paths.iter().map(|path| module_of_path(path)))
            .filter(|to| to != folder)
            .collect();
        let mut down: Vec<&str> = known.into_iter().collect();
        down.sort_by_key(|to| std::cmp::Reverse(level(to)));
        let down = if down.is_empty() {
            "nothing".to_owned()
        } else {
            down.join(" ")
        };
        let parts: BTreeSet<&str> = sources
            .keys()
            .filter(of)
            .filter_map(|file| file.strip_prefix(&format!("{folder}/")).map(module))
            .filter(|part| *part != "mod")
            .collect();
        let parts = parts.into_iter().collect::<Vec<_>>().join(" ");
        let parts = if parts.is_empty() {
            "-".to_owned()
        } else {
            format!("`{parts}`")
        };
        map.push_str(&format!("| `{folder}` | {what} | {parts} | {down} |\n"));
    }
    let page = std::fs::read_to_string(from_top("docs/architecture.md")).unwrap();
    let head = "| folder | content | parts | imports |\n|---|---|---|---|\n";
    let (before, rest) = page.split_once(head).expect("the map is in the page");
    let after = &rest[rest.find("\n\n").unwrap()..];
    assert_committed(
        "docs/architecture.md",
        &format!("{before}{head}{}{after}", map.trim_end()),
    );
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
        let noun = file
            .strip_prefix("graphql/")
            .is_some_and(|name| is_part("directory", module(name)));
        if !translates && !noun {
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
                !source.code.contains(word) || file == "model/clock.rs",
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
        // The names of permissions begin like the server's name.
        let code = source.code.replace("'tenantry:", "");
        assert!(!code.contains("tenantry"), "{file} uses the server");
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

pub(super) struct Source {
    /// Without comments, texts and tests.
    pub(super) code: String,
    /// What stands behind `crate::`, unit tests and comments apart, with groups taken apart.
    pub(super) paths: BTreeSet<String>,
}

pub(super) fn sources(folder: &str) -> BTreeMap<String, Source> {
    fn walk(top: &Path, folder: &Path, found: &mut BTreeMap<String, Source>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(top, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                let code = code(&text);
                let paths = crate_paths(&text);
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

/// What a file names of its crate: the paths of its imports, types, expressions and macros, without its unit tests.
fn crate_paths(source: &str) -> BTreeSet<String> {
    #[derive(Default)]
    struct Paths(BTreeSet<String>);

    impl Paths {
        fn add(&mut self, segments: &[String]) {
            if let [first, rest @ ..] = segments
                && first == "crate"
                && !rest.is_empty()
            {
                self.0.insert(rest.join("::"));
            }
        }

        fn tree(&mut self, tree: &syn::UseTree, before: &[String]) {
            let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
            match tree {
                syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident)),
                syn::UseTree::Name(name) if name.ident == "self" => self.add(before),
                syn::UseTree::Name(name) => self.add(&with(&name.ident)),
                syn::UseTree::Rename(name) if name.ident == "self" => self.add(before),
                syn::UseTree::Rename(name) => self.add(&with(&name.ident)),
                syn::UseTree::Glob(_) => self.add(before),
                syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before)),
            }
        }
    }

    impl<'ast> Visit<'ast> for Paths {
        fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
            // A unit test may know whom it likes.
            if module.ident != "tests" {
                syn::visit::visit_item_mod(self, module);
            }
        }

        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            self.tree(&item.tree, &[]);
        }

        fn visit_path(&mut self, path: &'ast syn::Path) {
            let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&segments);
            syn::visit::visit_path(self, path);
        }

        fn visit_macro(&mut self, called: &'ast syn::Macro) {
            self.visit_path(&called.path);
            // The tokens, with blanks between them; `$crate` is the crate that the macro is of.
            let tokens = called.tokens.to_string();
            let words: Vec<&str> = tokens.split_whitespace().collect();
            for (at, word) in words.iter().enumerate() {
                if *word == "crate" {
                    let path = words[at..].iter().enumerate();
                    let path = path
                        .take_while(|(n, word)| (n % 2 == 0) != (**word == "::"))
                        .map(|(_, word)| *word);
                    let segments: Vec<String> = path.filter(|word| *word != "::").map(str::to_owned).collect();
                    self.add(&segments);
                }
            }
        }
    }

    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(source).unwrap());
    paths.0
}

#[test]
fn paths_are_read() {
    let code = "use crate::{organization, tenant};\nuse crate::a::{self, b::{C, D as E}, F};\n\
                fn f(x: crate::t::T) { let x = crate::g::h(1); m!(crate::i::j(), $crate::k::l); }\n\
                mod tests { use crate::no::thing; }";
    let expected = [
        "a",
        "a::F",
        "a::b::C",
        "a::b::D",
        "g::h",
        "i::j",
        "k::l",
        "organization",
        "t::T",
        "tenant",
    ];
    assert_eq!(crate_paths(code).into_iter().collect::<Vec<_>>(), expected);
}
