#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Cursor;

use serde_json::json;

use super::*;
use crate::model::Timestamp;
use crate::transfer::record::{Item, Record};

const CONFIG: &str = include_str!("../../../../tests/import-samples/firebase/hash-config.txt");
const JSON: &str = include_str!("../../../../tests/import-samples/firebase/users.json");
const CSV: &str = include_str!("../../../../tests/import-samples/firebase/users.csv");

fn options() -> Options {
    let mut options = Options::new(Timestamp::from_micros(1_800_000_000_000_000));
    options.hash_config = Some(HashConfig::parse(CONFIG).unwrap());
    options
}

fn read(text: &str, options: Options) -> Vec<Row> {
    let mut reader = Firebase::new(Box::new(Cursor::new(text.to_owned())), options).unwrap();
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn users(text: &str) -> Vec<UserRecord> {
    read(text, options())
        .into_iter()
        .map(|row| match row.item {
            Item::Record(Record::User(user)) => *user,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn json_and_csv_give_the_same() {
    let from_json = users(JSON);
    let [ada, grace, phone, no_password] = from_json.as_slice() else {
        panic!("{from_json:?}");
    };
    assert_eq!(ada.id.as_deref(), Some("Zb3kq0aXw9S1cT7vYh2LmN4oPq12"));
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(
        ada.stamps.created_at,
        Some(Timestamp::from_micros(1_600_000_000_123_000))
    );
    assert_eq!(ada.last_seen_at, Some(Timestamp::from_micros(1_700_000_000_123_000)));
    assert!(ada.email_verified_at.is_some());
    assert_eq!(ada.variables, Some(json!({"admin": true, "org": "acme"})));
    assert_eq!(
        ada.federated_identities,
        Some(vec![Identity {
            provider: "google.com".to_owned(),
            user_id: "109876543210987654321".to_owned(),
            user_name: Some("ada@example.com".to_owned()),
        }])
    );
    let Some(Hash::Text(hash)) = &ada.password_hash else {
        panic!("{ada:?}");
    };
    assert!(hash.starts_with(
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=dR274scY/AOjZGNc7ozdsg47vlsYpOJ+MHtEXLeZ1QuHHzrgp2lra51WKskWqVX0nzkxbA\
         ckLttg/OBg5kJPoA==$Mbf3r8FDEmppp/1n$E0/fIJ5EjnIy9SX6"
    ));
    assert_eq!(
        (grace.activated, grace.name.as_deref()),
        (Some(false), Some("Hopper, Grace"))
    );
    // The alphabet of URLs becomes the usual one.
    assert!(matches!(&grace.password_hash, Some(Hash::Text(hash)) if hash.contains("$/KbHIaIEWSZaBxs7$")));
    assert_eq!(grace.email_verified_at, None);
    assert_eq!(
        (phone.email.as_deref(), &phone.variables),
        (None, &Some(json!({"phoneNumber": "+442055501000"})))
    );
    assert_eq!(no_password.password_hash, None);

    let mut from_csv = users(CSV);
    // The sample's CSV names no provider.
    from_csv.first_mut().unwrap().federated_identities = ada.federated_identities.clone();
    assert_eq!(from_csv.len(), 4);
    for (csv, json) in from_csv.iter().zip(&from_json) {
        assert_eq!(csv, json);
    }
}

#[test]
fn hashes_without_their_parameters_stop_the_import() {
    for text in [JSON, CSV] {
        let mut options = options();
        options.hash_config = None;
        let mut reader = Firebase::new(Box::new(Cursor::new(text)), options.clone()).unwrap();
        let fault = reader.next().unwrap_err();
        assert!(fault.message.contains("--hash-config"), "{}", fault.message);
        options.passwords = false;
        let rows = read(text, options);
        assert_eq!(rows.len(), 4);
        for row in &rows {
            assert!(matches!(&row.item, Item::Record(Record::User(user)) if user.password_hash.is_none()));
        }
    }
}

#[test]
fn a_row_of_another_length_is_refused() {
    let rows = read("id,mail@example.com\n", options());
    assert!(matches!(
        rows.as_slice(),
        [Row { line: 1, item: Item::Refused(refusal), .. }] if refusal.message.contains("28")
    ));
}

#[test]
fn an_open_quotation_mark_stops_the_import() {
    let mut reader = Firebase::new(Box::new(Cursor::new("\na,\"b\nc\n")), options()).unwrap();
    assert_eq!(reader.next().unwrap_err().line, Some(2));
}

#[test]
fn the_configuration() {
    let mut missing = CONFIG.replace("rounds", "turns");
    assert!(HashConfig::parse(&missing).unwrap_err().message.contains("'rounds'"));
    missing = CONFIG.replace("SCRYPT", "MD5");
    assert!(HashConfig::parse(&missing).unwrap_err().message.contains("'algorithm'"));
    assert!(!format!("{:?}", HashConfig::parse(CONFIG).unwrap()).contains("dR274"));
}
