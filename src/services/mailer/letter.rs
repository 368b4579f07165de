//! What mails say.

use serde::{Deserialize, Serialize};

use super::names::plain;
use super::{Mail, Mailer};
use crate::model::Timestamp;

/// The content of a mail before it is formatted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Letter {
    /// The links that set a new password: one for each account of the address.
    PasswordReset {
        accounts: Vec<ResetLink>,
        /// How many other accounts there are, whose address was never verified.
        unverified: u64,
    },
    /// Notifies users that their password was set with their own credential, without the old password.
    PasswordSet { organization: String, name: String },
    /// The link that verifies an address.
    VerifyEmail { organization: String, token: String },
    /// The link that makes an address the account's, mailed to that address.
    ChangeEmail {
        organization: String,
        name: String,
        token: String,
    },
    /// Notifies the present address that another one was requested.
    EmailChangeRequested { organization: String, name: String },
    /// Notifies an address that it is no longer the account's address.
    EmailChanged {
        organization: String,
        name: String,
        old: String,
    },
    /// The link that turns an invitation into an account.
    Invitation {
        organization: String,
        expires_at_micros: i64,
        token: String,
    },
}

/// A link that sets the password of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLink {
    pub organization: String,
    /// The name of the account, if its address is verified. Otherwise its organization may have made it up.
    pub name: Option<String>,
    pub token: String,
}

impl Letter {
    /// [`Self::kind`] of the links that set a new password.
    pub const PASSWORD_RESET: &str = "passwordReset";
    /// [`Self::kind`] of the links that verify an address.
    pub const VERIFY_EMAIL: &str = "verifyEmail";

    /// [`Self::kind`] of the links that change an address.
    pub const CHANGE_EMAIL: &str = "changeEmail";

    /// What kind of letter it is. An encrypted one does not show it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => Self::PASSWORD_RESET,
            Self::PasswordSet { .. } => "passwordSet",
            Self::VerifyEmail { .. } => Self::VERIFY_EMAIL,
            Self::ChangeEmail { .. } => Self::CHANGE_EMAIL,
            Self::EmailChangeRequested { .. } => "emailChangeRequested",
            Self::EmailChanged { .. } => "emailChanged",
            Self::Invitation { .. } => "invitation",
        }
    }

    /// Whether it contains a token, which only the recipient of the mail may see.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::PasswordReset { .. }
            | Self::VerifyEmail { .. }
            | Self::ChangeEmail { .. }
            | Self::Invitation { .. } => true,
            Self::PasswordSet { .. } | Self::EmailChangeRequested { .. } | Self::EmailChanged { .. } => false,
        }
    }

    /// The subject and the text. A token follows a `#`, because browsers do not send that part of a URL to the server.
    pub fn written(&self, mailer: &Mailer) -> Mail {
        let url = mailer.public_url();
        let (subject, text) = match self {
            Self::PasswordReset { accounts, unverified } => ("Set a new password", reset(url, accounts, *unverified)),
            Self::PasswordSet { organization, name } => (
                "Your password was changed",
                format!(
                    "The password of this account at {url} was changed just now:\n\n{account}\n\
                     If this was not you, revoke your API keys, set a new password and tell your administrator.\n",
                    account = set_apart("Organization", organization) + &account(name)
                ),
            ),
            Self::VerifyEmail { organization, token } => (
                "Verify your e-mail address",
                format!(
                    "Somebody, probably you, asked to verify that this e-mail address belongs to an account with this organization:\n\n{account}\n\
                     To verify it, open\n\n\
                     {url}/verify-email#token={token}\n\n\
                     or use this token with the mutation verifyEmail:\n\n\
                     {token}\n\n\
                     It works once, within a day. If you did not ask for this, do nothing.\n",
                    account = set_apart("Organization", organization)
                ),
            ),
            Self::ChangeEmail {
                organization,
                name,
                token,
            } => (
                "Confirm your new e-mail address",
                change(url, &(set_apart("Organization", organization) + &account(name)), token),
            ),
            Self::EmailChangeRequested { organization, name } => (
                "A new e-mail address was requested",
                format!(
                    "Somebody asked to use another e-mail address for this account at {url}:\n\n{account}\n\
                     Nothing has changed yet. The other address must be confirmed first, within a day.\n\
                     If this was not you, set a new password: the request then ends. And tell your administrator.\n",
                    account = set_apart("Organization", organization) + &account(name)
                ),
            ),
            Self::EmailChanged {
                organization,
                name,
                old,
            } => (
                "Your e-mail address was changed",
                format!(
                    "The e-mail address of this account at {url} was changed; it is no longer {old}:\n\n{account}\n\
                     If you did not expect this, tell your administrator.\n",
                    account = set_apart("Organization", organization) + &account(name)
                ),
            ),
            Self::Invitation {
                organization,
                expires_at_micros,
                token,
            } => (
                "You are invited to an account",
                format!(
                    "You are invited to an account with this organization:\n\n{organization}\n\
                     To accept, open\n\n\
                     {url}/accept-invitation#token={token}\n\n\
                     or use this token with the mutation acceptInvitation:\n\n\
                     {token}\n\n\
                     It works once, until {expires_at}. If you do not want this, do nothing.\n",
                    organization = set_apart("Organization", organization),
                    expires_at = Timestamp::from_micros(*expires_at_micros),
                ),
            ),
        };
        Mail {
            subject: subject.to_owned(),
            text: format!("Hello,\n\n{text}"),
        }
    }
}

fn reset(url: &str, accounts: &[ResetLink], unverified: u64) -> String {
    let links = accounts.iter().map(|link| {
        let name = link.name.as_deref().map(account).unwrap_or_default();
        format!(
            "{organization}{name}\n\
             To set its password, open\n\n\
             {url}/reset-password#token={token}\n\n\
             or use this token with the mutation completePasswordReset:\n\n\
             {token}\n\n",
            organization = set_apart("Organization", &link.organization),
            token = link.token,
        )
    });
    let which = match accounts.len() {
        1 => "this account",
        _ => "the accounts with this address. Each has a password of its own",
    };
    let others = match unverified {
        0 => String::new(),
        1 => "There is one more account with this address. It gets no link, because the address was never verified there.\n".to_owned(),
        many => format!(
            "There are {many} more accounts with this address. They get no link, because the address was never verified there.\n"
        ),
    };
    format!(
        "Somebody, probably you, asked for a new password for {which}:\n\n{}\
         A link works once, within an hour. The present password stays in force until then.\n{others}\
         If you did not ask for this, do nothing.\n",
        links.collect::<String>()
    )
}

fn change(url: &str, account: &str, token: &str) -> String {
    format!(
        "Somebody, probably you, asked to use this e-mail address for this account at {url}:\n\n{account}\n\
         To confirm it, open\n\n\
         {url}/verify-email#token={token}\n\n\
         or use this token with the mutation verifyEmail:\n\n\
         {token}\n\n\
         It works once, within a day. If you did not ask for this, do nothing.\n"
    )
}

fn account(name: &str) -> String {
    set_apart("Account", name)
}

/// Text that somebody else chose, on its own line with a label.
fn set_apart(what: &str, words: &str) -> String {
    format!("    {what}: \u{201C}{}\u{201D}\n", plain(words))
}
