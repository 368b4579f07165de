#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Cursor;

use serde_json::json;

use super::*;
use crate::model::Timestamp;
use crate::transfer::record::Item;

fn reader(text: &'static str) -> Scim {
    Scim::new(Box::new(Cursor::new(text)), Options::new(Timestamp::from_micros(1))).unwrap()
}

fn rows(reader: &mut Scim) -> Vec<Row> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn user(row: &Row) -> &UserRecord {
    match &row.item {
        Item::Record(Record::User(user)) => user,
        other => panic!("{other:?}"),
    }
}

#[test]
fn users() {
    let mut reader = reader(include_str!("../../../../tests/import-samples/scim/users.json"));
    let rows = rows(&mut reader);
    let [barbara, jim, robot] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(
        *user(barbara),
        UserRecord {
            id: Some("2819c223-7f76-453a-919d-413861904646".to_owned()),
            email: Some("bjensen@example.com".to_owned()),
            name: Some("Babs Jensen".to_owned()),
            firstname: Some("Barbara".to_owned()),
            lastname: Some("Jensen".to_owned()),
            user_name: Some("bjensen@example.com".to_owned()),
            external_id: Some("701984".to_owned()),
            profile: user(barbara).profile.clone(),
            activated: Some(true),
            variables: Some(json!({
                "username": "bjensen@example.com",
                "externalId": "701984",
                "employeeNumber": "701984",
                "department": "Tours",
            })),
            stamps: Stamps {
                version: None,
                created_at: Some(Timestamp::parse("", "2010-01-23T04:56:22Z").unwrap()),
                updated_at: Some(Timestamp::parse("", "2011-05-13T02:42:34Z").unwrap()),
            },
            ..UserRecord::default()
        }
    );
    let profile = user(barbara).profile.as_ref().unwrap();
    let formatted = profile.pointer("/name/formatted").and_then(|name| name.as_str());
    assert_eq!(formatted, Some("Barbara J Jensen"));
    assert_eq!(user(jim).activated, Some(false));
    assert_eq!(user(jim).email.as_deref(), Some("jsmith@example.com"));
    assert_eq!(user(jim).lastname, None);
    assert_eq!(user(robot).email, None);
    assert_eq!(user(robot).id.as_deref(), Some("robot-1"));
    assert_eq!(reader.notes().missing_pages(), None);
    assert!(reader.notes().left.is_empty());
}

#[test]
fn groups() {
    let mut reader = reader(include_str!("../../../../tests/import-samples/scim/groups.json"));
    let records: Vec<Item> = rows(&mut reader).into_iter().map(|row| row.item).collect();
    assert_eq!(
        records,
        [
            Item::Record(Record::Group(GroupRecord {
                id: Some("e9e30dba-f08f-4109-8486-d5c6a331660a".to_owned()),
                name: "Tour Guides".to_owned(),
                ..GroupRecord::default()
            })),
            Item::Record(Record::Members(MembersRecord {
                group: "Tour Guides".to_owned(),
                organization_id: None,
                members: vec!["2819c223-7f76-453a-919d-413861904646".to_owned(), "gone".to_owned()],
            })),
        ]
    );
}

#[test]
fn missing_pages_are_noticed() {
    let mut reader = reader(include_str!(
        "../../../../tests/import-samples/scim/first-page-of-many.json"
    ));
    assert_eq!(rows(&mut reader).len(), 1);
    let warning = reader.notes().missing_pages().unwrap();
    assert!(warning.contains("1 of 3412"), "{warning}");
}

#[test]
fn every_shape_is_read() {
    for text in [
        r#"{"id":"a","userName":"a@example.com"}"#,
        r#"[{"id":"a","userName":"a@example.com"}]"#,
        "{\"id\":\"a\",\"userName\":\"a@example.com\"}\n",
        "\u{FEFF}{\"totalResults\":1,\"Resources\":[{\"id\":\"a\",\"userName\":\"a@example.com\"},]}",
    ] {
        let rows = rows(&mut reader(text));
        let [row] = rows.as_slice() else {
            panic!("{text}: {rows:?}");
        };
        assert_eq!(user(row).email.as_deref(), Some("a@example.com"), "{text}");
    }
}

#[test]
fn a_group_with_many_members_comes_in_parts() {
    let members: Vec<String> = (0..2_500).map(|n| format!(r#"{{"value":"u{n}"}}"#)).collect();
    for text in [
        format!(r#"[{{"displayName":"All","members":[{}]}}]"#, members.join(",")),
        format!(r#"[{{"members":[{}],"displayName":"All"}}]"#, members.join(",")),
    ] {
        let text: &'static str = text.leak();
        let rows = rows(&mut reader(text));
        let mut found = 0;
        let mut groups = 0;
        for row in &rows {
            match &row.item {
                Item::Record(Record::Group(_)) => groups += 1,
                Item::Record(Record::Members(part)) => found += part.members.len(),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((groups, found), (1, 2_500));
    }
}

#[test]
fn a_cut_file_is_a_fault() {
    let mut reader = reader("{\"Resources\":[\n{\"id\":\"a\"");
    let fault = reader.next().unwrap_err();
    assert_eq!(fault.line, Some(2));
    assert!(fault.message.contains("cut"), "{}", fault.message);
}

#[test]
fn what_is_neither_on_nor_off_is_refused() {
    let rows = rows(&mut reader(r#"[{"id":"a","active":"maybe"},{"id":"b"}]"#));
    let [first, second] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    match &first.item {
        Item::Refused(refusal) => assert_eq!(
            (refusal.id.as_deref(), refusal.field.as_deref()),
            (Some("a"), Some("active"))
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(user(second).id.as_deref(), Some("b"));
}
