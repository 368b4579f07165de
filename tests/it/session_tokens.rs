//! Session tokens: what is accepted, what is published, and how the keys are kept.

use std::time::Duration;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tenantry::authn::{Issuer, SigningKeys};
use tenantry::directory::signing_key;
use tenantry::model::{SecretKey, SecretSource};

use crate::on_both;
use crate::support::binary;
use crate::support::session::{Tokens, code_of};
use crate::support::{App, Backend, PUBLIC_URL, Reply, SECRET_KEY};

const MINUTE: Duration = Duration::from_secs(60);

async fn signed_in(app: &App) -> Tokens {
    app.organization("acme", &[]).await;
    app.user("acme", "ann", Some("api-user")).await;
    app.sign_in("acme", "ann").await
}

/// The key that signs, as the database and the secret have it.
pub async fn key(app: &App) -> (String, Vec<u8>) {
    let db = &app.services.db;
    let sql = "SELECT id, sealed FROM signing_keys ORDER BY pk DESC LIMIT 1";
    let row = db
        .reader()
        .query_one_raw(Statement::from_string(db.backend(), sql))
        .await
        .unwrap()
        .unwrap();
    let (id, sealed): (String, String) = (row.try_get("", "id").unwrap(), row.try_get("", "sealed").unwrap());
    let private = SecretKey::parse(SECRET_KEY)
        .unwrap()
        .open("signing keys", &id, &sealed)
        .unwrap();
    (id, private)
}

pub fn header_of(kid: &str) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(kid.to_owned());
    header
}

fn sign(header: &Header, claims: &Value, private: &[u8]) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(private)).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn published(app: &App) -> Reply {
    app.send(Request::get("/.well-known/jwks.json").body(Body::empty()).unwrap())
        .await
}

