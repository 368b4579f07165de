//! `tenantry import`: the samples give what their list says, twice the same changes nothing, people sign in with their old
//! passwords, and a directory comes back byte for byte.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tenantry::model::Clock;
use tenantry::transfer::format::firebase::HashConfig;
use tenantry::transfer::intake::{self, MissingRoles, OnConflict, Options};
use tenantry::transfer::kind::Kind;
use tenantry::transfer::map::Map;
use tenantry::transfer::report::{Counts, Report};
use tenantry::transfer::source::{Format, How, Source};

use crate::on_both;
use crate::support::App;
use crate::support::binary::{run, text};
use crate::support::database::TestDatabase;
use crate::support::session::code_of;

const PASSWORD: &str = "tenantry-sample-1";
const UMLAUTS: &str = "Grüße-aus-Köln-7";

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import-samples")
}

/// A line of the samples' list.
struct Sample {
    file: &'static str,
    set: fn(&mut How, &mut Options),
    users: Counts,
    /// Who sign in with their old password.
    signed_in: usize,
}

const fn counts(created: u64, refused: u64, ignored: u64) -> Counts {
    Counts {
        created,
        changed: 0,
        unchanged: 0,
        skipped: 0,
        refused,
        ignored,
    }
}

fn hash_config(how: &mut How) {
    let text = std::fs::read_to_string(samples().join("firebase/hash-config.txt")).unwrap();
    how.hash_config = Some(HashConfig::parse(&text).unwrap());
}

macro_rules! sample {
    ($file:literal, $created:literal, $refused:literal, $ignored:literal, $signed_in:literal, $set:expr) => {
        Sample {
            file: $file,
            set: $set,
            users: counts($created, $refused, $ignored),
            signed_in: $signed_in,
        }
    };
    ($file:literal, preset $preset:literal, $created:literal, $refused:literal, $ignored:literal, $signed_in:literal) => {
        sample!($file, $created, $refused, $ignored, $signed_in, |how, _| how.preset =
            Some($preset.to_owned()))
    };
    ($file:literal, $created:literal, $refused:literal, $ignored:literal, $signed_in:literal) => {
        sample!($file, $created, $refused, $ignored, $signed_in, |_, _| {})
    };
}

/// Those whose users go to the organization `acme`.
fn all() -> Vec<Sample> {
    vec![
        sample!("keycloak/acme-realm.json", 6, 1, 1, 3),
        // An address is taken within one organization only, so more users than one are called ada@example.com.
        sample!("keycloak-dir", 6, 1, 1, 3),
        sample!("auth0/users.ndjson", 4, 2, 0, 0),
        sample!("auth0/bulk-import.json", 8, 0, 0, 8),
        sample!("firebase/users.json", 4, 0, 0, 1, |how, _| hash_config(how)),
        sample!("firebase/users.csv", 4, 0, 0, 1, |how, _| hash_config(how)),
        sample!("scim/users.json", 3, 0, 0, 0),
        sample!("scim/first-page-of-many.json", 1, 0, 0, 0),
        sample!("ldif/openldap.ldif", 3, 1, 1, 1),
        sample!("ldif/lldap.ldif", 1, 0, 0, 0),
        sample!("csv/clerk.csv", preset "clerk", 4, 0, 0, 3),
        sample!("csv/supabase-auth-users.csv", preset "supabase", 2, 0, 2, 1),
        sample!("csv/cognito.csv", preset "cognito", 3, 0, 0, 0),
        sample!("json/cognito-list-users.json", preset "cognito", 3, 0, 0, 0),
        sample!("csv/entra-users.csv", preset "entra", 2, 1, 0, 0),
        sample!("csv/entra-bulk-create.csv", preset "entra", 1, 1, 0, 0),
        sample!("json/graph-users.json", preset "graph", 3, 0, 0, 0),
        sample!("csv/google-users.csv", preset "google", 3, 0, 0, 0),
        sample!("json/okta-users.json", preset "okta", 2, 1, 0, 0),
        sample!("csv/okta-people.csv", preset "okta", 2, 1, 0, 0),
        sample!("csv/wordpress-wp_users.csv", preset "wordpress", 3, 1, 0, 3),
        sample!("csv/wordpress-wp_users.csv", 4, 0, 0, 3, |how, _| {
            how.preset = Some("wordpress".to_owned());
            how.id_prefix = Some("wp-".to_owned());
        }),
        sample!("csv/django-auth_user.csv", preset "django", 3, 1, 0, 2),
        sample!("csv/laravel-users.csv", preset "laravel", 2, 1, 0, 2),
        sample!("csv/devise-users.csv", preset "devise", 3, 0, 0, 2),
        sample!("csv/aspnetusers.csv", preset "aspnet", 4, 0, 0, 2),
        sample!("csv/better-auth.csv", preset "better-auth", 2, 1, 0, 1),
        sample!("json/kratos.json", preset "kratos", 3, 0, 0, 1),
        sample!("json/zitadel.json", preset "zitadel", 2, 1, 0, 1),
        sample!("json/fusionauth.json", preset "fusionauth", 3, 0, 0, 1),
        sample!("json/supertokens.json", 2, 1, 0, 2, |how, options| {
            how.preset = Some("supertokens".to_owned());
            hash_config(how);
            options.missing_roles = MissingRoles::Create;
        }),
        sample!("csv/people-excel-de.csv", 2, 2, 1, 0, |how, _| {
            for (field, column) in [("firstname", "Vorname"), ("lastname", "Nachname"), ("roles", "Rolle")] {
                how.columns.push((field.to_owned(), column.to_owned()));
            }
        }),
        sample!("csv/people-excel-unicode.txt", 3, 0, 0, 0, |how, _| how.format =
            Some(Format::Csv)),
        sample!("csv/people-latin1.csv", 3, 0, 0, 0, |how, _| how.encoding =
            Some("windows-1252".to_owned())),
        sample!("csv/people-for-update.csv", 2, 1, 0, 0),
        sample!("map/example-input.json", 2, 1, 0, 1, |how, _| {
            let map = std::fs::read_to_string(samples().join("map/example.json")).unwrap();
            how.format = Some(Format::Json);
            how.map = Some(Map::parse(&map).unwrap());
        }),
    ]
}

