//! `users`.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Func, SelectStatement, SimpleExpr};
use sea_orm::{Condition, ConnectionTrait, DbBackend, IntoSimpleExpr, QuerySelect, QueryTrait, Set};

use crate::authz::{Granted, Scope};
use crate::model::{
    Email, JsonText, Profile, Timestamp, UserId, is_storable, sort_name, user_name_key, uuid_of, words,
};
use crate::store::entity::words::{known, or_null, put};
use crate::store::entity::{Folded, Worded, among, in_tenants};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub pk: i64,
    pub id: UserId,
    pub organization_pk: i64,
    pub tenant_pk: Option<i64>,
    pub email: Option<Email>,
    pub name: Option<String>,
    pub firstname: Option<String>,
    pub lastname: Option<String>,
    /// The user name as it was given. It opens nothing.
    pub user_name: Option<String>,
    /// The user name as it is compared; written with it.
    pub user_name_key: Option<String>,
    /// What the organization's identity provider calls the user: any text, and not unique.
    pub external_id: Option<String>,
    /// What else the identity provider says; see [`crate::model::Profile`].
    pub profile: Option<JsonText>,
    pub activated: bool,
    /// A program, not a person: it has no password.
    pub service: bool,
    /// Whether it counts towards the seats of its organization while it is activated.
    pub takes_seat: bool,
    pub variables: Option<JsonText>,
    pub password_hash: Option<String>,
    pub password_changed_at: Option<Timestamp>,
    /// It can only be used to set a new password.
    pub password_temporary: bool,
    /// When the current password was set with a token that was mailed to the current address; `None` if it was set in
    /// another way.
    pub password_verified_at: Option<Timestamp>,
    /// When the address last changed; `None` if it is the one that the user was created with.
    pub email_changed_at: Option<Timestamp>,
    pub email_verified_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    /// The folded display name, by which lists are sorted.
    pub sort_name: String,
    /// The words of its names, its address and its id, each with a space before it, and marks of the addresses in its profile.
    /// The database keeps `user_words` by them.
    pub words: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[async_trait::async_trait]
impl ActiveModelBehavior for ActiveModel {
    async fn before_save<C: ConnectionTrait>(self, _: &C, insert: bool) -> Result<Self, DbErr> {
        match insert {
            true => self.complete(),
            false => self.worded(),
        }
    }
}

impl ActiveModel {
    /// A row that is inserted without [`ActiveModelTrait::insert`], with its folded texts.
    pub fn complete(mut self) -> Result<Self, DbErr> {
        for text in [
            &mut self.name,
            &mut self.firstname,
            &mut self.lastname,
            &mut self.user_name,
            &mut self.user_name_key,
        ] {
            or_null(text);
        }
        or_null(&mut self.email);
        or_null(&mut self.profile);
        self.worded()
    }

    /// The row with the folded texts of what is set. Fails if a part of them is not known.
    fn worded(mut self) -> Result<Self, DbErr> {
        if self.user_name.is_set() {
            self.user_name_key = Set(known(&self.user_name)?.as_deref().map(user_name_key));
        }
        let names = [&self.name, &self.firstname, &self.lastname];
        let others = self.email.is_set() || self.id.is_set() || self.profile.is_set();
        if others || names.iter().any(|name| name.is_set()) {
            let names = [known(&self.name)?, known(&self.firstname)?, known(&self.lastname)?];
            let profile = known(&self.profile)?.as_ref();
            let made = folded_of(names, known(&self.email)?.as_ref(), known(&self.id)?, profile);
            put(&mut self.sort_name, made.sort_name);
            put(&mut self.words, made.words);
        }
        Ok(self)
    }
}

impl Worded for Model {
    fn pk(&self) -> i64 {
        self.pk
    }

    fn stored(&self) -> Folded {
        Folded {
            sort_name: self.sort_name.clone(),
            words: self.words.clone(),
        }
    }

    fn made(&self) -> Folded {
        let names = [&self.name, &self.firstname, &self.lastname];
        folded_of(names, self.email.as_ref(), &self.id, self.profile.as_ref())
    }
}

fn folded_of(names: [&Option<String>; 3], email: Option<&Email>, id: &UserId, profile: Option<&JsonText>) -> Folded {
    let [name, first, last] = names;
    let texts = [first, last, name].into_iter().flatten().map(String::as_str);
    Folded {
        sort_name: sort_name(&shown_name(names, email, id)),
        words: words(texts, email, id.as_str()) + &Profile::marks(profile),
    }
}

/// The name to show of a user with this name, first name and last name: never empty. The column `display_name` is the same.
pub fn shown_name([name, first, last]: [&Option<String>; 3], email: Option<&Email>, id: &UserId) -> String {
    if let Some(name) = name {
        return name.clone();
    }
    let first = first.as_deref().unwrap_or_default();
    let last = last.as_deref().unwrap_or_default();
    let both = format!("{first} {last}");
    match (both.trim_matches(' '), email) {
        ("", Some(email)) => email.to_string(),
        ("", None) => id.to_string(),
        (both, _) => both.to_owned(),
    }
}

/// The name, without an address, of a user with this name, first name and last name; see [`Model::plain_name`].
pub fn plain_name([name, first, last]: [&Option<String>; 3]) -> Option<String> {
    let first = first.as_deref().unwrap_or_default();
    let both = format!("{first} {}", last.as_deref().unwrap_or_default());
    let name = name.as_deref().unwrap_or(both.trim_matches(' '));
    (!name.is_empty() && Email::normalize(name).is_none()).then(|| name.to_owned())
}

