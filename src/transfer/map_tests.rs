//! Maps, and files without a preset.

use serde_json::json;

use crate::transfer::map::{self, Map};
use crate::transfer::options::Options;
use crate::transfer::presets::preset;
use crate::transfer::record::Held;
use crate::transfer::samples::{bytes, named, options, read, read_bytes, time};

fn held(names: &[&str]) -> Option<Vec<Held>> {
    Some(names.iter().map(|name| Held::from((*name).to_owned())).collect())
}

#[test]
fn a_map_of_ones_own() {
    let map = Map::parse(&String::from_utf8(bytes("map/example.json")).unwrap()).unwrap();
    let given = read("map/example-input.json", map).unwrap();
    assert_eq!(given.counts(), (2, 1, 0));
    let ada = given.by_id("p1");
    assert_eq!(ada.roles, held(&["organization-admin", "user"]));
    assert_eq!(
        (ada.activated, ada.organization_id.as_deref()),
        (Some(true), Some("acme"))
    );
    assert_eq!(ada.stamps.created_at, time("2020-09-13T12:26:40.123Z"));
    assert_eq!(ada.variables, Some(json!({"dept": "R&D"})));
    let sha1 = named(&ada.password_hash);
    assert_eq!(
        (sha1.algorithm.as_str(), sha1.digest.len(), sha1.salt_first),
        ("sha1", 20, true)
    );
    assert_eq!(sha1.salt, [0x72, 0xEA, 0x61, 0xAB, 0xB6, 0x11]);
    let grace = given.user("grace@example.com");
    assert_eq!(
        (grace.activated, &grace.password_hash, &grace.roles),
        (Some(false), &None, &None)
    );
    assert_eq!(given.refused.first().unwrap().1.field.as_deref(), Some("activated"));
    assert!(given.notes.left.contains("shoe"));
}

#[test]
fn spreadsheets() {
    let mut german = map::default();
    for (field, column) in [("firstname", "Vorname"), ("lastname", "Nachname"), ("roles", "Rolle")] {
        german.set_column(field, column).unwrap();
    }
    // That there is no such role is seen when the user is written.
    let given = read("csv/people-excel-de.csv", german.clone()).unwrap();
    assert_eq!(given.counts(), (3, 1, 1));
    assert_eq!(given.refused.first().unwrap().0, 6);
    let grace = given.user("grace@example.com");
    assert_eq!(grace.roles, held(&["user", "team-manager"]));
    assert_eq!(grace.lastname.as_deref(), Some("Hopper; Rear Admiral"));
    assert_eq!(
        given.user("zoe@xn--bcher-kva.example").lastname.as_deref(),
        Some("Zeile zwei")
    );
    assert!(given.notes.left.contains("Personalnr."));

    let given = read("csv/people-excel-unicode.txt", map::default()).unwrap();
    assert_eq!(given.counts(), (3, 0, 0));
    assert_eq!(given.user("li@example.com").firstname.as_deref(), Some("李"));

    german.set_column("name", "Spitzname").unwrap();
    assert!(
        read("csv/people-excel-de.csv", german)
            .unwrap_err()
            .message
            .contains("Spitzname")
    );
}

#[test]
fn files_that_cannot_be_read() {
    let file = "csv/people-latin1.csv";
    let fault = read(file, map::default()).unwrap_err();
    assert_eq!(fault.line, Some(2));
    let western = Options {
        encoding: Some("windows-1252".to_owned()),
        ..options()
    };
    let given = read_bytes(file, bytes(file), map::default(), western).unwrap();
    assert_eq!(given.counts(), (3, 0, 0));
    assert_eq!(
        given.user("bjork@example.com").lastname.as_deref(),
        Some("Guðmundsdóttir")
    );

    let fault = read("csv/people-no-header.csv", map::default()).unwrap_err();
    assert!(
        fault.message.contains("London") && fault.message.contains("e-mail"),
        "{fault:?}"
    );
    assert_eq!(read("csv/people-ragged.csv", map::default()).unwrap_err().line, Some(5));
    let given = read("csv/people-for-update.csv", map::default()).unwrap();
    assert_eq!(given.counts(), (3, 0, 0));
    assert_eq!(given.by_id("u-2").activated, Some(false));

    let json = |text: &str| read_bytes("json/", text.as_bytes().to_vec(), map::default(), options());
    assert_eq!(json("{\"id\":\"a\"}\n{\"id\":\"b\"}\n").unwrap().counts(), (2, 0, 0));
    assert_eq!(json("[{\"id\":\"a\"}, 7, {\"id\":\"b\"}]").unwrap().counts(), (2, 1, 0));
    assert!(json("[{\"id\":\"a\"}, {\"id\":").unwrap_err().message.contains("cut"));
    assert!(json("").is_err());
    assert!(json("id,email\n").is_err());
    let pointer = read_bytes("json/", b"{\"a\":1}".to_vec(), preset("graph").unwrap(), options());
    assert!(pointer.unwrap_err().message.contains("/value"));
    let late = br#"{"dataOrgs":{"orgs":[{"humanUsers":[],"orgId":"1"}]}}"#.to_vec();
    let late = read_bytes("json/", late, preset("zitadel").unwrap(), options());
    assert!(late.unwrap_err().message.contains("before the list"));
}

