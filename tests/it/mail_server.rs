//! Mail servers that do what they should not: what they can do to us, and what becomes of the mail.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tenantry::model::Email;
use tenantry::services::config::{MailConfig, Smtp as Configured};
use tenantry::services::mailer::{Mail, Mailer, Undelivered};

use crate::support::smtp::{Instead, Smtp};
use crate::support::{App, Backend};

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
    };
    mailer
        .send_now(&Email::normalize("new@mail.example").unwrap(), mail)
        .await
}
