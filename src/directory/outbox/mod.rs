//! Mails, through an outbox.
//!
//! A verb writes what is to be mailed into the table `mails`, in its own transaction: a mail is sent if, and only if, its
//! change is committed. A worker on every process takes what is due, sends it, and deletes it once the mail server has it.
//! So no answer waits for a mail server, and none depends on one.
//!
//! - A mail goes out twice only if a process ends after the mail server took it, and before it has said so and that is
//!   committed. A process that is stopped waits for its word for a moment, and leaves what is not sent to the others.
//! - What the server cannot take now is tried again, later each time, until the mail is of no use any more. What it will
//!   never take is given up. Both are logged with the server's own words, and an invitation shows them.
//! - What holds a token is sealed with the server's secret key, and deleted with what the token is for.
//! - How many mails an address gets, and a caller or an organization sends, is limited by the hour ([`limits`]).
//! - Names are other people's words. They stand apart from ours, shortened and without links ([`crate::services::mailer`]).
//! - Links start with the configured public URL and never with anything from a request.

mod deliver;
pub mod limits;
mod write;

pub use deliver::deliver_due;
pub use write::{Post, forget_invitation_in_txn, forget_tokens_in_txn, load, notify_in_txn, put_in_txn};
