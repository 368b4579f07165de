//! Mails, from the verb that writes them to the server that takes them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::on_both;
use crate::support::mail::{html_of, text_of};
use crate::support::smtp::Smtp;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend, Caller};

const INVITE: &str =
    "mutation($email: String!) { inviteUser(data: {email: $email, organizationId: \"acme\"}) { id mailState } }";
const INVITATIONS: &str = "{ invitations(orderBy: CREATED_AT_ASC) { email mailState mailedAt mailProblem } }";

async fn invitation(admin: &Caller<'_>) -> Value {
    admin.ok(INVITATIONS, json!({})).await["invitations"][0].clone()
}

async fn waiting(app: &App) -> i64 {
    app.number("SELECT COUNT(*) FROM mails").await
}

async fn pass(app: &App, seconds: u64) {
    app.services.clock.advance(Duration::from_secs(seconds));
    app.send_mails().await;
}

/// An app whose mails go to a server, and Acme.
async fn with_server(backend: Backend) -> (App, Smtp) {
    let server = Smtp::start().await;
    let app = App::with_smtp(backend, &server.url).await;
    app.organization("acme", &[]).await;
    (app, server)
}

async fn tries_again(backend: Backend) {
    let (app, server) = with_server(backend).await;
    let admin = app.admin();
    let made = admin.ok(INVITE, json!({ "email": "later@mail.example" })).await;
    assert_eq!(
        made["inviteUser"]["mailState"], "WAITING",
        "no answer waits for a mail server"
    );
    let shown = invitation(&admin).await;
    assert_eq!(
        (&shown["mailState"], &shown["mailedAt"]),
        (&json!("WAITING"), &Value::Null)
    );
    assert!(
        shown["mailProblem"].as_str().unwrap().contains("the queue is full"),
        "{shown}"
    );
    // Not before its time, then later each time.
    pass(&app, 9).await;
    assert!(server.mails().is_empty());
    pass(&app, 1).await;
    pass(&app, 19).await;
    *server.later.lock().unwrap() = None;
    pass(&app, 0).await;
    assert!(server.mails().is_empty() && waiting(&app).await == 1);
    pass(&app, 1).await;
    assert_eq!((server.mails().len(), waiting(&app).await), (1, 0));
    let shown = invitation(&admin).await;
    assert_eq!(
        (&shown["mailState"], &shown["mailProblem"]),
        (&json!("SENT"), &Value::Null)
    );
    assert!(shown["mailedAt"].is_string());
}

async fn gives_up(backend: Backend) {
    let (app, server) = with_server(backend).await;
    let admin = app.admin();
    admin.ok(INVITE, json!({ "email": "never@mail.example" })).await;
    let shown = invitation(&admin).await;
    assert_eq!(shown["mailState"], "FAILED");
    assert!(
        shown["mailProblem"].as_str().unwrap().contains("no such mailbox here"),
        "{shown}"
    );
    assert_eq!(waiting(&app).await, 0, "what will never be taken is not kept");
    // Resent, it is on its way again, and fails again.
    let resend = "mutation { resendInvitation(where: {email: \"never@mail.example\"}) { mailState mailProblem } }";
    let id = admin.ok("{ invitations { id } }", json!({})).await["invitations"][0]["id"].clone();
    let resend = resend.replace("email: \"never@mail.example\"", &format!("id: {id}"));
    assert_eq!(
        admin.ok(&resend, json!({})).await["resendInvitation"],
        json!({ "mailState": "WAITING", "mailProblem": null })
    );
    assert_eq!(invitation(&admin).await["mailState"], "FAILED");
    // What could be taken later is tried until it is of no use: a link works for an hour.
    app.admin()
        .create_user(json!({ "id": "lea", "email": "later@acme.example", "organizationId": "acme" }))
        .await;
    admin
        .ok("mutation { resetPassword(where: {id: \"lea\"}) { id } }", json!({}))
        .await;
    for _ in 0..70 {
        pass(&app, 60).await;
    }
    *server.later.lock().unwrap() = None;
    pass(&app, 3600).await;
    assert_eq!((server.mails().len(), waiting(&app).await), (0, 0));
}

