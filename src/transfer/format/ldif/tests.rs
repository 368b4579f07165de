#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Cursor;

use super::*;
use crate::model::Timestamp;
use crate::transfer::record::{Hash, UserRecord};

fn reader(text: &str) -> Ldif {
    Ldif::new(
        Box::new(Cursor::new(text.to_owned())),
        Options::new(Timestamp::from_micros(1)),
    )
    .unwrap()
}

fn rows(reader: &mut Ldif) -> Vec<Row> {
    std::iter::from_fn(|| reader.next().unwrap()).collect()
}

fn user(row: &Row) -> &UserRecord {
    match &row.item {
        Item::Record(Record::User(user)) => user,
        other => panic!("{other:?}"),
    }
}

fn refusal(row: &Row) -> &str {
    match &row.item {
        Item::Refused(refusal) => &refusal.message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn openldap() {
    let text = include_str!("../../../../tests/import-samples/ldif/openldap.ldif").replace("\r\n", "\n");
    for text in [text.clone(), text.replace('\n', "\r\n"), format!("\u{FEFF}{text}")] {
        let mut reader = reader(&text);
        let rows = rows(&mut reader);
        let [unit, ada, jose, tim, zoe, group, members] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!(
            (unit.line, &unit.item),
            (4, &Item::Ignored("neither a person nor a group"))
        );
        let ada = user(ada);
        assert_eq!(ada.id.as_deref(), Some("6f1c2f9e-8a53-103d-9d0d-0f3f3a0f6a11"));
        assert_eq!(ada.email.as_deref(), Some("Ada@Example.com"));
        assert_eq!(
            (ada.name.as_deref(), ada.firstname.as_deref(), ada.lastname.as_deref()),
            (Some("Ada Lovelace"), Some("Ada"), Some("Lovelace"))
        );
        assert_eq!(ada.stamps.created_at, Timestamp::parse("", "2019-03-04T05:06:07Z").ok());
        assert!(matches!(&ada.password_hash, Some(Hash::Text(hash)) if hash.starts_with("{SSHA}")));
        assert_eq!(ada.activated, None);
        assert_eq!(ada.aliases, ["uid=ada,ou=people,dc=example,dc=com", "ada"]);
        let jose = user(jose);
        assert_eq!((jose.id.as_deref(), jose.activated), (Some("jose"), Some(false)));
        assert_eq!(jose.name.as_deref(), Some("José Álvarez"));
        assert!(matches!(&jose.password_hash, Some(Hash::Text(hash)) if hash.starts_with("{CRYPT}$6$")));
        assert_eq!(user(tim).email, None);
        assert_eq!(user(tim).password_hash, Some(Hash::Unusable("MD5 crypt")));
        // That somebody else has the address is seen only in the organization.
        assert_eq!(user(zoe).email.as_deref(), Some("ada@example.com"));
        assert_eq!(user(zoe).aliases, ["uid=zoë,ou=people,dc=example,dc=com", "zoë"]);
        assert!(matches!(&group.item, Item::Record(Record::Group(group)) if group.name == "editors"));
        match &members.item {
            Item::Record(Record::Members(members)) => assert_eq!(
                members.members,
                [
                    "uid=ada,ou=people,dc=example,dc=com",
                    "uid=jose,ou=people,dc=example,dc=com",
                    "uid=left,ou=people,dc=example,dc=com"
                ]
            ),
            other => panic!("{other:?}"),
        }
        assert_eq!(reader.notes().left.iter().collect::<Vec<_>>(), ["description"]);
    }
}

#[test]
fn an_id_that_is_not_ascii_is_a_variable() {
    let mut reader = reader("dn: uid=z\nobjectClass: person\nuid:: em/Dqw==\n");
    let rows = rows(&mut reader);
    let [zoe] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(user(zoe).id, None);
    assert_eq!(
        user(zoe).variables,
        Some(serde_json::json!({"externalId": "zoë", "username": "zoë"}))
    );
}

#[test]
fn lldap() {
    let mut reader = reader(include_str!("../../../../tests/import-samples/ldif/lldap.ldif"));
    let rows = rows(&mut reader);
    let [grace, admins, members, empty] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(user(grace).id.as_deref(), Some("37a5a0c2-3c6b-3ee5-9b0e-9c6b2a6b4b11"));
    assert_eq!(
        user(grace).stamps.created_at,
        Timestamp::parse("", "2024-02-03T04:05:06.789Z").ok()
    );
    assert!(matches!(&admins.item, Item::Record(Record::Group(group)) if group.name == "lldap_admin"));
    assert!(matches!(&members.item, Item::Record(Record::Members(members)) if members.members.len() == 1));
    assert!(matches!(&empty.item, Item::Record(Record::Group(group)) if group.name == "empty"));
}

#[test]
fn active_directory() {
    let mut reader = reader(
        "dn: CN=Ann,DC=x\nobjectClass: user\nobjectGUID:: AQIDBAUGBwgJCgsMDQ4PEA==\nuserAccountControl: 514\n\
         userPrincipalName: ann@example.com\nsAMAccountName: ann\nwhenCreated: 20230405060708.0Z\n\n\
         dn: CN=PC,DC=x\nobjectClass: user\nobjectClass: computer\n",
    );
    let rows = rows(&mut reader);
    let [ann, computer] = rows.as_slice() else {
        panic!("{rows:?}");
    };
    assert_eq!(user(ann).id.as_deref(), Some("04030201-0605-0807-090a-0b0c0d0e0f10"));
    assert_eq!(user(ann).activated, Some(false));
    assert_eq!(user(ann).email.as_deref(), Some("ann@example.com"));
    assert!(matches!(computer.item, Item::Ignored(_)));
}

#[test]
fn what_a_map_keeps() {
    let mut options = Options::new(Timestamp::from_micros(1));
    options.variables = vec!["telephoneNumber".to_owned(), "title".to_owned()];
    let text = "dn: uid=a\nobjectClass: person\nuid: a\ntelephoneNumber: 1\ntelephoneNumber: 2\ntitle: Dr\n";
    let mut reader = Ldif::new(Box::new(Cursor::new(text)), options).unwrap();
    let row = reader.next().unwrap().unwrap();
    assert_eq!(
        user(&row).variables,
        Some(serde_json::json!({"username": "a", "telephonenumber": ["1", "2"], "title": "Dr"}))
    );
}

#[test]
fn what_is_refused() {
    let mut reader = reader(
        "dn: cn=a\nchangetype: delete\n\ndn: cn=b\nobjectClass: person\njpegPhoto:< file:///etc/passwd\n\n\
         dn: cn=c\nobjectClass: person\nno colon\n\ndn: cn=d\nobjectClass: person\nuserPassword:: *\n",
    );
    let rows = rows(&mut reader);
    let messages: Vec<&str> = rows.iter().map(refusal).collect();
    assert_eq!(messages.len(), 4);
    for (message, part) in messages.iter().zip([
        "changes an entry",
        "in another file",
        "has no colon",
        "not valid base64",
    ]) {
        assert!(message.contains(part), "{message}");
    }
    let fault = self::reader("name,email\n").next().unwrap_err();
    assert_eq!(fault.line, Some(1));
}

#[test]
fn a_group_with_many_members_comes_in_parts() {
    let mut text = "dn: cn=all,dc=x\nobjectClass: posixGroup\n".to_owned();
    for n in 0..2_500 {
        text.push_str(&format!("memberUid: u{n}\n"));
    }
    let mut reader = reader(&text);
    let rows = rows(&mut reader);
    let members: usize = rows
        .iter()
        .filter_map(|row| match &row.item {
            Item::Record(Record::Members(part)) => Some(part.members.len()),
            _ => None,
        })
        .sum();
    assert_eq!((rows.len(), members), (4, 2_500));
}
