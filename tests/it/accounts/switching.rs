//! `me.accounts` and `switchAccount`: from one account of a person to another, and for nobody else.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{ADA, CREATE, account, mailed_tokens, reset, session_at, world};
use crate::on_both;
use crate::rules::explain::explain;
use crate::rules::statements::sent;
use crate::support::session::{Tokens, code_of};
use crate::support::{App, Backend, Caller, wait};

const ACCOUNTS: &str = "{ me { accounts { userId organizationId organizationName current } } }";
const SWITCH: &str = "mutation($id: ID!) { switchAccount(userId: $id) { accessToken expiresIn refreshToken refreshExpiresIn user { id email } } }";
const PASSWORD: &str = "one for all of them";

/// The ids of the accounts that a credential shows; `None` for null.
pub(super) async fn shown(caller: &Caller<'_>) -> Option<Vec<String>> {
    let me = caller.ok(ACCOUNTS, json!({})).await;
    let accounts = me["me"]["accounts"].as_array()?;
    Some(
        accounts
            .iter()
            .map(|one| one["userId"].as_str().unwrap().to_owned())
            .collect(),
    )
}

/// What this credential gets that may not switch: nothing, of any account, and no word about one.
pub(super) async fn may_not_switch(caller: &Caller<'_>, ids: &[&str]) {
    assert_eq!(shown(caller).await, None);
    let mut words: Vec<Value> = Vec::new();
    for id in ids.iter().chain(&["nobody"]) {
        let refusal = caller.refusal(SWITCH, json!({ "id": id })).await;
        assert_eq!(refusal["extensions"]["code"], "FORBIDDEN", "{id}: {refusal}");
        words.push(refusal);
    }
    assert!(words.windows(2).all(|two| two[0] == two[1]), "{words:?}");
}

/// An account at acme and one at globex, and the person's session at acme.
pub(super) async fn person(app: &App) -> (String, String, Tokens) {
    let (at_acme, at_globex) = (account(app, "acme", ADA).await, account(app, "globex", ADA).await);
    assert_eq!(reset(app, ADA, None, PASSWORD).await, 2);
    let session = session_at(app, "acme", ADA, PASSWORD).await;
    (at_acme, at_globex, session)
}

async fn switch(app: &App, tokens: &Tokens, id: &str) -> Tokens {
    Tokens::of(&app.key(&*tokens.access).ok(SWITCH, json!({ "id": id })).await["switchAccount"])
}

async fn not_found(app: &App, tokens: &Tokens, id: &str) {
    let refusal = app.key(&*tokens.access).refusal(SWITCH, json!({ "id": id })).await;
    let unknown = app
        .key(&*tokens.access)
        .refusal(SWITCH, json!({ "id": "nobody" }))
        .await;
    assert_eq!(refusal["extensions"]["code"], "NOT_FOUND", "{id}: {refusal}");
    let told = refusal["message"].as_str().unwrap();
    assert_eq!(told.replace(&format!("'{id}'"), "'nobody'"), unknown["message"]);
}

