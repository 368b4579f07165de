#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Cursor;

use serde_json::json;

use super::*;
use crate::transfer::record::Item;

const NOW: i64 = 1_800_000_000_000_000;

fn read(text: &'static str) -> (Vec<Item>, Notes) {
    read_with(text, Options::new(Timestamp::from_micros(NOW)))
}

fn read_with(text: &'static str, options: Options) -> (Vec<Item>, Notes) {
    let mut reader = Auth0::new(Box::new(Cursor::new(text)), options).unwrap();
    let items = std::iter::from_fn(|| reader.next().unwrap())
        .map(|row| row.item)
        .collect();
    (items, reader.notes())
}

fn user(item: &Item) -> &UserRecord {
    match item {
        Item::Record(Record::User(user)) => user,
        other => panic!("{other:?}"),
    }
}

const USERS: &str = include_str!("../../../../tests/import-samples/auth0/users.ndjson");

#[test]
fn profiles() {
    let (items, notes) = read(USERS);
    let [ada, grace, jose, blocked, no_mail, twice] = items.as_slice() else {
        panic!("{items:?}");
    };
    let time = |text| Timestamp::parse("", text).ok();
    assert_eq!(
        *user(ada),
        UserRecord {
            id: Some("auth0|61e351bffe4f78e61dba04dd".to_owned()),
            email: Some("ada@example.com".to_owned()),
            name: Some("Ada Lovelace".to_owned()),
            firstname: Some("Ada".to_owned()),
            lastname: Some("Lovelace".to_owned()),
            activated: Some(true),
            federated_identities: Some(Vec::new()),
            email_verified_at: Some(Timestamp::from_micros(NOW)),
            last_seen_at: time("2024-11-02T08:00:00Z"),
            stamps: Stamps {
                version: None,
                created_at: time("2021-03-05T16:34:49.502Z"),
                updated_at: time("2024-11-02T08:00:00Z"),
            },
            ..UserRecord::default()
        }
    );
    assert_eq!(
        user(grace).federated_identities,
        Some(vec![Identity {
            provider: "google-oauth2".to_owned(),
            user_id: "109876543210987654321".to_owned(),
            user_name: None,
        }])
    );
    // Whether an address is one, and whether somebody has it, is found out where the record is taken in.
    assert_eq!(user(jose).email.as_deref(), Some("JOSÉ@example.com"));
    assert_eq!(user(twice).email.as_deref(), Some("ADA@EXAMPLE.com"));
    assert_eq!(
        (user(blocked).activated, user(blocked).name.as_deref()),
        (Some(false), None)
    );
    assert_eq!(user(blocked).stamps.created_at, time("2020-06-01T12:00:00Z"));
    assert_eq!(user(no_mail).email, None);
    assert_eq!(user(no_mail).variables, Some(json!({"username": "no-mail"})));
    assert_eq!(
        notes.left.iter().collect::<Vec<_>>(),
        ["app_metadata", "nickname", "user_metadata"]
    );
}

#[test]
fn what_a_map_keeps() {
    let mut options = Options::new(Timestamp::from_micros(NOW));
    options.variables = vec!["user_metadata".to_owned()];
    options.roles.insert("editor".to_owned(), "user".to_owned());
    let (items, _) = read_with(USERS, options);
    let ada = user(items.first().unwrap());
    assert_eq!(ada.variables, Some(json!({"user_metadata": {"theme": "dark"}})));
    assert_eq!(ada.roles, Some(vec![Held::from("user".to_owned())]));
}

#[test]
fn passwords() {
    let (items, _) = read(include_str!("../../../../tests/import-samples/auth0/passwords.ndjson"));
    let hashes: Vec<&HashRecord> = items
        .iter()
        .map(|item| match item {
            Item::Record(Record::PasswordHash(hash)) => hash,
            other => panic!("{other:?}"),
        })
        .collect();
    let ids: Vec<&str> = hashes.iter().map(|hash| hash.user_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "auth0|61e351bffe4f78e61dba04dd",
            "auth0|61f27791d84f4b544f60fd57",
            "auth0|9dfd190a122a0192e5d414ed",
            "auth0|000000000000000000000000",
        ]
    );
    assert!(
        hashes
            .iter()
            .all(|hash| matches!(&hash.hash, Some(Hash::Text(hash)) if hash.starts_with("$2b$10$")))
    );
    assert_eq!(
        hashes.first().unwrap().changed_at,
        Timestamp::parse("", "2021-03-05T16:34:49.502Z").ok()
    );
}

