//! What mails say: in the organization's language, with its product's name, in its operator's own words.

use std::path::Path;

use serde_json::{Value, json};
use tenantry::model::{Email, MailLanguage};
use tenantry::services::config::MailConfig;
use tenantry::services::mailer::{Letter, Letterhead, Mailer, Templates};

use crate::on_both;
use crate::support::binary::{Server, exchange, run, text};
use crate::support::mail::{html_of, text_of, tokens_of};
use crate::support::{App, Backend, PUBLIC_URL};

const INVITE: &str = "mutation($email: String!) { inviteUser(data: {email: $email, organizationId: \"acme\"}) { id inviter { id name } } }";
const MAIL: &str =
    "mutation($data: UpdateOrganizationSettingsData!, $clear: [ClearableInOrganizationSettings!], $v: Int) {
    updateOrganizationSettings(where: {id: \"acme\"}, data: $data, clear: $clear, expectedVersion: $v) {
        productName mailLanguage version variables seatLimit seatsUsed mailAllowed accountSwitching } }";
const ACCEPT: &str =
    "mutation($token: String!) { acceptInvitation(token: $token, data: {password: \"a good long one\"}) { id } }";

/// A subject as people read it.
fn subject_of(mail: &str) -> String {
    let (_, rest) = mail.split_once("Subject: ").unwrap();
    rest.lines().next().unwrap().to_owned()
}

