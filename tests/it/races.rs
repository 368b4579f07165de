//! Many changes of the same few things at the same moment: each is done or refused in words for the caller, and none
//! fails on the server's side, whatever it meets in the middle of its way.

use std::sync::Mutex;

use futures::StreamExt;
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::session::code_of;
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend, Caller};

/// A small generator of numbers: the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a>(&mut self, these: &[&'a str]) -> &'a str {
        these[self.below(these.len())]
    }
}

const USERS: [&str; 6] = ["ada", "eve", "ann", "bob", "cid", "dan"];
const EMAILS: [&str; 6] = [
    "a@x.example",
    "b@x.example",
    "c@x.example",
    "d@x.example",
    "e@x.example",
    "f@x.example",
];
const ORGANIZATIONS: [&str; 2] = ["acme", "globex"];
const TENANTS: [&str; 4] = ["t1", "t2", "t3", ""];
const ROLES: [&str; 6] = ["r0", "r1", "user", "team-manager", "organization-admin", "super-admin"];
const GROUPS: [&str; 2] = ["G0", "G1"];

/// What the changes leave for later ones to use.
#[derive(Default)]
struct Left {
    keys: Mutex<Vec<String>>,
    sessions: Mutex<Vec<(String, String)>>,
}

fn pick<T: Clone>(from: &Mutex<Vec<T>>, number: usize) -> Option<T> {
    let from = from.lock().unwrap();
    (!from.is_empty()).then(|| from[number % from.len()].clone())
}

