//! When somebody is where a filter looks for them (P1b). Residencies begin and end on days that are known now, so that
//! what follows from them is written now.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Date, Nullable, Text};

use super::spans::{Span, Spans};
use super::store::{Filter, current};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::members::effective;
use crate::people::filter::Places;
use crate::people::place_store::PlaceKey;

/// A place, as it is compared.
#[derive(Clone, Debug, Default)]
struct Place {
    city: Option<String>,
    postal_code: Option<String>,
}

impl Place {
    fn is(&self, place: PlaceKey, key: &str) -> bool {
        let own = match place {
            PlaceKey::City => &self.city,
            PlaceKey::PostalCode => &self.postal_code,
        };
        !key.is_empty() && own.as_deref() == Some(key)
    }
}

/// The places of some participants.
#[derive(Debug, Default)]
pub struct Whereabouts {
    /// The postal address, or where an address is.
    own: HashMap<i64, Place>,
    homes: HashMap<i64, Vec<(Span, Place)>>,
}

impl Whereabouts {
    /// Where these participants are from today on.
    ///
    /// # Errors
    /// What the database answers.
    pub fn load(conn: &mut Conn, people: &[i64], today: NaiveDate) -> Result<Self, Error> {
        type Own = (i64, Option<String>, Option<String>);
        type Home = (i64, NaiveDate, Option<NaiveDate>, Option<String>, Option<String>);
        let mut found = Self::default();
        if people.is_empty() {
            return Ok(found);
        }
        let sql = Sql::new("SELECT p.id, p.city_key, p.postal_key FROM participants p WHERE p.id").in_ids(people);
        for (id, city, postal_code) in sql.load::<(BigInt, Nullable<Text>, Nullable<Text>), Own>(conn)? {
            found.own.insert(id, Place { city, postal_code });
        }
        let sql = Sql::new(
            "SELECT s.participant_id, s.start_date, s.end_date, a.city_key, a.postal_key FROM residencies s \
             JOIN participants a ON a.id = s.address_id WHERE s.participant_id",
        );
        let sql = current(sql.in_ids(people).text(" AND "), today);
        let rows = sql.load::<(BigInt, Date, Nullable<Date>, Nullable<Text>, Nullable<Text>), Home>(conn)?;
        for (id, start, end, city, postal_code) in rows {
            found.homes.entry(id).or_default().push(((start, end), Place { city, postal_code }));
        }
        Ok(found)
    }

    /// The days from today on on which somebody is in all of these places.
    pub fn days(&self, participant: i64, places: &Places, today: NaiveDate) -> Spans {
        let mut days = Spans::since(today, (today, None));
        for (place, key) in places.keys() {
            days = days.intersect(&self.days_in(participant, place, key, today));
        }
        days
    }

    fn days_in(&self, participant: i64, place: PlaceKey, key: &str, today: NaiveDate) -> Spans {
        let (mut there, mut registered) = (Spans::default(), Spans::default());
        for (span, home) in self.homes.get(&participant).into_iter().flatten() {
            let span = Spans::since(today, *span);
            registered.unite(&span);
            if home.is(place, key) {
                there.unite(&span);
            }
        }
        if self.own.get(&participant).is_some_and(|own| own.is(place, key)) {
            there.unite(&Spans::since(today, (today, None)).without(&registered));
        }
        there
    }
}

/// Whether any of these filters asks where people are.
pub fn asks_for_places(filters: &[Filter]) -> bool {
    filters.iter().any(|(_, filter, _)| filter.places().is_asked())
}

/// Who of these passes which filter, and on which days from today on.
///
/// # Errors
/// What the database answers.
pub fn passing(
    conn: &mut Conn,
    filters: &[Filter],
    people: &[i64],
    today: NaiveDate,
) -> Result<HashMap<i64, Vec<(i64, Spans)>>, Error> {
    let places: HashMap<i64, Places> = filters.iter().map(|(group, filter, _)| (*group, filter.places())).collect();
    let anywhere: Vec<Filter> =
        filters.iter().map(|(group, filter, organization)| (*group, filter.anywhere(), *organization)).collect();
    let pairs = effective::passing(conn, &anywhere, today, Some(people))?;
    let asked = |group: &i64| places.get(group).filter(|places| places.is_asked());
    let mut placed: Vec<i64> = pairs.iter().filter(|(group, _)| asked(group).is_some()).map(|(_, who)| *who).collect();
    placed.sort_unstable();
    placed.dedup();
    let whereabouts = Whereabouts::load(conn, &placed, today)?;
    let always = Spans::since(today, (today, None));
    let mut passing: HashMap<i64, Vec<(i64, Spans)>> = HashMap::new();
    for (group, participant) in pairs {
        let days = match asked(&group) {
            Some(places) => whereabouts.days(participant, places, today),
            None => always.clone(),
        };
        if !days.is_empty() {
            passing.entry(group).or_default().push((participant, days));
        }
    }
    Ok(passing)
}

/// Who moves on a day to come. Whoever passes a filter on that day need not do so today.
///
/// # Errors
/// What the database answers.
pub fn moving(conn: &mut Conn, today: NaiveDate) -> Result<Vec<i64>, Error> {
    let sql = Sql::new("SELECT DISTINCT s.participant_id FROM residencies s WHERE s.start_date > ").date(today);
    Ok(sql.text(" OR s.end_date > ").date(today).load::<BigInt, i64>(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn place(city: &str, postal_code: &str) -> Place {
        Place { city: Some(city.to_owned()), postal_code: Some(postal_code.to_owned()) }
    }

    #[test]
    fn p1b_the_residence_goes_before_the_postal_address() {
        let today = day("2026-03-01");
        let span = |start: &str, end: Option<&str>| (day(start), end.map(day));
        let whereabouts = Whereabouts {
            own: [(1, place("utrecht", "3511ab"))].into(),
            homes: [(
                1,
                vec![
                    (span("2020-01-01", Some("2026-04-01")), place("zeist", "3701aa")),
                    (span("2026-05-01", Some("2026-06-01")), place("utrecht", "3500zz")),
                ],
            )]
            .into(),
        };
        let days = |city: Option<&str>, postal_code: Option<&str>| {
            let places = Places { city: city.map(Into::into), postal_code: postal_code.map(Into::into) };
            whereabouts.days(1, &places, today).iter().collect::<Vec<_>>()
        };
        assert_eq!(days(Some("zeist"), None), [span("2026-03-01", Some("2026-04-01"))]);
        assert_eq!(days(Some("utrecht"), None), [span("2026-04-01", None)]);
        let by_mail = [span("2026-04-01", Some("2026-05-01")), span("2026-06-01", None)];
        assert_eq!(days(Some("utrecht"), Some("3511ab")), by_mail);
        assert_eq!(days(Some("zeist"), Some("3511ab")), []);
        assert_eq!(days(Some(""), None), []);
    }
}