on_both! {
    async fn an_invitation_speaks_the_language_of_its_organization(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let name = "mutation { updatePropertiesInUser(where: {id: \"chief\"}, data: {name: \"Grace <b>Hopper</b>\"}) { id } }";
        app.admin().ok(name, json!({})).await;
        let invited = chief.ok(INVITE, json!({ "email": "one@mail.example" })).await;
        assert_eq!(invited["inviteUser"]["inviter"], json!({ "id": "chief", "name": "Grace <b>Hopper</b>" }));
        let changed = chief.ok(MAIL, json!({ "data": { "productName": "Acme Studio", "mailLanguage": "DE" } })).await;
        assert_eq!(changed["updateOrganizationSettings"]["mailLanguage"], "DE");
        chief.ok(INVITE, json!({ "email": "two@mail.example" })).await;
        let [english, german] = <[String; 2]>::try_from(app.whole_mails()).unwrap();
        assert_eq!(subject_of(&english), "You are invited to an account");
        assert_eq!(subject_of(&german), "Sie sind zu einem Konto eingeladen");
        let token = |mail: &str| tokens_of(&text_of(mail)).remove(0);
        let (first, second) = (token(&english), token(&german));
        for (mail, words, html) in [
            (&english, vec![
                "    Organization: “Organization acme”\r\n    Invited by: “Grace b Hopper b”\r\n", "until 9 January 2026, 03:04 UTC.",
            ], "<html lang=\"en\">"),
            (&german, vec![
                "    Produkt: „Acme Studio“\r\n    Organisation: „Organization acme“\r\n    Eingeladen von: „Grace b Hopper b“\r\n",
                "bis 9. Januar 2026, 03:04 Uhr (UTC).",
            ], "<html lang=\"de\">"),
        ] {
            let (plain, rich) = (text_of(mail), html_of(mail));
            for word in words {
                assert!(plain.contains(word), "{word} is not in {plain}");
            }
            assert!(!plain.contains("Product:") && rich.contains(html) && !rich.contains("<b>"), "{rich}");
            assert!(rich.contains(&format!("href=\"{PUBLIC_URL}/accept-invitation#token={}\"", token(mail))), "{rich}");
            for part in [&plain, &rich] {
                assert!(!part.to_lowercase().contains("graphql") && !part.contains("mutation"), "{part}");
            }
        }
        for token in [first, second] {
            app.anonymous().ok(ACCEPT, json!({ "token": token })).await;
        }
    }

    async fn who_may_say_how_mails_are_written(app: App) {
        app.organization("acme", &["berlin"]).await;
        app.organization("other", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        let stranger = app.user("other", "stranger", Some("organization-admin")).await;
        let lead = app.user("acme", "lead", Some("team-manager")).await;
        let tenant = app.user("acme", "tina", None).await;
        app.admin().ok("mutation { assignRole(where: {id: \"tina\"}, role: \"tenant-admin\", tenant: \"berlin\") { id } }", json!({})).await;
        let before = app.dump().await;
        let data = json!({ "data": { "productName": "Studio", "mailLanguage": "DE" } });
        for (caller, code) in [(&stranger, "NOT_FOUND"), (&lead, "FORBIDDEN"), (&tenant, "FORBIDDEN"), (&app.anonymous(), "UNAUTHENTICATED")] {
            assert_eq!(caller.refused(MAIL, data.clone()).await, code);
        }
        for wrong in [json!({ "productName": "x".repeat(101) }), json!({ "productName": "a\u{202e}b" })] {
            assert_eq!(chief.refused(MAIL, json!({ "data": wrong })).await, "INVALID");
        }
        assert_eq!(before, app.dump().await);
        let changed = chief.ok(MAIL, data.clone()).await["updateOrganizationSettings"].clone();
        assert_eq!((&changed["productName"], &changed["mailLanguage"]), (&json!("Studio"), &json!("DE")));
        assert_eq!(changed["mailAllowed"], true);
        // What says the same changes nothing; an old version is refused; a blank name is none.
        assert_eq!(chief.ok(MAIL, data).await["updateOrganizationSettings"], changed);
        assert_eq!(chief.refused(MAIL, json!({ "data": { "mailLanguage": "EN" }, "v": 1 })).await, "CONFLICT");
        let cleared = chief.ok(MAIL, json!({ "data": { "productName": " " }, "v": 2 })).await["updateOrganizationSettings"].clone();
        assert_eq!((&cleared["productName"], &cleared["version"]), (&Value::Null, &json!(3)));
        // Everybody of the organization may read it, and a role that may not read organizations sees no more by changing it.
        let own = "{ me { organization { productName mailLanguage mailAllowed } } }";
        let seen = app.user("acme", "una", Some("user")).await.ok(own, json!({})).await["me"]["organization"].clone();
        assert_eq!(seen, json!({ "productName": null, "mailLanguage": "DE", "mailAllowed": null }));
        app.admin().ok("mutation { createRole(data: {name: \"people\", organizationId: \"acme\", permissions: [\"tenantry:organization-settings\"]}) { id } }", json!({})).await;
        app.admin().ok("mutation { updateOrganization(where: {id: \"acme\"}, data: {variables: {a: 1}, seatLimit: 9}) { id } }", json!({})).await;
        let people = app.user("acme", "pia", Some("people")).await;
        let mut seen = people.ok(MAIL, json!({ "data": { "productName": "Studio" } })).await["updateOrganizationSettings"].clone();
        seen["version"].take();
        assert_eq!(seen, json!({
            "productName": "Studio", "mailLanguage": "DE", "version": null, "variables": null, "seatLimit": null, "seatsUsed": null,
            "mailAllowed": null, "accountSwitching": null,
        }));
    }

    /// What somebody promised who may no longer promise anything is void.
    async fn an_invitation_does_not_outlive_its_sender(app: App) {
        app.organization("acme", &[]).await;
        let admin = app.admin();
        for id in ["ann", "ben"] {
            app.user("acme", id, Some("organization-admin")).await;
        }
        let ann = app.key_of("ann").await;
        ann.ok(INVITE, json!({ "email": "new@mail.example" })).await;
        let token = app.mailed_token();
        let accept = || json!({ "token": token });
        let void = app.anonymous().refusal(ACCEPT, json!({ "token": "of nobody" })).await["message"].clone();
        let activated = |to: bool| format!("mutation {{ {}User(where: {{id: \"ann\"}}) {{ id }} }}", if to { "activate" } else { "deactivate" });
        admin.ok(&activated(false), json!({})).await;
        assert_eq!(app.anonymous().refusal(ACCEPT, accept()).await["message"], void);
        admin.ok(&activated(true), json!({})).await;
        // Somebody else sends it again, and then it is theirs.
        let list = "{ invitations(orderBy: EMAIL_ASC) { id state inviter { id } } }";
        let id = admin.ok(list, json!({})).await["invitations"][0]["id"].clone();
        let ben = app.key_of("ben").await;
        ben.ok("mutation($id: ID) { resendInvitation(where: {id: $id}) { id } }", json!({ "id": id })).await;
        let token = app.mailed_token();
        admin.ok(&activated(false), json!({})).await;
        assert_eq!(admin.ok(list, json!({})).await["invitations"][0]["inviter"], json!({ "id": "ben" }));
        app.anonymous().ok(ACCEPT, json!({ "token": token })).await;
        // A deleted sender's are withdrawn, and their mails with them; those that were accepted stay.
        let second = ben.ok(INVITE, json!({ "email": "second@mail.example" })).await["inviteUser"]["id"].clone();
        let token = app.mailed_token();
        let request = ben.request("/graphql", &json!({ "query": INVITE, "variables": { "email": "third@mail.example" } }));
        app.send_alone(request).await;
        admin.ok("mutation { deleteUser(where: {id: \"ben\"}) { id } }", json!({})).await;
        assert_eq!(app.anonymous().refusal(ACCEPT, json!({ "token": token })).await["message"], void);
        let left = admin.ok(list, json!({})).await["invitations"].clone();
        let states: Vec<&Value> = left.as_array().unwrap().iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["ACCEPTED", "WITHDRAWN", "WITHDRAWN"], "{left}");
        assert!(left.as_array().unwrap().iter().all(|one| one["inviter"].is_null()), "{left}");
        assert!(!app.mails().concat().contains("third@mail.example"));
        let again = "mutation($id: ID) { resendInvitation(where: {id: $id}) { id } }";
        assert_eq!(admin.refused(again, json!({ "id": second })).await, "CONFLICT");
        admin.ok(INVITE, json!({ "email": "second@mail.example" })).await;
    }

    /// Who invites from outside is not shown to the organization.
    async fn a_sender_from_outside_is_not_shown(app: App) {
        app.organization("acme", &[]).await;
        let chief = app.user("acme", "chief", Some("organization-admin")).await;
        app.admin().ok(INVITE, json!({ "email": "new@mail.example" })).await;
        let list = "{ invitations { inviter { id } } }";
        assert_eq!(chief.ok(list, json!({})).await["invitations"][0]["inviter"], Value::Null);
        assert_eq!(app.admin().ok(list, json!({})).await["invitations"][0]["inviter"]["id"], "admin");
    }
}

