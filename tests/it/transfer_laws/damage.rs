//! An export that is not whole, or not as it was written, changes nothing: any beginning of it, any byte that differs, any
//! line that is missing or there twice.

use std::path::Path;

use fastrand::Rng;
use tenantry::model::Clock;
use tenantry::transfer::source::{Format, How, Source};

use super::{WHOLE, directory, on, rounds, sealed, seeds, told, written};
use crate::keep::{differing, digests, names};
use crate::support::{Backend, TestDatabase};

/// Reads a file as the first pass of an import does; gives why it is refused.
fn read(folder: &Path, content: &[u8], how: &How) -> Result<Format, String> {
    let path = written(folder, "damaged.ndjson", content);
    let source = Source::open(&[path], how).map_err(|fault| fault.to_string())?;
    let mut reader = source.reader().map_err(|fault| fault.to_string())?;
    while reader.next().map_err(|fault| fault.to_string())?.is_some() {}
    Ok(source.format())
}

/// Lines with their ends.
fn lines_of(file: &str) -> Vec<&str> {
    file.split_inclusive('\n').collect()
}

/// Some damage, and what it is called.
fn damaged(original: &str, random: &mut Rng) -> (String, Vec<u8>) {
    let bytes = original.as_bytes();
    let lines = lines_of(original);
    match random.u32(0..5) {
        0 => {
            let length = random.usize(0..bytes.len());
            (format!("the first {length} bytes"), bytes[..length].to_vec())
        }
        1 | 2 => {
            let (at, flip) = (random.usize(0..bytes.len()), random.u8(1..=255));
            let mut changed = bytes.to_vec();
            changed[at] ^= flip;
            (format!("byte {at} ^ {flip}"), changed)
        }
        3 => {
            let at = random.usize(0..lines.len());
            let others = lines.iter().enumerate().filter(|(number, _)| *number != at);
            let left: String = others.map(|(_, line)| *line).collect();
            (format!("without line {}", at + 1), left.into_bytes())
        }
        _ => {
            let at = random.usize(0..lines.len());
            let twice: String = lines
                .iter()
                .enumerate()
                .map(|(number, line)| line.repeat(if number == at { 2 } else { 1 }))
                .collect();
            (format!("line {} twice", at + 1), twice.into_bytes())
        }
    }
}

/// The reader finds it. A file whose first line is gone may look like another format, which needs a flag.
#[test]
fn any_damage_is_found_by_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for seed in seeds(2, 20) {
        let original = sealed(&directory::whole(seed));
        let mut random = Rng::with_seed(seed);
        let native = How {
            format: Some(Format::Tenantry),
            ..How::new(Clock::System.now())
        };
        assert_eq!(
            read(folder.path(), original.as_bytes(), &native),
            Ok(Format::Tenantry),
            "seed {seed}"
        );
        for _ in 0..rounds(400, 20_000) {
            let (what, content) = damaged(&original, &mut random);
            if read(folder.path(), &content, &native).is_ok() {
                found.push(format!("seed {seed}: {what}"));
            }
        }
    }
    assert!(found.is_empty(), "not found: {found:#?}");
}

/// Each beginning that ends with a line, and each that ends in the middle of the first and of the last one.
#[test]
fn every_beginning_is_found_by_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let original = sealed(&directory::whole(7));
    let how = How {
        format: Some(Format::Tenantry),
        ..How::new(Clock::System.now())
    };
    let mut ends: Vec<usize> = lines_of(&original)
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    assert_eq!(ends.pop(), Some(original.len()));
    ends.extend(0..WHOLE.len());
    let last = lines_of(&original).pop().unwrap().len();
    ends.extend(original.len() - last..original.len());
    for end in ends {
        let read = read(folder.path(), &original.as_bytes()[..end], &how);
        assert!(read.is_err(), "the first {end} bytes are taken");
    }
}

