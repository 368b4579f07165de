//! Where a request came from, as its event says: only what the server knows, and nothing that could mislead a reader.

use axum::http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tenantry::http::Peer;
use tenantry::model::{Actor, Caller as Who, Client, Permissions};
use tenantry::services::network::{self, Edge};
use tenantry::store::audit_trail::{self, Event};

use crate::network::behind;
use crate::on_both;
use crate::support::session::{With, send_with};
use crate::support::{App, Caller};

const TENANT: &str =
    "mutation($id: ID) { createTenant(data: {id: $id, name: \"T\", organizationId: \"acme\"}) { id } }";

/// Address and name of the client in the events that match, oldest first.
async fn clients(caller: &Caller<'_>, wanted: Value) -> Vec<Value> {
    let app = caller.app;
    app.services
        .refusals
        .flush(&app.services.db, app.services.clock.now(), true)
        .await
        .unwrap();
    let document = "query($where: AuditEventWhere) { auditEvents(where: $where) { clientAddress userAgent count } }";
    let data = caller.ok(document, json!({ "where": wanted })).await;
    let events = data["auditEvents"].as_array().unwrap().iter();
    events
        .map(|event| json!([event["clientAddress"], event["userAgent"], event["count"]]))
        .collect()
}

/// Names and values.
type Headers<'a> = &'a [(&'static str, &'a [u8])];

fn from<'a>(address: &'a str, headers: Headers<'a>) -> With<'a> {
    With {
        from: Some(address),
        headers: headers.to_vec(),
        ..With::default()
    }
}

