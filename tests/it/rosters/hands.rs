//! What somebody did by hand since the last roster stands, is counted and told, and stops nobody else's row (P6).

use kring::exchange::import::roster::Figures;
use serde_json::json;

use super::{Desk, File, pupil, pupil_with};
use crate::harness::{World, both};
use crate::year::membership;

fn leaving(key: &str, name: &str, left: &str) -> String {
    pupil_with(key, name, &format!("<groep key=\"3a\"/><uitstroomdatum>{left}</uitstroomdatum>"))
}

fn of(world: &World, desk: &Desk<'_>, name: &str) -> String {
    membership(world, &desk.group("3a"), &desk.person(name))
}

fn end(world: &World, id: &str, on: &str) {
    world.end(id, on);
}

both! {
    /// An end that was given by hand stands, be it past or still to come, and so does one that was taken back.
    fn p6_ends_given_by_hand_stand(world) {
        let desk = Desk::new(world);
        let file = |made, left: &str| {
            let ending = [leaving("1", "Ada Bos", left), leaving("2", "Bas Vos", left), leaving("3", "Cas Pol", left), leaving("4", "Dirk Dam", left)];
            File { made, ..File::new(&ending) }.xml()
        };
        desk.import(&file("2026-09-14T08:00:00", "2026-12-18"));
        end(world, &of(world, &desk, "Ada Bos"), "2026-09-15");
        end(world, &of(world, &desk, "Bas Vos"), "2026-11-01");
        world.done("updateMembership", "membership { id }", json!({ "membershipId": of(world, &desk, "Cas Pol"), "endDate": null }));
        let after = [
            "Ada Bos MEMBER 2026-09-14 IMPORTED 2026-09-15 LEFT IMPORT ENDED",
            "Bas Vos MEMBER 2026-09-14 IMPORTED 2026-11-01 LEFT IMPORT ACTIVE",
            "Cas Pol MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE",
        ];
        let told = |said: &str| [
            format!("EDEXML:9:1: the pupil \"1\" is in \"3a\" until 2026-09-15 as set by hand; the file says {said}"),
            format!("EDEXML:11:1: the pupil \"2\" is in \"3a\" until 2026-11-01 as set by hand; the file says {said}"),
            format!("EDEXML:13:1: the pupil \"3\" is in \"3a\" without an end as set by hand; the file says {said}"),
        ];
        let report = desk.import(&file("2026-09-14T08:00:00", "2026-12-18"));
        assert!(report.is_idle(), "{report}");
        assert_eq!(report.memberships, Figures { by_hand: 3, unchanged: 4, ..Figures::default() });
        assert_eq!(report.warnings, told("until 2026-12-18"));
        // The file has another end now: that is Dirk's.
        let report = desk.import(&file("2026-09-14T09:00:00", "2026-12-25"));
        assert_eq!(report.memberships, Figures { by_hand: 3, unchanged: 3, updated: 1, ..Figures::default() });
        assert_eq!(report.warnings, told("until 2026-12-25"));
        assert_eq!(desk.memberships("3a")[..3], after);
        assert_eq!(desk.memberships("3a")[3], "Dirk Dam MEMBER 2026-09-14 IMPORTED 2026-12-25 IMPORTED IMPORT ACTIVE");
        // Nobody says anything else any more.
        let report = desk.import(&file("2026-09-14T10:00:00", ""));
        assert_eq!(report.memberships, Figures { by_hand: 2, unchanged: 3, updated: 1, ..Figures::default() });
    }

    /// Whoever was taken out of a group by hand stays out, whatever made the membership, for the rest of the school year,
    /// unless they come to the school anew.
    fn p6_whoever_was_taken_out_by_hand_stays_out(world) {
        let desk = Desk::new(world);
        let names = ["Ada Bos", "Bas Vos", "Cas Pol", "Dirk Dam", "Emma Kok"];
        let all = |class: &str, emma: &str| {
            let pupils = names.iter().enumerate().map(|(n, name)| {
                let pupil = pupil(&n.to_string(), name, class);
                if n == 4 { pupil.replace("</leerling>", &format!("<instroomdatum>{emma}</instroomdatum></leerling>")) } else { pupil }
            });
            pupils.collect::<Vec<_>>()
        };
        desk.import(&File::new(&all("3a", "")).on("2026-06-01").xml());
        end(world, &of(world, &desk, "Ada Bos"), "2026-06-20");
        for name in &names[1..3] {
            world.done("annulMembership", "membership { id }", json!({ "membershipId": of(world, &desk, name) }));
        }
        world.done("annulMembership", "membership { id }", json!({ "membershipId": world.add(&desk.group("3b"), &[&desk.person("Dirk Dam")], "2026-09-01")[0] }));
        end(world, &of(world, &desk, "Dirk Dam"), "2026-09-01");
        end(world, &of(world, &desk, "Emma Kok"), "2026-09-01");
        let in_june = desk.import(&File { made: "2026-06-30T08:00:00", ..File::new(&all("3a", "")) }.on("2026-06-30").xml());
        assert_eq!(in_june.memberships, Figures { by_hand: 5, unchanged: 2, ..Figures::default() });
        let told = [
            "EDEXML:9:1: the pupil \"0\" was taken out of \"3a\" on 2026-06-20 by hand, and stays out",
            "EDEXML:11:1: that the pupil \"1\" is in \"3a\" was declared a mistake by hand, and stays one",
        ];
        assert_eq!(in_june.warnings[..2], told);
        // A school year later it is another word; Dirk and Emma were taken out in this one.
        let report = desk.import(&File::new(&all("3a", "")).xml());
        assert_eq!(report.memberships, Figures { started: 3, by_hand: 2, ..Figures::default() }, "{report}");
        assert_eq!(desk.members("3a"), ["Ada Bos", "Cas Pol", "Bas Vos"]);
        let report = desk.import(&File { made: "2026-09-14T21:00:00", ..File::new(&all("3a", "2026-09-08")) }.xml());
        assert_eq!(report.memberships, Figures { started: 1, by_hand: 1, unchanged: 3, ..Figures::default() }, "{report}");
        assert_eq!(desk.members("3a"), ["Ada Bos", "Emma Kok", "Cas Pol", "Bas Vos"]);
        // That a membership made by hand was a mistake is no word against the roster.
        let report = desk.import(&File { made: "2026-09-15T08:00:00", ..File::new(&all("3b", "2026-09-08")) }.on("2026-09-15").xml());
        assert_eq!((report.memberships.started, desk.members("3b").len()), (5, 5), "{report}");
    }

    /// Who is gone from the file stays as long as somebody has said.
    fn p6_who_is_gone_stays_until_the_end_given_by_hand(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Ada Bos", "3a"), pupil("2", "Bas Vos", "3a")]).on("2026-09-01").xml());
        end(world, &of(world, &desk, "Bas Vos"), "2026-10-01");
        let file = File::new(&[pupil("1", "Ada Bos", "3a")]).xml();
        let report = desk.import(&file);
        assert_eq!(report.memberships, Figures { by_hand: 1, unchanged: 1, ..Figures::default() });
        assert_eq!(report.warnings, ["the pupil \"2\", who is no longer in the file, stays in \"3a\" until 2026-10-01, as set by hand"]);
        assert_eq!(desk.members("3a"), ["Ada Bos", "Bas Vos"]);
    }

    /// What was moved by hand during the year is not moved back by a file that does not know of it.
    fn p6_moves_by_hand_stand(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Ada Bos", "3a"), pupil("2", "Bas Vos", "3a")]).xml();
        desk.import(&file);
        end(world, &of(world, &desk, "Ada Bos"), "2026-09-15");
        world.add(&desk.group("3b"), &[&desk.person("Ada Bos")], "2026-09-15");
        let report = desk.import(&File { made: "2026-09-15T08:00:00", ..File::new(&[pupil("1", "Ada Bos", "3a"), pupil("2", "Bas Vos", "3a")]) }.on("2026-09-15").xml());
        assert_eq!(report.memberships, Figures { by_hand: 1, unchanged: 1, ..Figures::default() }, "{report}");
        assert_eq!((desk.members("3a"), desk.members("3b")), (vec!["Bas Vos".to_owned()], vec!["Ada Bos".to_owned()]));
        let told = [
            "EDEXML:9:1: the pupil \"1\" was taken out of \"3a\" on 2026-09-15 by hand, and stays out",
            "EDEXML:9:1: the pupil \"1\" stays in 3b, where they were put by hand",
        ];
        assert_eq!(report.warnings, told);
    }

    /// A membership that was made by hand keeps its place, whatever dates the file has.
    fn p6_what_was_made_by_hand_keeps_its_place(world) {
        let desk = Desk::new(world);
        desk.import(&File::new(&[pupil("1", "Ada Bos", "3b")]).on("2026-09-01").xml());
        world.add(&desk.group("3a"), &[&desk.person("Ada Bos")], "2026-11-01");
        let file = |made, left: &str| File { made, ..File::new(&[leaving("1", "Ada Bos", left)]) }.xml();
        desk.import(&file("2026-09-14T08:00:00", "2026-12-18"));
        let by_hand = "Ada Bos MEMBER 2026-11-01 JOINED - - MANUAL SCHEDULED";
        assert_eq!(desk.memberships("3a"), ["Ada Bos MEMBER 2026-09-14 IMPORTED 2026-11-01 IMPORTED IMPORT ACTIVE", by_hand]);
        let report = desk.import(&file("2026-09-14T09:00:00", "2026-10-01"));
        assert_eq!(report.memberships, Figures { updated: 1, ..Figures::default() });
        assert_eq!(desk.memberships("3a"), ["Ada Bos MEMBER 2026-09-14 IMPORTED 2026-10-01 IMPORTED IMPORT ACTIVE", by_hand]);
        desk.import(&file("2026-09-14T10:00:00", ""));
        assert_eq!(desk.memberships("3a")[0], "Ada Bos MEMBER 2026-09-14 IMPORTED 2026-11-01 IMPORTED IMPORT ACTIVE");
    }

    /// A1, A3: a membership that gets longer takes the place of what was derived meanwhile.
    fn a3_derived_memberships_give_way_to_later_ends(world) {
        let desk = Desk::new(world);
        let source = world.group_with(Some(&desk.organization), json!({ "name": "Allen" }));
        let file = |made, left: &str| File { made, ..File::new(&[leaving("1", "Ada Bos", left)]) }.xml();
        desk.import(&file("2026-09-14T08:00:00", ""));
        world.add(&source, &[&desk.person("Ada Bos")], "2026-09-01");
        world.done("updateGroup", "group { id }", json!({ "groupId": desk.group("3a"), "settings": { "sourceGroupId": source } }));
        desk.import(&file("2026-09-14T09:00:00", "2026-09-15"));
        assert_eq!(desk.members("3a"), ["Ada Bos"], "fed by the source");
        let report = desk.import(&file("2026-09-14T10:00:00", "2026-12-18"));
        assert_eq!(report.memberships, Figures { updated: 1, ..Figures::default() }, "{report}");
        let rows: Vec<String> = desk.memberships("3a").into_iter().filter(|row| row.ends_with("ACTIVE")).collect();
        assert_eq!(rows, ["Ada Bos MEMBER 2026-09-14 IMPORTED 2026-12-18 IMPORTED IMPORT ACTIVE"]);
    }
}
