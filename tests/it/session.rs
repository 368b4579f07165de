//! Sessions: signing in, refreshing, ending, and the delays.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tenantry::model::Clock;

use crate::on_both;
use crate::support::binary::Server;
use crate::support::session::{Tokens, code_of};
use crate::support::wait::{AT_LAST, until, until_outside};
use crate::support::{ADMIN_KEY, App, Backend, PUBLIC_URL, SECRET_KEY};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn world(app: &App) {
    app.organization("acme", &[]).await;
    app.user("acme", "ann", Some("api-user")).await;
}

async fn execute(app: &App, sql: &str) {
    let db = &app.services.db;
    let transaction = db.begin().await.unwrap();
    transaction
        .execute_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    app.services.credentials.forget();
}

async fn fail(app: &App, from: Option<&str>, email: &str, times: usize) {
    for n in 0..times {
        let answer = app.try_sign_in(from, email, "not the password").await;
        assert_eq!(code_of(&answer), "UNAUTHENTICATED", "failure {n} of {email}");
    }
}

fn retry_after(answer: &Value) -> u64 {
    assert_eq!(code_of(answer), "RATE_LIMITED", "{answer:#}");
    answer["errors"][0]["extensions"]["retryAfterSeconds"].as_u64().unwrap()
}

const RIGHT: &str = "password-of-ann";
const ANN: &str = "ann@acme.example";

