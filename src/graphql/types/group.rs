//! Groups as the graph shows them.

use async_graphql::{ID, ServerResult};

use super::content::lists::{self, GroupContent};
use super::effective::{self, EffectiveMember};
use super::history::{HistoryEntry, history_of};
use super::ineligible;
use super::member_filter::MemberFilter;
use super::membership::{self, Membership, memberships_of};
use super::participant::Participant;
use super::reason::GroupCategory;
use super::school;
use super::school::absence::AbsenceReport;
use super::school::leave::LeaveRequest;
use super::school::lunch::LunchStay;
use crate::access::table::Rule;
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Connection, Edge, Entity, Exec, Field, Keyed, Link, Listed, Obj, Out, PAGE_ARGS, Pick, Values, arg,
    inline_opt, input, many, one, ty,
};
use crate::graphql::enums::{ComponentMode, CompositionName, GroupKind, NeighbourhoodRole};
use crate::graphql::inputs;
use crate::graphql::scalars::{Date, DateTime};
use crate::groups::store::{self, ComponentRow, GroupRow, More};
use crate::history::Entity as Object;
use crate::id::Kind;
use crate::members::store::Of;
use crate::members::{effective as door, roll};

/// A group.
pub struct Group;
/// What a composite is made of.
pub struct GroupComponent;
/// What a group is part of.
pub struct GroupPart;

/// A setting that is read only when asked for; absent in rows that were read without, which selects nothing of it.
fn more<'a, T>(row: &'a GroupRow, get: impl FnOnce(&'a More) -> T) -> Option<T> {
    row.more.as_deref().map(get)
}

fn flag(row: &GroupRow, out: &mut Out, get: fn(&More) -> bool) {
    out.bool(more(row, get).unwrap_or(false));
}

fn instant(row: &GroupRow, out: &mut Out, get: fn(&More) -> chrono::NaiveDateTime) {
    match more(row, get) {
        Some(at) => out.instant(at),
        None => out.null(),
    }
}

/// The argument of every field that can be asked for on another date.
pub const AS_OF: Argument = arg(
    "asOf",
    input::<Option<Date>>,
    "The date to look at; today when absent. The composition is taken as it stands now.",
);

