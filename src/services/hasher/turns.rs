//! Slots for a scarce resource, assigned fairly between organizations.
//!
//! There is a fixed number of slots; if all are taken, requests wait. A free slot goes to the waiting organizations in
//! turn, not to the first request: an organization with a thousand requests waits for itself, and another one with a
//! single request gets the next slot. If too many wait, the last one of the longest queue is refused, not the new one.
//!
//! Requests without an organization, such as guesses at unknown addresses, count as one more party.

use std::collections::{HashMap, VecDeque};
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::model::error::{Error, Reason, Result};

/// An organization by its internal key, or none.
type Party = Option<i64>;

/// The number of taken slots, and of waiting requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub running: usize,
    pub waiting: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Mutex<Room>>);

#[derive(Debug)]
struct Room {
    /// The number of slots in total and per party, and the maximum number of waiting requests.
    places: usize,
    places_of_one: usize,
    waiting_max: usize,
    /// The number of slots each party holds; parties without any are absent.
    held: HashMap<Party, usize>,
    /// The queue of each party; the parties in the order of their next turns.
    queues: VecDeque<(Party, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A slot, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    room: Turns,
    party: Party,
}

impl Turns {
    pub fn new(places: usize, places_of_one: usize, waiting_max: usize) -> Self {
        Self(Arc::new(Mutex::new(Room {
            places,
            places_of_one,
            waiting_max,
            held: HashMap::new(),
            queues: VecDeque::new(),
        })))
    }

    pub fn load(&self) -> Load {
        let room = self.room();
        Load {
            running: room.running(),
            waiting: room.waiting(),
        }
    }

    /// Waits for a turn. `UNAVAILABLE` if too many wait.
    pub async fn take(&self, party: Party) -> Result<Turn> {
        let waiting = {
            let mut room = self.room();
            if room.has_a_place_for(party) {
                room.hold(party);
                return Ok(self.turn(party));
            }
            room.wait(party).ok_or_else(no_room)?
        };
        waiting.await.map_err(|_| no_room())
    }

    fn turn(&self, party: Party) -> Turn {
        Turn {
            room: self.clone(),
            party,
        }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut room = self.room.room();
            room.release(self.party);
            room.next()
        };
        if let Some((party, sender)) = next {
            // Outside the lock: if the waiting request has just gone, the turn is returned and dropped here.
            drop(sender.send(self.room.turn(party)));
        }
    }
}

impl Room {
    fn running(&self) -> usize {
        self.held.values().sum()
    }

    fn waiting(&self) -> usize {
        self.queues.iter().map(|(_, queue)| queue.len()).sum()
    }

    fn has_a_place_for(&self, party: Party) -> bool {
        self.running() < self.places && self.held.get(&party).copied().unwrap_or(0) < self.places_of_one
    }

    fn hold(&mut self, party: Party) {
        *self.held.entry(party).or_default() += 1;
    }

    fn release(&mut self, party: Party) {
        if let Some(number) = self.held.get_mut(&party) {
            *number = number.saturating_sub(1);
            if *number == 0 {
                self.held.remove(&party);
            }
        }
    }

    /// Adds a request to the end of the party's queue; `None` if too many wait and no queue is longer.
    fn wait(&mut self, party: Party) -> Option<oneshot::Receiver<Turn>> {
        if self.waiting() >= self.waiting_max {
            self.forget_who_has_gone();
        }
        if self.waiting() >= self.waiting_max {
            let own = self.queue_of(party).map_or(0, |queue| queue.len());
            let (_, longest) = self.queues.iter_mut().max_by_key(|(_, queue)| queue.len())?;
            if longest.len() <= own {
                return None;
            }
            longest.pop_back();
        }
        let (sender, receiver) = oneshot::channel();
        match self.queue_of(party) {
            Some(queue) => queue.push_back(sender),
            None => self.queues.push_back((party, VecDeque::from([sender]))),
        }
        Some(receiver)
    }

    fn queue_of(&mut self, party: Party) -> Option<&mut VecDeque<oneshot::Sender<Turn>>> {
        let found = self.queues.iter_mut().find(|(known, _)| *known == party);
        found.map(|(_, queue)| queue)
    }

    fn forget_who_has_gone(&mut self) {
        for (_, queue) in &mut self.queues {
            queue.retain(|waiting| !waiting.is_closed());
        }
        self.queues.retain(|(_, queue)| !queue.is_empty());
    }

    /// Takes a free slot for the first request of the first party that may have one, and moves that party to the end.
    fn next(&mut self) -> Option<(Party, oneshot::Sender<Turn>)> {
        loop {
            let at = self.queues.iter().position(|(party, _)| self.has_a_place_for(*party))?;
            let (party, mut queue) = self.queues.remove(at)?;
            let first = iter::from_fn(|| queue.pop_front()).find(|waiting| !waiting.is_closed());
            if !queue.is_empty() {
                self.queues.push_back((party, queue));
            }
            if let Some(sender) = first {
                self.hold(party);
                return Some((party, sender));
            }
        }
    }
}

