//! The kinds of mails, with what each of them says.

use serde::{Deserialize, Serialize};

use crate::model::MailLanguage;

/// The content of a mail before it is written from a template.
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
    /// The link that gives an account this new address. It goes to the new address.
    ChangeEmail {
        organization: String,
        name: String,
        token: String,
    },
    /// Notifies the present address that somebody asked for another one. The new one is not revealed.
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
        /// The name of the user who sent it; `None` if no user did.
        inviter: Option<String>,
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

/// How an organization's letters are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letterhead {
    /// The name of the product that the account is for.
    pub product: String,
    pub language: MailLanguage,
}

impl Letter {
    /// [`Self::kind`] of the links that set a new password.
    pub const PASSWORD_RESET: &str = "password-reset";
    /// [`Self::kind`] of the links that verify an address.
    pub const VERIFY_EMAIL: &str = "verify-email";
    /// [`Self::kind`] of the links that give an account a new address.
    pub const CHANGE_EMAIL: &str = "change-email";

    /// What kind of letter it is. An encrypted one does not show it. Its templates have this name.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::PasswordReset { .. } => Self::PASSWORD_RESET,
            Self::PasswordSet { .. } => "password-set",
            Self::VerifyEmail { .. } => Self::VERIFY_EMAIL,
            Self::ChangeEmail { .. } => Self::CHANGE_EMAIL,
            Self::EmailChangeRequested { .. } => "email-change-requested",
            Self::EmailChanged { .. } => "email-changed",
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
}
