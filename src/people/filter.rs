//! Which participants: the filter of lists, bulk additions and dynamic groups.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ParticipantKind;
use super::place_store::{self, Looking, PlaceKey};
use crate::access::sight::Sight;
use crate::db::Sql;
use crate::error::{Code, Rejection};
use crate::text::{fold, pattern, postal_key, words};

/// All conditions must hold; an absent one always does. A text of which nothing is left to compare finds nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParticipantFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<ParticipantKind>>,
    /// Every word must occur in the name, diacritics and case aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complex_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwelling_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub born_from: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub born_until: Option<NaiveDate>,
    /// Has a direct membership of this group in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_group: Option<i64>,
    /// Is kept by this organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ids: Option<Vec<String>>,
    /// Everybody is meant: there is no condition, and that is no oversight (G9).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    /// The text of a stored filter that cannot be read. It finds nobody, and is kept as it is.
    #[serde(skip)]
    pub unreadable: Option<String>,
}

impl ParticipantFilter {
    /// Whether it looks at personal data, which a viewer without them could otherwise find out by asking.
    pub fn reads_personal_data(&self) -> bool {
        self.born_from.is_some()
            || self.born_until.is_some()
            || self.city.is_some()
            || self.postal_code.is_some()
            || self.complex_number.is_some()
            || self.dwelling_type.is_some()
            || self.organization.is_some()
            || self.external_ids.is_some()
    }

    /// Whether it looks at where somebody lives.
    pub fn reads_homes(&self) -> bool {
        self.city.is_some()
            || self.postal_code.is_some()
            || self.complex_number.is_some()
            || self.dwelling_type.is_some()
    }

    /// What keeps this filter from making members or moving people (G9): a condition that says nothing, which an empty
    /// field of a form leaves behind, must not come to mean everybody. `at` is where the filter stands in the input.
    pub fn refusals(&self, at: &str) -> Vec<Rejection> {
        let mut refusals: Vec<Rejection> =
            self.empty_conditions().into_iter().map(|name| empty_condition(at, name)).collect();
        let conditions = Self { everybody: false, ..self.clone() };
        if conditions == Self::default() && !self.everybody {
            let message = "The filter has no condition. To mean everybody, say `everybody: true`.";
            refusals.push(Rejection::new(Code::EmptyCondition, message).at(at));
        }
        if self.everybody && conditions != Self::default() {
            let message = "Everybody is meant, or those who fit the conditions. Leave one of the two out.";
            refusals.push(Rejection::new(Code::InvalidValue, message).at(&format!("{at}.everybody")));
        }
        refusals
    }

