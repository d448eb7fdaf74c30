//! Who went from one group to another, and the content that did not move along (Y8).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Intake;
use super::memberships::Changed;
use super::report::LeftBehind;
use crate::error::Error;
use crate::exchange::edexml::{GroupKind, PersonKind};
use crate::year::behind::{behind, link};

impl Intake<'_> {
    /// Counts the pupils who went from one group to another, tells what of the old group the new one is not shown, and
    /// links it if that was asked for.
    pub(super) fn moved(&mut self, changed: &Changed) -> Result<(), Error> {
        let moves = self.moves(changed)?;
        self.report.pupils.moved = moves.values().sum();
        if moves.is_empty() {
            return Ok(());
        }
        let pairs: Vec<(i64, i64)> = moves.keys().copied().collect();
        let items = behind(self.conn, &pairs)?;
        let groups: HashSet<i64> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let names = self.names_of_groups(&groups.into_iter().collect::<Vec<_>>())?;
        let name = |group: i64| names.get(&group).cloned().unwrap_or_default();
        self.report.behind = items
            .iter()
            .map(|item| LeftBehind {
                from: name(item.from_group),
                to: name(item.to_group),
                movers: moves.get(&(item.from_group, item.to_group)).copied().unwrap_or_default(),
                kind: item.kind,
                title: item.title.clone(),
            })
            .collect();
        if self.options.link_content && self.log.is_empty() {
            self.report.linked = u64::try_from(link(self.conn, self.scope, &items)?).unwrap_or(u64::MAX);
        }
        Ok(())
    }

    /// How many pupils went from which group to which. A pupil has moved who left one group and came to one: cross-year
    /// groups do not count, since leaving the choir for the chess club is no move, nor do teachers.
    fn moves(&mut self, changed: &Changed) -> Result<BTreeMap<(i64, i64), u64>, Error> {
        let homes = self.known_groups()?.into_iter().filter(|((kind, _), _)| *kind == GroupKind::Home);
        let homes: HashSet<i64> = homes.map(|(_, group)| group).collect();
        let pupils: HashSet<i64> =
            self.people.iter().filter(|((kind, _), _)| *kind == PersonKind::Pupil).map(|(_, id)| *id).collect();
        let by_pupil = |pairs: &[(i64, i64)]| {
            let mut groups: HashMap<i64, Vec<i64>> = HashMap::new();
            for (group, who) in pairs.iter().filter(|(group, who)| homes.contains(group) && pupils.contains(who)) {
                groups.entry(*who).or_default().push(*group);
            }
            groups
        };
        let (left, joined) = (by_pupil(&changed.ended), by_pupil(&changed.started));
        let mut moves = BTreeMap::new();
        for (pupil, from) in &left {
            // Whoever comes back to the same group has not moved.
            if let ([from], Some([to])) = (from.as_slice(), joined.get(pupil).map(Vec::as_slice))
                && from != to
            {
                *moves.entry((*from, *to)).or_default() += 1;
            }
        }
        Ok(moves)
    }
}
