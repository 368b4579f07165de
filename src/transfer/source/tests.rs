//! Every sample as people give it: by its name, with other ends of lines, with a byte order mark, and packed.

#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::transfer::record::Hash;
use crate::transfer::samples::{Given, bytes, now, read_all};

const HASH_CONFIG: &str = include_str!("../../../tests/import-samples/firebase/hash-config.txt");
const MAP: &str = include_str!("../../../tests/import-samples/map/example.json");

/// A sample, the flags for it, and how many users, other records, refused and ignored rows it gives.
type Sample = (&'static str, &'static str, [usize; 4]);

const SAMPLES: [Sample; 36] = [
    ("auth0/bulk-import.json", "", [8, 0, 0, 0]),
    ("auth0/passwords.ndjson", "", [0, 4, 0, 0]),
    ("auth0/users.ndjson", "", [6, 0, 0, 0]),
    ("csv/aspnetusers.csv", "preset aspnet", [4, 0, 0, 0]),
    ("csv/better-auth.csv", "preset better-auth", [3, 0, 0, 0]),
    ("csv/clerk.csv", "preset clerk", [4, 0, 0, 0]),
    ("csv/cognito.csv", "preset cognito", [3, 0, 0, 0]),
    ("csv/devise-users.csv", "preset devise", [3, 0, 0, 0]),
    ("csv/django-auth_user.csv", "preset django", [3, 0, 1, 0]),
    ("csv/entra-bulk-create.csv", "preset entra", [2, 0, 0, 0]),
    ("csv/entra-users.csv", "preset entra", [2, 0, 1, 0]),
    ("csv/google-users.csv", "preset google", [3, 0, 0, 0]),
    ("csv/laravel-users.csv", "preset laravel", [2, 0, 1, 0]),
    ("csv/okta-people.csv", "preset okta", [2, 0, 1, 0]),
    ("csv/people-excel-de.csv", "columns", [3, 0, 1, 1]),
    ("csv/people-excel-unicode.txt", "format csv", [3, 0, 0, 0]),
    ("csv/people-for-update.csv", "", [3, 0, 0, 0]),
    ("csv/people-latin1.csv", "encoding windows-1252", [3, 0, 0, 0]),
    ("csv/supabase-auth-users.csv", "preset supabase", [2, 0, 0, 2]),
    ("csv/wordpress-wp_users.csv", "preset wordpress", [3, 0, 1, 0]),
    ("firebase/users.csv", "hash-config", [4, 0, 0, 0]),
    ("firebase/users.json", "hash-config", [4, 0, 0, 0]),
    ("json/cognito-list-users.json", "preset cognito", [3, 0, 0, 0]),
    ("json/fusionauth.json", "preset fusionauth", [3, 0, 0, 0]),
    ("json/graph-users.json", "preset graph", [3, 0, 0, 0]),
    ("json/kratos.json", "preset kratos", [3, 0, 0, 0]),
    ("json/okta-users.json", "preset okta", [3, 0, 0, 0]),
    ("json/supertokens.json", "preset supertokens", [2, 0, 1, 0]),
    ("json/zitadel.json", "preset zitadel", [2, 2, 1, 0]),
    ("keycloak/acme-realm.json", "", [7, 5, 0, 1]),
    ("ldif/lldap.ldif", "", [1, 3, 0, 0]),
    ("ldif/openldap.ldif", "", [4, 2, 0, 1]),
    ("map/example-input.json", "map", [2, 0, 1, 0]),
    ("scim/first-page-of-many.json", "", [1, 0, 0, 0]),
    ("scim/groups.json", "", [0, 2, 0, 0]),
    ("scim/users.json", "", [3, 0, 0, 0]),
];

pub(super) fn how(flags: &str) -> How {
    let mut how = How::new(now());
    let (flag, value) = flags.split_once(' ').unwrap_or((flags, ""));
    match flag {
        "preset" => how.preset = Some(value.to_owned()),
        "format" => how.format = Format::parse(value).ok(),
        "encoding" => how.encoding = Some(value.to_owned()),
        "hash-config" => how.hash_config = HashConfig::parse(HASH_CONFIG).ok(),
        "map" => how.map = Map::parse(MAP).ok(),
        "columns" => {
            let columns = [("firstname", "Vorname"), ("lastname", "Nachname"), ("roles", "Rolle")];
            how.columns = columns
                .map(|(field, column)| (field.to_owned(), column.to_owned()))
                .to_vec();
        }
        _ => {}
    }
    how
}

