//! Organizations: the top of the tree. Each owns its tenants, users and roles, and is isolated from the others.
//!
//! Only super admins create, change and delete them; administrators can read and rename their own, and change how its
//! mails are written. Users see their organization's id and name on their own user. An organization that still has tenants
//! or users cannot be deleted.

mod create;
mod delete;
mod home;
mod mail;
mod read;
mod rename;
mod seats;
mod stats;
mod update;
mod update_settings;

pub use create::{NewOrganization, create, seat_limit};
pub use delete::delete;
pub use home::{HomeName, Homes, home};
pub use mail::{confirms_email_changes, letterhead, name_if_mailed, names, require_mail};
use read::as_seen;
pub use read::{Term, by_keys, is_one_of, readable};
pub use rename::rename;
pub use seats::{
    follow as follow_seats, none_left as no_seat_left, seats_used, take as take_seat, take_some as take_seats,
};
pub use stats::{Stats, stats};
pub use update::{Clearable, OrganizationChange, update};
pub use update_settings::{ClearableSetting, SettingsChange, update_settings};

use crate::list::{orders, record};
use crate::model::{JsonText, MailLanguage, OrganizationId, Timestamp};
use crate::store::entity::organization::{self as table, Column};

record! {
    /// An organization.
    Organization, OrganizationFields, OrganizationFieldNumber of Organization {
        always {
            pk: i64 = Pk,
            id: OrganizationId = Id,
        }
        NAME name: String = Name,
        /// The folded name, by which lists are sorted.
        SORT_NAME sort_name: String = SortName,
        VARIABLES variables: Option<JsonText> = Variables,
        /// The maximum number of activated users; `None` means no limit.
        SEAT_LIMIT seat_limit: Option<i64> = SeatLimit,
        /// Whether mails are sent to its users and the people it invites; never null in a row.
        MAIL_ALLOWED mail_allowed: Option<bool> = MailAllowed,
        /// Whether its users may switch to their accounts in other organizations, and from there; never null in a row.
        ACCOUNT_SWITCHING account_switching: Option<bool> = AccountSwitching,
        /// The name of its product in mails; `None` means its own name.
        PRODUCT_NAME product_name: Option<String> = ProductName,
        /// The language of its mails; never null in a row.
        MAIL_LANGUAGE mail_language: Option<MailLanguage> = MailLanguage,
        /// Whether a new address of a user must be confirmed before it is used; never null in a row.
        CONFIRM_EMAIL_CHANGES confirm_email_changes: Option<bool> = ConfirmEmailChanges,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

orders! {
    Organization, OrganizationFields {
        UpdatedAt: UPDATED_AT UpdatedAt updated_at,
        Name: SORT_NAME SortName sort_name,
    }
}