#[test]
fn rows_of_csv() {
    let csv = |text: &str| read_bytes("csv/", text.as_bytes().to_vec(), map::default(), options());
    // A comma at the end of each row, CR at the ends of lines, and a blank line.
    let given = csv("id,email\ra,a@example.com,\r\rb,b@example.com,x\r").unwrap();
    assert_eq!(given.counts(), (1, 1, 1));
    assert_eq!(given.refused.first().unwrap().0, 4);
    assert!(csv("email,E-Mail\n").unwrap_err().message.contains("Two columns"));
    assert!(csv("").is_err());
    let headless = csv("ada@example.com,a-clear-password\n").unwrap_err();
    assert!(!headless.message.contains("password"), "{headless:?}");
    let rounded = csv("id,email\n1.23457E+17,a@example.com\n").unwrap();
    assert!(rounded.refused.first().unwrap().1.message.contains("spreadsheet"));
    let ours = csv("id,email,name\nü,a@example.com,'=1+1\n").unwrap();
    let user = ours.user("a@example.com");
    assert_eq!((user.id.as_deref(), user.name.as_deref()), (None, Some("=1+1")));
    assert_eq!(user.variables, Some(json!({"externalId": "ü"})));
}

#[test]
fn maps_with_faults_are_refused() {
    for (map, expected) in [
        ("[]", "object"),
        ("{}", "fields"),
        (r#"{"fields": {"email": "e"}, "colour": 1}"#, "colour"),
        (r#"{"fields": {"mail": "e"}}"#, "mail"),
        (r#"{"fields": {"email": {"form": "e"}}}"#, "form"),
        (r#"{"fields": {"email": {}}}"#, "from"),
        (
            r#"{"fields": {"email": "e", "createdAt": {"from": "c", "time": "swatch"}}}"#,
            "swatch",
        ),
        (
            r#"{"fields": {"email": "e", "passwordHash": {"from": "p", "algorithm": "rot13"}}}"#,
            "rot13",
        ),
        (
            r#"{"fields": {"email": "e", "passwordHash": {"from": "p", "algorithm": "hmac-sha1"}}}"#,
            "key",
        ),
        (r#"{"fields": {"email": "e"}, "records": "users"}"#, "pointer"),
        (r#"{"fields": {"email": "e"}, "values": {"roles": ["a"]}}"#, "roles"),
    ] {
        let why = Map::parse(map).unwrap_err();
        assert!(why.contains(expected), "{map}: {why}");
    }
}

#[test]
fn variables_rest_and_skip() {
    let map = r#"{"fields": {"email": "e"}, "variables": "*", "skip": {"kind": ["robot"]}, "null": ["NULL"]}"#;
    let text =
        "[{\"e\": \"a@example.com\", \"n\": {\"x\": 1.50}, \"o\": null, \"p\": \"NULL\"}, {\"kind\": \"Robot\"}]";
    let map = Map::parse(map).unwrap();
    let given = read_bytes("json/", text.as_bytes().to_vec(), map, options()).unwrap();
    assert_eq!(
        (given.counts(), given.ignored.as_slice()),
        ((1, 0, 1), ["not a user"].as_slice())
    );
    let variables = given.users.first().unwrap().variables.as_ref().unwrap().to_string();
    assert_eq!(variables, r#"{"n":{"x":1.50}}"#);
}