fn path(file: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/import-samples")
        .join(file)
}

fn read(source: &Source) -> Result<Given, Fault> {
    read_all(source.reader()?.as_mut())
}

fn read_paths(files: &[&str], how: &How) -> Result<Given, Fault> {
    let paths: Vec<PathBuf> = files.iter().map(|file| path(file)).collect();
    read(&Source::open(&paths, how)?)
}

/// As of a file that is given by standard input.
fn over(bytes: &[u8], how: &How) -> Result<Source, Fault> {
    Source::over(vec![File::copied("test", bytes)?], false, how)
}

pub(super) fn read_bytes(bytes: &[u8], how: &How) -> Result<Given, Fault> {
    read(&over(bytes, how)?)
}

pub(super) fn counts(given: &Given) -> [usize; 4] {
    let others = given.organizations.len() + given.others.len();
    [given.users.len(), others, given.refused.len(), given.ignored.len()]
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The sample with CR LF, with CR, and with a byte order mark, as far as its encoding allows that.
fn variants(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut variants = vec![bytes.to_vec()];
    let is_utf16 = bytes.starts_with(&[0xFF, 0xFE]);
    if !is_utf16 {
        let plain: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
        let with = |end: &[u8]| plain.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
        variants.extend([with(b"\n"), with(b"\r\n"), with(b"\r")]);
    }
    if let (Ok(text), false) = (std::str::from_utf8(bytes), bytes.starts_with(&[0xEF])) {
        variants.push([b"\xEF\xBB\xBF", bytes].concat());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        variants.push([b"\xFE\xFF".as_slice(), &utf16].concat());
    }
    variants
}

#[test]
fn every_sample_however_it_is_given() {
    for (file, flags, expected) in SAMPLES {
        let how = how(flags);
        let source = Source::open(&[path(file)], &how).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        let first = read(&source).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        assert_eq!(counts(&first), expected, "{file}");
        assert_eq!(source.bytes_read().load(Ordering::Relaxed), source.bytes(), "{file}");
        // A second reader begins again.
        let again = read(&source).unwrap();
        assert_eq!(
            (again.users, again.refused),
            (first.users.clone(), first.refused.clone()),
            "{file}"
        );
        for (number, variant) in variants(&bytes(file)).iter().enumerate() {
            for bytes in [variant.clone(), packed(variant)] {
                let given = read_bytes(&bytes, &how).unwrap_or_else(|fault| panic!("{file}, {number}: {fault}"));
                assert_eq!(given.users, first.users, "{file}, {number}");
                assert_eq!(given.refused, first.refused, "{file}, {number}");
                assert_eq!(counts(&given), expected, "{file}, {number}");
            }
        }
    }
}

#[test]
fn samples_that_cannot_be_read() {
    for (file, flags, line, part) in [
        ("keycloak-console/realm-export.json", "", None, "kc.sh export"),
        ("firebase/users.json", "", Some(3), "--hash-config"),
        ("firebase/users.csv", "", Some(1), "--hash-config"),
        ("csv/people-latin1.csv", "", Some(2), "windows-1252"),
        (
            "csv/people-no-header.csv",
            "",
            Some(1),
            "no heading for an e-mail address or an id",
        ),
        ("csv/people-ragged.csv", "", Some(5), "never closed"),
    ] {
        let fault = read_paths(&[file], &how(flags)).unwrap_err();
        assert!(fault.message.contains(part), "{file}: {fault}");
        assert_eq!(fault.line, line, "{file}: {fault}");
    }
}

#[test]
fn every_sample_file_is_read() {
    let folder = path("");
    let mut missing = Vec::new();
    for place in std::fs::read_dir(&folder).unwrap() {
        let place = place.unwrap().path();
        let name = place.file_name().unwrap().to_str().unwrap().to_owned();
        // A directory that is read as one, what no file of users is, and files of our own.
        if !place.is_dir() || matches!(name.as_str(), "keycloak-dir" | "keycloak-console" | "native") {
            continue;
        }
        for file in std::fs::read_dir(&place).unwrap() {
            let file = format!("{name}/{}", file.unwrap().file_name().to_str().unwrap());
            let is_other = ["map/example.json", "firebase/hash-config.txt"].contains(&file.as_str())
                || file.ends_with("no-header.csv")
                || file.ends_with("ragged.csv");
            if !is_other && !SAMPLES.iter().any(|(sample, ..)| *sample == file) {
                missing.push(file);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn ids_that_count_and_projects_of_hashes() {
    for (file, preset) in [
        ("csv/wordpress-wp_users.csv", "wordpress"),
        ("csv/django-auth_user.csv", "django"),
    ] {
        let mut how = how(&format!("preset {preset}"));
        how.id_prefix = Some("old-".to_owned());
        assert_eq!(counts(&read_paths(&[file], &how).unwrap()), [4, 0, 0, 0], "{file}");
    }
    let mut how = how("preset supertokens");
    how.hash_config = HashConfig::parse(HASH_CONFIG).ok();
    let given = read_paths(&["json/supertokens.json"], &how).unwrap();
    let grace = given.user("grace@example.com");
    assert!(matches!(&grace.password_hash, Some(Hash::Text(hash)) if hash.starts_with("$fbscrypt$v=1,n=14,r=8,p=1,")));
    how.passwords = false;
    let given = read_paths(&["json/supertokens.json"], &how).unwrap();
    assert!(
        given
            .users
            .iter()
            .all(|user| user.password_hash.is_none() && user.password.is_none())
    );
}

#[test]
fn a_directory_and_several_files() {
    let how = how("");
    let given = read_paths(&["keycloak-dir"], &how).unwrap();
    assert_eq!(counts(&given), [6, 7, 1, 1]);

    let files = ["auth0/users.ndjson", "auth0/passwords.ndjson"];
    let paths: Vec<PathBuf> = files.iter().map(|file| path(file)).collect();
    let source = Source::open(&paths, &how).unwrap();
    let mut reader = source.reader().unwrap();
    let mut places = Vec::new();
    while let Some(row) = reader.next().unwrap() {
        places.push((row.file.unwrap().to_string(), row.line));
    }
    assert_eq!(places.len(), 10);
    assert!(places.first().unwrap().0.ends_with("users.ndjson"));
    assert!(places.last().unwrap().0.ends_with("passwords.ndjson"));
    assert_eq!(places.last().unwrap().1, 4);
    assert_eq!(source.bytes_read().load(Ordering::Relaxed), source.bytes());

    let fault = read_paths(&["csv/people-for-update.csv", "csv/people-ragged.csv"], &how).unwrap_err();
    assert!(fault.to_string().contains("people-ragged.csv: line 5"), "{fault}");
    let fault = read_paths(&["scim/users.json", "ldif/lldap.ldif"], &how).unwrap_err();
    assert!(
        fault.message.contains("'scim'") && fault.message.contains("'ldif'"),
        "{fault}"
    );
    let fault = read_paths(&["keycloak-dir"], &self::how("format csv")).unwrap_err();
    assert!(fault.message.contains("directory"), "{fault}");
    let fault = read_paths(&["no-such-file.csv"], &how).unwrap_err();
    assert!(fault.to_string().contains("no-such-file.csv"), "{fault}");
}

#[test]
fn pages_in_several_files() {
    let page =
        |ids: &str| format!("{{\"totalResults\": 2, \"Resources\": [{{\"id\": \"{ids}\", \"userName\": \"{ids}\"}}]}}");
    let copied = |text: String| File::copied("a page", text.as_bytes()).unwrap();
    let how = how("format scim");
    let one = Source::over(vec![copied(page("a"))], false, &how).unwrap();
    assert!(read(&one).unwrap().notes.missing_pages().unwrap().contains("1 of 2"));
    let both = Source::over(vec![copied(page("a")), copied(page("b"))], false, &how).unwrap();
    assert_eq!(read(&both).unwrap().notes.missing_pages(), None);
}

#[test]
fn formats_that_nobody_knows() {
    for text in ["a b c\n", "{\"person\": {\"email\": \"a@example.com\"}}", "\0\0\0"] {
        let fault = over(text.as_bytes(), &how("")).unwrap_err();
        assert!(
            fault.message.contains("--format") && fault.message.contains("ldif"),
            "{fault}"
        );
    }
    assert!(over(b"", &how("")).unwrap_err().message.contains("empty"));
    assert!(Format::parse("xml").unwrap_err().contains("keycloak"));
    let native = over(b"{\"type\":\"tenantry\",\"version\":1}\n", &how("")).unwrap();
    assert_eq!(native.format(), Format::Tenantry);
}

#[test]
fn flags_without_effect_are_refused() {
    let refused = |file: &str, how: &How, part: &str| {
        let fault = Source::open(&[path(file)], how).unwrap_err();
        assert!(fault.message.contains(part), "{fault}");
    };
    let mut realm = how("");
    realm.realm = Some("acme".to_owned());
    refused("scim/users.json", &realm, "--realm");
    let mut preset = how("format scim");
    preset.preset = Some("okta".to_owned());
    refused("scim/users.json", &preset, "'scim'");
    preset.map = Map::parse(MAP).ok();
    refused("scim/users.json", &preset, "not both");
    let mut prefix = how("");
    prefix.id_prefix = Some("x-".to_owned());
    refused("scim/users.json", &prefix, "--id-prefix");
    // A map that only says what values mean is for every format.
    let mut meanings = how("");
    meanings.map = Map::parse(r#"{"values": {"roles": {"realm-admin": "organization-admin"}}}"#).ok();
    let given = read_paths(&["keycloak/acme-realm.json"], &meanings).unwrap();
    let ada = given.users.iter().find(|user| user.aliases == ["ada"]).unwrap();
    assert_eq!(
        ada.roles.as_ref().unwrap().first().unwrap().reference,
        "organization-admin"
    );
    let usual = Map::parse(r#"{"null": ["-"], "values": {"roles": {"boss": "user"}}}"#).ok();
    let given = read_bytes(
        b"email,roles,name\na@example.com,boss,-\n",
        &How { map: usual, ..how("") },
    )
    .unwrap();
    let user = given.user("a@example.com");
    assert_eq!((user.name.as_deref(), user.roles.as_ref().unwrap().len()), (None, 1));
}

#[test]
fn packed_files_that_are_damaged() {
    let mut cut = packed(&bytes("csv/clerk.csv"));
    cut.truncate(cut.len() / 2);
    let fault = read_bytes(&cut, &how("preset clerk")).unwrap_err();
    assert!(fault.message.contains("damaged"), "{fault}");
}

fn any_format() -> impl Strategy<Value = Format> {
    proptest::sample::select(Format::VARIANTS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_a_reader_panic(
        format in any_format(),
        bytes in proptest::collection::vec(any::<u8>(), 0..512),
    ) {
        let mut how = how("hash-config");
        how.format = Some(format);
        drop(read_bytes(&bytes, &how));
        how.format = None;
        drop(read_bytes(&bytes, &how));
    }

    #[test]
    fn no_signs_of_the_formats_make_a_reader_panic(
        format in any_format(),
        text in "([\\[\\]{}\",:;\\\\\r\n =+'-]|dn|cn=|member|users|realm|id|email|objectClass|\\$|a|1){0,60}",
    ) {
        let mut how = how("hash-config");
        how.format = Some(format);
        drop(read_bytes(text.as_bytes(), &how));
    }

    #[test]
    fn no_damage_makes_a_reader_panic(
        sample in proptest::sample::select(SAMPLES.to_vec()),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
        end in any::<proptest::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (file, flags, _) = sample;
        let mut bytes = bytes(file);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            *bytes.get_mut(at).unwrap() = byte;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()));
        }
        drop(read_bytes(&bytes, &how(flags)));
    }
}
