//! Users: people, and services, which are programs. Each belongs to one organization and to at most one of its tenants.
//!
//! - Callers with `read:user` see the users of their organization, super admins those of all organizations; everybody
//!   else sees only themselves.
//! - Callers with `write:user` create and change users, but not users whose permissions go beyond their own, and cannot
//!   grant more than they have.
//! - Nobody can deactivate, delete or demote themselves, and the last super admin cannot be removed.
//! - A deactivated user stays listed and takes no seat; its keys are refused at once, on every process.
//! - What a user is, a person or a service, is fixed at creation. A service has no password, so it cannot sign in, be
//!   reset or be linked; administrators create its API keys. It takes a seat unless the operator decides otherwise.
//! - Users change their own names; their own address and password only in a session, with the current password.
//! - A temporary password can only be used to change it.
//! - An e-mail address belongs to one user of an organization; it is compared case-insensitively. Users of several
//!   organizations may have the same one. A user without one is identified by id.
//! - A user name is what the organization's identity provider calls the user: any text. It opens nothing. No two users of an
//!   organization have the same one, without regard to case, where the address counts for a user without one.
//!
//! The display name is the name, or else first and last name, or else the address, or else the id. The database computes the
//! same in the column `display_name`. Lists are sorted by the folded display name, which is written with the row.

mod accounts;
mod activate;
mod change_my_email;
mod claims;
mod count;
mod create;
mod create_with_password;
mod delete;
mod draft;
mod emails;
mod insert;
mod known;
mod person;
mod placed;
mod reach;
mod read;
mod search;
mod update;
mod update_me;
mod viewer;
mod weigh;

pub(crate) use accounts::{account, account_with_temporary_password, accounts, in_account_order};
pub use activate::{activate, deactivate};
pub use change_my_email::change_my_email;
pub use create::{PASSWORDS_MAX, USERS_MAX, create, create_many};
pub use create_with_password::{NewUserWithPassword, create_with_password};
pub use delete::delete;
pub(crate) use draft::new_row;
pub use draft::{Draft, NewUser, chosen_id};
pub(crate) use insert::{address_taken, insert_in_txn, taken};
pub use known::{Known, known_by};
pub use person::require_person;
pub use reach::{Reach, permitted_now, reach};
pub use read::{Target, Term, changeable, get, is_one_of, listable, locate, locate_shared, oneself, readable};
pub use update::{Clearable, UserChange, end_access_in_txn, touch_in_txn, update};
pub use update_me::{ClearableInMe, OwnNames, update_me};
pub use viewer::{ViewerCan, viewer_can};
pub use weigh::{of_one, weighed, weighed_for_count};

use sea_orm::IntoSimpleExpr;

use crate::list::{SortKey, SortValue, Sorted, Sorting, record};
use crate::model::{Email, JsonText, Timestamp, UserId, user_name_key};
use crate::store::entity::user::{self as table, Column};

record! {
    /// A user.
    User, UserFields, UserFieldNumber of User counted searched {
        always {
            pk: i64 = Pk,
            id: UserId = Id,
            organization_pk: i64 = OrganizationPk,
            tenant_pk: Option<i64> = TenantPk,
        }
        EMAIL email: Option<Email> = Email,
        /// The stored name; see [`User::display_name`].
        NAME name: Option<String> = Name,
        FIRSTNAME firstname: Option<String> = Firstname,
        LASTNAME lastname: Option<String> = Lastname,
        /// The user name as it was given; see [`User::shown_user_name`].
        USER_NAME user_name: Option<String> = UserName,
        EXTERNAL_ID external_id: Option<String> = ExternalId,
        /// As it is stored: callers see [`crate::model::Profile::shown`].
        PROFILE profile: Option<JsonText> = Profile,
        /// The folded display name, by which lists are sorted.
        SORT_NAME sort_name: String = SortName,
        ACTIVATED activated: bool = Activated,
        /// Whether it is a program that has no password and never signs in.
        SERVICE service: bool = Service,
        /// Whether it takes a seat while it is activated.
        TAKES_SEAT takes_seat: bool = TakesSeat,
        VARIABLES variables: Option<JsonText> = Variables,
        PASSWORD_TEMPORARY password_temporary: bool = PasswordTemporary,
        PASSWORD_VERIFIED_AT password_verified_at: Option<Timestamp> = PasswordVerifiedAt,
        EMAIL_VERIFIED_AT email_verified_at: Option<Timestamp> = EmailVerifiedAt,
        LAST_SEEN_AT last_seen_at: Option<Timestamp> = LastSeenAt,
        VERSION version: i64 = Version,
        CREATED_AT created_at: Timestamp = CreatedAt,
        UPDATED_AT updated_at: Timestamp = UpdatedAt,
    }
}

