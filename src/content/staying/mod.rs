//! Who took part in an item and has been among those to whom it is shown ever since.
//!
//! Whoever leaves a group no longer sees what it shows (K2), and what they took part in there is over for them, also if they
//! come back later. Nothing is stored for that: it follows from the memberships and the links, day by day. A composition and
//! a filter are taken as they stand now.

pub mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use roaring::RoaringTreemap;

use self::store::{Period, Shown};
use super::Audience;
use super::visibility::audience_of;
use crate::access::sight::Sight;
use crate::db::Conn;
use crate::error::Error;
use crate::groups::composition::{Compositions, Members};
use crate::members::effective;
use crate::scope::Scope;

/// That somebody has taken part in an item since a day.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub content: i64,
    pub participant: i64,
    pub since: NaiveDate,
}

/// Of those who took part, each item with each participant to whom it was not shown on some day since. The number of
/// statements does not depend on how many there are.
///
/// # Errors
/// What the database answers.
pub fn lost(
    conn: &mut Conn,
    scope: &Scope,
    compositions: &Compositions,
    taken: &[Taken],
) -> Result<HashSet<(i64, i64)>, Error> {
    let items: BTreeSet<i64> = taken.iter().map(|it| it.content).collect();
    let items: Vec<i64> = items.into_iter().collect();
    let shown = if items.is_empty() { HashMap::new() } else { store::shown(conn, scope, &items)? };
    let open_to_all = |content: i64| {
        let now = shown
            .get(&content)
            .into_iter()
            .flatten()
            .filter(|link| Ends::Early.holds(link.from, link.until, scope.today));
        now.into_iter().any(|link| is_boundless(link.audience))
    };
    let taken: Vec<Taken> = taken.iter().copied().filter(|it| !open_to_all(it.content)).collect();
    let Some(first) = taken.iter().map(|it| it.since).min() else { return Ok(HashSet::new()) };
    let people: BTreeSet<i64> = taken.iter().map(|it| it.participant).collect();
    let people: Vec<i64> = people.into_iter().collect();
    let organizations: BTreeSet<i64> = shown.values().flatten().filter_map(Shown::organization).collect();
    let organizations: Vec<i64> = organizations.into_iter().collect();
    let facts = Facts {
        compositions,
        periods: store::periods(conn, &people, first, scope.today)?,
        computed: computed(conn, compositions, scope.today, &people)?,
        kept_by: store::kept_by(conn, &people, &organizations)?,
        owned_by: store::owned_by(conn, &organizations)?,
        shown,
    };
    Ok(facts.lost(&taken, scope.today))
}

/// What ends on a day: whether it holds on that day still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Early,
    Late,
}

impl Ends {
    fn holds(self, from: NaiveDate, until: Option<NaiveDate>, day: NaiveDate) -> bool {
        from <= day && until.is_none_or(|until| day < until || self == Self::Late && day == until)
    }
}

/// Whether an audience is one of which nobody drops out. Who works for an organization is said by tokens alone, so that
/// nothing is known of whoever does not sign in.
fn is_boundless(key: i64) -> bool {
    matches!(audience_of(key).0, Audience::Everyone | Audience::Staff)
}

/// Who passes the filters of dynamic groups.
fn computed(conn: &mut Conn, compositions: &Compositions, today: NaiveDate, people: &[i64]) -> Result<Members, Error> {
    let mut computed = Members::new();
    effective::computed(conn, compositions, &Sight::unlimited(), people, today, &mut computed)?;
    Ok(computed)
}

struct Facts<'c> {
    compositions: &'c Compositions,
    periods: Vec<Period>,
    /// Who passes the filter of a dynamic group.
    computed: Members,
    /// Who is kept by which of the organizations, or is one.
    kept_by: HashSet<(i64, i64)>,
    /// The organizations that own groups, by group.
    owned_by: HashMap<i64, i64>,
    shown: HashMap<i64, Vec<Shown>>,
}

