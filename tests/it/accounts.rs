//! One address in several organizations: every account is its own, and nobody gets at another one by way of the address.

mod hashes;
mod switching;
mod threats;

use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::{TOKENS, Tokens, With, code_of, send_with};
use crate::support::{App, Caller};

const ADA: &str = "ada@mail.example";
const CREATE: &str = "mutation($data: CreateUserData!) { createUser(data: $data) { id email } }";
const REQUEST: &str = "mutation($email: String!, $in: ID) { requestPasswordReset(email: $email, organizationId: $in) }";
const COMPLETE: &str = "mutation($token: String!, $new: String!, $keys: Boolean) {
    completePasswordReset(token: $token, newPassword: $new, revokeApiKeys: $keys) }";

/// An account of this address with a password that its organization knows.
async fn account(app: &App, organization: &str, email: &str) -> String {
    let id = format!("{}-{organization}", email.split('@').next().unwrap());
    let data = json!({ "id": id, "email": email, "organizationId": organization, "password": format!("password at {organization}") });
    app.admin().ok(CREATE, json!({ "data": data })).await;
    id
}

/// Whose account a sign-in opens, or the code of its refusal.
async fn opens(app: &App, organization: Option<&str>, email: &str, password: &str) -> String {
    let document = format!("mutation($data: SignInData!) {{ signIn(data: $data) {{ {TOKENS} }} }}");
    let data = json!({ "email": email, "password": password, "organizationId": organization });
    let answer = app.anonymous().send(&document, json!({ "data": data })).await;
    match code_of(&answer).as_str() {
        "OK" => app.who(&Tokens::of(&answer["data"]["signIn"]).access).await.unwrap(),
        code => code.to_owned(),
    }
}

/// The session that a sign-in to the account of this organization starts.
async fn session_at(app: &App, organization: &str, email: &str, password: &str) -> Tokens {
    let document = format!("mutation($data: SignInData!) {{ signIn(data: $data) {{ {TOKENS} }} }}");
    let data = json!({ "email": email, "password": password, "organizationId": organization });
    Tokens::of(&app.anonymous().ok(&document, json!({ "data": data })).await["signIn"])
}

/// The tokens in the last mail, in its order.
fn mailed_tokens(app: &App) -> Vec<String> {
    let mail = app.mails().pop().expect("a mail was sent");
    crate::support::mail::tokens_of(&mail)
}

/// What a person does who reads the mails to the address: all links of one mail, with this password.
async fn reset(app: &App, email: &str, organization: Option<&str>, password: &str) -> usize {
    let before = app.mails().len();
    app.anonymous()
        .ok(REQUEST, json!({ "email": email, "in": organization }))
        .await;
    app.send_mails().await;
    if app.mails().len() == before {
        return 0;
    }
    let tokens = mailed_tokens(app);
    for token in &tokens {
        app.anonymous()
            .ok(COMPLETE, json!({ "token": token, "new": password, "keys": false }))
            .await;
    }
    tokens.len()
}

async fn is_verified(app: &App, id: &str) -> bool {
    app.user_row(id).await.password_verified_at.is_some()
}

async fn world(app: &App) -> (Caller<'_>, Caller<'_>) {
    for organization in ["acme", "globex"] {
        app.organization(organization, &[]).await;
    }
    let acme = app.user("acme", "chief-acme", Some("organization-admin")).await;
    let globex = app.user("globex", "chief-globex", Some("organization-admin")).await;
    (acme, globex)
}

