//! What mutations answer with.

use async_graphql::ID;

use super::content::Content;
use super::content::files::ContentFile;
use super::group::Group;
use super::membership::Membership;
use super::outbox::OutboxMessage;
use super::participant::Participant;
use super::reason::{EndReason, GroupCategory, StartReason};
use super::residency::Residency;
use crate::content::files;
use crate::error::Rejection;
use crate::graphql::engine::{Entity, Field, Obj, Out, inline_list, one, ty};
use crate::graphql::user_error_code::UserErrorCode;
use crate::id::{self, Kind};
use crate::members::causes::Changed;
use crate::repeat::Saved;

/// What became of a command: what it did, or why it was refused.
pub struct PayloadRow<T> {
    pub done: Option<T>,
    pub errors: Vec<Rejection>,
    pub client_mutation_id: Option<String>,
}

/// Why a mutation was refused.
pub struct UserError;
/// Something an administrator should know.
pub struct Warning;

/// Writes the code of a refusal or a warning.
pub fn code(rejection: &Rejection, out: &mut Out) {
    let code = UserErrorCode::from(rejection.code);
    out.str(async_graphql::resolver_utils::enum_value(code).to_string().trim_matches('"'));
}

impl Entity for UserError {
    const NAME: &'static str = "UserError";
    const DOC: &'static str = "Why a mutation was refused. Nothing was changed then.";
    type Row = Rejection;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<UserError>] = &[
            Field::<UserError>::value("code", ty::<UserErrorCode>, "The reason, for programmes.", code),
            Field::<UserError>::value("message", ty::<String>, "The reason, for people.", |row, out| {
                out.str(&row.message)
            }),
            Field::<UserError>::value(
                "field",
                ty::<Option<Vec<String>>>,
                "The way to the argument that caused it, from the outside in; null when it is the mutation as a whole.",
                field_path,
            ),
        ];
        FIELDS
    }
}

fn field_path(row: &Rejection, out: &mut Out) {
    if row.field.is_empty() {
        return out.null();
    }
    out.raw(b"[");
    for (n, part) in row.field.iter().enumerate() {
        if n > 0 {
            out.raw(b",");
        }
        out.str(part);
    }
    out.raw(b"]");
}

impl Entity for Warning {
    const NAME: &'static str = "Warning";
    const DOC: &'static str = "Something an administrator should know about what was done all the same.";
    type Row = Rejection;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<Warning>] = &[
            Field::<Warning>::value("code", ty::<UserErrorCode>, "The reason, for programmes.", code),
            Field::<Warning>::value("message", ty::<String>, "The reason, for people.", |row, out| {
                out.str(&row.message)
            }),
        ];
        FIELDS
    }
}

/// Declares a payload: its fields, and after them those that every payload has.
macro_rules! payload {
    ($name:ident, $done:ty, $doc:literal, [$($field:expr),+ $(,)?]) => {
        #[doc = $doc]
        pub struct $name;

        impl Entity for $name {
            const NAME: &'static str = stringify!($name);
            const DOC: &'static str = $doc;
            type Row = PayloadRow<$done>;

            fn fields() -> &'static [Field<Self>] {
                const FIELDS: &[Field<$name>] = &[
                    $($field,)+
                    Field::<$name>::value(
                        "clientMutationId",
                        ty::<Option<String>>,
                        "The identifier that the client sent along.",
                        |row, out| out.opt_str(row.client_mutation_id.as_deref()),
                    ),
                    Field::<$name>::link(
                        "userErrors",
                        ty::<Vec<Obj<UserError>>>,
                        "Why the mutation was refused; empty when it was carried out.",
                        |pick| inline_list::<PayloadRow<$done>, UserError>(pick, |row| row.errors.as_slice()),
                    ),
                ];
                FIELDS
            }
        }
    };
}
pub(crate) use payload;

