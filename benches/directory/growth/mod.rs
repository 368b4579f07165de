//! The server at size, against itself: what is asked of it here, and in turns with that the same of a small directory, and
//! where it says something, another request here (a first page, a small organization).
//!
//! What `docs/scale.md` says costs the same at any size has an aim. The others are there to be seen.

mod side;
mod workloads;

use std::time::Instant;

use self::side::Side;
use self::workloads::workloads;
use crate::bench::{Asked, Bench, median, millis};
use crate::load::{Bodies, Target};
use crate::requests::{fixed, page};
use crate::table::Table;

/// What a read in a large directory must keep of its rate in a small one, or of its counterpart's.
const KEPT: Option<f64> = Some(0.8);

/// Makes the requests for a directory.
type Make = fn(&Bench<'_>, &Side) -> Bodies;

struct Workload {
    title: &'static str,
    who: fn(&Side) -> &Target,
    bodies: Make,
    /// What it must keep of its rate in a small directory.
    kept: Option<f64>,
    /// Another request here, and what this one must reach of its rate.
    beside: Option<(&'static str, Make, Option<f64>)>,
}

impl Bench<'_> {
    pub async fn growth(&self, small: &Bench<'_>, table: &mut Table) {
        self.first_answer(table).await;
        let sides = (Side::new(self).await, Side::new(small).await);
        let columns = ["here", "at small size", "beside it"];
        self.heading(&format!("growth beside {} users", small.users), &columns);
        for workload in workloads() {
            if self.options.wants(workload.title) {
                self.at_size(small, &sides, &workload, table).await;
            }
        }
        if self.options.wants("search") {
            self.searches(&sides.0, table).await;
        }
    }

    async fn at_size(&self, small: &Bench<'_>, sides: &(Side, Side), workload: &Workload, table: &mut Table) {
        let Workload { title, who, kept, .. } = *workload;
        let bodies = [(workload.bodies)(self, &sides.0), (workload.bodies)(small, &sides.1)];
        let connections = self.options.connections;
        let here = Asked {
            who: "server",
            target: who(&sides.0),
            bodies: &bodies[0],
        };
        let there = Asked {
            who: "server, small",
            target: who(&sides.1),
            bodies: &bodies[1],
        };
        let of_small = match workload.beside {
            None => {
                let rounds = self.workload(table, title, [here, there], connections).await;
                median(rounds.iter().map(|[here, there]| here.per_second / there.per_second))
            }
            Some((name, other, aim)) => {
                let other = Asked {
                    who: name,
                    target: who(&sides.0),
                    bodies: &other(self, &sides.0),
                };
                let rounds = self.workload(table, title, [here, there, other], connections).await;
                let ratio = median(rounds.iter().map(|[here, _, other]| here.per_second / other.per_second));
                table.at_least(&format!("{title}, of {name}"), aim, self.database, ratio);
                median(rounds.iter().map(|[here, there, _]| here.per_second / there.per_second))
            }
        };
        let row = format!("{title}, of the same at {} users", small.users);
        table.at_least(&row, kept, self.database, of_small);
    }

    /// Of a server that starts on a directory of this size.
    async fn first_answer(&self, table: &mut Table) {
        let mut times = Vec::new();
        for _ in 0..self.options.rounds {
            let started = Instant::now();
            let server = self.server();
            self.target(&server).once(page()()).await;
            times.push(millis(started.elapsed()));
        }
        table.at_most(
            "first answer after the start, ms",
            Some(50.0),
            self.database,
            median(times.into_iter()),
        );
    }

    /// One after the other: a search has a time, not a rate.
    async fn searches(&self, side: &Side, table: &mut Table) {
        for term in ["a", "mar", "lukas", "kovacevic", "nobody-has-this"] {
            let query = format!("query Search {{ users(where: {{text: \"{term}\"}}, first: 50) {{ id email name }} }}");
            let measured = side
                .administrator
                .measure(&fixed("Search", &query), 1, self.options.time())
                .await;
            let title = format!("search for \"{term}\"");
            println!("{title:<34}{measured:>36}");
            table.note(self, &title, "server", 1, &measured);
            table.at_most(
                &format!("{title}, p99, ms"),
                Some(20.0),
                self.database,
                millis(measured.p99),
            );
        }
    }
}
