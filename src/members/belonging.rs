//! Why some participants belong to some groups, as far as it may be told (G5).

use std::collections::HashMap;

use super::effective::Standing;
use crate::error::Error;
use crate::groups::chains::{Allowance, Chains};
use crate::groups::composition::Compositions;

/// What may be told of where some participants stand: of the viewer's family as the rule says, of all others the same.
pub struct Told<'t> {
    pub family: &'t [i64],
    /// Whether it may be told that a participant belongs to a group.
    pub tells: &'t dyn Fn(i64, i64) -> bool,
}

/// A group and a participant.
pub type Pair = (i64, i64);

/// By which chains of groups each participant belongs to its group, in the order of the pairs. Whoever stands in the same
/// groups belongs to others by the same chains, so they are looked for once.
///
/// # Errors
/// `TooComplex` when there would be too many.
pub fn chains(
    standing: &Standing,
    compositions: &Compositions,
    pairs: &[Pair],
    told: &Told<'_>,
    allowance: &mut Allowance,
) -> Result<Vec<Vec<Vec<i64>>>, Error> {
    let mut found = vec![Vec::new(); pairs.len()];
    let mut left = pairs.len();
    for (groups, alike) in alike(standing, pairs, told) {
        let Some((_, participant)) = alike.first().and_then(|at| pairs.get(*at)).copied() else { continue };
        let belongs = standing.groups_of(participant);
        let mut chains =
            Chains::new(compositions, &groups, &belongs, |group| (told.tells)(group, participant), allowance)?;
        for at in alike {
            if let (Some((group, _)), Some(found)) = (pairs.get(at), found.get_mut(at)) {
                *found = chains.to(*group, allowance.share(left), allowance)?;
            }
            left -= 1;
        }
    }
    Ok(found)
}

/// The pairs, by their places, whose participants stand in the same groups and of whom the same may be told.
fn alike(standing: &Standing, pairs: &[Pair], told: &Told<'_>) -> Vec<(Vec<i64>, Vec<usize>)> {
    let mut stands_in = standing.stands_in();
    let mut known: HashMap<(Vec<i64>, Option<i64>), usize> = HashMap::new();
    let mut by_participant: HashMap<i64, usize> = HashMap::new();
    let mut alike: Vec<(Vec<i64>, Vec<usize>)> = Vec::new();
    for (at, (_, participant)) in pairs.iter().enumerate() {
        let number = *by_participant.entry(*participant).or_insert_with(|| {
            let groups = stands_in.remove(participant).unwrap_or_default();
            let apart = told.family.contains(participant).then_some(*participant);
            *known.entry((groups.clone(), apart)).or_insert_with(|| {
                alike.push((groups, Vec::new()));
                alike.len() - 1
            })
        });
        if let Some((_, places)) = alike.get_mut(number) {
            places.push(at);
        }
    }
    alike
}
