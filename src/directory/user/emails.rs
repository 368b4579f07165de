//! Conditions on the e-mail addresses of users, as callers see them: the account's, and those beside it in the profile.

use sea_orm::sea_query::{Expr, ExprTrait, Func, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, DbBackend, EntityTrait, IntoSimpleExpr, QueryFilter, QuerySelect, QueryTrait};

use super::Term;
use super::search::organizations_of;
use crate::authz::Granted;
use crate::list::{Asked, ElementFilter, Filter, Sql, TextTest, document, element, one_element, union_all};
use crate::model::error::Result;
use crate::model::{Profile, is_storable};
use crate::store::entity::user::{self as table, Column};
use crate::store::entity::user_word;

/// The members of a stored entry that conditions read in another way, or not at all; see [`crate::model::Entries`].
const VALUE: &str = "value";
const KEY: &str = "key";
const ACCOUNT: &str = "account";

/// One of the addresses meets all of this.
pub(super) fn condition(sql: &mut Sql, such: &ElementFilter) -> Result<Condition> {
    let backend = sql.backend();
    let such = such.condition(sql, &|key, asked| member(backend, key, asked))?;
    // Without an address of the account, its entry is not shown.
    let is_account = Expr::from(Func::coalesce([is_account(backend), Expr::val(false)]));
    let is_shown = Column::Email.is_not_null().or(is_account.not());
    let shown = Condition::all().add(is_shown).add(such);
    Ok(Condition::all().add(one_element(backend, with_account(backend), &list(), shown)))
}

fn list() -> [String; 1] {
    ["emails".to_owned()]
}

/// Whether the entry is the account's.
fn is_account(backend: DbBackend) -> SimpleExpr {
    element(backend, Some(ACCOUNT), Asked::Flag)
}

/// A member of the entry, as callers see it. The address itself is compared as user names are.
fn member(backend: DbBackend, key: Option<&str>, asked: Asked) -> SimpleExpr {
    match (key, asked) {
        (None | Some(VALUE), Asked::Text) => Expr::case(is_account(backend), Column::Email.into_simple_expr())
            .finally(element(backend, Some(KEY), Asked::Text))
            .into(),
        (None | Some(VALUE), Asked::Presence) => Expr::val(1).eq(1),
        (None | Some(VALUE), Asked::Flag) => element(backend, Some(VALUE), Asked::Flag),
        // Nobody learns how the list is stored: this name is never there.
        (Some(ACCOUNT | KEY), asked) => element(backend, Some("\""), asked),
        (Some(_), _) => element(backend, key, asked),
    }
}

/// The profile, with an entry for the account's address if it has none.
fn with_account(backend: DbBackend) -> SimpleExpr {
    let stored = document(
        backend,
        Expr::cust_with_exprs(
            match backend {
                DbBackend::Postgres => "COALESCE($1, '{}')",
                _ => "COALESCE(?, '{}')",
            },
            [Column::Profile.into_simple_expr()],
        ),
    );
    let has = |key: &str| {
        let flag = element(backend, Some(key), Asked::Flag).eq(true);
        one_element(backend, stored.clone(), &list(), Condition::all().add(flag))
    };
    let email = || Column::Email.into_simple_expr();
    let added = match backend {
        DbBackend::Postgres => Expr::cust_with_exprs(
            "jsonb_set($1, '{emails}', COALESCE($1 -> 'emails', CAST('[]' AS jsonb)) || jsonb_build_array(jsonb_strip_nulls(
                 jsonb_build_object('key', $2, 'type', 'work', 'primary', CASE WHEN $3 THEN NULL ELSE TRUE END))))",
            [stored.clone(), email(), has("primary")],
        ),
        _ => Expr::cust_with_exprs(
            "json_set(?, '$.emails', json_insert(COALESCE(json_extract(?, '$.emails'), '[]'), '$[#]',
                 json(CASE WHEN ? THEN json_object('key', ?, 'type', 'work')
                     ELSE json_object('key', ?, 'type', 'work', 'primary', json('true')) END)))",
            [stored.clone(), stored.clone(), has("primary"), email(), email()],
        ),
    };
    let is_unsent = Column::Email.is_not_null().and(has(ACCOUNT).not());
    Expr::case(is_unsent, added).finally(stored).into()
}

/// Selects the keys of the users of a list who have an address that all of them must have; `None` if none is named.
pub(super) fn keys_of(backend: DbBackend, granted: &Granted, filter: &Filter<Term>) -> Result<Option<SelectStatement>> {
    let named = filter.required().into_iter().find_map(|term| match term {
        Term::Emails(such) => named(such),
        _ => None,
    });
    let Some(key) = named else { return Ok(None) };
    let Some(accounts) = organizations_of(backend, Column::OrganizationPk, granted, filter)? else {
        return Ok(None);
    };
    let Some(others) = organizations_of(backend, user_word::Column::OrganizationPk, granted, filter)? else {
        return Ok(None);
    };
    let accounts = table::Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(accounts)
        .filter(Column::Email.eq(key));
    let others = user_word::Entity::find()
        .select_only()
        .column(user_word::Column::UserPk)
        .filter(others)
        .filter(user_word::Column::Word.eq(Profile::mark(key)));
    Ok(Some(union_all([accounts.into_query(), others.into_query()])))
}

/// The address that an entry must have, as it is compared.
fn named(such: &ElementFilter) -> Option<&str> {
    match such {
        ElementFilter::All(parts) => parts.iter().find_map(named),
        ElementFilter::Any(parts) => match parts.as_slice() {
            [part] => named(part),
            _ => None,
        },
        ElementFilter::Text { key, test } if matches!(key.as_deref(), None | Some(VALUE)) => match test {
            TextTest::Equals(text) if is_storable(text) => Some(text),
            _ => None,
        },
        ElementFilter::Not(_)
        | ElementFilter::Text { .. }
        | ElementFilter::Flag { .. }
        | ElementFilter::Present { .. } => None,
    }
}

/// The users with these keys, which are few.
pub(super) fn among(backend: DbBackend, keys: SelectStatement) -> Condition {
    let keys = Expr::SubQuery(None, Box::new(keys.into()));
    let template = match backend {
        // Of an array PostgreSQL believes that it is short, so it starts from its keys.
        DbBackend::Postgres => "$1 IN (SELECT unnest(ARRAY $2))",
        _ => "? IN ?",
    };
    Condition::all().add(Expr::cust_with_exprs(template, [Column::Pk.into_simple_expr(), keys]))
}
