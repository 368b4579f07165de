//! `tenantry export`: complete, in the same bytes each time, and without what was not asked for.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenantry::transfer::export::{self, Wanted};
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
        app.settle().await;
        let events = app.admin().ok(
            "{ auditEvents(where: {action: \"organization.export\"}) { organization { id } fields actorId } }", json!({})).await;
        assert_eq!(events["auditEvents"], json!([
            {"organization": {"id": "acme"}, "fields": ["passwordHash", "apiKeys", "auditEvents"], "actorId": null}]));

        let unknown = Wanted { organizations: vec!["gone".to_owned()], ..Wanted::default() };
        let refused = export::export(&app.services.db, &unknown, Vec::new(), |_| {}).await.unwrap_err();
        assert!(refused.to_string().contains("gone"), "{refused}");
    }
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
