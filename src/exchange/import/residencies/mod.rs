//! `residencies.csv`: who is registered at which address.
//!
//! A residency is found again as a membership is: by participant, address and start date, else by the one stored period
//! that it overlaps. What was done in Kring since stays (P6).

mod store;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::periods::{Match, Pair, Span, Unclaimed};
use super::report::{Fate, Kept};
use super::settle::{self, Around, Wish};
use super::{Outcome, Run, Step};
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Residency, Shown};
use crate::history::{self, Action, Change, Entity, Past};
use crate::id::{self, Kind};
use crate::scope::Source;
use store::Stored;

/// A row and the period that it says.
#[derive(Clone, Copy)]
struct Line<'b> {
    row: &'b Residency,
    span: Span,
}

impl Line<'_> {
    fn key(&self) -> String {
        format!("{} at {}", Shown(&self.row.participant.id), Shown(&self.row.address.id))
    }
}

/// What is to become of a row.
enum Verdict {
    Create(Span),
    Change {
        stored: Stored,
        after: Span,
        note: Option<String>,
    },
    Stand {
        stored: Stored,
        note: Option<String>,
    },
    /// The row is left out. The stored period that it found, if any, stays as it is.
    Refuse {
        stored: Option<Stored>,
        message: String,
    },
}

impl Verdict {
    fn before(&self) -> Option<Span> {
        match self {
            Self::Create(_) => None,
            Self::Change { stored, .. } | Self::Stand { stored, .. } => Some(stored.span),
            Self::Refuse { stored, .. } => stored.map(|stored| stored.span),
        }
    }

    fn after(&self) -> Option<Span> {
        match self {
            Self::Create(after) | Self::Change { after, .. } => Some(*after),
            Self::Stand { .. } | Self::Refuse { .. } => self.before(),
        }
    }
}

impl<'r> Run<'r> {
    /// Registers residencies that are new, and corrects those that differ from their row.
    pub(super) fn residencies(&mut self) -> Result<(), Error> {
        let total = self.bundle.residencies.len();
        let lines = self.readable_residencies();
        let pairs: HashSet<Pair> = lines.iter().map(|line| line.span.pair).collect();
        let stored = store::stored(self.conn, &pairs.into_iter().collect::<Vec<_>>())?;
        let mut unclaimed = Unclaimed::new(stored.iter().map(|stored| stored.span));
        let mut verdicts = self.judge_residencies(&lines, &stored, &mut unclaimed)?;
        refuse_overlaps(&lines, &mut verdicts, &unclaimed, self.scope.today);
        self.report_residencies(&lines, &verdicts)?;
        self.write_residencies(&verdicts)?;
        self.tell(Step::Residencies, total, total);
        self.journal.write(self.conn, self.scope)
    }

