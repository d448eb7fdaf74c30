//! The groups of a roster: found by their keys, adopted or made, and brought up to date.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};

use super::Intake;
use super::adopt::{Doubt, Found};
use super::keys::GroupKey;
use super::report::{Became, Row, word_of_group};
use crate::db::Sql;
use crate::error::Error;
use crate::exchange::bundle::{ErrorCode, Shown};
use crate::exchange::edexml::{FILE, Group, GroupKind, Stated};
use crate::exchange::import::Step;
use crate::exchange::import::batch::{CHUNK, overtaken, written};
use crate::exchange::import::groups::{Stored, Update, differences, insertion, stored_groups, write_changed};
use crate::groups::Settings;
use crate::groups::store::Written;
use crate::history::{Action, Change, Entity};
use crate::text::fold;

/// How many groups a warning names.
const NAMED: usize = 10;

/// A group of the file, as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub id: i64,
    /// Whether its members follow from a filter.
    pub dynamic: bool,
}

/// A group of the organization that has no key yet.
struct Candidate {
    id: i64,
    external_id: Option<String>,
    name: String,
    year_group: Option<i32>,
    /// Whether its members are only those who are put into it: it is neither made of other groups, nor filtered, nor fed.
    plain: bool,
    closed: bool,
}

impl Candidate {
    /// Whether it is the group whose key is its external id. Another system may have used the same for another group.
    fn is_meant_by(&self, group: &Group) -> bool {
        let year = year_group(group);
        self.plain && (fold(&self.name) == fold(&group.name) || (year.is_some() && year == self.year_group))
    }
}

