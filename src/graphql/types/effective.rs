//! Effective membership as the graph shows it.

use std::collections::HashMap;

use async_graphql::ServerResult;
use chrono::NaiveDate;

use super::group::{AS_OF, Group};
use super::participant::Participant;
use crate::access::sight::{Disclosed, Sight};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Asked, Edge, EdgeRow, Entity, Exec, Field, Link, Listed, Obj, Out, PAGE_ARGS, Pages, Pick, arg,
    connection, inline_list, input, many, page_args, ty,
};
use crate::graphql::inputs::{self, EffectiveMemberOrder};
use crate::graphql::scalars::Date;
use crate::groups::store::{self as groups, GroupRow};
use crate::members::effective as door;
use crate::page::{Key, Page, Window, position};
use crate::people::store::{self as people, ParticipantRow};

/// How somebody belongs to a group.
#[derive(Clone, Debug)]
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
const VIA: &str = "Why the participant belongs to the group: every chain of groups that leads there, the shortest first, at most 100.";

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
            |pick| many::<Vec<i64>, Group>(pick, Box::new(groups_on_paths)),
        )];
        FIELDS
    }
}

/// The groups on each of the paths that are within sight.
///
/// # Errors
/// What the database answers.
pub fn groups_on_paths(exec: &mut Exec<'_>, rows: &[&Vec<i64>], details: bool) -> Result<Vec<Vec<GroupRow>>, Error> {
    let mut ids: Vec<i64> = rows.iter().flat_map(|path| path.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let sight = exec.sight()?;
    let found: HashMap<i64, GroupRow> =
        groups::by_ids(exec.conn, &sight, details, &ids)?.into_iter().map(|row| (row.id, row)).collect();
    Ok(rows.iter().map(|path| path.iter().filter_map(|id| found.get(id).cloned()).collect()).collect())
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

/// Whether the edges of a connection say how somebody belongs.
fn wants_belonging(pick: &Pick<'_>) -> bool {
    pick.below("edges").is_some_and(|edges| edges.wants("implicit") || edges.wants("via"))
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
        belonging: wants_belonging(pick),
    };
    connection::<GroupRow, EffectiveMember>(
        pick,
        Box::new(move |exec, rows, asked| {
            let groups: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let (sight, on) = (exec.sight()?, exec.on(inputs::date(list.as_of)));
            let disclosed = sight.disclosed(exec.conn, &groups, on)?;
            let pages = groups.iter().map(|group| list.page(exec, *group, &disclosed, asked));
            let pages = pages.collect::<Result<_, Error>>()?;
            let cursor = |(row, _): &(ParticipantRow, Belonging)| {
                position("name", [Key::Text(row.sort_key.clone()), Key::Int(row.id)])
            };
            Ok(Pages { pages, cursor: Box::new(cursor) })
        }),
    )
}

/// What may be told of where some participants stand.
fn told(exec: &mut Exec<'_>, sight: &Sight, standing: &door::Standing, on: NaiveDate) -> Result<Disclosed, Error> {
    sight.disclosed(exec.conn, &standing.groups(), on)
}

struct MemberList {
    window: Window,
    descending: bool,
    as_of: Option<Date>,
    belonging: bool,
}

impl MemberList {
    fn page(
        &self,
        exec: &mut Exec<'_>,
        group: i64,
        disclosed: &Disclosed,
        asked: Asked,
    ) -> Result<Page<(ParticipantRow, Belonging)>, Error> {
        let on = exec.on(inputs::date(self.as_of));
        let compositions = exec.compositions()?;
        let sight = exec.sight()?;
        let total = asked
            .count
            .then(|| door::count_in_sight(exec.conn, &compositions, &sight, group, on, disclosed))
            .transpose()?;
        if !asked.rows {
            return Ok(Page { total, ..Page::default() });
        }
        let keys = door::page(exec.conn, &compositions, &sight, group, on, self.descending, &self.window, disclosed)?;
        let mut found: HashMap<i64, ParticipantRow> = people::by_ids(exec.conn, &sight, asked.details, &keys.rows)?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
        let standing =
            self.belonging.then(|| door::of_participants(exec.conn, &compositions, &keys.rows, on)).transpose()?;
        let told = standing.as_ref().map(|standing| told(exec, &sight, standing, on)).transpose()?;
        let belonging = |id: i64| match standing.as_ref().zip(told.as_ref()) {
            None => Belonging { implicit: false, via: Vec::new() },
            Some((standing, told)) => Belonging {
                implicit: !standing.is_direct(group, id),
                via: door::told(standing.chains(&compositions, group, id), |other| told.tells(other, id)),
            },
        };
        let rows = keys.rows.iter().filter_map(|id| found.remove(id).map(|row| (row, belonging(*id)))).collect();
        Ok(Page { rows, has_next: keys.has_next, has_previous: keys.has_previous, total })
    }
}

/// Leads from a participant to the groups to which it belongs.
///
/// # Errors
/// When an argument does not fit its type.
pub fn groups_of_participant(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ParticipantRow>>> {
    let window = page_args(pick)?;
    let as_of: Option<Date> = pick.arg("asOf")?;
    connection::<ParticipantRow, EffectiveGroup>(
        pick,
        Box::new(move |exec, rows, asked| {
            let people: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let on = exec.on(inputs::date(as_of));
            let compositions = exec.compositions()?;
            let sight = exec.sight()?;
            let standing = door::of_participants(exec.conn, &compositions, &people, on)?;
            let found = groups::by_ids(exec.conn, &sight, asked.details, &standing.groups())?;
            let told = told(exec, &sight, &standing, on)?;
            let mut pages = Vec::with_capacity(people.len());
            for person in people {
                let mut of: Vec<GroupRow> = found
                    .iter()
                    .filter(|row| standing.belongs(row.id, person) && told.tells(row.id, person))
                    .cloned()
                    .collect();
                of.sort_by(|a, b| (&a.sort_key, a.id).cmp(&(&b.sort_key, b.id)));
                let total = i64::try_from(of.len()).ok();
                let rows = of.into_iter().map(|row| {
                    let belonging = Belonging {
                        implicit: !standing.is_direct(row.id, person),
                        via: door::told(standing.chains(&compositions, row.id, person), |other| {
                            told.tells(other, person)
                        }),
                    };
                    (row, belonging)
                });
                let mut page = window.within(rows.collect(), &group_position);
                page.total = total;
                pages.push(page);
            }
            Ok(Pages { pages, cursor: Box::new(group_position) })
        }),
    )
}

fn group_position((row, _): &(GroupRow, Belonging)) -> Vec<Key> {
    position("name", [Key::Text(row.sort_key.clone()), Key::Int(row.id)])
}
