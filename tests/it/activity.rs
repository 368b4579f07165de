//! When keys and users were last seen: to the minute, and without changing what they are.

use std::time::Duration;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::{App, Backend, Caller};

async fn flush(app: &App) {
    let activity = app.services.credentials.activity();
    activity
        .flush(&app.services.db, app.services.clock.now())
        .await
        .unwrap();
}

async fn seen(caller: &Caller<'_>) -> Value {
    let me = "{ me { lastSeenAt version updatedAt apiKeys { lastUsedAt updatedAt } } }";
    caller.ok(me, json!({})).await["me"].clone()
}

on_both! {
    async fn a_call_is_noted_to_the_minute_and_is_no_change(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let before = seen(&ada).await;
        assert_eq!(before["lastSeenAt"], Value::Null, "nothing is written on the way of a request");
        flush(&app).await;
        let after = seen(&ada).await;
        assert_eq!(after, json!({
            "lastSeenAt": "2026-01-02T03:04:00.000Z", "version": before["version"], "updatedAt": before["updatedAt"],
            "apiKeys": [{"lastUsedAt": "2026-01-02T03:04:00.000Z", "updatedAt": before["apiKeys"][0]["updatedAt"]}],
        }));

        // Another minute, another note; and nobody who did not call is seen.
        app.services.clock.advance(Duration::from_secs(60));
        seen(&ada).await;
        flush(&app).await;
        assert_eq!(seen(&ada).await["lastSeenAt"], "2026-01-02T03:05:00.000Z");
        let bob = "mutation { createUser(data: {id: \"bob\", organizationId: \"acme\"}) { lastSeenAt } }";
        assert_eq!(app.admin().ok(bob, json!({})).await["createUser"]["lastSeenAt"], Value::Null);
    }

    async fn a_minute_is_written_once(app: App) {
        app.admin().ok("{ me { id } }", json!({})).await;
        flush(&app).await;
        // Were it written again, it would come back.
        clear(&app).await;
        app.admin().ok("{ me { id } }", json!({})).await;
        flush(&app).await;
        assert_eq!(seen(&app.admin()).await["lastSeenAt"], Value::Null);
        app.services.clock.advance(Duration::from_secs(60));
        app.admin().ok("{ me { id } }", json!({})).await;
        flush(&app).await;
        assert_eq!(seen(&app.admin()).await["lastSeenAt"], "2026-01-02T03:05:00.000Z");
    }

    async fn a_note_never_goes_back(app: App) {
        // Another server, whose clock is ahead, has seen the admin later than this one does.
        app.admin().ok("{ me { id } }", json!({})).await;
        set(&app, "1900000000000000").await;
        flush(&app).await;
        let admin = seen(&app.admin()).await;
        assert_eq!(admin["lastSeenAt"], "2030-03-17T17:46:40.000Z");
        assert_eq!(admin["apiKeys"][0]["lastUsedAt"], "2030-03-17T17:46:40.000Z");
    }

    async fn a_refused_key_is_not_seen(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert_eq!(ada.code("{ me { id } }", json!({})).await, "UNAUTHENTICATED");
        flush(&app).await;
        let users = "{ users(where: {id: \"ada\"}) { lastSeenAt } }";
        assert_eq!(app.admin().ok(users, json!({})).await["users"][0]["lastSeenAt"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_a_change_holds_is_not_waited_for_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    app.admin().ok("{ me { id } }", json!({})).await;
    let change = app.services.db.begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&change, "SELECT pk FROM users FOR UPDATE")
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), flush(&app))
        .await
        .expect("the flush does not wait");
    drop(change);
    let admin = seen(&app.admin()).await;
    assert_eq!(
        (&admin["lastSeenAt"], &admin["apiKeys"][0]["lastUsedAt"]),
        (&Value::Null, &json!("2026-01-02T03:04:00.000Z"))
    );
}

async fn clear(app: &App) {
    set(app, "NULL").await;
}

async fn set(app: &App, time: &str) {
    let change = app.services.db.begin().await.unwrap();
    for (table, column) in [("users", "last_seen_at"), ("api_keys", "last_used_at")] {
        let sql = format!("UPDATE {table} SET {column} = {time}");
        sea_orm::ConnectionTrait::execute_unprepared(&change, &sql)
            .await
            .unwrap();
    }
    change.commit().await.unwrap();
}