const FIELDS: &[Field<Group>] = &[
    Field::<Group>::value("id", ty::<ID>, "The global identifier.", |row, out| out.id(Kind::Group, row.id)),
    Field::<Group>::value("externalId", ty::<Option<String>>, "The key of the group in the system that it was imported from.", |row, out| {
        out.opt_str(row.external_id.as_deref());
    }),
    Field::<Group>::value("name", ty::<String>, "The name.", |row, out| out.str(&row.name)),
    Field::<Group>::value(
        "description",
        ty::<Option<String>>,
        "Information about the group. For a subscription group everybody who may join can read it.",
        |row, out| out.opt_str(more(row, |more| more.description.as_deref()).flatten()),
    )
    .details(),
    Field::<Group>::value("kind", ty::<GroupKind>, "What the group is, which follows from its settings.", |row, out| {
        out.str(row.kind().as_str());
    }),
    Field::<Group>::value(
        "composition",
        ty::<CompositionName>,
        "How the included components combine. It says nothing while there are none.",
        |row, out| out.str(row.composition.as_str()),
    ),
    Field::<Group>::link("components", ty::<Vec<Obj<GroupComponent>>>, "The groups that this group is made of, in their order.", |pick| {
        many::<GroupRow, GroupComponent>(pick, Box::new(|exec, rows, _| nested(exec, rows, store::components, |row| row.composite_id)))
    }),
    Field::<Group>::link("partOf", ty::<Vec<Obj<GroupPart>>>, "The composites of which this group is a component, by name.", |pick| {
        many::<GroupRow, GroupPart>(pick, Box::new(|exec, rows, _| nested(exec, rows, store::part_of, |row| row.component_id)))
    }),
    Field::<Group>::link("category", ty::<Option<Obj<GroupCategory>>>, "The category; null when there is none.", |pick| {
        one::<GroupRow, GroupCategory>(pick, |row| row.category_id)
    }),
    Field::<Group>::link(
        "organization",
        ty::<Option<Obj<Participant>>>,
        "The organization that owns the group; null when it belongs to none, or when you may not see it.",
        |pick| one::<GroupRow, Participant>(pick, |row| more(row, |more| more.organization_id).flatten()),
    )
    .details(),
    Field::<Group>::link(
        "responsible",
        ty::<Option<Obj<Participant>>>,
        "The participant who is responsible for the group; null when there is none, or when you may not see it.",
        |pick| one::<GroupRow, Participant>(pick, |row| row.responsible_id),
    ),
    Field::<Group>::value("startDate", ty::<Option<Date>>, "When the group started. It describes the group and changes no rule.", |row, out| {
        out.date(more(row, |more| more.start_date).flatten());
    })
    .details(),
    Field::<Group>::value("completedOn", ty::<Option<Date>>, "When the group was done. It describes the group and changes no rule.", |row, out| {
        out.date(more(row, |more| more.completed_on).flatten());
    })
    .details(),
    Field::<Group>::value("closed", ty::<bool>, "Whether the group is closed, that is archived.", |row, out| out.bool(row.closed)),
    Field::<Group>::value("visibleOnPortal", ty::<bool>, "Whether the portal shows the group.", |row, out| {
        flag(row, out, |more| more.visible_on_portal);
    })
    .details(),
    Field::<Group>::value("visibleWithContact", ty::<bool>, "Whether the group is shown with the contact details of its members.", |row, out| {
        flag(row, out, |more| more.visible_with_contact);
    })
    .details(),
    Field::<Group>::value("changeableOnPortal", ty::<bool>, "Whether members may change their membership on the portal.", |row, out| {
        flag(row, out, |more| more.changeable_on_portal);
    })
    .details(),
    Field::<Group>::value(
        "emailOnNewMember",
        ty::<Option<bool>>,
        "Whether a new member is sent an e-mail; null when you do not administer the group.",
        |row, out| out.bool(more(row, |more| more.new_member_template.is_some()).unwrap_or(false)),
    )
    .details(),
    Field::<Group>::value(
        "newMemberTemplate",
        ty::<Option<String>>,
        "The template of the e-mail to a new member; null when there is none or you do not administer the group.",
        |row, out| out.opt_str(more(row, |more| more.new_member_template.as_deref()).flatten()),
    )
    .details(),
    Field::<Group>::value(
        "neighbourhoodRole",
        ty::<Option<NeighbourhoodRole>>,
        "The part that the group plays in the neighbourhood approach; null when it plays none.",
        |row, out| out.opt_str(more(row, |more| more.neighbourhood_role.map(crate::groups::NeighbourhoodRole::as_str)).flatten()),
    )
    .details(),
    Field::<Group>::value("subscriptionGroup", ty::<bool>, "Whether people may join and leave by themselves.", |row, out| {
        flag(row, out, |more| more.subscription_group);
    })
    .details(),
    Field::<Group>::link("restrictedTo", ty::<Option<Obj<Group>>>, "Only members of this group may join by themselves. Leaving is open to every member.", |pick| {
        one::<GroupRow, Group>(pick, |row| more(row, |more| more.restricted_to_id).flatten())
    })
    .details(),
    Field::<Group>::link("sourceGroup", ty::<Option<Obj<Group>>>, "The group whose members are to be members here as well.", |pick| {
        one::<GroupRow, Group>(pick, |row| more(row, |more| more.source_group_id).flatten())
    })
    .details(),
    Field::<Group>::value(
        "viaHomeAddress",
        ty::<bool>,
        "Whether everyone registered at an address that is a member is to be a member as well.",
        |row, out| flag(row, out, |more| more.via_home_address),
    )
    .details(),
    Field::<Group>::value("analyticsGroup", ty::<bool>, "Whether joins and leaves are counted for the dashboard.", |row, out| {
        flag(row, out, |more| more.analytics_group);
    })
    .details(),
    Field::<Group>::value("contributionGroup", ty::<bool>, "Whether members owe dues.", |row, out| {
        flag(row, out, |more| more.contribution_group);
    })
    .details(),
    Field::<Group>::value("mailGroup", ty::<bool>, "Whether the group serves to send mail to.", |row, out| {
        flag(row, out, |more| more.mail_group);
    })
    .details()
    .deprecated("Mail groups are going to disappear; use a subscription group."),
    Field::<Group>::value("memberDirectory", ty::<bool>, "Whether members may see each other's names.", |row, out| {
        flag(row, out, |more| more.member_directory);
    })
    .details(),
    Field::<Group>::value("yearGroup", ty::<Option<i32>>, "The school year that this is the year group of, 1 to 8; null for other groups.", |row, out| {
        out.opt_int(more(row, |more| more.year_group.map(i64::from)).flatten());
    })
    .details(),
    Field::<Group>::link(
        "memberFilter",
        ty::<Option<Obj<MemberFilter>>>,
        "The filter that computes the members of a dynamic group; null for other groups or when you do not administer it.",
        |pick| inline_opt::<GroupRow, MemberFilter>(pick, |row| row.more.as_deref().and_then(|more| more.member_filter.as_ref())),
    )
    .details(),
    Field::<Group>::link("memberCount", ty::<i32>, "How many participants have a membership of this very group in force.", |pick| {
        counted(pick, |exec, groups, on| roll::direct_counts(exec.conn, groups, on))
    })
    .args(&[AS_OF]),
    Field::<Group>::link(
        "effectiveMemberCount",
        ty::<i32>,
        "How many participants belong to the group directly or through its components, each counted once.",
        |pick| {
            counted(pick, |exec, groups, on| {
                let compositions = exec.compositions()?;
                roll::counts(exec.conn, &compositions, groups, on)
            })
        },
    )
    .args(&[AS_OF]),
    Field::<Group>::link("memberships", ty::<Option<Obj<Connection<Membership>>>>, "The direct memberships of this group.", |pick| {
        memberships_of::<GroupRow>(pick, Of::Group, |row| row.id)
    })
    .args(membership::ARGS),
    Field::<Group>::link(
        "effectiveMembers",
        ty::<Option<Obj<Connection<EffectiveMember>>>>,
        "Everybody who belongs to the group directly or through its components, each once.",
        effective::members_of_group,
    )
    .args(effective::MEMBER_ARGS),
    Field::<Group>::link("ineligibleMemberships", ty::<ineligible::List>, ineligible::DOC, ineligible::memberships)
        .args(&PAGE_ARGS)
        .details(),
    Field::<Group>::link(
        "content",
        ty::<Option<Obj<Connection<GroupContent>>>>,
        "What the group shows to those who belong to it, the newest first; nothing to others, except what is theirs to change.",
        lists::of_groups,
    )
    .args(lists::ARGS),
    Field::<Group>::link(
        "absenceReports",
        ty::<Option<Obj<Connection<AbsenceReport>>>>,
        "That pupils of this group are absent, the newest day first; only what you may read.",
        school::of_groups::<AbsenceReport>,
    )
    .args(school::ARGS),
    Field::<Group>::link(
        "leaveRequests",
        ty::<Option<Obj<Connection<LeaveRequest>>>>,
        "Leave that was asked for pupils of this group, the newest first day first; only what you may read.",
        school::of_groups::<LeaveRequest>,
    )
    .args(school::leave::ARGS),
    Field::<Group>::link(
        "lunchStays",
        ty::<Option<Obj<Connection<LunchStay>>>>,
        "That pupils of this group stay over lunch, the newest day first; only what you may read.",
        school::of_groups::<LunchStay>,
    )
    .args(school::ARGS),
    Field::<Group>::link("isMember", ty::<Option<bool>>, "Whether the participant belongs to the group directly or through its components.", is_member)
        .args(&[arg("participantId", input::<ID>, "The participant."), AS_OF]),
    Field::<Group>::value("createdAt", ty::<DateTime>, "When the group was made.", |row, out| {
        instant(row, out, |more| more.created_at);
    })
    .details(),
    Field::<Group>::value("updatedAt", ty::<DateTime>, "When a setting of the group was last changed.", |row, out| {
        instant(row, out, |more| more.updated_at);
    })
    .details(),
    Field::<Group>::link(
        "history",
        ty::<Option<Obj<Connection<HistoryEntry>>>>,
        "Every change of the group; null when you do not administer it.",
        |pick| history_of::<GroupRow>(pick, Object::Group, |row| row.id),
    )
    .args(&PAGE_ARGS),
];

