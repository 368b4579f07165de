//! What nobody can use any more is removed, and nothing else.

use std::time::Duration;

use serde_json::json;
use tenantry::operations::cleanup::sweep;

use crate::on_both;
use crate::support::App;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn rows(app: &App) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["password_tokens", "email_tokens", "sign_in_attempts", "sessions"] {
        rows.extend(app.column::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    rows
}

/// What mails were counted by: two addresses, each by itself and within the organization, the organization, the caller.
const MAIL_LIMITS: u64 = 6;

on_both! {
    async fn what_has_expired_goes_and_the_rest_stays(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", Some("user")).await;
        app.user("acme", "bob", Some("user")).await;
        let old = app.sign_in("acme", "ann").await;
        let begin = async || {
            for id in ["ann", "bob"] {
                app.admin().ok("mutation($id: ID) { resetPassword(where: {id: $id}) { id } }", json!({"id": id})).await;
                app.admin().ok("mutation($id: ID) { requestEmailVerification(where: {id: $id}) { id } }", json!({"id": id})).await;
                app.try_sign_in(None, &format!("{id}@acme.example"), "not the password").await;
            }
        };
        begin().await;
        let before = app.dump().await;
        let now = || app.services.clock.now();
        assert_eq!(sweep(&app.services.db, now()).await.unwrap(), 0, "all of it is in force");
        assert_eq!(app.dump().await, before);
        assert_eq!(rows(&app).await, [2, 2, 2, 1]);
        app.services.clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(sweep(&app.services.db, now()).await.unwrap(), 4 + MAIL_LIMITS, "links of an hour, and failures");
        assert_eq!(rows(&app).await, [0, 2, 0, 1]);
        app.services.clock.advance(DAY);
        assert_eq!(sweep(&app.services.db, now()).await.unwrap(), 2, "links of a day");
        begin().await;
        assert_eq!(rows(&app).await, [2, 2, 2, 1]);
        // An ended session is shown for long, and then forgotten.
        app.services.clock.advance(110 * DAY);
        assert_eq!(sweep(&app.services.db, now()).await.unwrap(), 6 + MAIL_LIMITS);
        let fresh = app.sign_in("acme", "ann").await;
        app.services.clock.advance(10 * DAY);
        assert_eq!(sweep(&app.services.db, now()).await.unwrap(), 1);
        assert_eq!(rows(&app).await, [0, 0, 0, 1]);
        let left: Vec<String> = app.column("SELECT id FROM sessions").await;
        assert_eq!(left, [fresh.sid()]);
        assert_ne!(left, [old.sid()]);
    }

    async fn more_than_a_batch_goes_at_once(app: App) {
        let transaction = app.services.db.begin().await.unwrap();
        for n in 0..2_100 {
            let insert = format!(
                "INSERT INTO sign_in_attempts (bucket, failures, started_at, blocked_until, forget_at) VALUES ('b{n}', 1, 0, 0, {n})"
            );
            sea_orm::ConnectionTrait::execute_unprepared(&transaction, &insert).await.unwrap();
        }
        transaction.commit().await.unwrap();
        assert_eq!(sweep(&app.services.db, app.services.clock.now()).await.unwrap(), 2_100);
    }

    /// Long answers are removed in smaller batches, and those of the last day stay.
    async fn answers_of_yesterday_go(app: App) {
        let now = app.services.clock.now();
        let transaction = app.services.db.begin().await.unwrap();
        for n in 0..260 {
            let at = if n < 250 { now.before(DAY) } else { now.before(DAY / 2) };
            let insert = format!(
                "INSERT INTO answered_requests (digest, request, rights, created_at) VALUES ('d{n}', '', '', {})",
                at.micros()
            );
            sea_orm::ConnectionTrait::execute_unprepared(&transaction, &insert).await.unwrap();
        }
        transaction.commit().await.unwrap();
        assert_eq!(sweep(&app.services.db, now).await.unwrap(), 250);
        assert_eq!(app.number("SELECT COUNT(*) FROM answered_requests").await, 10);
        assert_eq!(sweep(&app.services.db, now).await.unwrap(), 0);
    }

    /// Who fails and who succeeds at the same moment meet in one bucket, which the latter removes.
    async fn failing_and_succeeding_at_once_fail_nobody(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", Some("user")).await;
        app.sign_in("acme", "ann").await;
        let tries = (0..40).map(|n| {
            let app = &app;
            async move {
                let password = if n % 2 == 0 { "password-of-ann" } else { "not the password" };
                let answer = app.try_sign_in(None, "ann@acme.example", password).await;
                crate::support::session::code_of(&answer)
            }
        });
        for code in futures::future::join_all(tries).await {
            assert!(["OK", "UNAUTHENTICATED", "RATE_LIMITED"].contains(&code.as_str()), "{code}");
        }
    }
}
