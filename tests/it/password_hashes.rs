//! Hashes made elsewhere: which are taken over, and for whom they open.

use serde_json::json;
use tenantry::services::hasher::{Checked, Password};

use crate::on_both;
use crate::support::App;
use crate::support::documents::CREATE_USER;
use crate::support::session::code_of;

const SALT_AND_HASH: &str = "c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";

/// A user of the organization `acme` with this hash; the address is `<id>@acme.example`.
async fn import(app: &App, id: &str, hash: &str) {
    let data = json!({"id": id, "email": format!("{id}@acme.example"), "organizationId": "acme", "passwordHash": hash});
    app.admin().create_user(data).await;
}

async fn hash_of(app: &App, id: &str) -> String {
    app.user_row(id).await.password_hash.unwrap()
}

async fn sign_in(app: &App, id: &str, password: &str) -> String {
    code_of(&app.try_sign_in(None, &format!("{id}@acme.example"), password).await)
}

fn is_ours(hash: &str) -> bool {
    hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
}

on_both! {
    /// The forms that other products have, each with its password: a form that is taken opens for the password, and then
    /// is ours.
    async fn a_hash_that_is_taken_opens_for_its_password(app: App) {
        app.organization("acme", &[]).await;
        for row in include_str!("hash-vectors.tsv").lines().skip(1) {
            let [name, given, expect, _, password, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{row}");
            };
            let data = json!({"data": {"id": name, "email": format!("{name}@acme.example"), "organizationId": "acme", "passwordHash": given}});
            let answer = app.admin().send(CREATE_USER, data).await;
            let taken = answer["errors"].is_null();
            assert!(taken || answer["errors"][0]["extensions"]["field"] == "data.passwordHash", "{name}: {answer}");
            // A bare digest is taken where its algorithm is named, which this input has no place for.
            assert_eq!(taken, !["named", "refused"].contains(&expect), "{name}: {answer}");
            if taken {
                assert_eq!(sign_in(&app, name, "another-password").await, "UNAUTHENTICATED", "{name}");
                assert_eq!(sign_in(&app, name, password).await, "OK", "{name}");
                // A longer one may be another than the password behind the hash.
                assert_eq!(is_ours(&hash_of(&app, name).await), name != "bcrypt-80-characters", "{name}");
                assert_eq!(sign_in(&app, name, password).await, "OK", "{name}");
            }
        }
    }

    async fn bringing_a_hash_up_to_date_changes_nothing_else(app: App) {
        app.organization("acme", &[]).await;
        import(&app, "ada", &bcrypt::hash("the right one", 5).unwrap()).await;
        let before = app.admin().read_user("ada").await;
        assert_eq!(sign_in(&app, "ada", "the right one").await, "OK");
        let anew = hash_of(&app, "ada").await;
        assert!(is_ours(&anew), "{anew}");
        assert_eq!(app.admin().read_user("ada").await, before);
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'password.rehash'").await, 1);
        assert_eq!(sign_in(&app, "ada", "the right one").await, "OK");
        assert_eq!(hash_of(&app, "ada").await, anew, "once is enough");
        assert_eq!(app.number("SELECT COUNT(*) FROM audit_events WHERE action = 'password.rehash'").await, 1);
    }

    /// bcrypt looks at 72 bytes, and opens for whatever follows them. What follows is not stored.
    async fn a_longer_password_than_bcrypt_looks_at_is_not_stored(app: App) {
        app.organization("acme", &[]).await;
        let real = "0123456789".repeat(8);
        let hash = bcrypt::hash(&real, 4).unwrap();
        import(&app, "ada", &hash).await;
        let beginning = &real[..72];
        for typed in [format!("{beginning}another end"), beginning.to_owned(), format!("{beginning}é"), real.clone()] {
            assert_eq!(sign_in(&app, "ada", &typed).await, "OK", "{typed}");
            assert_eq!(hash_of(&app, "ada").await, hash, "{typed}");
        }
        assert_eq!(sign_in(&app, "ada", &real[..71]).await, "UNAUTHENTICATED");
        // Of 71 bytes it is this one and no other.
        import(&app, "bob", &bcrypt::hash(&real[..71], 4).unwrap()).await;
        assert_eq!(sign_in(&app, "bob", beginning).await, "UNAUTHENTICATED");
        assert_eq!(sign_in(&app, "bob", &real[..71]).await, "OK");
        assert!(is_ours(&hash_of(&app, "bob").await));
    }

    /// To bcrypt `a`, `a␀a` and `a␀a␀a` are one key; PBKDF2, and scrypt by it, fill a key up with ␀.
    async fn no_other_text_opens_a_hash_by_u_0000(app: App) {
        app.organization("acme", &[]).await;
        let word = "the right one";
        let phc = |params: &str, hash: &[u8]| format!("{params}c29tZXNhbHQ${}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, hash));
        let mut derived = [[0; 32]; 2];
        let rounds = 1_000.try_into().unwrap();
        aws_lc_rs::pbkdf2::derive(aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256, rounds, b"somesalt", word.as_bytes(), &mut derived[0]);
        scrypt::scrypt(word.as_bytes(), b"somesalt", &scrypt::Params::new(4, 8, 1).unwrap(), &mut derived[1]).unwrap();
        import(&app, "bcrypt", &bcrypt::hash(word, 4).unwrap()).await;
        import(&app, "pbkdf2", &phc("$pbkdf2-sha256$i=1000,l=32$", &derived[0])).await;
        import(&app, "scrypt", &phc("$scrypt$ln=4,r=8,p=1$", &derived[1])).await;
        for id in ["bcrypt", "pbkdf2", "scrypt"] {
            for other in [format!("{word}\0"), format!("{word}\0{word}"), format!("{word}\0{word}\0{word}")] {
                assert_eq!(sign_in(&app, id, &other).await, "UNAUTHENTICATED", "{id} {other:?}");
            }
            assert!(!is_ours(&hash_of(&app, id).await));
            assert_eq!(sign_in(&app, id, word).await, "OK", "{id}");
        }
    }

    /// Whatever may stand in an accepted form, there is a password that opens it.
    async fn every_parameter_is_one_that_is_used(app: App) {
        let hasher = &app.services.hasher;
        let word = Password::new("the right one");
        for (algorithm, version) in [("argon2id", 19), ("argon2i", 19), ("argon2d", 19), ("argon2id", 16), ("argon2i", 16)] {
            for (memory, iterations, lanes, bytes) in [(8, 1, 1, 32), (64, 3, 4, 10), (128, 2, 16, 64), (33, 1, 1, 16)] {
                let params = argon2::Params::new(memory, iterations, lanes, Some(bytes)).unwrap();
                let kind = argon2::Algorithm::try_from(algorithm).unwrap();
                let mut hash = vec![0; bytes];
                argon2::Argon2::new(kind, argon2::Version::try_from(version).unwrap(), params)
                    .hash_password_into(word.expose().as_bytes(), b"somesalt", &mut hash)
                    .unwrap();
                let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, hash);
                let phc = format!("${algorithm}$v={version}$m={memory},t={iterations},p={lanes}$c29tZXNhbHQ${hash}");
                assert_eq!(hasher.accept("passwordHash", None, &phc).await.unwrap(), phc);
                assert_eq!(hasher.verify(None, &word, Some(&phc)).await.unwrap(), Checked::RightAndStale, "{phc}");
                assert_eq!(hasher.verify(None, &Password::new("the wrong one"), Some(&phc)).await.unwrap(), Checked::Wrong);
            }
        }
    }

    async fn hashes_that_are_no_hash_or_cost_too_much_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let long = "A".repeat(86);
        for hash in [
            "".to_owned(), "plain text".to_owned(), "$".to_owned(), "$2b$".to_owned(), "$md5$x$y".to_owned(), "$argon2id$".to_owned(),
            format!("argon2id$v=19$m=19456,t=2,p=1${SALT_AND_HASH}"),
            format!("$argon2id$v=19$m=4194304,t=2,p=1${SALT_AND_HASH}"),
            format!("$argon2id$v=19$m=131072,t=16,p=1${SALT_AND_HASH}"),
            format!("$argon2id$v=19$m=19456,t=1000,p=1${SALT_AND_HASH}"),
            format!("$argon2id$v=19$t=2,p=1${SALT_AND_HASH}"),
            format!("$argon2id$m=19456,t=2,p=1${SALT_AND_HASH}"),
            format!("$argon2id$v=7$m=19456,t=2,p=1${SALT_AND_HASH}"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(),
            format!("$scrypt$ln=30,r=8,p=1${SALT_AND_HASH}"),
            format!("$scrypt$ln=17,r=16,p=1${SALT_AND_HASH}"),
            format!("$scrypt$ln=17,r=8,p=4294967295${SALT_AND_HASH}"),
            format!("$pbkdf2-sha256$i=4000000000,l=32${SALT_AND_HASH}"),
            format!("$pbkdf2-sha256$i=1,l=32${SALT_AND_HASH}"),
            // Two blocks of the digest cost twice as much.
            format!("$pbkdf2-sha256$i=2000000,l=64$c29tZXNhbHQ${long}"),
            format!("$2b$31${}", "a".repeat(53)),
            format!("$2b$10${}", "a".repeat(40)),
            format!("$2b$10${}é", "a".repeat(51)),
            "x".repeat(513),
        ] {
            let data = json!({"data": {"id": "new", "organizationId": "acme", "passwordHash": hash}});
            let refusal = app.admin().refusal(CREATE_USER, data.clone()).await;
            assert_eq!(refusal["extensions"]["field"], "data.passwordHash", "{hash}: {refusal}");
            assert!(hash.len() < 20 || !refusal["message"].as_str().unwrap().contains(&hash[hash.len() - 12..]), "{refusal}");
            assert_eq!(app.admin().refused(CREATE_USER, data).await, "INVALID");
        }
        let both = json!({"data": {"id": "new", "password": "a brand new one", "passwordHash": bcrypt::hash("x", 4).unwrap()}});
        assert_eq!(app.admin().refused(CREATE_USER, both).await, "INVALID");
    }

    /// Well formed, and yet no password would open it, or another one than the owner's: each is refused with the reason.
    async fn hashes_that_nobody_could_open_are_refused(app: App) {
        app.organization("acme", &[]).await;
        let bcrypt = bcrypt::hash("the right one", 5).unwrap();
        for (hash, reason) in [
            (format!("$argon2id$v=19$m=19456,t=2,p=1,keyid=c2VjcmV0${SALT_AND_HASH}"), "secret key"),
            (format!("$argon2id$v=19$m=19456,t=2,p=1,data=c2VjcmV0${SALT_AND_HASH}"), "associated data"),
            (format!("$argon2id$v=19$m=19456,t=2,p=1,x=1${SALT_AND_HASH}"), "unknown parameter"),
            // The first would be judged, and the last be used.
            (format!("$argon2id$v=19$m=19456,m=4194304,t=2,p=1${SALT_AND_HASH}"), "twice"),
            (format!("$argon2id$v=19$m=8,t=1,p=16${SALT_AND_HASH}"), "PHC"),
            (format!("$scrypt$ln=4,ln=17,r=8,p=1${SALT_AND_HASH}"), "twice"),
            (format!("$scrypt$v=1$ln=4,r=8,p=1${SALT_AND_HASH}"), "PHC"),
            (format!("$scrypt$ln=4,r=8,p=1,l=32${SALT_AND_HASH}"), "unknown parameter"),
            (format!("$pbkdf2-sha256$i=1000,i=2000000${SALT_AND_HASH}"), "twice"),
            (format!("$pbkdf2-sha256$i=1000,l=20${SALT_AND_HASH}"), "'l'"),
            (format!("$pbkdf2-sha512$v=1$i=1000,l=32${SALT_AND_HASH}"), "PHC"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA".to_owned(), "salt"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$wWKIMg".to_owned(), "10 to 64"),
            (bcrypt.replacen("$2b$", "$2x$", 1), "faulty"),
            (bcrypt.replacen("$05$", "$+5$", 1), "PHC"),
        ] {
            let data = json!({"data": {"id": "new", "organizationId": "acme", "passwordHash": hash}});
            let refusal = app.admin().refusal(CREATE_USER, data.clone()).await;
            assert_eq!(refusal["extensions"]["field"], "data.passwordHash", "{hash}: {refusal}");
            assert!(refusal["message"].as_str().unwrap().contains(reason), "{hash}: {refusal}");
            assert_eq!(app.admin().refused(CREATE_USER, data).await, "INVALID");
        }
    }
}