on_both! {
    async fn an_address_is_unique_within_its_organization_only(app: App) {
        let (acme, globex) = world(&app).await;
        let data = |id: &str| json!({ "data": { "id": id, "email": ADA } });
        acme.ok(CREATE, data("a1")).await;
        let before = app.dump().await;
        for again in [ADA, "ADA@Mail.Example"] {
            assert_eq!(acme.refused(CREATE, json!({ "data": { "email": again } })).await, "CONFLICT");
        }
        assert_eq!(before, app.dump().await);
        globex.ok(CREATE, data("g1")).await;
        // Nobody is told of the other organization's account.
        let update = "mutation($email: String) { updatePropertiesInUser(where: {id: \"a2\"}, data: {email: $email}) { id } }";
        acme.ok(CREATE, json!({ "data": { "id": "a2", "email": "eve@mail.example" } })).await;
        globex.ok(CREATE, json!({ "data": { "id": "g2", "email": "bob@mail.example" } })).await;
        assert_eq!(acme.refused(update, json!({ "email": ADA })).await, "CONFLICT");
        acme.ok(update, json!({ "email": "bob@mail.example" })).await;
        // Whoever moves takes the address along, if it is free there.
        let move_to = "mutation($id: ID, $to: String) { updatePropertiesInUser(where: {id: $id}, data: {organizationId: $to}) { id } }";
        for (id, to, email) in [("a1", "globex", ADA), ("g1", "acme", ADA), ("g2", "acme", "bob@mail.example")] {
            let refusal = app.admin().refusal(move_to, json!({ "id": id, "to": to })).await;
            assert_eq!(refusal["message"], format!("A user with the e-mail address '{email}' already exists."), "{id}");
        }
    }

    async fn two_organizations_may_create_one_address_at_once_and_one_may_not(app: App) {
        let (acme, globex) = world(&app).await;
        for round in 0..10 {
            let data = json!({ "data": { "email": format!("u{round}@mail.example") } });
            let (first, second, other) =
                tokio::join!(acme.send(CREATE, data.clone()), acme.send(CREATE, data.clone()), globex.send(CREATE, data.clone()));
            let mut codes = [code_of(&first), code_of(&second)];
            codes.sort();
            assert_eq!((codes[0].as_str(), codes[1].as_str(), code_of(&other).as_str()), ("CONFLICT", "OK", "OK"));
        }
    }

    async fn a_sign_in_opens_the_first_account_or_the_one_that_is_named(app: App) {
        world(&app).await;
        let at_acme = account(&app, "acme", ADA).await;
        let at_globex = account(&app, "globex", ADA).await;
        // Without anything else, the older one.
        assert_eq!(opens(&app, None, ADA, "password at acme").await, at_acme);
        assert_eq!(opens(&app, None, ADA, "password at globex").await, "UNAUTHENTICATED");
        assert_eq!(opens(&app, Some("globex"), ADA, "password at globex").await, at_globex);
        assert_eq!(opens(&app, Some("globex"), ADA, "password at acme").await, "UNAUTHENTICATED");
        for nowhere in ["platform", "nowhere", "", "\u{0}"] {
            assert_eq!(opens(&app, Some(nowhere), ADA, "password at acme").await, "UNAUTHENTICATED", "{nowhere:?}");
        }
        // The token endpoint of the Wallaroo API takes the organization in the same field.
        for (name, password, opened) in [
            (ADA.to_owned(), "password at acme", true), (ADA.to_owned(), "password at globex", false),
            (format!("globex\\{ADA}"), "password at globex", true), (format!("globex\\{ADA}"), "password at acme", false),
            (format!("nowhere\\{ADA}"), "password at acme", false), (format!("\\{ADA}"), "password at acme", false),
        ] {
            assert_eq!(app.try_wallaroo_token(&name, password).await.status.is_success(), opened, "{name} {password}");
        }
        // A deactivated account hides nobody.
        let deactivate = "mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }";
        app.admin().ok(deactivate, json!({ "id": at_acme })).await;
        assert_eq!(opens(&app, None, ADA, "password at globex").await, at_globex);
        assert_eq!(opens(&app, Some("acme"), ADA, "password at acme").await, "FORBIDDEN");
    }

    /// An administrator makes an account with somebody's address and a password that the administrator knows, before
    /// or after that person has one.
    async fn a_squatter_gets_and_hides_nothing(app: App) {
        let (acme, _) = world(&app).await;
        for (email, squats_first) in [(ADA, false), ("bob@mail.example", true)] {
            if squats_first {
                account(&app, "globex", email).await;
            }
            let mine = account(&app, "acme", email).await;
            if !squats_first {
                account(&app, "globex", email).await;
            }
            // The person names the organization once, or takes the link of one mail.
            assert_eq!(reset(&app, email, Some("acme"), "my own password").await, 1);
            assert_eq!(opens(&app, None, email, "my own password").await, mine);
            assert_eq!(opens(&app, None, email, "password at globex").await, "UNAUTHENTICATED");
            // From now on, links go to the verified account alone, and the mail says nothing of the other one's name.
            let others = "mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {name: \"Call 555 now\"}) { id } }";
            app.admin().ok(others, json!({ "id": format!("{}-globex", email.split('@').next().unwrap()) })).await;
            assert_eq!(reset(&app, email, None, "my other password").await, 1);
            let mail = app.mails().pop().unwrap();
            assert!(mail.contains("one more account") && mail.contains("Organization acme"), "{mail}");
            assert!(!mail.contains("555") && !mail.contains("globex"), "{mail}");
            assert_eq!(opens(&app, None, email, "my other password").await, mine);
        }
        // An invitation is for an account of its own.
        let invite = "mutation($email: String!) { inviteUser(data: {email: $email}) { id } }";
        account(&app, "globex", "eve@mail.example").await;
        acme.ok(invite, json!({ "email": "eve@mail.example" })).await;
        app.send_mails().await;
        let accept = "mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"my own password\"}) { id } }";
        let eve = app.anonymous().ok(accept, json!({ "token": app.mailed_token() })).await["acceptInvitation"]["id"].clone();
        assert_eq!(json!(opens(&app, None, "eve@mail.example", "my own password").await), eve);
        assert_eq!(acme.refused(invite, json!({ "email": "eve@mail.example" })).await, "CONFLICT");
    }

    async fn one_mail_has_a_link_for_each_account(app: App) {
        world(&app).await;
        let (at_acme, at_globex) = (account(&app, "acme", ADA).await, account(&app, "globex", ADA).await);
        assert_eq!(reset(&app, ADA, None, "one for all of them").await, 2);
        assert_eq!(app.mails().len(), 1);
        for (organization, id) in [("acme", &at_acme), ("globex", &at_globex)] {
            assert_eq!(&opens(&app, Some(organization), ADA, "one for all of them").await, id);
            assert!(is_verified(&app, id).await);
        }
        assert_eq!(reset(&app, ADA, Some("globex"), "another for globex").await, 1);
        assert_eq!(opens(&app, Some("acme"), ADA, "one for all of them").await, at_acme);
        assert_eq!(opens(&app, Some("globex"), ADA, "another for globex").await, at_globex);
        // Three mails an hour for an address, whatever organization is named; the answer never tells. Requests that lead to
        // no mail use up nothing.
        for named in [Some("nowhere"), Some("nowhere"), Some("platform"), Some("acme"), None] {
            app.anonymous().ok(REQUEST, json!({ "email": ADA, "in": named })).await;
        }
        app.send_mails().await;
        assert_eq!(app.mails().len(), 3);
        // Where mail is not allowed, there is no link.
        app.services.clock.advance(std::time::Duration::from_secs(3600));
        let silent = "mutation { updateOrganization(where: {id: \"acme\"}, data: {mailAllowed: false}) { id } }";
        app.admin().ok(silent, json!({})).await;
        assert_eq!(reset(&app, ADA, None, "only for globex").await, 1);
        assert_eq!(opens(&app, Some("acme"), ADA, "only for globex").await, "UNAUTHENTICATED");
        assert_eq!(opens(&app, Some("globex"), ADA, "only for globex").await, at_globex);
    }

    /// Who set the password by a mail to the present address, and who did not.
    async fn which_passwords_are_verified(app: App) {
        let (acme, _) = world(&app).await;
        let id = account(&app, "acme", ADA).await;
        assert!(!is_verified(&app, &id).await, "set by an administrator");
        let own = app.key_of(&id).await;
        reset(&app, ADA, None, "password number one").await;
        assert!(is_verified(&app, &id).await);
        let change = "mutation($id: ID, $old: String!, $new: String!) {
            updatePassword(where: {id: $id}, data: {oldPassword: $old, newPassword1: $new, newPassword2: $new}) { id } }";
        own.ok(change, json!({ "id": id, "old": "password number one", "new": "password number two" })).await;
        assert!(is_verified(&app, &id).await, "changed by its owner with the old one");
        acme.ok(change, json!({ "id": id, "old": "password number two", "new": "password number three" })).await;
        assert!(!is_verified(&app, &id).await, "changed by an administrator");
        let update = "mutation($id: ID, $email: String) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }";
        reset(&app, ADA, None, "password number four").await;
        assert!(is_verified(&app, &id).await);
        for email in ["other@mail.example", ADA] {
            acme.ok(update, json!({ "id": id, "email": email })).await;
            assert!(!is_verified(&app, &id).await, "the address changed, also back");
        }
        let body = json!({ "password": "password number five" });
        reset(&app, ADA, None, "password number six").await;
        assert!(is_verified(&app, &id).await);
        let answer = own.rest(axum::http::Method::PUT, &format!("/api/data/users/{id}/password"), Some(&body)).await;
        assert!(answer.status.is_success(), "{}", answer.body);
        assert!(!is_verified(&app, &id).await, "set without the old one");
    }

    /// The owner of a mailbox takes over an account that somebody else may have used.
    async fn a_first_reset_ends_what_others_may_have(app: App) {
        world(&app).await;
        let id = account(&app, "acme", ADA).await;
        let key = app.key_of(&id).await;
        let document = format!("mutation($data: SignInData!) {{ signIn(data: $data) {{ {TOKENS} }} }}");
        let data = json!({ "email": ADA, "password": "password at acme" });
        let session = Tokens::of(&app.anonymous().ok(&document, json!({ "data": data })).await["signIn"]);
        let complete = async |keys: Value| {
            app.anonymous().ok(REQUEST, json!({ "email": ADA })).await;
            app.send_mails().await;
            let token = mailed_tokens(&app).pop().unwrap();
            app.anonymous().ok(COMPLETE, json!({ "token": token, "new": "my own password", "keys": keys })).await;
        };
        complete(Value::Null).await;
        assert_eq!(key.status().await, 401);
        assert_eq!(app.who(&session.access).await, None);
        // The address is verified now: keys stay, unless the owner says otherwise.
        let key = app.key_of(&id).await;
        complete(Value::Null).await;
        assert_eq!(key.status().await, 200);
        complete(json!(true)).await;
        assert_eq!(key.status().await, 401);
    }

    async fn a_change_by_address_names_one_user(app: App) {
        let (acme, globex) = world(&app).await;
        account(&app, "acme", ADA).await;
        account(&app, "globex", ADA).await;
        let update = "mutation($where: UserWhere!) { updatePropertiesInUser(where: $where, data: {firstname: \"Ada\"}) { id } }";
        let by = |more: Value| {
            let mut wanted = json!({ "email": ADA });
            wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "where": wanted })
        };
        // The first sign-in creates the key that signs tokens.
        app.sign_in("acme", "chief-acme").await;
        let before = app.dump().await;
        let refusal = app.admin().refusal(update, by(json!({}))).await;
        assert_eq!(refusal["extensions"], json!({ "code": "CONFLICT", "field": "where.email", "reason": "AMBIGUOUS" }), "{refusal}");
        let delete = "mutation($where: UserWhere!) { deleteUser(where: $where) { id } }";
        assert_eq!(app.admin().refused(delete, by(json!({}))).await, "CONFLICT");
        let impersonate = "mutation($where: UserWhere!) { impersonateUser(where: $where, reason: \"r\") { expiresIn } }";
        assert_eq!(app.admin().refused(impersonate, by(json!({}))).await, "CONFLICT");
        assert_eq!(before, app.dump().await);
        // An impersonation that is refused leaves a trace, which names none of the accounts.
        app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
        let refused = "{ auditEvents(where: {refused: true}) { action actorId targetId } }";
        let trail = app.admin().ok(refused, json!({})).await;
        assert_eq!(trail["auditEvents"], json!([{ "action": "user.impersonate", "actorId": "admin", "targetId": "user.impersonate" }]));
        for (caller, more, id) in [
            (&app.admin(), json!({ "organization": { "id": "globex" } }), "ada-globex"),
            (&app.admin(), json!({ "id": "ada-acme" }), "ada-acme"),
            (&acme, json!({}), "ada-acme"),
            (&globex, json!({}), "ada-globex"),
        ] {
            assert_eq!(caller.ok(update, by(more)).await["updatePropertiesInUser"]["id"], id);
        }
        let listed = app.admin().ok("query($email: String) { users(where: {email: $email}, orderBy: ID_ASC) { id } }", json!({ "email": ADA })).await;
        assert_eq!(listed["users"], json!([{ "id": "ada-acme" }, { "id": "ada-globex" }]));
    }

    /// A temporary password is found before other accounts of the address.
    async fn a_temporary_password_is_changed_by_address(app: App) {
        let (_, globex) = world(&app).await;
        let at_acme = account(&app, "acme", ADA).await;
        reset(&app, ADA, None, "my own password").await;
        let made = globex.ok(
            "mutation($email: String!) { createUserWithPassword(data: {id: \"new\", email: $email}) { password } }", json!({ "email": ADA }),
        ).await;
        let temporary = made["createUserWithPassword"]["password"].as_str().unwrap();
        let change = "mutation($where: UserWhere!, $old: String!) {
            updatePassword(where: $where, data: {oldPassword: $old, newPassword1: \"a chosen password\", newPassword2: \"a chosen password\"}) { id } }";
        let variables = |old: &str, home: Value| json!({ "where": { "email": ADA, "organization": home }, "old": old });
        assert_eq!(app.anonymous().refused(change, variables(temporary, json!({ "id": "acme" }))).await, "UNAUTHENTICATED");
        assert_eq!(app.anonymous().refused(change, variables("my own password", Value::Null)).await, "UNAUTHENTICATED");
        assert_eq!(app.anonymous().ok(change, variables(temporary, Value::Null)).await["updatePassword"]["id"], "new");
        assert!(!is_verified(&app, "new").await);
        assert_eq!(opens(&app, None, ADA, "my own password").await, at_acme);
        assert_eq!(opens(&app, Some("globex"), ADA, "a chosen password").await, "new");
    }

    /// Whoever signs in to an account of their own is forgiven nothing at another one's.
    async fn an_own_account_gives_no_more_guesses(app: App) {
        world(&app).await;
        account(&app, "acme", ADA).await;
        account(&app, "globex", ADA).await;
        let document = format!("mutation($data: SignInData!) {{ signIn(data: $data) {{ {TOKENS} }} }}");
        let sign_in = async |organization: &str, password: &str| {
            let data = json!({ "email": ADA, "password": password, "organizationId": organization });
            let with = With { from: Some("198.51.100.7"), ..With::default() };
            code_of(&send_with(&app.anonymous(), with, &document, json!({ "data": data })).await.json())
        };
        for n in 0..21 {
            if n % 5 == 0 {
                assert_eq!(sign_in("globex", "password at globex").await, "OK", "{n}");
            }
            let expected = if n < 20 { "UNAUTHENTICATED" } else { "RATE_LIMITED" };
            assert_eq!(sign_in("acme", &format!("guess {n}")).await, expected, "{n}");
        }
        // The client that signed in to the other account is known there, and only there.
        assert_eq!(sign_in("globex", "password at globex").await, "OK");
        assert_eq!(sign_in("acme", "password at acme").await, "RATE_LIMITED");
    }

    /// What the trail of a squatter's organization tells of the person: nothing.
    async fn a_squatters_trail_tells_nothing_of_the_person(app: App) {
        let (_, globex) = world(&app).await;
        account(&app, "globex", ADA).await;
        let events = async || {
            app.services.refusals.flush(&app.services.db, app.services.clock.now(), true).await.unwrap();
            let shown = globex.ok("{ auditEvents(where: {targetId: \"ada-globex\"}) { action refused } }", json!({})).await;
            shown["auditEvents"].as_array().unwrap().len()
        };
        // Alone with the address, the account sees what is tried at it.
        let alone = events().await;
        opens(&app, None, ADA, "a wrong password").await;
        let tried = events().await;
        assert_eq!(tried, alone + 1);
        // With another account, only what names its organization.
        account(&app, "acme", ADA).await;
        opens(&app, None, ADA, "password at acme").await;
        assert_eq!(events().await, tried);
        opens(&app, Some("globex"), ADA, "a wrong password").await;
        let named = events().await;
        assert_eq!(named, tried + 1);
        // A request for a new password is in its trail, with a link or without.
        reset(&app, ADA, Some("acme"), "my own password").await;
        assert_eq!(events().await, named);
        assert_eq!(reset(&app, ADA, None, "my own password").await, 1);
        assert_eq!(events().await, named + 1);
    }

    /// No account gets before another one by what its administrators do.
    async fn no_administrator_pushes_an_account_to_the_front(app: App) {
        let (_, globex) = world(&app).await;
        globex.ok(CREATE, json!({ "data": { "id": "old", "email": "old@mail.example", "password": "password at globex" } })).await;
        globex.ok(CREATE, json!({ "data": { "id": "empty", "email": "empty@mail.example" } })).await;
        app.services.clock.advance(std::time::Duration::from_secs(1));
        let mine = account(&app, "acme", ADA).await;
        app.services.clock.advance(std::time::Duration::from_secs(1));
        let update = "mutation($id: ID, $email: String) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }";
        globex.ok(update, json!({ "id": "old", "email": ADA })).await;
        assert_eq!(opens(&app, None, ADA, "password at acme").await, mine, "an older account that got the address later");
        // An account that nobody can sign in to hides none, however old.
        let at_acme = account(&app, "acme", "empty@mail.example").await;
        assert_eq!(opens(&app, None, "empty@mail.example", "password at acme").await, at_acme);
    }
}
