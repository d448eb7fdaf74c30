//! Why somebody belongs to a group: the chains of groups that lead from it down to a membership (G5).
//!
//! Between two groups there may be more chains than anybody can count: ten layers of ten groups have ten thousand million.
//! So none is made that is not shown. It is counted first how many chains of which length lead down from each group; whoever
//! then goes down only to groups from which chains of the right length go on never turns back without one. What this takes
//! grows with the composition and with what is shown, and has a limit for each answer.

use std::collections::{HashMap, HashSet};

use super::composition::{Compositions, Mode};
use crate::error::Error;

/// The most chains of groups that are named for one member of one group.
pub const MAX_CHAINS: usize = 100;

/// What may still be spent on chains in one answer.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Groups that chains lead through, each counted for every chain.
    groups: usize,
    /// Steps from one group to the next, taken or only looked at.
    steps: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { groups: 100_000, steps: 5_000_000 }
    }
}

impl Allowance {
    /// How many groups the chains of one member may lead through when so many members are still to come.
    pub fn share(&self, members: usize) -> usize {
        self.groups / members.max(1)
    }

    fn walk(&mut self, steps: usize) -> Result<(), Error> {
        self.steps = self.steps.checked_sub(steps).ok_or_else(Self::spent)?;
        Ok(())
    }

    fn name(&mut self, groups: usize) -> Result<(), Error> {
        self.groups = self.groups.checked_sub(groups).ok_or_else(Self::spent)?;
        Ok(())
    }

    fn spent() -> Error {
        Error::TooComplex(
            "The chains of groups in this answer are too long or too many. Ask for fewer members or groups at once, or leave \
             out `via`."
                .to_owned(),
        )
    }
}

/// A group on the way up from a membership.
enum Place {
    /// It is told of, under its number in [`Chains`].
    Told(usize),
    /// It is not; what is told below it takes its place.
    Hidden(Below),
}

/// From where one gets to a group.
#[derive(Clone, Default)]
struct Below {
    /// The next groups below that are told of, by their numbers.
    groups: Vec<usize>,
    /// Whether a chain may end here: with a membership of this very group, or of a hidden one below it.
    ends: bool,
}

/// Every chain of groups by which one participant belongs to any of them, as yet unmade.
pub struct Chains {
    ids: Vec<i64>,
    numbers: HashMap<i64, usize>,
    below: Vec<Vec<usize>>,
    above: Vec<Vec<usize>>,
    /// Of how many groups the chains down from each group consist, in order, and how many there are of each length.
    lengths: Vec<Vec<(usize, usize)>>,
    /// The groups from which chains of the length counted last lead down, and how many.
    front: Vec<(usize, usize)>,
    length: usize,
    /// Zero for each group, to count with.
    tally: Vec<usize>,
}

impl Chains {
    /// Prepares the chains of a participant who stands in some groups, by membership or filter, and so belongs to others.
    /// Groups that `told` refuses are left out; chains that have become the same are one.
    ///
    /// # Errors
    /// `TooComplex` when the allowance does not suffice.
    pub fn new(
        compositions: &Compositions,
        stands_in: &[i64],
        belongs_to: &HashSet<i64>,
        told: impl Fn(i64) -> bool,
        allowance: &mut Allowance,
    ) -> Result<Self, Error> {
        let start: Vec<i64> = belongs_to.iter().copied().collect();
        let mut places: HashMap<i64, Place> = HashMap::with_capacity(start.len());
        let (mut ids, mut below, mut front) = (Vec::new(), Vec::new(), Vec::new());
        for group in compositions.bottom_up(&start, |group| belongs_to.contains(&group)) {
            let mut found = Below { groups: Vec::new(), ends: stands_in.binary_search(&group).is_ok() };
            let components = compositions.components(group).iter().filter(|(_, mode)| *mode == Mode::Include);
            let mut merged = false;
            for (component, _) in components {
                match places.get(component) {
                    None => {}
                    Some(Place::Told(number)) => found.groups.push(*number),
                    Some(Place::Hidden(hidden)) => {
                        allowance.walk(hidden.groups.len())?;
                        found.groups.extend(&hidden.groups);
                        found.ends |= hidden.ends;
                        merged = true;
                    }
                }
            }
            allowance.walk(1 + found.groups.len())?;
            if merged {
                found.groups.sort_unstable();
                found.groups.dedup();
            }
            let place = if told(group) {
                if found.ends {
                    front.push((ids.len(), 1));
                }
                ids.push(group);
                below.push(found.groups);
                Place::Told(ids.len() - 1)
            } else {
                Place::Hidden(found)
            };
            places.insert(group, place);
        }
        Ok(Self::counted(ids, below, front))
    }