/// One change, made up of numbers: who calls, the document, its variables.
fn change(numbers: &mut Numbers) -> (usize, &'static str, &'static str, Value) {
    let n = numbers;
    let user = n.of(&USERS);
    let organization = n.of(&ORGANIZATIONS);
    let (kind, document, variables) = match n.below(26) {
        0 | 1 => (
            "createUser",
            "mutation($d: CreateUserData!) { createUser(data: $d) { id } }",
            json!({"d": {
                "id": user, "email": n.of(&EMAILS), "organizationId": organization, "roles": [n.of(&ROLES)],
            }}),
        ),
        2 => (
            "deleteUser",
            "mutation($id: ID) { deleteUser(where: {id: $id}) { id } }",
            json!({"id": user}),
        ),
        3 | 4 => (
            "move",
            "mutation($id: ID, $d: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $d) { id } }",
            json!({"id": user, "d": {"organizationId": organization, "tenantId": n.of(&TENANTS)}}),
        ),
        5 => (
            "email",
            "mutation($id: ID, $d: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $d) { id } }",
            json!({"id": user, "d": {"email": n.of(&EMAILS)}}),
        ),
        6 => (
            "roles",
            "mutation($id: ID, $d: UserData!) { updatePropertiesInUser(where: {id: $id}, data: $d) { id } }",
            json!({"id": user, "d": {"roles": [n.of(&ROLES), n.of(&ROLES)]}}),
        ),
        7 => (
            "activate",
            "mutation($id: ID) { activateUser(where: {id: $id}) { id } }",
            json!({"id": user}),
        ),
        8 => (
            "deactivate",
            "mutation($id: ID) { deactivateUser(where: {id: $id}) { id } }",
            json!({"id": user}),
        ),
        9 | 10 => (
            "join",
            "mutation($g: String, $o: ID, $id: ID) { addUserToGroup(where: {key: $g, organization: {id: $o}}, user: {id: $id}) { id } }",
            json!({"g": n.of(&GROUPS), "o": organization, "id": user}),
        ),
        11 => (
            "leave",
            "mutation($g: String, $o: ID, $id: ID) { removeUserFromGroup(where: {key: $g, organization: {id: $o}}, user: {id: $id}) { id } }",
            json!({"g": n.of(&GROUPS), "o": organization, "id": user}),
        ),
        12 => (
            "createGroup",
            "mutation($d: CreateGroupData!) { createGroup(data: $d) { id } }",
            json!({"d": {"name": n.of(&GROUPS), "organizationId": organization, "roles": [n.of(&ROLES)]}}),
        ),
        13 => (
            "deleteGroup",
            "mutation($g: String, $o: ID) { deleteGroup(where: {key: $g, organization: {id: $o}}) { id } }",
            json!({"g": n.of(&GROUPS), "o": organization}),
        ),
        14 => (
            "createRole",
            "mutation($d: CreateRoleData!) { createRole(data: $d) { id } }",
            json!({"d": {"name": n.of(&ROLES[..2]), "organizationId": organization, "permissions": ["read:databases"]}}),
        ),
        15 => ("deleteRole", "deleteRole", json!({"name": n.of(&ROLES[..2])})),
        16 => (
            "assign",
            "mutation($id: ID, $r: String!) { assignRole(where: {id: $id}, role: $r) { id } }",
            json!({"id": user, "r": n.of(&ROLES)}),
        ),
        17 => (
            "withdraw",
            "mutation($id: ID, $r: String!) { withdrawRole(where: {id: $id}, role: $r) { id } }",
            json!({"id": user, "r": n.of(&ROLES)}),
        ),
        18 => (
            "createApiKey",
            "mutation($n: String!) { createApiKey(data: {name: $n}) { secret } }",
            json!({"n": n.of(&["k0", "k1"])}),
        ),
        19 => (
            "rotateApiKey",
            "mutation($n: String) { rotateApiKey(where: {name: $n}, overlapSeconds: 60) { secret } }",
            json!({"n": n.of(&["k0", "k1"])}),
        ),
        20 => (
            "settings",
            "mutation($u: JSON) { updateSettings(updated: $u) }",
            json!({"u": {user: 1, organization: 2}}),
        ),
        21 | 22 => (
            "impersonate",
            "mutation($id: ID) { impersonateUser(where: {id: $id}, reason: \"r\") { accessToken refreshToken } }",
            json!({"id": user}),
        ),
        23 => ("refresh", "refresh", json!({})),
        24 => (
            "seats",
            "mutation($id: ID, $n: Int) { updateOrganization(where: {id: $id}, data: {seatLimit: $n}) { id } }",
            json!({"id": organization, "n": 3 + n.below(5)}),
        ),
        _ => match n.below(3) {
            0 => (
                "createTenant",
                "mutation($d: CreateTenantData!) { createTenant(data: $d) { id } }",
                json!({"d": {"id": n.of(&TENANTS[..3]), "name": "T", "organizationId": organization}}),
            ),
            1 => (
                "deleteTenant",
                "mutation($id: ID) { deleteTenant(where: {id: $id}) { id } }",
                json!({"id": n.of(&TENANTS[..3])}),
            ),
            _ => (
                "revokeApiKeys",
                "mutation($n: [String!]!) { revokeApiKeys(names: $n) { id } }",
                json!({"n": ["k0"]}),
            ),
        },
    };
    (n.below(1_000), kind, document, variables)
}

async fn run(app: &App, left: &Left, number: usize, kind: &str, document: &str, mut variables: Value) -> Value {
    // One in two calls as the super admin who stays, the others by whatever was handed out meanwhile.
    let caller: Caller<'_> = match kind {
        "createApiKey" | "rotateApiKey" | "settings" | "impersonate" | "revokeApiKeys" => {
            pick(&left.keys, number).map_or_else(|| app.admin(), |key| app.key(key))
        }
        _ if number.is_multiple_of(2) => app.admin(),
        _ => pick(&left.keys, number).map_or_else(|| app.admin(), |key| app.key(key)),
    };
    let document = match document {
        "deleteRole" => {
            let name = variables["name"].as_str().unwrap().to_owned();
            let ids: Vec<String> = app
                .column(&format!("SELECT id FROM roles WHERE name = '{name}' ORDER BY pk"))
                .await;
            variables = json!({"id": ids.first()});
            "mutation($id: ID) { deleteRole(where: {id: $id}) { id } }"
        }
        "refresh" => match pick(&left.sessions, number) {
            Some((_, refresh)) => {
                variables = json!({ "t": refresh });
                "mutation($t: String!) { refreshSession(data: {refreshToken: $t}) { accessToken refreshToken } }"
            }
            None => "{ me { id } }",
        },
        other => other,
    };
    let answer = caller.send(document, variables).await;
    for field in ["createApiKey", "rotateApiKey"] {
        if let Some(secret) = answer["data"][field]["secret"].as_str() {
            left.keys.lock().unwrap().push(secret.to_owned());
        }
    }
    for field in ["impersonateUser", "refreshSession"] {
        let tokens = &answer["data"][field];
        if let (Some(access), Some(refresh)) = (tokens["accessToken"].as_str(), tokens["refreshToken"].as_str()) {
            left.sessions
                .lock()
                .unwrap()
                .push((access.to_owned(), refresh.to_owned()));
        }
    }
    answer
}

