//! `kring year-transition`: the same commands as over GraphQL, with their progress.

use std::collections::HashMap;
use std::fs::File;

use kring::app;
use kring::config::{PlanYear, RelinkYear, YearCommand, YearTransition};
use kring::db::{Conn, Db};
use kring::error::Error;
use kring::exchange::year_plan;
use kring::id::{self, Kind};
use kring::people::named_store::Whose;
use kring::people::store::display_names;
use kring::scope::Scope;
use kring::year::plan::{Count, Figures, Warning};
use kring::year::planning::store::Known;
use kring::year::planning::{self, Wanted};
use kring::year::relink::{self, Mapping};
use kring::year::{Progress, Status, TransitionRow, apply, preview, undo};

use super::{Meter, PATIENCE};

/// `kring year-transition`.
///
/// # Errors
/// Everything that stands in the way; nothing is changed then.
pub fn run(settings: &YearTransition) -> Result<(), Error> {
    carry_out(settings).map_err(|error| match error {
        Error::Rejected(rejections) => {
            let lines: Vec<String> = rejections.iter().map(|rejection| format!("\n  {}", rejection.message)).collect();
            Error::Configuration(format!("refused; nothing was changed:{}", lines.concat()))
        }
        error => error,
    })
}

fn carry_out(settings: &YearTransition) -> Result<(), Error> {
    let db = app::open(&settings.database, PATIENCE)?;
    let scope = app::operator("kring year-transition", settings.time_zone);
    match &settings.command {
        YearCommand::Plan(plan) => plan_year(&db, &scope, plan),
        YearCommand::List => list(&db),
        YearCommand::Preview { transition } => show(&db, key(transition)?),
        YearCommand::Apply { transition, token } => {
            let id = key(transition)?;
            let mut meter = Meter::default();
            let applied = db.write(|conn| {
                apply::apply(conn, &scope, id, token, &mut |Progress { step, done, total }| {
                    meter.show(step, done, total)
                })
            });
            meter.clear();
            applied?;
            show(&db, id)
        }
        YearCommand::Relink(relink) => link_again(&db, &scope, relink),
        YearCommand::Withdraw { transition } => {
            let id = key(transition)?;
            db.write(|conn| planning::withdraw(conn, &scope, id))?;
            show(&db, id)
        }
        YearCommand::Undo { transition } => take_back(&db, &scope, key(transition)?),
    }
}

fn key(transition: &str) -> Result<i64, Error> {
    id::decode_as(Kind::YearTransition, transition)
        .ok_or_else(|| Error::Configuration(format!("\"{transition}\" is not the id of a transition")))
}

fn plan_year(db: &Db, scope: &Scope, plan: &PlanYear) -> Result<(), Error> {
    let organization_id = app::find(db, &plan.organization, Whose::Organizations)?.id;
    let file = File::open(&plan.file)
        .map_err(|error| Error::Configuration(format!("cannot read {}: {error}", plan.file.display())))?;
    let id = db.write(|conn| {
        let lines = year_plan::read(conn, organization_id, file)?;
        let places = lines.places;
        let wanted = Wanted {
            organization_id,
            from_year: plan.from,
            to_year: plan.from.next(),
            effective_on: plan.effective_on,
            moves: lines.moves,
            exceptions: lines.exceptions,
        };
        planning::plan(conn, scope, &wanted).map_err(|error| places.locate(error))
    })?;
    show(db, id)
}

fn list(db: &Db) -> Result<(), Error> {
    db.read(|conn| {
        let rows = planning::store::latest(conn, 100)?;
        let organizations: Vec<i64> = rows.iter().map(|row| row.organization_id).collect();
        let names = display_names(conn, &organizations)?;
        for row in &rows {
            say!("{}", headline(row, &names));
        }
        Ok(())
    })
}