/// What becomes of a mail that a newer one has replaced is nothing to its invitation.
async fn replaced_on_its_way(backend: Backend) {
    let (app, server) = with_server(backend).await;
    let admin = app.admin();
    server.hold.send_replace(true);
    *server.later.lock().unwrap() = None;
    let made = alone(&admin, INVITE, json!({ "email": "held@mail.example" })).await;
    let services = std::sync::Arc::clone(&app.services);
    let sending = tokio::spawn(async move {
        tenantry::directory::outbox::deliver_due(&services, &CancellationToken::new())
            .await
            .unwrap()
    });
    let held = || server.held.load(std::sync::atomic::Ordering::SeqCst);
    until("a mail that is held", AT_LAST, async || held() > 0).await;
    let resend = "mutation($id: ID) { resendInvitation(where: {id: $id}) { id } }";
    alone(&admin, resend, json!({ "id": made["inviteUser"]["id"] })).await;
    *server.later.lock().unwrap() = Some("451 4.3.0 the queue is full");
    server.hold.send_replace(false);
    assert_eq!((sending.await.unwrap(), server.mails().len()), (2, 1));
    let shown = invitation(&admin).await;
    assert_eq!(
        (&shown["mailState"], &shown["mailedAt"]),
        (&json!("WAITING"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_a_replaced_mail_tells_nothing_of_the_new_one() {
    replaced_on_its_way(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_replaced_mail_tells_nothing_of_the_new_one() {
    replaced_on_its_way(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_what_cannot_be_sent_now_is_sent_later() {
    tries_again(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_what_cannot_be_sent_now_is_sent_later() {
    tries_again(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_what_can_never_be_sent_is_given_up() {
    gives_up(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_what_can_never_be_sent_is_given_up() {
    gives_up(Backend::Postgres).await;
}

/// A request that leaves its mails to whoever comes next.
async fn alone(caller: &Caller<'_>, document: &str, variables: Value) -> Value {
    let request = caller.request("/graphql", &json!({ "query": document, "variables": variables }));
    let answer = caller.app.send_alone(request).await.json();
    assert!(answer.get("errors").is_none(), "{document}: {answer:#}");
    answer["data"].clone()
}

on_both! {
    async fn a_mail_is_there_when_its_change_is(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("user")).await;
        let admin = app.admin();
        alone(&admin, INVITE, json!({ "email": "new@mail.example" })).await;
        alone(&admin, "mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
        assert_eq!((waiting(&app).await, app.mails().len()), (2, 0));
        let dump = app.database.dump(&app.services.db).await;
        app.send_mails().await;
        assert_eq!((waiting(&app).await, app.mails().len()), (0, 2));
        let token = app.mailed_token();
        assert!(!dump.contains(&token) && dump.contains("new@mail.example"), "a token stands in the database");
        // Refused, a change sends nothing.
        assert_eq!(admin.refused(INVITE, json!({ "email": "new@mail.example" })).await, "CONFLICT");
        assert_eq!(waiting(&app).await, 0);
    }

    async fn a_mail_goes_with_what_its_token_is_for(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for (undo, left) in [
            ("mutation { deleteUser(where: {id: \"ada\"}) { id } }", 0),
            ("mutation { updatePropertiesInUser(where: {id: \"ada\"}, data: {email: \"other@acme.example\"}) { id } }", 1),
        ] {
            app.user("acme", "ada", Some("user")).await;
            alone(&admin, "mutation { resetPassword(where: {id: \"ada\"}) { id } }", json!({})).await;
            assert_eq!(waiting(&app).await, 1);
            alone(&admin, undo, json!({})).await;
            // The notice to the old address is on its way.
            assert_eq!(waiting(&app).await, left, "{undo}");
            let link = app.number("SELECT COUNT(*) FROM mails WHERE sealed").await;
            assert_eq!(link, 0, "{undo}");
        }
        let made = alone(&admin, INVITE, json!({ "email": "new@mail.example" })).await;
        let withdraw = "mutation($id: ID) { withdrawInvitation(where: {id: $id}) { id } }";
        alone(&admin, withdraw, json!({ "id": made["inviteUser"]["id"] })).await;
        assert_eq!(app.number("SELECT COUNT(*) FROM mails WHERE sealed").await, 0);
    }

    /// A link of one kind does not end that of another, whose mail may still wait for its server.
    async fn a_link_leaves_those_of_another_kind(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let admin = app.admin();
        let reset = "mutation { resetPassword(where: {id: \"ada\"}) { id } }";
        let verify = "mutation { requestEmailVerification(where: {id: \"ada\"}) { id } }";
        for document in [reset, verify, verify] {
            alone(&admin, document, json!({})).await;
        }
        assert_eq!(waiting(&app).await, 2, "the second link of a kind takes the place of the first");
        app.send_mails().await;
        let mails = app.mails();
        assert!(mails.len() == 2 && mails.iter().any(|mail| mail.contains("/reset-password#token=")), "{mails:#?}");
        // Setting a password ends the links that would set one, and no others.
        for document in [reset, verify, "mutation { updatePassword(where: {id: \"ada\"}, data: {oldPassword: \"password-of-ada\",
            newPassword1: \"another long password\", newPassword2: \"another long password\"}) { id } }"] {
            alone(if document.contains("updatePassword") { &ada } else { &admin }, document, json!({})).await;
        }
        app.send_mails().await;
        assert_eq!(app.mails().len(), 3);
        admin.ok("mutation($token: String!) { verifyEmail(token: $token) }", json!({ "token": app.mailed_token() })).await;
    }

    /// A change that mails nothing costs no look into the outbox.
    async fn only_a_mail_wakes_its_worker(app: App) {
        app.organization("acme", &[]).await;
        let woken = async || tokio::time::timeout(Duration::from_millis(20), app.services.mailer.woken()).await.is_ok();
        woken().await;
        app.user("acme", "ann", None).await;
        assert!(!woken().await);
        app.admin().ok(INVITE, json!({ "email": "new@mail.example" })).await;
        assert!(woken().await);
        assert!(!woken().await);
    }

    /// Whoever acts as others is one caller, and what an owner writes behind a `+` is the same mailbox.
    async fn one_caller_and_one_mailbox_have_one_count(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "eve", Some("organization-admin")).await;
        ada.ok(INVITE, json!({ "email": "victim@mail.example" })).await;
        ada.clone().acting_as("eve").ok(INVITE, json!({ "email": "victim+1@mail.example" })).await;
        assert_eq!(app.number("SELECT COUNT(*) FROM mail_limits").await, 4, "mailbox, mailbox and organization, organization, caller");
        for n in 2..5 {
            ada.ok(INVITE, json!({ "email": format!("victim+{n}@mail.example") })).await;
        }
        assert_eq!(ada.refused(INVITE, json!({ "email": "Victim+x@MAIL.example" })).await, "RATE_LIMITED");
        ada.ok(INVITE, json!({ "email": "victims@mail.example" })).await;
    }

    /// Several processes on one database send each mail once; one that died in the middle leaves its mails to the others.
    async fn processes_share_the_work(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for n in 0..20 {
            alone(&admin, INVITE, json!({ "email": format!("n{n}@mail.example") })).await;
        }
        let stop = CancellationToken::new();
        let rounds = (0..4).map(|_| tenantry::directory::outbox::deliver_due(&app.services, &stop));
        let tried: usize = futures::future::join_all(rounds).await.into_iter().map(Result::unwrap).sum();
        assert_eq!((tried, waiting(&app).await), (20, 0));
        let mut to: Vec<String> = app.mails().iter().map(|mail| mail.lines().find(|line| line.starts_with("To:")).unwrap().to_owned()).collect();
        to.sort();
        to.dedup();
        assert_eq!((to.len(), app.mails().len()), (20, 20));

        alone(&admin, INVITE, json!({ "email": "last@mail.example" })).await;
        let taken = app.services.clock.now().after(Duration::from_secs(600)).micros();
        let change = app.services.db.begin().await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&change, &format!("UPDATE mails SET leased_until = {taken}, attempts = 1")).await.unwrap();
        change.commit().await.unwrap();
        pass(&app, 599).await;
        assert_eq!(app.mails().len(), 20);
        pass(&app, 1).await;
        assert_eq!((app.mails().len(), waiting(&app).await), (21, 0));
    }

    /// Nobody writes to strangers without end, and no organization uses up what another one needs.
    async fn how_many_mails_there_may_be(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        let gil = app.user("globex", "gil", Some("organization-admin")).await;
        let invite = "mutation { inviteUser(data: {email: \"victim@mail.example\"}) { id } }";
        let resend = "mutation($id: ID) { resendInvitation(where: {id: $id}) { id } }";
        let mut sent = 0;
        for caller in [&ada, &gil] {
            let id = caller.ok(invite, json!({})).await["inviteUser"]["id"].clone();
            for _ in 1..5 {
                caller.ok(resend, json!({ "id": id })).await;
            }
            assert_eq!(caller.refused(resend, json!({ "id": id })).await, "RATE_LIMITED");
            sent += 5;
            assert_eq!(app.mails().len(), sent);
        }
        // Also by another verb: an account with that address.
        app.admin().create_user(json!({ "id": "vic", "email": "victim2@mail.example", "organizationId": "acme" })).await;
        for n in 0..12 {
            let document = match n % 2 {
                0 => "mutation { requestEmailVerification(where: {id: \"vic\"}) { id } }",
                _ => "mutation { resetPassword(where: {id: \"vic\"}) { id } }",
            };
            let answer = ada.send(document, json!({})).await;
            let refused = answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED";
            assert_eq!(refused, n >= 5, "{n}: {answer}");
        }
        app.services.clock.advance(Duration::from_secs(3600));
        ada.ok("mutation { resetPassword(where: {id: \"vic\"}) { id } }", json!({})).await;
    }

    /// Organizations that write to one address learn nothing of each other: above the limit of all together, everything looks
    /// as if the mail were sent.
    async fn what_all_organizations_send_to_an_address(app: App) {
        let invite = "mutation { inviteUser(data: {email: \"victim@mail.example\"}) { id mailState } }";
        let resend = "mutation($id: ID) { resendInvitation(where: {id: $id}) { mailState mailProblem } }";
        let shown = "{ invitations { mailState mailedAt mailProblem } }";
        let mut states = Vec::new();
        for n in 0..6 {
            let organization = format!("o{n}");
            app.organization(&organization, &[]).await;
            let chief = app.user(&organization, &format!("chief-{n}"), Some("organization-admin")).await;
            let made = chief.ok(invite, json!({})).await["inviteUser"].clone();
            let id = made["id"].clone();
            let mut state = vec![made["mailState"].clone()];
            for _ in 1..5 {
                state.push(chief.ok(resend, json!({ "id": id })).await["resendInvitation"].clone());
            }
            assert_eq!(chief.refused(resend, json!({ "id": id })).await, "RATE_LIMITED");
            state.push(chief.ok(shown, json!({})).await);
            states.push(state);
            assert_eq!(app.mails().len(), 20.min(5 * (n + 1)));
        }
        assert_eq!(states[0].last().unwrap()["invitations"][0]["mailState"], "SENT");
        assert!(states.iter().all(|state| state == &states[0]), "{states:#?}");
        assert_eq!(waiting(&app).await, 0);
        let metrics = app.send(axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap()).await.body;
        assert!(metrics.contains("tenantry_mails_total{result=\"withheld\"} 10"), "{metrics}");
        // What the person asks for comes all the same.
        app.admin().create_user(json!({ "id": "vic", "email": "victim@mail.example", "organizationId": "o0" })).await;
        app.anonymous().ok("mutation { requestPasswordReset(email: \"victim@mail.example\") }", json!({})).await;
        app.send_mails().await;
        assert_eq!(app.mails().len(), 21);
    }

    /// A notice is left out where there is no room; what it tells of is done.
    async fn a_notice_decides_nothing(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", Some("organization-admin")).await;
        app.user("acme", "bob", None).await;
        for n in 0..10 {
            let (from, to) = if n % 2 == 0 { ("bob", "rob") } else { ("rob", "bob") };
            let document = format!("mutation {{ updatePropertiesInUser(where: {{email: \"{from}@acme.example\"}}, data: {{email: \"{to}@acme.example\"}}) {{ email }} }}");
            assert_eq!(ada.ok(&document, json!({})).await["updatePropertiesInUser"]["email"], format!("{to}@acme.example"));
        }
        assert_eq!(app.mails().len(), 10, "five to each address");
        for _ in 0..20 {
            let document = "mutation { a: updatePropertiesInUser(where: {id: \"bob\"}, data: {email: \"rob@acme.example\"}) { id }
                b: updatePropertiesInUser(where: {id: \"bob\"}, data: {email: \"bob@acme.example\"}) { id } }";
            ada.ok(document, json!({})).await;
        }
        assert_eq!(app.mails().len(), 20, "ten to each address");
    }

    /// Whether somebody has the address shows in nothing: not in the answer, not in what is written, not in the statements.
    async fn who_has_an_account_shows_nowhere(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("user")).await;
        app.user("acme", "off", Some("user")).await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"off\"}) { id } }", json!({})).await;
        let mut seen = Vec::new();
        for email in ["ada@acme.example", "off@acme.example", "nobody@acme.example"] {
            let document = "mutation($email: String!) { requestPasswordReset(email: $email) }";
            let mut all = Vec::new();
            for n in 0..4 {
                let sent = tenantry::store::db::SENT.scope(Default::default(), async {
                    let data = alone(&app.anonymous(), document, json!({ "email": email })).await;
                    assert_eq!(data["requestPasswordReset"], true);
                    tenantry::store::db::SENT.with(|sent| sent.lock().unwrap().iter().map(|one| one.sql.clone()).collect::<Vec<_>>())
                }).await;
                all.push((n, sent, app.number("SELECT COUNT(*) FROM password_requests").await));
                app.send_mails().await;
            }
            assert_eq!(all.iter().map(|(_, _, rows)| *rows).collect::<Vec<_>>(), [1, 1, 1, 0], "three within an hour");
            seen.push(all);
        }
        assert!(seen[0] == seen[1] && seen[1] == seen[2], "{seen:#?}");
        assert_eq!(app.mails().len(), 3);
        assert!(app.mails().iter().all(|mail| mail.contains("To: ada@acme.example")));
    }

    /// What a clock wrote that was ahead, and was put back, keeps no mail waiting.
    async fn a_clock_that_was_ahead_holds_no_mail_up(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        let year = app.services.clock.now().after(Duration::from_secs(365 * 24 * 60 * 60)).micros();
        for (n, column) in ["due_at", "leased_until"].into_iter().enumerate() {
            alone(&admin, INVITE, json!({ "email": format!("n{n}@mail.example") })).await;
            let change = app.services.db.begin().await.unwrap();
            sea_orm::ConnectionTrait::execute_unprepared(&change, &format!("UPDATE mails SET {column} = {year}")).await.unwrap();
            change.commit().await.unwrap();
            app.send_mails().await;
            assert_eq!((waiting(&app).await, app.mails().len()), (0, n + 1), "{column}");
        }
    }

    /// Nobody gets a link that they asked for long ago, and what cannot be answered keeps nothing waiting behind it.
    async fn a_request_has_an_end(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", Some("user")).await;
        app.user("acme", "bob", Some("user")).await;
        let ask = "mutation($email: String!) { requestPasswordReset(email: $email) }";
        alone(&app.anonymous(), ask, json!({ "email": "ada@acme.example" })).await;
        app.services.clock.advance(Duration::from_secs(60 * 60));
        alone(&app.anonymous(), ask, json!({ "email": "bob@acme.example" })).await;
        app.send_mails().await;
        assert_eq!(app.number("SELECT COUNT(*) FROM password_requests").await, 0);
        let mails = app.mails();
        assert!(mails.len() == 1 && mails[0].contains("To: bob@acme.example"), "{mails:?}");
    }

    /// Whoever names an organization or a user does not write the mail.
    async fn names_are_somebody_elses_words(app: App) {
        let admin = app.admin();
        let name = "Your account is BLOCKED. Unblock it at https://evil.example/login within 24 hours or it will be deleted for good";
        admin.ok("mutation($name: String!) { createOrganization(data: {id: \"acme\", name: $name}) { id } }", json!({ "name": name })).await;
        admin.create_user(json!({ "id": "eve", "email": "victim@mail.example", "organizationId": "acme", "name": name })).await;
        admin.ok(INVITE, json!({ "email": "victim2@mail.example" })).await;
        admin.ok("mutation { resetPassword(where: {id: \"eve\"}) { id } }", json!({})).await;
        admin.ok("mutation { updatePropertiesInUser(where: {id: \"eve\"}, data: {email: \"other@mail.example\"}) { id } }", json!({})).await;
        let whole = app.whole_mails();
        assert_eq!(whole.len(), 3);
        let parts = whole.iter().flat_map(|mail| [text_of(mail), html_of(mail)]);
        let mails: Vec<String> = parts.collect();
        for mail in mails {
            let (head, _) = mail.split_once("\r\n\r\n").unwrap();
            assert!(!mail.contains("evil.example") && !head.contains("BLOCKED") && mail.contains("BLOCKED"), "{mail}");
            assert!(!mail.contains("deleted for good"), "{mail}");
            assert!(!mail.contains("Hello Your"), "{mail}");
            for header in ["Message-ID: <", "Date: ", "MIME-Version: 1.0", "Auto-Submitted: auto-generated"] {
                assert!(head.contains(header), "{header} is not in {head}");
            }
        }
    }
}

/// Without the secret key nothing that needs a token in a mail is begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_without_the_secret_nothing_is_mailed() {
    let app = App::without_secret(Backend::Postgres).await;
    app.organization("acme", &[]).await;
    let code = app
        .admin()
        .refused(INVITE, json!({ "email": "new@mail.example" }))
        .await;
    assert_eq!(code, "UNAVAILABLE");
    for email in ["admin@platform.invalid", "nobody@mail.example"] {
        let document = "mutation($email: String!) { requestPasswordReset(email: $email) }";
        let variables = json!({ "email": email });
        assert_eq!(app.anonymous().refused(document, variables).await, "UNAVAILABLE");
    }
}
