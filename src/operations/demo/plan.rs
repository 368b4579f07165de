//! Plans the data before anything is written: the organizations' sizes, and the creation times.

use super::random::Random;
use crate::model::Timestamp;

const DAY: u64 = 24 * 60 * 60 * 1_000_000;
/// How far back the first creation time is.
const SPAN: u64 = 4 * 365 * DAY;
const SEED: u64 = 0x7465_6e61_6e74_7279;
/// The percentage of users in the first organization.
const FIRST_PERCENT: u64 = 30;

/// Each user's organization, in the order of creation. The first user of an organization created it.
#[derive(Debug)]
pub struct Plan {
    /// The organization of each user, by number.
    pub organization_of: Vec<u32>,
    /// The number of users of each organization.
    pub sizes: Vec<u64>,
    start: u64,
}

impl Plan {
    pub fn new(users: usize, now: Timestamp) -> Self {
        let organizations = match users {
            0..10 => users.min(1),
            _ => (users / 1_000).max(3),
        };
        let mut random = Random::new(SEED);
        let mut sizes = vec![0_u64; organizations];
        // The cumulative weights of all but the first: later organizations are smaller.
        let mut sums: Vec<u64> = Vec::with_capacity(organizations);
        let mut founded = 0_usize;
        let mut organization_of = Vec::with_capacity(users);
        for user in 0..users {
            // The last organization is created after three fifths of the users.
            let founding = founded < organizations && user >= founded * users * 3 / 5 / organizations;
            let organization = if founding {
                let weight = 1_000_000_000 / (founded as u64 + 4);
                if founded > 0 {
                    sums.push(sums.last().copied().unwrap_or(0) + weight);
                }
                founded += 1;
                founded - 1
            } else if random.percent(FIRST_PERCENT) {
                0
            } else {
                let at = random.below(sums.last().copied().unwrap_or(0));
                // Until there is a second one, every user is in the first.
                (sums.partition_point(|sum| *sum <= at) + 1) % founded.max(1)
            };
            if let Some(size) = sizes.get_mut(organization) {
                *size += 1;
            }
            organization_of.push(u32::try_from(organization).unwrap_or(0));
        }
        Self {
            organization_of,
            sizes,
            start: now.micros().unsigned_abs().saturating_sub(SPAN),
        }
    }

    /// When a user was created: each a little after the previous one, with a growing number per day.
    pub fn made_at(&self, user: usize) -> Timestamp {
        let share = (user as f64 / self.organization_of.len().max(1) as f64).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and SPAN"
        )]
        let passed = (share * (SPAN - DAY) as f64) as u64;
        Timestamp::from_micros(i64::try_from(self.start + passed).unwrap_or(0))
    }
}

/// The random choices for one object, independent of earlier choices.
pub fn choices(kind: u64, number: usize) -> Random {
    let mut random = Random::new(SEED ^ kind.rotate_left(32) ^ (number as u64));
    Random::new(random.next())
}
