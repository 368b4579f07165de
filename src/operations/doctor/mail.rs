//! Sending a mail to see whether one arrives.

use super::Finding;
use crate::context::Services;
use crate::model::Email;
use crate::services::mailer::{Mail, Undelivered};

pub async fn send(services: &Services, to: &Email) -> Finding {
    let mail = Mail {
        subject: "A test of tenantry".to_owned(),
        text: format!(
            "This mail was sent by 'tenantry doctor', to see whether mails of {} arrive. There is nothing to do.\n",
            services.mailer.public_url()
        ),
    };
    match services.mailer.send_now(to, mail).await {
        Ok(()) => Finding::fine(
            "test mail",
            format!("The mail server took one for {to}. See whether it arrives, and not among the spam."),
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
            format!("The mail server refuses one for {to}: {said}. Look at the address, and at TENANTRY_MAIL_FROM."),
        ),
    }
}
