//! Seats: counted, limited, also when many try at once, and without a lock where there is no limit.

use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry::directory::user::{NewUser, create};
use tenantry::store::db::{Database, STATEMENTS};

use crate::on_both;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend};

const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id } }";

async fn limit(app: &App, organization: &str, seats: i64) {
    let document =
        "mutation($id: ID!, $seats: Int!) { updateOrganization(where: {id: $id}, data: {seatLimit: $seats}) { id } }";
    app.admin()
        .ok(document, json!({"id": organization, "seats": seats}))
        .await;
}

async fn used(app: &App, organization: &str) -> Value {
    let document = "query($id: ID!) { organizations(where: {id: $id}) { seatsUsed } }";
    app.admin().ok(document, json!({"id": organization})).await["organizations"][0]["seatsUsed"].clone()
}

fn new_user(id: &str, organization: &str) -> Value {
    json!({"data": {"id": id, "organizationId": organization}})
}

on_both! {
    async fn seats_are_counted_for_who_may_read_organizations(app: App) {
        app.organization("acme", &[]).await;
        app.organization("empty", &[]).await;
        limit(&app, "acme", 5).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        app.user("acme", "bob", None).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"bob\"}) { id } }", json!({})).await;
        let all = app.admin().ok("{ organizations(orderBy: NAME_DESC) { id seatLimit seatsUsed } }", json!({})).await;
        assert_eq!(all["organizations"], json!([
            {"id": "platform", "seatLimit": null, "seatsUsed": 1},
            {"id": "empty", "seatLimit": null, "seatsUsed": 0},
            {"id": "acme", "seatLimit": 5, "seatsUsed": 2},
        ]));
        let beside = "{ me { organization { seatLimit seatsUsed mailAllowed } } }";
        let seen = json!({"me": {"organization": {"seatLimit": 5, "seatsUsed": 2, "mailAllowed": true}}});
        assert_eq!(chief.ok(beside, json!({})).await, seen);
        let hidden = json!({"me": {"organization": {"seatLimit": null, "seatsUsed": null, "mailAllowed": null}}});
        assert_eq!(ada.ok(beside, json!({})).await, hidden);
    }

    async fn creating_activating_and_moving_in_stop_at_the_limit(app: App) {
        app.organization("acme", &[]).await;
        app.organization("other", &[]).await;
        limit(&app, "acme", 1).await;
        let admin = app.admin();
        admin.ok(CREATE, new_user("one", "acme")).await;
        assert_eq!(admin.refused(CREATE, new_user("two", "acme")).await, "SEAT_LIMIT_REACHED");
        admin.ok(CREATE, json!({"data": {"id": "idle", "organizationId": "acme", "activated": false}})).await;
        let activate = "mutation { activateUser(where: {id: \"idle\"}) { id } }";
        assert_eq!(admin.refused(activate, json!({})).await, "SEAT_LIMIT_REACHED");
        let update = "mutation { updatePropertiesInUser(where: {id: \"idle\"}, data: {activated: true}) { id } }";
        assert_eq!(admin.refused(update, json!({})).await, "SEAT_LIMIT_REACHED");
        admin.ok(CREATE, new_user("mover", "other")).await;
        let come = "mutation { updatePropertiesInUser(where: {id: \"mover\"}, data: {organizationId: \"acme\"}) { id } }";
        assert_eq!(admin.refused(come, json!({})).await, "SEAT_LIMIT_REACHED");
        let with_password = "mutation { createUserWithPassword(data: {id: \"two\", organizationId: \"acme\"}) { password } }";
        assert_eq!(admin.refused(with_password, json!({})).await, "SEAT_LIMIT_REACHED");
        // A seat is freed by deactivating; at no seats nobody comes in.
        admin.ok("mutation { deactivateUser(where: {id: \"one\"}) { id } }", json!({})).await;
        admin.ok(come, json!({})).await;
        limit(&app, "other", 0).await;
        assert_eq!(admin.refused(CREATE, new_user("two", "other")).await, "SEAT_LIMIT_REACHED");
        assert_eq!(used(&app, "acme").await, 1);
    }

    async fn the_last_seats_go_to_as_many_as_there_are(app: App) {
        app.organization("acme", &[]).await;
        limit(&app, "acme", 3).await;
        app.admin().ok(CREATE, json!({"data": {"id": "idle", "organizationId": "acme", "activated": false}})).await;
        let tries = (0..10).map(|n| {
            let admin = app.admin();
            async move {
                let answer = match n {
                    0 => admin.send("mutation { activateUser(where: {id: \"idle\"}) { id } }", json!({})).await,
                    n => admin.send(CREATE, new_user(&format!("u{n}"), "acme")).await,
                };
                match answer["errors"][0]["extensions"]["code"].as_str() {
                    None => true,
                    Some(code) => { assert_eq!(code, "SEAT_LIMIT_REACHED"); false }
                }
            }
        });
        let done = join_all(tries).await.into_iter().filter(|done| *done).count();
        assert_eq!((done, used(&app, "acme").await), (3, json!(3)));
    }

    async fn without_a_limit_nothing_is_locked(app: App) {
        app.organization("free", &[]).await;
        app.organization("limited", &[]).await;
        limit(&app, "limited", 100).await;
        let op = app.machine();
        let statements = async |organization: &str| {
            let new = NewUser { id: Some(format!("u-{organization}")), organization_id: Some(organization.to_owned()), ..NewUser::default() };
            STATEMENTS.scope(Default::default(), async {
                create(&op, new).await.unwrap();
                STATEMENTS.with(|count| count.load(std::sync::atomic::Ordering::Relaxed))
            }).await
        };
        let (free, limited) = (statements("free").await, statements("limited").await);
        assert_eq!(limited, free + 1, "the number is kept for a limit only");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_waits_for_a_held_organization_and_nothing_else_does_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    app.organization("free", &[]).await;
    app.organization("limited", &[]).await;
    limit(&app, "limited", 100).await;
    // Somebody holds the organization's row as a creation under a limit would.
    let other = Database::connect(&app.database.url).await.unwrap();
    let held = other.begin().await.unwrap();
    held.execute_unprepared("SELECT pk FROM organizations FOR NO KEY UPDATE")
        .await
        .unwrap();
    let admin = app.admin();
    admin.ok(CREATE, new_user("passes", "free")).await;
    let body = new_user("waits", "limited");
    let waiting = admin.ok(CREATE, body);
    tokio::pin!(waiting);
    let waits = until("a creation that waits", AT_LAST, async || {
        app.has_a_change_that_waits().await
    });
    tokio::select! {
        _ = &mut waiting => panic!("it did not wait"),
        _ = waits => {}
    }
    drop(held);
    waiting.await;
}
