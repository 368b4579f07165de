//! An import that has the database to itself: one transaction, and what is written at its end is as if it had been written
//! with each row. One beside a server takes steps.

use std::path::{Path, PathBuf};

use serde_json::json;
use tenantry::model::Clock;
use tenantry::transfer::export::{self, Wanted};
use tenantry::transfer::intake::{self, OnConflict, Options};
use tenantry::transfer::report::Report;
use tenantry::transfer::source::{How, Source};

use crate::on_both;
use crate::support::binary::{Server, run, text};
use crate::support::database::TestDatabase;
use crate::support::{App, Backend};

/// A file of people of the organization `acme`; after the others, the first one may come again, with another name.
fn people(folder: &Path, count: usize, again: bool) -> PathBuf {
    let mut lines = vec![
        json!({"type": "tenantry", "version": 1}),
        json!({"type": "organization", "id": "acme", "name": "Acme"}),
        json!({"type": "tenant", "id": "berlin", "organizationId": "acme", "name": "Berlin"}),
        json!({"type": "group", "id": "018f0000-0000-7000-8000-000000000001", "organizationId": "acme", "key": "STAFF", "name": "Staff"}),
    ];
    let person = |number: usize, firstname: &str| {
        json!({
            "type": "user", "id": format!("person-{number}"), "organizationId": "acme", "tenantId": "berlin",
            "email": format!("person.{number}@acme.example"), "firstname": firstname, "lastname": format!("Number {number}"),
            "roles": ["user"], "groups": ["018f0000-0000-7000-8000-000000000001"],
            "federatedIdentities": [{"identityProvider": "google", "userId": number.to_string()}],
        })
    };
    lines.extend((0..count).map(|number| person(number, "Ada")));
    lines.extend(again.then(|| person(0, "Zuzana")));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.join("people.ndjson");
    std::fs::write(&path, text).unwrap();
    path
}

async fn take(app: &App, file: &Path, alone: bool) {
    let options = Options {
        alone,
        // As if they were many.
        users: 1_000_000,
        on_conflict: OnConflict::Update,
        ..Options::default()
    };
    let source = Source::open(&[file.to_owned()], &How::new(Clock::System.now())).unwrap();
    let mut reader = source.reader().unwrap();
    let mut report = Report::new(|told| panic!("{}", serde_json::to_string(&told).unwrap()));
    intake::import(&app.machine(), reader.as_mut(), &options, &mut report)
        .await
        .unwrap();
}

/// What a client, an export and a reader of the schema see.
async fn seen(app: &App) -> String {
    let (export, _) = export::export(&app.services.db, &Wanted::default(), Vec::new(), |_| {})
        .await
        .unwrap();
    let words: Vec<String> = app
        .column(
            "SELECT word FROM user_words w JOIN users u ON u.pk = w.user_pk WHERE u.id <> 'admin' ORDER BY u.id, word",
        )
        .await;
    let schema: Vec<String> = match app.backend {
        Backend::Sqlite => {
            let objects = app
                .column(
                    "SELECT name || COALESCE(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
                )
                .await;
            let sizes = app
                .column("SELECT tbl || COALESCE(idx, '') || stat FROM sqlite_stat1 ORDER BY 1")
                .await;
            [objects, sizes].concat()
        }
        Backend::Postgres => {
            app.column("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1")
                .await
        }
    };
    format!("{}\n{words:#?}\n{schema:#?}", String::from_utf8(export).unwrap())
}

on_both! {
    async fn what_is_written_at_the_end_is_as_if_it_came_with_each_row(app: App) {
        let folder = tempfile::tempdir().unwrap();
        let file = people(folder.path(), 1_200, true);
        take(&app, &file, true).await;
        if app.backend == Backend::Sqlite {
            // What is too large for memory is sorted beside the database: no other folder may be writable.
            let database: Vec<String> = app.column("SELECT file FROM pragma_database_list WHERE name = 'main'").await;
            let sorted_in: Vec<String> = app.column("PRAGMA temp_store_directory").await;
            assert_eq!(Path::new(&database[0]).parent(), sorted_in.first().map(Path::new));
        }
        let other = App::new(app.backend).await;
        take(&other, &file, false).await;
        let (whole, steps) = (seen(&app).await, seen(&other).await);
        assert!(whole == steps, "they differ:\n{whole:.3000}\n{steps:.3000}");
        let found = app
            .admin()
            .ok("{ a: users(where: {text: \"zuzana\"}) { id } b: users(where: {text: \"ada 1199\"}) { id } c: countUsers(where: {text: \"ada\"}) }", json!({}))
            .await;
        assert_eq!(found, json!({"a": [{"id": "person-0"}], "b": [{"id": "person-1199"}], "c": 1_199}));
        // And those who come later are found too.
        app.admin().create_user(json!({"organizationId": "acme", "email": "late@acme.example", "firstname": "Later"})).await;
        let found = app.admin().ok("{ users(where: {text: \"later\"}) { email } }", json!({})).await;
        assert_eq!(found["users"], json!([{"email": "late@acme.example"}]));
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'organization.import'").await, 1);
    }
}

/// How many events an import of so many users has made: one for each transaction.
async fn transactions(backend: Backend, beside: bool) -> usize {
    let database = TestDatabase::empty(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let file = people(folder.path(), 1_200, false);
    let on = |arguments: &[&str]| run(&[arguments, &["--database-url", database.url.as_str()]].concat(), &[]);
    let server = beside.then(|| Server::start(&database.url, &[]));
    let done = on(&["import", file.to_str().unwrap()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    drop(server);
    let done = on(&["export", "--with-audit", "-"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let doctor = text(&on(&["doctor"]).stdout);
    for check in ["integrity", "relations", "values"] {
        assert!(doctor.contains(&format!("fine   {check}")), "{doctor}");
    }
    text(&done.stdout).matches("\"action\":\"organization.import\"").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_finds_out_whether_a_server_is_there() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        assert_eq!(transactions(backend, false).await, 1, "{backend:?}, alone");
        assert_eq!(transactions(backend, true).await, 3, "{backend:?}, beside a server");
    }
}