impl Model {
    /// The name to show where the address must not be: in texts that are kept for longer than the user. `None` without one.
    pub fn plain_name(&self) -> Option<String> {
        plain_name([&self.name, &self.firstname, &self.lastname])
    }

    /// The texts that a password must not be: the user's own e-mail address, user name and id.
    pub fn own_names(&self) -> Vec<&str> {
        let email = self.email.as_ref().map(Email::as_str);
        let names = email.into_iter().chain(self.user_name.as_deref());
        names.chain([self.id.as_str()]).collect()
    }
}

/// The order in which one of several accounts with the same address is chosen, then [`ACCOUNT_AGE`]. The index
/// `users_accounts` has the same expressions.
///
/// Only who reads the mailbox can get an account to the front, so nobody can push an account before that of a person
/// who once set a password by mail. Accounts that nobody can sign in to come last, so that they do not hide another.
pub const ACCOUNT_RANK: &str = "CASE
    WHEN NOT activated OR password_hash IS NULL THEN 3
    WHEN password_verified_at IS NOT NULL THEN 0
    WHEN email_verified_at IS NOT NULL THEN 1
    ELSE 2
END";
/// When an account got its address, or verified it: an account does not get older by getting somebody's address later.
pub const ACCOUNT_AGE: &str = "COALESCE(email_verified_at, email_changed_at, created_at)";

/// The users of the tenant with this key. The index of a tenant's users begins with the organization.
pub fn of_tenant(key: SimpleExpr) -> Condition {
    use super::tenant::{Column as Of, Entity as Tenants};
    let organization = Tenants::find().select_only().column(Of::OrganizationPk);
    let organization = organization
        .filter(Of::Pk.into_simple_expr().eq(key.clone()))
        .into_query();
    let organization = SimpleExpr::SubQuery(None, Box::new(organization.into()));
    Condition::all()
        .add(Column::OrganizationPk.into_simple_expr().eq(organization))
        .add(Column::TenantPk.into_simple_expr().eq(key))
}

/// The name to show, which the database computes from the others: never null.
pub fn display_name() -> SimpleExpr {
    Expr::col((Entity, "display_name"))
}

/// The address by which lists are sorted: empty without one.
pub fn sort_email() -> SimpleExpr {
    Expr::col((Entity, "sort_email"))
}

/// The user name by which lists are sorted, as it is compared; without one the address, or else the id.
pub fn sort_user_name() -> SimpleExpr {
    Expr::col((Entity, "sort_user_name"))
}

/// The user name to show, as it was given; without one the address, or else the id.
pub fn shown_user_name() -> SimpleExpr {
    let names = [Column::UserName, Column::Email, Column::Id];
    Func::coalesce(names.map(IntoSimpleExpr::into_simple_expr)).into()
}

/// What no two users of an organization have in common: the user name as it is compared, or else the address.
pub fn unique_user_name() -> SimpleExpr {
    Func::coalesce([Column::UserNameKey.into_simple_expr(), Column::Email.into_simple_expr()]).into()
}

/// The column with the canonical spelling of an id that is a UUID. The database generates it from the id and keeps it
/// unique.
const UUID: &str = "uuid";

/// The rows whose id is one of these texts, or the same UUID as one of them in another spelling. A text never matches
/// two rows, because an equal text is the same UUID too.
pub fn has_id<'a>(backend: DbBackend, texts: impl IntoIterator<Item = &'a str>) -> Condition {
    let (mut uuids, mut others) = (Vec::new(), Vec::new());
    for text in texts {
        match uuid_of(text) {
            Some(uuid) => uuids.push(uuid.simple().to_string()),
            None if is_storable(text) => others.push(text.to_owned()),
            None => {}
        }
    }
    let uuid = || Expr::col((Entity, UUID));
    // Only non-empty lists: an empty one would keep the database from using the other's index.
    match (uuids.is_empty(), others.is_empty()) {
        (false, true) => Condition::all().add(among(backend, uuid(), uuids, "text[]")),
        (true, _) => Condition::all().add(among(backend, Column::Id.into_simple_expr(), others, "text[]")),
        (false, false) => Condition::any().add(among(backend, uuid(), uuids, "text[]")).add(among(
            backend,
            Column::Id.into_simple_expr(),
            others,
            "text[]",
        )),
    }
}

pub fn within(granted: &Granted) -> Condition {
    match granted.scope() {
        Scope::Everything => Condition::all(),
        Scope::Organization(pk) => Condition::all().add(Column::OrganizationPk.eq(*pk)),
        Scope::Tenants(tenants) => {
            let theirs = in_tenants(tenants, Column::OrganizationPk, Column::TenantPk);
            match tenants.oneself {
                Some(pk) => Condition::any().add(theirs).add(Column::Pk.eq(pk)),
                None => theirs,
            }
        }
        Scope::Oneself(pk) => Condition::all().add(Column::Pk.eq(*pk)),
    }
}

/// The user that a column references is in a scope. For lists whose filter names that user, so that the database starts
/// from it and not from all users of the scope.
pub fn is_within(column: impl ColumnTrait, granted: &Granted) -> SimpleExpr {
    let user = Entity::find()
        .select_only()
        .column(Column::Pk)
        .filter(within(granted))
        .filter(Expr::col((Entity, Column::Pk)).equals(column.as_column_ref()));
    Expr::exists(user.into_query())
}

/// The internal keys of the users in a scope.
pub fn pks_within(granted: &Granted) -> SelectStatement {
    let users = Entity::find().filter(within(granted));
    users.select_only().column(Column::Pk).into_query()
}
