//! What the import of a roster did, or would do.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use super::RosterOptions;
use crate::content::kind::ContentKind;
use crate::exchange::bundle::At;
use crate::exchange::edexml::{GroupKind, PassedOver, PersonKind, Roster};
use crate::exchange::import::report::{as_text, table};

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Became {
    /// It was not there and was made.
    Created,
    /// It was there already without a key of the sender, and has one now.
    Adopted,
    /// It was known and was changed.
    Updated,
    /// It was stored just so.
    Unchanged,
    /// It is no longer in the file, and its memberships ended.
    Left,
}

/// How many records or memberships became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Records made.
    pub created: u64,
    /// Records that were there already and have a key of the sender from now on.
    pub adopted: u64,
    /// Records or memberships changed.
    pub updated: u64,
    /// People who are no longer in the file and whose memberships ended.
    pub left: u64,
    /// Pupils who went from one group to another.
    pub moved: u64,
    /// Memberships made.
    pub started: u64,
    /// Memberships ended.
    pub ended: u64,
    /// Memberships that began on the date of the file or later, are not in it, and were declared a mistake.
    pub annulled: u64,
    /// Memberships of people who have left the group by themselves, and stay out (S5).
    pub opted_out: u64,
    /// Memberships that somebody ended, prolonged or declared a mistake by hand, and that stay so.
    pub by_hand: u64,
    /// What was stored just so.
    pub unchanged: u64,
}

impl Figures {
    /// Whether anything was written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let Self { created, adopted, updated, left, moved, started, ended, annulled, .. } = self;
        created + adopted + updated + left + moved + started + ended + annulled == 0
    }

    pub(super) fn count(&mut self, became: Became) {
        let figure = match became {
            Became::Created => &mut self.created,
            Became::Adopted => &mut self.adopted,
            Became::Updated => &mut self.updated,
            Became::Unchanged => &mut self.unchanged,
            Became::Left => &mut self.left,
        };
        *figure += 1;
    }

    fn all(&self) -> [u64; 11] {
        let Self { created, adopted, updated, left, moved, started, ended, annulled, opted_out, by_hand, unchanged } =
            *self;
        [created, adopted, updated, left, moved, started, ended, annulled, opted_out, by_hand, unchanged]
    }
}

const HEADINGS: [&str; 11] = [
    "created",
    "adopted",
    "updated",
    "left",
    "moved",
    "started",
    "ended",
    "annulled",
    "opted out",
    "by hand",
    "unchanged",
];