impl Entity for Group {
    const NAME: &'static str = "Group";
    const DOC: &'static str = "People, organizations or addresses that belong together: by membership, because other groups make it \
                               up, or because they pass a filter.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = GroupRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }

    fn opens(row: &GroupRow, _: Rule) -> bool {
        row.more.as_ref().is_some_and(|more| more.administered)
    }
}

impl Keyed for Group {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], details: bool) -> Result<Vec<GroupRow>, Error> {
        let sight = exec.sight()?;
        store::by_ids(exec.conn, &sight, details, ids)
    }

    fn key(row: &GroupRow) -> i64 {
        row.id
    }
}

impl Listed for Group {
    type Node = Self;
    const CONNECTION: &'static str = "GroupConnection";
    const CONNECTION_DOC: &'static str = "A page of groups.";
    const EDGE: &'static str = "GroupEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &GroupRow) -> &GroupRow {
        row
    }
}

type Nested = fn(&mut crate::db::Conn, &crate::access::sight::Sight, &[i64]) -> Result<Vec<ComponentRow>, Error>;

/// Reads the components, or what it is part of, of many groups at once.
fn nested(
    exec: &mut Exec<'_>,
    rows: &[&GroupRow],
    read: Nested,
    parent: fn(&ComponentRow) -> i64,
) -> Result<Vec<Vec<ComponentRow>>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let sight = exec.sight()?;
    let mut by_parent: std::collections::HashMap<i64, Vec<ComponentRow>> = std::collections::HashMap::new();
    for row in read(exec.conn, &sight, &ids)? {
        by_parent.entry(parent(&row)).or_default().push(row);
    }
    Ok(ids.iter().map(|id| by_parent.remove(id).unwrap_or_default()).collect())
}

