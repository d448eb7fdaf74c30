//! Records of pupils for the school of the demo, as their guardians made them.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use diesel::sql_types::{BigInt, Text};

use crate::access::Viewer;
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::CompositionCache;
use crate::school::absence::{self, Absence};
use crate::school::leave::store::Period;
use crate::school::leave::{self, Request};
use crate::school::lunch::{self, Stay};
use crate::school::rules::Pupil;
use crate::scope::Scope;

/// Pupil, group and guardian, by their external ids.
const FAMILIES: [(&str, &str, &str); 3] =
    [("K001", "SCH-GROEP-1", "O01"), ("K012", "SCH-GROEP-3", "O01"), ("K006", "SCH-GROEP-2", "O09")];

/// Makes a record of each kind for some pupils, unless there are records already. What the day does not allow, such as
/// leave beyond the end of the school year, is left out.
///
/// # Errors
/// What the database answers.
pub fn fill(conn: &mut Conn, scope: &Scope) -> Result<(), Error> {
    let there = Sql::new("SELECT COUNT(*) FROM lunch_stays").first::<BigInt, i64>(conn)?.unwrap_or_default();
    if there > 0 {
        return Ok(());
    }
    let cache = CompositionCache::default();
    for (child, group, guardian) in FAMILIES {
        let (participant, name) = find(conn, guardian)?;
        let viewer = Viewer { participant: Some(participant), name, ..Viewer::default() };
        let scope = Scope { viewer, ..scope.clone() };
        let group_id = super::demo_content::find(conn, "groups", group)?;
        let pupil = Pupil { participant_id: find(conn, child)?.0, group_id };
        let day = |days: u64| school_day(scope.today + Days::new(days));
        let stay = Stay { pupil, date: day(0) };
        allowed(lunch::register(conn, &scope, &cache, stay))?;
        let absence = Absence { pupil, date: day(1), reason: Some("Naar de orthodontist.".to_owned()) };
        allowed(absence::report(conn, &scope, &cache, &absence))?;
        let period = Period { from: day(14), until: day(15) };
        let request = Request { pupil, period, reason: "Een bruiloft in de familie.".to_owned() };
        allowed(leave::request(conn, &scope, &cache, &request))?;
    }
    Ok(())
}

/// The first day of school from a day on.
fn school_day(day: NaiveDate) -> NaiveDate {
    let wait = match day.weekday() {
        Weekday::Sat => 2,
        Weekday::Sun => 1,
        _ => 0,
    };
    day + Days::new(wait)
}

fn allowed<T>(made: Result<T, Error>) -> Result<(), Error> {
    match made {
        Ok(_) | Err(Error::Rejected(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn find(conn: &mut Conn, external_id: &str) -> Result<(i64, String), Error> {
    let sql = Sql::new("SELECT id, display_name FROM participants WHERE external_id = ").string(external_id);
    sql.first::<(BigInt, Text), (i64, String)>(conn)?
        .ok_or_else(|| Error::internal(format!("{external_id} is not in the demo")))
}
