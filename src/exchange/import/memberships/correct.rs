//! What a row makes of the membership that it found. What was done in Kring since a bundle said it stays (P6).

use super::found::{Found, Known};
use super::{BothReasons, Line, Said, Stored, Verdict};
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, MembershipRole};
use crate::exchange::import::report::Kept;
use crate::exchange::import::since::{Maker, Since};
use crate::exchange::import::{Outcome, Run};
use crate::history::{self, Entity};
use crate::members::{Origin, Role};

/// The code of the reasons of memberships of which the sender gives none.
const IMPORTED: &str = "IMPORTED";

/// The parts of a membership that are changed together.
const PARTS: [&[&str]; 4] = [&["startDate"], &["startReason"], &["endDate", "endReason", "endNote"], &["role"]];

/// All that it takes to judge a row.
pub(super) struct Sheet<'k> {
    known: &'k Known,
    reasons: &'k BothReasons,
    /// The start reason and the end reason that are given where the sender gives none.
    imported: (i64, i64),
    /// Whether the file says when memberships end.
    ends: bool,
}

impl Run<'_> {
    pub(super) fn sheet<'k>(&self, known: &'k Known, reasons: &'k BothReasons) -> Result<Sheet<'k>, Error> {
        let missing = || Error::internal(format!("the reason {IMPORTED} is missing"));
        let imported = reasons.0.id(IMPORTED).zip(reasons.1.id(IMPORTED)).ok_or_else(missing)?;
        let ends = self.bundle.has_column("memberships.csv", "end_date");
        Ok(Sheet { known, reasons, imported, ends })
    }

    pub(super) fn since_memberships(&mut self, ids: &[i64]) -> Result<Since, Error> {
        Since::load(self.conn, Entity::Membership, ids)
    }
}