on_both! {
    async fn a_session_is_begun_used_listed_and_ended(app: App) {
        world(&app).await;
        let tokens = app.sign_in("acme", "ann").await;
        assert_eq!(tokens.user, json!({"id": "ann", "email": ANN}));
        assert!(tokens.expires_in > 10 && tokens.expires_in <= 900, "{tokens:?}");
        assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        let caller = app.key(&tokens.access);
        let listed = caller.ok("{ sessions { id userId impersonatorId active current endedAt user { email } } countSessions
            sessionsConnection { totalCount nodes { id } } }", json!({})).await;
        let sid = tokens.sid();
        assert_eq!(listed, json!({
            "sessions": [{"id": sid, "userId": "ann", "impersonatorId": null, "active": true, "current": true,
                          "endedAt": null, "user": {"email": ANN}}],
            "countSessions": 1,
            "sessionsConnection": {"totalCount": 1, "nodes": [{"id": sid}]},
        }));
        let out = caller.ok("mutation { signOut { id active userId } }", json!({})).await;
        assert_eq!(out["signOut"], json!({"id": sid, "active": false, "userId": "ann"}));
        assert_eq!(app.who(&tokens.access).await, None, "ended at once");
        assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED");
        // The key goes on, and sees what was.
        let key = app.key_of("ann").await;
        assert_eq!(key.ok("{ countSessions }", json!({})).await["countSessions"], 0);
        let ended = key.ok("{ sessions(where: {active: false}) { id current } }", json!({})).await;
        assert_eq!(ended["sessions"], json!([{"id": sid, "current": false}]));
        assert_eq!(key.refused("mutation { signOut { id } }", json!({})).await, "INVALID");
        assert_eq!(app.anonymous().refused("mutation { signOut { id } }", json!({})).await, "UNAUTHENTICATED");
        assert_eq!(app.anonymous().code("{ sessions { id } }", json!({})).await, "UNAUTHENTICATED");
    }

    async fn signing_in_is_told_in_the_trail(app: App) {
        world(&app).await;
        let tokens = app.sign_in("acme", "ann").await;
        let db = &app.services.db;
        let sql = "SELECT actor_id, target_id FROM audit_events WHERE action = 'session.signIn'";
        let rows = db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].try_get::<String>("", "actor_id").unwrap(), "ann");
        assert_eq!(rows[0].try_get::<String>("", "target_id").unwrap(), tokens.sid());
    }

    async fn the_address_is_taken_in_any_case(app: App) {
        world(&app).await;
        let answer = app.try_sign_in(None, " Ann@ACME.example ", RIGHT).await;
        assert_eq!(code_of(&answer), "OK", "{answer:#}");
    }

    async fn nobody_learns_whether_an_address_exists(app: App) {
        world(&app).await;
        app.admin().ok("mutation { createUser(data: {email: \"nopass@acme.example\", organizationId: \"acme\"}) { id } }", json!({})).await;
        let mut answers = Vec::new();
        let long = "x".repeat(4_000);
        for (email, password) in [
            (ANN, "wrong-password"), ("nobody@acme.example", "wrong-password"), ("nopass@acme.example", ""),
            ("not an address", "x"), ("", ""), (ANN, long.as_str()), ("nul\0@acme.example", "a\0b"),
        ] {
            let answer = app.try_sign_in(None, email, password).await;
            assert_eq!(code_of(&answer), "UNAUTHENTICATED", "{email}");
            answers.push(answer["errors"].to_string());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "all in the same words: {answers:?}");
    }

    async fn an_unknown_address_costs_a_hash(app: App) {
        world(&app).await;
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..5 {
            for (at, email) in [ANN, "nobody@acme.example"].into_iter().enumerate() {
                let started = Instant::now();
                app.try_sign_in(None, email, "wrong-password").await;
                fastest[at] = fastest[at].min(started.elapsed());
            }
        }
        assert!(fastest[1] * 2 > fastest[0], "known {:?}, unknown {:?}", fastest[0], fastest[1]);
    }

    async fn who_gives_the_right_password_learns_why_not(app: App) {
        world(&app).await;
        execute(&app, "UPDATE users SET password_temporary = TRUE WHERE id = 'ann'").await;
        assert_eq!(code_of(&app.try_sign_in(None, ANN, "wrong-password").await), "UNAUTHENTICATED");
        assert_eq!(code_of(&app.try_sign_in(None, ANN, RIGHT).await), "PASSWORD_CHANGE_REQUIRED");
        app.admin().ok("mutation { deactivateUser(where: {id: \"ann\"}) { id } }", json!({})).await;
        assert_eq!(code_of(&app.try_sign_in(None, ANN, "wrong-password").await), "UNAUTHENTICATED");
        assert_eq!(code_of(&app.try_sign_in(None, ANN, RIGHT).await), "FORBIDDEN");
    }

    async fn refresh_tokens_rotate_and_an_old_one_ends_the_session(app: App) {
        world(&app).await;
        let first = app.sign_in("acme", "ann").await;
        let other = app.sign_in("acme", "ann").await;
        let second = app.refresh(&first.refresh).await;
        assert_ne!(first.refresh, second.refresh);
        assert_eq!(first.sid(), second.sid());
        // The answer got lost: the same successor, and nothing changes.
        let before = app.dump().await;
        let again = app.refresh(&first.refresh).await;
        assert_eq!(again.refresh, second.refresh);
        assert_eq!(app.dump().await, before);
        assert_eq!(app.who(&again.access).await.as_deref(), Some("ann"));
        app.services.clock.advance(10 * SECOND);
        assert_eq!(code_of(&app.try_refresh(&first.refresh).await), "UNAUTHENTICATED");
        for access in [&first.access, &second.access, &again.access] {
            assert_eq!(app.who(access).await, None, "the whole session ended");
        }
        assert_eq!(code_of(&app.try_refresh(&second.refresh).await), "UNAUTHENTICATED");
        assert_eq!(app.who(&other.access).await.as_deref(), Some("ann"), "and no other one");
    }

    /// An old refresh token is answered for ten seconds, in case the answer to it got lost; a clock put back makes them no
    /// more.
    async fn the_grace_of_a_refresh_is_not_prolonged_by_a_clock(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ada", None).await;
        let Clock::Held(clock) = &app.services.clock else { panic!("a clock that moves") };
        let first = app.sign_in("acme", "ada").await;
        let now = clock.load(Ordering::SeqCst);
        clock.store(now + 24 * 60 * 60 * 1_000_000, Ordering::SeqCst);
        app.refresh(&first.refresh).await;
        clock.store(now, Ordering::SeqCst);
        assert_eq!(code_of(&app.try_refresh(&first.refresh).await), "UNAUTHENTICATED");
    }

    async fn a_token_two_generations_old_has_no_grace(app: App) {
        world(&app).await;
        let first = app.sign_in("acme", "ann").await;
        let second = app.refresh(&first.refresh).await;
        let third = app.refresh(&second.refresh).await;
        assert_eq!(code_of(&app.try_refresh(&first.refresh).await), "UNAUTHENTICATED");
        assert_eq!(app.who(&third.access).await, None);
    }

    async fn refreshing_at_the_same_moment_gives_one_successor(app: App) {
        world(&app).await;
        let first = app.sign_in("acme", "ann").await;
        let all: Vec<Tokens> = join_all((0..8).map(|_| app.refresh(&first.refresh))).await;
        for tokens in &all {
            assert_eq!(tokens.refresh, all[0].refresh);
            assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        }
        app.refresh(&all[0].refresh).await;
    }

    async fn what_is_no_refresh_token_ends_nothing(app: App) {
        world(&app).await;
        let tokens = app.sign_in("acme", "ann").await;
        let key = app.key_of("ann").await.key.unwrap();
        let longer = format!("{}x", tokens.refresh);
        let unknown = tokens.refresh.chars().rev().collect::<String>().replace("_rnt", "");
        let unknown = format!("tnr_{unknown}");
        for token in ["", "tnr_", &tokens.access, &key, &longer, &unknown, "tnr_\0"] {
            let before = app.dump().await;
            assert_eq!(code_of(&app.try_refresh(token).await), "UNAUTHENTICATED", "{token}");
            assert_eq!(app.dump().await, before);
        }
        assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        assert_eq!(app.who(&tokens.refresh).await, None, "a refresh token is no access token");
    }

    async fn tokens_and_sessions_run_out(app: App) {
        world(&app).await;
        let mut tokens = app.sign_in("acme", "ann").await;
        app.services.clock.advance(Duration::from_secs(tokens.expires_in.unsigned_abs()) - SECOND);
        assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        app.services.clock.advance(SECOND);
        assert_eq!(app.who(&tokens.access).await, None);
        for _ in 0..4 {
            app.services.clock.advance(6 * DAY);
            tokens = app.refresh(&tokens.refresh).await;
        }
        app.services.clock.advance(5 * DAY);
        tokens = app.refresh(&tokens.refresh).await;
        assert!(tokens.refresh_expires_in < 24 * 60 * 60, "30 days in all: {tokens:?}");
        app.services.clock.advance(DAY);
        assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED");
        let idle = app.sign_in("acme", "ann").await;
        app.services.clock.advance(7 * DAY);
        assert_eq!(code_of(&app.try_refresh(&idle.refresh).await), "UNAUTHENTICATED");
    }

    async fn what_ends_sessions(app: App) {
        world(&app).await;
        app.organization("other", &[]).await;
        let gone = async |tokens: &Tokens, why: &str| {
            assert_eq!(app.who(&tokens.access).await, None, "{why}");
            assert_eq!(code_of(&app.try_refresh(&tokens.refresh).await), "UNAUTHENTICATED", "{why}");
        };
        let change = "mutation($old: String!, $new: String!) { updatePassword(where: {id: \"ann\"},
            data: {oldPassword: $old, newPassword1: $new, newPassword2: $new}) { id } }";
        let (mine, elsewhere) = (app.sign_in("acme", "ann").await, app.sign_in("acme", "ann").await);
        app.key(&mine.access).ok(change, json!({"old": RIGHT, "new": "another-password"})).await;
        gone(&elsewhere, "the password changed").await;
        assert_eq!(app.who(&mine.access).await.as_deref(), Some("ann"), "the session that changed it goes on");
        app.admin().ok(change, json!({"old": "another-password", "new": RIGHT})).await;
        gone(&mine, "an administrator changed the password").await;

        let tokens = app.sign_in("acme", "ann").await;
        app.admin().ok("mutation { resetPassword(where: {id: \"ann\"}) { id } }", json!({})).await;
        assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"), "a mail changes nothing yet");
        let mail = app.mails().pop().unwrap();
        let token = mail.split("token=").nth(1).unwrap();
        let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
        app.anonymous().ok("mutation($token: String!) { completePasswordReset(token: $token, newPassword: \"password-of-ann\") }",
            json!({ "token": token })).await;
        gone(&tokens, "the password was reset").await;

        let tokens = app.sign_in("acme", "ann").await;
        app.admin().ok("mutation { deactivateUser(where: {id: \"ann\"}) { id } }", json!({})).await;
        gone(&tokens, "deactivated").await;
        app.admin().ok("mutation { activateUser(where: {id: \"ann\"}) { id } }", json!({})).await;
        gone(&tokens, "ended sessions stay ended").await;

        let tokens = app.sign_in("acme", "ann").await;
        app.admin().ok("mutation { updatePropertiesInUser(where: {id: \"ann\"}, data: {organizationId: \"other\"}) { id } }", json!({})).await;
        gone(&tokens, "moved away").await;

        let tokens = app.sign_in("acme", "ann").await;
        let key = app.key_of("ann").await.key.unwrap();
        app.admin().ok("mutation { deleteUser(where: {id: \"ann\"}) { id } }", json!({})).await;
        gone(&tokens, "deleted").await;
        app.user("acme", "ann", Some("api-user")).await;
        gone(&tokens, "the same id, another user").await;
        assert_eq!(app.who(&key).await, None);
    }

    async fn one_ends_ones_own_sessions_only(app: App) {
        world(&app).await;
        app.user("acme", "bob", Some("organization-admin")).await;
        let (ann, bob) = (app.sign_in("acme", "ann").await, app.sign_in("acme", "bob").await);
        let revoke = "mutation($id: ID) { revokeSession(where: {id: $id}) { id endedAt } }";
        for caller in [app.key(&bob.access), app.admin()] {
            assert_eq!(caller.refused(revoke, json!({"id": ann.sid()})).await, "NOT_FOUND");
            let listed = caller.ok("query($id: ID) { sessions(where: {id: $id, active: true}) { id } }", json!({"id": ann.sid()})).await;
            assert_eq!(listed["sessions"], json!([]));
        }
        assert_eq!(app.key(&ann.access).refused(revoke, json!({"id": null})).await, "INVALID");
        assert_eq!(app.key(&ann.access).refused(revoke, json!({"id": "no such"})).await, "NOT_FOUND");
        let second = app.sign_in("acme", "ann").await;
        app.key(&ann.access).ok(revoke, json!({"id": second.sid()})).await;
        assert_eq!(app.who(&second.access).await, None);
        assert_eq!(app.key(&ann.access).refused(revoke, json!({"id": second.sid()})).await, "NOT_FOUND");
        assert_eq!(app.who(&ann.access).await.as_deref(), Some("ann"));
    }

    async fn one_sign_in_a_document(app: App) {
        world(&app).await;
        let one = "signIn(data: {email: \"ann@acme.example\", password: \"x\"}) { accessToken }";
        let answer = app.anonymous().send(&format!("mutation {{ a: {one} b: {one} }}"), json!({})).await;
        assert_eq!(code_of(&answer), "LIMIT_EXCEEDED");
    }

    async fn an_address_waits_after_twenty_failures(app: App) {
        world(&app).await;
        for email in [ANN, "nobody@acme.example"] {
            fail(&app, None, email, 20).await;
            let answer = app.try_sign_in(None, email, RIGHT).await;
            assert_eq!(retry_after(&answer), 30, "{email}");
        }
        // Waiting is not prolonged by asking; the wait grows with failures.
        app.services.clock.advance(29 * SECOND);
        assert_eq!(retry_after(&app.try_sign_in(None, ANN, RIGHT).await), 1);
        app.services.clock.advance(SECOND);
        fail(&app, None, "ANN@acme.example ", 1).await;
        assert_eq!(retry_after(&app.try_sign_in(None, ANN, RIGHT).await), 60);
        app.services.clock.advance(MINUTE);
        assert_eq!(code_of(&app.try_sign_in(None, ANN, RIGHT).await), "OK");
        fail(&app, None, ANN, 19).await;
        assert_eq!(code_of(&app.try_sign_in(None, ANN, RIGHT).await), "OK", "the right password clears the count");
    }

    async fn an_address_has_one_count_however_it_is_written(app: App) {
        world(&app).await;
        // A soft hyphen, a letter of full width, a capital, the ideographic full stop: all are the same domain.
        let spellings = ["ann@ac\u{ad}me.example", "ann@\u{ff41}cme.example", "ANN@acme.EXAMPLE", "ann@acme\u{3002}example"];
        for n in 0..20 {
            let answer = app.try_sign_in(None, spellings[n % spellings.len()], "not the password").await;
            assert_eq!(code_of(&answer), "UNAUTHENTICATED", "{n}: {answer}");
        }
        for email in [ANN, "ann@a\u{ad}cme.example"] {
            assert_eq!(code_of(&app.try_sign_in(None, email, RIGHT).await), "RATE_LIMITED", "{email}");
        }
    }

    /// All pass the first look at the bucket; whoever comes after it has filled is not told that a guess was right, in
    /// whatever words that would be said.
    async fn a_right_guess_among_too_many_at_once_is_not_told(app: App) {
        world(&app).await;
        // The first sign-in makes a key, for which all wait.
        app.sign_in("acme", "ann").await;
        let update = "mutation { updatePassword(where: {email: \"temp@acme.example\"}, data: {oldPassword: \"password-of-temp\", newPassword1: \"another-password\", newPassword2: \"another-password\"}) { id } }";
        for (id, by_sign_in) in [("plain", true), ("temp", true), ("temp", false), ("off", true)] {
            if id != "temp" || by_sign_in {
                let data = json!({"id": id, "email": format!("{id}@acme.example"), "password": format!("password-of-{id}"),
                    "organizationId": "acme", "activated": id != "off"});
                app.admin().ok("mutation($data: CreateUserData!, $temporary: Boolean) { createUserWithPassword(data: $data, requireReset: $temporary) { password } }",
                    json!({"data": data, "temporary": id == "temp"})).await;
            } else {
                app.services.clock.advance(60 * MINUTE);
            }
            let email = format!("{id}@acme.example");
            let wrong = join_all((0..40).map(|_| app.try_sign_in(None, &email, "not the password")));
            let right = async {
                // Most of them are past the look, and in the queue before it.
                until("guesses that wait for their turn", AT_LAST, async || app.services.hasher.load().waiting >= 20).await;
                match by_sign_in {
                    true => app.try_sign_in(None, &email, &format!("password-of-{id}")).await,
                    false => app.anonymous().send(update, json!({})).await,
                }
            };
            let (_, answer) = futures::future::join(wrong, right).await;
            assert_eq!(code_of(&answer), "RATE_LIMITED", "{id} {by_sign_in}: {answer}");
        }
    }

    async fn a_window_of_failures_passes(app: App) {
        world(&app).await;
        fail(&app, None, ANN, 19).await;
        app.services.clock.advance(15 * MINUTE);
        fail(&app, None, ANN, 19).await;
        assert_eq!(code_of(&app.try_sign_in(None, ANN, RIGHT).await), "OK");
    }

    async fn a_client_waits_after_a_hundred_failures(app: App) {
        world(&app).await;
        let attacker = Some("2001:db8::1");
        for n in 0..10 {
            fail(&app, attacker, &format!("nobody{n}@acme.example"), 10).await;
        }
        assert!(retry_after(&app.try_sign_in(attacker, ANN, RIGHT).await) > 0);
        assert!(retry_after(&app.try_sign_in(Some("2001:db8::2"), ANN, RIGHT).await) > 0, "the same network");
        assert_eq!(code_of(&app.try_sign_in(Some("192.0.2.1"), ANN, RIGHT).await), "OK");
        assert_eq!(code_of(&app.try_sign_in(Some("2001:db8:1::1"), ANN, RIGHT).await), "OK");
    }

    async fn nobody_is_locked_out_by_another(app: App) {
        world(&app).await;
        let (home, attacker) = (Some("192.0.2.1"), Some("198.51.100.1"));
        assert_eq!(code_of(&app.try_sign_in(home, ANN, RIGHT).await), "OK");
        fail(&app, attacker, ANN, 20).await;
        assert!(retry_after(&app.try_sign_in(attacker, ANN, RIGHT).await) > 0);
        fail(&app, home, ANN, 1).await;
        assert_eq!(code_of(&app.try_sign_in(home, ANN, RIGHT).await), "OK");
        // Where one is known, one may not guess for ever either.
        fail(&app, home, ANN, 20).await;
        assert!(retry_after(&app.try_sign_in(home, ANN, RIGHT).await) > 0);
    }

    async fn guesses_at_the_same_moment_are_counted_too(app: App) {
        world(&app).await;
        let answers = join_all((0..40).map(|_| app.try_sign_in(None, ANN, "not the password"))).await;
        let told = answers.iter().filter(|answer| code_of(answer) == "UNAUTHENTICATED").count();
        assert_eq!(told, 20);
        let many = join_all((0..30).map(|_| app.try_sign_in(None, "nobody@acme.example", RIGHT))).await;
        assert!(many.iter().all(|answer| ["UNAUTHENTICATED", "RATE_LIMITED"].contains(&code_of(answer).as_str())));
    }

    async fn many_who_are_right_are_not_held_up(app: App) {
        world(&app).await;
        let answers = join_all((0..40).map(|_| app.try_sign_in(Some("192.0.2.1"), ANN, RIGHT))).await;
        assert!(answers.iter().all(|answer| code_of(answer) == "OK"));
    }

    async fn sessions_do_what_the_model_does(app: App) {
        world(&app).await;
        let mut runner = TestRunner::deterministic();
        for _ in 0..12 {
            let steps = prop::collection::vec((0_u8..8, any::<prop::sample::Index>()), 1..18)
                .new_tree(&mut runner).unwrap().current();
            let trace = format!("{steps:?}");
            // Per session: whether it lives, its tokens, the oldest first, and when it was last refreshed.
            let mut model: Vec<(bool, Vec<Tokens>, u64)> = Vec::new();
            let mut clock = 0_u64;
            for (step, which) in steps {
                if model.is_empty() || (step == 0 && model.len() < 4) {
                    model.push((true, vec![app.sign_in("acme", "ann").await], clock));
                    continue;
                }
                let at = which.index(model.len());
                let (alive, tokens, rotated) = model[at].clone();
                let latest = tokens.last().unwrap();
                match step {
                    0 | 1 => {
                        let answer = app.try_refresh(&latest.refresh).await;
                        assert_eq!(code_of(&answer) == "OK", alive, "refresh {at} of {trace}");
                        if alive {
                            model[at].1.push(Tokens::of(&answer["data"]["refreshSession"]));
                            model[at].2 = clock;
                        }
                    }
                    2 | 3 if tokens.len() > 1 => {
                        let old = which.index(tokens.len() - 1);
                        let graced = alive && old == tokens.len() - 2 && clock < rotated + 10;
                        let answer = app.try_refresh(&tokens[old].refresh).await;
                        assert_eq!(code_of(&answer) == "OK", graced, "token {old} of {at} of {trace}");
                        if graced {
                            assert_eq!(Tokens::of(&answer["data"]["refreshSession"]).refresh, latest.refresh);
                        } else {
                            model[at].0 = false;
                        }
                    }
                    4 => {
                        let answer = app.key(&latest.access).send("mutation { signOut { id } }", json!({})).await;
                        assert_eq!(code_of(&answer) == "OK", alive, "sign out {at} of {trace}");
                        model[at].0 = false;
                    }
                    5 => {
                        let from = which.index(model.len() + 1) % model.len();
                        let caller = app.key(&model[from].1.last().unwrap().access);
                        let answer = caller.send("mutation($id: ID) { revokeSession(where: {id: $id}) { id } }", json!({"id": latest.sid()})).await;
                        assert_eq!(code_of(&answer) == "OK", alive && model[from].0, "revoke {at} from {from} of {trace}");
                        if model[from].0 {
                            model[at].0 = false;
                        }
                    }
                    6 => {
                        app.services.clock.advance(6 * SECOND);
                        clock += 6;
                    }
                    _ => {}
                }
                for (at, (alive, tokens, _)) in model.iter().enumerate() {
                    for token in tokens {
                        assert_eq!(app.who(&token.access).await.is_some(), *alive, "session {at} of {trace}");
                    }
                }
            }
        }
    }
}

