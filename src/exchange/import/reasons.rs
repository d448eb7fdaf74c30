//! The codes of reasons that memberships have, made when they are new (M3).

use std::collections::HashMap;

use super::Run;
use crate::db::Conn;
use crate::error::Error;
use crate::exchange::bundle::{At, ErrorCode, Shown};
use crate::members::reasons;
use crate::members::store::{self, ReasonTable};

/// The reasons of one of the two tables.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    by_code: HashMap<String, (i64, bool)>,
    codes: HashMap<i64, String>,
}

impl Reasons {
    /// Those that are stored.
    ///
    /// # Errors
    /// What the database answers.
    pub(super) fn load(conn: &mut Conn, table: ReasonTable) -> Result<Self, Error> {
        let mut known = Self::default();
        for row in store::reasons(conn, table, None)? {
            known.add(row.id, row.code, row.retired);
        }
        Ok(known)
    }

    fn add(&mut self, id: i64, code: String, retired: bool) {
        self.codes.insert(id, code.clone());
        self.by_code.insert(code, (id, retired));
    }

    /// The key of a reason; none if it was refused.
    pub(super) fn id(&self, code: &str) -> Option<i64> {
        self.by_code.get(code).map(|(id, _)| *id)
    }

    /// Whether a reason is no longer to be given.
    pub(super) fn is_retired(&self, id: i64) -> bool {
        self.codes.get(&id).and_then(|code| self.by_code.get(code)).is_some_and(|(_, retired)| *retired)
    }

    /// The code of a reason.
    pub(super) fn code(&self, id: i64) -> Option<String> {
        self.codes.get(&id).cloned()
    }
}

impl Run<'_> {
    /// The start reasons and the end reasons, those that are new made.
    pub(super) fn reasons(&mut self) -> Result<(Reasons, Reasons), Error> {
        let rows = &self.bundle.memberships;
        let starts = rows.iter().filter_map(|row| Some((row.start_reason.as_deref()?, row.at)));
        let ends = rows.iter().filter_map(|row| Some((row.end_reason.as_deref()?, row.at)));
        Ok((self.reasons_of(ReasonTable::Start, starts)?, self.reasons_of(ReasonTable::End, ends)?))
    }

    fn reasons_of<'b>(
        &mut self,
        table: ReasonTable,
        uses: impl Iterator<Item = (&'b str, At)>,
    ) -> Result<Reasons, Error> {
        let mut known = Reasons::load(self.conn, table)?;
        for (code, at) in uses {
            if known.by_code.contains_key(code) {
                continue;
            }
            if !self.scope.viewer.administrator {
                let message = format!(
                    "the reason {} is new; an administrator has to make it, for all organizations",
                    Shown(code)
                );
                self.log.report(at, ErrorCode::AdministratorOnly, message);
            }
            let id = reasons::create(self.conn, self.scope, table, code, &label(code))?;
            known.add(id, code.to_owned(), false);
            self.report.reasons.created += 1;
        }
        Ok(known)
    }
}

/// A code as people read it: `TERM_ENDED` is "Term ended".
fn label(code: &str) -> String {
    let words = code.replace('_', " ").trim().to_lowercase();
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_is_the_code_in_words() {
        for (code, expected) in
            [("TERM_ENDED", "Term ended"), ("LEFT", "Left"), ("_2ND_TERM_", "2nd term"), ("__", "__")]
        {
            assert_eq!(label(code), expected);
        }
    }
}
