//! What others change between two steps of an import: an organization that is deleted, a limit that is set, a role or a group
//! that goes.

use serde_json::json;
use tenantry::transfer::kind::Kind;
use tenantry::transfer::record::{MembersRecord, Record, Row};

use super::{Rows, Taken, crowd, record, take, take_rows};
use crate::keep::meddle;
use crate::on_both;
use crate::support::App;

/// Users of a file: more than three steps.
const USERS: usize = 1_700;
/// The row before which others act. Steps have 500 rows, and what was read before is committed by then.
const BETWEEN: usize = 1_000;

/// Imports these lines while others execute these statements.
async fn take_while(app: &App, lines: &[String], statements: &[&str]) -> Taken {
    take_rows_while(app, Rows::of(lines), statements).await
}

async fn take_rows_while(app: &App, rows: Rows, statements: &[&str]) -> Taken {
    let rows = rows.meanwhile(BETWEEN, app, statements);
    take_rows(app, rows, |options| options.keys = true).await.ended()
}

/// Users of an organization, and nothing else.
fn users_of(organization: &str, members: &serde_json::Value) -> Vec<String> {
    (0..USERS)
        .map(|number| {
            let mut user = json!({"id": format!("{organization}-{number}"), "organizationId": organization});
            user.as_object_mut()
                .unwrap()
                .extend(members.as_object().unwrap().clone());
            record("user", user)
        })
        .collect()
}

async fn are_there(app: &App) -> i64 {
    app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'acme-%'").await
}