payload!(
    GroupPayload,
    Changed,
    "What became of a change of a group.",
    [
        Field::<GroupPayload>::link(
            "group",
            ty::<Option<Obj<Group>>>,
            "The group as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Changed>, Group>(pick, |row| row.done.as_ref().map(|done| done.saved.id)),
        ),
        Field::<GroupPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            "What the administrator should know about the group.",
            |pick| {
                inline_list::<PayloadRow<Changed>, Warning>(pick, |row| {
                    row.done.as_ref().map_or(&[], |done| done.saved.warnings.as_slice())
                })
            }
        ),
        Field::<GroupPayload>::value(
            "membershipsStarted",
            ty::<i32>,
            "How many memberships followed from the change by automatic participation, or would in a dry run.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.followed.started)),
        ),
        Field::<GroupPayload>::value(
            "membershipsEnded",
            ty::<i32>,
            "How many memberships that had followed from the group ended with the change, or would in a dry run.",
            |row, out| out.int(row.done.as_ref().map_or(0, |done| done.followed.ended)),
        ),
        Field::<GroupPayload>::value("dryRun", ty::<bool>, "Whether this only says what would happen.", |row, out| out
            .bool(row.done.as_ref().is_some_and(|done| done.dry_run)),),
    ]
);

payload!(
    MembershipPayload,
    Saved,
    "What became of a change of a membership.",
    [
        Field::<MembershipPayload>::link(
            "membership",
            ty::<Option<Obj<Membership>>>,
            "The membership as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Saved>, Membership>(pick, saved),
        ),
        Field::<MembershipPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            "What you should know about what was done: an earlier end that is kept, a note that is replaced.",
            |pick| inline_list::<PayloadRow<Saved>, Warning>(pick, warnings),
        ),
    ]
);

/// What was saved.
fn saved(row: &PayloadRow<Saved>) -> Option<i64> {
    row.done.as_ref().map(|saved| saved.id)
}

/// What is to be known about what was saved.
fn warnings(row: &PayloadRow<Saved>) -> &[Rejection] {
    row.done.as_ref().map_or(&[], |saved| saved.warnings.as_slice())
}

payload!(
    ContentPayload,
    Saved,
    "What became of a change of content.",
    [
        Field::<ContentPayload>::link(
            "content",
            ty::<Option<Obj<Content>>>,
            "The item as it is now; null when the mutation was refused.",
            |pick| one::<PayloadRow<Saved>, Content>(pick, saved),
        ),
        Field::<ContentPayload>::link(
            "warnings",
            ty::<Vec<Obj<Warning>>>,
            "What you should know about what was done: people who lost a place.",
            |pick| inline_list::<PayloadRow<Saved>, Warning>(pick, warnings),
        ),
    ]
);

payload!(
    ContentFilePayload,
    files::Changed,
    "What became of a change of a file.",
    [
        Field::<ContentFilePayload>::link(
            "file",
            ty::<Option<Obj<ContentFile>>>,
            "The file as it is now; null when it is gone or the mutation was refused.",
            |pick| {
                one::<PayloadRow<files::Changed>, ContentFile>(pick, |row| {
                    row.done.filter(|changed| !changed.gone).map(|changed| changed.id)
                })
            },
        ),
        Field::<ContentFilePayload>::value("deletedId", ty::<Option<ID>>, DELETED, |row, out| {
            let gone = row.done.filter(|changed| changed.gone);
            out.opt_str(gone.map(|changed| id::encode(Kind::ContentFile, changed.id)).as_deref());
        }),
    ]
);

payload!(
    OutboxMessagePayload,
    i64,
    "What became of an e-mail that was to be tried again.",
    [Field::<OutboxMessagePayload>::link(
        "message",
        ty::<Option<Obj<OutboxMessage>>>,
        "The e-mail as it is now; null when the mutation was refused.",
        |pick| one::<PayloadRow<i64>, OutboxMessage>(pick, |row| row.done),
    ),]
);

