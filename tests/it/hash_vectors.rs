//! The forms of hashes that other products have: what is stored of each, for which password it opens, and what is refused.

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use data_encoding::HEXLOWER_PERMISSIVE;
use futures::future::join_all;
use tenantry::services::hasher::{
    Checked, FirebaseProject, Hasher, NamedHash, Password, Recognized, Refused, recognize,
};

use crate::support::SPEEDS;

const PASSWORD: &str = "tenantry-sample-1";
const WRONG: &str = "tenantry-sample-2";
const SIGNER_KEY: &str = "dR274scY/AOjZGNc7ozdsg47vlsYpOJ+MHtEXLeZ1QuHHzrgp2lra51WKskWqVX0nzkxbAckLttg/OBg5kJPoA==";

/// How many digits of the parameters are changed, one after the other.
const DIGITS_CHANGED_MAX: usize = 8;

/// A line of the list; see `tests/import-samples/README.md`.
struct Vector {
    name: &'static str,
    given: &'static str,
    expect: &'static str,
    listed: &'static str,
    password: &'static str,
}

fn vectors() -> Vec<Vector> {
    let rows = include_str!("hash-vectors.tsv").lines().skip(1);
    rows.map(|row| match row.split('\t').collect::<Vec<_>>()[..] {
        [name, given, expect, listed, password, ..] => Vector {
            name,
            given,
            expect,
            listed,
            password,
        },
        _ => panic!("{row}"),
    })
    .collect()
}

fn vector(name: &str) -> Vector {
    vectors().into_iter().find(|vector| vector.name == name).unwrap()
}

fn hasher() -> Hasher {
    Hasher::with_speeds(*SPEEDS)
}

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// The text of a hash that can be stored as it is.
fn text_of(recognized: Result<Recognized, Refused>) -> String {
    match recognized {
        Ok(Recognized::Ready(stored)) => stored.text(),
        Ok(Recognized::Weak(weak)) => panic!("{weak:?}"),
        Err(refused) => panic!("{}", refused.message),
    }
}

async fn store(hasher: &Hasher, recognized: Result<Recognized, Refused>) -> String {
    hasher.stored_form(None, &recognized.unwrap()).await.unwrap()
}

async fn check(hasher: &Hasher, organization: i64, stored: &str, password: &str) -> Checked {
    let password = Password::new(password);
    hasher
        .verify(Some(organization), &password, Some(stored))
        .await
        .unwrap()
}

