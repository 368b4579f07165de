//! The pages that show lines of the sources show them as they are, and those for contributors name files that exist.

use std::collections::{BTreeMap, BTreeSet};

use super::from_top;

/// A fenced block that names the file its lines are from, as in "```rust src/list/record.rs".
struct Snippet {
    line: usize,
    file: String,
    text: String,
}

/// A page without its fenced blocks, and those blocks that name a file, by the section they are in.
fn read(page: &str) -> (String, BTreeMap<String, Vec<Snippet>>) {
    let (mut prose, mut sections) = (String::new(), BTreeMap::<String, Vec<Snippet>>::new());
    let mut section = None;
    let mut open: Option<Option<Snippet>> = None;
    for (number, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                let file = info.split_whitespace().nth(1).filter(|word| *word != "ignored");
                open = Some(file.map(|file| Snippet {
                    line: number + 1,
                    file: file.to_owned(),
                    text: String::new(),
                }));
            }
            (Some(_), Some(_)) => {
                let (Some(snippet), Some(section)) = (open.take().flatten(), &section) else {
                    continue;
                };
                sections.entry(String::clone(section)).or_default().push(snippet);
            }
            (None, Some(Some(snippet))) => {
                snippet.text.push_str(line);
                snippet.text.push('\n');
            }
            (None, Some(None)) => {}
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    section = Some(title.to_owned());
                    sections.entry(title.to_owned()).or_default();
                }
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a fenced block has no end");
    (prose, sections)
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text in backticks is the path of a file or folder: one with a slash inside, or a name with a known ending.
fn is_path(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let of_a_file = [".rs", ".md", ".toml", ".graphql", ".txt", ".yml", ".lock"];
    code.chars().all(plain)
        && !code.starts_with('/')
        && (code.contains('/') || of_a_file.iter().any(|ending| code.ends_with(ending)))
}

/// The snippets whose lines are not in their files.
fn outdated(sections: &BTreeMap<String, Vec<Snippet>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for Snippet { line, file, text } in sections.values().flatten() {
        let source = std::fs::read_to_string(from_top(file)).unwrap_or_default();
        if collapsed(text).is_empty() || !collapsed(&source).contains(&collapsed(text)) {
            wrong.push(format!("line {line}: these lines are not in {file}:\n{text}"));
        }
    }
    wrong
}

/// The excerpts are from the projects that the tests run with each tool.
#[test]
fn what_pages_show_of_tools_is_what_is_tested() {
    for (path, files) in [("docs/frontend.md", 5), ("docs/tokens.md", 2)] {
        let page = std::fs::read_to_string(from_top(path)).unwrap();
        let (_, sections) = read(&page);
        let shown: BTreeSet<&str> = sections.values().flatten().map(|snippet| &*snippet.file).collect();
        assert!(shown.len() >= files, "{path}: {shown:?}");
        let wrong = outdated(&sections);
        assert!(wrong.is_empty(), "{path}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn what_contributors_are_shown_is_there() {
    let page = std::fs::read_to_string(from_top("CONTRIBUTING.md")).unwrap();
    let (prose, sections) = read(&page);
    assert!(sections.len() > 5, "{:?}", sections.keys());
    let mut wrong = outdated(&sections);
    for (section, snippets) in &sections {
        if snippets.is_empty() {
            wrong.push(format!("'{section}' shows no lines of any file"));
        }
    }
    let named: Vec<&str> = prose
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| is_path(code))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    let missing = named.into_iter().filter(|path| !from_top(path).exists());
    wrong.extend(missing.map(|path| format!("there is no '{path}'")));
    assert!(wrong.is_empty(), "CONTRIBUTING.md:\n{}", wrong.join("\n"));
}

/// Each decision has its three parts, is short, and is listed.
#[test]
fn decisions_are_short_and_listed() {
    const LINES_MAX: usize = 40;
    let list = std::fs::read_to_string(from_top("docs/adr/README.md")).unwrap();
    let mut met = 0;
    for entry in std::fs::read_dir(from_top("docs/adr")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let text = std::fs::read_to_string(from_top("docs/adr").join(&name)).unwrap();
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap();
        let number = title
            .split_once(". ")
            .and_then(|(number, _)| number.parse::<u32>().ok());
        let number = number.unwrap_or_else(|| panic!("{name}: '{title}' has no number"));
        assert!(name.starts_with(&format!("{number:04}-")), "{name}: '{title}'");
        let parts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(parts, ["Context", "Decision", "Consequences"], "{name}");
        assert!(text.lines().count() <= LINES_MAX, "{name} is too long");
        let row = format!("[{title}]({name})");
        assert!(list.contains(&row), "docs/adr/README.md does not list {row}");
        met += 1;
    }
    assert_eq!(
        list.matches("](0").count(),
        met,
        "docs/adr/README.md lists one that is not there"
    );
    assert!(met > 5, "only {met} decisions");
}

/// The documentation of the crate opens with all of its folders.
#[test]
fn the_crates_documentation_lists_every_folder() {
    let source = std::fs::read_to_string(from_top("src/lib.rs")).unwrap();
    let all = |before: &str, after: &str| -> BTreeSet<String> {
        let names = source
            .lines()
            .filter_map(|line| line.strip_prefix(before)?.split_once(after));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let modules = all("pub mod ", ";");
    assert!(modules.len() > 10, "{modules:?}");
    assert_eq!(all("//! | [`", "`] | "), modules);
}
