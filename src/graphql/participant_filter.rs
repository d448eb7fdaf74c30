//! The filter of participants: for lists, for adding many members at once, and as the filter of a dynamic group.

use async_graphql::{ID, InputObject, MaybeUndefined};

use super::enums::ParticipantKind;
use super::inputs::{key, set};
use super::scalars::Date;
use super::text::Line;
use crate::error::{Code, Error, Rejection};
use crate::id::Kind;
use crate::people::filter::{ParticipantFilter as Filter, empty_condition};
use crate::text::{MAX_WORDS, line_fault, words};

/// The longest search text, in characters.
pub const MAX_SEARCH: usize = 200;
/// The most external ids of one filter.
const MAX_IDS: usize = 100;

/// Which participants: for lists, for adding many members at once, and as the filter of a dynamic group. All conditions
/// must hold; an absent one always does. A text of which nothing is left to compare finds nobody.
///
/// Where a filter makes members, a condition that says nothing is refused with `EMPTY_CONDITION`: null, a text without a
/// letter or digit, an empty list. So is a filter without any condition, unless it says `everybody: true`.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ParticipantFilter {
    /// The participant is of one of these kinds.
    kinds: MaybeUndefined<Vec<ParticipantKind>>,
    /// Every word of this text occurs in the name; a single letter stands for a word that begins with it. Case, diacritics
    /// and punctuation are ignored. At most 200 characters and 20 words.
    search: MaybeUndefined<Line>,
    /// The address belongs to this complex. Only participants whose personal data you may read are found.
    complex_number: MaybeUndefined<Line>,
    /// The address is a dwelling of this type. Only participants whose personal data you may read are found.
    dwelling_type: MaybeUndefined<Line>,
    /// An address is in this city. A person or an organization is registered at an address there, or is registered nowhere
    /// and has its postal address there. Only participants whose personal data you may read are found.
    city: MaybeUndefined<Line>,
    /// An address has this postal code. A person or an organization is registered at an address that has it, or is registered
    /// nowhere and has it in its postal address. Only participants whose personal data you may read are found.
    postal_code: MaybeUndefined<Line>,
    /// The person was born on this date or later. Only participants whose personal data you may read are found.
    born_from: MaybeUndefined<Date>,
    /// The person was born on this date or earlier. Only participants whose personal data you may read are found.
    born_until: MaybeUndefined<Date>,
    /// The participant has a direct membership of this group in force.
    current_group_id: MaybeUndefined<ID>,
    /// The participant's record is kept by this organization. Only participants whose personal data you may read are
    /// found.
    organization_id: MaybeUndefined<ID>,
    /// The participant has one of these external ids; at most 100. Only participants whose personal data you may read
    /// are found.
    external_ids: MaybeUndefined<Vec<Line>>,
    /// Everybody is meant. A filter that makes members and has no other condition must say so; beside other conditions it
    /// is refused there.
    #[graphql(default)]
    everybody: bool,
}

impl ParticipantFilter {
    /// The filter of a list, where null says no more than nothing.
    ///
    /// # Errors
    /// `BadInput` when an identifier, a text or a size is wrong.
    pub fn resolve(self) -> Result<Filter, Error> {
        let (filter, reading) = self.read()?;
        match reading.faults.into_iter().next() {
            Some((name, message)) => Err(Error::BadInput(format!("`{name}`: {message}"))),
            None => Ok(filter),
        }
    }

    /// The filter of who is to be made a member (G9); `at` is its place in the input. What it says when it was read is
    /// checked with the other rules of the command.
    ///
    /// # Errors
    /// `Rejected` for each condition that is null or a text that cannot be; `BadInput` when an identifier is wrong.
    pub fn meant(self, at: &str) -> Result<Filter, Error> {
        let (filter, reading) = self.read()?;
        let faults = reading.faults.into_iter();
        let faults =
            faults.map(|(name, message)| Rejection::new(Code::InvalidValue, message).at(&format!("{at}.{name}")));
        let empty = reading.nulls.into_iter().map(|name| empty_condition(at, name));
        let refusals: Vec<Rejection> = faults.chain(empty).collect();
        if refusals.is_empty() { Ok(filter) } else { Err(Error::Rejected(refusals)) }
    }

    fn read(self) -> Result<(Filter, Reading), Error> {
        let mut reading = Reading::default();
        let filter = Filter {
            kinds: reading.given("kinds", self.kinds).map(set),
            search: reading.text("search", self.search),
            complex_number: reading.text("complexNumber", self.complex_number),
            dwelling_type: reading.text("dwellingType", self.dwelling_type),
            city: reading.text("city", self.city),
            postal_code: reading.text("postalCode", self.postal_code),
            born_from: reading.given("bornFrom", self.born_from).map(|date| date.0),
            born_until: reading.given("bornUntil", self.born_until).map(|date| date.0),
            current_group: reading.key("currentGroupId", Kind::Group, self.current_group_id)?,
            organization: reading.key("organizationId", Kind::Participant, self.organization_id)?,
            external_ids: reading.ids("externalIds", self.external_ids),
            everybody: self.everybody,
            unreadable: None,
        };
        if filter.search.as_deref().is_some_and(|text| words(text).len() > MAX_WORDS) {
            reading.faults.push(("search", format!("This may have at most {MAX_WORDS} words.")));
        }
        Ok((filter, reading))
    }
}

/// What is noticed while the conditions are read.
#[derive(Default)]
struct Reading {
    /// The conditions that are null.
    nulls: Vec<&'static str>,
    /// The conditions that cannot be, and why.
    faults: Vec<(&'static str, String)>,
}

impl Reading {
    fn given<T>(&mut self, name: &'static str, value: MaybeUndefined<T>) -> Option<T> {
        if value.is_null() {
            self.nulls.push(name);
        }
        value.take()
    }

    fn text(&mut self, name: &'static str, text: MaybeUndefined<Line>) -> Option<String> {
        let text = self.given(name, text)?;
        self.faults.extend(condition_fault(&text).map(|fault| (name, fault)));
        Some(text.into())
    }

    fn key(&mut self, name: &'static str, kind: Kind, id: MaybeUndefined<ID>) -> Result<Option<i64>, Error> {
        self.given(name, id).map(|id| key(kind, &id, name)).transpose()
    }

    fn ids(&mut self, name: &'static str, ids: MaybeUndefined<Vec<Line>>) -> Option<Vec<String>> {
        let ids = self.given(name, ids)?;
        if ids.len() > MAX_IDS {
            self.faults.push((name, format!("This may hold at most {MAX_IDS} values.")));
        }
        self.faults.extend(ids.iter().find_map(|id| condition_fault(id)).map(|fault| (name, fault)));
        Some(ids.into_iter().map(Into::into).collect())
    }
}

/// What keeps a text from being a condition.
pub fn condition_fault(text: &str) -> Option<String> {
    if text.chars().count() > MAX_SEARCH {
        return Some(format!("This may have at most {MAX_SEARCH} characters."));
    }
    line_fault(text).map(|fault| fault.to_string())
}
