//! Mail servers that do what they should not: what they can do to us, and what becomes of the mail.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tenantry::model::Email;
use tenantry::services::config::{MailConfig, Smtp as Configured};
use tenantry::services::mailer::{Mail, Mailer, Undelivered};

use crate::support::binary::Server;
use crate::support::smtp::{Instead, Smtp};
use crate::support::wait::{AT_LAST, until};
use crate::support::{App, Backend, TestDatabase};

const INVITE: &str = "mutation { inviteUser(data: {email: \"new@mail.example\"}) { id } }";
const INVITATIONS: &str = "{ invitations { mailState mailProblem } }";

/// Lines that are never the last one.
const GREETINGS: &str = "220-and one more line of what we always wanted to tell you, and of what not\r\n";
const LINES: &str = "250-and one more line of what we always wanted to tell you, and of what not\r\n";
/// Far less than floods within the time that a mail has; more than what the sockets hold.
const FLOODED_BYTES_MAX: usize = 2 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_too_much_is_not_listened_to() {
    let server = Smtp::start().await;
    let app = App::with_smtp(Backend::Sqlite, &server.url).await;
    app.organization("acme", &[]).await;
    let admin = app.admin();
    server.only("GREETING", Instead::Floods("x"));
    admin.ok(INVITE, json!({})).await;
    for (step, text) in [
        ("GREETING", "x"),
        ("GREETING", GREETINGS),
        ("EHLO", "x"),
        ("EHLO", LINES),
        ("MAIL", LINES),
        ("DATA", "x"),
        ("CONTENT", "x"),
        ("CONTENT", LINES),
        ("CONTENT", "\0"),
    ] {
        server.only(step, Instead::Floods(text));
        server.flooded.store(0, Ordering::SeqCst);
        let began = Instant::now();
        app.services.clock.advance(Duration::from_secs(3600));
        app.send_mails().await;
        let flooded = server.flooded.load(Ordering::SeqCst);
        assert!(flooded < FLOODED_BYTES_MAX, "{step} {text:?}: {flooded} bytes");
        assert!(began.elapsed() < Duration::from_secs(10), "{step} {text:?}");
        assert_eq!(app.number("SELECT COUNT(*) FROM mails").await, 1, "{step} {text:?}");
        let shown = admin.ok(INVITATIONS, json!({})).await["invitations"][0].clone();
        assert_eq!(shown["mailState"], "WAITING", "{step} {text:?}");
        let problem = shown["mailProblem"].as_str().unwrap();
        assert!(problem.contains("said too much"), "{step} {text:?}: {problem}");
    }
    server.instead.lock().unwrap().clear();
    app.services.clock.advance(Duration::from_secs(3600));
    app.send_mails().await;
    assert_eq!(server.mails().len(), 1);
}

/// A server that has taken the mail may say goodbye as it likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_was_taken_is_sent_whatever_comes_after() {
    let server = Smtp::start().await;
    for instead in [Instead::Hangs, Instead::Says("554 no"), Instead::Floods("x")] {
        server.only("QUIT", instead);
        let began = Instant::now();
        assert_eq!(send(&server, "").await, Ok(()));
        assert!(began.elapsed() < Duration::from_secs(3));
    }
    assert_eq!(server.mails().len(), 3);
}

/// Sends one mail past the outbox, signed in as the URL says.
async fn send(server: &Smtp, credentials: &str) -> Result<(), Undelivered> {
    let url = server.url.replace("smtp://", &format!("smtp://{credentials}")) + "?tls=none";
    send_to(&url).await
}

async fn send_to(url: &str) -> Result<(), Undelivered> {
    let config = MailConfig::Smtp(Configured::parse(url).unwrap());
    let mailer = Mailer::new(&config, None, "https://directory.example").unwrap();
    let mail = Mail {
        subject: "A subject".to_owned(),
        text: "A text.\n".to_owned(),
        html: None,
    };
    mailer
        .send_now(&Email::normalize("new@mail.example").unwrap(), mail)
        .await
}