/// Damage to the first line does not make another format of the file: whatever it looks like, nothing of it is taken.
#[test]
fn a_damaged_first_line_is_no_other_format() {
    let folder = tempfile::tempdir().unwrap();
    let original = sealed(&directory::whole(3));
    let how = How::new(Clock::System.now());
    let mut taken = Vec::new();
    for at in 0..WHOLE.len() {
        let mut changed = original.clone().into_bytes();
        // A letter becomes its neighbour.
        changed[at] ^= 1;
        if let Ok(format) = read(folder.path(), &changed, &how) {
            taken.push(format!("byte {at}: taken for {}", format.name()));
        }
    }
    let without: String = lines_of(&original)[1..].concat();
    if let Ok(format) = read(folder.path(), without.as_bytes(), &how) {
        taken.push(format!("without its first line: taken for {}", format.name()));
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

/// What is said of a first line names what is wrong with it, and never a format that nobody meant.
#[test]
fn what_is_wrong_with_a_first_line_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let original = sealed(&directory::whole(3));
    let how = How::new(Clock::System.now());
    for (instead, words) in [
        (String::new(), "It is missing"),
        (WHOLE.replace("scope", "sc0pe"), "There is no member 'sc0pe'"),
        (
            WHOLE.replace("tenantry", "tenantrz"),
            "The type of this one is 'tenantrz'",
        ),
        (
            WHOLE.replace("\"type\":\"tenantry\",", ""),
            "The member 'type' is missing",
        ),
        (WHOLE[1..].to_owned(), "not a JSON object"),
        (WHOLE[..20].to_owned(), "not a JSON object"),
        (WHOLE.replace("1", "2"), "version 2"),
        (WHOLE.replace("1", "true"), "the wrong kind of value"),
    ] {
        let rest = original.strip_prefix(WHOLE).unwrap();
        let content = match instead.as_str() {
            "" => rest.trim_start().to_owned(),
            instead => format!("{instead}{rest}"),
        };
        let why = read(folder.path(), content.as_bytes(), &how).unwrap_err();
        assert!(why.starts_with("line 1: ") && why.contains(words), "{instead}: {why}");
    }
}

/// People's own JSON may have a type too.
#[test]
fn a_type_alone_makes_no_file_of_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let how = How::new(Clock::System.now());
    let users =
        "{\"type\":\"user\",\"email\":\"ada@example.com\"}\n{\"type\":\"user\",\"email\":\"bob@example.com\"}\n";
    assert_eq!(read(folder.path(), users.as_bytes(), &how), Ok(Format::Json));
}

/// The command says so, and the database stays as it is.
async fn changes_nothing(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::new(backend).await;
    let before = digests(&database.url).await;
    for seed in seeds(2, 10) {
        let original = sealed(&directory::whole(seed));
        let mut random = Rng::with_seed(seed);
        for _ in 0..rounds(6, 100) {
            let (what, content) = damaged(&original, &mut random);
            let file = written(folder.path(), "damaged.ndjson", content);
            let output = on(
                &database.url,
                &["import", "--with-keys", "--allow-super-admins", file.to_str().unwrap()],
            );
            assert_eq!(output.status.code(), Some(1), "seed {seed}, {what}: {}", told(&output));
            assert_eq!(names(folder.path()), ["damaged.ndjson"], "seed {seed}, {what}");
            if backend == Backend::Sqlite {
                let absent = folder.path().join("absent.db");
                let url = format!("sqlite://{}", absent.display());
                assert_eq!(
                    on(&url, &["import", file.to_str().unwrap()]).status.code(),
                    Some(1),
                    "seed {seed}, {what}"
                );
                assert!(!absent.exists(), "seed {seed}, {what}: a database was created");
            }
        }
    }
    assert_eq!(differing(&before, &digests(&database.url).await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_changes_nothing_on_sqlite() {
    changes_nothing(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_changes_nothing_on_postgresql() {
    changes_nothing(Backend::Postgres).await;
}
