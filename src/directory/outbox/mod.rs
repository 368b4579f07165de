//! Mails, sent through an outbox.
//!
//! A verb writes its mail to the table `mails`, in its own transaction: a mail is sent if, and only if, its change is
//! committed. A worker in every process takes the mails that are due, sends them, and deletes each one once the mail
//! server has accepted it. So no response waits for a mail server or depends on one.
//!
//! - A mail is sent twice only if a process ends after the mail server has accepted it and before that is received and
//!   committed. A process that is stopped waits a moment for the server's reply, and leaves the mails that it has not
//!   sent to the others.
//! - A mail that the server cannot accept now is tried again, with growing pauses, until it is no longer useful. A mail
//!   that the server will never accept is given up. Both are logged with the server's reply, and an invitation shows
//!   them.
//! - A mail with a token is encrypted with the secret key, and deleted together with what the token is for.
//! - The number of mails per hour is limited for each address, caller and organization ([`limits`]).
//! - Letters are written from templates when they are sent, in the language of the organization.
//! - Names are foreign text. They are shortened, stripped of links, and kept apart from our text
//!   ([`crate::services::mailer`]).
//! - Links start with a configured URL and never with anything from a request.

mod deliver;
pub mod limits;
mod write;

pub use deliver::deliver_due;
pub use write::{
    Post, forget_invitation_in_txn, forget_invitations_of_in_txn, forget_tokens_in_txn, insert_in_txn, load,
    notify_in_txn, put_counted_in_txn, put_in_txn,
};
