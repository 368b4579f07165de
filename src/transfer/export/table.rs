//! Users as a table, for people and their spreadsheets: CSV as RFC 4180 has it, with a byte order mark, which Excel needs to
//! recognize UTF-8.

use std::collections::HashMap;
use std::io::Write;

use sea_orm::{EntityTrait, QueryFilter};

use super::rows::in_order;
use super::{BATCH, Kind, Source, Stopped, Written, texts};
use crate::model::Timestamp;
use crate::model::error::Result;
use crate::store::entity::{any_of, group, group_member, user, user_role};

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The headings, always in this order.
const COLUMNS: [&str; 19] = [
    "id",
    "organizationId",
    "organizationName",
    "tenantId",
    "tenantName",
    "email",
    "name",
    "firstname",
    "lastname",
    "activated",
    "service",
    "roles",
    "groups",
    "emailVerifiedAt",
    "lastSeenAt",
    "createdAt",
    "updatedAt",
    "userName",
    "externalId",
];

/// Between several names in one cell.
const SEPARATOR: &str = "; ";

/// A spreadsheet takes a cell that begins so for a formula, which a user's name must not become. Some also take the wide
/// forms of these characters.
const BEGINS_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Names that users have, by the key of the user.
type Names = HashMap<i64, Vec<String>>;

/// Writes the table of all users that are wanted.
pub(super) async fn write<W: Write>(
    source: &Source<'_>,
    mut out: W,
    mut progress: impl FnMut(u64),
) -> Result<(W, Written), Stopped> {
    let named = Named {
        organizations: texts(source.snapshot, "organizations", "name").await?,
        tenants: texts(source.snapshot, "tenants", "name").await?,
        roles: texts(source.snapshot, "roles", "name").await?,
    };
    let mut add = |text: &str| out.write_all(text.as_bytes());
    add(BYTE_ORDER_MARK)?;
    add(&row(COLUMNS))?;
    let mut count = 0;
    for keys in source.keys(Kind::User).await?.chunks(BATCH) {
        for line in named.rows(source, keys).await? {
            add(&line)?;
            count += 1;
        }
        progress(count);
    }
    out.flush()?;
    Ok((out, Written::from([(Kind::User, count)])))
}

/// The names of what others refer to by key.
struct Named {
    organizations: HashMap<i64, String>,
    tenants: HashMap<i64, String>,
    roles: HashMap<i64, String>,
}

impl Named {
    async fn rows(&self, source: &Source<'_>, keys: &[i64]) -> Result<Vec<String>> {
        let roles = self.roles_of(source, keys).await?;
        let groups = groups_of(source, keys).await?;
        let list = |names: &Names, user: i64| names.get(&user).map(|names| names.join(SEPARATOR));
        let line = |user: user::Model| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let time = |time: Option<Timestamp>| time.map(Timestamp::to_seconds).unwrap_or_default();
            row([
                user.id.to_string(),
                source.organization_id(user.organization_pk).to_owned(),
                text(&self.organizations.get(&user.organization_pk).cloned()),
                source.tenant_id(user.tenant_pk).unwrap_or_default().to_owned(),
                text(&user.tenant_pk.and_then(|pk| self.tenants.get(&pk)).cloned()),
                user.email
                    .as_ref()
                    .map(|email| email.as_str().to_owned())
                    .unwrap_or_default(),
                text(&user.name),
                text(&user.firstname),
                text(&user.lastname),
                yes_or_no(user.activated).to_owned(),
                yes_or_no(user.service).to_owned(),
                text(&list(&roles, user.pk)),
                text(&list(&groups, user.pk)),
                time(user.email_verified_at),
                time(user.last_seen_at),
                time(Some(user.created_at)),
                time(Some(user.updated_at)),
                text(&user.user_name),
                text(&user.external_id),
            ])
        };
        Ok(in_order!(source, user, keys).into_iter().map(line).collect())
    }

    /// The names of roles; for a role in one tenant only, with the tenant's name behind it.
    async fn roles_of(&self, source: &Source<'_>, users: &[i64]) -> Result<Names> {
        let column = user_role::Column::UserPk;
        let rows = user_role::Entity::find().filter(any_of(source.backend(), column, users.iter().copied()));
        let mut names = Names::new();
        for row in rows.all(source.snapshot).await? {
            let role = self.roles.get(&row.role_pk).cloned().unwrap_or_default();
            let name = match row.tenant_pk.and_then(|pk| self.tenants.get(&pk)) {
                Some(tenant) => format!("{role} ({tenant})"),
                None => role,
            };
            names.entry(row.user_pk).or_default().push(name);
        }
        Ok(sorted(names))
    }
}

async fn groups_of(source: &Source<'_>, users: &[i64]) -> Result<Names> {
    let column = group_member::Column::UserPk;
    let members = group_member::Entity::find().filter(any_of(source.backend(), column, users.iter().copied()));
    let members = members.all(source.snapshot).await?;
    let groups = members.iter().map(|member| member.group_pk);
    let groups = group::Entity::find().filter(any_of(source.backend(), group::Column::Pk, groups));
    let groups = groups.all(source.snapshot).await?;
    let groups: HashMap<i64, String> = groups.into_iter().map(|group| (group.pk, group.name)).collect();
    let mut names = Names::new();
    for member in members {
        let name = groups.get(&member.group_pk).cloned().unwrap_or_default();
        names.entry(member.user_pk).or_default().push(name);
    }
    Ok(sorted(names))
}

/// Both databases give the same order.
fn sorted(mut names: Names) -> Names {
    for names in names.values_mut() {
        names.sort();
    }
    names
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// A line of the table, with its end.
fn row<T: AsRef<str>>(cells: [T; COLUMNS.len()]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
    cells.join(",") + "\r\n"
}

/// A cell that no spreadsheet takes for a formula, and that stays one cell.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(BEGINS_FORMULA) { "'" } else { "" };
    // In some countries, spreadsheets separate by other characters.
    match text.contains(['"', ',', ';', '\t', '\r', '\n']) {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => format!("{guard}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_neither_formulas_nor_two_cells() {
        for (text, expected) in [
            ("", ""),
            ("Ada", "Ada"),
            ("Ada-Marie", "Ada-Marie"),
            ("ada@acme.example", "ada@acme.example"),
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-1", "'-1"),
            ("@ada", "'@ada"),
            ("＝1", "'＝1"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("'=1", "'=1"),
            ("=A1;\"x\"", "\"'=A1;\"\"x\"\"\""),
            ("a, b", "\"a, b\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("\"", "\"\"\"\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
