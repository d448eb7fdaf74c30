//! Which participants: the filter of lists, bulk additions and dynamic groups.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ParticipantKind;
use crate::access::sight::Sight;
use crate::db::Sql;
use crate::text::{fold, like_pattern};

/// All conditions must hold; an absent one always does.
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
}

impl ParticipantFilter {
    /// Whether nothing is asked, so that everybody passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

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

    /// Appends ` AND …` for participants `p`, on a date. What the filter names and is out of sight does not exist.
    #[must_use]
    pub fn conditions(&self, mut sql: Sql, sight: &Sight, on: NaiveDate) -> Sql {
        if let Some(kinds) = &self.kinds {
            let words: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
            sql = sql.text(" AND p.kind").in_strings(&words);
        }
        if let Some(search) = &self.search {
            for word in fold(search).split_whitespace().take(10) {
                sql = sql.text(" AND p.search_text LIKE ").string(like_pattern(word)).text(" ESCAPE '\\'");
            }
        }
        for (column, value) in [
            (" AND lower(p.complex_number) = ", &self.complex_number),
            (" AND lower(p.dwelling_type) = ", &self.dwelling_type),
            (" AND lower(p.city) = ", &self.city),
            (" AND lower(p.postal_code) = ", &self.postal_code),
        ] {
            if let Some(value) = value {
                sql = sql.text(column).text("lower(").string(value.trim().to_owned()).text(")");
            }
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
}