    /// The conditions that are given and say nothing, by their names in the schema.
    fn empty_conditions(&self) -> Vec<&'static str> {
        let text = |text: &Option<String>| text.as_deref().is_some_and(|text| fold(text).is_empty());
        let search = self.search.as_deref().is_some_and(|text| words(text).is_empty());
        let ids = |ids: &Vec<String>| ids.is_empty() || ids.iter().any(|id| fold(id).is_empty());
        [
            ("kinds", self.kinds.as_ref().is_some_and(Vec::is_empty)),
            ("search", search),
            ("complexNumber", text(&self.complex_number)),
            ("dwellingType", text(&self.dwelling_type)),
            ("city", text(&self.city)),
            ("postalCode", text(&self.postal_code)),
            ("externalIds", self.external_ids.as_ref().is_some_and(ids)),
        ]
        .into_iter()
        .filter_map(|(name, empty)| empty.then_some(name))
        .collect()
    }

    /// Appends ` AND …` for participants `p`, on a date. What the filter names and is out of sight does not exist.
    #[must_use]
    pub fn conditions(&self, sql: Sql, sight: &Sight, on: NaiveDate) -> Sql {
        self.conditions_looking(sql, sight, on, Looking::ByPlace)
    }

    /// The same, for participants who are looked for in that way.
    #[must_use]
    pub fn conditions_looking(&self, mut sql: Sql, sight: &Sight, on: NaiveDate, looking: Looking) -> Sql {
        if self.unreadable.is_some() {
            return sql.text(" AND 1 = 0");
        }
        if let Some(kinds) = &self.kinds {
            let words: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
            sql = sql.text(" AND p.kind").in_strings(&words);
        }
        if let Some(search) = &self.search {
            sql = searched(sql, "p.search_text", search);
        }
        for (column, key) in self.keys() {
            sql = match key {
                key if key.is_empty() => sql.text(" AND 1 = 0"),
                key => sql.text(column).string(key),
            };
        }
        for (place, key) in self.places().keys() {
            sql = match key {
                "" => sql.text(" AND 1 = 0"),
                key => place_store::condition(sql, place, key, on, looking),
            };
        }
        if let Some(from) = self.born_from {
            sql = sql.text(" AND p.birth_date >= ").date(from);
        }
        if let Some(until) = self.born_until {
            sql = sql.text(" AND p.birth_date <= ").date(until);
        }
        if let Some(group) = self.current_group {
            sql = sql.text(" AND EXISTS (SELECT 1 FROM memberships cg WHERE cg.participant_id = p.id AND cg.annulled_at IS NULL AND cg.group_id = ")
                .int(group)
                .text(" AND cg.start_date <= ").date(on)
                .text(" AND (cg.end_date IS NULL OR cg.end_date > ").date(on).text(")");
            sql = sight.memberships(sql, "cg").text(")");
        }
        if let Some(organization) = self.organization {
            sql = sight.names(sql.text(" AND p.organization_id = ").int(organization), organization);
        }
        if let Some(ids) = &self.external_ids {
            sql = sql.text(" AND p.external_id").in_strings(ids);
        }
        sql
    }

    /// Where whoever passes is to be found on the day.
    pub fn places(&self) -> Places {
        Places { city: self.city.as_deref().map(fold), postal_code: self.postal_code.as_deref().map(postal_key) }
    }

    /// The filter without those conditions.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        Self { city: None, postal_code: None, ..self.clone() }
    }

    /// The conditions on what people type, with what it is compared by (G10).
    fn keys(&self) -> impl Iterator<Item = (&'static str, String)> {
        let folded = |text: &Option<String>| text.as_deref().map(fold);
        [
            (" AND p.complex_key = ", folded(&self.complex_number)),
            (" AND p.dwelling_key = ", folded(&self.dwelling_type)),
        ]
        .into_iter()
        .filter_map(|(column, key)| Some((column, key?)))
    }
}

/// The conditions of a filter on places, as they are compared. Where one is, other days may have another answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    pub city: Option<String>,
    pub postal_code: Option<String>,
}

impl Places {
    /// Whether a place is asked for.
    pub fn is_asked(&self) -> bool {
        *self != Self::default()
    }

    /// Each condition; one of no letters finds nobody.
    pub fn keys(&self) -> impl Iterator<Item = (PlaceKey, &str)> {
        let keys = [(PlaceKey::City, &self.city), (PlaceKey::PostalCode, &self.postal_code)];
        keys.into_iter().filter_map(|(place, key)| Some((place, key.as_deref()?)))
    }
}

/// The refusal of a condition that says nothing (G9).
pub fn empty_condition(at: &str, name: &str) -> Rejection {
    let message = "This condition says nothing. Leave it out, or say what it is to be.";
    Rejection::new(Code::EmptyCondition, message).at(&format!("{at}.{name}"))
}

/// Appends ` AND …` so that every word of a text occurs in a column of searchable words. A text without words finds
/// nothing.
#[must_use]
pub fn searched(mut sql: Sql, column: &'static str, text: &str) -> Sql {
    let words = words(text);
    let Some(last) = words.last() else { return sql.text(" AND 1 = 0") };
    // The last word again, so that there are few statements: for one word, two, four, eight and so on.
    let times = words.len().next_power_of_two() - words.len();
    for word in words.iter().chain(std::iter::repeat_n(last, times)) {
        sql = sql.text(" AND ").text(column).text(" LIKE ").string(pattern(word)).text(" ESCAPE '\\'");
    }
    sql
}