on_both! {
    async fn an_event_says_where_its_request_came_from(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let long = "x".repeat(4_000);
        let hidden = "Fox\u{202e}\u{200f}/1\u{2066}\u{85}.0\u{feff}".as_bytes();
        let cases: [(&str, Headers<'_>, Value); 8] = [
            ("192.0.2.7", &[("user-agent", b"curl/8.5.0")], json!(["192.0.2.7", "curl/8.5.0", 1])),
            // Nobody but a trusted proxy says for whom it asks.
            ("192.0.2.7", &[("user-agent", b"a"), ("x-forwarded-for", b"203.0.113.9"), ("forwarded", b"for=203.0.113.9"), ("x-real-ip", b"203.0.113.9")], json!(["192.0.2.7", "a", 1])),
            ("::ffff:192.0.2.8", &[("user-agent", hidden)], json!(["192.0.2.8", "Fox/1.0", 1])),
            ("2001:db8::1", &[("user-agent", long.as_bytes())], json!(["2001:db8::1", "x".repeat(255), 1])),
            ("192.0.2.7", &[("user-agent", b"first"), ("user-agent", b"second")], json!(["192.0.2.7", "first", 1])),
            ("192.0.2.7", &[("user-agent", b"\xff\xfe'; DROP TABLE audit_events; --")], json!(["192.0.2.7", "\u{fffd}\u{fffd}'; DROP TABLE audit_events; --", 1])),
            ("192.0.2.7", &[("user-agent", b" ")], json!(["192.0.2.7", null, 1])),
            ("192.0.2.7", &[], json!(["192.0.2.7", null, 1])),
        ];
        for (n, (address, headers, expected)) in cases.into_iter().enumerate() {
            let id = format!("t{n}");
            let reply = send_with(&ada, from(address, headers), TENANT, json!({ "id": id })).await.json();
            assert!(reply.get("errors").is_none(), "{reply:#}");
            assert_eq!(clients(&ada, json!({ "targetId": id })).await, [expected], "{n}");
        }
        // The machine has no address.
        assert_eq!(clients(&ada, json!({ "action": "apiKey.create" })).await, [json!([null, null, 1])]);
        // The APIs of other products.
        let mut request = ada.request("/api/data/users", &json!({ "email": "new@acme.example", "password": "a new password" }));
        request.extensions_mut().insert(Peer("192.0.2.9".parse().unwrap()));
        request.headers_mut().insert(HeaderName::from_static("user-agent"), HeaderValue::from_static("air/1"));
        assert!(app.send(request).await.status.is_success());
        assert_eq!(clients(&ada, json!({ "action": "user.create", "actorId": "ada" })).await, [json!(["192.0.2.9", "air/1", 1])]);
    }

    async fn a_trusted_proxy_says_for_whom_it_asks(app: App) {
        let proxies = Edge { trusted_proxies: vec![network::proxies("10.0.0.0/8").unwrap()], ..Edge::default() };
        let app = behind(app, proxies);
        app.organization("acme", &[]).await;
        let headers: Headers<'_> = &[("x-forwarded-for", b"198.51.100.7, 203.0.113.9"), ("user-agent", b"a")];
        for (id, peer, address) in [("t1", "10.0.0.1", "203.0.113.9"), ("t2", "192.0.2.1", "192.0.2.1")] {
            send_with(&app.admin(), from(peer, headers), TENANT, json!({ "id": id })).await;
            assert_eq!(clients(&app.admin(), json!({ "targetId": id })).await, [json!([address, "a", 1])]);
        }
    }

    /// Denied requests that are one event have the client of the first.
    async fn denied_requests_say_where_the_first_came_from(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let eve = app.user("acme", "eve", Some("user")).await;
        let delete = "mutation { deleteUser(where: {id: \"ada\"}) { id } }";
        for (address, agent) in [("192.0.2.1", &b"first"[..]), ("192.0.2.2", b"second"), ("192.0.2.3", b"third")] {
            send_with(&eve, from(address, &[("user-agent", agent)]), delete, json!({})).await;
        }
        assert_eq!(clients(&ada, json!({ "action": "user.delete" })).await, [json!(["192.0.2.1", "first", 3])]);
        // Guesses from two places are two events, with one account.
        for (address, agent) in [("192.0.2.1", &b"one"[..]), ("192.0.2.1", b"two"), ("198.51.100.9", b"three")] {
            let sign_in = "mutation { signIn(data: {email: \"eve@acme.example\", password: \"wrong\"}) { expiresIn } }";
            send_with(&app.anonymous(), from(address, &[("user-agent", agent)]), sign_in, json!({})).await;
        }
        let mut guesses = clients(&ada, json!({ "action": "session.signIn" })).await;
        guesses.sort_by_key(ToString::to_string);
        assert_eq!(guesses, [json!(["192.0.2.1", "one", 2]), json!(["198.51.100.9", "three", 1])]);
        // An impersonation by a header that is refused.
        let mut with = from("192.0.2.5", &[("user-agent", b"header")]);
        with.impersonate = vec![b"ada"];
        send_with(&eve, with, "{ me { id } }", json!({})).await;
        assert_eq!(clients(&ada, json!({ "action": "user.impersonate" })).await, [json!(["192.0.2.5", "header", 1])]);
    }

    /// An organization that makes an account with somebody's address does not learn where the person is.
    async fn who_asks_for_a_reset_is_told_to_accounts_of_their_own(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let acme = app.user("acme", "chief-acme", Some("organization-admin")).await;
        let globex = app.user("globex", "chief-globex", Some("organization-admin")).await;
        for organization in ["acme", "globex"] {
            let data = json!({ "id": format!("ada-{organization}"), "email": "ada@mail.example", "organizationId": organization });
            app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data })).await;
        }
        acme.ok("mutation { requestEmailVerification(where: {id: \"ada-acme\"}) { id } }", json!({})).await;
        app.anonymous().ok("mutation($t: String!) { verifyEmail(token: $t) }", json!({ "t": app.mailed_token() })).await;
        let request = "mutation($in: ID) { requestPasswordReset(email: \"ada@mail.example\", organizationId: $in) }";
        let asked = json!({ "action": "password.requestReset", "OR": [{ "targetId": "ada-acme" }, { "targetId": "ada-globex" }] });
        send_with(&app.anonymous(), from("192.0.2.7", &[("user-agent", b"a")]), request, json!({})).await;
        assert_eq!(clients(&acme, asked.clone()).await, [json!(["192.0.2.7", "a", 1])]);
        assert_eq!(clients(&globex, asked.clone()).await, [json!([null, null, 1])]);
        let data = json!({ "id": "eve-globex", "email": "eve@mail.example", "organizationId": "globex" });
        app.admin().ok("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data })).await;
        send_with(&app.anonymous(), from("192.0.2.9", &[]), "mutation { requestPasswordReset(email: \"eve@mail.example\") }", json!({})).await;
        assert_eq!(clients(&globex, json!({ "targetId": "eve-globex" })).await.pop(), Some(json!(["192.0.2.9", null, 1])));
        // Named, it is meant.
        send_with(&app.anonymous(), from("192.0.2.8", &[("user-agent", b"b")]), request, json!({ "in": "globex" })).await;
        assert_eq!(clients(&globex, asked).await, [json!([null, null, 1]), json!(["192.0.2.8", "b", 1])]);
    }

    /// A caller whom an organization may not know is not told by its address either.
    async fn who_is_hidden_from_a_trail_has_no_address_in_it(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let pk_of = async |id: &str| app.number(&format!("SELECT pk FROM organizations WHERE id = '{id}'")).await;
        let (acme, globex) = (pk_of("acme").await, pk_of("globex").await);
        let Actor::User(somebody) = super::rules::user(Permissions::all() - tenantry::model::Door::EVERY_ORGANIZATION.into()) else { unreachable!() };
        let of_globex = Actor::user(Who { organization_pk: globex, ..Who::clone(&somebody) });
        let client = Client::new("192.0.2.7".parse().ok(), Some(b"a"));
        let transaction = app.services.db.begin().await.unwrap();
        for (target, organization) in [("hidden", acme), ("shown", globex)] {
            let author = audit_trail::Author { id: uuid::Uuid::now_v7(), at: app.services.clock.now(), actor: &of_globex, request_id: "r", client: &client };
            let event = Event::new("test.event", 1, target).of_organization(organization);
            audit_trail::record(&transaction, author, event).await.unwrap();
        }
        transaction.commit().await.unwrap();
        assert_eq!(clients(&app.admin(), json!({ "targetId": "hidden" })).await, [json!([null, null, 1])]);
        assert_eq!(clients(&app.admin(), json!({ "targetId": "shown" })).await, [json!(["192.0.2.7", "a", 1])]);
    }
}
