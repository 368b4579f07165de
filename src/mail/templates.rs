//! What mails say.

use super::{Mail, Mailer};
use crate::authn::Secret;

/// The link that sets a new password. The token stands behind `#`, which browsers send to nobody.
pub fn password_reset(mailer: &Mailer, name: &str, token: &Secret) -> Mail {
    let (url, token) = (mailer.public_url(), token.expose());
    Mail {
        subject: "Set a new password".to_owned(),
        text: format!(
            "Hello {name},\n\n\
             somebody, probably you, asked for a new password for your account. To set it, open\n\n\
             {url}/reset-password#token={token}\n\n\
             or use this token with the mutation completePasswordReset:\n\n\
             {token}\n\n\
             It works once, within an hour. Your present password stays in force until then.\n\
             If you did not ask for this, do nothing.\n"
        ),
    }
}