    /// The rows in keys; those of which a part was refused are left out.
    fn readable_residencies(&mut self) -> Vec<Line<'r>> {
        let mut lines = Vec::new();
        for row in &self.bundle.residencies {
            let Some(participant) = self.participant_to_change(&row.participant) else { continue };
            let Some(address) = self.known.participant(&row.address) else { continue };
            lines.push(Line {
                row,
                span: Span { pair: (participant, address), start: row.start_date, end: row.end_date },
            });
        }
        lines
    }

    /// What is to become of each row, the other rows left aside.
    fn judge_residencies(
        &mut self,
        lines: &[Line<'r>],
        stored: &[Stored],
        unclaimed: &mut Unclaimed,
    ) -> Result<Vec<Verdict>, Error> {
        let rows: Vec<Span> = lines.iter().map(|line| line.span).collect();
        let mut found: Vec<Option<Match>> =
            unclaimed.by_start(&rows).into_iter().map(|place| place.map(Match::Found)).collect();
        let mut open: Vec<usize> = (0..rows.len()).filter(|place| found.get(*place) == Some(&None)).collect();
        open.sort_by_key(|place| rows.get(*place).map(|row| row.start));
        // Of two periods that a row overlaps, another row may claim one; so whoever found several looks again.
        loop {
            let before = open.len();
            open.retain(|place| {
                let (Some(row), Some(found)) = (rows.get(*place), found.get_mut(*place)) else { return false };
                let matched = unclaimed.by_overlap(row);
                *found = Some(matched);
                matches!(matched, Match::Several(..))
            });
            if open.len() == before {
                break;
            }
        }
        let past = self.past_residencies(lines, &found, stored)?;
        let has_end = self.bundle.has_column("residencies.csv", "end_date");
        let judge = |(line, found): (&Line<'r>, Option<Match>)| match found.unwrap_or(Match::New) {
            Match::New => Verdict::Create(line.span),
            Match::Several(one, other) => {
                let period = |place: usize| stored.get(place).map(|stored| stored.span.describe()).unwrap_or_default();
                let (one, other) = (period(one), period(other));
                let (period, key) = (line.span.describe(), line.key());
                let message = format!("the period {period} of {key} overlaps two that are stored ({one}, and {other})");
                Verdict::Refuse { stored: None, message }
            }
            Match::Found(place) => match stored.get(place) {
                Some(stored) => correct(line, *stored, has_end, &past),
                None => Verdict::Create(line.span),
            },
        };
        Ok(lines.iter().zip(found).map(judge).collect())
    }

    /// What history knows of the people whose residencies differ from their rows.
    fn past_residencies(
        &mut self,
        lines: &[Line<'r>],
        found: &[Option<Match>],
        stored: &[Stored],
    ) -> Result<Pasts, Error> {
        let differs = |(line, found): (&Line<'r>, &Option<Match>)| match found {
            Some(Match::Found(place)) => {
                stored.get(*place).filter(|stored| stored.span != line.span).map(|stored| stored.span.pair.0)
            }
            _ => None,
        };
        let people: HashSet<i64> = lines.iter().zip(found).filter_map(differs).collect();
        let mut pasts = Pasts::default();
        for people in people.into_iter().collect::<Vec<_>>().chunks(super::batch::CHUNK) {
            for past in history::pasts(self.conn, Entity::Participant, people)? {
                pasts.add(past);
            }
        }
        Ok(pasts)
    }

    fn report_residencies(&mut self, lines: &[Line<'r>], verdicts: &[Verdict]) -> Result<(), Error> {
        for (line, verdict) in lines.iter().zip(verdicts) {
            let (at, key) = (line.row.at, line.key());
            let (outcome, note) = match verdict {
                Verdict::Refuse { message, .. } => {
                    self.report.refuse(Step::Residencies, at, &key, ErrorCode::OverlappingPeriods, message);
                    continue;
                }
                Verdict::Stand { note: None, .. } => (Outcome::Unchanged, None),
                Verdict::Stand { note, .. } => (Outcome::Kept, note.as_deref()),
                Verdict::Create(_) => (Outcome::Created, None),
                Verdict::Change { stored, after, note } => {
                    let ends = stored.span.end.is_none() && after.end.is_some();
                    (if ends { Outcome::Ended } else { Outcome::Updated }, note.as_deref())
                }
            };
            let changes: Vec<Change> = match verdict {
                Verdict::Create(_) | Verdict::Change { .. } => vec![change(verdict.before(), verdict.after())],
                Verdict::Stand { .. } | Verdict::Refuse { .. } => Vec::new(),
            };
            self.report.count(&Fate { step: Step::Residencies, at, key: &key, outcome, changes: &changes }, note);
            if !changes.is_empty() {
                self.journal.note(Action::Updated, Entity::Participant, line.span.pair.0, &changes)?;
            }
        }
        Ok(())
    }

    fn write_residencies(&mut self, verdicts: &[Verdict]) -> Result<(), Error> {
        let changed = |verdict: &Verdict| match verdict {
            Verdict::Change { stored, after, .. } => Some((*stored, *after)),
            _ => None,
        };
        let new = |verdict: &Verdict| match verdict {
            Verdict::Create(span) => Some(*span),
            _ => None,
        };
        store::correct(self.conn, &verdicts.iter().filter_map(changed).collect::<Vec<_>>())?;
        store::insert(self.conn, &verdicts.iter().filter_map(new).collect::<Vec<_>>())
    }
}

/// What a row makes of the residency that it found. A row without an end says that it goes on, unless no row has one.
fn correct(line: &Line<'_>, stored: Stored, has_end: bool, pasts: &Pasts) -> Verdict {
    let wanted = if has_end { line.span } else { Span { end: stored.span.end, ..line.span } };
    let (start_by_hand, end_by_hand) = if wanted == stored.span { (false, false) } else { pasts.by_hand(stored.span) };
    let mut after = stored.span;
    if !start_by_hand {
        after.start = wanted.start;
    }
    if !end_by_hand {
        after.end = wanted.end;
    }
    if after.end.is_some_and(|end| end < after.start) {
        after = stored.span;
    }
    let text = |span: Span| {
        vec![("startDate", Some(span.start.to_string())), ("endDate", span.end.map(|end| end.to_string()))]
    };
    let kept: Vec<Kept> = history::diff(&text(wanted), &text(after))
        .into_iter()
        .map(|change| Kept::new(&change.field, change.after, change.before))
        .collect();
    let note = (!kept.is_empty()).then(|| format!("{}: {}", line.key(), Kept::list(&kept)));
    if after == stored.span { Verdict::Stand { stored, note } } else { Verdict::Change { stored, after, note } }
}

fn refuse_overlaps(lines: &[Line<'_>], verdicts: &mut [Verdict], left: &Unclaimed, today: NaiveDate) {
    let wish =
        |(place, verdict): (usize, &Verdict)| Some((place, Wish { before: verdict.before(), after: verdict.after()? }));
    let (places, wishes): (Vec<usize>, Vec<Wish>) = verdicts.iter().enumerate().filter_map(wish).unzip();
    let around = |pair: Pair| Around { standing: left.left(pair).collect(), derived: Vec::new() };
    for (wish, other) in settle::refused(&wishes, around, today) {
        let Some(place) = places.get(wish).copied() else { continue };
        let (Some(line), Some(verdict)) = (lines.get(place), verdicts.get_mut(place)) else { continue };
        let (period, key, other) = (line.span.describe(), line.key(), other.describe());
        let message = format!("the period {period} of {key} overlaps one that is stored ({other})");
        let stored = match verdict {
            Verdict::Change { stored, .. } | Verdict::Stand { stored, .. } => Some(*stored),
            Verdict::Create(_) | Verdict::Refuse { .. } => None,
        };
        *verdict = Verdict::Refuse { stored, message };
    }
}

/// A change of a residency: which side made it, from what, and to what.
type Turn = (Option<Source>, Option<String>, Option<String>);

/// What history knows of residencies: the changes of each participant, the oldest first.
#[derive(Default)]
struct Pasts {
    of: HashMap<i64, Vec<Turn>>,
}

impl Pasts {
    fn add(&mut self, past: Past) {
        let changes = past.changes.into_iter().filter(|change| change.field == "residency");
        let entries = changes.map(|change| (past.source, change.before, change.after));
        self.of.entry(past.entity_id).or_default().extend(entries);
    }

    /// Whether the start and the end of a stored residency were made in Kring.
    fn by_hand(&self, span: Span) -> (bool, bool) {
        let (mut start, mut end) = (None, None);
        let mut period = Some(text(&span));
        let entries = self.of.get(&span.pair.0).map(Vec::as_slice).unwrap_or_default();
        for (source, before, after) in entries.iter().rev() {
            if after.is_none() || *after != period {
                continue;
            }
            let by_hand = *source != Some(Source::Bundle);
            let parts = |value: &Option<String>| {
                let dates = value.as_deref().and_then(|value| value.rsplit(' ').next()?.split_once(".."));
                dates.map(|(start, end)| (start.to_owned(), end.to_owned()))
            };
            let (old, new) = (parts(before), parts(after));
            let differs = |part: fn(&(String, String)) -> &String| old.as_ref().map(part) != new.as_ref().map(part);
            if start.is_none() && differs(|(start, _)| start) {
                start = Some(by_hand);
            }
            if end.is_none() && differs(|(_, end)| end) {
                end = Some(by_hand);
            }
            period.clone_from(before);
        }
        (start.unwrap_or_default(), end.unwrap_or_default())
    }
}

fn text(span: &Span) -> String {
    let end = span.end.map(|end| end.to_string()).unwrap_or_default();
    format!("{} {}..{end}", id::encode(Kind::Participant, span.pair.1), span.start)
}

/// A residency as the history of whoever lives there shows it.
fn change(before: Option<Span>, after: Option<Span>) -> Change {
    let text = |span: Option<Span>| span.as_ref().map(text);
    Change { field: "residency".to_owned(), before: text(before), after: text(after) }
}
