//! The viewer: whoever sends the request.

use async_graphql::ID;

use super::content::lists::{self, FeedItem};
use super::membership::{self, Membership, memberships_of};
use super::participant::Participant;
use super::subscription;
use crate::access::Viewer as Asker;
use crate::error::Error;
use crate::graphql::engine::{Connection, Entity, Exec, Field, Keyed, Link, Obj, Out, Pick, Values, one, ty};
use crate::graphql::scalars::Date;
use crate::id::Kind;
use crate::members::store::Of;
use crate::scope::Scope;

/// Whoever sends the request.
pub struct Viewer;

/// Who asks, and the date where the organization is.
pub struct ViewerRow {
    pub asker: Asker,
    pub today: chrono::NaiveDate,
}

impl ViewerRow {
    /// Whoever sends the request of this scope.
    pub fn of(scope: &Scope) -> Self {
        Self { asker: scope.viewer.clone(), today: scope.today }
    }
}

impl Keyed for Viewer {
    /// Nobody sees another viewer.
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<ViewerRow>, Error> {
        let row = ViewerRow::of(exec.scope);
        Ok(if ids.contains(&Self::key(&row)) { vec![row] } else { Vec::new() })
    }

    fn key(row: &ViewerRow) -> i64 {
        row.asker.key()
    }
}

fn ids(out: &mut Out, ids: &[i64]) {
    out.raw(b"[");
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            out.raw(b",");
        }
        out.id(Kind::Participant, *id);
    }
    out.raw(b"]");
}

impl Entity for Viewer {
    const NAME: &'static str = "Viewer";
    const DOC: &'static str = "Whoever sends the request, as the token says.";
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Row = ViewerRow;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

const FIELDS: &[Field<Viewer>] = &[
    Field::<Viewer>::value(
        "id",
        ty::<ID>,
        "The global identifier, which stays the same when the token is renewed. It can be looked up by this viewer only.",
        |row, out| out.id(Kind::Viewer, row.asker.key()),
    ),
    Field::<Viewer>::link(
        "participant",
        ty::<Option<Obj<Participant>>>,
        "The participant who is signed in; null for other tokens.",
        |pick| one::<ViewerRow, Participant>(pick, |row| row.asker.participant),
    ),
    Field::<Viewer>::link(
        "memberships",
        ty::<Option<Obj<Connection<Membership>>>>,
        "The direct memberships of the participant who is signed in; null for other tokens.",
        own_memberships,
    )
    .args(membership::ARGS),
    Field::<Viewer>::link(
        "subscriptions",
        ty::<subscription::List>,
        "The subscription groups that a participant can join, has joined or has left. Null when you may not act for that \
         participant.",
        subscription::subscriptions,
    )
    .args(subscription::ARGS),
    Field::<Viewer>::link(
        "feed",
        ty::<Option<Obj<Connection<FeedItem>>>>,
        "Everything published that you may see, the newest first; not signed in, what everybody sees.",
        lists::feed,
    )
    .args(lists::ARGS),
    Field::<Viewer>::value(
        "administrator",
        ty::<bool>,
        "Whether everything is open to the viewer.",
        |row, out| {
            out.bool(row.asker.administrator);
        },
    ),
    Field::<Viewer>::value(
        "administers",
        ty::<Vec<ID>>,
        "The ids of the organizations whose people and groups the viewer administers.",
        |row, out| {
            ids(out, &row.asker.administers);
        },
    ),
    Field::<Viewer>::value(
        "staffOf",
        ty::<Vec<ID>>,
        "The ids of the organizations that the viewer works for.",
        |row, out| {
            ids(out, &row.asker.staff_of);
        },
    ),
    Field::<Viewer>::value("today", ty::<Date>, "The date that counts as today.", |row, out| {
        out.date(Some(row.today))
    }),
];

struct Own(Box<dyn Link<i64>>);

fn own_memberships(pick: &Pick<'_>) -> async_graphql::ServerResult<Box<dyn Link<ViewerRow>>> {
    Ok(Box::new(Own(memberships_of::<i64>(pick, Of::Participant, |id| *id)?)))
}

impl Link<ViewerRow> for Own {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ViewerRow]) -> Result<Values, Error> {
        let signed_in: Vec<&i64> = rows.iter().filter_map(|row| row.asker.participant.as_ref()).collect();
        let values = if signed_in.is_empty() { Values::default() } else { self.0.follow(exec, &signed_in)? };
        let mut next = 0;
        let positions: Vec<Option<usize>> = rows
            .iter()
            .map(|row| {
                row.asker.participant.map(|_| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Ok(values.arranged(positions.into_iter()))
    }
}
