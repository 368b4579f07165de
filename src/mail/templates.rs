//! What mails say.

use super::{Mail, Mailer};
use crate::authn::Secret;
use crate::value::Timestamp;

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

/// Tells a user that the password was set by the user's own credential, without the old password.
pub fn password_set(mailer: &Mailer, name: &str) -> Mail {
    let url = mailer.public_url();
    Mail {
        subject: "Your password was changed".to_owned(),
        text: format!(
            "Hello {name},\n\n\
             the password of your account at {url} was changed just now.\n\
             If this was not you, revoke your API keys, set a new password and tell your administrator.\n"
        ),
    }
}

/// The link that verifies an address.
pub fn verify_email(mailer: &Mailer, name: &str, token: &Secret) -> Mail {
    let (url, token) = (mailer.public_url(), token.expose());
    Mail {
        subject: "Verify your e-mail address".to_owned(),
        text: format!(
            "Hello {name},\n\n\
             to verify that this e-mail address is yours, open\n\n\
             {url}/verify-email#token={token}\n\n\
             or use this token with the mutation verifyEmail:\n\n\
             {token}\n\n\
             It works once, within a day. If you did not ask for this, do nothing.\n"
        ),
    }
}

/// Tells an address that it is no longer that of its account.
pub fn email_changed(mailer: &Mailer, name: &str, old: &str) -> Mail {
    let url = mailer.public_url();
    Mail {
        subject: "Your e-mail address was changed".to_owned(),
        text: format!(
            "Hello {name},\n\n\
             the e-mail address of your account at {url} was changed; it is no longer {old}.\n\
             If you did not expect this, tell your administrator.\n"
        ),
    }
}

/// The link that makes an account of an invitation.
pub fn invitation(mailer: &Mailer, organization: &str, expires_at: Timestamp, token: &Secret) -> Mail {
    let (url, token) = (mailer.public_url(), token.expose());
    Mail {
        subject: format!("Invitation to {organization}"),
        text: format!(
            "Hello,\n\n\
             you are invited to an account with {organization}. To accept, open\n\n\
             {url}/accept-invitation#token={token}\n\n\
             or use this token with the mutation acceptInvitation:\n\n\
             {token}\n\n\
             It works once, until {expires_at}. If you do not want this, do nothing.\n"
        ),
    }
}