on_both! {
    async fn an_organization_that_is_deleted(app: App) {
        let mut lines = crowd("acme", USERS);
        lines.push(record("organization", json!({"id": "beta", "name": "Beta"})));
        lines.push(record("user", json!({"id": "bob", "organizationId": "beta"})));
        let taken = take_while(&app, &lines, &[
            "DELETE FROM users WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'acme')",
            "DELETE FROM tenants WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'acme')",
            "DELETE FROM organizations WHERE id = 'acme'",
        ])
        .await;
        // Those who were too late are refused, singly, and the others are in.
        assert_eq!(taken.of(Kind::User).created, 997, "1,000 rows without those of other kinds, and bob");
        assert_eq!(app.number("SELECT COUNT(*) FROM users WHERE id = 'bob'").await, 1);
        assert_eq!(app.number("SELECT COUNT(*) FROM organizations WHERE id = 'acme'").await, 0);
        assert_eq!(are_there(&app).await, 0);
        let late = taken.refused.iter().filter(|told| told["type"] == "user");
        for told in late {
            assert_eq!(told["code"], "NOT_FOUND", "{told}");
        }
    }

    /// Records that are taken one by one say the same as users do: not that somebody should try again.
    async fn an_organization_that_is_deleted_before_its_tenants(app: App) {
        let mut lines = vec![record("organization", json!({"id": "acme", "name": "Acme"}))];
        lines.extend(users_of("acme", &json!({})).into_iter().take(BETWEEN - 1));
        lines.push(record("tenant", json!({"id": "north", "organizationId": "acme", "name": "North"})));
        lines.push(record("group", json!({"organizationId": "acme", "name": "Team"})));
        lines.push(record("invitation", json!({"organizationId": "acme", "email": "new@acme.example"})));
        lines.push(record("role", json!({"organizationId": "acme", "name": "editor"})));
        let taken = take_while(&app, &lines, &[
            "DELETE FROM users WHERE organization_pk = (SELECT pk FROM organizations WHERE id = 'acme')",
            "DELETE FROM organizations WHERE id = 'acme'",
        ])
        .await;
        assert_eq!(taken.codes(), ["NOT_FOUND"; 4], "{:#?}", taken.refused);
    }

    async fn a_tenant_a_role_and_a_group_that_are_deleted(app: App) {
        app.organization("acme", &["north"]).await;
        app.admin().ok(
            "mutation { createRole(data: {organizationId: \"acme\", name: \"editor\"}) { id }
                createGroup(data: {organizationId: \"acme\", name: \"Team\"}) { id } }", json!({})).await;
        for (members, statements, code) in [
            (json!({"tenantId": "north"}), ["UPDATE users SET tenant_pk = NULL", "DELETE FROM tenants WHERE id = 'north'"], "NOT_FOUND"),
            (json!({"roles": ["editor"]}), ["DELETE FROM user_roles WHERE tenant_pk = -1", "DELETE FROM roles WHERE name = 'editor'"], "INVALID"),
        ] {
            let taken = take_while(&app, &users_of("acme", &members), &statements).await;
            let (users, refused) = (taken.of(Kind::User), taken.refused);
            assert_eq!((users.created, users.refused), (1_000, 700), "{members}");
            assert!(refused.iter().all(|told| told["code"] == code), "{members}: {:#?}", &refused[..3]);
            assert_eq!(are_there(&app).await, 1_000);
            meddle(&app.database.url, &["DELETE FROM users WHERE id LIKE 'acme-%'"]).await;
        }
        // A group that is not there costs the membership alone.
        let members = json!({"groups": ["TEAM"]});
        let taken = take_while(&app, &users_of("acme", &members), &["DELETE FROM groups WHERE key = 'TEAM'"]).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::Group).refused), (1_700, 700));
        assert_eq!(are_there(&app).await, 1_700);
    }

    /// A step that is tried again says once what it has to say.
    async fn members_who_are_not_there_are_told_once(app: App) {
        app.organization("acme", &["north"]).await;
        app.admin().ok("mutation { createGroup(data: {organizationId: \"acme\", name: \"Team\"}) { id } }", json!({})).await;
        let members = MembersRecord { group: "Team".to_owned(), organization_id: Some("acme".to_owned()), members: vec!["gone".to_owned()] };
        let statements = ["UPDATE users SET tenant_pk = NULL", "DELETE FROM tenants WHERE id = 'north'"];
        let lines = users_of("acme", &json!({"tenantId": "north"}));
        let mut rows = Rows::of(&lines);
        // A row that only other formats have.
        rows.rows.insert(BETWEEN, Row::record(9_999, Record::Members(members)));
        let taken = take_rows_while(&app, rows, &statements).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (1_000, 700));
        let told = taken.refused.iter().filter(|told| told["line"] == 9_999).count();
        assert_eq!(told, 1, "the member who is not there");
    }

    /// Who sets a limit in the middle of an import is right from then on.
    async fn a_seat_limit_that_is_set(app: App) {
        app.organization("acme", &[]).await;
        let lines = users_of("acme", &json!({}));
        let taken = take_while(&app, &lines, &[
            "UPDATE organizations SET seat_limit = 1200,
                seats_used = (SELECT COUNT(*) FROM users u WHERE u.organization_pk = organizations.pk AND u.activated AND u.takes_seat)
                WHERE id = 'acme'",
        ])
        .await;
        let counted = app.number("SELECT COUNT(*) FROM users WHERE id LIKE 'acme-%' AND activated AND takes_seat").await;
        let used = app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await;
        assert_eq!(used, counted, "the seats are counted");
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (1_200, 500));
    }

    /// A limit that is taken away binds nobody.
    async fn a_seat_limit_that_is_removed(app: App) {
        app.admin().ok("mutation { createOrganization(data: {id: \"acme\", name: \"Acme\", seatLimit: 1000}) { id } }", json!({})).await;
        let lines = users_of("acme", &json!({}));
        let taken = take_while(&app, &lines, &["UPDATE organizations SET seat_limit = NULL, seats_used = NULL WHERE id = 'acme'"])
            .await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (1_700, 0));
    }

    /// An address that others take meanwhile is theirs.
    async fn addresses_that_are_taken(app: App) {
        app.organization("acme", &[]).await;
        let mut lines = users_of("acme", &json!({}));
        lines.push(record("user", json!({"id": "late", "organizationId": "acme", "email": "ada@acme.example"})));
        lines.push(record("user", json!({"organizationId": "acme", "email": "bob@acme.example", "name": "Bob"})));
        let new = |id: &str, email: &str| format!(
            "INSERT INTO users (id, organization_pk, email, activated, password_temporary, version, created_at, updated_at)
             SELECT '{id}', pk, '{email}', TRUE, FALSE, 1, 1, 1 FROM organizations WHERE id = 'acme'");
        let (ada, bob) = (new("ada", "ada@acme.example"), new("bob", "bob@acme.example"));
        let taken = take_while(&app, &lines, &[&ada, &bob]).await;
        assert_eq!(taken.of(Kind::User).created, u64::try_from(USERS).unwrap());
        assert_eq!(taken.codes(), ["CONFLICT", "CONFLICT"], "{:#?}", taken.refused);
    }

    /// What an import that ended early has left is completed by the next one, in an organization above its limit too: it is
    /// this file's.
    async fn an_over_full_organization_is_completed(app: App) {
        let mut lines = vec![record("organization", json!({"id": "acme", "name": "Acme", "seatLimit": 10}))];
        lines.extend(users_of("acme", &json!({})));
        let broken = take_rows(&app, Rows::of(&lines).broken_at(BETWEEN), |_| {}).await;
        assert!(broken.done.is_err());
        assert_eq!(are_there(&app).await, 999);
        let taken = take(&app, &lines, |_| {}).await;
        assert_eq!((taken.of(Kind::User).created, taken.of(Kind::User).refused), (701, 0), "{:#?}", taken.refused.first());
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, 1_700);
    }

    /// Who looks at the trail sees each record, whatever happened.
    async fn every_record_has_its_event(app: App) {
        let lines = crowd("acme", USERS);
        let broken = take_rows(&app, Rows::of(&lines).broken_at(BETWEEN), |options| options.keys = true).await;
        assert!(broken.done.is_err());
        let told = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM audit_events WHERE action = 'organization.import'";
        let created: u64 = broken.total(|counts| counts.created);
        assert_eq!(u64::try_from(app.number(told).await).unwrap(), created);
        take(&app, &lines, |options| options.keys = true).await;
        assert_eq!(usize::try_from(app.number(told).await).unwrap(), lines.len());
        assert_eq!(app.number("SELECT seats_used FROM organizations WHERE id = 'acme'").await, i64::try_from(super::seats_of(USERS)).unwrap());
    }
}