fn letter(organization: &str) -> Letter {
    Letter::PasswordSet {
        organization: organization.to_owned(),
        name: "Ada".to_owned(),
    }
}

fn head() -> Letterhead {
    Letterhead {
        product: "Studio".to_owned(),
        language: MailLanguage::En,
    }
}

fn mailer(templates: &Path) -> Mailer {
    let mailer = Mailer::new(&MailConfig::None, None, PUBLIC_URL).unwrap();
    mailer.with_templates(Templates::with_own(templates).unwrap())
}

#[test]
fn an_operators_template_takes_the_place_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "password-set.en.txt.j2",
        "Subject: {{ product }}:\n\t new\u{7} password \nDear {{ account }} of {{ organization }}",
    );
    write("..data", "of Kubernetes");
    let mail = mailer(folder.path()).write(&letter("<Acme>"), &head()).unwrap();
    assert_eq!(mail.subject, "Studio:");
    assert_eq!(mail.text, "new\u{7} password \nDear Ada of Acme");
    assert!(mail.html.unwrap().contains("Your password was changed"));
    // A layout alone changes the look of every letter.
    write(
        "layout.html.j2",
        "<html lang=\"{{ language }}\"><title>{{ subject }}</title>{% block body %}{% endblock %}<p>Our own</p>",
    );
    let mail = mailer(folder.path()).write(&letter("a'b\"c&d"), &head()).unwrap();
    let html = mail.html.unwrap();
    assert!(
        html.contains("<p>Our own</p>") && html.contains("a&#x27;b c&amp;d"),
        "{html}"
    );
}

/// A template that fails only for some letters does not hold up the mails.
#[test]
fn a_letter_whose_template_fails_is_written_from_ours() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Mailer::new(&MailConfig::None, None, PUBLIC_URL).unwrap();
    for failure in [
        "{{ nothing }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 100000000 }}",
        "{% include 'nothing' %}",
    ] {
        let text = format!("Subject: x\n\n{{% if organization == 'Boom' %}}{failure}{{% endif %}}");
        std::fs::write(folder.path().join("password-set.en.txt.j2"), text).unwrap();
        let mailer = mailer(folder.path());
        assert_eq!(
            mailer.write(&letter("Acme"), &head()).unwrap().subject,
            "x",
            "{failure}"
        );
        let began = std::time::Instant::now();
        assert_eq!(
            mailer.write(&letter("Boom"), &head()).unwrap(),
            ours.write(&letter("Boom"), &head()).unwrap(),
            "{failure}"
        );
        assert!(began.elapsed().as_secs() < 5, "{failure}");
    }
}

