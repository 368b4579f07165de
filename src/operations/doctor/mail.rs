//! Sends a test mail.

use super::Finding;
use crate::context::Services;
use crate::model::Email;
use crate::services::mailer::{Mail, Undelivered};

/// Sends a test mail.
pub async fn send(services: &Services, to: &Email) -> Finding {
    let mail = Mail {
        subject: "A test of tenantry".to_owned(),
        text: format!(
            "'tenantry doctor' sent this mail to check whether mails from {} arrive. You do not need to do anything.\n",
            services.mailer.public_url()
        ),
        html: None,
    };
    match services.mailer.send_now(to, mail).await {
        Ok(()) => Finding::fine(
            "test mail",
            format!("The mail server accepted a mail for {to}. Check that it arrives, and not as spam."),
        ),
        Err(Undelivered::Later(said)) => Finding::wrong(
            "test mail",
            format!(
                "One for {to} could not be sent now: {said}. Look at TENANTRY_SMTP_URL or TENANTRY_MAIL_DIR, and at the mail \
                 server's log."
            ),
        ),
        Err(Undelivered::Never(said)) => Finding::wrong(
            "test mail",
            format!("The mail server rejected a mail for {to}: {said}. Check the address and TENANTRY_MAIL_FROM."),
        ),
    }
}
