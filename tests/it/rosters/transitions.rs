//! Rosters before, at and after a year transition.

use kring::access::Role;
use kring::exchange::import::roster::{Figures, RosterOptions};
use serde_json::{Value, json};

use super::{Desk, File, date, dump, pupil};
use crate::harness::{World, both};
use crate::year::{apply, membership, planned};

/// Three pupils before the summer.
fn june() -> File {
    let pupils = [pupil("1", "Anna Bos", "3a"), pupil("2", "Bram Vos", "3a"), pupil("3", "Dirk Dam", "4a")];
    File { made: "2026-06-01T20:00:00", ..File::new(&pupils).on("2026-06-01") }
}

/// Everybody goes one year up on 24 August.
fn transition(world: &World, desk: &Desk<'_>) -> (String, Value) {
    let token = world.token(Role::MembershipAdministrator, None, Some(&desk.organization));
    let to = desk.group("4a");
    let moves = json!([{ "groupId": desk.group("3a"), "toGroupId": to }, { "groupId": desk.group("3b"), "toGroupId": to }, { "groupId": to, "leaving": true }]);
    let plan = json!({ "organizationId": desk.organization, "fromSchoolYear": "2025-2026", "toSchoolYear": "2026-2027", "effectiveOn": "2026-08-24", "moves": moves });
    let transition = planned(world, &token, plan);
    let applied = apply(world, &token, &transition);
    assert_eq!(applied["userErrors"], json!([]));
    (token, transition)
}

both! {
    /// A roster of the year before would declare a mistake what the transition did.
    fn a_roster_of_before_a_transition_is_refused(world) {
        let desk = Desk::new(world);
        desk.import(&june().xml());
        assert!(desk.import(&june().xml()).is_idle(), "before the transition it says nothing new");
        let (token, transition) = transition(world, &desk);
        assert_eq!(desk.members("4a"), ["Anna Bos", "Bram Vos"]);
        let after = dump(world);
        for day in ["2026-06-01", "2026-08-23"] {
            for (allow_older, dry_run) in [(false, false), (true, false), (true, true)] {
                let options = RosterOptions { allow_older, dry_run, end_limit: 100, ..desk.options() };
                assert_eq!(desk.refused_with(&june().on(day).xml(), &options), ["EDEXML:2:1 BEFORE_YEAR_TRANSITION"], "{day}");
            }
        }
        // Neither does it help to let it count from another day, nor a later one from a day before.
        for (day, counts_from) in [("2026-06-01", "2026-08-24"), ("2026-09-01", "2026-08-23")] {
            let options = RosterOptions { date: Some(date(counts_from)), end_limit: 100, ..desk.options() };
            assert_eq!(desk.refused_with(&june().on(day).xml(), &options), ["EDEXML:2:1 BEFORE_YEAR_TRANSITION"], "{day}");
        }
        let failure = desk.try_import(&june().xml(), &desk.options()).unwrap_err().to_string();
        let told = "the roster holds for 2026-06-01, before the year transition of 2026-08-24, and would take back what that did; import a roster of 2026-08-24 or of a day after it";
        assert!(failure.contains(told), "{failure}");
        assert_eq!(dump(world), after);
        // Other schools are in the year before as long as they are.
        let other = Desk { world, organization: world.organization("De Els") };
        other.import(&june().xml());
        // The transition can still be undone, and the file says nothing new then.
        world.done_as(&token, "undoYearTransition", "yearTransition { id }", json!({ "yearTransitionId": transition["id"] }));
        assert!(desk.import(&june().xml()).is_idle());
    }

    /// The roster of the day itself may correct the transition; nothing that it made is taken for a mistake.
    fn a_roster_of_the_day_corrects_the_transition(world) {
        let desk = Desk::new(world);
        desk.import(&june().xml());
        transition(world, &desk);
        let file = |made, class| File { made, ..File::new(&[pupil("1", "Anna Bos", "4a"), pupil("2", "Bram Vos", class)]).on("2026-08-24") }.xml();
        let report = desk.import(&file("2026-08-24T08:00:00", "3b"));
        assert_eq!(report.memberships, Figures { started: 1, ended: 1, unchanged: 1, ..Figures::default() }, "{report}");
        assert_eq!((desk.members("3b"), desk.members("4a")), (vec!["Bram Vos".to_owned()], vec!["Anna Bos".to_owned()]));
        let before = "Bram Vos MEMBER 2026-08-24 YEAR_TRANSITION 2026-08-24 IMPORTED YEAR_TRANSITION ENDED";
        assert!(desk.memberships("4a").contains(&before.to_owned()), "{:?}", desk.memberships("4a"));
        assert!(desk.import(&file("2026-08-24T08:00:00", "3b")).is_idle());
        let report = desk.import(&file("2026-08-24T09:00:00", "4a"));
        assert_eq!(report.memberships, Figures { started: 1, annulled: 1, unchanged: 1, ..Figures::default() }, "{report}");
        assert_eq!(desk.members("4a"), ["Anna Bos", "Bram Vos"]);
        // A later roster ends what the transition made on its own day.
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "3b"), pupil("2", "Bram Vos", "4a")]).xml());
        assert_eq!(report.memberships, Figures { started: 1, ended: 1, unchanged: 1, ..Figures::default() }, "{report}");
        assert_eq!(desk.memberships("3b").len(), 1, "{:?}", desk.memberships("3b"));
    }

    /// What a transition made and that begins later by now is not of the day of the roster.
    fn what_a_transition_made_for_later_is_kept(world) {
        let desk = Desk::new(world);
        desk.import(&june().xml());
        transition(world, &desk);
        let id = membership(world, &desk.group("4a"), &desk.person("Bram Vos"));
        world.done("updateMembership", "membership { id }", json!({ "membershipId": id, "startDate": "2026-09-10" }));
        let report = desk.import(&File::new(&[pupil("1", "Anna Bos", "4a"), pupil("2", "Bram Vos", "3b")]).on("2026-09-05").xml());
        assert_eq!(report.memberships, Figures { started: 1, unchanged: 1, ..Figures::default() }, "{report}");
        assert_eq!(desk.members("4a"), ["Anna Bos", "Bram Vos"]);
    }
}