impl Intake<'_> {
    /// Writes the groups that are new or differ from what is stored. Those that are no longer in the file stay.
    pub(super) fn take_in_groups(&mut self) -> Result<(), Error> {
        let roster = self.roster;
        self.tell(Step::Groups, 0, roster.groups.len());
        let known = self.known_groups()?;
        let by_key = |group: &Group| known.get(&(group.kind, group.key.to_string())).copied();
        let (old, new): (Vec<&Group>, Vec<&Group>) = roster.groups.iter().partition(|group| by_key(group).is_some());
        let adopted = self.adopt_groups(&new)?;
        let mut pairs: Vec<(&Group, i64, bool)> =
            old.iter().filter_map(|group| Some((*group, by_key(group)?, false))).collect();
        pairs.extend(new.iter().enumerate().filter_map(|(n, group)| Some((*group, *adopted.get(&n)?, true))));
        for pairs in pairs.chunks(CHUNK) {
            self.update_groups(pairs)?;
        }
        let unknown = new.iter().enumerate().filter(|(n, _)| !adopted.contains_key(n));
        let unknown: Vec<&Group> = unknown.map(|(_, group)| *group).collect();
        for groups in unknown.chunks(CHUNK) {
            self.insert_groups(groups)?;
        }
        let keys = new.iter().filter_map(|group| {
            let group_id = self.groups.get(&(group.kind, Arc::clone(&group.key)))?.id;
            Some(GroupKey { group_id, kind: group.kind, las_key: group.key.to_string() })
        });
        let keys: Vec<GroupKey> = keys.collect();
        self.write_group_keys(&keys)?;
        self.journal.write(self.conn, self.scope)?;
        self.warn_of_gone_groups(&known)
    }

    /// Groups that are there already and are meant by groups that have no key yet.
    fn adopt_groups(&mut self, new: &[&Group]) -> Result<HashMap<usize, i64>, Error> {
        if new.is_empty() {
            return Ok(HashMap::new());
        }
        let candidates = self.candidates()?;
        let by_external_id: HashMap<&str, &Candidate> =
            candidates.iter().filter_map(|group| Some((group.external_id.as_deref()?, group))).collect();
        let (mut meant, mut others) = (Vec::new(), Vec::new());
        for (n, group) in new.iter().enumerate() {
            match by_external_id.get(&*group.key) {
                Some(candidate) if candidate.is_meant_by(group) => meant.push((n, candidate.id)),
                Some(candidate) => others.push((*group, *candidate)),
                None => {}
            }
        }
        let mut found = Found::by_key(&meant);
        let open = candidates.iter().filter(|group| group.plain && !group.closed);
        found.pair(
            new.iter().map(|group| (fold(&group.name), year_group(group))).enumerate(),
            open.map(|group| ((fold(&group.name), group.year_group), group.id)),
        );
        let taken = found.settle();
        let others = others.into_iter().filter(|(_, candidate)| !taken.contains(&candidate.id));
        let warnings = others.map(|(group, candidate)| (group.at, left_alone(group, candidate)));
        let warnings = warnings.chain(found.doubts.iter().filter_map(|(n, doubt)| {
            let group = new.get(*n)?;
            Some((group.at, not_taken(group, *doubt)))
        }));
        self.warn_each(warnings.collect());
        Ok(found.adopted)
    }

    fn candidates(&mut self) -> Result<Vec<Candidate>, Error> {
        type Columns = (BigInt, Nullable<Text>, Text, Nullable<Integer>, Bool, Bool);
        type Tuple = (i64, Option<String>, String, Option<i32>, bool, bool);
        let sql = Sql::new(
            "SELECT g.id, g.external_id, g.name, g.year_group, (g.member_filter IS NULL AND g.source_group_id IS NULL \
             AND NOT g.via_home_address AND NOT EXISTS (SELECT 1 FROM group_components c WHERE c.composite_id = g.id)), \
             g.closed FROM groups g WHERE NOT EXISTS (SELECT 1 FROM roster_groups r WHERE r.group_id = g.id) \
             AND g.organization_id = ",
        );
        let rows = sql.int(self.organization).load::<Columns, Tuple>(self.conn)?;
        let candidate = |(id, external_id, name, year_group, plain, closed): Tuple| Candidate {
            id,
            external_id,
            name,
            year_group,
            plain,
            closed,
        };
        Ok(rows.into_iter().map(candidate).collect())
    }

    fn update_groups(&mut self, pairs: &[(&Group, i64, bool)]) -> Result<(), Error> {
        let ids: Vec<i64> = pairs.iter().map(|(_, id, _)| *id).collect();
        let stored = stored_groups(self.conn, &ids)?;
        let mut updates = Vec::new();
        for (group, id, adopted) in pairs {
            let Some(stored) = stored.get(id) else { return Err(overtaken()) };
            updates.extend(self.compare_group(group, *id, *adopted, stored)?);
        }
        write_changed(self.conn, self.scope, &updates)
    }

    fn compare_group(
        &mut self,
        group: &Group,
        id: i64,
        adopted: bool,
        stored: &Stored,
    ) -> Result<Option<Update>, Error> {
        if stored.settings.organization_id != Some(self.organization) {
            let message = format!("the group {} is kept by another organization by now", Shown(&group.name));
            self.refuse(group.at, ErrorCode::OtherOrganization, message);
            return Ok(None);
        }
        let place = Place { id, dynamic: stored.settings.member_filter.is_some() };
        self.groups.insert((group.kind, Arc::clone(&group.key)), place);
        let settings = merge(group, stored.settings.clone());
        let changes = differences(&stored.settings, &settings);
        let became = match (adopted, changes.is_empty()) {
            (true, _) => Became::Adopted,
            (false, true) => Became::Unchanged,
            (false, false) => Became::Updated,
        };
        self.count_group(group, became, &changes);
        if adopted && stored.settings.name != settings.name {
            let message =
                format!("the group {} is {} from now on", Shown(&stored.settings.name), Shown(&settings.name));
            self.warn(group.at, &message);
        }
        if changes.is_empty() {
            return Ok(None);
        }
        self.journal.note(Action::Updated, Entity::Group, id, &changes)?;
        stored.update(id, settings, self.scope).map(Some)
    }

    fn insert_groups(&mut self, groups: &[&Group]) -> Result<(), Error> {
        type Columns = (BigInt, Text, Nullable<Text>, Nullable<Integer>);
        let organization_id = Some(self.organization);
        let new = |group: &&Group| merge(group, Settings { organization_id, ..Settings::default() });
        let settings: Vec<Settings> = groups.iter().map(new).collect();
        let now = self.scope.instant();
        let writes: Result<Vec<Written>, Error> =
            settings.iter().map(|settings| Written::new(settings.clone(), now)).collect();
        let sql = insertion(self.conn, self.scope, &writes?)?.text("id, name, description, year_group");
        // Groups that are the same in all of this are the same altogether: whichever key is whose.
        let mut ids: HashMap<(String, Option<String>, Option<i32>), Vec<i64>> = HashMap::new();
        for (id, name, description, year_group) in
            written(sql.load::<Columns, (i64, String, Option<String>, Option<i32>)>(self.conn))?
        {
            ids.entry((name, description, year_group)).or_default().push(id);
        }
        for (group, settings) in groups.iter().zip(settings) {
            let changes = differences(&Settings::default(), &settings);
            let key = (settings.name, settings.description, settings.year_group);
            let id = ids.get_mut(&key).and_then(Vec::pop).ok_or_else(overtaken)?;
            self.count_group(group, Became::Created, &changes);
            self.journal.note(Action::Created, Entity::Group, id, &changes)?;
            self.groups.insert((group.kind, Arc::clone(&group.key)), Place { id, dynamic: false });
        }
        Ok(())
    }

    fn count_group(&mut self, group: &Group, became: Became, changes: &[Change]) {
        self.report.of_groups(group.kind).count(became);
        let fields = changes.iter().filter(|_| became != Became::Created).map(|change| change.field.clone());
        self.add_row(Row {
            at: group.at,
            kind: word_of_group(group.kind),
            key: group.key.to_string(),
            became,
            changed: fields.collect(),
            joined: Vec::new(),
            left: Vec::new(),
        });
    }

    /// What was in a roster before and is not any more stays as it is, but for its members.
    fn warn_of_gone_groups(&mut self, known: &HashMap<(GroupKind, String), i64>) -> Result<(), Error> {
        let here: HashSet<i64> = self.groups.values().map(|place| place.id).collect();
        let gone: Vec<i64> = known.values().copied().filter(|id| !here.contains(id)).collect();
        if gone.is_empty() || !self.log.is_empty() {
            return Ok(());
        }
        let names = self.names_of_groups(&gone)?;
        let mut names: Vec<String> = names.into_values().collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!(
            "{} groups are no longer in the file and were left as they are: {}{rest}",
            gone.len(),
            names.join(", ")
        );
        self.warn(crate::exchange::bundle::At::file(FILE), &message);
        Ok(())
    }

    /// The names of groups.
    pub(super) fn names_of_groups(&mut self, ids: &[i64]) -> Result<HashMap<i64, String>, Error> {
        let sql = Sql::new("SELECT id, name FROM groups WHERE id").in_ids(ids);
        Ok(sql.load::<(BigInt, Text), (i64, String)>(self.conn)?.into_iter().collect())
    }
}

