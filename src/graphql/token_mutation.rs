//! How tokens are withdrawn.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::{Field, Obj, one, ty};
use super::mutation::{identifier, run};
use super::scalars::DateTime;
use super::text::Line;
use super::types::participant::Participant;
use super::types::payload::{PayloadRow, UserError, payload};
use crate::access::withdrawals::{self, Which, Withdrawn};
use crate::error::{Code, Error, Rejection};
use crate::graphql::engine::{Entity, inline_list};
use crate::id::Kind;
use crate::people::commands::administered;
use crate::text::tidy_line;

/// Which tokens are to be withdrawn. Give exactly one of `tokenId`, `participantId` and `program`.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawTokensInput {
    /// One token, by its id: the claim `jti` in it. Everybody may withdraw the token that they use, administrators any.
    pub token_id: Option<Line>,
    /// All tokens that this participant was given up to now. Everybody may withdraw their own, an organization's administrators
    /// those of the participants whose records it keeps, administrators any.
    pub participant_id: Option<ID>,
    /// All tokens that the program of this name was given up to now; only for administrators. It is the name by which history
    /// knows the program, and such tokens name no participant.
    pub program: Option<Line>,
    /// An identifier of the client's own: the same mutation with the same one is carried out once.
    pub client_mutation_id: Option<String>,
}

payload!(
    WithdrawTokensPayload,
    Withdrawn,
    "What became of a withdrawal of tokens.",
    [
        Field::<WithdrawTokensPayload>::value(
            "issuedUntil",
            ty::<Option<DateTime>>,
            "The tokens that were meant are withdrawn if they were issued up to this second. Tokens that are issued later are \
             good. Null when the mutation was refused.",
            |row, out| out.opt_instant(row.done.as_ref().map(|done| done.issued_until.naive_utc())),
        ),
        Field::<WithdrawTokensPayload>::link(
            "participant",
            ty::<Option<Obj<Participant>>>,
            "The participant whose tokens are withdrawn; null when it is another's token or the mutation was refused.",
            |pick| one::<PayloadRow<Withdrawn>, Participant>(pick, |row| row
                .done
                .as_ref()
                .and_then(|done| done.participant)),
        ),
    ]
);

fn wanted(input: &WithdrawTokensInput) -> Result<Option<Which>> {
    Ok(match (&input.token_id, &input.participant_id, &input.program) {
        (Some(token), None, None) => Some(Which::Token(token.to_string())),
        (None, Some(id), None) => Some(Which::Participant(identifier(Kind::Participant, id, "participantId")?)),
        (None, None, Some(program)) => Some(Which::Program(tidy_line(program))),
        _ => None,
    })
}

/// The root of mutations, as far as it is about tokens.
#[derive(Default)]
pub struct TokenMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl TokenMutation {
    /// Withdraws tokens. They open nothing any more within two seconds, nor do the links to files and calendars that were made
    /// for them, and sockets that they opened are closed. Withdraw all tokens of somebody who has lost a device.
    async fn withdraw_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tokens are to be withdrawn.")] input: WithdrawTokensInput,
    ) -> Result<Obj<WithdrawTokensPayload>> {
        let which = wanted(&input)?;
        run(ctx, input.client_mutation_id, move |conn, scope| {
            let which = which.ok_or_else(|| {
                let message = "Give exactly one of `tokenId`, `participantId` and `program`.";
                Error::from(Rejection::new(Code::InvalidValue, message).at("input"))
            })?;
            withdrawals::withdraw(conn, scope, &which, |conn, id| {
                administered(conn, scope, id, "input.participantId").map(|_| ())
            })
        })
    }
}
