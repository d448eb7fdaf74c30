//! Days of records that make no sense.

use kring::access::Role;
use serde_json::{Value, json};

use super::{absence, leave, refusals, stay};
use crate::content::{School, person};
use crate::harness::both;

both! {
    /// There is no school on weekends; of long ago guardians ask the school, whose people are warned.
    fn records_are_of_days_that_make_sense(world) {
        let school = School::new(world);
        let (mother, clerk) = (person(world, &school.mother), school.staff(world));
        let kinds: [(&str, &str, &dyn Fn(&str) -> Value); 3] = [
            ("reportAbsence", "date", &|day| absence(&school, day)),
            ("requestLeave", "from", &|day| leave(&school, day, day)),
            ("registerLunchStay", "date", &|day| stay(&school, day)),
        ];
        for (mutation, field, input) in kinds {
            let refused = |token: &str, day: &str| refusals(world, Some(token), mutation, &input(day));
            let refusal = |code: &str| vec![(code.to_owned(), field.to_owned())];
            for day in ["2026-09-12", "2026-09-13", "2026-09-19", "2027-03-07"] {
                for token in [&mother, &clerk] {
                    assert_eq!(refused(token, day), refusal("NO_SCHOOL_DAY"), "{mutation} {day}");
                }
            }
            assert_eq!(refused(&mother, "2026-08-31"), refusal("TOO_LONG_AGO"), "{mutation}");
            assert_eq!(refused(&mother, "2026-09-01"), [], "{mutation}");
            let warned = |day: &str| world.done_as(&clerk, mutation, "warnings { code message }", input(day))["warnings"].take();
            let warning = json!([{ "code": "TOO_LONG_AGO", "message": "This is more than 14 days ago." }]);
            assert_eq!((warned("2026-08-31"), warned("2026-09-02")), (warning, json!([])), "{mutation}");
        }
        // Leave may hold a weekend, and be nothing else; what is still going on is not long ago.
        assert_eq!(refusals(world, Some(&mother), "requestLeave", &leave(&school, "2026-10-03", "2026-10-04")), [("NO_SCHOOL_DAY".to_owned(), "from".to_owned())]);
        for (from, until) in [("2026-10-03", "2026-10-05"), ("2026-10-09", "2026-10-10"), ("2026-08-03", "2026-08-04"), ("2026-08-24", "2026-08-27")] {
            let clerk_only = until < "2026-09-01";
            assert_eq!(refusals(world, Some(&mother), "requestLeave", &leave(&school, from, until)).len(), usize::from(clerk_only), "{from}");
        }
        // Whoever is both guardian and staff is warned.
        let both = world.token(Role::Staff, Some(&school.mother), Some(&school.organization));
        assert_eq!(world.done_as(&both, "reportAbsence", "warnings { code }", absence(&school, "2026-08-20"))["warnings"], json!([{ "code": "TOO_LONG_AGO" }]));
    }
}
