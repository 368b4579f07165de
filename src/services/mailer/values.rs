//! What a template can show of a letter, and sample letters to check templates with.

use minijinja::{Value, context};

use super::date;
use super::letter::{Letter, Letterhead, ResetLink};
use super::names::plain;
use crate::model::{MailLanguage, Timestamp};

/// The variables of a letter's templates. Names are foreign text: they are [`plain`]. `base` is where links lead. A token
/// follows a `#`, because browsers do not send that part of a URL to the server.
pub fn values(letter: &Letter, head: &Letterhead, base: &str) -> Value {
    let link = |page: &str, token: &str| {
        // It needs no escaping: the configuration refuses a base with other characters, and tokens are letters and digits.
        Value::from_safe_string(format!("{base}/{page}#token={token}"))
    };
    let own = match letter {
        Letter::PasswordReset { accounts, unverified } => {
            let item = |account: &ResetLink| {
                context! {
                    organization => plain(&account.organization),
                    account => account.name.as_deref().map(plain),
                    link => link("reset-password", &account.token),
                }
            };
            let items: Vec<Value> = accounts.iter().map(item).collect();
            context! { accounts => items, others => *unverified }
        }
        Letter::PasswordSet { organization, name } | Letter::EmailChangeRequested { organization, name } => {
            context! { organization => plain(organization), account => plain(name) }
        }
        Letter::VerifyEmail { organization, token } => {
            context! { organization => plain(organization), link => link("verify-email", token) }
        }
        Letter::ChangeEmail {
            organization,
            name,
            token,
        } => context! {
            organization => plain(organization),
            account => plain(name),
            link => link("verify-email", token),
        },
        Letter::EmailChanged {
            organization,
            name,
            old,
        } => context! { organization => plain(organization), account => plain(name), old_email => old },
        Letter::Invitation {
            organization,
            inviter,
            expires_at_micros,
            token,
        } => context! {
            organization => plain(organization),
            inviter => inviter.as_deref().map(plain),
            expires => date::written(Timestamp::from_micros(*expires_at_micros), head.language),
            link => link("accept-invitation", token),
        },
    };
    // The accounts of one mail may be of several products.
    let product = match letter {
        Letter::PasswordReset { accounts, .. } if accounts.len() != 1 => None,
        _ => Some(plain(&head.product)),
    };
    context! { product => product, language => head.language.code(), base => base, ..own }
}

/// The links in a letter, each of which its mail must show.
pub fn links(letter: &Letter, base: &str) -> Vec<String> {
    let (page, tokens): (&str, Vec<&String>) = match letter {
        Letter::PasswordReset { accounts, .. } => (
            "reset-password",
            accounts.iter().map(|account| &account.token).collect(),
        ),
        Letter::VerifyEmail { token, .. } | Letter::ChangeEmail { token, .. } => ("verify-email", vec![token]),
        Letter::Invitation { token, .. } => ("accept-invitation", vec![token]),
        Letter::PasswordSet { .. } | Letter::EmailChangeRequested { .. } | Letter::EmailChanged { .. } => {
            ("", Vec::new())
        }
    };
    tokens
        .iter()
        .map(|token| format!("{base}/{page}#token={token}"))
        .collect()
}

/// Letters of every kind, with and without what may be missing.
pub fn samples() -> Vec<Letter> {
    let text = |text: &str| text.to_owned();
    let (organization, name) = (text("Acme"), text("Ada Lovelace"));
    let link = |n: usize, named: bool| ResetLink {
        organization: organization.clone(),
        name: named.then(|| name.clone()),
        token: format!("sampleToken{n}"),
    };
    let resets = [(1, 0, true), (1, 0, false), (2, 1, true), (10, 7, false)];
    let mut letters: Vec<Letter> = resets
        .into_iter()
        .map(|(accounts, unverified, named)| Letter::PasswordReset {
            accounts: (0..accounts).map(|n| link(n, named)).collect(),
            unverified,
        })
        .collect();
    for inviter in [Some(name.clone()), None] {
        letters.push(Letter::Invitation {
            organization: organization.clone(),
            inviter,
            expires_at_micros: 1_795_961_100_000_000,
            token: text("sampleToken"),
        });
    }
    letters.extend([
        Letter::PasswordSet {
            organization: organization.clone(),
            name: name.clone(),
        },
        Letter::VerifyEmail {
            organization: organization.clone(),
            token: text("sampleToken"),
        },
        Letter::ChangeEmail {
            organization: organization.clone(),
            name: name.clone(),
            token: text("sampleToken"),
        },
        Letter::EmailChangeRequested {
            organization: organization.clone(),
            name: name.clone(),
        },
        Letter::EmailChanged {
            organization,
            name,
            old: text("ada@acme.example"),
        },
    ]);
    letters
}

/// A letterhead in this language, whose product is, or is not, called like the organization of [`samples`].
pub fn sample_heads(language: MailLanguage) -> [Letterhead; 2] {
    ["Acme", "Acme Studio"].map(|product| Letterhead {
        product: product.to_owned(),
        language,
    })
}
