//! Every preset on its sample.

use serde_json::json;

use super::*;
use crate::transfer::options::Options;
use crate::transfer::record::{Hash, Held, Identity};
use crate::transfer::samples::{Given, bytes, named, now, options, read, read_bytes, text, time};

fn with_preset(name: &str, file: &str) -> Given {
    read(file, preset(name).unwrap()).unwrap()
}

#[test]
fn every_preset_is_a_map() {
    for name in names() {
        assert_eq!(preset(name).err(), None, "{name}");
    }
    assert!(preset("netscape").unwrap_err().contains("wordpress"));
}

#[test]
fn clerk() {
    let given = with_preset("clerk", "csv/clerk.csv");
    assert_eq!(given.counts(), (4, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(ada.id.as_deref(), Some("user_2YDryYFVMM1W1plDDKz7Gzf4we6"));
    assert_eq!(
        (ada.firstname.as_deref(), ada.lastname.as_deref()),
        (Some("Ada"), Some("Lovelace"))
    );
    assert_eq!(ada.email_verified_at, Some(now()));
    assert!(text(&ada.password_hash).starts_with("$2b$10$"));
    let grace = given.user("grace@example.com");
    assert_eq!(grace.email_verified_at, None);
    let md5 = named(&grace.password_hash);
    assert_eq!(
        (md5.algorithm.as_str(), md5.digest.len(), md5.rounds),
        ("md5", 16, None)
    );
    let linus = given.by_id("user_2c");
    assert_eq!((linus.email.as_deref(), &linus.password_hash), (None, &None));
    assert_eq!(linus.variables, Some(json!({"username": "linus"})));
    assert_eq!(linus.aliases, ["linus"]);
    let al = named(&given.user("al@example.com").password_hash);
    assert_eq!((al.algorithm.as_str(), al.rounds), ("pbkdf2-sha256", Some(100_000)));
    assert_eq!(
        (al.salt.as_slice(), al.digest.len()),
        (b"0123456789abcdef".as_slice(), 32)
    );
    assert_eq!(given.notes.lost.get("second factors"), Some(&1));
    assert!(given.notes.left.contains("primary_phone_number"));
}

#[test]
fn supabase() {
    let given = with_preset("supabase", "csv/supabase-auth-users.csv");
    assert_eq!(given.counts(), (2, 0, 2));
    assert_eq!(given.ignored, ["deleted", "anonymous"]);
    let ada = given.user("ada@example.com");
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace, \"Countess\""));
    assert_eq!(ada.email_verified_at, time("2024-03-01T10:11:12.123456Z"));
    assert_eq!(ada.last_seen_at, time("2024-03-02T10:11:12Z"));
    assert_eq!(ada.activated, None);
    let grace = given.user("grace@example.com");
    assert_eq!((grace.activated, grace.email_verified_at), (Some(false), None));
    assert!(text(&grace.password_hash).starts_with("$fbscrypt$"));
}

#[test]
fn cognito() {
    let given = with_preset("cognito", "csv/cognito.csv");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(
        (ada.id.as_deref(), ada.name.as_deref()),
        (Some("ada"), Some("Ada Lovelace"))
    );
    assert_eq!(
        (ada.email_verified_at, ada.stamps.updated_at),
        (Some(now()), time("2023-11-14T22:13:20Z"))
    );
    assert_eq!(given.by_id("phone-only").email, None);
    assert_eq!(given.notes.lost.get("second factors"), Some(&1));

    let given = with_preset("cognito", "json/cognito-list-users.json");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.by_id("3f6c1b2a-9c50-4f0e-8a55-1d2f3a4b5c6d");
    assert_eq!(ada.email.as_deref(), Some("ada@example.com"));
    assert_eq!(ada.stamps.created_at, time("2023-01-02T02:04:05.678Z"));
    assert_eq!(ada.stamps.updated_at, time("2023-11-14T22:13:20.123Z"));
    let grace = given.by_id("google_109876543210987654321");
    let identity = Identity {
        provider: "google".to_owned(),
        user_id: "109876543210987654321".to_owned(),
        user_name: None,
    };
    assert_eq!(
        (grace.activated, &grace.federated_identities),
        (Some(false), &Some(vec![identity]))
    );
    assert_eq!(given.by_id("nobody").email, None);
}

