//! The steps of an import beside others: each is a transaction, which is tried again if others were in its way.

use super::tally::Tallies;
use super::{Intake, TRIES};
use crate::model::error::{ErrorCode, Result};
use crate::transfer::record::{MembersRecord, Row};
use crate::transfer::report::{At, Outcome};

/// What a step takes.
#[derive(Clone, Copy)]
enum Part<'p> {
    Rows(&'p [Row]),
    Members(&'p At, &'p MembersRecord),
}

impl Intake<'_> {
    /// Takes rows in a transaction of their own.
    pub(super) async fn step(&mut self, rows: &[Row]) -> Result<Vec<Outcome>> {
        self.tried(Part::Rows(rows)).await
    }

    /// Puts members into their group in a transaction of its own.
    pub(super) async fn step_members(&mut self, at: &At, members: &MembersRecord) -> Result<Vec<Outcome>> {
        self.tried(Part::Members(at, members)).await
    }

    async fn tried(&mut self, part: Part<'_>) -> Result<Vec<Outcome>> {
        let members = self.members.len();
        let mut tries = 0;
        loop {
            tries += 1;
            self.is_last_try = tries == TRIES || self.imagined.is_some();
            match self.once(part).await {
                Err(error) if !self.is_last_try && error.code() != ErrorCode::Unavailable => {
                    // Nothing of it is there.
                    self.places.undo();
                    self.aliases.undo();
                    self.members.truncate(members);
                }
                done => return done,
            }
        }
    }

    async fn once(&mut self, part: Part<'_>) -> Result<Vec<Outcome>> {
        self.tallies = Tallies::default();
        self.outcomes.clear();
        self.aliases.keep();
        if self.imagined.is_none() {
            // Looked up again, it stays as it is until the transaction ends.
            self.places.forget();
        }
        let mut change = self.op.begin().await?;
        let outcomes = match part {
            Part::Rows(rows) => self.take(&mut change, rows).await?,
            Part::Members(at, members) => self.take_members(&mut change, at, members).await?,
        };
        // Dropped, the transaction changes nothing.
        if self.imagined.is_none() && !self.tallies.is_empty() {
            let events = self.tallies.events(&*change).await?;
            change.commit(events).await?;
        }
        Ok(outcomes)
    }
}
