//! The demo directory: believable, skewed, the same each time, and lawful.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tenantry::model::{Email, name};
use tenantry::operations::demo::{self, Filled};

use crate::on_both;
use crate::support::App;

const USERS: u64 = 2_500;

async fn filled(app: &App) -> Filled {
    let mut told = Vec::new();
    let filled = demo::fill(&app.machine(), USERS, |done| told.push(done)).await.unwrap();
    assert_eq!(told.last(), Some(&USERS));
    assert!(told.is_sorted());
    filled
}

/// One number that a statement gives.
async fn number(app: &App, sql: &str) -> i64 {
    let connection = app.services.db.reader();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

on_both! {
    async fn the_directory_is_lawful_and_skewed(app: App) {
        let filled = filled(&app).await;
        let asked = app.admin().ok(
            "{ countUsers countOrganizations countTenants organizations { id seatLimit } }", json!({})).await;
        assert_eq!(asked["countUsers"], USERS + 1, "and the super admin");
        assert_eq!(asked["countOrganizations"], filled.organizations + 1);
        assert_eq!(asked["countTenants"], filled.tenants + 1);
        assert!(filled.api_keys > 0);
        let organizations = asked["organizations"].as_array().unwrap();
        for organization in organizations {
            let admins = app.admin().ok(
                "query($id: ID!) { users(where: {organization: {id: $id}, activated: true}, first: 1) { organizationRole } }",
                json!({"id": organization["id"]})).await;
            assert_eq!(admins["users"][0]["organizationRole"], "ADMIN", "whoever made {organization}");
        }

        // The laws that the database does not hold by itself, and those it does.
        let largest = number(&app, "SELECT COUNT(*) FROM users GROUP BY organization_pk ORDER BY 1 DESC LIMIT 1").await;
        assert!((25..=45).contains(&(100 * largest / USERS as i64)), "{largest}");
        assert!(number(&app, "SELECT COUNT(*) FROM organizations WHERE seat_limit > 0").await > 0);
        for (nothing, of) in [
            ("SELECT COUNT(*) FROM organizations o WHERE seat_limit < (SELECT COUNT(*) FROM users u WHERE u.organization_pk = o.pk AND u.activated)", "more users than seats"),
            ("SELECT COUNT(*) FROM users u JOIN tenants t ON t.pk = u.tenant_pk WHERE t.organization_pk <> u.organization_pk", "tenants elsewhere"),
            ("SELECT COUNT(*) FROM users u JOIN organizations o ON o.pk = u.organization_pk WHERE u.created_at < o.created_at", "users before their organization"),
            ("SELECT COUNT(*) FROM users WHERE updated_at < created_at OR last_seen_at < created_at", "ends before beginnings"),
            ("SELECT COUNT(*) FROM users u JOIN user_roles a ON a.user_pk = u.pk JOIN roles r ON r.pk = a.role_pk WHERE r.name = 'super-admin' AND u.id <> 'admin'", "further super admins"),
        ] {
            assert_eq!(number(&app, nothing).await, 0, "{of}");
        }
        let now = app.services.clock.now().micros();
        assert_eq!(number(&app, &format!("SELECT COUNT(*) FROM users WHERE updated_at > {now} OR last_seen_at > {now}")).await, 0);
        assert!(number(&app, "SELECT COUNT(*) FROM users WHERE tenant_pk IS NULL").await > 0);
        assert!(number(&app, "SELECT COUNT(*) FROM users WHERE email IS NULL").await > 0);
        assert!(number(&app, "SELECT COUNT(*) FROM users WHERE NOT activated").await > 0);
        assert!(number(&app, "SELECT COUNT(DISTINCT role_pk) FROM user_roles").await >= 9);
        assert_eq!(number(&app, "SELECT COUNT(*) FROM audit_events WHERE action = 'organization.demo'").await, 1);
        assert!(number(&app, "SELECT COUNT(*) FROM audit_events").await < 20, "no event for each user");
    }

    async fn every_user_is_listed_and_every_value_is_one_that_could_be_given(app: App) {
        filled(&app).await;
        let mut ids = HashSet::new();
        for skip in (0..=USERS).step_by(100) {
            let page = app.admin().ok(
                "query($skip: Int!) { users(skip: $skip, orderBy: NAME_ASC) { id email name firstname lastname } }", json!({"skip": skip})).await;
            for user in page["users"].as_array().unwrap() {
                assert!(ids.insert(user["id"].as_str().unwrap().to_owned()), "{user}");
                if let Some(email) = user["email"].as_str() {
                    assert_eq!(Email::parse("email", email).unwrap().as_str(), email);
                    assert!(email.ends_with(".example") || user["id"] == "admin", "{email}");
                }
                for field in ["name", "firstname", "lastname"] {
                    if let Some(text) = user[field].as_str() {
                        assert_eq!(name(field, text).unwrap(), text);
                    }
                }
            }
        }
        assert_eq!(ids.len() as u64, USERS + 1);
        let names = app.admin().ok("{ organizations { name } tenants { name } }", json!({})).await;
        for named in names["organizations"].as_array().unwrap().iter().chain(names["tenants"].as_array().unwrap()) {
            let text = named["name"].as_str().unwrap();
            assert_eq!(name("name", text).unwrap(), text);
        }
    }

    async fn it_is_the_same_each_time(app: App) {
        filled(&app).await;
        let other = App::new(app.backend).await;
        filled(&other).await;
        let without_events = |dump: String| -> Vec<String> {
            dump.lines().filter(|line| !line.starts_with("audit_events") && !line.starts_with("seaql")).map(str::to_owned).collect()
        };
        // What the first start made has ids of its own each time; the admin's key is one of them.
        let demo = |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|line| !line.contains("configured")).collect() };
        assert_eq!(demo(without_events(app.dump().await)), demo(without_events(other.dump().await)));
    }

    async fn a_filled_database_is_refused_and_stays(app: App) {
        app.organization("acme", &["berlin"]).await;
        let before = app.dump().await;
        let refused = demo::fill(&app.machine(), 10, |_| {}).await.unwrap_err();
        assert_eq!(refused.code().into_str(), "CONFLICT");
        assert!(refused.to_string().contains("empty database"), "{refused}");
        assert_eq!(app.dump().await, before);
        let other = App::new(app.backend).await;
        other.admin().create_user(json!({"id": "second"})).await;
        let before = other.dump().await;
        assert_eq!(demo::fill(&other.machine(), 10, |_| {}).await.unwrap_err().code().into_str(), "CONFLICT");
        assert_eq!(other.dump().await, before);
        let other = App::new(app.backend).await;
        demo::fill(&other.machine(), 10, |_| {}).await.unwrap();
        assert_eq!(demo::fill(&other.machine(), 10, |_| {}).await.unwrap_err().code().into_str(), "CONFLICT");
    }

    async fn few_users_are_a_directory_too(app: App) {
        let filled = demo::fill(&app.machine(), 1, |_| {}).await.unwrap();
        assert_eq!((filled.users, filled.organizations, filled.tenants), (1, 1, 1));
        let refused = demo::fill(&app.machine(), 0, |_| {}).await.unwrap_err();
        assert_eq!(refused.code().into_str(), "INVALID");
    }

    /// Ids are taken from the database's own count, so what is made by a call afterwards collides with nothing.
    async fn the_directory_goes_on(app: App) {
        filled(&app).await;
        app.organization("acme", &["berlin"]).await;
        app.user("acme", "ada", Some("user")).await.ok("{ me { id } }", json!({})).await;
    }
}