#[test]
fn bulk_import() {
    let (items, _) = read(include_str!("../../../../tests/import-samples/auth0/bulk-import.json"));
    let hashes: Vec<&Hash> = items
        .iter()
        .map(|item| user(item).password_hash.as_ref().unwrap())
        .collect();
    let [argon2, pbkdf2, bcrypt, md5, sha256, hmac, ldap, scrypt] = hashes.as_slice() else {
        panic!("{hashes:?}");
    };
    for (hash, start) in [
        (argon2, "$argon2id$v=19$m=4096"),
        (pbkdf2, "$pbkdf2-sha512$i=100000,l=64$"),
        (bcrypt, "$2b$10$"),
        (ldap, "{SSHA}"),
        (scrypt, "$scrypt$ln=14,r=8,p=1$55Ldd/kRP64w7Z9uT/trOA$6pLakTW4"),
    ] {
        assert!(matches!(hash, Hash::Text(text) if text.starts_with(start)), "{start}");
    }
    let named = |hash: &Hash| match hash {
        Hash::Named(named) => named.clone(),
        other => panic!("{other:?}"),
    };
    let (md5, sha256, hmac) = (named(md5), named(sha256), named(hmac));
    assert_eq!(
        (md5.algorithm.as_str(), md5.digest.len(), md5.salt_first),
        ("md5", 16, true)
    );
    assert_eq!(md5.salt, [0x1d, 0x9d, 0xb1, 0x3b, 0xf5, 0xf4, 0xe7, 0xc2]);
    assert_eq!(
        (
            sha256.algorithm.as_str(),
            sha256.digest.len(),
            sha256.salt.len(),
            sha256.salt_first
        ),
        ("sha256", 32, 8, false)
    );
    assert_eq!(
        (hmac.algorithm.as_str(), hmac.key.as_slice()),
        ("hmac-sha256", &b"k-1"[..])
    );
    assert_eq!(user(items.first().unwrap()).id.as_deref(), Some("legacy-0"));
}

#[test]
fn a_malformed_hash_is_no_password() {
    let (items, notes) = read(
        r#"[{"user_id":"a","custom_password_hash":{"algorithm":"md5","hash":{"value":"topsecret","encoding":"hex"}}},
            {"user_id":"b","custom_password_hash":{"algorithm":"rot13","hash":{"value":"topsecret"}}},
            {"user_id":"c","custom_password_hash":{"algorithm":"md4","hash":{"value":"topsecret"}}},
            {"_id":{},"passwordHash":"topsecret"}]"#,
    );
    let [not_hex, unknown, md4, no_id] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!(user(not_hex).password_hash, Some(Hash::Unusable("malformed")));
    assert_eq!(user(unknown).password_hash, Some(Hash::Unusable("malformed")));
    assert_eq!(user(md4).password_hash, Some(Hash::Unusable("MD4")));
    assert!(matches!(no_id, Item::Refused(refusal) if refusal.message.contains("$oid")));
    for part in ["not hexadecimal", "'rot13'"] {
        assert!(notes.warnings.iter().any(|warning| warning.contains(part)), "{part}");
    }
    assert!(!format!("{notes:?} {no_id:?}").contains("topsecret"));
}

#[test]
fn a_page_of_the_list_of_users() {
    let (items, notes) = read(r#"{"start":0,"limit":1,"length":1,"users":[{"user_id":"a|b"}],"total":7}"#);
    assert_eq!(items.len(), 1);
    assert!(notes.missing_pages().unwrap().contains("1 of 7"));
}