impl Facts<'_> {
    fn lost(&self, taken: &[Taken], today: NaiveDate) -> HashSet<(i64, i64)> {
        let mut begun: BTreeMap<NaiveDate, Vec<Taken>> = BTreeMap::new();
        for it in taken {
            begun.entry(it.since).or_default().push(*it);
        }
        // Whom nothing that is stored shows the item when they begin is admitted by a token, and nothing says when that ends.
        let begins = |(day, these): (NaiveDate, Vec<Taken>)| self.out_of_sight(these, day, Ends::Late);
        let admitted: HashSet<(i64, i64)> = begun.into_iter().flat_map(begins).collect();
        let others: Vec<Taken> =
            taken.iter().copied().filter(|it| !admitted.contains(&(it.content, it.participant))).collect();
        self.days(&others, today)
            .into_iter()
            .flat_map(|(day, these)| self.out_of_sight(these, day, Ends::Early))
            .collect()
    }

    /// Those of these to whom the item is not shown on a day.
    fn out_of_sight(&self, these: Vec<Taken>, day: NaiveDate, ends: Ends) -> Vec<(i64, i64)> {
        let people: BTreeSet<i64> = these.iter().map(|it| it.participant).collect();
        let seen = self.seen(&people, day, ends);
        let nothing = BTreeSet::new();
        let own = |it: &Taken| seen.get(&it.participant).unwrap_or(&nothing);
        let hidden = these.iter().filter(|it| !self.is_shown(it, own(it), day, ends));
        hidden.map(|it| (it.content, it.participant)).collect()
    }

    /// Whom to look at on which day: everybody today, and on each day since on which a membership or a link of theirs begins or
    /// ends.
    fn days(&self, taken: &[Taken], today: NaiveDate) -> BTreeMap<NaiveDate, Vec<Taken>> {
        let mut turns: HashMap<i64, BTreeSet<NaiveDate>> = HashMap::new();
        for period in &self.periods {
            let of = turns.entry(period.participant).or_default();
            of.extend([Some(period.start), period.end].into_iter().flatten());
        }
        let mut days: BTreeMap<NaiveDate, Vec<Taken>> = BTreeMap::new();
        for it in taken {
            let links = self.shown.get(&it.content).into_iter().flatten();
            let mut on: BTreeSet<NaiveDate> = links.flat_map(Shown::turns).collect();
            on.extend(turns.get(&it.participant).into_iter().flatten().copied());
            on.retain(|day| it.since <= *day && *day < today);
            on.insert(today);
            for day in on {
                days.entry(day).or_default().push(*it);
            }
        }
        days
    }

    /// The groups through which each of these people sees content on a day.
    fn seen(&self, people: &BTreeSet<i64>, day: NaiveDate, ends: Ends) -> HashMap<i64, BTreeSet<i64>> {
        let among: RoaringTreemap = people.iter().filter_map(|who| u64::try_from(*who).ok()).collect();
        let mut direct = Members::new();
        let mut seen: HashMap<i64, BTreeSet<i64>> = HashMap::new();
        let holds = |period: &&Period| ends.holds(period.start, period.end, day);
        for period in self.periods.iter().filter(holds).filter(|period| people.contains(&period.participant)) {
            if let Ok(who) = u64::try_from(period.participant) {
                direct.entry(period.group).or_default().insert(who);
            }
            if period.leads {
                seen.entry(period.participant).or_default().insert(period.group);
            }
        }
        for (group, members) in &self.computed {
            *direct.entry(*group).or_default() |= members & &among;
        }
        for (group, members) in self.compositions.evaluate_upwards(&direct) {
            for who in members.iter().filter_map(|who| i64::try_from(who).ok()) {
                seen.entry(who).or_default().insert(group);
            }
        }
        seen
    }

    /// Whether an item is shown to somebody on a day. What is shown to nobody at all was taken away from everybody alike, and
    /// nobody drops out because of that.
    fn is_shown(&self, it: &Taken, groups: &BTreeSet<i64>, day: NaiveDate, ends: Ends) -> bool {
        let links = self.shown.get(&it.content).into_iter().flatten();
        let links = links.filter(|link| ends.holds(link.from, link.until, day));
        let mut none = true;
        for link in links {
            none = false;
            let among = match audience_of(link.audience) {
                (Audience::Everyone | Audience::Staff, _) => true,
                (Audience::Participant, participant) => participant == it.participant,
                (Audience::Group, group) => groups.contains(&group),
                (Audience::Organization, organization) => {
                    self.kept_by.contains(&(it.participant, organization))
                        || groups.iter().any(|group| self.owned_by.get(group) == Some(&organization))
                }
            };
            if among {
                return true;
            }
        }
        none
    }
}