    fn counted(ids: Vec<i64>, below: Vec<Vec<usize>>, front: Vec<(usize, usize)>) -> Self {
        let mut above = vec![Vec::new(); ids.len()];
        for (number, groups) in below.iter().enumerate() {
            for group in groups {
                if let Some(above) = above.get_mut(*group) {
                    above.push(number);
                }
            }
        }
        let numbers = ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
        let (lengths, tally) = (vec![Vec::new(); ids.len()], vec![0; ids.len()]);
        let mut chains = Self { ids, numbers, below, above, lengths, front: Vec::new(), length: 0, tally };
        chains.advance_to(front);
        chains
    }

    /// The chains from `group` down to a membership, the shortest first: at most [`MAX_CHAINS`], and no more than lead
    /// through `groups` groups together, but the shortest in any case. None if the participant does not belong to it.
    ///
    /// # Errors
    /// `TooComplex` when the allowance does not suffice.
    pub fn to(&mut self, group: i64, groups: usize, allowance: &mut Allowance) -> Result<Vec<Vec<i64>>, Error> {
        let Some(number) = self.numbers.get(&group).copied() else { return Ok(Vec::new()) };
        let mut made = Made { chains: Vec::new(), room: groups };
        while self.is_short_of(number, groups) && self.advance(allowance)? {}
        let lengths = self.lengths.get(number).cloned().unwrap_or_default();
        for (length, _) in lengths {
            if !self.go_down(number, length, &mut made, allowance)? {
                break;
            }
        }
        Ok(made.chains)
    }

    /// Whether there may be chains to show that are longer than those counted so far.
    fn is_short_of(&self, number: usize, groups: usize) -> bool {
        let (mut chains, mut through) = (0_usize, 0_usize);
        for (length, count) in self.lengths.get(number).into_iter().flatten() {
            chains = chains.saturating_add(*count);
            through = through.saturating_add(count.saturating_mul(*length));
        }
        chains < MAX_CHAINS && (chains == 0 || through < groups)
    }

    /// Counts the chains that are longer by one group; says whether there are any.
    fn advance(&mut self, allowance: &mut Allowance) -> Result<bool, Error> {
        let mut reached = Vec::new();
        for (number, count) in &self.front {
            let above = self.above.get(*number).map_or(&[][..], Vec::as_slice);
            allowance.walk(1 + above.len())?;
            for group in above {
                let Some(chains) = self.tally.get_mut(*group) else { continue };
                if *chains == 0 {
                    reached.push(*group);
                }
                *chains = chains.saturating_add(*count);
            }
        }
        let tally = &mut self.tally;
        let front =
            reached.into_iter().map(|group| (group, tally.get_mut(group).map(std::mem::take).unwrap_or_default()));
        let front = front.collect();
        self.advance_to(front);
        Ok(!self.front.is_empty())
    }

    fn advance_to(&mut self, front: Vec<(usize, usize)>) {
        self.length += 1;
        for (number, count) in &front {
            if let Some(lengths) = self.lengths.get_mut(*number) {
                lengths.push((self.length, *count));
            }
        }
        self.front = front;
    }

    fn has(&self, number: usize, length: usize) -> bool {
        let lengths = self.lengths.get(number);
        lengths.is_some_and(|lengths| lengths.binary_search_by_key(&length, |(length, _)| *length).is_ok())
    }

    /// Makes the chains of one length down from a group, until there are enough; says whether there is room for more.
    fn go_down(&self, from: usize, length: usize, made: &mut Made, allowance: &mut Allowance) -> Result<bool, Error> {
        // The groups from the first one down, each with which of those below it comes next.
        let mut way = vec![(from, 0)];
        while let Some((number, next)) = way.last().copied() {
            let Some(left) = length.checked_sub(way.len()).filter(|left| *left > 0) else {
                if !made.has_room(length) {
                    return Ok(false);
                }
                allowance.name(length)?;
                made.add(way.iter().filter_map(|(number, _)| self.ids.get(*number).copied()).collect());
                way.pop();
                continue;
            };
            let below = self.below.get(number).and_then(|below| below.get(next..)).unwrap_or_default();
            let found = below.iter().enumerate().find(|(_, group)| self.has(**group, left));
            allowance.walk(found.map_or(below.len(), |(at, _)| at + 1))?;
            match found {
                Some((at, group)) => {
                    if let Some((_, tried)) = way.last_mut() {
                        *tried = next + at + 1;
                    }
                    way.push((*group, 0));
                }
                None => drop(way.pop()),
            }
        }
        Ok(true)
    }
}

/// The chains made so far.
struct Made {
    chains: Vec<Vec<i64>>,
    /// Through how many groups the others may lead.
    room: usize,
}

impl Made {
    fn has_room(&self, length: usize) -> bool {
        self.chains.is_empty() || (self.chains.len() < MAX_CHAINS && length <= self.room)
    }

    fn add(&mut self, chain: Vec<i64>) {
        self.room = self.room.saturating_sub(chain.len());
        self.chains.push(chain);
    }
}