payload!(
    ParticipantPayload,
    i64,
    "What became of a change of a participant.",
    [Field::<ParticipantPayload>::link(
        "participant",
        ty::<Option<Obj<Participant>>>,
        "The participant as it is now; null when the mutation was refused.",
        |pick| one::<PayloadRow<i64>, Participant>(pick, |row| row.done),
    ),]
);

payload!(
    ResidencyPayload,
    i64,
    "What became of a change of a registration at an address.",
    [Field::<ResidencyPayload>::link(
        "residency",
        ty::<Option<Obj<Residency>>>,
        "The registration as it is now; null when the mutation was refused.",
        |pick| one::<PayloadRow<i64>, Residency>(pick, |row| row.done),
    ),]
);

payload!(
    GuardianPayload,
    (i64, i64),
    "What became of a change of a guardianship.",
    [
        Field::<GuardianPayload>::link(
            "child",
            ty::<Option<Obj<Participant>>>,
            "The child; null when the mutation was refused.",
            |pick| { one::<PayloadRow<(i64, i64)>, Participant>(pick, |row| row.done.map(|(child, _)| child)) }
        ),
        Field::<GuardianPayload>::link(
            "guardian",
            ty::<Option<Obj<Participant>>>,
            "The guardian; null when the mutation was refused.",
            |pick| { one::<PayloadRow<(i64, i64)>, Participant>(pick, |row| row.done.map(|(_, guardian)| guardian)) }
        ),
    ]
);

/// An object of a code table that was changed, or is gone.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Coded {
    pub id: i64,
    pub gone: bool,
}

fn kept(row: &PayloadRow<Coded>) -> Option<i64> {
    row.done.filter(|coded| !coded.gone).map(|coded| coded.id)
}

fn deleted_id(kind: Kind, row: &PayloadRow<Coded>, out: &mut Out) {
    let deleted = row.done.filter(|coded| coded.gone).map(|coded| id::encode(kind, coded.id));
    out.opt_str(deleted.as_deref());
}

const DELETED: &str = "The identifier of what is gone; null when nothing was deleted.";

payload!(
    GroupCategoryPayload,
    Coded,
    "What became of a change of a group category.",
    [
        Field::<GroupCategoryPayload>::link(
            "groupCategory",
            ty::<Option<Obj<GroupCategory>>>,
            "The category as it is now; null when it is gone or the mutation was refused.",
            |pick| one::<PayloadRow<Coded>, GroupCategory>(pick, kept),
        ),
        Field::<GroupCategoryPayload>::value("deletedId", ty::<Option<ID>>, DELETED, |row, out| deleted_id(
            Kind::GroupCategory,
            row,
            out
        )),
    ]
);

payload!(
    StartReasonPayload,
    Coded,
    "What became of a change of a start reason.",
    [
        Field::<StartReasonPayload>::link(
            "startReason",
            ty::<Option<Obj<StartReason>>>,
            "The reason as it is now; null when it is gone or the mutation was refused.",
            |pick| one::<PayloadRow<Coded>, StartReason>(pick, kept),
        ),
        Field::<StartReasonPayload>::value("deletedId", ty::<Option<ID>>, DELETED, |row, out| deleted_id(
            Kind::StartReason,
            row,
            out
        )),
    ]
);

payload!(
    EndReasonPayload,
    Coded,
    "What became of a change of an end reason.",
    [
        Field::<EndReasonPayload>::link(
            "endReason",
            ty::<Option<Obj<EndReason>>>,
            "The reason as it is now; null when it is gone or the mutation was refused.",
            |pick| one::<PayloadRow<Coded>, EndReason>(pick, kept),
        ),
        Field::<EndReasonPayload>::value("deletedId", ty::<Option<ID>>, DELETED, |row, out| deleted_id(
            Kind::EndReason,
            row,
            out
        )),
    ]
);
