//! The order in which operations run that refer to each other.

/// What is to be done with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Run(usize),
    /// It waits for itself.
    Circle(usize),
}

/// Each operation, after those that it refers to, and otherwise in the order of the request. `needs` has the places of the
/// operations that each one refers to.
pub fn of(needs: &[Vec<usize>]) -> Vec<Turn> {
    let mut order = Order {
        needs,
        done: vec![false; needs.len()],
        turns: Vec::with_capacity(needs.len()),
    };
    for place in 0..needs.len() {
        order.visit(place);
    }
    let circular = |turn| match turn {
        Turn::Run(place) if reaches_itself(needs, place) => Turn::Circle(place),
        turn => turn,
    };
    order.turns.into_iter().map(circular).collect()
}

struct Order<'a> {
    needs: &'a [Vec<usize>],
    done: Vec<bool>,
    turns: Vec<Turn>,
}

impl Order<'_> {
    /// The number of operations bounds the depth.
    fn visit(&mut self, place: usize) {
        match self.done.get_mut(place) {
            Some(done) if !*done => *done = true,
            _ => return,
        }
        let needs = self.needs;
        for needed in needs.get(place).into_iter().flatten() {
            self.visit(*needed);
        }
        self.turns.push(Turn::Run(place));
    }
}

fn reaches_itself(needs: &[Vec<usize>], start: usize) -> bool {
    let mut seen = vec![false; needs.len()];
    let mut next: Vec<usize> = needs.get(start).cloned().unwrap_or_default();
    while let Some(place) = next.pop() {
        if place == start {
            return true;
        }
        if let Some(seen) = seen.get_mut(place).filter(|seen| !**seen) {
            *seen = true;
            next.extend(needs.get(place).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_runs_first() {
        use Turn::{Circle, Run};
        assert_eq!(of(&[vec![2], vec![], vec![]]), [Run(2), Run(0), Run(1)]);
        assert_eq!(of(&[vec![1], vec![2], vec![]]), [Run(2), Run(1), Run(0)]);
        // The third refers to a circle and is not in it.
        assert_eq!(
            of(&[vec![1], vec![0], vec![0], vec![3]]),
            [Circle(1), Circle(0), Run(2), Circle(3)]
        );
        assert_eq!(of(&[]), []);
    }
}
