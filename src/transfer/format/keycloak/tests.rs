#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::model::Timestamp;
use crate::transfer::format::Input;
use crate::transfer::record::{Hash, Identity, Stamps};

const NOW: i64 = 1_800_000_000_000_000;
const FILE: &str = include_str!("../../../../tests/import-samples/keycloak/acme-realm.json");

fn options() -> Options {
    Options::new(Timestamp::from_micros(NOW))
}

fn held(names: &[&str]) -> Option<Vec<Held>> {
    Some(names.iter().map(|name| Held::from((*name).to_owned())).collect())
}

fn file(text: &str) -> Inputs {
    Box::new(std::iter::once(Ok(Input {
        name: None,
        bytes: Box::new(Cursor::new(text.to_owned())),
    })))
}

fn directory() -> Inputs {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import-samples/keycloak-dir");
    Box::new(files_of(&path).unwrap().into_iter().map(|path| {
        Ok(Input {
            name: path.file_name().unwrap().to_str().map(Arc::from),
            bytes: Box::new(Cursor::new(std::fs::read(&path).unwrap())),
        })
    }))
}

/// The rows of an export, which is opened twice.
fn read(inputs: impl Fn() -> Inputs, options: Options) -> (Vec<Row>, Notes) {
    let realm = Realm::survey(inputs(), &options).unwrap();
    let mut reader = Keycloak::new(Arc::new(realm), inputs(), options);
    let rows = std::iter::from_fn(|| reader.next().unwrap()).collect();
    (rows, reader.notes())
}

fn fault(text: &str, options: &Options) -> String {
    Realm::survey(file(text), options).unwrap_err().message
}

fn user<'a>(rows: &'a [Row], name: &str) -> &'a UserRecord {
    rows.iter()
        .find_map(|row| match &row.item {
            Item::Record(Record::User(user)) if user.aliases.iter().any(|alias| alias == name) => Some(user),
            _ => None,
        })
        .unwrap()
}