impl Entity for GroupComponent {
    const NAME: &'static str = "GroupComponent";
    const DOC: &'static str = "A group as a component of a composite.";
    type Row = ComponentRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<GroupComponent>] = &[
            Field::<GroupComponent>::value(
                "mode",
                ty::<ComponentMode>,
                "What the component does to the composite.",
                |row, out| {
                    out.str(row.mode.as_str());
                },
            ),
            Field::<GroupComponent>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The component; null when you may not see it.",
                |pick| one::<ComponentRow, Group>(pick, |row| Some(row.component_id)),
            ),
        ];
        FIELDS
    }
}

impl Entity for GroupPart {
    const NAME: &'static str = "GroupPart";
    const DOC: &'static str = "The place of a group in a composite.";
    type Row = ComponentRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<GroupPart>] = &[
            Field::<GroupPart>::value(
                "mode",
                ty::<ComponentMode>,
                "What this group does to the composite.",
                |row, out| {
                    out.str(row.mode.as_str());
                },
            ),
            Field::<GroupPart>::link(
                "group",
                ty::<Option<Obj<Group>>>,
                "The composite; null when you may not see it.",
                |pick| one::<ComponentRow, Group>(pick, |row| Some(row.composite_id)),
            ),
        ];
        FIELDS
    }
}

type Count = fn(&mut Exec<'_>, &[i64], chrono::NaiveDate) -> Result<std::collections::HashMap<i64, i64>, Error>;

struct Counted {
    as_of: Option<Date>,
    count: Count,
}

fn counted(pick: &Pick<'_>, count: Count) -> ServerResult<Box<dyn Link<GroupRow>>> {
    Ok(Box::new(Counted { as_of: pick.arg("asOf")?, count }))
}

impl Link<GroupRow> for Counted {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&GroupRow]) -> Result<Values, Error> {
        let groups: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let on = exec.on(inputs::date(self.as_of));
        let counts = (self.count)(exec, &groups, on)?;
        let mut values = Values::with_capacity(rows.len());
        for group in groups {
            values.push(|out| out.int(counts.get(&group).copied().unwrap_or_default()));
        }
        Ok(values)
    }
}

struct IsMember {
    participant: i64,
    as_of: Option<Date>,
}

fn is_member(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<GroupRow>>> {
    let id: ID = pick.arg("participantId")?;
    let participant = inputs::key(Kind::Participant, &id, "participantId").map_err(|error| pick.error(&error))?;
    Ok(Box::new(IsMember { participant, as_of: pick.arg("asOf")? }))
}

impl Link<GroupRow> for IsMember {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&GroupRow]) -> Result<Values, Error> {
        let sight = exec.sight()?;
        // Of somebody out of sight nothing is said.
        let seen = sight.is_unlimited()
            || !crate::people::store::by_ids(exec.conn, &sight, false, &[self.participant])?.is_empty();
        let on = exec.on(inputs::date(self.as_of));
        let compositions = exec.compositions()?;
        let people: &[i64] = if seen { &[self.participant] } else { &[] };
        let standing = door::told_of_participants(exec.conn, &compositions, &sight, people, on)?;
        let groups: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let disclosed = sight.disclosed(exec.conn, &groups, on)?;
        let mut values = Values::with_capacity(rows.len());
        for row in rows {
            let told = disclosed.tells(row.id, self.participant);
            values.push(|out| out.bool(told && standing.belongs(row.id, self.participant)));
        }
        Ok(values)
    }
}