impl Sheet<'_> {
    /// What a row asks for. A cell that is empty leaves alone what is stored, but for the end: a membership whose row has
    /// none goes on.
    fn wanted(&self, line: &Line<'_>, stored: Option<&Said>) -> Said {
        let Line { row, pair: (group_id, participant_id) } = *line;
        let (starts, ends) = self.reasons;
        let said = row.start_reason.as_deref().and_then(|code| starts.id(code));
        let start_reason_id = said.or(stored.map(|stored| stored.start_reason_id)).unwrap_or(self.imported.0);
        let end_date = if self.ends { row.end_date } else { stored.and_then(|stored| stored.end_date) };
        let said = row.end_reason.as_deref().and_then(|code| ends.id(code));
        let end_reason_id = said.or(stored.and_then(|stored| stored.end_reason_id)).unwrap_or(self.imported.1);
        let old_role = stored.map_or(Role::Member, |stored| stored.role);
        Said {
            group_id,
            participant_id,
            start_date: row.start_date,
            start_reason_id,
            end_date,
            end_reason_id: end_date.map(|_| end_reason_id),
            role: row.role.map_or(old_role, |role: MembershipRole| role.into()),
        }
    }

    /// The key of a stored membership that differs from its row.
    pub(super) fn differing(&self, line: &Line<'_>, found: &Found) -> Option<i64> {
        let Found::Stored(place) = found else { return None };
        let stored = self.known.stored.get(*place)?;
        (self.wanted(line, Some(&stored.said)) != stored.said).then_some(stored.id)
    }

    /// What is to become of a row.
    pub(super) fn judge(&self, line: &Line<'_>, found: &Found, since: &Since) -> Verdict {
        let stand = |outcome, note| Verdict::Stand { stored: None, outcome, note: Some(note) };
        match *found {
            Found::New => Verdict::Create(self.wanted(line, None)),
            Found::Annulled(on) => {
                stand(Outcome::Annulled, format!("{line} was declared a mistake on {on}, and stays one"))
            }
            Found::OptedOut(day) => stand(Outcome::OptedOut, format!("{line} stays out, as chosen on {day}")),
            Found::Several(one, other) => {
                let period = |place: usize| self.known.stored.get(place).map(|stored| stored.said.span().describe());
                let (one, other) = (period(one).unwrap_or_default(), period(other).unwrap_or_default());
                let period = line.span().describe();
                let message = format!(
                    "the period {period} of {line} overlaps two that are stored ({one}, and {other}), and neither starts \
                     on the same day"
                );
                Verdict::Refuse { stored: None, code: ErrorCode::OverlappingPeriods, message }
            }
            Found::Stored(place) => match self.known.stored.get(place) {
                Some(stored) => self.correct(line, place, stored, since),
                None => Verdict::Create(self.wanted(line, None)),
            },
        }
    }

    fn correct(&self, line: &Line<'_>, place: usize, stored: &Stored, since: &Since) -> Verdict {
        let wanted = self.wanted(line, Some(&stored.said));
        if wanted == stored.said {
            return Verdict::Stand { stored: Some(place), outcome: Outcome::Unchanged, note: None };
        }
        let by_hand = |part: &[&str]| self.is_of_kring(stored, part, since);
        let mut after = stored.said.clone();
        if !by_hand(PARTS[0]) {
            after.start_date = wanted.start_date;
        }
        if !by_hand(PARTS[1]) {
            after.start_reason_id = wanted.start_reason_id;
        }
        if !by_hand(PARTS[2]) {
            after.end_date = wanted.end_date;
            after.end_reason_id = wanted.end_reason_id;
        }
        if !by_hand(PARTS[3]) {
            after.role = wanted.role;
        }
        let out = self.bring_no_one_back(&mut after, stored);
        if after.end_date.is_some_and(|end| end < after.start_date) {
            keep_dates(&mut after, &stored.said);
        }
        let kept = self.kept(&after, &wanted);
        let note = (!kept.is_empty()).then(|| format!("{line}: {}", Kept::list(&kept)));
        let changes = history::diff(&stored.said.fields(self.reasons), &after.fields(self.reasons));
        if changes.is_empty() {
            let own = stored.origin == Origin::Subscription;
            let outcome = if out || own { Outcome::OptedOut } else { Outcome::Kept };
            return Verdict::Stand { stored: Some(place), outcome, note };
        }
        Verdict::Change { stored: place, after, changes, note }
    }

    /// S5: whoever stays out of a group gets no day in it from then on. Answers whether somebody stays out.
    fn bring_no_one_back(&self, after: &mut Said, stored: &Stored) -> bool {
        let Some(since) = self.known.opt_outs.get(&stored.said.span().pair).copied() else { return false };
        if after.span().has_more_ahead_than(stored.said.span(), since) {
            keep_dates(after, &stored.said);
        }
        true
    }

    /// Whether a part of a stored membership is as somebody made it in Kring.
    fn is_of_kring(&self, stored: &Stored, part: &[&str], since: &Since) -> bool {
        let mut fields = stored.said.fields(self.reasons);
        fields.push(("endNote", stored.end_note.clone()));
        let makers = fields
            .iter()
            .filter(|(field, _)| part.contains(field))
            .map(|(field, value)| since.maker(stored.id, field, value.as_deref()));
        let is_end = part.contains(&"endDate");
        makers.into_iter().any(|maker| match maker {
            Maker::Bundle => false,
            Maker::Hand => true,
            // Whom a year transition brought into a group can leave it by the sender's word, as by a roster's.
            Maker::Creation => !(is_end && stored.origin == Origin::YearTransition),
            Maker::Unknown => stored.origin != Origin::Import,
        })
    }

    /// What stays although the row says otherwise.
    fn kept(&self, after: &Said, wanted: &Said) -> Vec<Kept> {
        let differences = history::diff(&wanted.fields(self.reasons), &after.fields(self.reasons));
        differences.into_iter().map(|change| Kept::new(&change.field, change.after, change.before)).collect()
    }
}

/// Keeps the period as it is stored.
fn keep_dates(after: &mut Said, stored: &Said) {
    after.start_date = stored.start_date;
    after.end_date = stored.end_date;
    after.end_reason_id = stored.end_reason_id;
}