/// What an import said.
#[derive(Debug)]
struct Done {
    users: Counts,
    report: std::collections::BTreeMap<Kind, Counts>,
    refused: Vec<Value>,
}

async fn imported(app: &App, file: &str, set: impl FnOnce(&mut How, &mut Options)) -> Done {
    let mut how = How::new(Clock::System.now());
    let mut options = Options {
        organization: Some("acme".to_owned()),
        keep_first_start: true,
        ..Options::default()
    };
    set(&mut how, &mut options);
    options.now = how.now;
    let source = Source::open(&[samples().join(file)], &how).unwrap_or_else(|fault| panic!("{file}: {fault:?}"));
    let mut reader = source.reader().unwrap();
    let mut refused = Vec::new();
    let mut report = Report::new(|told| refused.push(serde_json::to_value(told).unwrap()));
    intake::import(&app.machine(), reader.as_mut(), &options, &mut report)
        .await
        .unwrap();
    let counts = report.counts.clone();
    drop(report);
    Done {
        users: counts.get(&Kind::User).copied().unwrap_or_default(),
        report: counts,
        refused,
    }
}

/// The addresses of those who can sign in with a password, with their organization.
async fn with_passwords(app: &App) -> Vec<String> {
    app.column(
        "SELECT email FROM users WHERE password_hash IS NOT NULL AND email IS NOT NULL AND activated AND NOT password_temporary",
    )
    .await
}

async fn events(app: &App) -> i64 {
    app.number("SELECT COUNT(*) FROM audit_events").await
}