on_both! {
    async fn a_person_switches_between_the_own_accounts(app: App) {
        let (acme, globex) = world(&app).await;
        let (at_acme, at_globex, first) = person(&app).await;
        let listed = app.key(&*first.access).ok(ACCOUNTS, json!({})).await;
        assert_eq!(listed["me"]["accounts"], json!([
            { "userId": at_acme, "organizationId": "acme", "organizationName": "Organization acme", "current": true },
            { "userId": at_globex, "organizationId": "globex", "organizationName": "Organization globex", "current": false },
        ]));
        // As a member of a list, too, and of nobody but oneself.
        let users = acme.ok("{ users { id accounts { userId } } }", json!({})).await;
        assert!(users["users"].as_array().unwrap().iter().all(|user| user["accounts"] == Value::Null), "{users}");

        let second = switch(&app, &first, &at_globex).await;
        assert_eq!(second.user, json!({ "id": at_globex, "email": ADA }));
        assert_eq!(app.who(&second.access).await.as_deref(), Some(&*at_globex));
        assert_eq!(second.claims().get("act"), None);
        // The new one has its own lifetime and no parent; the old one goes on.
        assert_eq!((second.expires_in, second.refresh_expires_in), (first.expires_in, first.refresh_expires_in));
        app.key(&*first.access).ok("mutation { signOut { id } }", json!({})).await;
        assert_eq!(app.who(&first.access).await, None);
        let second = app.refresh(&second.refresh).await;
        // It is verified, as the first one was, and stays so.
        assert_eq!(shown(&app.key(&*second.access)).await, Some(vec![at_acme.clone(), at_globex.clone()]));
        let third = switch(&app, &second, &at_acme).await;
        assert_eq!(app.who(&third.access).await.as_deref(), Some(&*at_acme));
        assert_eq!(app.who(&second.access).await.as_deref(), Some(&*at_globex));

        // The organization of the account has it in its trail, by the account itself; the other one has nothing.
        let events = "{ auditEvents(where: {action: \"session.switch\"}) { actorId targetId impersonatorId } }";
        let told = async |caller: &Caller<'_>| caller.ok(events, json!({})).await["auditEvents"].clone();
        for (caller, id, tokens) in [(&globex, &at_globex, &second), (&acme, &at_acme, &third)] {
            assert_eq!(told(caller).await, json!([{ "actorId": id, "targetId": tokens.sid(), "impersonatorId": null }]));
        }
        let everything = "{ auditEvents { actorId targetId } }";
        assert!(!acme.ok(everything, json!({})).await.to_string().contains(&at_globex));
        assert!(!globex.ok(everything, json!({})).await.to_string().contains(&at_acme));
    }

    /// Whatever is missing of what makes two accounts linked: as if there were no such account.
    async fn accounts_that_are_not_linked_are_not_there(app: App) {
        let (acme, _) = world(&app).await;
        app.organization("initech", &[]).await;
        let (at_acme, at_globex, session) = person(&app).await;
        // Never with a password of the person's own; another address; oneself; no id at all.
        let unverified = account(&app, "initech", ADA).await;
        acme.ok(CREATE, json!({ "data": { "id": "bob", "email": "bob@mail.example" } })).await;
        for id in [&*unverified, "bob", "chief-globex", "admin", &at_acme, "", "x y"] {
            not_found(&app, &session, id).await;
        }
        let both = Some(vec![at_acme.clone(), at_globex.clone()]);
        let alone = Some(vec![at_acme.clone()]);
        let caller = app.key(&*session.access);
        assert_eq!(shown(&caller).await, both);
        let organization = "mutation($id: ID!, $data: UpdateOrganizationData!) { updateOrganization(where: {id: $id}, data: $data) { id } }";
        for id in ["acme", "globex"] {
            for field in ["mailAllowed", "accountSwitching"] {
                for on in [false, true] {
                    app.admin().ok(organization, json!({ "id": id, "data": { field: on } })).await;
                    assert_eq!(shown(&caller).await, if on { both.clone() } else { alone.clone() }, "{id} {field} {on}");
                    if !on {
                        not_found(&app, &session, &at_globex).await;
                    }
                }
            }
        }
        for on in [false, true] {
            let field = if on { "activateUser" } else { "deactivateUser" };
            app.admin().ok(&format!("mutation($id: ID) {{ {field}(where: {{id: $id}}) {{ id }} }}"), json!({ "id": at_globex })).await;
            assert_eq!(shown(&caller).await, if on { both.clone() } else { alone.clone() });
            if !on {
                not_found(&app, &session, &at_globex).await;
            }
        }
        // A new password by another's hand.
        let update = "mutation($id: ID, $email: String) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }";
        for email in ["other@mail.example", ADA] {
            app.admin().ok(update, json!({ "id": at_globex, "email": email })).await;
            not_found(&app, &session, &at_globex).await;
        }
        assert_eq!(reset(&app, ADA, Some("globex"), PASSWORD).await, 1);
        assert_eq!(shown(&caller).await.unwrap().len(), 2);
        switch(&app, &session, &at_globex).await;
        assert_eq!(app.anonymous().code(SWITCH, json!({ "id": at_globex })).await, "UNAUTHENTICATED");
        let twice = "mutation($id: ID!) { a: switchAccount(userId: $id) { expiresIn } b: switchAccount(userId: $id) { expiresIn } }";
        assert_eq!(caller.refused(twice, json!({ "id": at_globex })).await, "LIMIT_EXCEEDED");
    }

    /// A session is verified only as long as its password is.
    async fn a_session_that_began_without_a_verified_password_never_switches(app: App) {
        world(&app).await;
        let (at_acme, at_globex) = (account(&app, "acme", ADA).await, account(&app, "globex", ADA).await);
        let early = session_at(&app, "acme", ADA, "password at acme").await;
        assert_eq!(reset(&app, ADA, Some("globex"), PASSWORD).await, 1);
        may_not_switch(&app.key(&*early.access), &[&at_acme, &at_globex]).await;
        // Nor after the address is verified.
        let verify = "mutation { requestEmailVerification { id } }";
        app.key(&*early.access).ok(verify, json!({})).await;
        app.send_mails().await;
        app.anonymous().ok("mutation($token: String!) { verifyEmail(token: $token) }", json!({ "token": mailed_tokens(&app).pop().unwrap() })).await;
        may_not_switch(&app.key(&*early.access), &[&at_acme, &at_globex]).await;
        let early = session_at(&app, "acme", ADA, "password at acme").await;
        may_not_switch(&app.key(&*early.access), &[&at_acme, &at_globex]).await;
        assert_eq!(reset(&app, ADA, Some("acme"), PASSWORD).await, 1);
        let own = session_at(&app, "acme", ADA, PASSWORD).await;
        assert_eq!(shown(&app.key(&*own.access)).await.unwrap().len(), 2);
        // Its owner changes the password with the old one: it stays verified.
        let change = "mutation($id: ID, $old: String!, $new: String!) {
            updatePassword(where: {id: $id}, data: {oldPassword: $old, newPassword1: $new, newPassword2: $new}) { id } }";
        app.key(&*own.access).ok(change, json!({ "id": at_acme, "old": PASSWORD, "new": "another of my own" })).await;
        assert_eq!(shown(&app.key(&*own.access)).await.unwrap().len(), 2);
        // What counts is how the session began, too: one that began otherwise, and outlived the setting of a password.
        for (verified, accounts) in [(false, None), (true, Some(vec![at_acme.clone(), at_globex.clone()]))] {
            let change = app.services.db.begin().await.unwrap();
            let began = format!("UPDATE sessions SET verified = {verified} WHERE id = '{}'", own.sid());
            change.execute_unprepared(&began).await.unwrap();
            change.commit().await.unwrap();
            assert_eq!(shown(&app.key(&*own.access)).await, accounts);
        }
        // Sets one without the old one: the session goes on, and is verified no more.
        let body = json!({ "password": "set without the old one" });
        let answer = app.key(&*own.access).rest(axum::http::Method::PUT, &format!("/api/data/users/{at_acme}/password"), Some(&body)).await;
        assert!(answer.status.is_success(), "{}", answer.body);
        may_not_switch(&app.key(&*own.access), &[&at_acme, &at_globex]).await;
    }

    /// Who sees whether a password is verified, and who may set whether an organization's users switch.
    async fn settings_and_states_have_their_readers(app: App) {
        let (acme, _) = world(&app).await;
        let (at_acme, _, session) = person(&app).await;
        acme.ok(CREATE, json!({ "data": { "id": "plain", "organizationRole": "USER" } })).await;
        let state = "query($id: ID) { users(where: {id: $id}) { passwordVerified viewerCan { updateAccount } } }";
        for (caller, id, expected) in [(&acme, &*at_acme, json!(true)), (&acme, "plain", json!(false)), (&acme, "chief-acme", json!(false))] {
            assert_eq!(caller.ok(state, json!({ "id": id })).await["users"][0]["passwordVerified"], expected, "{id}");
        }
        let boss = "mutation { createUser(data: {id: \"boss\", organizationId: \"acme\", roles: [\"super-admin\"]}) { id } }";
        app.admin().ok(boss, json!({})).await;
        let beyond = acme.ok(state, json!({ "id": "boss" })).await;
        assert_eq!(beyond["users"][0], json!({ "passwordVerified": null, "viewerCan": { "updateAccount": false } }));
        let alone = app.key(&*session.access).ok("{ me { passwordVerified } }", json!({})).await;
        assert_eq!(alone["me"]["passwordVerified"], Value::Null);

        let setting = "{ me { organization { accountSwitching } } }";
        assert_eq!(acme.ok(setting, json!({})).await["me"]["organization"]["accountSwitching"], true);
        assert_eq!(app.key_of("plain").await.ok(setting, json!({})).await["me"]["organization"]["accountSwitching"], Value::Null);
        let create = "mutation { createOrganization(data: {name: \"Closed\", accountSwitching: false}) { accountSwitching } }";
        assert_eq!(app.admin().ok(create, json!({})).await["createOrganization"]["accountSwitching"], false);
        let update = "mutation { updateOrganization(where: {id: \"acme\"}, data: {accountSwitching: false}) { accountSwitching } }";
        assert_eq!(acme.refused(update, json!({})).await, "FORBIDDEN");
        assert_eq!(app.admin().ok(update, json!({})).await["updateOrganization"]["accountSwitching"], false);
    }

    /// One statement, by an index, whatever the number of accounts; a bounded list; and the ones beyond it can be had.
    async fn many_accounts_cost_one_statement(app: App) {
        world(&app).await;
        let (at_acme, _, session) = person(&app).await;
        let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
        let rows = [
            format!("{numbers} INSERT INTO organizations (id, name, version, created_at, updated_at) SELECT 'o-' || i, 'o ' || i, 1, 1, 1 FROM n"),
            // The last 150 are the person's own.
            format!(
                "{numbers} INSERT INTO users (id, organization_pk, email, activated, password_hash, password_verified_at, email_verified_at, version, created_at, updated_at)
                 SELECT 'm-' || i, (SELECT pk FROM organizations WHERE id = 'o-' || i), '{ADA}', TRUE, 'x',
                        CASE WHEN i > 2850 THEN 1 END, CASE WHEN i > 2850 THEN 4000000000000000 + i END, 1, 1, 1 FROM n"
            ),
        ];
        let change = app.services.db.begin().await.unwrap();
        for sql in rows {
            change.execute_unprepared(&sql).await.unwrap();
        }
        // SQLite's statistics are fixed.
        if app.backend == Backend::Postgres {
            change.execute_unprepared("ANALYZE").await.unwrap();
        }
        change.commit().await.unwrap();
        let caller = app.key(&*session.access);
        let listed = shown(&caller).await.unwrap();
        assert_eq!((listed.len(), &listed[0]), (100, &at_acme));
        let last = switch(&app, &session, "m-3000").await;
        assert_eq!(app.who(&last.access).await.as_deref(), Some("m-3000"));
        let with = sent(&caller, "{ me { id accounts { userId organizationName lastSeenAt } } }").await;
        let without = sent(&caller, "{ me { id } }").await;
        assert_eq!(with.len(), without.len() + 1, "{with:?}");
        let statement = with.iter().find(|statement| statement.sql.contains("account_switching")).unwrap();
        let plan = explain(&app, statement).await;
        assert!(plan.contains("users_accounts"), "{plan}");
        for table in ["users", "organizations"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")) && !plan.contains(&format!("SCAN {table}\n")), "{plan}");
        }
    }

    /// What made the accounts linked is taken away while the switch waits for its turn to write.
    async fn a_switch_counts_what_changes_meanwhile(app: App) {
        world(&app).await;
        let (at_acme, at_globex, session) = person(&app).await;
        let caller = app.key(&*session.access);
        let of = |id: &str| format!("id = '{id}'");
        for (taken, expected) in [
            (format!("UPDATE users SET password_verified_at = NULL WHERE {}", of(&at_globex)), "NOT_FOUND"),
            (format!("UPDATE users SET activated = FALSE WHERE {}", of(&at_globex)), "NOT_FOUND"),
            (format!("UPDATE users SET email = 'other@mail.example' WHERE {}", of(&at_globex)), "NOT_FOUND"),
            (format!("UPDATE users SET password_verified_at = NULL WHERE {}", of(&at_acme)), "FORBIDDEN"),
            (format!("UPDATE sessions SET ended_at = 1 WHERE {}", of(&session.sid())), "FORBIDDEN"),
        ] {
            let before = app.number("SELECT COUNT(*) FROM sessions").await;
            let change = app.services.db.begin().await.unwrap();
            // The row that the switch locks in any case.
            change.execute_unprepared(&format!("UPDATE users SET version = version + 1 WHERE {}", of(&at_globex))).await.unwrap();
            change.execute_unprepared(&taken).await.unwrap();
            let ends = async {
                wait::until("the switch waits", wait::AT_LAST, async || app.has_a_change_that_waits().await).await;
                change.commit().await.unwrap();
            };
            let (answer, ()) = tokio::join!(caller.send(SWITCH, json!({ "id": at_globex })), ends);
            // A session that has ended may be noticed before the switch begins.
            let early = taken.contains("ended_at") && code_of(&answer) == "UNAUTHENTICATED";
            assert!(early || code_of(&answer) == expected, "{taken}: {answer}");
            assert_eq!(app.number("SELECT COUNT(*) FROM sessions").await, before);
            let change = app.services.db.begin().await.unwrap();
            let back = format!("UPDATE users SET password_verified_at = 1, activated = TRUE, email = '{ADA}' WHERE email IN ('{ADA}', 'other@mail.example')");
            change.execute_unprepared(&back).await.unwrap();
            change.commit().await.unwrap();
            app.services.credentials.forget();
        }
    }
}
