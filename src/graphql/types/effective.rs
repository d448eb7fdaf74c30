//! Effective membership as the graph shows it.

use std::collections::HashMap;

use async_graphql::ServerResult;
use chrono::NaiveDate;

use super::group::{AS_OF, Group};
use super::participant::Participant;
use super::{aligned, totals};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Asked, Edge, EdgeRow, Entity, Exec, Field, Link, Listed, Obj, Out, PAGE_ARGS, Pages, Pick, arg,
    connection, each, inline_list, input, page_args, ty,
};
use crate::graphql::inputs::{self, EffectiveMemberOrder};
use crate::graphql::scalars::Date;
use crate::groups::store::{self as groups, GroupRow};
use crate::members::belonging::{self, Pair, Told};
use crate::members::effective::{self as door, Standing};
use crate::members::roll::{self, Listing};
use crate::page::{Key, Page, Window, position};
use crate::people::store::{self as people, ParticipantRow};

/// How somebody belongs to a group.
#[derive(Clone, Debug, Default)]
pub struct Belonging {
    implicit: bool,
    via: Vec<Vec<i64>>,
}

/// A participant as an effective member of a group.
pub struct EffectiveMember;
/// A group to which a participant belongs.
pub struct EffectiveGroup;
/// A chain of groups.
pub struct MembershipPath;

const IMPLICIT: &str = "Whether the participant belongs to the group only through its components or its filter, without a membership of \
                        this very group in force.";
const VIA: &str = "Why the participant belongs to the group: every chain of groups that leads there, the shortest first. At most 100 are \
                   named, and fewer where the chains of one answer would lead through more than 100,000 groups together.";

macro_rules! belonging_edge {
    ($entity:ident, $row:ty) => {
        impl Entity for $entity {
            const NAME: &'static str = stringify!($entity);
            const DOC: &'static str = "";
            type Row = ($row, Belonging);

            fn fields() -> &'static [Field<Self>] {
                &[]
            }
        }

        impl $entity {
            const EDGE_FIELDS: &'static [Field<Edge<Self>>] = &[
                Edge::<Self>::cursor(),
                Field::<Edge<Self>>::value("implicit", ty::<bool>, IMPLICIT, |row, out: &mut Out| {
                    out.bool(row.row.1.implicit)
                }),
                Field::<Edge<Self>>::link("via", ty::<Vec<Obj<MembershipPath>>>, VIA, |pick| {
                    inline_list::<EdgeRow<($row, Belonging)>, MembershipPath>(pick, |row| row.row.1.via.as_slice())
                }),
                Edge::<Self>::node(),
            ];
        }
    };
}

belonging_edge!(EffectiveMember, ParticipantRow);
belonging_edge!(EffectiveGroup, GroupRow);

impl Listed for EffectiveMember {
    type Node = Participant;
    const CONNECTION: &'static str = "EffectiveMemberConnection";
    const CONNECTION_DOC: &'static str = "A page of effective members, by name.";
    const EDGE: &'static str = "EffectiveMemberEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Self::EDGE_FIELDS
    }

    fn node(row: &(ParticipantRow, Belonging)) -> &ParticipantRow {
        &row.0
    }
}

impl Listed for EffectiveGroup {
    type Node = Group;
    const CONNECTION: &'static str = "EffectiveGroupConnection";
    const CONNECTION_DOC: &'static str = "A page of the groups to which a participant belongs, by name.";
    const EDGE: &'static str = "EffectiveGroupEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Self::EDGE_FIELDS
    }

    fn node(row: &(GroupRow, Belonging)) -> &GroupRow {
        &row.0
    }
}

impl Entity for MembershipPath {
    const NAME: &'static str = "MembershipPath";
    const DOC: &'static str = "One way by which a participant belongs to a group.";
    type Row = Vec<i64>;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<MembershipPath>] = &[Field::<MembershipPath>::link(
            "groups",
            ty::<Vec<Obj<Group>>>,
            "The groups on the way: from the group asked about down to the one of which the participant has a membership, or whose \
             filter the participant passes. Groups that you may not see are left out.",
            |pick| each::<Vec<i64>, Group>(pick, Clone::clone),
        )];
        FIELDS
    }
}

