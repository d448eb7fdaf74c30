//! What is kept of pupils for one school year.

use crate::db::text_enum::text_enum;

text_enum! {
    /// What is kept of a pupil for one school year.
    RecordKind {
        AbsenceReport = "ABSENCE_REPORT",
        LeaveRequest = "LEAVE_REQUEST",
        LunchStay = "LUNCH_STAY",
    }
}
