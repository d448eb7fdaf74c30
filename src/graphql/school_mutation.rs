//! What is done with the records that a school keeps of its pupils.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::engine::Obj;
use super::mutation::{identifier, run};
use super::scalars::Date;
use super::session::Session;
use super::text::Prose;
use super::types::school::absence::AbsenceReportPayload;
use super::types::school::leave::{LeaveDecision, LeaveRequestPayload};
use super::types::school::lunch::LunchStayPayload;
use crate::check::given;
use crate::id::Kind;
use crate::school::absence::{self, Absence};
use crate::school::leave::store::Period;
use crate::school::leave::{self, Decision, Request};
use crate::school::lunch::{self, Stay};
use crate::school::rules::Pupil;

/// A pupil who is absent on a day.
#[derive(InputObject, Clone, Debug)]
pub struct ReportAbsenceInput {
    /// The pupil.
    participant_id: ID,
    /// The group in which the pupil is absent.
    group_id: ID,
    /// The day, in the present school year and not on a weekend. Guardians report the last two weeks and days to come.
    date: Date,
    /// Why, at most 10,000 characters.
    reason: Option<Prose>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// An absence report to be withdrawn.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawAbsenceReportInput {
    /// The report.
    absence_report_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A pupil for whom leave is asked.
#[derive(InputObject, Clone, Debug)]
pub struct RequestLeaveInput {
    /// The pupil.
    participant_id: ID,
    /// The group from which the pupil is to have leave.
    group_id: ID,
    /// The first day, in the present school year. Guardians ask for leave in the last two weeks and to come.
    from: Date,
    /// The last day, in the same school year. At least one of the days is not on a weekend.
    until: Date,
    /// What the leave is for, at most 10,000 characters.
    reason: Prose,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A leave request to be withdrawn.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawLeaveRequestInput {
    /// The request.
    leave_request_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A decision on a leave request.
#[derive(InputObject, Clone, Debug)]
pub struct DecideLeaveRequestInput {
    /// The request.
    leave_request_id: ID,
    /// Whether the pupil has leave.
    decision: LeaveDecision,
    /// Something to say along with it, at most 10,000 characters. The pupil's guardians read it.
    note: Option<Prose>,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A pupil who stays over lunch on a day.
#[derive(InputObject, Clone, Debug)]
pub struct RegisterLunchStayInput {
    /// The pupil.
    participant_id: ID,
    /// The group with which the pupil stays.
    group_id: ID,
    /// The day, in the present school year and not on a weekend. Guardians register the last two weeks and days to come.
    date: Date,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

/// A lunch stay to be cancelled.
#[derive(InputObject, Clone, Debug)]
pub struct CancelLunchStayInput {
    /// The stay.
    lunch_stay_id: ID,
    /// An identifier of your own: a repeated request with the same one is answered as it was the first time.
    client_mutation_id: Option<String>,
}

fn pupil(participant: &ID, group: &ID) -> Result<Pupil> {
    Ok(Pupil {
        participant_id: identifier(Kind::Participant, participant, "participantId")?,
        group_id: identifier(Kind::Group, group, "groupId")?,
    })
}

/// The root of mutations, as far as it is about records of pupils.
#[derive(Default)]
pub struct SchoolMutation;

#[Object]
#[allow(
    clippy::unused_async,
    reason = "resolvers are asynchronous by contract; these talk to the database on their own thread"
)]
impl SchoolMutation {
    /// Reports that a pupil is absent on a day, for a child whose guardian you are; whoever works for the organization
    /// that owns the group reports it of every member. Each day is reported once. Everything that stands in the way is in
    /// `userErrors`.
    async fn report_absence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is absent when, and why.")] input: ReportAbsenceInput,
    ) -> Result<Obj<AbsenceReportPayload>> {
        let pupil = pupil(&input.participant_id, &input.group_id)?;
        let absence = Absence { pupil, date: input.date.0, reason: given(input.reason) };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| absence::report(conn, scope, cache, &absence))
    }

    /// Withdraws an absence report of a child of yours, or of a group of the organization that you work for. Nothing of it
    /// is kept.
    async fn withdraw_absence_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The report to be withdrawn.")] input: WithdrawAbsenceReportInput,
    ) -> Result<Obj<AbsenceReportPayload>> {
        let report = identifier(Kind::AbsenceReport, &input.absence_report_id, "absenceReportId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| absence::withdraw(conn, scope, report))
    }

    /// Asks for leave of a child whose guardian you are; whoever works for the organization that owns the group asks for
    /// every member. The days lie in one school year, and no two requests that stand share a day.
    async fn request_leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For whom, from when to when, and why.")] input: RequestLeaveInput,
    ) -> Result<Obj<LeaveRequestPayload>> {
        let request = Request {
            pupil: pupil(&input.participant_id, &input.group_id)?,
            period: Period { from: input.from.0, until: input.until.0 },
            reason: input.reason.into(),
        };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| leave::request(conn, scope, cache, &request))
    }

    /// Withdraws a leave request of a child of yours, or of a group of the organization that you work for, until the leave
    /// is over.
    async fn withdraw_leave_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request to be withdrawn.")] input: WithdrawLeaveRequestInput,
    ) -> Result<Obj<LeaveRequestPayload>> {
        let request = identifier(Kind::LeaveRequest, &input.leave_request_id, "leaveRequestId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| leave::withdraw(conn, scope, request))
    }

    /// Grants or refuses a leave request in a group of the organization that you work for, or decides otherwise than
    /// before. On a request that was withdrawn nothing is decided.
    async fn decide_leave_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision, and what is said along with it.")] input: DecideLeaveRequestInput,
    ) -> Result<Obj<LeaveRequestPayload>> {
        let request = identifier(Kind::LeaveRequest, &input.leave_request_id, "leaveRequestId")?;
        let decision = Decision { granted: input.decision == LeaveDecision::Granted, note: given(input.note) };
        run(ctx, input.client_mutation_id, move |conn, scope| leave::decide(conn, scope, request, &decision))
    }

    /// Registers that a pupil stays at school over lunch on a day, for a child whose guardian you are; whoever works for
    /// the organization that owns the group registers every member. Each day is registered once.
    async fn register_lunch_stay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who stays when.")] input: RegisterLunchStayInput,
    ) -> Result<Obj<LunchStayPayload>> {
        let pupil = pupil(&input.participant_id, &input.group_id)?;
        let stay = Stay { pupil, date: input.date.0 };
        let cache = ctx.data_unchecked::<Arc<Session>>().compositions();
        run(ctx, input.client_mutation_id, move |conn, scope| lunch::register(conn, scope, cache, stay))
    }

    /// Cancels a lunch stay of a child of yours, or of a group of the organization that you work for. Nothing of it is
    /// kept.
    async fn cancel_lunch_stay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The stay to be cancelled.")] input: CancelLunchStayInput,
    ) -> Result<Obj<LunchStayPayload>> {
        let stay = identifier(Kind::LunchStay, &input.lunch_stay_id, "lunchStayId")?;
        run(ctx, input.client_mutation_id, move |conn, scope| lunch::cancel(conn, scope, stay))
    }
}
