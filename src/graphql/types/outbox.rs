//! E-mails to new members as administrators see them.

use async_graphql::ID;

use super::membership::Membership;
use crate::error::Error;
use crate::graphql::engine::{Edge, Entity, Exec, Field, Keyed, Listed, Obj, one, ty};
use crate::graphql::enums::OutboxState;
use crate::graphql::scalars::{Date, DateTime};
use crate::id::Kind;
use crate::mail::store::{self, MessageRow};

/// An e-mail to a new member.
pub struct OutboxMessage;

impl Entity for OutboxMessage {
    const NAME: &'static str = "OutboxMessage";
    const DOC: &'static str = "An e-mail to a new member of a group that has a template. What was sent is forgotten after 30 days; what \
                               was given up stays.";
    type Row = MessageRow;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<OutboxMessage>] = &[
            Field::<OutboxMessage>::value("id", ty::<ID>, "The global identifier.", |row, out| {
                out.id(Kind::OutboxMessage, row.id)
            }),
            Field::<OutboxMessage>::link(
                "membership",
                ty::<Option<Obj<Membership>>>,
                "The membership that the e-mail is about; null when it was annulled and you may not see that.",
                |pick| one::<MessageRow, Membership>(pick, |row| Some(row.membership_id)),
            ),
            Field::<OutboxMessage>::value("state", ty::<OutboxState>, "What became of it.", |row, out| {
                out.str(row.state.as_str())
            }),
            Field::<OutboxMessage>::value(
                "attempts",
                ty::<i32>,
                "How often it was tried since it was last put back.",
                |row, out| out.int(i64::from(row.attempts)),
            ),
            Field::<OutboxMessage>::value(
                "lastError",
                ty::<Option<String>>,
                "What the mail server answered to the last attempt that failed; null when none has.",
                |row, out| out.opt_str(row.last_error.as_deref()),
            ),
            Field::<OutboxMessage>::value(
                "notBefore",
                ty::<Date>,
                "The first day on which it is sent: that on which the membership starts.",
                |row, out| out.date(Some(row.not_before)),
            ),
            Field::<OutboxMessage>::value(
                "nextAttemptAt",
                ty::<DateTime>,
                "When it is tried next, as long as it is to be sent.",
                |row, out| out.instant(row.next_attempt_at),
            ),
            Field::<OutboxMessage>::value(
                "createdAt",
                ty::<DateTime>,
                "When the membership was registered.",
                |row, out| out.instant(row.created_at),
            ),
            Field::<OutboxMessage>::value(
                "settledAt",
                ty::<Option<DateTime>>,
                "When it was sent, given up or found to be needed no more; null while it is to be sent.",
                |row, out| match row.settled_at {
                    Some(at) => out.instant(at),
                    None => out.null(),
                },
            ),
        ];
        FIELDS
    }
}

impl Keyed for OutboxMessage {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<MessageRow>, Error> {
        let sight = exec.sight()?;
        store::by_ids(exec.conn, &sight, ids)
    }

    fn key(row: &MessageRow) -> i64 {
        row.id
    }
}

impl Listed for OutboxMessage {
    type Node = Self;
    const CONNECTION: &'static str = "OutboxMessageConnection";
    const CONNECTION_DOC: &'static str = "A page of e-mails to new members, the newest first.";
    const EDGE: &'static str = "OutboxMessageEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &MessageRow) -> &MessageRow {
        row
    }
}
