//! Reads what users and tenants inherit: one statement for each level, however many they are.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::Keys;
use crate::authz::{Action, Granted, Resource};
use crate::context::OpContext;
use crate::directory::organization::{self, Organization, OrganizationFields};
use crate::directory::tenant::{self, Tenant, TenantFields};
use crate::directory::user::User;
use crate::list;
use crate::model::error::Result;
use crate::model::variables::{self, VariableLevel, VariableSource};

/// Where variables are inherited from: an organization, and perhaps a tenant of it, by internal key.
type Place = (i64, Option<i64>);

/// The variables of an organization and perhaps of a tenant, as far as the caller may see them.
#[derive(Debug)]
pub struct Inherited {
    /// From the top.
    levels: Vec<(VariableLevel, Arc<str>)>,
    /// The top-level keys that the caller may see; `None`: all.
    only: Option<Arc<BTreeSet<String>>>,
    /// The levels as one object, merged once for all users of a page who inherit them.
    whole: OnceLock<String>,
}

impl Inherited {
    /// All levels as one object, with the user's own variables as the last one.
    pub fn merged(&self, op: &OpContext, own: Option<&str>, keys: &Keys) -> Result<String> {
        if !keys.are_all() {
            let texts = self.levels(own).map(|(_, text)| text);
            return variables::merged(texts, |key| self.shows(key) && keys.contain(key));
        }
        let whole = self.whole(op)?;
        match own {
            Some(own) => variables::merged([whole, own], |key| self.shows(key)),
            None => Ok(whole.to_owned()),
        }
    }

    fn whole(&self, op: &OpContext) -> Result<&str> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let texts = self.levels(None).map(|(_, text)| text);
        let whole = variables::merged(texts, |key| self.shows(key))?;
        op.charge_read(whole.len())?;
        Ok(self.whole.get_or_init(|| whole))
    }

    /// Where each value of them is from.
    pub fn sources(&self, own: Option<&str>, keys: &Keys) -> Result<Vec<VariableSource>> {
        variables::sources(self.levels(own), |key| self.shows(key) && keys.contain(key))
    }

    fn levels<'a>(&'a self, own: Option<&'a str>) -> impl Iterator<Item = (VariableLevel, &'a str)> {
        let inherited = self.levels.iter().map(|(level, text)| (*level, &**text));
        inherited.chain(own.map(|text| (VariableLevel::User, text)))
    }

    fn shows(&self, key: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(key))
    }
}

/// What some users inherit, by internal key; without those whose variables the caller may not see.
pub async fn of_users(op: &OpContext, users: &[User]) -> Result<HashMap<i64, Arc<Inherited>>> {
    let sight = Sight::of(op);
    let seen = users.iter().filter_map(|user| {
        let place = (user.organization_pk, user.tenant_pk);
        let extent = sight.extent(place, op.actor().is(user.pk))?;
        Some((user.pk, place, extent))
    });
    inherited(op, seen.collect()).await
}

/// The same for tenants: their own variables are the last level of it.
pub async fn of_tenants(op: &OpContext, tenants: &[Tenant]) -> Result<HashMap<i64, Arc<Inherited>>> {
    let sight = Sight::of(op);
    let belongs_to = op.actor().caller().and_then(|caller| caller.tenant_pk);
    let seen = tenants.iter().filter_map(|tenant| {
        let place = (tenant.organization_pk, Some(tenant.pk));
        let extent = sight.extent(place, belongs_to == Some(tenant.pk) || sight.administers(place))?;
        Some((tenant.pk, place, extent))
    });
    inherited(op, seen.collect()).await
}

/// How much of some variables a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Extent {
    All,
    Public,
}

/// What the caller may read.
struct Sight {
    organizations: Option<Granted>,
    tenants: Option<Granted>,
    /// Whether there are public keys.
    public: bool,
}

impl Sight {
    fn of(op: &OpContext) -> Self {
        Self {
            organizations: organization::readable(op).ok(),
            tenants: tenant::readable(op).ok(),
            public: !op.public_variables().is_empty(),
        }
    }

    /// `None`: nothing.
    fn extent(&self, (organization_pk, tenant_pk): Place, own: bool) -> Option<Extent> {
        let covers = |granted: &Option<Granted>, tenant_pk| {
            let granted = granted.as_ref();
            granted.is_some_and(|granted| granted.covers(organization_pk, tenant_pk))
        };
        let whole = covers(&self.organizations, None) && (tenant_pk.is_none() || covers(&self.tenants, tenant_pk));
        match whole {
            true => Some(Extent::All),
            false => (own && self.public).then_some(Extent::Public),
        }
    }

    /// Whether the caller has the permission to read for single tenants, and for this one.
    fn administers(&self, (organization_pk, tenant_pk): Place) -> bool {
        let single = self.tenants.as_ref().filter(|granted| granted.tenants().is_some());
        single.is_some_and(|granted| granted.covers(organization_pk, tenant_pk))
    }
}

/// Reads the levels of some objects, given by internal key, place, and how much of it is seen.
async fn inherited(op: &OpContext, seen: Vec<(i64, Place, Extent)>) -> Result<HashMap<i64, Arc<Inherited>>> {
    if seen.is_empty() {
        return Ok(HashMap::new());
    }
    // The extent says what may be seen; the organization and the tenant need not be among those that the caller may list.
    let granted = op.authorize(Action::Read, Resource::Surroundings)?;
    let organizations: BTreeSet<i64> = seen.iter().map(|(_, (organization, _), _)| *organization).collect();
    let organizations =
        list::by_keys::<Organization>(op, &granted, organizations, OrganizationFields::VARIABLES).await?;
    let tenants: BTreeSet<i64> = seen.iter().filter_map(|(_, (_, tenant), _)| *tenant).collect();
    let tenants = match tenants.is_empty() {
        true => HashMap::new(),
        false => list::by_keys::<Tenant>(op, &granted, tenants, TenantFields::VARIABLES).await?,
    };
    let text = |variables: Option<crate::model::JsonText>| variables.map(|text| Arc::from(text.into_string()));
    let organizations: HashMap<i64, Option<Arc<str>>> = organizations
        .into_iter()
        .map(|(pk, organization)| (pk, text(organization.variables)))
        .collect();
    let tenants: HashMap<i64, Option<Arc<str>>> = tenants
        .into_iter()
        .map(|(pk, tenant)| (pk, text(tenant.variables)))
        .collect();
    let mut known: HashMap<(Place, Extent), Arc<Inherited>> = HashMap::new();
    let mut found = HashMap::new();
    for (key, place, extent) in seen {
        let one = known.entry((place, extent)).or_insert_with(|| {
            let (organization_pk, tenant_pk) = place;
            let organization = organizations.get(&organization_pk).cloned().flatten();
            let tenant = tenant_pk.and_then(|pk| tenants.get(&pk).cloned().flatten());
            let levels = [
                (VariableLevel::Organization, organization),
                (VariableLevel::Tenant, tenant),
            ];
            Arc::new(Inherited {
                levels: levels
                    .into_iter()
                    .filter_map(|(level, text)| Some((level, text?)))
                    .collect(),
                only: (extent == Extent::Public).then(|| Arc::clone(op.public_variables())),
                whole: OnceLock::new(),
            })
        });
        found.insert(key, Arc::clone(one));
    }
    Ok(found)
}
