//! What somebody may do, and where.

use std::collections::BTreeMap;

use super::permission::{Door, Permissions};

/// The permissions of a user, a group or a credential: for its whole organization, and for single tenants of it.
///
/// All comparisons ("beyond their own") are made here, for the organization and for each tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// For the whole organization, and so for each of its tenants.
    organization: Permissions,
    /// In addition, for single tenants, by internal key. Never [`Permissions::EVERY_ORGANIZATION`].
    tenants: BTreeMap<i64, Permissions>,
}

impl Rights {
    pub const NONE: Self = Self {
        organization: Permissions::empty(),
        tenants: BTreeMap::new(),
    };
    /// Those of the binary itself.
    pub const ALL: Self = Self {
        organization: Permissions::all(),
        tenants: BTreeMap::new(),
    };

    /// For the whole organization.
    pub fn of_organization(permissions: Permissions) -> Self {
        Self {
            organization: permissions,
            tenants: BTreeMap::new(),
        }
    }

    /// Adds the permissions of a role: for this tenant, or without one for the whole organization.
    pub fn add(&mut self, tenant_pk: Option<i64>, permissions: Permissions) {
        match tenant_pk {
            None => self.organization |= permissions,
            Some(pk) => *self.tenants.entry(pk).or_default() |= permissions - Permissions::of(Door::EVERY_ORGANIZATION),
        }
    }

    /// What holds for the whole organization.
    pub fn organization(&self) -> Permissions {
        self.organization
    }

    /// The built-in permissions that hold for the whole organization.
    pub fn organization_doors(&self) -> Door {
        self.organization.doors()
    }

    /// What holds for this tenant.
    pub fn for_tenant(&self, tenant_pk: i64) -> Permissions {
        self.organization | self.tenants.get(&tenant_pk).copied().unwrap_or_default()
    }

    /// What holds anywhere.
    pub fn anywhere(&self) -> Permissions {
        self.tenants.values().fold(self.organization, |all, some| all | *some)
    }

    /// The tenants for which something holds in addition, by internal key, with that.
    pub fn tenants(&self) -> impl Iterator<Item = (i64, Permissions)> {
        self.tenants.iter().map(|(pk, permissions)| (*pk, *permissions))
    }

    /// The tenants with further permissions for which all of these hold.
    pub fn tenants_with(&self, doors: Door) -> Vec<i64> {
        let opens = |held: &Permissions| (held.doors() | self.organization.doors()).contains(doors);
        let holding = self.tenants.iter().filter(|(_, held)| opens(held));
        holding.map(|(pk, _)| *pk).collect()
    }

    /// Whether these permissions hold for single tenants, and not for the whole organization.
    pub fn only_in_tenants(&self, doors: Door) -> bool {
        !self.organization.open(doors) && !self.tenants_with(doors).is_empty()
    }

    /// Whether it has access to every organization.
    pub fn reach_everywhere(&self) -> bool {
        self.organization.open(Door::EVERY_ORGANIZATION)
    }

    /// What these have beyond `others`, in any scope.
    pub fn beyond(&self, others: &Self) -> Permissions {
        self.beyond_in(others, |_| true)
    }

    /// The same without what `others` must not see: what these have for tenants that `others` have nothing for. Callers with
    /// a permission for the whole organization see all of it.
    pub fn beyond_in_sight(&self, others: &Self) -> Permissions {
        self.beyond_in(others, |pk| others.sees(pk))
    }

    /// What holds anywhere that `others` see.
    pub fn in_sight_of(&self, others: &Self) -> Permissions {
        let tenants = self.tenants().filter(|(pk, _)| others.sees(*pk));
        tenants.fold(self.organization, |all, (_, held)| all | held)
    }

    fn sees(&self, tenant_pk: i64) -> bool {
        !self.organization.is_empty() || self.tenants.contains_key(&tenant_pk)
    }

    fn beyond_in(&self, others: &Self, counts: impl Fn(i64) -> bool) -> Permissions {
        let tenants = self.tenants().filter(|(pk, _)| counts(*pk));
        let of_tenants = tenants.map(|(pk, held)| held - others.for_tenant(pk));
        of_tenants.fold(self.organization - others.organization, |all, some| all | some)
    }

    /// Whether `others` have nothing beyond these, in any scope.
    pub fn contain(&self, others: &Self) -> bool {
        others.beyond(self).is_empty()
    }

    /// Only what holds for this tenant.
    #[must_use]
    pub fn only_for_tenant(self, tenant_pk: i64) -> Self {
        let mut there = Self::default();
        there.add(Some(tenant_pk), self.for_tenant(tenant_pk));
        there
    }

    /// Only what holds for the whole organization, and for some tenants.
    #[must_use]
    pub fn in_tenants(mut self, counts: impl Fn(i64) -> bool) -> Self {
        self.tenants.retain(|pk, _| counts(*pk));
        self
    }

    /// Only these permissions, in every scope.
    #[must_use]
    pub fn only(mut self, permissions: Permissions) -> Self {
        self.organization &= permissions;
        for held in self.tenants.values_mut() {
            *held &= permissions;
        }
        self
    }
}