/// Another process on this database.
fn process(app: &App) -> Server {
    let variables = [("TENANTRY_SECRET_KEY", SECRET_KEY), ("TENANTRY_PUBLIC_URL", PUBLIC_URL)];
    Server::start(&app.database.url, &variables)
}

fn ask(server: &Server, credential: Option<&str>, document: &str) -> Value {
    server.call(credential.unwrap_or_default(), document).1
}

/// A key, a role, of a user or of its group, and the user itself: taken away on one process, gone on the other. How soon is
/// measured where nothing else runs: in the soak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_away_on_one_process_is_refused_by_the_other_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    app.organization("acme", &[]).await;
    let key = app.user("acme", "ann", Some("team-manager")).await.key.unwrap();
    app.admin()
        .ok("mutation { createGroup(data: {name: \"Admins\", organizationId: \"acme\", roles: [\"organization-admin\"]}) { id } }", json!({}))
        .await;
    let (one, other) = (process(&app), process(&app));
    let in_group = "(where: {key: \"ADMINS\", organization: {id: \"acme\"}}, user: {id: \"ann\"}) { id } }";
    let steps = [
        (
            format!("mutation {{ addUserToGroup{in_group}"),
            None,
            "{ countOrganizations }",
            "",
        ),
        (
            format!("mutation {{ removeUserFromGroup{in_group}"),
            None,
            "{ countOrganizations }",
            "FORBIDDEN",
        ),
        (
            "mutation { withdrawRole(where: {id: \"ann\"}, role: \"team-manager\") { id } }".to_owned(),
            None,
            "{ countGroups }",
            "FORBIDDEN",
        ),
        (
            "mutation { deactivateUser(where: {id: \"ann\"}) { id } }".to_owned(),
            None,
            "{ me { id } }",
            "UNAUTHENTICATED",
        ),
        (
            "mutation { activateUser(where: {id: \"ann\"}) { id } }".to_owned(),
            None,
            "{ me { id } }",
            "",
        ),
        (
            "{ apiKeys { name } }".to_owned(),
            Some("revokeApiKeys"),
            "{ me { id } }",
            "UNAUTHENTICATED",
        ),
    ];
    for (change, by_owner, probe, expected) in steps {
        let done = match by_owner {
            None => ask(&one, Some(ADMIN_KEY), &change),
            Some(field) => {
                let name = ask(&one, Some(&key), &change)["data"]["apiKeys"][0]["name"].clone();
                ask(
                    &one,
                    Some(&key),
                    &format!("mutation {{ {field}(names: [{name}]) {{ id }} }}"),
                )
            }
        };
        assert!(done.get("errors").is_none(), "{change}: {done}");
        let expected = if expected.is_empty() { "OK" } else { expected };
        assert_eq!(
            code_of(&ask(&one, Some(&key), probe)),
            expected,
            "at once, on the same process: {change}"
        );
        until_outside(&change, AT_LAST, || {
            code_of(&ask(&other, Some(&key), probe)) == expected
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_revoked_on_one_process_is_refused_by_the_other_on_postgresql() {
    let app = App::new(Backend::Postgres).await;
    world(&app).await;
    let (one, other) = (process(&app), process(&app));
    let sign_in = format!("mutation {{ signIn(data: {{email: \"{ANN}\", password: \"{RIGHT}\"}}) {{ accessToken }} }}");
    let signed_in = ask(&one, None, &sign_in);
    let token = signed_in["data"]["signIn"]["accessToken"].as_str().unwrap();
    for process in [&one, &other] {
        assert_eq!(ask(process, Some(token), "{ me { id } }")["data"]["me"]["id"], "ann");
    }
    let out = ask(&one, Some(token), "mutation { signOut { id } }");
    assert!(out.get("errors").is_none(), "{out}");
    assert_eq!(code_of(&ask(&one, Some(token), "{ me { id } }")), "UNAUTHENTICATED");
    until_outside("a session that the other refuses", AT_LAST, || {
        code_of(&ask(&other, Some(token), "{ me { id } }")) == "UNAUTHENTICATED"
    });
    // And failures on both are counted together.
    let wrong = format!("mutation {{ signIn(data: {{email: \"{ANN}\", password: \"wrong\"}}) {{ accessToken }} }}");
    for n in 0..20 {
        let process = if n % 2 == 0 { &one } else { &other };
        assert_eq!(code_of(&ask(process, None, &wrong)), "UNAUTHENTICATED", "{n}");
    }
    for process in [&one, &other] {
        assert!(["RATE_LIMITED"].contains(&code_of(&ask(process, None, &wrong)).as_str()));
    }
    assert_eq!(
        ask(&one, Some(ADMIN_KEY), "{ me { id } }")["data"]["me"]["id"],
        "admin",
        "keys have no lock-out"
    );
}