/// What became of one pupil, teacher or group. People go by the sender's key, or else by their eckid, and by name only if
/// the sender gave away their key and knows no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where it stands in the file; the file as a whole for whoever is no longer in it.
    #[serde(serialize_with = "as_text")]
    pub at: At,
    /// Pupil, teacher, group or cross-year group.
    pub kind: &'static str,
    /// By which the sender knows it.
    pub key: String,
    /// What became of the record.
    pub became: Became,
    /// The fields of a stored record that changed, by their names in the graph.
    pub changed: Vec<String>,
    /// The names of the groups joined.
    pub joined: Vec<String>,
    /// The names of the groups left.
    pub left: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let became = match self.became {
            Became::Created => "created",
            Became::Adopted => "adopted",
            Became::Updated => "updated",
            Became::Unchanged => "unchanged",
            Became::Left => "left",
        };
        write!(f, "{}: {} {} {became}", self.at, self.kind, self.key)?;
        for (word, list) in [("", &self.changed), ("joined ", &self.joined), ("left ", &self.left)] {
            if !list.is_empty() {
                write!(f, "; {word}{}", list.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Content of a group that pupils left, which the group that they came to is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// The name of the group that they left.
    pub from: String,
    /// The name of the group that they came to.
    pub to: String,
    /// How many pupils went this way.
    pub movers: u64,
    /// The kind of the item.
    pub kind: ContentKind,
    /// Its title.
    pub title: String,
}

/// What the import of a roster did, or, of a dry run, would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterReport {
    /// Whether nothing of it was kept.
    pub dry_run: bool,
    /// The date on which memberships start and end.
    pub date: NaiveDate,
    /// `leerling`.
    pub pupils: Figures,
    /// `leerkracht`.
    pub teachers: Figures,
    /// `groep`.
    pub groups: Figures,
    /// `samengestelde_groep`.
    pub cross_year_groups: Figures,
    /// Who is in which group.
    pub memberships: Figures,
    /// What did not move along with pupils (Y8).
    pub behind: Vec<LeftBehind>,
    /// How many links were made for that.
    pub linked: u64,
    /// What the file has and is not read, and how often.
    pub passed_over: Vec<PassedOver>,
    /// What did not stop the import and may still not be what the sender meant.
    pub warnings: Vec<String>,
    /// What became of each pupil, teacher and group; only if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Row>>,
}

impl RosterReport {
    pub(super) fn new(date: NaiveDate, options: &RosterOptions, roster: &Roster) -> Self {
        Self {
            dry_run: options.dry_run,
            date,
            pupils: Figures::default(),
            teachers: Figures::default(),
            groups: Figures::default(),
            cross_year_groups: Figures::default(),
            memberships: Figures::default(),
            behind: Vec::new(),
            linked: 0,
            passed_over: roster.passed_over.clone(),
            warnings: roster.warnings.iter().map(ToString::to_string).collect(),
            rows: options.each_row.then(Vec::new),
        }
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.linked == 0 && self.figures().iter().all(|(_, figures)| figures.is_idle())
    }

    fn figures(&self) -> [(&'static str, &Figures); 5] {
        [
            ("pupils", &self.pupils),
            ("teachers", &self.teachers),
            ("groups", &self.groups),
            ("cross-year", &self.cross_year_groups),
            ("memberships", &self.memberships),
        ]
    }

    pub(super) fn of_people(&mut self, kind: PersonKind) -> &mut Figures {
        match kind {
            PersonKind::Pupil => &mut self.pupils,
            PersonKind::Teacher => &mut self.teachers,
        }
    }

    pub(super) fn of_groups(&mut self, kind: GroupKind) -> &mut Figures {
        match kind {
            GroupKind::Home => &mut self.groups,
            GroupKind::CrossYear => &mut self.cross_year_groups,
        }
    }
}

/// How people are called in the report.
pub(super) fn word_of_person(kind: PersonKind) -> &'static str {
    match kind {
        PersonKind::Pupil => "pupil",
        PersonKind::Teacher => "teacher",
    }
}

/// How groups are called in the report.
pub(super) fn word_of_group(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Home => "group",
        GroupKind::CrossYear => "cross-year group",
    }
}

impl fmt::Display for RosterReport {
    /// A small table, then the rows if there are any, the warnings, what was passed over, and what did not move along.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<(&str, [u64; 11])> = self
            .figures()
            .into_iter()
            .map(|(name, figures)| (name, figures.all()))
            .filter(|(_, figures)| figures.iter().any(|figure| *figure > 0))
            .collect();
        table(f, if self.dry_run { "dry run" } else { "" }, &HEADINGS, &rows)?;
        for row in self.rows.iter().flatten() {
            write!(f, "\n{row}")?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        if !self.passed_over.is_empty() {
            let list = self.passed_over.iter().map(|PassedOver { what, times }| format!("{what} ({times})"));
            write!(f, "\npassed over: {}", list.collect::<Vec<_>>().join(", "))?;
        }
        if !self.behind.is_empty() {
            let done = if self.linked > 0 { "linked to their new group" } else { "not linked to their new group" };
            write!(f, "\ncontent of the old group of pupils who moved, {done}:")?;
        }
        for LeftBehind { from, to, movers, kind, title } in &self.behind {
            write!(f, "\n  {from} to {to} ({movers}): {} \"{title}\"", kind.as_str())?;
        }
        Ok(())
    }
}
