//! Finds the account of somebody who has no credential yet, by its address.

use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ConnectionTrait, QueryOrder};

use super::{Term, User};
use crate::directory::organization;
use crate::list::{Filter, TextTest};
use crate::model::Email;
use crate::model::error::Result;
use crate::store::entity::user::{self as table, Column};

/// The account with an address, for callers without a credential: that of the organization if one is named, otherwise
/// the first of all ([`table::ACCOUNT_RANK`]). It requires no permission: public verbs check a password against it and
/// reveal nothing else about it.
pub(crate) async fn account(
    connection: &impl ConnectionTrait,
    email: &str,
    organization: Option<&str>,
) -> Result<Option<table::Model>> {
    let Some(wanted) = accounts(connection, email, organization)? else {
        return Ok(None);
    };
    Ok(in_account_order(table::Entity::find().filter(wanted))
        .one(connection)
        .await?)
}

/// The accounts with an address; `None` if no account can have it.
pub(crate) fn accounts(
    connection: &impl ConnectionTrait,
    email: &str,
    organization: Option<&str>,
) -> Result<Option<Condition>> {
    let Some(email) = Email::normalize(email) else {
        return Ok(None);
    };
    let mut wanted = Condition::all().add(Column::Email.eq(email));
    if let Some(id) = organization {
        let is_it = Filter::Own(organization::Term::Id(TextTest::Equals(id.to_owned())));
        let theirs = Filter::Own(Term::Organization(is_it));
        wanted = wanted.add(theirs.to_sql::<User>(connection.get_database_backend())?);
    }
    Ok(Some(wanted))
}

/// The account whose temporary password may be changed without a credential: one that has a temporary password before
/// all others.
pub(crate) async fn account_with_temporary_password(
    connection: &impl ConnectionTrait,
    email: &str,
    organization: Option<&str>,
) -> Result<Option<table::Model>> {
    let Some(wanted) = accounts(connection, email, organization)? else {
        return Ok(None);
    };
    let temporary = wanted.clone().add(Column::PasswordTemporary.eq(true));
    match in_account_order(table::Entity::find().filter(temporary))
        .one(connection)
        .await?
    {
        Some(found) => Ok(Some(found)),
        None => account(connection, email, organization).await,
    }
}

/// The order in which one of several accounts with the same address is chosen.
pub(crate) fn in_account_order(accounts: Select<table::Entity>) -> Select<table::Entity> {
    accounts
        .order_by_asc(Expr::cust(table::ACCOUNT_RANK))
        .order_by_asc(Expr::cust(table::ACCOUNT_AGE))
        .order_by_asc(Column::Pk)
}
