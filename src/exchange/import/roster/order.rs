//! For which organization and day a roster is, and whether a newer one was there before.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::sql_types::{BigInt, Date, Nullable, Timestamp};

use super::Intake;
use crate::db::{Conn, Sql};
use crate::error::{Code, Error};
use crate::exchange::bundle::ErrorCode;
use crate::exchange::import::Owner;
use crate::exchange::import::known::ambiguous;
use crate::people::named_store::{self, Unnamed, Whose};
use crate::school::year::SchoolYear;
use crate::scope::Scope;

/// A roster that was imported: for which day, and when it was made.
type Imported = (NaiveDate, Option<NaiveDateTime>);

/// Finds the organization and holds it until the transaction ends, so that its rosters come in one after the other.
///
/// # Errors
/// `NotFound` when there is no such organization, `Forbidden` when the viewer does not administer it.
pub(super) fn take_turn(conn: &mut Conn, scope: &Scope, owner: &Owner) -> Result<i64, Error> {
    let id = match owner {
        Owner::Id(id) => *id,
        Owner::ExternalId(external_id) => match named_store::find(conn, external_id, Whose::Organizations)? {
            Ok(named) => named.id,
            Err(Unnamed::Several) => return Err(ambiguous(external_id)),
            Err(Unnamed::Nobody) => return Err(no_organization()),
        },
    };
    let sql = Sql::new("SELECT id FROM participants WHERE kind = 'ORGANIZATION' AND id = ").int(id);
    let turn = conn.dialect().for_turn();
    let found = sql.text(turn).load::<BigInt, i64>(conn)?;
    let organization = found.first().copied().ok_or_else(no_organization)?;
    if scope.viewer.may_administer(Some(organization)) {
        Ok(organization)
    } else {
        Err(Error::rejected(Code::Forbidden, "You may only import for an organization that you administer."))
    }
}

fn no_organization() -> Error {
    Error::rejected(Code::NotFound, "There is no organization to import the roster for.")
}

impl Intake<'_> {
    /// Refuses a file for a day that is still to come, for one before a year transition, and one that is older than what
    /// was imported before.
    pub(super) fn check_order(&mut self) -> Result<(), Error> {
        let school = &self.roster.school;
        let today = self.scope.today;
        if self.date > today {
            let message = format!("the roster holds for {}, which is still to come: today is {today}", self.date);
            self.refuse(school.at, ErrorCode::FutureDate, message);
        }
        if let Some(year) = school.year.filter(|year| *year != SchoolYear::of(self.date)) {
            let message = format!("the roster is of the school year {year}, and {} is not in it", self.date);
            self.warn(school.at, &message);
        }
        // What the file says is of its own day, whichever day it is to count from.
        let day = self.date.min(self.imported().0);
        if let Some(effective_on) = self.transition_after(day)? {
            let message = format!(
                "the roster holds for {day}, before the year transition of {effective_on}, and would take back what that did; \
                 import a roster of {effective_on} or of a day after it"
            );
            self.refuse(school.at, ErrorCode::BeforeTransition, message);
            // That it is older as well could be allowed, and would not help.
            return Ok(());
        }
        self.check_newest()
    }

    /// Refuses a file that is older than what was imported before.
    fn check_newest(&mut self) -> Result<(), Error> {
        let Some(newest) = self.newest()? else { return Ok(()) };
        let (day, made_at) = self.imported();
        let older = match day.cmp(&newest.0) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => made_at.zip(newest.1).is_some_and(|(this, newest)| this < newest),
            std::cmp::Ordering::Greater => false,
        };
        if older && !self.options.allow_older {
            let describe = |(day, made_at): Imported| match made_at {
                Some(made_at) => format!("{day}, made at {made_at}"),
                None => day.to_string(),
            };
            let message = format!(
                "this roster (of {}) is older than the newest that was imported (of {}); if this is meant, allow an older \
                 one (--allow-older)",
                describe((day, made_at)),
                describe(newest)
            );
            self.refuse(self.roster.school.at, ErrorCode::OlderFile, message);
        }
        Ok(())
    }

    /// For which day the file is and when it was made, as it is remembered.
    fn imported(&self) -> Imported {
        (self.roster.school.reference_date.unwrap_or(self.date), self.roster.school.made_at)
    }

    /// The day of the last year transition that was applied and had its effect after a day.
    fn transition_after(&mut self, day: NaiveDate) -> Result<Option<NaiveDate>, Error> {
        let sql = Sql::new("SELECT effective_on FROM year_transitions WHERE status = 'APPLIED' AND effective_on > ")
            .date(day)
            .text(" AND organization_id = ")
            .int(self.organization);
        Ok(sql.text(" ORDER BY effective_on DESC LIMIT 1").first::<Date, NaiveDate>(self.conn)?)
    }

    fn newest(&mut self) -> Result<Option<Imported>, Error> {
        let sql = Sql::new("SELECT reference_date, MAX(made_at) FROM roster_imports WHERE organization_id = ");
        let sql = sql.int(self.organization).text(" GROUP BY reference_date ORDER BY reference_date DESC LIMIT 1");
        Ok(sql.first::<(Date, Nullable<Timestamp>), Imported>(self.conn)?)
    }

    /// Remembers that this roster was imported; once, however often it is.
    pub(super) fn note_import(&mut self) -> Result<(), Error> {
        let (day, made_at) = self.imported();
        let of_day = Sql::new("SELECT made_at FROM roster_imports WHERE organization_id = ").int(self.organization);
        let of_day = of_day.text(" AND reference_date = ").date(day);
        if of_day.load::<Nullable<Timestamp>, Option<NaiveDateTime>>(self.conn)?.contains(&made_at) {
            return Ok(());
        }
        let sql = Sql::new(
            "INSERT INTO roster_imports (organization_id, reference_date, made_at, school_year, imported_at, imported_by) \
             VALUES (",
        )
        .int(self.organization)
        .text(", ")
        .date(day)
        .text(", ");
        let sql = match made_at {
            Some(made_at) => sql.instant(made_at),
            None => sql.text("NULL"),
        };
        sql.text(", ")
            .int(self.roster.school.year.map(SchoolYear::first))
            .text(", ")
            .instant(self.scope.instant())
            .text(", ")
            .string(self.scope.viewer.name.clone())
            .text(")")
            .execute(self.conn)?;
        Ok(())
    }
}
