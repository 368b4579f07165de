//! `tenantry export`: complete, in the same bytes each time, and without what was not asked for.

use std::os::unix::fs::PermissionsExt;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenantry::transfer::export::{self, Format, Wanted};
use tenantry::transfer::kind::Kind;

use crate::on_both;
use crate::support::App;
use crate::support::binary::{run, text};

/// Everything that an export can contain.
fn everything() -> Wanted {
    Wanted {
        hashes: true,
        keys: true,
        audit: true,
        ..Wanted::default()
    }
}

async fn exported(app: &App, wanted: &Wanted) -> String {
    let (bytes, _) = export::export(&app.services.db, wanted, Vec::new(), |_| {})
        .await
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

fn records(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_type<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

/// Two organizations with everything that a directory has.
async fn fill(app: &App) {
    app.organization("acme", &["berlin"]).await;
    app.organization("beta", &[]).await;
    let admin = app.admin();
    admin
        .ok(
            "mutation { createRole(data: {organizationId: \"acme\", name: \"editor\", permissions: [\"read:databases\"]}) { id }
                createGroup(data: {organizationId: \"acme\", name: \"Editors\", roles: [\"editor\"]}) { id } }",
            json!({}),
        )
        .await;
    app.admin().create_user(json!({
        "id": "ada", "organizationId": "acme", "tenantId": "berlin", "email": "ada@acme.example", "name": "Ada \"A\" 李",
        "password": "a-long-password-1", "roles": ["editor"], "variables": serde_json::from_str::<Value>(r#"{"z":1.50,"a":null}"#).unwrap(),
        "federatedIdentities": [{"identityProvider": "google", "userId": "7", "userName": "ada"}],
    }))
    .await;
    app.admin()
        .create_user(json!({"id": "bob", "organizationId": "beta", "email": "bob@beta.example", "activated": false}))
        .await;
    app.key_of("ada").await;
}

on_both! {
    async fn the_same_directory_gives_the_same_bytes(app: App) {
        fill(&app).await;
        app.settle().await;
        let file = exported(&app, &everything()).await;
        assert_eq!(file, exported(&app, &everything()).await);
        let lines = records(&file);
        assert_eq!(lines[0], json!({"type": "tenantry", "version": 1, "scope": "everything", "with": ["hashes", "keys", "audit"], "end": true}));
        let last = lines.last().unwrap();
        let body = &file[..=file.trim_end().rfind('\n').unwrap()];
        let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(last, &json!({"type": "end", "records": lines.len() - 2, "sha256": digest}));

        let users = of_type(&lines, "user");
        let ada = users.iter().find(|user| user["id"] == "ada").unwrap();
        assert_eq!(ada["email"], "ada@acme.example");
        assert_eq!(ada["tenantId"], "berlin");
        assert_eq!(ada["federatedIdentities"], json!([{"identityProvider": "google", "userId": "7", "userName": "ada"}]));
        assert!(file.contains(r#""variables":{"z":1.50,"a":null}"#), "JSON as it is stored");
        assert!(ada["passwordHash"].as_str().unwrap().starts_with("$argon2id$"));
        assert_eq!(users.iter().find(|user| user["id"] == "bob").unwrap()["activated"], false);
        assert_eq!(of_type(&lines, "group")[0]["key"], "EDITORS");
        assert!(!of_type(&lines, "auditEvent").is_empty());
        let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
        let place = |kind: &str| kinds.iter().position(|known| *known == kind).unwrap();
        assert!(place("organization") < place("tenant") && place("tenant") < place("role"));
        assert!(place("role") < place("group") && place("group") < place("user") && place("user") < place("apiKey"));
    }

    async fn secrets_are_in_it_only_if_they_are_asked_for(app: App) {
        fill(&app).await;
        let hash = app.user_row("ada").await.password_hash.unwrap();
        let digests: Vec<String> = app.column("SELECT digest FROM api_keys").await;
        let plain = exported(&app, &Wanted::default()).await;
        assert!(!plain.contains(&hash) && !plain.contains("password"), "{plain}");
        let keys = exported(&app, &Wanted { keys: true, ..Wanted::default() }).await;
        assert!(!keys.contains(&hash));
        for digest in &digests {
            assert!(!plain.contains(digest.as_str()));
            assert!(keys.contains(digest.as_str()));
        }
    }

    async fn one_organization_is_exported_without_the_others(app: App) {
        fill(&app).await;
        let wanted = Wanted { organizations: vec!["acme".to_owned()], ..everything() };
        app.settle().await;
        let file = exported(&app, &wanted).await;
        assert!(!file.contains("beta") && !file.contains("bob"), "{file}");
        let lines = records(&file);
        assert_eq!(lines[0]["organizations"], json!(["acme"]));
        assert_eq!(of_type(&lines, "user").len(), 1);
        assert_eq!(of_type(&lines, "apiKey").len(), 1);

        let users = exported(&app, &Wanted { only: vec![Kind::User], ..wanted.clone() }).await;
        assert_eq!(records(&users).len(), 3, "{users}");

        export::note(&app.machine(), &wanted).await.unwrap();
        let events = app.admin().ok(
            "{ auditEvents(where: {action: \"organization.export\"}) { organization { id } fields actorId } }", json!({})).await;
        assert_eq!(events["auditEvents"], json!([
            {"organization": {"id": "acme"}, "fields": ["passwordHash", "apiKeys", "auditEvents"], "actorId": null}]));

        let unknown = Wanted { organizations: vec!["gone".to_owned()], ..Wanted::default() };
        let refused = export::export(&app.services.db, &unknown, Vec::new(), |_| {}).await.unwrap_err();
        assert!(refused.to_string().contains("gone"), "{refused}");
    }

    async fn a_table_has_users_alone_and_no_formulas(app: App) {
        fill(&app).await;
        app.admin().create_user(json!({
            "id": "eve", "organizationId": "acme", "email": "eve@acme.example", "kind": "SERVICE",
            "name": "=HYPERLINK(\"http://evil.example\")", "firstname": "@Eve", "lastname": "one, two",
            "roles": ["user", "team-manager"], "userName": "Eve.Adams", "externalId": "-7",
        })).await;
        app.admin().ok(
            "mutation { addUserToGroup(where: {key: \"EDITORS\", organization: {id: \"acme\"}}, user: {id: \"eve\"}) { id }
                assignRole(where: {id: \"eve\"}, role: \"editor\", tenant: \"berlin\") { id } }",
            json!({}),
        ).await;
        app.settle().await;
        let change = app.services.db.begin().await.unwrap();
        for sql in [
            "UPDATE users SET created_at = 1800000000123456, updated_at = 1800000000999999 + pk, last_seen_at = NULL",
            "UPDATE users SET email_verified_at = 1800000001000000 WHERE id = 'ada'",
        ] {
            change.execute_unprepared(sql).await.unwrap();
        }
        change.commit().await.unwrap();
        let table = |organizations: &[&str]| Wanted {
            format: Format::Csv,
            organizations: organizations.iter().map(|id| (*id).to_owned()).collect(),
            ..Wanted::default()
        };
        let file = exported(&app, &table(&["acme", "beta"])).await;
        assert_eq!(file, "\u{FEFF}id,organizationId,organizationName,tenantId,tenantName,email,name,firstname,lastname,activated,service,\
            roles,groups,emailVerifiedAt,lastSeenAt,createdAt,updatedAt,userName,externalId\r\n\
            ada,acme,Organization acme,berlin,Tenant berlin,ada@acme.example,\"Ada \"\"A\"\" 李\",,,yes,no,editor,,2027-01-15 08:00:01,,2027-01-15 08:00:00,2027-01-15 08:00:01,,\r\n\
            bob,beta,Organization beta,,,bob@beta.example,,,,no,no,,,,,2027-01-15 08:00:00,2027-01-15 08:00:01,,\r\n\
            eve,acme,Organization acme,,,eve@acme.example,\"'=HYPERLINK(\"\"http://evil.example\"\")\",'@Eve,\"one, two\",yes,yes,\
            \"editor (Tenant berlin); team-manager; user\",Editors,,,2027-01-15 08:00:00,2027-01-15 08:00:01,Eve.Adams,'-7\r\n");
        assert_eq!(file, exported(&app, &table(&["acme", "beta"])).await);

        let all = exported(&app, &table(&[])).await;
        assert_eq!(all.lines().count(), 5, "{all}");
        for id in ["platform", "acme", "beta"] {
            assert!(all.contains(&format!(",{id},")), "{all}");
        }
        let hash = app.user_row("ada").await.password_hash.unwrap();
        assert!(!all.contains(&hash) && !all.contains("argon2id"), "{all}");
        let one = exported(&app, &table(&["beta"])).await;
        assert_eq!(one.lines().count(), 2, "{one}");

        export::note(&app.machine(), &table(&["beta"])).await.unwrap();
        let events = app.admin().ok(
            "{ auditEvents(where: {action: \"organization.export\"}) { organization { id } fields } }", json!({})).await;
        assert_eq!(events["auditEvents"], json!([{"organization": {"id": "beta"}, "fields": []}]));
    }
}

#[test]
fn the_command_writes_a_table_that_nobody_else_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("d.db").display());
    let file = folder.path().join("users.csv");
    let name = file.to_str().unwrap();
    let on = |arguments: &[&str]| run(&[arguments, &["--database-url", &url]].concat(), &[]);

    for (flags, told) in [
        (&["--with-hashes"][..], "--with-hashes"),
        (&["--with-keys", "--with-audit"], "--with-keys, --with-audit"),
        (&["--only", "user"], "--only"),
    ] {
        let refused = on(&[&["export", "--format", "csv"], flags, &[name]].concat());
        let words = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{words}");
        assert!(
            words.contains(&format!("Leave out {told}, or '--format csv'")),
            "{words}"
        );
    }
    assert_eq!(on(&["export", "--format", "xlsx", name]).status.code(), Some(2));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    // More than one batch.
    assert!(on(&["demo", "--users", "2100"]).status.success());
    let done = on(&["export", "--format", "csv", name]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(
        text(&done.stderr).contains("Exported 2101 users."),
        "{}",
        text(&done.stderr)
    );
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.path().join("users.csv.partial").exists());
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.matches("\r\n").count(), 2_102);
    let printed = on(&["export", "--format", "csv", "-"]);
    assert_eq!(text(&printed.stdout), written);
}

#[test]
fn the_command_writes_a_file_that_nobody_else_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("d.db").display());
    let file = folder.path().join("all.ndjson");
    let name = file.to_str().unwrap();
    let on = |arguments: &[&str]| run(&[arguments, &["--database-url", &url]].concat(), &[]);

    let missing = on(&["export", name]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is created"
    );

    assert!(on(&["demo", "--users", "50"]).status.success());
    let done = on(&["export", "--with-hashes", name]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("51 users"), "{}", text(&done.stderr));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.path().join("all.ndjson.partial").exists());

    let before = std::fs::read(&file).unwrap();
    let again = on(&["export", name]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("exists already"));
    assert_eq!(std::fs::read(&file).unwrap(), before);

    let printed = on(&["export", "--only", "user"]);
    assert_eq!(text(&printed.stdout).lines().count(), 53);
    assert!(!on(&["export", "--only", "usr"]).status.success());
}
