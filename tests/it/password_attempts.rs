//! Where passwords are checked: when a refusal is told, what it holds meanwhile, who waits for whom, and how often one may
//! be wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use serde_json::{Value, json};
use tenantry::model::Clock;
use tenantry::services::hasher::{Hasher, Load, Password};

use crate::on_both;
use crate::support::documents::{CREATE_USER, DEACTIVATE_USER};
use crate::support::session::{With, code_of, send_with};
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Caller, SPEEDS};

const UPDATE: &str = "mutation($where: UserWhere!, $old: String!) { updatePassword(where: $where, data: {oldPassword: $old, newPassword1: \"a brand new one\", newPassword2: \"a brand new one\"}) { id } }";

/// Hashes from elsewhere, of each kind, that cost more than one of ours or less.
const IMPORTED: [(&str, &str); 9] = [
    ("bcrypt", "$2b$08$abcdefghijklmnopqrstuu..............................."),
    (
        "argon2",
        "$argon2id$v=19$m=32768,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "argon2i",
        "$argon2i$v=19$m=256,t=1,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "scrypt",
        "$scrypt$ln=13,r=8,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "sha256",
        "$pbkdf2-sha256$i=100000,l=32$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "sha512",
        "$pbkdf2-sha512$i=1000,l=32$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    ),
    (
        "crypt",
        "$6$BG3pyh6MAXcM9QeF$iE63Qnp2Un3bN3DZj5qoLf8/yJqTozqnMgXsslu1xQcDKZ9yuk55wNlWC69SbcEgOu2V/tiDLOjKlkYY0yju30",
    ),
    (
        "firebase",
        "$fbscrypt$v=1,n=13,r=8,p=1,ss=Bw==,sk=AAAAAAAAAAAAAAAAAAAAAA==$c29tZXNhbHQ=$wWKIMhR9lyDFvRz9YTZweA==",
    ),
    ("wrapped", "{SSHA}gXE1LB05TlgxAsKLIznAL+uZtXDef0wdSfjmTA=="),
];

/// A hash that costs some ten of ours.
const DEAR: &str = "$scrypt$ln=15,r=8,p=2$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";

/// One that costs more than any in common use.
const DEAREST: &str = "$2b$14$abcdefghijklmnopqrstuu...............................";

/// When a refusal is told of a password of one spelling.
async fn deadline(hasher: &Hasher) -> Duration {
    hasher.deadline(&Password::new("wrong-password")).await.unwrap()
}

async fn import(app: &App, organization: &str, id: &str, hash: &str) {
    let email = format!("{id}@{organization}.example");
    let data = json!({"id": id, "email": email, "organizationId": organization, "passwordHash": hash});
    app.admin().create_user(data).await;
}

async fn temporary(app: &App, id: &str) -> String {
    let make = "mutation($data: CreateUserData!) { createUserWithPassword(data: $data) { password } }";
    let data = json!({"id": id, "email": format!("{id}@acme.example"), "organizationId": "acme"});
    let made = app.admin().ok(make, json!({ "data": data })).await;
    made["createUserWithPassword"]["password"].as_str().unwrap().to_owned()
}

/// The codes of a wrong, or a useless, password at each door that is open to anybody.
async fn at_each_door(app: &App, email: &str, password: &str) -> [(String, Duration); 3] {
    let started = Instant::now();
    let signed_in = code_of(&app.try_sign_in(None, email, password).await);
    let first = started.elapsed();
    let variables = json!({"where": {"email": email}, "old": password});
    let started = Instant::now();
    let changed = code_of(&app.anonymous().send(UPDATE, variables).await);
    let second = started.elapsed();
    let started = Instant::now();
    let reply = app.try_wallaroo_token(email, password).await;
    [
        (signed_in, first),
        (changed, second),
        (
            reply.json()["error"].as_str().unwrap_or("OK").to_owned(),
            started.elapsed(),
        ),
    ]
}

async fn old_password(caller: &Caller<'_>, from: &str, id: &str, old: &str) -> Value {
    let with = With {
        from: Some(from),
        ..With::default()
    };
    send_with(caller, with, UPDATE, json!({"where": {"id": id}, "old": old}))
        .await
        .json()
}

on_both! {
    /// Of whatever account and hash, and at every door: nobody is told "no" before the deadline.
    async fn a_refusal_is_told_at_the_deadline(app: App) {
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        app.user("acme", "off", None).await;
        app.admin().ok(DEACTIVATE_USER, json!({"id": "off"})).await;
        app.admin().create_user(json!({"id": "bare", "email": "bare@acme.example", "organizationId": "acme"})).await;
        temporary(&app, "temp").await;
        for (kind, hash) in IMPORTED {
            import(&app, "acme", kind, hash).await;
        }
        let deadline = deadline(&app.services.hasher).await;
        assert!(deadline > Duration::from_millis(1));
        for id in ["ada", "off", "bare", "temp", "nobody"].into_iter().chain(IMPORTED.map(|(kind, _)| kind)) {
            for password in ["wrong-password", "nul\u{0}inside", &"x".repeat(4_000), "Gru\u{308}n-wrong"] {
                // Of two spellings each is tried, and given its time, whether or not there is an account.
                let deadline = deadline * if password.starts_with("Gru") { 2 } else { 1 };
                for (code, took) in at_each_door(&app, &format!("{id}@acme.example"), password).await {
                    assert!(["UNAUTHENTICATED", "invalid_grant"].contains(&code.as_str()), "{id}: {code}");
                    assert!(took >= deadline, "{id}: {code} after {took:?} of {deadline:?}");
                }
            }
        }
        // Right, and of no use.
        for (id, password) in [("off", "password-of-off"), ("ada", "password-of-ada")] {
            let [(_, sign_in), (changed, took), _] = at_each_door(&app, &format!("{id}@acme.example"), password).await;
            assert_eq!(changed, "UNAUTHENTICATED");
            assert!(took >= deadline && (id == "ada" || sign_in >= deadline), "{id}: {sign_in:?} {took:?} of {deadline:?}");
        }
        // With a credential, too.
        for id in ["ada", "bare", "bcrypt"] {
            let caller = if id == "ada" { &ada } else { &app.admin() };
            let started = Instant::now();
            assert_eq!(code_of(&old_password(caller, "192.0.2.1", id, "wrong-password").await), "INVALID");
            assert!(started.elapsed() >= deadline, "{id}");
        }
    }

    /// On a machine that is believed to be slow, those who are refused wait for long, and hold nothing; nor does anybody
    /// wait who is right.
    async fn whoever_waits_to_be_refused_holds_nothing(app: App) {
        const MANY: usize = 40;
        let slow = App::with_hasher(app.backend, Hasher::with_speeds(SPEEDS.times(0.001))).await;
        slow.organization("acme", &[]).await;
        slow.user("acme", "ada", None).await;
        let temporary = temporary(&slow, "temp").await;
        assert_eq!(deadline(&slow.services.hasher).await, Duration::from_secs(10));
        slow.sign_in("acme", "ada").await;
        let told = AtomicUsize::new(0);
        let refused = join_all((0..MANY).map(|n| {
            let (slow, told) = (&slow, &told);
            async move {
                let id = if n == 0 { "ada" } else { &format!("nobody{n}") };
                slow.try_sign_in(None, &format!("{id}@acme.example"), "wrong-password").await;
                told.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let others = async {
            // All of them are counted: what is left to do is to wait. They hold neither a turn nor a connection then, or this
            // goes on until they are told.
            let counted = "SELECT COUNT(*) FROM sign_in_attempts WHERE failures > 0";
            until("all failures", AT_LAST, async || slow.number(counted).await >= MANY as i64).await;
            let used = || slow.services.db.load().into_iter().map(|(_, load)| load.used).sum::<usize>();
            until("nothing held", AT_LAST, async || used() == 0 && slow.services.hasher.load() == Load::default()).await;
            slow.sign_in("acme", "ada").await;
            assert_eq!(code_of(&slow.try_sign_in(None, "temp@acme.example", &temporary).await), "PASSWORD_CHANGE_REQUIRED");
            slow.anonymous().ok(UPDATE, json!({"where": {"email": "temp@acme.example"}, "old": temporary})).await;
            told.load(Ordering::SeqCst)
        };
        tokio::select! {
            _ = refused => panic!("they were told too early"),
            told = others => assert_eq!(told, 0),
        }
    }

    /// Whoever takes over a dear hash gives every refusal more time from then on, so that its own does not stand out.
    async fn the_deadline_is_that_of_the_dearest_hash(app: App) {
        app.organization("acme", &[]).await;
        let usual = deadline(&app.services.hasher).await;
        let refused = json!({"data": {"id": "x", "passwordHash": "$2b$15$abcdefghijklmnopqrstuu..............................."}});
        assert_eq!(app.admin().refused(CREATE_USER, refused).await, "INVALID");
        import(&app, "acme", "cheap", IMPORTED[0].1).await;
        assert_eq!(deadline(&app.services.hasher).await, usual);
        import(&app, "acme", "dear", DEAREST).await;
        let longer = deadline(&app.services.hasher).await;
        assert!(longer > usual, "{longer:?} {usual:?}");
        let started = Instant::now();
        app.try_sign_in(None, "nobody@acme.example", "wrong-password").await;
        assert!(started.elapsed() >= longer);
        // Nor does another process stay with its own time once it has met one.
        let hasher = Hasher::with_speeds(*SPEEDS);
        hasher.verify(None, &Password::new("wrong-password"), Some(DEAREST)).await.unwrap();
        assert!(deadline(&hasher).await > usual);
    }

    /// A storm of guesses at one organization's dear hashes is still waiting for its turns when others are through,
    /// whatever their own hashes cost.
    async fn one_organizations_storm_delays_no_other(app: App) {
        for organization in ["storm", "calm", "moved"] {
            app.organization(organization, &[]).await;
        }
        for n in 0..16 {
            import(&app, "storm", &format!("u{n}"), DEAR).await;
        }
        app.user("calm", "ada", None).await;
        import(&app, "moved", "bob", &bcrypt::hash("password-of-bob", 10).unwrap()).await;
        app.sign_in("calm", "ada").await;
        let done = AtomicUsize::new(0);
        let storm = join_all((0..16).map(|n| {
            let (app, done) = (&app, &done);
            async move {
                app.try_sign_in(None, &format!("u{n}@storm.example"), "wrong-password").await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let others = async {
            until("the storm", AT_LAST, async || app.services.hasher.load().waiting >= 14).await;
            app.sign_in("calm", "ada").await;
            app.sign_in("moved", "bob").await;
            done.load(Ordering::SeqCst)
        };
        let (_, done) = join(storm, others).await;
        assert!(done < 12, "{done} of 16 guesses were through before");
    }

    async fn an_old_password_is_counted_by_client_too(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        for n in 0..25 {
            app.admin().create_user(json!({"id": format!("u{n}"), "organizationId": "acme", "password": "password-of-all"})).await;
        }
        let mut codes = Vec::new();
        for round in 0..5 {
            let from = format!("2001:db8::{round}");
            let answers = join_all((0..25).map(|n| {
                let (chief, from) = (&chief, from.as_str());
                async move { old_password(chief, from, &format!("u{n}"), "wrong-password").await }
            })).await;
            codes.extend(answers.iter().map(code_of));
        }
        let count = |code: &str| codes.iter().filter(|known| *known == code).count();
        assert_eq!((count("INVALID"), count("RATE_LIMITED")), (100, 25), "{codes:?}");
        let told = old_password(&chief, "2001:db8::ff", "u1", "password-of-all").await;
        assert_eq!(code_of(&told), "RATE_LIMITED", "from the same network, and right");
        assert_eq!(code_of(&old_password(&chief, "192.0.2.1", "u1", "password-of-all").await), "OK");
        // Signing in from there is another count, and the other way round.
        let from = Some("2001:db8::1");
        assert_eq!(code_of(&app.try_sign_in(from, "chief@acme.example", "password-of-chief").await), "OK");
    }

    /// Whoever manages an account cannot keep its owner from changing the password.
    async fn an_owners_failures_are_counted_apart(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let ada = app.user("acme", "ada", None).await;
        let guesses = join_all((0..25).map(|_| old_password(&chief, "192.0.2.1", "ada", "wrong-password"))).await;
        assert_eq!(guesses.iter().filter(|answer| code_of(answer) == "RATE_LIMITED").count(), 5);
        assert_eq!(code_of(&old_password(&chief, "192.0.2.1", "ada", "password-of-ada").await), "RATE_LIMITED");
        assert_eq!(code_of(&old_password(&ada, "192.0.2.1", "ada", "password-of-ada").await), "OK");
    }

    /// The clock is put back after it ran ahead: a lock-out is told, and lasts, as long as its failures earn and no longer.
    async fn a_lock_out_survives_no_clock(app: App) {
        const DAYS: i64 = 24 * 60 * 60 * 1_000_000;
        app.organization("acme", &[]).await;
        let ada = app.user("acme", "ada", None).await;
        let Clock::Held(clock) = &app.services.clock else { panic!("a clock that moves") };
        let now = clock.load(Ordering::SeqCst);
        let seconds = |answer: &Value| match code_of(answer).as_str() {
            "RATE_LIMITED" => answer["errors"][0]["extensions"]["retryAfterSeconds"].as_u64().unwrap(),
            code => panic!("{code}"),
        };
        let sign_in = async || {
            let request = |password: &'static str| app.try_sign_in(Some("192.0.2.1"), "ada@acme.example", password);
            request("password-of-ada").await
        };
        for ahead in [30 * DAYS, DAYS / 24] {
            clock.store(now + ahead, Ordering::SeqCst);
            join_all((0..20).map(|_| app.try_sign_in(Some("192.0.2.1"), "ada@acme.example", "wrong-password"))).await;
            join_all((0..20).map(|_| old_password(&ada, "192.0.2.1", "ada", "wrong-password"))).await;
            clock.store(now, Ordering::SeqCst);
            assert_eq!(seconds(&sign_in().await), 30);
            assert_eq!(seconds(&old_password(&ada, "192.0.2.1", "ada", "password-of-ada").await), 30);
            app.services.clock.advance(Duration::from_secs(29));
            assert_eq!(seconds(&sign_in().await), 1, "and it goes by");
            // What still fails is counted in a window of today.
            app.services.clock.advance(Duration::from_secs(1));
            assert_eq!(code_of(&sign_in().await), "OK");
            assert_eq!(code_of(&old_password(&ada, "192.0.2.1", "ada", "wrong-password").await), "INVALID");
            assert_eq!(seconds(&old_password(&ada, "192.0.2.1", "ada", "wrong-password").await), 60);
            app.services.clock.advance(Duration::from_secs(60 + 15 * 60));
            assert_eq!(code_of(&old_password(&ada, "192.0.2.1", "ada", "wrong-password").await), "INVALID");
        }
        // A client that was known in a time to come is not known for longer than any other.
        clock.store(now + 300 * DAYS, Ordering::SeqCst);
        assert_eq!(code_of(&sign_in().await), "OK");
        clock.store(now, Ordering::SeqCst);
        join_all((0..25).map(|_| app.try_sign_in(Some("198.51.100.1"), "ada@acme.example", "wrong-password"))).await;
        assert_eq!(code_of(&sign_in().await), "OK", "known");
        // Ahead by any time, everything is over.
        clock.store(now + 3_000 * DAYS, Ordering::SeqCst);
        assert_eq!(code_of(&app.try_sign_in(Some("198.51.100.1"), "ada@acme.example", "password-of-ada").await), "OK");
    }
}