fn no_room() -> Error {
    Error::unavailable(Reason::Busy, "too many passwords are waiting to be hashed")
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    type Waiting = BoxFuture<'static, Result<Turn>>;

    /// Requests a turn now, not when it is awaited.
    fn ask(turns: &Turns, party: Party) -> Waiting {
        let turns = turns.clone();
        let mut asked = async move { turns.take(party).await }.boxed();
        match (&mut asked).now_or_never() {
            Some(done) => async { done }.boxed(),
            None => asked,
        }
    }

    fn got(waiting: &mut Waiting) -> Option<Turn> {
        waiting.now_or_never().map(|turn| turn.expect("there is room"))
    }

    #[test]
    fn a_place_goes_to_each_party_in_turn() {
        let turns = Turns::new(1, 1, 100);
        let mut first = ask(&turns, Some(1));
        let mut running = got(&mut first);
        let mut storm: Vec<Waiting> = (0..10).map(|_| ask(&turns, Some(1))).collect();
        let mut others: Vec<Waiting> = [Some(2), None, Some(3)].map(|party| ask(&turns, party)).into();
        let mut order = Vec::new();
        while running.take().is_some() {
            let all = storm.iter_mut().map(|one| (1, one));
            let all = all.chain(others.iter_mut().zip([2, 0, 3]).map(|(one, party)| (party, one)));
            for (party, one) in all {
                // Do not poll again after a turn was received.
                if let Some(turn) = got(one) {
                    *one = std::future::pending().boxed();
                    order.push(party);
                    running = Some(turn);
                    break;
                }
            }
        }
        assert_eq!(order, [1, 2, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(turns.load(), Load::default());
    }

    #[test]
    fn nobody_has_all_places() {
        let turns = Turns::new(3, 2, 100);
        let mut one: Vec<Waiting> = (0..4).map(|_| ask(&turns, Some(1))).collect();
        let held: Vec<Option<Turn>> = one.iter_mut().map(got).collect();
        assert_eq!(held.iter().flatten().count(), 2);
        let mut other = [ask(&turns, Some(2)), ask(&turns, Some(2))];
        let other_held = other.each_mut().map(got);
        assert_eq!(other_held.iter().flatten().count(), 1);
        assert_eq!(turns.load(), Load { running: 3, waiting: 3 });
        // A slot of another party must not go to one that already has its share.
        drop(other_held);
        assert!(one.iter_mut().skip(2).all(|one| got(one).is_none()));
        let again = other.iter_mut().skip(1).find_map(got);
        assert!(again.is_some());
        drop(held);
        assert_eq!(one.iter_mut().skip(2).filter_map(got).count(), 2);
    }

    #[test]
    fn the_longest_queue_makes_room() {
        let turns = Turns::new(1, 1, 4);
        let running = got(&mut ask(&turns, Some(1)));
        let mut storm: Vec<Waiting> = (0..4).map(|_| ask(&turns, Some(1))).collect();
        assert!(matches!(
            ask(&turns, Some(1)).now_or_never(),
            Some(Err(Error::Unavailable { .. }))
        ));
        let other = ask(&turns, Some(2));
        assert!(matches!(
            storm.last_mut().and_then(FutureExt::now_or_never),
            Some(Err(Error::Unavailable { .. }))
        ));
        let another = ask(&turns, Some(2));
        // Two and two: one more of either is too many, but one of another party is not.
        assert!(matches!(
            ask(&turns, Some(2)).now_or_never(),
            Some(Err(Error::Unavailable { .. }))
        ));
        let third = ask(&turns, Some(3));
        assert_eq!(turns.load().waiting, 4);
        drop(running);
        let mut all: Vec<Waiting> = storm.drain(..3).chain([other, another, third]).collect();
        let mut through = 0;
        while turns.load() != Load::default() {
            all.retain_mut(|one| match one.now_or_never() {
                Some(turn) => {
                    through += usize::from(turn.is_ok());
                    false
                }
                None => true,
            });
        }
        assert_eq!((through, all.len()), (4, 0));
    }

    #[test]
    fn who_goes_gives_the_turn_to_the_next() {
        let turns = Turns::new(1, 1, 2);
        let running = got(&mut ask(&turns, Some(1)));
        let gone = [ask(&turns, Some(2)), ask(&turns, Some(2))];
        drop(gone);
        // None of them is waiting any longer.
        let mut stays = [ask(&turns, Some(3)), ask(&turns, Some(3))];
        drop(running);
        let [first, second] = &mut stays;
        let turn = got(first);
        assert!(turn.is_some() && got(second).is_none());
        drop(turn);
        // Assigned but never received: the turn is returned when the waiting request is dropped.
        drop(stays);
        assert_eq!(turns.load(), Load::default());
        assert!(got(&mut ask(&turns, Some(4))).is_some());
    }
}