#[test]
fn entra() {
    let given = with_preset("entra", "csv/entra-users.csv");
    assert_eq!(given.counts(), (2, 1, 0));
    let ada = given.user("ada.lovelace@example.com");
    assert_eq!(
        (ada.activated, ada.stamps.created_at),
        (Some(true), time("2023-05-04T03:02:01Z"))
    );
    let guest = given.user("guest@partner.example");
    assert_eq!(guest.name.as_deref(), Some("=HYPERLINK(\"http://evil.example\")"));
    assert_eq!(guest.activated, Some(false));
    let (line, refusal) = given.refused.first().unwrap();
    assert_eq!((*line, refusal.field.as_deref()), (3, Some("createdAt")));
    assert_eq!(refusal.id.as_deref(), Some("b7802e73-4e5e-4333-a0f2-4b97675e79b9"));

    // That a password is too short is seen when it is taken.
    let given = with_preset("entra", "csv/entra-bulk-create.csv");
    assert_eq!(given.counts(), (2, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(
        (ada.password.as_deref(), ada.activated),
        (Some("tenantry-sample-1"), Some(true))
    );
    assert_eq!(given.user("grace@example.com").activated, Some(false));
}

#[test]
fn graph() {
    let given = with_preset("graph", "json/graph-users.json");
    assert_eq!(given.counts(), (3, 0, 0));
    assert!(given.notes.missing_pages().is_some());
    assert_eq!(
        given.user("admin@example.onmicrosoft.com").name.as_deref(),
        Some("MOD Administrator")
    );
    assert_eq!(given.user("adele@example.com").federated_identities, None);
    let room = given.by_id("832959b6-e503-4ed9-a7d5-7cab82eeb739");
    assert_eq!((room.email.as_deref(), room.activated), (None, Some(false)));
}

#[test]
fn google() {
    let given = with_preset("google", "csv/google-users.csv");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!((ada.id.as_deref(), ada.activated), (None, Some(true)));
    assert_eq!(ada.last_seen_at, time("2024-11-28T08:15:00Z"));
    assert_eq!((&ada.password, &ada.password_hash), (&None, &None));
    assert_eq!(ada.variables, Some(json!({"Org Unit Path": "/Engineering/Analysts"})));
    assert_eq!(given.user("grace@example.com").activated, Some(false));
    let nino = given.user("nino@example.com");
    assert_eq!(
        (nino.firstname.as_deref(), nino.password_temporary),
        (Some("Niño"), Some(true))
    );
    assert_eq!(named(&nino.password_hash).algorithm, "sha1");
    assert_eq!(named(&nino.password_hash).digest.len(), 20);
}

#[test]
fn okta() {
    // That two users have one address is seen when they are written.
    let given = with_preset("okta", "json/okta-users.json");
    assert_eq!(given.counts(), (3, 0, 0));
    let isaac = given.by_id("00ub0oNGTSWTBKOLGLNR");
    assert_eq!(
        (isaac.activated, isaac.last_seen_at),
        (Some(true), time("2024-06-24T17:39:19Z"))
    );
    assert_eq!(isaac.stamps.created_at, time("2013-06-24T16:39:18Z"));
    assert_eq!(given.by_id("00u1").activated, Some(false));
    assert_eq!(given.by_id("00u2").email.as_deref(), Some("isaac.brock@example.com"));

    let given = with_preset("okta", "csv/okta-people.csv");
    assert_eq!(given.counts(), (2, 1, 0));
    assert_eq!(given.user("ann@example.com").lastname.as_deref(), Some("Årén"));
    assert_eq!(given.user("ann@example.com").activated, Some(false));
    assert!(given.refused.first().unwrap().1.message.contains("neither"));
}

#[test]
fn wordpress() {
    let given = with_preset("wordpress", "csv/wordpress-wp_users.csv");
    assert_eq!(given.counts(), (3, 1, 0));
    let admin = given.user("admin@example.com");
    assert_eq!(admin.variables, Some(json!({"externalId": "1", "username": "admin"})));
    assert!(text(&admin.password_hash).starts_with("$wp$2y$"));
    let grace = given.user("grace@example.com");
    assert_eq!(grace.name.as_deref(), Some("Grace \"Amazing\" Hopper"));
    assert!(text(&grace.password_hash).starts_with("$P$"));
    let ancient = given.user("ancient@example.com");
    assert_eq!(
        (ancient.name.as_deref(), ancient.stamps.created_at),
        (Some("An\\N"), None)
    );
    assert_eq!(named(&ancient.password_hash).algorithm, "md5");
    assert!(given.refused.first().unwrap().1.message.contains("--id-prefix"));

    let file = "csv/wordpress-wp_users.csv";
    let options = Options {
        id_prefix: Some("wp-".to_owned()),
        ..options()
    };
    let given = read_bytes(file, bytes(file), preset("wordpress").unwrap(), options).unwrap();
    assert_eq!(given.counts(), (4, 0, 0));
    assert_eq!(given.by_id("wp-4").email, None);
}

#[test]
fn django() {
    let given = with_preset("django", "csv/django-auth_user.csv");
    assert_eq!(given.counts(), (3, 1, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(
        (ada.activated, ada.stamps.created_at),
        (Some(true), time("2020-01-02T03:04:05.678901Z"))
    );
    assert!(text(&ada.password_hash).starts_with("pbkdf2_sha256$260000$"));
    assert_eq!(given.user("grace@example.com").password_hash, None);
    // The user name is an address.
    assert!(text(&given.user("linus@example.com").password_hash).starts_with("bcrypt_sha256$$2b$"));
    assert_eq!(given.notes.lost.get("superuser rights"), Some(&1));
}

#[test]
fn laravel() {
    let given = with_preset("laravel", "csv/laravel-users.csv");
    assert_eq!(given.counts(), (2, 1, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(ada.email_verified_at, time("2023-02-03T04:05:06Z"));
    let grace = given.user("grace@example.com");
    assert_eq!(grace.email_verified_at, None);
    assert!(text(&grace.password_hash).starts_with("$argon2id$"));
    let (line, refusal) = given.refused.first().unwrap();
    assert_eq!(
        (*line, refusal.field.as_deref(), refusal.email.as_deref()),
        (4, Some("email"), Some("broken@"))
    );
}

#[test]
fn devise() {
    let given = with_preset("devise", "csv/devise-users.csv");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(ada.stamps.created_at, time("2020-01-02T03:04:05.678901Z"));
    assert_eq!(ada.email_verified_at, ada.stamps.created_at);
    let grace = given.user("grace@example.com");
    assert_eq!(
        (&grace.password_hash, grace.stamps.created_at),
        (&None, time("2020-01-02T03:04:05Z"))
    );
    assert_eq!(
        given.user("locked@example.com").stamps.created_at,
        time("2020-01-02T08:04:05Z")
    );
}

#[test]
fn aspnet() {
    let given = with_preset("aspnet", "csv/aspnetusers.csv");
    assert_eq!(given.counts(), (4, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!((ada.activated, ada.email_verified_at), (None, Some(now())));
    assert!(text(&ada.password_hash).starts_with("AQAAAAIAAYag"));
    let grace = given.user("grace@example.com");
    assert_eq!(
        (grace.activated, grace.id.as_deref()),
        (Some(false), Some("7253F22E-24B5-4728-AA69-75C8013B00A9"))
    );
    assert_eq!(given.user("ext@example.com").password_hash, None);
    assert_eq!(given.notes.lost.get("second factors"), Some(&1));
}

#[test]
fn better_auth() {
    let given = with_preset("better-auth", "csv/better-auth.csv");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.by_id("AGjFiLytOG0ZkSbvTLJ1Wx4OCJosKD2I");
    assert_eq!((ada.email_verified_at, ada.activated), (Some(now()), None));
    assert_eq!(ada.stamps.created_at, time("2024-05-06T07:08:09.123Z"));
    assert!(text(&ada.password_hash).starts_with("90869601f8cc777e"));
    assert_eq!(given.by_id("fKIWH0S2UGTc2ZTCWRUKxTabspvNLUBQ").activated, Some(false));
    let two = given.by_id("zCbrVD4YSqFbfCI6dTUw0oS73y53JYGD");
    assert_eq!(
        (two.email.as_deref(), two.stamps.created_at),
        (Some("grace@example.com"), time("2024-05-06T12:53:20Z"))
    );
}

#[test]
fn kratos() {
    let given = with_preset("kratos", "json/kratos.json");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!((ada.activated, ada.email_verified_at), (Some(true), Some(now())));
    assert!(text(&ada.password_hash).starts_with("$scrypt$ln=16384"));
    assert_eq!(
        ada.federated_identities.as_ref().unwrap().first().unwrap().provider,
        "google"
    );
    assert_eq!(ada.stamps.created_at, time("2022-02-24T15:33:17.848475Z"));
    let grace = given.user("grace@example.com");
    assert_eq!((grace.activated, grace.email_verified_at), (Some(false), None));
    let linus = given.by_id("9613ca88-6fb0-462f-a72f-3c92cddffc53");
    assert_eq!((linus.email.as_deref(), linus.activated), (None, Some(true)));
}

#[test]
fn zitadel() {
    let given = with_preset("zitadel", "json/zitadel.json");
    assert_eq!(given.counts(), (2, 1, 0));
    let organizations: Vec<_> = given
        .organizations
        .iter()
        .map(|one| (one.id.as_str(), one.name.as_deref()))
        .collect();
    assert_eq!(
        organizations,
        [
            ("104577987654321098", Some("Acme")),
            ("104577987654321099", Some("Beta"))
        ]
    );
    let ada = given.user("ada@example.com");
    assert_eq!(ada.organization_id.as_deref(), Some("104577987654321098"));
    assert_eq!(
        (ada.id.as_deref(), ada.email_verified_at),
        (Some("104577987654321001"), Some(now()))
    );
    let grace = given.user("grace@example.com");
    assert_eq!(grace.password_temporary, Some(true));
    assert_eq!(
        grace.federated_identities.as_ref().unwrap().first().unwrap().provider,
        "google"
    );
    assert!(text(&grace.password_hash).starts_with("$pbkdf2-sha256$29000$"));
}

#[test]
fn fusionauth() {
    let given = with_preset("fusionauth", "json/fusionauth.json");
    assert_eq!(given.counts(), (3, 0, 0));
    let ada = given.user("ada@example.com");
    assert_eq!(
        (ada.stamps.created_at, ada.email_verified_at),
        (time("2020-09-13T12:26:40.123Z"), Some(now()))
    );
    let pbkdf2 = named(&ada.password_hash);
    assert_eq!(
        (pbkdf2.algorithm.as_str(), pbkdf2.rounds),
        ("pbkdf2-sha256", Some(24_000))
    );
    assert_eq!((pbkdf2.salt.len(), pbkdf2.digest.len()), (32, 32));
    let grace = given.user("grace@example.com");
    assert_eq!((grace.activated, grace.password_temporary), (Some(false), Some(true)));
    assert_eq!(text(&grace.password_hash).len(), 60);
    assert!(text(&grace.password_hash).starts_with("$2a$10$7qsjti"));
    let nameless = given.by_id("8fdd79ed-079f-45f3-a73a-7e8dd6efcb03");
    assert_eq!(nameless.password_hash, Some(Hash::Unusable("salted-md5")));
    assert_eq!(nameless.variables, Some(json!({"username": "only-a-name"})));
}

#[test]
fn supertokens() {
    let given = with_preset("supertokens", "json/supertokens.json");
    assert_eq!(given.counts(), (2, 1, 0));
    let ada = given.by_id("ext-1");
    assert_eq!(ada.email.as_deref(), Some("ada@example.com"));
    assert_eq!(ada.roles, Some(vec![Held::from("editor".to_owned())]));
    assert_eq!(ada.stamps.created_at, time("2017-09-27T14:38:37.518Z"));
    assert_eq!(
        ada.federated_identities.as_ref().unwrap().first().unwrap().user_id,
        "109876543210987654321"
    );
    assert!(text(&ada.password_hash).starts_with("$argon2id$"));
    let grace = given.user("grace@example.com");
    assert_eq!((grace.email_verified_at, grace.id.as_deref()), (None, None));
    assert!(text(&grace.password_hash).starts_with("$f_scrypt$"));
    assert_eq!(given.notes.lost.get("second factors"), Some(&1));
}