on_both! {
    async fn many_changes_of_few_things_fail_nobody(app: App) {
        for (organization, tenants) in [("acme", &["t1", "t2"] as &[&str]), ("globex", &["t3"])] {
            app.organization(organization, tenants).await;
        }
        let left = Left::default();
        for id in ["ada", "eve", "ann"] {
            let key = app.user("acme", id, Some("super-admin")).await.key.unwrap();
            left.keys.lock().unwrap().push(key);
        }
        let mut numbers = Numbers(7);
        let mut codes = std::collections::BTreeMap::<(String, String), usize>::new();
        // Every kind of change is to be done at least once, so that the test means something: what the others leave to
        // a kind is a matter of chance.
        let kinds = ["createUser", "deleteUser", "move", "email", "roles", "join", "leave", "createGroup", "deleteGroup",
            "createRole", "deleteRole", "assign", "withdraw", "createApiKey", "rotateApiKey", "settings", "impersonate", "refresh"];
        let never = |codes: &std::collections::BTreeMap<(String, String), usize>| -> Vec<&str> {
            kinds.into_iter().filter(|kind| !codes.contains_key(&((*kind).to_owned(), "OK".to_owned()))).collect()
        };
        for round in 0..100 {
            if round >= 12 && never(&codes).is_empty() {
                break;
            }
            let changes: Vec<_> = (0..150).map(|_| change(&mut numbers)).collect();
            let answers: Vec<_> = futures::stream::iter(changes)
                .map(|(number, kind, document, variables)| {
                    let (app, left) = (&app, &left);
                    async move { (kind, run(app, left, number, kind, document, variables).await) }
                })
                .buffer_unordered(24)
                .collect()
                .await;
            for (kind, answer) in answers {
                let code = code_of(&answer);
                *codes.entry((kind.to_owned(), code)).or_default() += 1;
            }
            // Those who can call grow few, and groups are gone: they come back. Keys that have ended are laid aside, or in
            // time all calls would be theirs.
            let mut in_force = Vec::new();
            let keys = std::mem::take(&mut *left.keys.lock().unwrap());
            for key in keys {
                if app.key(&key).status().await == 200 {
                    in_force.push(key);
                }
            }
            left.keys.lock().unwrap().extend(in_force);
            for organization in ORGANIZATIONS {
                let data = json!({"name": "G0", "organizationId": organization});
                app.admin().send("mutation($d: CreateGroupData!) { createGroup(data: $d) { id } }", json!({"d": data})).await;
            }
            for id in ["ada", "eve", "ann"] {
                let data = json!({"id": id, "organizationId": "acme", "roles": ["super-admin"]});
                app.admin().send("mutation { updateOrganization(where: {id: \"acme\"}, data: {seatLimit: 50}) { id } }", json!({})).await;
                app.admin().send("mutation($d: CreateUserData!) { createUser(data: $d) { id } }", json!({"d": data})).await;
                app.admin().send("mutation($id: ID) { updatePropertiesInUser(where: {id: $id}, data: {activated: true, roles: [\"super-admin\"]}) { id } }", json!({"id": id})).await;
                let key = app.key_of(id).await.key.unwrap();
                left.keys.lock().unwrap().push(key);
            }
        }
        let failed: Vec<_> = codes.iter().filter(|((_, code), _)| ["INTERNAL", "UNAVAILABLE"].contains(&code.as_str())).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert_eq!(never(&codes), Vec::<&str>::new(), "{codes:#?}");
    }

    async fn addresses_are_swapped_at_the_same_moment(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", None).await;
        app.user("acme", "bob", None).await;
        for _ in 0..5 {
            let data = app.admin().ok("{ users(where: {idIn: [\"ann\", \"bob\"]}, orderBy: ID_ASC) { email } }", json!({})).await;
            let set = |id: &'static str, email: Value| {
                let admin = app.admin();
                async move {
                    admin.send("mutation($id: ID, $email: String) { updatePropertiesInUser(where: {id: $id}, data: {email: $email}) { id } }",
                        json!({"id": id, "email": email})).await
                }
            };
            let (ann, bob) = (data["users"][0]["email"].clone(), data["users"][1]["email"].clone());
            let answers = futures::future::join(set("ann", bob), set("bob", ann)).await;
            // Whoever comes second finds the other's address taken still; if they wait for each other, one is ended.
            for answer in [&answers.0, &answers.1] {
                assert!(["OK", "CONFLICT"].contains(&code_of(answer).as_str()), "{answer}");
            }
        }
    }

    async fn an_address_is_invited_once_however_many_invite_it(app: App) {
        app.organization("acme", &[]).await;
        let invite = "mutation($email: String!) { inviteUser(data: {email: $email, organizationId: \"acme\"}) { id } }";
        let tries = (0..8).map(|_| {
            let admin = app.admin();
            async move { code_of(&admin.send(invite, json!({"email": "new@acme.example"})).await) }
        });
        let mut codes = join_all(tries).await;
        codes.sort();
        assert_eq!(codes, [vec!["CONFLICT"; 7], vec!["OK"]].concat());
        assert_eq!(app.mails().len(), 1, "only the invitation that stands is mailed");
    }

    async fn an_invitation_is_accepted_while_it_is_withdrawn_or_its_address_taken(app: App) {
        app.organization("acme", &[]).await;
        for n in 0..6 {
            let email = format!("new{n}@acme.example");
            let made = app.admin().ok("mutation($email: String!) { inviteUser(data: {email: $email, organizationId: \"acme\"}) { id } }",
                json!({"email": email})).await;
            let (id, token) = (made["inviteUser"]["id"].clone(), app.mailed_token());
            let accept = async {
                app.anonymous().send("mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"a-password-of-mine\"}) { id } }",
                    json!({ "token": token })).await
            };
            let against = async {
                match n % 2 {
                    0 => app.admin().send("mutation($id: ID) { withdrawInvitation(where: {id: $id}) { id } }", json!({ "id": id })).await,
                    _ => app.admin().send("mutation($email: String) { createUser(data: {email: $email, organizationId: \"acme\"}) { id } }", json!({ "email": email })).await,
                }
            };
            let (accepted, against) = futures::future::join(accept, against).await;
            let done = [&accepted, &against].iter().filter(|answer| code_of(answer) == "OK").count();
            assert_eq!(done, 1, "{accepted}\n{against}");
            for answer in [&accepted, &against] {
                assert!(["OK", "CONFLICT", "INVALID"].contains(&code_of(answer).as_str()), "{answer}");
            }
            let users = app.admin().ok("query($email: String) { countUsers(where: {email: $email}) }", json!({ "email": email })).await;
            let expected = usize::from(code_of(&accepted) == "OK" || n % 2 == 1);
            assert_eq!(users["countUsers"], json!(expected));
        }
    }

    async fn nobody_signs_in_past_their_deactivation(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", Some("user")).await;
        for _ in 0..5 {
            let sign_in = app.try_sign_in(None, "ann@acme.example", "password-of-ann");
            let deactivate = app.admin();
            let deactivate = deactivate.send("mutation { deactivateUser(where: {id: \"ann\"}) { id } }", json!({}));
            let (signed_in, deactivated) = futures::future::join(sign_in, deactivate).await;
            assert_eq!(code_of(&deactivated), "OK");
            assert!(["OK", "FORBIDDEN", "UNAUTHENTICATED"].contains(&code_of(&signed_in).as_str()), "{signed_in}");
            app.admin().ok("mutation { activateUser(where: {id: \"ann\"}) { id } }", json!({})).await;
            if let Some(token) = signed_in["data"]["signIn"]["accessToken"].as_str() {
                assert_eq!(app.who(token).await, None, "a session that outlived the deactivation");
            }
        }
    }

    async fn nobody_takes_a_key_along_to_another_organization(app: App) {
        app.organization("acme", &[]).await;
        app.organization("globex", &[]).await;
        app.user("acme", "ann", Some("api-user")).await;
        let mut home = ["acme", "globex"].into_iter().cycle().skip(1);
        for _ in 0..5 {
            let ann = app.key_of("ann").await;
            let make = ann.send("mutation { createApiKey(data: {name: \"made meanwhile\"}) { secret } }", json!({}));
            let admin = app.admin();
            let to = json!({"to": home.next()});
            let leave = admin.send("mutation($to: String) { updatePropertiesInUser(where: {id: \"ann\"}, data: {organizationId: $to}) { id } }", to);
            let (made, moved) = futures::future::join(make, leave).await;
            assert_eq!(code_of(&moved), "OK", "{moved}");
            assert!(["OK", "UNAUTHENTICATED"].contains(&code_of(&made).as_str()), "{made}");
            if let Some(key) = made["data"]["createApiKey"]["secret"].as_str() {
                assert_eq!(app.who(key).await, None, "a key that outlived the move");
            }
        }
    }

    async fn a_user_is_made_with_a_role_that_is_deleted(app: App) {
        app.organization("acme", &[]).await;
        for n in 0..8 {
            let made = app.admin().ok("mutation { createRole(data: {name: \"passing\", organizationId: \"acme\"}) { id } }", json!({})).await;
            let (one, other) = (app.admin(), app.admin());
            let data = json!({"id": format!("u{n}"), "organizationId": "acme", "roles": ["passing"]});
            let create = one.send("mutation($data: CreateUserData!) { createUser(data: $data) { id } }", json!({ "data": data }));
            let delete = other.send("mutation($id: ID) { deleteRole(where: {id: $id}) { id } }", json!({"id": made["createRole"]["id"]}));
            let (created, deleted) = futures::future::join(create, delete).await;
            assert_eq!(code_of(&deleted), "OK", "{deleted}");
            assert!(["OK", "INVALID"].contains(&code_of(&created).as_str()), "{created}");
        }
    }
}

/// The move is under way, and committed only when the key is about to be made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_made_waits_for_a_move_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    app.organization("acme", &[]).await;
    app.user("acme", "ann", Some("api-user")).await;
    let ann = app.key_of("ann").await;
    let moving = app.services.db.begin().await.unwrap();
    moving
        .execute_unprepared("SELECT pk FROM users WHERE id = 'ann' FOR UPDATE")
        .await
        .unwrap();
    moving
        .execute_unprepared(
            "UPDATE users SET organization_pk = (SELECT pk FROM organizations WHERE id = 'platform') WHERE id = 'ann'",
        )
        .await
        .unwrap();
    let make = ann.send(
        "mutation { createApiKey(data: {name: \"made meanwhile\"}) { secret } }",
        json!({}),
    );
    let commit = async {
        until("a key that waits for the move", AT_LAST, async || {
            app.has_a_change_that_waits().await
        })
        .await;
        moving.commit().await.unwrap();
    };
    let (made, ()) = futures::future::join(make, commit).await;
    assert_eq!(code_of(&made), "UNAUTHENTICATED", "{made}");
}