/// The arguments of the list of effective members.
pub const MEMBER_ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    AS_OF,
    arg("orderBy", input::<Option<EffectiveMemberOrder>>, "In which order; by name from A to Z when absent."),
];

/// The arguments of the list of groups to which somebody belongs.
pub const GROUP_ARGS: &[Argument] = &[PAGE_ARGS[0], PAGE_ARGS[1], PAGE_ARGS[2], PAGE_ARGS[3], AS_OF];

/// What the edges of a connection say of how somebody belongs.
#[derive(Clone, Copy)]
struct Wanted {
    implicit: bool,
    via: bool,
}

impl Wanted {
    fn of(pick: &Pick<'_>) -> Self {
        let edges = pick.below("edges");
        let wants = |name| edges.as_ref().is_some_and(|edges| edges.wants(name));
        Self { implicit: wants("implicit"), via: wants("via") }
    }
}

/// Leads from a group to its effective members.
///
/// # Errors
/// When an argument does not fit its type.
pub fn members_of_group(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let list = MemberList {
        window: page_args(pick)?,
        descending: EffectiveMemberOrder::descending(pick.arg("orderBy")?),
        as_of: pick.arg("asOf")?,
        wanted: Wanted::of(pick),
    };
    connection::<GroupRow, EffectiveMember>(
        pick,
        Box::new(move |exec, rows, asked| {
            let groups: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let cursor = |(row, _): &(ParticipantRow, Belonging)| {
                position("name", [Key::Text(row.sort_key.clone()), Key::Int(row.id)])
            };
            Ok(Pages { pages: list.pages(exec, &groups, asked)?, cursor: Box::new(cursor) })
        }),
    )
}

struct MemberList {
    window: Window,
    descending: bool,
    as_of: Option<Date>,
    wanted: Wanted,
}

impl MemberList {
    fn pages(
        &self,
        exec: &mut Exec<'_>,
        groups: &[i64],
        asked: Asked,
    ) -> Result<Vec<Page<(ParticipantRow, Belonging)>>, Error> {
        let on = exec.on(inputs::date(self.as_of));
        let (compositions, sight) = (exec.compositions()?, exec.sight()?);
        let disclosed = sight.disclosed(exec.conn, groups, on)?;
        let listing = Listing { on, descending: self.descending, window: &self.window };
        let found = if asked.rows {
            roll::pages(exec.conn, &compositions, &sight, groups, &disclosed, &listing)?
        } else {
            HashMap::new()
        };
        let count = |groups: &[i64]| roll::counts_in_sight(exec.conn, &compositions, &sight, groups, on, &disclosed);
        let known = asked.rows.then_some(&found);
        let totals = asked.count.then(|| totals(groups, known, &self.window, count)).transpose()?;
        let keys = aligned(groups, found, totals.as_ref());
        let pairs: Vec<Pair> = groups
            .iter()
            .zip(&keys)
            .flat_map(|(group, page)| page.rows.iter().map(|participant| (*group, *participant)))
            .collect();
        let mut ids: Vec<i64> = pairs.iter().map(|(_, participant)| *participant).collect();
        ids.sort_unstable();
        ids.dedup();
        let people = people::by_ids(exec.conn, &sight, asked.details, &ids)?;
        let people: HashMap<i64, ParticipantRow> = people.into_iter().map(|row| (row.id, row)).collect();
        let mut belongings = self.belongings(exec, &pairs, &ids, on)?.into_iter();
        let row = |id: i64| {
            let belonging = belongings.next().unwrap_or_default();
            people.get(&id).map(|row| (row.clone(), belonging))
        };
        Ok(with_rows(keys, row))
    }

