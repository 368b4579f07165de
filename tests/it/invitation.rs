//! Invitations: sent, resent, withdrawn, accepted, and never more than promised.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::App;

const INVITE: &str = "mutation($data: InviteUserData!) { inviteUser(data: $data) { id email state organizationId tenantId roles { name } expiryDate } }";
const RESEND: &str = "mutation($id: ID!) { resendInvitation(where: {id: $id}) { id state expiryDate } }";
const WITHDRAW: &str = "mutation($id: ID!) { withdrawInvitation(where: {id: $id}) { id state } }";
const ACCEPT: &str = "mutation($token: String!, $data: AcceptInvitationData!) { acceptInvitation(token: $token, data: $data) {
    id email name emailVerified activated organizationId tenantId roles { name } organization { name } tenant { name } } }";
const LIST: &str = "{ invitations { email state } countInvitations }";

fn whoever(email: &str) -> Value {
    json!({"data": {"email": email}})
}

fn accepting(token: &str) -> Value {
    json!({"token": token, "data": {"name": "Ada", "password": "a good long one"}})
}

async fn chief(app: &App) -> crate::support::Caller<'_> {
    app.organization("acme", &["berlin"]).await;
    app.user("acme", "chief", Some("organization-admin")).await
}

on_both! {
    async fn an_invitation_becomes_an_account(app: App) {
        let chief = chief(&app).await;
        let sent = chief.ok(INVITE, json!({"data": {
            "email": "Ada@Acme.Example", "tenantId": "berlin", "organizationRole": "USER", "roles": ["team-manager", "user"],
        }})).await;
        let mut invitation = sent["inviteUser"].clone();
        let id = invitation["id"].take();
        assert_eq!(invitation, json!({
            "id": null, "email": "ada@acme.example", "state": "PENDING", "organizationId": "acme", "tenantId": "berlin",
            "roles": [{"name": "team-manager"}, {"name": "user"}], "expiryDate": "2026-01-09T03:04:05.006Z",
        }));
        assert_eq!(app.mails().len(), 1);
        let mail = app.mails().pop().unwrap();
        assert!(mail.contains("To: ada@acme.example") && mail.contains("https://directory.example/accept-invitation#token="), "{mail}");
        let token = app.mailed_token();
        assert!(!app.dump().await.contains(&token), "the secret itself is stored");
        let made = app.anonymous().ok(ACCEPT, json!({"token": token, "data": {"firstname": "Ada", "lastname": "L", "password": "a good long one"}})).await;
        let mut user = made["acceptInvitation"].clone();
        user["id"].take();
        assert_eq!(user, json!({
            "id": null, "email": "ada@acme.example", "name": "Ada L", "emailVerified": true, "activated": true,
            "organizationId": "acme", "tenantId": "berlin", "roles": [{"name": "team-manager"}, {"name": "user"}],
            "organization": {"name": "Organization acme"}, "tenant": {"name": "Tenant berlin"},
        }));
        // The password given is the account's; the invitation is used up.
        let change = "mutation($d: UpdatePasswordData!) { updatePassword(where: {email: \"ada@acme.example\"}, data: $d) { mustChangePassword } }";
        let passwords = json!({"oldPassword": "a good long one", "newPassword1": "another good one", "newPassword2": "another good one"});
        assert_eq!(chief.ok(change, json!({"d": passwords})).await["updatePassword"]["mustChangePassword"], false);
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&token)).await, "INVALID");
        assert_eq!(chief.refused(RESEND, json!({"id": id})).await, "CONFLICT");
        assert_eq!(chief.refused(WITHDRAW, json!({"id": id})).await, "CONFLICT");
        assert_eq!(chief.ok(LIST, json!({})).await, json!({"invitations": [{"email": "ada@acme.example", "state": "ACCEPTED"}], "countInvitations": 1}));
    }

    async fn an_address_has_one_open_invitation_of_an_organization(app: App) {
        let chief = chief(&app).await;
        app.organization("other", &[]).await;
        let sends = (0..4).map(|_| { let chief = chief.clone(); async move { chief.send(INVITE, whoever("ada@acme.example")).await } });
        let answers = join_all(sends).await;
        let conflicts = answers.iter().filter(|answer| answer["errors"][0]["extensions"]["code"] == "CONFLICT").count();
        assert_eq!((conflicts, app.mails().len()), (3, 1));
        assert_eq!(chief.refused(INVITE, whoever("ADA@acme.example")).await, "CONFLICT");
        let id = answers.iter().find_map(|answer| answer["data"]["inviteUser"]["id"].as_str()).unwrap().to_owned();
        // Another organization invites the same address; an account takes it.
        app.admin().ok(INVITE, json!({"data": {"email": "ada@acme.example", "organizationId": "other"}})).await;
        assert_eq!(chief.refused(INVITE, whoever("chief@acme.example")).await, "CONFLICT");
        // Withdrawn, it makes room; its own secret is void.
        let token = app.mailed_token();
        assert_eq!(chief.ok(WITHDRAW, json!({"id": id})).await["withdrawInvitation"]["state"], "WITHDRAWN");
        assert_eq!(chief.refused(WITHDRAW, json!({"id": id})).await, "CONFLICT");
        assert_eq!(chief.refused(RESEND, json!({"id": id})).await, "CONFLICT");
        chief.ok(INVITE, whoever("ada@acme.example")).await;
        // That other organization's account is none of this one's business.
        app.anonymous().ok(ACCEPT, accepting(&token)).await;
        app.admin().ok("mutation { createUser(data: {email: \"ada@acme.example\", organizationId: \"acme\"}) { id } }", json!({})).await;
        // The address is taken meanwhile: a clear refusal, and the invitation stays.
        let late = app.mailed_token();
        let refusal = app.anonymous().refusal(ACCEPT, accepting(&late)).await;
        assert_eq!(refusal["message"], "A user with the e-mail address 'ada@acme.example' already exists.");
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&late)).await, "CONFLICT");
        let open = "{ invitations(where: {state: PENDING}) { id } }";
        let id = chief.ok(open, json!({})).await["invitations"][0]["id"].clone();
        assert_eq!(chief.refused(RESEND, json!({"id": id})).await, "CONFLICT");
    }

    async fn a_secret_ends_when_it_expires_is_resent_or_withdrawn(app: App) {
        let chief = chief(&app).await;
        let id = chief.ok(INVITE, whoever("ada@acme.example")).await["inviteUser"]["id"].clone();
        let first = app.mailed_token();
        app.services.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&first)).await, "INVALID");
        assert_eq!(chief.ok(LIST, json!({})).await["invitations"][0]["state"], "EXPIRED");
        let resent = chief.ok(RESEND, json!({"id": id})).await;
        assert_eq!(resent["resendInvitation"], json!({"id": id, "state": "PENDING", "expiryDate": "2026-01-16T03:04:05.006Z"}));
        let second = app.mailed_token();
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&first)).await, "INVALID");
        // A longer life is not cut by sending again.
        let long = chief.ok(INVITE, json!({"data": {"email": "bob@acme.example", "expiryDate": "2026-03-01T00:00:00Z"}})).await;
        let kept = chief.ok(RESEND, json!({"id": long["inviteUser"]["id"]})).await;
        assert_eq!(kept["resendInvitation"]["expiryDate"], "2026-03-01T00:00:00.000Z");
        // An expired one gives way to a new one.
        app.services.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
        let new = chief.ok(INVITE, whoever("ada@acme.example")).await["inviteUser"]["id"].clone();
        assert_ne!(new, id);
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&second)).await, "INVALID");
        chief.ok(WITHDRAW, json!({"id": new})).await;
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&app.mailed_token())).await, "INVALID");
        for expiry in ["2026-01-16T03:04:05.006Z", "2020-01-01T00:00:00Z", "2027-01-01T00:00:00Z"] {
            let data = json!({"data": {"email": "eve@acme.example", "expiryDate": expiry}});
            assert_eq!(chief.refused(INVITE, data).await, "INVALID");
        }
    }

    async fn nobody_promises_more_than_they_hold_or_beyond_their_reach(app: App) {
        let chief = chief(&app).await;
        app.organization("other", &["paris"]).await;
        let ada = app.user("acme", "ada", Some("user")).await;
        let manager = app.user("acme", "manager", Some("team-manager")).await;
        let rival = app.user("other", "rival", Some("organization-admin")).await;
        let data = |more: Value| {
            let mut data = json!({"email": "new@acme.example"});
            data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"data": data})
        };
        assert_eq!(chief.refused(INVITE, data(json!({"roles": ["super-admin"]}))).await, "FORBIDDEN");
        assert_eq!(chief.refused(INVITE, data(json!({"roles": ["no such"]}))).await, "INVALID");
        assert_eq!(chief.refused(INVITE, data(json!({"organizationId": "other"}))).await, "NOT_FOUND");
        assert_eq!(chief.refused(INVITE, data(json!({"tenantId": "paris"}))).await, "NOT_FOUND");
        assert_eq!(chief.refused(INVITE, data(json!({"email": "not an address"}))).await, "INVALID");
        assert_eq!(ada.refused(INVITE, data(json!({}))).await, "FORBIDDEN");
        assert_eq!(manager.refused(INVITE, data(json!({}))).await, "FORBIDDEN");
        assert_eq!(app.anonymous().refused(INVITE, data(json!({}))).await, "UNAUTHENTICATED");
        // What a super admin promised, an organization admin neither sends again nor takes back.
        let strong = app.admin().ok(INVITE, json!({"data": {"email": "root@acme.example", "organizationId": "acme", "roles": ["super-admin"]}})).await;
        let id = strong["inviteUser"]["id"].clone();
        for document in [RESEND, WITHDRAW] {
            assert_eq!(chief.refused(document, json!({"id": id})).await, "FORBIDDEN");
            assert_eq!(rival.refused(document, json!({"id": id})).await, "NOT_FOUND");
            assert_eq!(rival.refused(document, json!({"id": "no such"})).await, "NOT_FOUND");
            assert_eq!(ada.refused(document, json!({"id": id})).await, "FORBIDDEN");
        }
        // Who reads users reads invitations, of the own organization.
        assert_eq!(manager.ok(LIST, json!({})).await["countInvitations"], 1);
        assert_eq!(rival.ok(LIST, json!({})).await, json!({"invitations": [], "countInvitations": 0}));
        assert_eq!(ada.refused(LIST, json!({})).await, "FORBIDDEN");
        let elsewhere = rival.ok("query($id: ID!) { invitations(where: {id: $id}) { id } }", json!({"id": id})).await;
        assert_eq!(elsewhere["invitations"], json!([]));
    }

    async fn seats_are_taken_at_acceptance(app: App) {
        let chief = chief(&app).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 2}) { id } }", json!({})).await;
        let mut tokens = Vec::new();
        for n in 0..4 {
            chief.ok(INVITE, whoever(&format!("u{n}@acme.example"))).await;
            tokens.push(app.mailed_token());
        }
        let seats = "{ organizations(where: {id: \"acme\"}) { seatsUsed } }";
        assert_eq!(app.admin().ok(seats, json!({})).await["organizations"][0]["seatsUsed"], 1);
        let accepts = tokens.iter().map(|token| async { app.anonymous().send(ACCEPT, accepting(token)).await["errors"][0]["extensions"]["code"].clone() });
        let codes = join_all(accepts).await;
        assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "SEAT_LIMIT_REACHED").count(), 3, "{codes:?}");
        // The others stay open, and go through once there is room.
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 5}) { id } }", json!({})).await;
        for (token, code) in tokens.iter().zip(&codes) {
            if !code.is_null() {
                app.anonymous().ok(ACCEPT, accepting(token)).await;
            }
        }
        assert_eq!(app.admin().ok(seats, json!({})).await["organizations"][0]["seatsUsed"], 5);
    }

    async fn two_who_accept_at_once_make_one_account(app: App) {
        let chief = chief(&app).await;
        chief.ok(INVITE, whoever("ada@acme.example")).await;
        let token = app.mailed_token();
        let accepts = (0..4).map(|_| async { app.anonymous().send(ACCEPT, accepting(&token)).await["errors"][0]["extensions"]["code"].clone() });
        let codes = join_all(accepts).await;
        assert_eq!(codes.iter().filter(|code| code.is_null()).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "INVALID").count(), 3, "{codes:?}");
        assert_eq!(app.admin().ok("{ countUsers(where: {email: \"ada@acme.example\"}) }", json!({})).await["countUsers"], 1);
    }

    async fn a_bad_acceptance_leaves_the_invitation_open(app: App) {
        let chief = chief(&app).await;
        chief.ok(INVITE, whoever("ada.lovelace@acme.example")).await;
        let token = app.mailed_token();
        for password in ["short", "Password123", "ada.lovelace@ACME.example", "ADA.lovelace", &"x".repeat(129)] {
            let given = json!({"token": token, "data": {"password": password}});
            assert_eq!(app.anonymous().refused(ACCEPT, given).await, "INVALID", "{password}");
        }
        let name = json!({"token": token, "data": {"password": "a good long one", "name": "x".repeat(256)}});
        assert_eq!(app.anonymous().refused(ACCEPT, name).await, "INVALID");
        assert_eq!(app.anonymous().refused(ACCEPT, accepting("")).await, "INVALID");
        assert_eq!(app.anonymous().refused(ACCEPT, accepting("no\u{0}such")).await, "INVALID");
        app.anonymous().ok(ACCEPT, accepting(&token)).await;
    }

    async fn invitations_are_listed_filtered_and_paged(app: App) {
        let chief = chief(&app).await;
        for n in 0..5 {
            let mut data = json!({"email": format!("u{n}@acme.example")});
            if n % 2 == 0 { data["tenantId"] = "berlin".into(); }
            chief.ok(INVITE, json!({"data": data})).await;
            app.services.clock.advance(Duration::from_secs(1));
        }
        let emails = async |arguments: &str| {
            let list = chief.ok(&format!("{{ invitations{arguments} {{ email }} }}"), json!({})).await;
            list["invitations"].as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap()[..2].to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(emails("").await, "u0 u1 u2 u3 u4");
        assert_eq!(emails("(orderBy: EMAIL_DESC, first: 2, skip: 1)").await, "u3 u2");
        assert_eq!(emails("(where: {tenant: {id: \"berlin\"}})").await, "u0 u2 u4");
        assert_eq!(emails("(where: {OR: [{email: \"U1@acme.example\"}, {emailStartsWith: \"u3\"}], NOT: {emailContains: \"U3\"}})").await, "u1");
        assert_eq!(emails("(where: {state: ACCEPTED})").await, "");
        let page = chief.ok("{ invitationsConnection(first: 2) { totalCount pageInfo { endCursor hasNextPage } nodes { email } } }", json!({})).await;
        let connection = &page["invitationsConnection"];
        assert_eq!((&connection["totalCount"], &connection["pageInfo"]["hasNextPage"]), (&json!(5), &json!(true)));
        let next = chief.ok("query($after: String) { invitationsConnection(first: 9, after: $after) { nodes { email } } }", json!({"after": connection["pageInfo"]["endCursor"]})).await;
        assert_eq!(next["invitationsConnection"]["nodes"].as_array().unwrap().len(), 3);
        // They go with their tenant, and with their organization.
        app.admin().ok("mutation { deleteTenant(where: {id: \"berlin\"}) { id } }", json!({})).await;
        assert_eq!(emails("").await, "u1 u3");
        app.organization("gone", &[]).await;
        app.admin().ok(INVITE, json!({"data": {"email": "x@gone.example", "organizationId": "gone", "roles": ["user"]}})).await;
        app.admin().ok("mutation { deleteOrganization(where: {id: \"gone\"}) { id } }", json!({})).await;
        assert_eq!(app.anonymous().refused(ACCEPT, accepting(&app.mailed_token())).await, "INVALID");
    }

    async fn a_user_is_made_with_a_password_told_once(app: App) {
        let chief = chief(&app).await;
        let document = "mutation($data: CreateUserData!, $reset: Boolean) { createUserWithPassword(data: $data, requireReset: $reset) {
            password user { email mustChangePassword roles { name } } } }";
        let made = async |email: &str, password: Value, reset: Value| {
            let data = json!({"email": email, "password": password, "roles": ["user"]});
            chief.ok(document, json!({"data": data, "reset": reset})).await["createUserWithPassword"].clone()
        };
        let generated = made("a@acme.example", json!(null), json!(null)).await;
        assert_eq!(generated["user"], json!({"email": "a@acme.example", "mustChangePassword": true, "roles": [{"name": "user"}]}));
        assert_eq!(generated["password"].as_str().unwrap().len(), 20);
        assert!(!app.dump().await.contains(generated["password"].as_str().unwrap()));
        let given = made("b@acme.example", json!("given by hand"), json!(null)).await;
        assert_eq!((&given["password"], &given["user"]["mustChangePassword"]), (&json!("given by hand"), &json!(false)));
        let reset = made("c@acme.example", json!("given by hand"), json!(true)).await;
        assert_eq!(reset["user"]["mustChangePassword"], true);
        let again = json!({"data": {"email": "A@acme.example"}});
        assert_eq!(chief.refused(document, again).await, "CONFLICT");
        let strong = json!({"data": {"email": "d@acme.example", "roles": ["super-admin"]}});
        assert_eq!(chief.refused(document, strong).await, "FORBIDDEN");
        let hash = json!({"data": {"email": "d@acme.example", "passwordHash": "$2b$04$abcdefghijklmnopqrstuu5LZ5Z5Z5Z5Z5Z5Z5Z5Z5Z5Z5Z5Z5Z5Z5"}});
        assert_eq!(chief.refused(document, hash).await, "INVALID");
    }
}