/// A mail is given up only where the server refuses this recipient or this content, at the step where it knows them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_refusals_of_the_mail_are_final() {
    const LATER: bool = false;
    const NEVER: bool = true;
    let server = Smtp::start().await;
    for (step, said, expected) in [
        ("GREETING", "554 5.7.1 no service for you", LATER),
        ("GREETING", "554 no service", LATER),
        ("GREETING", "550 5.1.1 no such user", LATER),
        ("GREETING", "421 4.3.2 closing", LATER),
        ("EHLO", "550 5.7.1 who are you", LATER),
        ("EHLO", "502 5.5.1 what", LATER),
        ("EHLO", "421 4.3.2 closing", LATER),
        ("AUTH", "535 5.7.8 bad credentials", LATER),
        ("AUTH", "534 5.7.9 stronger, please", LATER),
        ("AUTH", "550 5.1.1 no such user", LATER),
        ("AUTH", "454 4.7.0 for now", LATER),
        ("MAIL", "550 5.7.1 sender rejected", LATER),
        ("MAIL", "553 5.1.8 sender's domain not found", LATER),
        ("MAIL", "550 5.1.1 no such user", LATER),
        ("MAIL", "550 sender rejected", LATER),
        ("MAIL", "530 5.7.0 authentication required", LATER),
        ("MAIL", "552 5.3.4 too big", LATER),
        ("MAIL", "451 4.3.0 later", LATER),
        ("RCPT", "550 5.1.1 no such user", NEVER),
        ("RCPT", "550-5.1.1 no such user\r\n550 5.1.1 at all", NEVER),
        ("RCPT", "550 5.1.2 no such domain", NEVER),
        ("RCPT", "501 5.1.3 what an address", NEVER),
        ("RCPT", "551 5.1.6 has moved", NEVER),
        ("RCPT", "550 5.1.10 takes no mail", NEVER),
        ("RCPT", "550 User unknown", NEVER),
        ("RCPT", "551 user not local", NEVER),
        ("RCPT", "553 sorry, no mailbox here by that name. (#5.1.1)", NEVER),
        ("RCPT", "553 mailbox name not allowed", NEVER),
        ("RCPT", "550 5.7.1 relaying denied", LATER),
        ("RCPT", "554 5.7.1 relay access denied", LATER),
        ("RCPT", "550 5.7.54 unable to relay", LATER),
        ("RCPT", "454 4.7.1 relay access denied", LATER),
        (
            "RCPT",
            "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
            LATER,
        ),
        ("RCPT", "550 relay not permitted", LATER),
        (
            "RCPT",
            "550-Verification failed for <no-reply@x.example>\r\n550 Sender verify failed",
            LATER,
        ),
        ("RCPT", "550 5.1.8 sender's domain not found", LATER),
        ("RCPT", "550 5.1.7 sender's address is none", LATER),
        ("RCPT", "550 4.1.1 perhaps", LATER),
        ("RCPT", "450 5.1.1 perhaps", LATER),
        ("RCPT", "450 4.1.1 perhaps", LATER),
        ("RCPT", "552 5.2.2 mailbox full", LATER),
        ("RCPT", "452 4.2.2 mailbox full", LATER),
        ("RCPT", "552 5.3.1 system full", LATER),
        ("RCPT", "452 4.3.1 system full", LATER),
        ("RCPT", "552 mailbox full", LATER),
        ("RCPT", "554 transaction failed", LATER),
        ("RCPT", "503 5.5.1 MAIL first", LATER),
        ("RCPT", "530 5.7.0 STARTTLS first", LATER),
        ("RCPT", "421 4.3.2 closing", LATER),
        ("DATA", "554 5.5.1 no recipients", LATER),
        ("DATA", "550 5.7.1 not by you", LATER),
        ("DATA", "550 5.1.1 no such user", NEVER),
        ("DATA", "451 4.3.0 later", LATER),
        ("DATA", "250 yes", LATER),
        ("CONTENT", "554 5.6.0 what a content", NEVER),
        ("CONTENT", "550 5.6.7 what an address", NEVER),
        ("CONTENT", "552 5.3.4 too big", NEVER),
        ("CONTENT", "552 5.2.3 too big for the mailbox", NEVER),
        ("CONTENT", "550 5.1.1 no such user", NEVER),
        ("CONTENT", "552 5.2.2 mailbox full", LATER),
        ("CONTENT", "552 5.3.1 system full", LATER),
        ("CONTENT", "550 5.7.26 unauthenticated sender", LATER),
        ("CONTENT", "554 5.7.1 policy", LATER),
        ("CONTENT", "554 Message rejected: Email address is not verified", LATER),
        ("CONTENT", "451 4.6.0 perhaps", LATER),
        ("CONTENT", "421 4.3.2 closing", LATER),
    ] {
        server.only(step, Instead::Says(said));
        let words = if said == "250 yes" {
            "250"
        } else {
            said.rsplit(' ').next().unwrap()
        };
        match (send(&server, "user:secret@").await, expected) {
            (Err(Undelivered::Never(told)), NEVER) | (Err(Undelivered::Later(told)), LATER) => {
                assert!(told.contains(words), "{step} {said}: {told}");
            }
            (other, _) => panic!("{step} {said}: {other:?}"),
        }
    }
    assert!(server.mails().is_empty());
    // Nor is a STARTTLS that is refused, or not even offered where it is demanded.
    let url = format!("{}?tls=required", server.url);
    for (offered, said) in [("STARTTLS", "550 5.1.1 no"), ("STARTTLS", "454 4.7.0 no"), ("SIZE", "")] {
        server.only("STARTTLS", Instead::Says(said));
        let offer = if offered == "SIZE" {
            "250 SIZE"
        } else {
            "250-test\r\n250 STARTTLS"
        };
        server.instead.lock().unwrap().insert("EHLO", Instead::Says(offer));
        assert!(
            matches!(send_to(&url).await, Err(Undelivered::Later(_))),
            "{offered} {said}"
        );
    }
    // No server at all.
    assert!(matches!(
        send_to("smtp://127.0.0.1:1").await,
        Err(Undelivered::Later(_))
    ));
}

