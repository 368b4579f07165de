//! A sign-in reads one account and computes one hash, however many accounts the address has.

use sea_orm::ConnectionTrait;

use super::{account, opens, world};
use crate::on_both;
use crate::rules::explain::explain;
use crate::support::App;

/// An address with as many accounts, each in an organization of its own, and none of them with a password that anybody knows.
async fn many(app: &App, email: &str, count: u32) {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let change = app.services.db.begin().await.unwrap();
    for sql in [
        format!(
            "{numbers} INSERT INTO organizations (id, name, version, created_at, updated_at)
             SELECT '{email}-' || i, 'o ' || i, 1, 1, 1 FROM n"
        ),
        format!(
            "{numbers} INSERT INTO users (id, organization_pk, email, activated, password_hash, version, created_at, updated_at)
             SELECT '{email}-' || i, (SELECT pk FROM organizations WHERE id = '{email}-' || i), '{email}', TRUE,
                    (SELECT password_hash FROM users WHERE id = 'chief-acme'), 1, 9000000000000000 + i, 1 FROM n"
        ),
    ] {
        change.execute_unprepared(&sql).await.unwrap();
    }
    change.commit().await.unwrap();
}

on_both! {
    async fn a_sign_in_computes_one_hash_whatever_the_number_of_accounts(app: App) {
        world(&app).await;
        for count in [0_u32, 1, 3, 20_000] {
            let email = format!("n{count}@mail.example");
            let (mut first, mut named) = ("UNAUTHENTICATED".to_owned(), "UNAUTHENTICATED".to_owned());
            if count > 0 {
                first = account(&app, "acme", &email).await;
                named = first.clone();
            }
            if count > 1 {
                many(&app, &email, count - 1).await;
            }
            let tries = [
                (None, "a wrong password", "UNAUTHENTICATED"), (None, "password at acme", &*first),
                (Some("acme"), "a wrong password", "UNAUTHENTICATED"), (Some("acme"), "password at acme", &*named),
                (Some("globex"), "password at acme", "UNAUTHENTICATED"), (Some("nowhere"), "password at acme", "UNAUTHENTICATED"),
            ];
            for (organization, password, expected) in tries {
                let before = app.services.hasher.computed();
                let read = tenantry::store::db::SENT.scope(Default::default(), async {
                    assert_eq!(opens(&app, organization, &email, password).await, expected, "{count} {organization:?} {password}");
                    tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().clone())
                }).await;
                assert_eq!(app.services.hasher.computed(), before + 1, "{count} {organization:?} {password}");
                // One row, by the index that has the accounts in their order.
                let choice = read.iter().find(|statement| statement.sql.contains("FROM \"users\"") && statement.sql.contains("LIMIT"));
                let plan = explain(&app, choice.unwrap()).await;
                if organization.is_none() && count > 3 {
                    assert!(plan.contains("users_accounts") && !plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{plan}");
                }
            }
        }
    }
}