    fn belongings(
        &self,
        exec: &mut Exec<'_>,
        pairs: &[Pair],
        participants: &[i64],
        on: NaiveDate,
    ) -> Result<Vec<Belonging>, Error> {
        if !self.wanted.implicit && !self.wanted.via {
            return Ok(Vec::new());
        }
        let (compositions, sight) = (exec.compositions()?, exec.sight()?);
        let standing = door::told_of_participants(exec.conn, &compositions, &sight, participants, on)?;
        belongings(exec, &standing, pairs, self.wanted, on)
    }
}

/// How the participant of each pair belongs to its group, as far as it is asked for.
fn belongings(
    exec: &mut Exec<'_>,
    standing: &Standing,
    pairs: &[Pair],
    wanted: Wanted,
    on: NaiveDate,
) -> Result<Vec<Belonging>, Error> {
    let mut via = Vec::new();
    if wanted.via {
        let (compositions, sight) = (exec.compositions()?, exec.sight()?);
        let disclosed = sight.disclosed(exec.conn, &standing.groups(), on)?;
        let tells = |group, participant| disclosed.tells(group, participant);
        let told = Told { family: &sight.family().members(), tells: &tells };
        via = belonging::chains(standing, &compositions, pairs, &told, exec.allowance())?;
    }
    let mut via = via.into_iter();
    let of = |(group, participant): &Pair| Belonging {
        implicit: !standing.is_direct(*group, *participant),
        via: via.next().unwrap_or_default(),
    };
    Ok(pairs.iter().map(of).collect())
}

/// Pages of keys with the rows behind them.
fn with_rows<K, Row>(pages: Vec<Page<K>>, mut row: impl FnMut(K) -> Option<Row>) -> Vec<Page<Row>> {
    let page = |page: Page<K>| Page {
        rows: page.rows.into_iter().filter_map(&mut row).collect(),
        has_next: page.has_next,
        has_previous: page.has_previous,
        total: page.total,
    };
    pages.into_iter().map(page).collect()
}

/// Leads from a participant to the groups to which it belongs.
///
/// # Errors
/// When an argument does not fit its type.
pub fn groups_of_participant(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ParticipantRow>>> {
    let window = page_args(pick)?;
    let as_of: Option<Date> = pick.arg("asOf")?;
    let wanted = Wanted::of(pick);
    connection::<ParticipantRow, EffectiveGroup>(
        pick,
        Box::new(move |exec, rows, asked| {
            let people: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let on = exec.on(inputs::date(as_of));
            let (compositions, sight) = (exec.compositions()?, exec.sight()?);
            let standing = door::told_of_participants(exec.conn, &compositions, &sight, &people, on)?;
            let groups = standing.groups();
            let found = groups::by_ids(exec.conn, &sight, asked.details, &groups)?;
            let disclosed = sight.disclosed(exec.conn, &groups, on)?;
            let order = by_name(&found);
            let page = |person: &i64| {
                let of = |row: &&GroupRow| standing.belongs(row.id, *person) && disclosed.tells(row.id, *person);
                let of: Vec<&GroupRow> = order.iter().copied().filter(of).collect();
                let total = i64::try_from(of.len()).ok();
                Page { total, ..window.within(of, &|row| group_position(row)) }
            };
            let pages: Vec<Page<&GroupRow>> = people.iter().map(page).collect();
            let pairs: Vec<Pair> = people
                .iter()
                .zip(&pages)
                .flat_map(|(person, page)| page.rows.iter().map(|row| (row.id, *person)))
                .collect();
            let mut belongings = belongings(exec, &standing, &pairs, wanted, on)?.into_iter();
            let row = |row: &GroupRow| Some((row.clone(), belongings.next().unwrap_or_default()));
            Ok(Pages { pages: with_rows(pages, row), cursor: Box::new(|(row, _)| group_position(row)) })
        }),
    )
}

fn by_name(groups: &[GroupRow]) -> Vec<&GroupRow> {
    let mut groups: Vec<&GroupRow> = groups.iter().collect();
    groups.sort_by(|a, b| (&a.sort_key, a.id).cmp(&(&b.sort_key, b.id)));
    groups
}

fn group_position(row: &GroupRow) -> Vec<Key> {
    position("name", [Key::Text(row.sort_key.clone()), Key::Int(row.id)])
}
