//! Guardianships as the graph shows them.

use std::collections::HashMap;

use async_graphql::ServerResult;
use chrono::{NaiveDate, NaiveDateTime};

use super::participant::{Participant, named};
use crate::error::Error;
use crate::graphql::engine::{Entity, Exec, Field, Link, Obj, Pick, many, one, one_by, ty};
use crate::graphql::scalars::{Date, DateTime};
use crate::people::guardians::store::{self, GuardianshipRow};
use crate::people::store::ParticipantRow;

/// That somebody looks after a child, as far as one organization is concerned.
pub struct Guardianship;

/// What is told of a guardianship for one organization, or for all.
#[derive(Clone, Debug)]
pub struct Line {
    guardian: i64,
    guardian_name: String,
    organization: Option<i64>,
    recorded: bool,
    counts: bool,
    ends_on: Option<NaiveDate>,
    agreed: bool,
    changed: Option<(NaiveDateTime, String)>,
}

impl Entity for Guardianship {
    const NAME: &'static str = "Guardianship";
    const DOC: &'static str = "That somebody looks after a child, as far as one organization is concerned. Each organization records, \
                               confirms and ends it for itself. It ends when the child is 18, or on the day that is set, unless \
                               the person agrees that it goes on.";
    type Row = Line;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<Guardianship>] = &[
            Field::<Guardianship>::link(
                "guardian",
                ty::<Option<Obj<Participant>>>,
                "Who looks after the child. Of a guardian whose record is not yours to see you read the name.",
                |pick| one_by::<Line, Participant>(pick, |row| Some(row.guardian), named),
            ),
            Field::<Guardianship>::value("guardianName", ty::<String>, "The name of the guardian.", |row, out| {
                out.str(&row.guardian_name);
            }),
            Field::<Guardianship>::link(
                "organization",
                ty::<Option<Obj<Participant>>>,
                "The organization for which this is told; null where it was recorded for all, or when you may not see it.",
                |pick| one::<Line, Participant>(pick, |row| row.organization),
            ),
            Field::<Guardianship>::value(
                "recorded",
                ty::<bool>,
                "Whether the organization has said anything for itself: recorded, confirmed or ended it. Otherwise what others \
                 recorded can be confirmed with `confirmGuardian`.",
                |row, out| out.bool(row.recorded),
            ),
            Field::<Guardianship>::value(
                "counts",
                ty::<bool>,
                "Whether the guardian sees what this organization has of the child, and acts for the child there.",
                |row, out| out.bool(row.counts),
            ),
            Field::<Guardianship>::value(
                "endsOn",
                ty::<Option<Date>>,
                "The first day on which it no longer counts, if one is set; null where it ends when the child is 18.",
                |row, out| out.date(row.ends_on),
            ),
            Field::<Guardianship>::value(
                "agreed",
                ty::<bool>,
                "Whether the person agrees that it goes on.",
                |row, out| out.bool(row.agreed),
            ),
            Field::<Guardianship>::value(
                "changedAt",
                ty::<Option<DateTime>>,
                "When the organization last said anything; null when that is not known or not yours to know.",
                |row, out| out.opt_instant(row.changed.as_ref().map(|(at, _)| *at)),
            ),
            Field::<Guardianship>::value(
                "changedByName",
                ty::<Option<String>>,
                "The name of who said so; null when that is not known or not yours to know.",
                |row, out| out.opt_str(row.changed.as_ref().map(|(_, by)| by.as_str())),
            ),
        ];
        FIELDS
    }
}

/// Leads from children to their guardianships: for whoever administers an organization of whose people the child is, one for
/// each guardian and organization; for the two concerned their own.
///
/// # Errors
/// When an argument below does not fit its type.
pub fn of_children(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ParticipantRow>>> {
    many::<ParticipantRow, Guardianship>(pick, Box::new(|exec, rows, _| lines(exec, rows)))
}

fn lines(exec: &mut Exec<'_>, rows: &[&ParticipantRow]) -> Result<Vec<Vec<Line>>, Error> {
    let children: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let (viewer, today) = (exec.scope.viewer.clone(), exec.scope.today);
    if !viewer.is_some_administrator() && viewer.participant.is_none() {
        return Ok(vec![Vec::new(); rows.len()]);
    }
    let concerning = store::people_of_each(exec.conn, &children, &viewer.administers, today)?;
    let mut by_child: HashMap<i64, Vec<GuardianshipRow>> = HashMap::new();
    for row in store::records(exec.conn, &children, today)? {
        by_child.entry(row.child).or_default().push(row);
    }
    let of = |child: &i64| {
        let records = by_child.remove(child).unwrap_or_default();
        if viewer.administrator {
            return records.iter().map(|row| told(row, true)).collect();
        }
        let own = |row: &&GuardianshipRow| {
            viewer.participant.is_some_and(|viewer| viewer == row.child || viewer == row.guardian)
        };
        let mut lines: Vec<Line> = records.iter().filter(own).map(|row| told(row, false)).collect();
        for (_, organization) in concerning.iter().filter(|(of, _)| of == child) {
            lines
                .extend(records.chunk_by(|a, b| a.guardian == b.guardian).filter_map(|all| of_one(all, *organization)));
        }
        lines
    };
    Ok(children.iter().map(of).collect())
}

fn told(row: &GuardianshipRow, administered: bool) -> Line {
    Line {
        guardian: row.guardian,
        guardian_name: row.guardian_name.clone(),
        organization: row.organization,
        recorded: true,
        counts: row.counts,
        ends_on: row.ends_on,
        agreed: row.agreed,
        changed: row.changed_at.zip(row.changed_by.clone()).filter(|_| administered),
    }
}

/// What stands of one guardian for an organization; nothing once everybody has ended it.
fn of_one(records: &[GuardianshipRow], organization: i64) -> Option<Line> {
    let own = records.iter().find(|row| row.organization == Some(organization));
    let standing = own.or_else(|| records.iter().find(|row| row.organization.is_none()));
    if let Some(row) = standing.filter(|row| own.is_some() || !row.ended) {
        return Some(Line { organization: Some(organization), recorded: own.is_some(), ..told(row, own.is_some()) });
    }
    // Others have recorded it, and this organization may confirm it; how they stand is not its business.
    let other = records.iter().find(|row| !row.ended)?;
    Some(Line { organization: Some(organization), recorded: false, counts: false, ends_on: None, ..told(other, false) })
}