fn kids(reply: &Reply) -> Vec<String> {
    let keys = reply.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn a_token_says_who_and_for_how_long(app: App) {
        let tokens = signed_in(&app).await;
        let claims = tokens.claims();
        assert_eq!(claims["sub"], "ann");
        assert_eq!(claims["email"], "ann@acme.example");
        assert_eq!(claims["iss"], PUBLIC_URL);
        assert_eq!(claims["aud"], json!([PUBLIC_URL]));
        assert_eq!((&claims["org_id"], &claims["client_id"]), (&json!("acme"), &json!("tenantry")));
        assert_eq!((&claims["email_verified"], &claims["roles"]), (&json!(false), &json!(["api-user"])));
        assert!(claims.get("act").is_none() && claims.get("tenant_id").is_none());
        let started = app.services.clock.now().micros() / 1_000_000;
        assert_eq!(claims["auth_time"], started);
        // Made in the same second for the same session, and yet another token.
        let again = app.refresh(&tokens.refresh).await;
        assert_ne!(again.access, tokens.access);
        app.services.clock.advance(MINUTE);
        let again = app.refresh(&again.refresh).await;
        assert_eq!((again.sid(), &again.claims()["auth_time"]), (tokens.sid(), &json!(started)), "the password was checked then");
        assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
        assert_ne!(again.claims()["jti"], claims["jti"]);
        assert_ne!(again.access, tokens.access);
        let lifetime = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
        assert_eq!(lifetime, tokens.expires_in);
        assert!(lifetime <= 15 * 60);
        let header = jsonwebtoken::decode_header(&tokens.access).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
        let (kid, private) = key(&app).await;
        assert_eq!(header.kid.as_deref(), Some(kid.as_str()));
        // What the tests below forge is accepted when nothing is forged.
        assert_eq!(app.who(&sign(&header_of(&kid), &claims, &private)).await.as_deref(), Some("ann"));
    }

    async fn another_algorithm_is_refused(app: App) {
        let tokens = signed_in(&app).await;
        let (kid, _) = key(&app).await;
        let claims = tokens.access.split('.').nth(1).unwrap();
        let signature = tokens.access.split('.').nth(2).unwrap();
        for alg in ["none", "None", "HS256", "RS256", "ES256", "EdDSA "] {
            let header = encoded(&json!({"alg": alg, "typ": "at+jwt", "kid": kid}));
            for signature in ["", signature] {
                assert_eq!(app.who(&format!("{header}.{claims}.{signature}")).await, None, "{alg}");
            }
        }
        // The public key as the secret of a symmetric algorithm.
        let public = published(&app).await.json()["keys"][0]["x"].as_str().unwrap().to_owned();
        for secret in [public.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(&public).unwrap()] {
            let mut header = Header::new(Algorithm::HS256);
            header.typ = Some("at+jwt".to_owned());
            header.kid = Some(kid.clone());
            let forged = jsonwebtoken::encode(&header, &tokens.claims(), &EncodingKey::from_secret(&secret)).unwrap();
            assert_eq!(app.who(&forged).await, None);
        }
    }

    async fn every_claim_is_checked(app: App) {
        let tokens = signed_in(&app).await;
        app.user("acme", "bob", Some("api-user")).await;
        let (kid, private) = key(&app).await;
        let claims = tokens.claims();
        let now = claims["nbf"].as_i64().unwrap();
        for (claim, value) in [
            ("iss", json!("https://elsewhere.example")), ("iss", Value::Null), ("aud", json!("other")), ("aud", Value::Null),
            ("exp", json!(now)), ("exp", json!(now - 1)), ("exp", Value::Null), ("exp", json!(now + 86_400)), ("exp", json!("soon")),
            ("nbf", json!(now + 121)), ("nbf", Value::Null), ("sub", json!("bob")), ("sub", Value::Null), ("sub", json!("")),
            ("sid", json!("01900000-0000-7000-8000-000000000000")), ("sid", Value::Null), ("sid", json!("x\0y")),
            ("key_id", json!("01900000-0000-7000-8000-000000000000")), ("aud", json!([])), ("aud", json!(["https://elsewhere.example"])),
            ("tenant_scope", json!(true)),
        ] {
            let mut forged = claims.clone();
            if value.is_null() {
                forged.as_object_mut().unwrap().remove(claim);
            } else {
                forged[claim] = value.clone();
            }
            assert_eq!(app.who(&sign(&header_of(&kid), &forged, &private)).await, None, "{claim} {value}");
        }
        for typ in [None, Some("JWT"), Some("rt+jwt"), Some("")] {
            let mut header = header_of(&kid);
            header.typ = typ.map(str::to_owned);
            assert_eq!(app.who(&sign(&header, &claims, &private)).await, None, "typ {typ:?}");
        }
    }

    async fn keys_are_our_own_only(app: App) {
        let tokens = signed_in(&app).await;
        let (kid, private) = key(&app).await;
        let strange = Ed25519KeyPair::generate().unwrap();
        let strange_private = strange.to_pkcs8v1().unwrap();
        let claims = tokens.claims();
        assert_eq!(app.who(&sign(&header_of(&kid), &claims, strange_private.as_ref())).await, None);
        for other in ["", "no such", "01900000-0000-7000-8000-000000000000", "../../etc/passwd", "x' OR '1'='1"] {
            assert_eq!(app.who(&sign(&header_of(other), &claims, &private)).await, None, "kid {other}");
        }
        // A key that the token itself brings, or says where to fetch, is not looked at.
        let x = URL_SAFE_NO_PAD.encode(strange.public_key().as_ref());
        for header in [
            json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}),
            json!({"alg": "EdDSA", "typ": "at+jwt", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}),
            json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jku": "http://127.0.0.1:9/jwks.json"}),
        ] {
            let text = format!("{}.{}", encoded(&header), encoded(&claims));
            let signature = URL_SAFE_NO_PAD.encode(strange.sign(text.as_bytes()).as_ref());
            assert_eq!(app.who(&format!("{text}.{signature}")).await, None, "{header}");
        }
    }

    async fn a_refused_token_is_a_401(app: App) {
        let tokens = signed_in(&app).await;
        for bad in ["eyJ.x.y", &format!("{}x", tokens.access), &tokens.refresh, "eyJhbGciOiJub25lIn0.e30."] {
            let request = app.key(bad).request("/graphql", &json!({"query": "{ me { id } }"}));
            let reply = app.send(request).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{bad}");
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
            assert_eq!(code_of(&reply.json()), "UNAUTHENTICATED");
        }
    }

    async fn the_published_keys_check_tokens(app: App) {
        assert_eq!(published(&app).await.headers[header::CACHE_CONTROL], "no-store", "no key yet");
        let tokens = signed_in(&app).await;
        let reply = published(&app).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.headers[header::CACHE_CONTROL], "public, max-age=300");
        let set = reply.json();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 1);
        let mut names: Vec<&String> = keys[0].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"], "and nothing private");
        let public = URL_SAFE_NO_PAD.decode(keys[0]["x"].as_str().unwrap()).unwrap();
        let (text, signature) = tokens.access.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), &signature).unwrap();
    }

    async fn nothing_at_rest_opens_anything(app: App) {
        let tokens = signed_in(&app).await;
        let (_, private) = key(&app).await;
        let dump = app.dump().await;
        let seed: String = private.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = base64::engine::general_purpose::STANDARD.encode(&private);
        for secret in [tokens.access.as_str(), &tokens.refresh, &tokens.refresh[4..47], &tokens.refresh[47..], &seed, &base64[..40]] {
            assert!(!dump.contains(secret));
        }
        assert!(!dump.contains("password-of-ann"));
    }

    async fn a_key_is_followed_by_the_next_with_an_overlap(app: App) {
        let before = signed_in(&app).await;
        let op = app.machine();
        let old = kids(&published(&app).await);
        signing_key::rotate(&op, false).await.unwrap();
        let both = kids(&published(&app).await);
        assert_eq!(both.len(), 2);
        let kid = |tokens: &Tokens| jsonwebtoken::decode_header(&tokens.access).unwrap().kid.unwrap();
        let early = app.sign_in("acme", "ann").await;
        assert_eq!(vec![kid(&early)], old, "published first");
        app.services.clock.advance(10 * MINUTE - Duration::from_secs(1));
        let last = app.sign_in("acme", "ann").await;
        assert_eq!(vec![kid(&last)], old);
        assert_eq!(app.who(&before.access).await.as_deref(), Some("ann"));
        app.services.clock.advance(Duration::from_secs(1));
        let late = app.sign_in("acme", "ann").await;
        assert_ne!(vec![kid(&late)], old);
        app.services.clock.advance(10 * MINUTE - Duration::from_secs(2));
        for tokens in [&last, &late] {
            assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        }
        app.services.clock.advance(7 * MINUTE);
        assert_eq!(kids(&published(&app).await), vec![kid(&late)]);
    }

    async fn clocks_may_be_two_minutes_apart(app: App) {
        let tokens = signed_in(&app).await;
        let (kid, private) = key(&app).await;
        let now = app.services.clock.now().micros() / 1_000_000;
        // As a process signs whose clock is ahead, or behind, by so many seconds.
        let from = |seconds: i64| {
            let mut claims = tokens.claims();
            claims["iat"] = json!(now + seconds);
            claims["nbf"] = json!(now + seconds);
            claims["exp"] = json!(now + seconds + 600);
            sign(&header_of(&kid), &claims, &private)
        };
        for (seconds, believed) in [(0, true), (119, true), (120, true), (121, false), (-120, true), (-599, true), (-600, false)] {
            assert_eq!(app.who(&from(seconds)).await.is_some(), believed, "{seconds}");
        }
        // Each of the two counts, and the end has no tolerance.
        for name in ["iat", "nbf"] {
            let mut claims = tokens.claims();
            claims[name] = json!(now + 121);
            assert_eq!(app.who(&sign(&header_of(&kid), &claims, &private)).await, None, "{name}");
        }
    }

    async fn a_key_that_leaked_is_believed_no_more(app: App) {
        let tokens = signed_in(&app).await;
        let (kid, private) = key(&app).await;
        signing_key::rotate(&app.machine(), true).await.unwrap();
        assert_eq!(app.who(&tokens.access).await, None);
        assert_eq!(app.who(&sign(&header_of(&kid), &tokens.claims(), &private)).await, None);
        let next = app.refresh(&tokens.refresh).await;
        assert_eq!(app.who(&next.access).await.as_deref(), Some("ann"), "sessions go on");
        assert_eq!(kids(&published(&app).await).len(), 1);
    }

    async fn keys_grow_old(app: App) {
        signed_in(&app).await;
        app.services.clock.advance(90 * 24 * 60 * MINUTE);
        app.sign_in("acme", "ann").await;
        let tokens = app.sign_in("acme", "ann").await;
        assert_eq!(kids(&published(&app).await).len(), 2, "one new one, however many sign in");
        assert_eq!(app.who(&tokens.access).await.as_deref(), Some("ann"));
        app.services.clock.advance(30 * MINUTE);
        assert_eq!(kids(&published(&app).await).len(), 1);
    }

    async fn one_key_is_made_however_many_sign_in_first(app: App) {
        app.organization("acme", &[]).await;
        app.user("acme", "ann", Some("api-user")).await;
        futures::future::join_all((0..6).map(|_| app.sign_in("acme", "ann"))).await;
        assert_eq!(kids(&published(&app).await).len(), 1);
    }

    async fn a_start_without_the_secret_fails_where_there_are_keys(app: App) {
        let db = &app.services.db;
        let now = app.services.clock.now();
        let missing = SigningKeys::new(SecretSource::Missing, Issuer::local(8000));
        missing.check_at_start(db.reader(), now).await.unwrap();
        signed_in(&app).await;
        let said = missing.check_at_start(db.reader(), now).await.unwrap_err().to_string();
        assert!(said.contains("TENANTRY_SECRET_KEY") && said.contains("not set"), "{said}");
        let other = SecretSource::Given(SecretKey::parse(&"ab".repeat(32)).unwrap());
        let said = SigningKeys::new(other, Issuer::local(8000)).check_at_start(db.reader(), now).await.unwrap_err().to_string();
        assert!(said.contains("another secret"), "{said}");
        app.services.signing.check_at_start(db.reader(), now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_the_secret_is_a_private_file_beside_the_database() {
    let app = App::new(Backend::Sqlite).await;
    let path = app.database.url.strip_prefix("sqlite://").unwrap().to_owned();
    let file = format!("{path}.key");
    let second = SecretSource::new(
        None,
        app.database.url.strip_prefix("sqlite://").map(std::path::Path::new),
    );
    assert!(!std::path::Path::new(&file).exists(), "made at first need");
    let key = second.require().unwrap();
    let again = SecretSource::new(None, Some(std::path::Path::new(&path)));
    assert_eq!(again.require().unwrap().mac("x", &["y"]), key.mac("x", &["y"]));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let beside: Vec<_> = std::fs::read_dir(std::path::Path::new(&file).parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".key"))
        .collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_signing_in_is_refused_clearly_on_postgresql() {
    let app = App::without_secret(Backend::Postgres).await;
    app.organization("acme", &[]).await;
    app.user("acme", "ann", None).await;
    for password in ["password-of-ann", "wrong"] {
        let answer = app.try_sign_in(None, "ann@acme.example", password).await;
        assert_eq!(code_of(&answer), "UNAVAILABLE");
        assert!(
            answer["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains("TENANTRY_SECRET_KEY")
        );
    }
}

#[test]
fn a_secret_seals_for_one_id_and_one_purpose() {
    let key = SecretKey::parse(SECRET_KEY).unwrap();
    let sealed = key.seal("mails", "a", b"private").unwrap();
    assert_eq!(key.open("mails", "a", &sealed).unwrap(), b"private");
    assert!(key.open("mails", "b", &sealed).is_err());
    assert!(key.open("signing keys", "a", &sealed).is_err());
    assert!(key.open("mails", "a", &sealed[..sealed.len() - 4]).is_err());
    assert!(key.open("mails", "a", "").is_err());
    assert_ne!(
        sealed,
        key.seal("mails", "a", b"private").unwrap(),
        "a new nonce each time"
    );
    assert_ne!(key.mac("x", &["ab", "c"]), key.mac("x", &["a", "bc"]));
    assert_ne!(key.mac("x", &["a"]), key.mac("y", &["a"]));
    for bad in ["", "00", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
        assert!(SecretKey::parse(bad).is_none(), "{bad}");
    }
    assert_eq!(format!("{key:?}"), "SecretKey(…)");
}

#[test]
fn rsa_stays_out_of_the_tree() {
    let lock = include_str!("../../Cargo.lock");
    assert!(!lock.contains("name = \"rsa\""), "RUSTSEC-2023-0071 has no fix");
}

#[test]
fn the_command_rotates_and_a_start_without_the_secret_fails() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let run = |arguments: &[&str]| binary::run(arguments, &[("TENANTRY_DATABASE_URL", &url)]);
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!run(&["rotate-keys"]).status.success(), "there is no schema yet");
    assert!(run(&["migrate", "up"]).status.success());
    let first = run(&["rotate-keys"]);
    assert!(first.status.success(), "{}", said(&first));
    let file = folder.path().join("t.db.key");
    assert!(file.exists());
    std::fs::remove_file(&file).unwrap();
    let start = run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(!start.status.success());
    let line = said(&start);
    assert!(
        line.contains("t.db.key") && line.contains("rotate-keys --now"),
        "{line}"
    );
    assert!(!line.contains("panicked"), "{line}");
    let again = run(&["rotate-keys", "--now"]);
    assert!(again.status.success(), "{}", said(&again));
}