impl UserFields {
    /// The fields that a display name is computed from.
    pub const DISPLAY_NAME: Self = Self::NAME
        .union(Self::FIRSTNAME)
        .union(Self::LASTNAME)
        .union(Self::EMAIL);
    /// The fields that the user name to show is computed from.
    pub const SHOWN_USER_NAME: Self = Self::USER_NAME.union(Self::EMAIL);
    /// The fields that the profile to show is computed from.
    pub const SHOWN_PROFILE: Self = Self::PROFILE.union(Self::EMAIL);
}

impl User {
    /// The name to show: never empty.
    pub fn display_name(&self) -> String {
        table::shown_name(
            [&self.name, &self.firstname, &self.lastname],
            self.email.as_ref(),
            &self.id,
        )
    }

    /// The user name to show: without one the address, or else the id.
    pub fn shown_user_name(&self) -> &str {
        let email = self.email.as_ref().map(Email::as_str);
        self.user_name.as_deref().or(email).unwrap_or(self.id.as_str())
    }

    /// What lists by user name are sorted by; the database computes the same.
    fn sort_user_name(&self) -> String {
        match &self.user_name {
            Some(name) => user_name_key(name),
            None => self.shown_user_name().to_owned(),
        }
    }
}

impl User {
    /// The name to show to callers who may not see the address.
    pub fn display_name_without_email(&self) -> String {
        let mut user = self.clone();
        user.email = None;
        user.display_name()
    }
}

impl Sorted for User {
    type Fields = UserFields;

    fn sort_fields(key: SortKey) -> UserFields {
        match key {
            SortKey::UpdatedAt => UserFields::UPDATED_AT,
            SortKey::Name => UserFields::SORT_NAME,
            SortKey::Email => UserFields::EMAIL,
            SortKey::UserName => UserFields::SHOWN_USER_NAME,
            SortKey::CreatedAt | SortKey::Id | SortKey::Position => UserFields::empty(),
        }
    }

    fn sorting(key: SortKey) -> Option<Sorting> {
        Some(match key {
            SortKey::CreatedAt => Sorting::Made,
            SortKey::UpdatedAt => Column::UpdatedAt.into(),
            SortKey::Name => Column::SortName.into(),
            // Users without an address come first.
            SortKey::Email => table::sort_email().into(),
            SortKey::UserName => table::sort_user_name().into(),
            SortKey::Id => Sorting::Unique(Column::Id.into_simple_expr()),
            SortKey::Position => return None,
        })
    }

    fn sort_value(&self, key: SortKey) -> SortValue {
        match key {
            SortKey::CreatedAt => SortValue::Made,
            SortKey::UpdatedAt => SortValue::Number(self.updated_at.micros()),
            SortKey::Name => SortValue::Text(self.sort_name.clone()),
            SortKey::Email => SortValue::Text(self.email.as_ref().map(Email::to_string).unwrap_or_default()),
            SortKey::UserName => SortValue::Text(self.sort_user_name()),
            SortKey::Id | SortKey::Position => SortValue::Text(self.id.to_string()),
        }
    }
}