/// The start is refused with a sentence that names file and line.
#[test]
fn a_broken_template_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    let link = "{{ link }}";
    for (name, content, said) in [
        (
            "invitation.en.txt.j2",
            format!("Subject: x\n\n{link} {{{{ inviter"),
            "invitation.en.txt.j2, line 3: ",
        ),
        (
            "invitation.de.txt.j2",
            format!("Subject: x\n\n{link}\n{{{{ invitr }}}}"),
            "invitation.de.txt.j2, line 4: undefined value",
        ),
        (
            "invitation.de.html.j2",
            "{% extends 'layout.html.j2' %}".to_owned(),
            "invitation.de.html.j2 does not show the link",
        ),
        (
            "verify-email.en.txt.j2",
            link.to_owned(),
            "verify-email.en.txt.j2, line 1: the first line must be 'Subject: …'",
        ),
        (
            "layout.html.j2",
            "\n\n{{ x.y.z }}".to_owned(),
            "layout.html.j2, line 3: undefined value",
        ),
        (
            "password-set.en.html.j2",
            "{% for a in range(99999) %}{% for b in range(99) %}{% endfor %}{% endfor %}".to_owned(),
            "password-set.en.html.j2 takes too much work",
        ),
        (
            "password-set.en.html.j2",
            "{% for a in range(200) %}".to_owned() + &"x".repeat(1000) + "{% endfor %}",
            "password-set.en.html.j2 writes more than 100 KiB",
        ),
        (
            "invitation.txt.j2",
            String::new(),
            "invitation.txt.j2 is not the name of a template; perhaps invitation.en.txt.j2 is meant",
        ),
        (
            "password-set.en.html.j2",
            "x".repeat(70_000),
            "password-set.en.html.j2 is larger than 64 KiB",
        ),
    ] {
        std::fs::create_dir(&templates).unwrap();
        std::fs::write(templates.join(name), &content).unwrap();
        let url = format!("sqlite://{}", folder.path().join("t.db").display());
        let variables = [
            ("TENANTRY_DATABASE_URL", url.as_str()),
            ("TENANTRY_MAIL_TEMPLATES", templates.to_str().unwrap()),
        ];
        let refused = run(&["serve"], &variables);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(said), "'{said}' is not in\n{told}");
        let doctor = text(&run(&["doctor"], &variables).stdout);
        assert!(doctor.contains(said), "'{said}' is not in\n{doctor}");
        assert!(!folder.path().join("t.db").exists(), "{name}");
        std::fs::remove_dir_all(&templates).unwrap();
    }
    let refused = run(&["serve"], &[("TENANTRY_MAIL_TEMPLATES", "/no/such/folder")]);
    assert!(text(&refused.stderr).contains("cannot use the mail templates in /no/such/folder"));
}

/// Links lead to the application, and this server's own pages are then not there. Tokens are still of the public URL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_lead_to_the_application() {
    let app = App::new(Backend::Sqlite).await;
    let mailer = Mailer::new(&MailConfig::Directory(app.mail.path().to_owned()), None, PUBLIC_URL).unwrap();
    let mailer = mailer.with_app_url("https://app.example/people");
    let token = Letter::VerifyEmail {
        organization: "Acme".to_owned(),
        token: "abc".to_owned(),
    };
    let mail = mailer.write(&token, &head()).unwrap();
    mailer
        .send_now(&Email::normalize("ada@mail.example").unwrap(), mail)
        .await
        .unwrap();
    let whole = app.whole_mails().pop().unwrap();
    for part in [text_of(&whole), html_of(&whole)] {
        assert!(
            part.contains("https://app.example/people/verify-email#token=abc"),
            "{part}"
        );
        assert!(part.contains("From: tenantry <no-reply@directory.example>"), "{part}");
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    let server = Server::start(&url, &[("TENANTRY_APP_URL", "https://app.example/")]);
    for path in ["/accept-invitation", "/reset-password", "/verify-email"] {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let told = exchange(&server.address, &asked).unwrap();
        assert!(
            told.starts_with("HTTP/1.1 404") && told.contains("TENANTRY_APP_URL"),
            "{told}"
        );
    }
}