fn headline(row: &TransitionRow, organizations: &HashMap<i64, String>) -> String {
    let id = id::encode(Kind::YearTransition, row.id);
    let next = row.from_year.next();
    let name = organizations.get(&row.organization_id).map(String::as_str).unwrap_or_default();
    format!("{id}  {name}: {} to {next} on {}  {}", row.from_year, row.effective_on, row.status.as_str())
}

fn found(conn: &mut Conn, id: i64) -> Result<TransitionRow, Error> {
    planning::store::peek(conn, id)?.ok_or_else(|| Error::Configuration("there is no such transition".to_owned()))
}

/// Prints what a plan would do, or did.
fn show(db: &Db, id: i64) -> Result<(), Error> {
    db.read(|conn| {
        let row = found(conn, id)?;
        let names = display_names(conn, &[row.organization_id])?;
        say!("{}", headline(&row, &names));
        match row.status {
            Status::Superseded => {
                say!("A newer plan took its place.");
            }
            Status::Withdrawn => {
                say!("It was withdrawn.");
            }
            Status::Planned => {
                let found = preview::work_out(conn, &row)?;
                let targets = found.plan.moves.iter().map(|planned| (planned.group_id, planned.to_group_id));
                let figures = |group: &i64| found.outcomes.figures.get(group).cloned().unwrap_or_default();
                let groups: Vec<_> = targets.map(|(group, to)| (group, to, figures(&group))).collect();
                print(conn, &groups, &found.outcomes.warnings)?;
                say!("token: {}", found.token.encode());
            }
            Status::Applied | Status::Undone => {
                let done = planning::store::results(conn, &[id])?.remove(&id).unwrap_or_default();
                print(conn, &done.groups, &done.warnings)?;
            }
        }
        Ok(())
    })
}

fn print(conn: &mut Conn, groups: &[(i64, Option<i64>, Figures)], warnings: &[Warning]) -> Result<(), Error> {
    let ids: Vec<i64> = groups.iter().flat_map(|(group, to, _)| std::iter::once(*group).chain(*to)).collect();
    let known = planning::store::known(conn, &ids)?;
    let name = |group: &i64| known.get(group).map_or_else(|| "?".to_owned(), Known::called);
    let of = |counts: &[Count]| -> String {
        let words: Vec<String> = counts.iter().map(|count| format!("{} {}", count.count, count.kind)).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    for (group, to, figures) in groups {
        let to = to.as_ref().map_or_else(|| "leaving".to_owned(), &name);
        let Figures { moving, staying, leaving, links_to_break, records_to_erase } = figures;
        say!("{} -> {to}: {moving} move, {staying} stay, {leaving} leave", name(group));
        say!("    links broken: {}; records erased: {}", of(links_to_break), of(records_to_erase));
    }
    for warning in warnings {
        say!("warning: {}", warning.message);
    }
    Ok(())
}

fn link_again(db: &Db, scope: &Scope, settings: &RelinkYear) -> Result<(), Error> {
    let transition_id = key(&settings.transition)?;
    let done = db.write(|conn| {
        let organization = found(conn, transition_id)?.organization_id;
        let from_group_id = year_plan::group(conn, organization, &settings.from_group)?;
        let to_group_id = year_plan::group(conn, organization, &settings.to_group)?;
        let kinds = (!settings.kinds.is_empty()).then(|| settings.kinds.clone());
        let mapping = vec![Mapping { from_group_id, to_group_id, kinds }];
        let request = relink::Request { transition_id, links: Vec::new(), mapping };
        relink::relink(conn, scope, &request)
    })?;
    say!("Links made: {}.", done.relinked);
    Ok(())
}

fn take_back(db: &Db, scope: &Scope, id: i64) -> Result<(), Error> {
    let undone = db.write(|conn| undo::undo(conn, scope, id))?;
    say!(
        "{} memberships are as they were, {} that had been made count no more.",
        undone.memberships_restored,
        undone.memberships_annulled
    );
    say!("{} links hold again, {} stay broken.", undone.links_restored, undone.links_left);
    for title in &undone.left {
        say!("    stays as it is: {title}");
    }
    Ok(())
}