/// That a group has the key of another as its external id.
fn left_alone(group: &Group, candidate: &Candidate) -> String {
    let why = if candidate.plain { "has another name and year group" } else { "gets its members from elsewhere" };
    format!(
        "the external id of the group {} is the key {} of this {}, but it {why}; it was left alone",
        Shown(&candidate.name),
        Shown(&group.key),
        word_of_group(group.kind)
    )
}

/// That it cannot be told which group is meant.
fn not_taken(group: &Group, doubt: Doubt) -> String {
    let (word, name) = (word_of_group(group.kind), Shown(&group.name));
    match doubt {
        Doubt::Several => format!("several groups could be {word} {name}; none of them was taken, and a new one made"),
        Doubt::Shared => {
            format!(
                "{word} {name} and others of this file could be the same group, which was not taken; a new one was made"
            )
        }
    }
}

/// The year group by which a group is recognized.
fn year_group(group: &Group) -> Option<i32> {
    group.year_group.value().copied().map(i32::from)
}

/// What a group of the file makes of what is stored. Whatever the file has no word for stays.
fn merge(group: &Group, old: Settings) -> Settings {
    let year_group = match group.year_group {
        Stated::Is(year) => Stated::Is(i32::from(year)),
        Stated::Empty => Stated::Empty,
        Stated::Unsaid => Stated::Unsaid,
    };
    Settings {
        name: group.name.clone(),
        description: group.description.clone().over(old.description),
        year_group: year_group.over(old.year_group),
        ..old
    }
}