on_both! {
    async fn the_samples_give_what_their_list_says(app: App) {
        for sample in all() {
            let app = App::new(app.backend).await;
            app.organization("acme", &[]).await;
            let done = imported(&app, sample.file, sample.set).await;
            assert_eq!(done.users, sample.users, "{}: {:#?}", sample.file, done.refused);
            let who = with_passwords(&app).await;
            assert_eq!(who.len(), sample.signed_in, "{}: {who:?}", sample.file);
            for (number, email) in who.iter().enumerate() {
                let from = format!("192.0.2.{}", number + 1);
                let mut code = code_of(&app.try_sign_in(Some(&from), email, PASSWORD).await);
                if code != "OK" {
                    code = code_of(&app.try_sign_in(Some(&from), email, UMLAUTS).await);
                }
                assert_eq!(code, "OK", "{}: {email} signs in", sample.file);
            }
            let others = app.number(
                "SELECT COUNT(*) FROM users WHERE last_seen_at IS NOT NULL AND password_hash NOT LIKE '$argon2id$v=19$m=19456%'").await;
            assert_eq!(others, 0, "{}: whoever has signed in has a hash of our own", sample.file);
        }
    }

    async fn the_same_file_again_changes_nothing(app: App) {
        for sample in all() {
            let app = App::new(app.backend).await;
            app.organization("acme", &[]).await;
            imported(&app, sample.file, sample.set).await;
            let (before, said) = (app.dump().await, events(&app).await);
            let again = imported(&app, sample.file, sample.set).await;
            assert_eq!(again.users.created, 0, "{}", sample.file);
            assert_eq!(again.users.changed, 0, "{}", sample.file);
            assert_eq!(again.users.unchanged, sample.users.created, "{}: {:#?}", sample.file, again.refused);
            assert_eq!(again.users.refused, sample.users.refused, "{}: {:#?}", sample.file, again.refused);
            assert_eq!(app.dump().await, before, "{}", sample.file);
            assert_eq!(events(&app).await, said, "{}", sample.file);
        }
    }

    async fn a_dry_run_says_the_same_and_writes_nothing(app: App) {
        for sample in all() {
            let app = App::new(app.backend).await;
            app.organization("acme", &[]).await;
            let before = app.dump().await;
            let dry = imported(&app, sample.file, |how, options| {
                (sample.set)(how, options);
                options.dry_run = true;
            })
            .await;
            assert_eq!(app.dump().await, before, "{}", sample.file);
            let wet = imported(&app, sample.file, sample.set).await;
            assert_eq!(dry.report, wet.report, "{}", sample.file);
        }
    }

    async fn one_event_tells_of_all_who_came(app: App) {
        app.organization("acme", &[]).await;
        let before = events(&app).await;
        imported(&app, "auth0/bulk-import.json", |_, _| {}).await;
        assert_eq!(events(&app).await - before, 1);
        let told = app.admin().ok(
            "{ auditEvents(where: {action: \"organization.import\"}) { organization { id } count fields actorId } }", json!({})).await;
        assert_eq!(told["auditEvents"], json!([{"organization": {"id": "acme"}, "count": 8, "fields": ["users"], "actorId": null}]));
        let count = app.admin().ok("{ countUsers(where: {organization: {id: \"acme\"}}) }", json!({})).await;
        assert_eq!(count["countUsers"], 8);
    }

    async fn hashes_follow_in_a_second_file(app: App) {
        app.organization("acme", &[]).await;
        imported(&app, "auth0/users.ndjson", |_, _| {}).await;
        let done = imported(&app, "auth0/passwords.ndjson", |_, _| {}).await;
        assert_eq!((done.users.changed, done.users.refused), (3, 1));
        assert_eq!(done.refused[0]["code"], "NOT_FOUND");
        for email in with_passwords(&app).await {
            assert_eq!(code_of(&app.try_sign_in(None, &email, PASSWORD).await), "OK", "{email}");
        }
    }

    async fn members_follow_in_a_second_file(app: App) {
        app.organization("acme", &[]).await;
        imported(&app, "scim/users.json", |_, _| {}).await;
        let done = imported(&app, "scim/groups.json", |_, _| {}).await;
        assert_eq!(done.report[&Kind::Group], counts(1, 1, 0));
        assert_eq!(app.number("SELECT COUNT(*) FROM group_members").await, 1);
    }

    async fn update_changes_what_the_file_names(app: App) {
        app.organization("acme", &[]).await;
        imported(&app, "csv/people-for-update.csv", |_, _| {}).await;
        let skipped = imported(&app, "csv/people-for-update.csv", |_, options| options.on_conflict = OnConflict::Skip).await;
        assert_eq!((skipped.users.unchanged, skipped.users.skipped), (2, 1));
        let done = imported(&app, "csv/people-for-update.csv", |_, options| options.on_conflict = OnConflict::Update).await;
        assert_eq!((done.users.changed, done.users.refused), (1, 0));
    }

    async fn what_a_file_may_not_give_is_refused(app: App) {
        app.organization("beta", &["paris"]).await;
        app.organization("acme", &["berlin"]).await;
        let before = app.dump().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("planted.ndjson");
        let user = |members: Value| {
            let mut user = json!({"type": "user", "organizationId": "acme"});
            user.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            user.to_string()
        };
        let lines = [
            r#"{"type":"tenantry","version":1}"#.to_owned(),
            user(json!({"id": "root", "roles": ["super-admin"]})),
            user(json!({"id": "root", "roles": ["01900000-0000-7000-8000-000000000006"]})),
            user(json!({"id": "abroad", "tenantId": "paris"})),
            user(json!({"id": "abroad", "roles": [{"id": "tenant-admin", "tenantId": "paris"}]})),
            user(json!({"id": "admin", "name": "Mallory"})),
            user(json!({"id": "both", "password": PASSWORD, "passwordHash": "$2b$10$HW4foW..0SaFzdT9JKpOK.tkj/xH24MDnblLkNvZkkmWbODRkOrDq"})),
            user(json!({"id": "program", "service": true, "password": PASSWORD})),
            user(json!({"id": "weak", "password": "short"})),
            user(json!({"id": "twice", "email": "no address"})),
            json!({"type": "apiKey", "userId": "admin", "name": "k", "digest": "ab".repeat(32)}).to_string(),
            json!({"type": "setting", "userId": "nobody", "key": "a", "value": 1}).to_string(),
            json!({"type": "organization", "id": "platform", "name": "Mine"}).to_string(),
            json!({"type": "tenant", "id": "paris", "organizationId": "acme", "name": "Paris"}).to_string(),
        ];
        std::fs::write(&file, lines.join("\n")).unwrap();
        let done = imported(&app, file.to_str().unwrap(), |_, _| {}).await;
        assert_eq!(done.users.created, 0, "{:#?}", done.refused);
        // The first super admin, the platform's organization and an API key without the flag.
        let ignored: u64 = done.report.values().map(|counts| counts.ignored).sum();
        assert_eq!(ignored, 3, "{done:#?}");
        assert_eq!(done.refused.len(), 10, "{:#?}", done.refused);
        assert_eq!(app.dump().await, before);
    }

    async fn seats_bind_in_organizations_that_were_there(app: App) {
        app.admin().ok("mutation { createOrganization(data: {id: \"acme\", name: \"Acme\", seatLimit: 3}) { id } }", json!({})).await;
        let done = imported(&app, "auth0/bulk-import.json", |_, _| {}).await;
        assert_eq!((done.users.created, done.users.refused), (3, 5), "{:#?}", done.refused);
        assert!(done.refused.iter().all(|told| told["code"] == "SEAT_LIMIT_REACHED"));
        assert_eq!(app.column::<Option<i64>>("SELECT seats_used FROM organizations WHERE id = 'acme'").await, [Some(3)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_comes_back_byte_for_byte_from_each_database() {
    let original = samples().join("native/directory.ndjson");
    let mut file = original.clone();
    let folder = tempfile::tempdir().unwrap();
    for (number, backend) in [
        crate::support::Backend::Sqlite,
        crate::support::Backend::Postgres,
        crate::support::Backend::Sqlite,
    ]
    .into_iter()
    .enumerate()
    {
        let database = TestDatabase::empty(backend).await;
        let on = |arguments: &[&str]| {
            let url = ["--database-url", database.url.as_str()];
            run(&[arguments, &url].concat(), &[])
        };
        let done = on(&["import", "--with-keys", file.to_str().unwrap()]);
        assert!(done.status.success(), "{}", told(&done));
        assert!(!text(&done.stdout).contains("first start"), "no key is printed");
        let next = folder.path().join(format!("{number}.ndjson"));
        let done = on(&["export", "--with-hashes", "--with-keys", next.to_str().unwrap()]);
        assert!(done.status.success(), "{}", told(&done));
        assert_eq!(
            std::fs::read_to_string(&next).unwrap(),
            std::fs::read_to_string(&original).unwrap()
        );
        file = next;
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_file_with_a_fault_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("d.db").display());
    for (file, why) in [
        ("native/cut.ndjson", "cut in the middle"),
        ("native/cut-between-lines.ndjson", "its last line"),
        ("native/changed.ndjson", "its digest differs"),
        ("native/newer.ndjson", "newer release"),
        ("keycloak-console/realm-export.json", "kc.sh export"),
        ("csv/people-no-header.csv", "heading"),
        ("csv/people-ragged.csv", "never closed"),
        ("csv/people-latin1.csv", "--encoding windows-1252"),
        ("firebase/users.json", "--hash-config"),
    ] {
        let path = samples().join(file);
        let done = run(
            &[
                "import",
                "--organization",
                "acme",
                path.to_str().unwrap(),
                "--database-url",
                &url,
            ],
            &[],
        );
        assert_eq!(done.status.code(), Some(1), "{file}");
        assert!(text(&done.stderr).contains(why), "{file}: {}", told(&done));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{file}");
    }
}

#[test]
fn a_file_written_by_hand_is_taken_row_by_row_and_tells_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("d.db").display());
    let errors = folder.path().join("errors.ndjson");
    let path = samples().join("native/handmade.ndjson");
    let arguments = [
        "import",
        path.to_str().unwrap(),
        "--errors",
        errors.to_str().unwrap(),
        "--database-url",
        &url,
        "--json",
    ];
    let done = run(&arguments, &[]);
    assert_eq!(done.status.code(), Some(3), "{}", told(&done));
    let summary: Value = serde_json::from_str(text(&done.stdout).lines().last().unwrap()).unwrap();
    assert_eq!(summary["counts"]["user"]["created"], 1);
    let refused = std::fs::read_to_string(&errors).unwrap();
    assert_eq!(refused.lines().count(), 6);
    assert!(!refused.contains(PASSWORD) && !told(&done).contains(PASSWORD));
    let codes: Vec<String> = refused
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["code"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        codes,
        ["INVALID", "NOT_FOUND", "NOT_FOUND", "FORBIDDEN", "INVALID", "INVALID"]
    );
}