/// The inner part of a wrapped hash as it is listed: without what differs from hash to hash.
fn inner_of(stored: &str) -> String {
    let (inner, outer) = stored.strip_prefix("$onion$").unwrap().split_once('$').unwrap();
    assert!(outer.starts_with("argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    let listed = inner
        .split(',')
        .filter(|part| !part.starts_with("s=") && !part.starts_with("n="));
    listed.collect::<Vec<_>>().join(",")
}

/// The text with one character changed: in the hash, in the salt, and each digit of the parameters.
fn changed(stored: &str) -> Vec<String> {
    let fields: Vec<&str> = stored.split('$').collect();
    let [before @ .., salt, hash] = &fields[..] else {
        panic!("{stored}");
    };
    let hash_at = stored.len() - hash.len();
    let salt_at = hash_at - 1 - salt.len();
    let mut places = vec![
        hash_at + hash.len() / 4,
        hash_at + hash.len() / 2,
        salt_at + salt.len() / 2,
    ];
    let params_end = before.join("$").len();
    let digits: Vec<usize> = (0..params_end)
        .filter(|at| stored.as_bytes()[*at].is_ascii_digit())
        .collect();
    places.extend(digits.iter().step_by(digits.len().div_ceil(DIGITS_CHANGED_MAX).max(1)));
    let swapped = |at: usize| {
        let mut bytes = stored.as_bytes().to_vec();
        bytes[at] = match bytes[at] {
            b'9' => b'0',
            digit @ b'0'..=b'8' => digit + 1,
            b'A' => b'B',
            _ => b'A',
        };
        String::from_utf8(bytes).unwrap()
    };
    places.into_iter().map(swapped).collect()
}

async fn holds(hasher: &Hasher, organization: i64, vector: &Vector) {
    let name = vector.name;
    let recognized = match vector.expect {
        "named" => NamedHash {
            algorithm: "MD5".to_owned(),
            digest: hex(vector.given),
            ..NamedHash::default()
        }
        .recognize(),
        _ => recognize(vector.given),
    };
    let is_weak = matches!(recognized, Ok(Recognized::Weak(_)));
    assert_eq!(
        is_weak,
        ["named", "wrapped"].contains(&vector.expect),
        "{name}: {recognized:?}"
    );
    let stored = store(hasher, recognized).await;
    match (is_weak, vector.listed) {
        (true, listed) => assert_eq!(inner_of(&stored), listed, "{name}"),
        (false, "(as given)") => assert_eq!(stored, vector.given, "{name}"),
        (false, "(as given, without {CRYPT})") => {
            assert_eq!(Some(&stored[..]), vector.given.strip_prefix("{CRYPT}"), "{name}");
        }
        (false, listed) => assert_eq!(stored, listed, "{name}"),
    }
    assert!(vector.expect != "direct" || stored == vector.given, "{name}");
    assert_eq!(text_of(recognize(&stored)), stored, "{name}");
    // Ours is kept, and so is one that may be of a longer password. All others are replaced at the next sign-in.
    let right = match name {
        "argon2id-ours" | "bcrypt-80-characters" => Checked::Right,
        _ => Checked::RightAndStale,
    };
    assert_eq!(
        check(hasher, organization, &stored, vector.password).await,
        right,
        "{name}"
    );
    assert_eq!(
        check(hasher, organization, &stored, WRONG).await,
        Checked::Wrong,
        "{name}"
    );
    for other in changed(&stored) {
        assert_ne!(other, stored, "{name}");
        if recognize(&other).is_ok() {
            let checked = check(hasher, organization, &other, vector.password).await;
            assert_eq!(checked, Checked::Wrong, "{name}: {other}");
        }
    }
}

#[tokio::test]
async fn each_form_is_stored_as_listed_and_opens_for_its_password_alone() {
    let (hasher, vectors) = (hasher(), vectors());
    assert_eq!(vectors.len(), 57);
    let taken = vectors.iter().filter(|vector| vector.expect != "refused");
    // Each in its own turn, and not all at once in one organization's.
    join_all(
        (1..)
            .zip(taken)
            .map(|(organization, vector)| holds(&hasher, organization, vector)),
    )
    .await;
}

#[test]
fn what_cannot_be_checked_is_refused_by_its_kind() {
    let kinds = [
        ("argon2-too-dear", "cost"),
        ("bcrypt-cost-18", "cost"),
        ("bcrypt-cut", "malformed"),
        ("descrypt", "DES crypt"),
        ("django-unusable", "no-password"),
        ("drupal7", "drupal"),
        ("masked", "masked"),
        ("md5crypt", "MD5 crypt"),
        ("ntlm", "bare-digest"),
        ("pbkdf2-12-rounds", "cost"),
        ("yescrypt", "yescrypt"),
    ];
    let mut found = Vec::new();
    for Vector { name, given, .. } in vectors().into_iter().filter(|vector| vector.expect == "refused") {
        let refused = recognize(given).unwrap_err();
        for part in given.as_bytes().windows(8) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!refused.message.contains(part), "{name}: {}", refused.message);
        }
        found.push((name, refused.kind));
    }
    found.sort_unstable();
    assert_eq!(found, kinds);
    // A bare digest is never guessed: not where one of that length would be taken with a name, either.
    assert_eq!(recognize(vector("md5-hex").given).unwrap_err().kind, "bare-digest");
    for (given, kind) in [
        ("$apr1$gkLYkPfK$RJtsQGbLVqXKgrAK58tIU0", "Apache MD5 crypt"),
        (
            "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
            "scrypt crypt",
        ),
        ("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "mysql"),
        ("_J9..rasmBYk8r9AiWNc", "DES crypt"),
        ("{CRYPT}ab0p27BPTMtJ6", "DES crypt"),
        ("{CRYPT}$1$gkLYkPfK$RJtsQGbLVqXKgrAK58tIU0", "MD5 crypt"),
        ("{NT}994572C5F6260BA243FC250D8CEDDA2E", "ntlm"),
        ("{SCRAM-SHA-256}4096$c2FsdHNhbHQ$AAAA:AAAA", "scram"),
        ("SCRAM-SHA-256$4096:c2FsdHNhbHQ$AAAA:AAAA", "scram"),
        ("{CLEARTEXT}tenantry-sample-1", "ldap-scheme"),
        (
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "malformed",
        ),
        (
            "sha1$d3x87dyTlQMZ$28151933fb05e3c6b5434e401d59c922aaaaaaaa",
            "malformed",
        ),
        ("", "malformed"),
        ("tenantry-sample-1", "malformed"),
    ] {
        assert_eq!(recognize(given).unwrap_err().kind, kind, "{given}");
    }
}

/// Neither cheaper nor dearer than what is allowed, in whichever form it is given.
#[test]
fn costs_have_bounds_in_each_form() {
    let pbkdf2 = |rounds: u32| {
        format!("pbkdf2_sha256${rounds}$HVtIgI2rnICQYfkwaEWnr1$b2VhiXyKRE1TX57YCxDNyliJBZlBhcUo4kYLQ4jXDsI=")
    };
    let sha1 = |rounds: u32| {
        format!(
            "$pbkdf2-sha1$i={rounds}$c2FsdHNhbHQ${}",
            STANDARD_NO_PAD.encode([7_u8; 64])
        )
    };
    let crypt = |rounds: u32| format!("$6$rounds={rounds}$saltsalt${}", ".".repeat(86));
    let bcrypt = |cost: u32| format!("$wp$2y${cost:02}$abcdefghijklmnopqrstuu...............................");
    let phpass = |rounds: char| format!("$P${rounds}ksF6LPrITSGmH7tYd47suOxIIN3SF/");
    let scrypt = |n: u32| format!("scrypt:{n}:8:1$LTAfmlKj4hqogFsP${}", "00".repeat(32));
    let werkzeug = |lanes: u32| format!("scrypt:131072:8:{lanes}$LTAfmlKj4hqogFsP${}", "00".repeat(32));
    let firebase = |n: u32| {
        let bytes = STANDARD.encode([7_u8; 64]);
        format!("$fbscrypt$v=1,n={n},r=8,p=1,ss=Bw==,sk={bytes}$kIaipW3lETl/td63${bytes}")
    };
    for given in [
        pbkdf2(1_000),
        pbkdf2(2_000_000),
        sha1(500_000),
        crypt(1_000),
        crypt(2_000_000),
        bcrypt(4),
        bcrypt(14),
        phpass('5'),
        phpass('I'),
        scrypt(2),
        scrypt(131_072),
        werkzeug(4),
        firebase(17),
    ] {
        assert!(recognize(&given).is_ok(), "{given}");
    }
    for given in [
        // 64 bytes are four blocks of SHA-1.
        pbkdf2(999),
        pbkdf2(2_000_001),
        sha1(500_001),
        crypt(999),
        crypt(2_000_001),
        bcrypt(3),
        bcrypt(15),
        phpass('4'),
        phpass('J'),
        scrypt(1),
        scrypt(262_144),
        werkzeug(5),
        firebase(18),
    ] {
        assert_eq!(recognize(&given).unwrap_err().kind, "cost", "{given}");
    }
    assert_eq!(
        recognize(&scrypt(1_000)).unwrap_err().kind,
        "malformed",
        "N is a power of two"
    );
}

/// Digests whose algorithm a map or a preset names, as in Auth0's samples.
#[tokio::test]
async fn named_digests_are_those_of_their_algorithm() {
    let hasher = hasher();
    let named = |algorithm: &str, digest: &[u8]| NamedHash {
        algorithm: algorithm.to_owned(),
        digest: digest.to_vec(),
        ..NamedHash::default()
    };
    let of_auth0 = [
        (
            "md5,o=sp",
            NamedHash {
                salt: hex("1d9db13bf5f4e7c2"),
                salt_first: true,
                ..named("md5", &hex("1405df0b9a6d9257a3fc8a2718dce7bc"))
            },
        ),
        (
            "sha256,o=ps",
            NamedHash {
                salt: base64("DhpKI5CiUqo="),
                ..named("SHA-256", &base64("gmmnU4RhR7hmU8HO5MRbeCdS1sY8/bRLF4lNfR1MzA4="))
            },
        ),
        (
            "hmac-sha256,k=ay0x",
            NamedHash {
                key: hex("6b2d31"),
                ..named(
                    "hmac-sha256",
                    &hex("d8893a557a46dba5a242826b5aa4a32ba887d32c244c62a4009fba8968c503fa"),
                )
            },
        ),
    ];
    // A key that is longer than a block of the digest is replaced by its own digest.
    let long_key = format!("hmac-md5,k={}aw", "a2tr".repeat(23));
    let of_md5 = [
        ("hmac-md5,k=ay0x", hex("6b2d31"), "c23e8d34f214492d7581eb0dc6011a40"),
        (long_key.as_str(), b"k".repeat(70), "4ccbde8996c891b11183e2113be12bf3"),
    ]
    .map(|(inner, key, digest)| {
        let hash = NamedHash {
            key,
            ..named("hmac-md5", &hex(digest))
        };
        (inner, hash)
    });
    for (inner, hash) in of_auth0.into_iter().chain(of_md5) {
        let stored = store(&hasher, hash.recognize()).await;
        assert_eq!(inner_of(&stored), inner);
        assert_eq!(text_of(recognize(&stored)), stored);
        assert_eq!(
            check(&hasher, 1, &stored, PASSWORD).await,
            Checked::RightAndStale,
            "{inner}"
        );
        assert_eq!(check(&hasher, 1, &stored, WRONG).await, Checked::Wrong, "{inner}");
    }
    // The strong ones are the same as in a text.
    let passlib = NamedHash {
        salt: b"0123456789abcdef".to_vec(),
        rounds: Some(29_000),
        ..named("pbkdf2_sha256", &[7; 32])
    };
    let text = format!(
        "$pbkdf2-sha256$29000${}${}",
        STANDARD_NO_PAD.encode(&passlib.salt),
        STANDARD_NO_PAD.encode([7_u8; 32])
    );
    assert_eq!(text_of(passlib.recognize()), text_of(recognize(&text)));
    let scrypt = NamedHash {
        salt: hex("6e782f0f667e9fd6c7f80e4dc59f99a4"),
        rounds: Some(16_384),
        ..named("scrypt", &[7; 32])
    };
    assert!(text_of(scrypt.recognize()).starts_with("$scrypt$ln=14,r=8,p=1$bngvD2Z+n9bH+A5NxZ+ZpA$"));
    for hash in [
        named("md5", &[7; 20]),
        named("sha1", &[]),
        named("hmac-sha256", &[7; 32]),
        named("pbkdf2-sha256", &[7; 32]),
        named("md4", &[7; 16]),
        named("rot13", &[7; 16]),
        named("", &[7; 16]),
    ] {
        assert!(hash.recognize().is_err(), "{}", hash.algorithm);
    }
}

/// Firebase's own export has salt and hash of a user apart from the parameters of the project, and SuperTokens' has all but
/// the key.
#[tokio::test]
async fn a_firebase_hash_is_completed_by_its_project() {
    let hasher = hasher();
    let listed = vector("firebase").listed;
    let mut fields = listed.rsplit('$');
    let (hash, salt) = (base64(fields.next().unwrap()), base64(fields.next().unwrap()));
    let project = FirebaseProject {
        signer_key: base64(SIGNER_KEY),
        salt_separator: base64("Bw=="),
        rounds: 8,
        memory_cost: 14,
    };
    assert_eq!(text_of(project.recognize(&hash, &salt)), listed);
    let named = NamedHash {
        algorithm: "firebase".to_owned(),
        digest: hash,
        salt,
        key: base64(SIGNER_KEY),
        ..NamedHash::default()
    };
    assert_eq!(text_of(named.recognize()), listed);
    // In the alphabet for URLs.
    let url = listed.replace('+', "-").replace('/', "_");
    assert_eq!(text_of(recognize(&url)), listed);

    let supertokens = "$f_scrypt$pA901gjGMzbgHEqSXfKBTv62mq8eeoT5ZHDti1JBkpBkMxcJl4EfOK/14aFAYkBGBn8naMvt1wG36SE21de4Ag==$cwdvCS1m6YxFrB6X$m=14$r=8$s=Bw==";
    assert_eq!(recognize(supertokens).unwrap_err().kind, "firebase-without-key");
    let stored = text_of(project.recognize_supertokens(supertokens));
    assert_eq!(check(&hasher, 1, &stored, PASSWORD).await, Checked::RightAndStale);
    assert_eq!(check(&hasher, 1, &stored, WRONG).await, Checked::Wrong);
}

/// better-auth brings a password into the form NFKC. No other product does.
#[tokio::test]
async fn only_the_hashes_of_better_auth_are_of_the_form_nfkc() {
    let hasher = hasher();
    let (plain, wide) = ("Pass-word-1", "\u{ff30}\u{ff41}\u{ff53}\u{ff53}-word-\u{ff11}");
    let salt = "90869601f8cc777ed261b62e64180e40";
    let mut key = [0; 64];
    let params = scrypt::Params::new(14, 16, 1).unwrap();
    scrypt::scrypt(plain.as_bytes(), salt.as_bytes(), &params, &mut key).unwrap();
    let better_auth = text_of(recognize(&format!("{salt}:{}", HEXLOWER_PERMISSIVE.encode(&key))));
    assert!(
        better_auth.starts_with("$scrypt$ln=14,r=16,p=1,nfkc=1$"),
        "{better_auth}"
    );
    assert_eq!(check(&hasher, 1, &better_auth, plain).await, Checked::RightAndStale);
    // Both open it, so this one must not take the other one's place.
    assert_eq!(check(&hasher, 1, &better_auth, wide).await, Checked::Right);
    let other = better_auth.replace(",nfkc=1", "");
    assert_eq!(check(&hasher, 1, &other, plain).await, Checked::RightAndStale);
    assert_eq!(check(&hasher, 1, &other, wide).await, Checked::Wrong);
}

/// WordPress takes blanks off the ends of a password, and PBKDF2 is of the password with them.
#[tokio::test]
async fn blanks_at_the_ends_count_but_for_wordpress() {
    let hasher = hasher();
    let wordpress = vector("wordpress-6.8").listed;
    let blank = format!("\t{PASSWORD}  ");
    assert_eq!(
        check(&hasher, 1, wordpress, &blank).await,
        Checked::Right,
        "and it stays"
    );
    let mut hash = [0; 32];
    derive(
        PBKDF2_HMAC_SHA256,
        1_000.try_into().unwrap(),
        b"saltsalt",
        blank.as_bytes(),
        &mut hash,
    );
    let pbkdf2 = format!("$pbkdf2-sha256$1000$c2FsdHNhbHQ${}", STANDARD_NO_PAD.encode(hash));
    assert_eq!(check(&hasher, 1, &pbkdf2, &blank).await, Checked::RightAndStale);
    assert_eq!(check(&hasher, 1, &pbkdf2, PASSWORD).await, Checked::Wrong);
}

/// SHA-crypt and phpass take longer for a longer password; once a process has met one, so does every refusal.
#[tokio::test]
async fn a_refusal_allows_for_the_length_of_the_password() {
    let hasher = hasher();
    let (short, long) = (Password::new("wrong"), Password::new(&"wrong".repeat(25)));
    let usual = hasher.deadline(&short).await.unwrap();
    assert_eq!(hasher.deadline(&long).await.unwrap(), usual);
    hasher
        .accept("passwordHash", None, vector("sha512-crypt").given)
        .await
        .unwrap();
    let (short, long) = (
        hasher.deadline(&short).await.unwrap(),
        hasher.deadline(&long).await.unwrap(),
    );
    assert!(usual < short && short < long, "{usual:?} {short:?} {long:?}");
}