/// A server whose mails go to this one.
fn started(database_url: &str, mails: &Smtp) -> Server {
    let secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let variables = [
        ("TENANTRY_ADMIN_API_KEY", KEY),
        ("TENANTRY_SECRET_KEY", secret),
        ("TENANTRY_SMTP_URL", mails.url.as_str()),
    ];
    Server::start(database_url, &variables)
}

const KEY: &str = "the-key-of-this-test-0123";

fn invite(server: &Server, email: &str) {
    let document = format!("mutation {{ inviteUser(data: {{email: \"{email}\"}}) {{ id }} }}");
    let (status, answer) = server.call(KEY, &document);
    assert!(status == 200 && answer.get("errors").is_none(), "{answer}");
}

/// What a process does not send before its end comes at once from the next one.
async fn stopped_on_the_way(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let mails = Smtp::start().await;
    *mails.later.lock().unwrap() = None;
    mails.hold.send_replace(true);
    let mut server = started(&database.url, &mails);
    for n in 0..7 {
        invite(&server, &format!("held{n}@mail.example"));
    }
    until("mails that are held", AT_LAST, async || {
        mails.held.load(Ordering::SeqCst) >= 4
    })
    .await;
    server.terminate();
    assert!(server.ended().success());
    assert!(mails.mails().is_empty());
    mails.hold.send_replace(false);
    let _next = started(&database.url, &mails);
    // Within less than a mail is taken for.
    until("all mails", AT_LAST, async || mails.mails().len() == 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_a_stopped_process_leaves_its_mails() {
    stopped_on_the_way(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_stopped_process_leaves_its_mails() {
    stopped_on_the_way(Backend::Postgres).await;
}

/// What the mail server has taken is not sent again, though the process is stopped before it says so, and it never says
/// goodbye.
async fn stopped_after_the_end(backend: Backend) {
    let database = TestDatabase::empty(backend).await;
    let mails = Smtp::start().await;
    mails.only("QUIT", Instead::Hangs);
    mails.hold.send_replace(true);
    let mut server = started(&database.url, &mails);
    invite(&server, "slow@mail.example");
    until("a mail that is held", AT_LAST, async || {
        mails.held.load(Ordering::SeqCst) == 1
    })
    .await;
    server.terminate();
    server.stops_listening();
    mails.hold.send_replace(false);
    assert!(server.ended().success());
    let next = started(&database.url, &mails);
    let (_, shown) = next.call(KEY, INVITATIONS);
    assert_eq!(shown["data"]["invitations"][0]["mailState"], "SENT", "{shown}");
    assert_eq!(mails.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_a_stopped_process_sends_nothing_twice() {
    stopped_after_the_end(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_stopped_process_sends_nothing_twice() {
    stopped_after_the_end(Backend::Postgres).await;
}