/// What each row is, in short.
fn outline(rows: &[Row]) -> Vec<String> {
    let within = |id: &Option<String>| id.as_deref().map_or(String::new(), |id| format!(" in {id}"));
    rows.iter()
        .map(|row| match &row.item {
            Item::Record(Record::Organization(organization)) => format!("organization {}", organization.id),
            Item::Record(Record::Role(role)) => format!("role {}{}", role.name, within(&role.organization_id)),
            Item::Record(Record::Group(group)) => format!("group {}{}", group.name, within(&group.organization_id)),
            Item::Record(Record::User(user)) => {
                format!("user {}{}", user.aliases.join(","), within(&user.organization_id))
            }
            Item::Refused(refusal) => format!("refused {}", refusal.kind),
            Item::Ignored(what) => (*what).to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn one_file() {
    let (rows, notes) = read(|| file(FILE), options());
    assert_eq!(
        outline(&rows),
        [
            "role editor",
            "role realm-admin",
            "group engineering",
            "group engineering/backend",
            "group sales & marketing",
            "user ada",
            "user grace",
            "user zoë.ö",
            "user linus",
            "user margaret@example.com",
            // Somebody else has the address; that is seen where the record is taken in.
            "user ada2",
            "user katherine",
            "service account",
        ]
    );
    let ada = user(&rows, "ada");
    assert_eq!(
        *ada,
        UserRecord {
            id: Some("98e6ff55-ea38-4c4b-aec4-b009f98cbb63".to_owned()),
            email: Some("Ada.Lovelace@Example.com".to_owned()),
            firstname: Some("Ada".to_owned()),
            lastname: Some("Lovelace".to_owned()),
            activated: Some(true),
            roles: held(&["realm-admin", "editor"]),
            groups: held(&["engineering/backend"]),
            variables: Some(json!({
                "locale": "en",
                "phone": ["+44 20 5550 1000", "+44 20 5550 1001"],
                "username": "ada",
            })),
            password_hash: Some(Hash::Text(
                "$argon2id$v=19$m=7168,t=5,p=1$fGXDKrl9S0mqRakifykXbw$khAs4pR5n82l6KTW4B91TE4qQkyDcJdlsMgxxRORy18"
                    .to_owned()
            )),
            password_changed_at: Some(Timestamp::from_micros(1_717_000_000_000_000)),
            email_verified_at: Some(Timestamp::from_micros(NOW)),
            stamps: Stamps {
                created_at: Some(Timestamp::from_micros(1_699_392_516_980_000)),
                ..Stamps::default()
            },
            aliases: vec!["ada".to_owned()],
            ..UserRecord::default()
        }
    );
    assert_eq!(notes.lost.get("second factors"), Some(&1));
    assert_eq!(notes.left.iter().collect::<Vec<_>>(), ["attributes of groups"]);
    let backend = rows.iter().find_map(|row| match &row.item {
        Item::Record(Record::Group(group)) if group.name == "engineering/backend" => Some(group),
        _ => None,
    });
    // The role of the group above it.
    assert_eq!(backend.unwrap().roles, held(&["editor"]));
}

#[test]
fn passwords() {
    let (rows, _) = read(|| file(FILE), options());
    for (name, start) in [
        ("grace", "$pbkdf2-sha512$i=210000,l=64$CXgJymAoWrC/mITa3OSkiQ$3tTENJw+"),
        ("zoë.ö", "$pbkdf2-sha256$i=27500,l=64$"),
        // As versions before 8 wrote it.
        ("linus", "$pbkdf2-sha1$i=20000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$"),
    ] {
        let hash = &user(&rows, name).password_hash;
        assert!(
            matches!(hash, Some(Hash::Text(text)) if text.starts_with(start)),
            "{name}: {hash:?}"
        );
    }
    assert_eq!(user(&rows, "zoë.ö").activated, Some(false));
    assert_eq!(user(&rows, "linus").lastname, None);
    let margaret = user(&rows, "margaret@example.com");
    assert_eq!(margaret.email.as_deref(), Some("margaret@example.com"));
    assert_eq!(margaret.password.as_deref(), Some("tenantry-sample-1"));
    assert_eq!(margaret.password_temporary, Some(true));
    let katherine = user(&rows, "katherine");
    assert_eq!((&katherine.password, &katherine.password_hash), (&None, &None));
    assert_eq!(
        katherine.federated_identities,
        Some(vec![Identity {
            provider: "google".to_owned(),
            user_id: "109876543210987654321".to_owned(),
            user_name: Some("katherine@example.com".to_owned()),
        }])
    );
}

#[test]
fn a_directory_with_organizations() {
    let (rows, _) = read(directory, options());
    let places: Vec<(&str, u64)> = rows
        .iter()
        .map(|row| (row.file.as_deref().unwrap(), row.line))
        .collect();
    // The organization and the role are in one file, the users in others.
    assert_eq!(places.first().unwrap().0, "acme-realm.json");
    assert_eq!(places.get(5).unwrap().0, "acme-users-0.json");
    assert_eq!(places.last().unwrap().0, "acme-users-1.json");
    let outline = outline(&rows);
    assert_eq!(
        outline,
        [
            "organization acme-north",
            "organization acme-south",
            "role realm-admin in acme-north",
            "role editor in acme-north",
            "group engineering/backend in acme-north",
            "user ada in acme-north",
            "group engineering in acme-north",
            "group sales & marketing in acme-north",
            "user grace in acme-north",
            "user zoë.ö",
            "user linus in acme-south",
            "user margaret@example.com",
            "user ada2",
            // A member of two organizations.
            "refused user",
            "service account",
        ]
    );
    let refused = rows.iter().find_map(|row| match &row.item {
        Item::Refused(refusal) => Some(refusal),
        _ => None,
    });
    let refused = refused.unwrap();
    assert_eq!(refused.email.as_deref(), Some("katherine@example.com"));
    assert!(
        refused.message.contains("acme-north, acme-south"),
        "{}",
        refused.message
    );
    match &rows.first().unwrap().item {
        Item::Record(Record::Organization(north)) => {
            assert_eq!(north.name.as_deref(), Some("Acme North"));
            assert_eq!(
                north.variables,
                Some(json!({"plan": "gold", "domains": ["north.example"]}))
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_of_the_console_stops_the_import() {
    let console = include_str!("../../../../tests/import-samples/keycloak-console/realm-export.json");
    let message = fault(console, &options());
    assert!(message.contains("kc.sh export"), "{message}");
    assert!(fault("", &options()).contains("empty"));
}

#[test]
fn one_of_several_realms() {
    let text = r#"[{"realm":"a","users":[{"id":"1","username":"x"}]},
        {"users":[{"id":"2","username":"y"}],"realm":"b"}]"#;
    let mut options = options();
    assert!(fault(text, &options).contains("'a', 'b'"));
    options.realm = Some("c".to_owned());
    assert!(fault(text, &options).contains("'a', 'b'"));
    options.realm = Some("b".to_owned());
    let (rows, _) = read(|| file(text), options);
    assert_eq!(outline(&rows), ["user y"]);
}

#[test]
fn roles_of_the_map_and_reserved_names() {
    let text = r#"{"realm":"a","users":[{"username":"x","realmRoles":["boss","super-admin"]}]}"#;
    let mut options = options();
    options.roles.insert("boss".to_owned(), "organization-admin".to_owned());
    let (rows, _) = read(|| file(text), options);
    // A role that is called as a built-in one does not give it.
    assert_eq!(outline(&rows), ["refused role", "user x"]);
    assert_eq!(user(&rows, "x").roles, held(&["organization-admin"]));
}

#[test]
fn a_hash_that_is_malformed_is_no_password() {
    for (credential, kind) in [
        (
            r#"{"type":"password","secretData":"{","credentialData":"{}"}"#,
            "malformed",
        ),
        (r#"{"type":"password","value":"**********"}"#, "masked"),
        (
            r#"{"type":"password","hashedSaltedValue":"AAAA","salt":"AAAA","hashIterations":1,"algorithm":"md5"}"#,
            "other",
        ),
    ] {
        let text = format!(r#"{{"realm":"a","users":[{{"username":"x","credentials":[{credential}]}}]}}"#);
        let (rows, _) = read(|| file(&text), options());
        assert_eq!(
            user(&rows, "x").password_hash,
            Some(Hash::Unusable(kind)),
            "{credential}"
        );
    }
}
