//! When people of a roster are at the school: `instroomdatum`, `uitstroomdatum` and the year group of those who are gone.

use kring::exchange::import::roster::{Figures, RosterOptions, RosterReport};

use super::{Desk, File, pupil_with, teacher};
use crate::harness::both;

/// A pupil of 3a, with the dates of coming and of leaving.
fn at_school(key: &str, name: &str, joined: &str, left: &str) -> String {
    staying(key, name, joined, left, "<groep key=\"3a\"/>")
}

fn staying(key: &str, name: &str, joined: &str, left: &str, more: &str) -> String {
    let dates = format!("<instroomdatum>{joined}</instroomdatum><uitstroomdatum>{left}</uitstroomdatum>");
    pupil_with(key, name, &format!("<geboortedatum>2018-05-02</geboortedatum>{more}{dates}"))
}

/// The documentation, whose example is tried here.
const GUIDE: &str = include_str!("../../../docs/rosters.md");

/// The text between two others.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

fn passed(report: &RosterReport) -> Vec<String> {
    report.passed_over.iter().map(|passed| format!("{} ({})", passed.what, passed.times)).collect()
}

both! {
    /// The example of the guide comes out as it says.
    fn the_example_of_the_guide_is_true(world) {
        let desk = Desk::new(world);
        let report = desk.import(between(GUIDE, "```xml\n", "```"));
        let found: Vec<Vec<String>> = desk.memberships("4A").iter().map(|row| {
            let words: Vec<&str> = row.split(' ').collect();
            vec![format!("{} {}", words[0], words[1]), words[3].to_owned(), words[5].replace('-', " ").trim().replace(' ', "-")]
        }).collect();
        let table = between(GUIDE, "| member | from | until |\n| --- | --- | --- |\n", "\n\n");
        let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(found, table.lines().map(cells).collect::<Vec<_>>());
        assert_eq!(report.to_string().lines().last(), Some(between(GUIDE, "```text\n", "\n```")));
        assert_eq!(desk.people().len(), 3);
    }

    /// P6, M1: a membership starts on the later of the day of the file and the first day at school, and ends with the last.
    fn p6_dates_of_coming_and_leaving_bound_memberships(world) {
        let desk = Desk::new(world);
        let plus = "<groep key=\"3a\"/><samengestelde_groepen><samengestelde_groep key=\"plus\"/></samengestelde_groepen>";
        let pupils = [
            at_school("1", "Ada Gebleven", "2022-08-22", ""),
            at_school("2", "Bas Vertrokken", "2022-08-22", "2026-08-28"),
            staying("3", "Cor Gaatweg", "2022-08-22", "2026-12-18", plus),
            at_school("4", "Dirk Komtnog", "2027-01-11", ""),
            at_school("5", "Eva Vandaag", "2022-08-22", "2026-09-14"),
            at_school("6", "Fop Nooit", "2026-10-01", "2026-10-01"),
        ];
        let file = File::new(&pupils).xml();
        let report = desk.import(&file);
        let expected = [
            "Ada Gebleven MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE",
            "Cor Gaatweg MEMBER 2026-09-14 IMPORTED 2026-12-18 IMPORTED IMPORT ACTIVE",
            "Dirk Komtnog MEMBER 2027-01-11 IMPORTED - - IMPORT SCHEDULED",
        ];
        assert_eq!(desk.memberships("3a"), expected);
        assert_eq!(desk.memberships("Plus"), ["Cor Gaatweg MEMBER 2026-09-14 IMPORTED 2026-12-18 IMPORTED IMPORT ACTIVE"]);
        // Whoever left before anybody here knew them is none of the school's people.
        assert_eq!(desk.people().len(), 3);
        assert_eq!((report.pupils.created, report.memberships.started), (3, 4));
        assert_eq!(passed(&report), ["leerling who left before 2026-09-14 and was not known (3)"]);
        assert!(report.to_string().ends_with("\npassed over: leerling who left before 2026-09-14 and was not known (3)"), "{report}");
        assert!(desk.import(&file).is_idle());
        assert_eq!(world.members(&desk.group("3a"), Some("2027-01-11")), ["Ada Gebleven", "Dirk Komtnog"]);
    }

    /// P6: what the next file says of the dates is a correction, and so is that it says nothing more.
    fn p6_dates_that_change_or_are_withdrawn_correct(world) {
        let desk = Desk::new(world);
        let file = |made, joined, left| {
            File { made, ..File::new(&[at_school("1", "Ada Bos", joined, ""), at_school("2", "Cor Vos", "2022-08-22", left)]) }.xml()
        };
        let rows = |start: &str, end: &str| {
            let status = if start > "2026-09-15" { "SCHEDULED" } else { "ACTIVE" };
            [format!("Ada Bos MEMBER {start} IMPORTED - - IMPORT {status}"), format!("Cor Vos MEMBER 2026-09-14 IMPORTED {end} IMPORT ACTIVE")]
        };
        desk.import(&file("2026-09-14T08:00:00", "2027-01-11", ""));
        assert_eq!(desk.memberships("3a"), rows("2027-01-11", "- -"));
        let corrected = Figures { updated: 2, ..Figures::default() };
        let steps = [
            ("2026-09-14T09:00:00", "2027-02-01", "2026-12-18", rows("2027-02-01", "2026-12-18 IMPORTED")),
            ("2026-09-14T10:00:00", "2026-10-01", "2026-11-30", rows("2026-10-01", "2026-11-30 IMPORTED")),
            ("2026-09-14T11:00:00", "2026-09-14", "2027-03-01", rows("2026-09-14", "2027-03-01 IMPORTED")),
            ("2026-09-14T12:00:00", "2026-10-05", "", rows("2026-10-05", "- -")),
        ];
        for (made, joined, left, expected) in steps {
            assert_eq!(desk.import(&file(made, joined, left)).memberships, corrected, "{made}");
            assert_eq!(desk.memberships("3a"), expected, "{made}");
            assert!(desk.import(&file(made, joined, left)).is_idle(), "{made}");
        }
        // M7: one row and its history.
        let query = "query($id: ID!) { group(id: $id) { memberships(first: 9, filter: { status: ANY }) { edges { node { history(first: 9) { edges { node { action changes { field before after } } } } } } } } }";
        let data = world.data(query, serde_json::json!({ "id": desk.group("3a") }));
        let entries = data["group"]["memberships"]["edges"][1]["node"]["history"]["edges"].as_array().unwrap().len();
        assert_eq!(entries, 5, "{data}");
        // Whoever does not come after all was never a member.
        let report = desk.import(&File { made: "2026-09-14T13:00:00", ..File::new(&[at_school("2", "Cor Vos", "2022-08-22", "")]) }.xml());
        assert_eq!(report.memberships, Figures { annulled: 1, unchanged: 1, ..Figures::default() });
        assert_eq!(desk.memberships("3a"), ["Cor Vos MEMBER 2026-09-14 IMPORTED - - IMPORT ACTIVE"]);
    }

    /// P6: who is known and left before the day of the file is a member until that day, also when it is told late, and when
    /// the file does not name the group any more.
    fn p6_who_left_is_a_member_until_that_day(world) {
        let desk = Desk::new(world);
        let all = |left: [&str; 4], made| {
            let pupils = [
                at_school("1", "Ada Bos", "", left[0]),
                staying("2", "Bas Vos", "", left[1], if left[1].is_empty() { "<groep key=\"3a\"/>" } else { "" }),
                at_school("3", "Cas Pol", "", left[2]),
                at_school("4", "Dirk Dam", "", left[3]),
            ];
            let more: Vec<String> = (10..50).map(|n| at_school(&n.to_string(), &format!("Kind Nummer{n}"), "", "").replace("3a", "4a")).collect();
            File { made, ..File::new(&[pupils.as_slice(), more.as_slice()].concat()) }
        };
        desk.import(&all([""; 4], "2026-09-01T08:00:00").on("2026-09-01").xml());
        let file = all(["2026-09-10", "2026-09-11", "2026-08-20", "2026-09-15"], "2026-09-14T09:00:00").xml();
        let report = desk.import(&file);
        assert_eq!(report.memberships, Figures { ended: 3, annulled: 1, unchanged: 40, ..Figures::default() }, "{report}");
        let expected = [
            "Ada Bos MEMBER 2026-09-01 IMPORTED 2026-09-10 IMPORTED IMPORT ENDED",
            "Bas Vos MEMBER 2026-09-01 IMPORTED 2026-09-11 IMPORTED IMPORT ENDED",
            "Dirk Dam MEMBER 2026-09-01 IMPORTED 2026-09-15 IMPORTED IMPORT ENDED",
        ];
        assert_eq!(desk.memberships("3a"), expected, "Cas left before he could be a member");
        assert!(desk.import(&file).is_idle());
        // The day is corrected, though it is over.
        let report = desk.import(&all(["2026-09-12", "2026-09-11", "2026-08-20", "2026-09-13"], "2026-09-14T10:00:00").xml());
        assert_eq!(report.memberships, Figures { updated: 2, unchanged: 40, ..Figures::default() }, "{report}");
        assert!(desk.memberships("3a")[0].contains("2026-09-01 IMPORTED 2026-09-12 IMPORTED"), "{:?}", desk.memberships("3a"));
        assert!(desk.memberships("3a")[2].contains("2026-09-01 IMPORTED 2026-09-13 IMPORTED"), "{:?}", desk.memberships("3a"));
        // Coming back makes a new row (M2).
        let report = desk.import(&all(["", "2026-09-11", "2026-08-20", "2026-09-13"], "2026-09-14T11:00:00").xml());
        assert_eq!(report.memberships, Figures { started: 1, unchanged: 40, ..Figures::default() }, "{report}");
        assert_eq!(desk.members("3a"), ["Ada Bos"]);
    }

    /// P6: the year group H stands for those who are no longer at the school, also when it is that of the group; an end in
    /// the file goes before it.
    fn p6_historical_pupils_are_no_members(world) {
        let desk = Desk::new(world);
        let own = |key: &str, name: &str, year: &str, more: &str| pupil_with(key, name, &format!("<jaargroep>{year}</jaargroep>{more}"));
        let class = "<groep key=\"3a\"/>";
        desk.import(&File::new(&[own("1", "Ada Bos", "3", class), own("2", "Bas Vos", "3", class)]).on("2026-09-01").xml());
        let pupils = [
            own("1", "Ada Bos", "3", class),
            own("2", "Bas Vos", "H", class),
            own("3", "Cas Pol", "h", "<groep key=\"3a\"/><uitstroomdatum>2026-12-18</uitstroomdatum>"),
            pupil_with("4", "Dirk Dam", "<groep key=\"oud\"/>"),
            own("5", "Emma Kok", "3", "<groep key=\"oud\"/>"),
            own("6", "Fien Smit", "H", ""),
        ];
        let mut file = File::new(&pupils);
        file.groups.push_str("<groep key=\"oud\"><naam>Oud</naam><jaargroep>H</jaargroep></groep>");
        let report = desk.import(&file.xml());
        assert_eq!(desk.members("3a"), ["Ada Bos", "Cas Pol"]);
        assert_eq!(desk.members("Oud"), ["Emma Kok"]);
        assert!(desk.memberships("3a")[1].contains("2026-09-01 IMPORTED 2026-09-14 IMPORTED"), "{:?}", desk.memberships("3a"));
        assert_eq!(passed(&report), ["leerling who left before 2026-09-14 and was not known (2)"]);
        assert_eq!(report.warnings, Vec::<String>::new(), "nobody is missed in a group");
        assert!(desk.import(&file.xml()).is_idle());
    }

    /// P6: who is at the school is asked of the day of the file, and that may be given.
    fn p6_the_day_may_be_given(world) {
        let desk = Desk::new(world);
        let file = File::new(&[at_school("1", "Ada Bos", "2026-09-05", "2026-09-12")]).on("").xml();
        assert_eq!(passed(&desk.import(&file)), ["leerling who left before 2026-09-15 and was not known (1)"]);
        let options = RosterOptions { date: Some(super::date("2026-09-03")), allow_older: true, ..desk.options() };
        desk.import_with(&file, &options);
        assert_eq!(desk.memberships("3a"), ["Ada Bos MEMBER 2026-09-05 IMPORTED 2026-09-12 IMPORTED IMPORT ENDED"]);
    }

    /// P6: the fail-safe counts what would be over today. That all of a class leave at the end of the year is none of that,
    /// and is told.
    fn p6_ends_ahead_are_no_losses(world) {
        let desk = Desk::new(world);
        let file = |made, left: &str| {
            let pupils: Vec<String> = (0..20).map(|n| at_school(&n.to_string(), &format!("Kind Nummer{n}"), "2022-08-01", left)).collect();
            File { made, ..File::new(&pupils) }.on("2026-09-14").xml()
        };
        desk.import(&file("2026-09-14T08:00:00", ""));
        let report = desk.import(&file("2026-09-14T09:00:00", "2027-07-16"));
        assert_eq!(report.memberships, Figures { updated: 20, ..Figures::default() });
        assert_eq!(report.warnings, ["20 of the 20 memberships in force get an end that is still to come, the first on 2027-07-16"]);
        assert!(desk.import(&file("2026-09-14T09:00:00", "2027-07-16")).is_idle());
        // Ends of today or before, and pupils who come later, are losses.
        for left in ["2026-09-14", "2026-09-15", "2026-08-31"] {
            assert_eq!(desk.refused(&file("2026-09-14T10:00:00", left)), ["EDEXML TOO_MANY_ENDED"], "{left}");
        }
        let later = file("2026-09-14T10:00:00", "").replace("2022-08-01", "2026-11-01");
        assert_eq!(desk.refused(&later), ["EDEXML TOO_MANY_ENDED"]);
        let options = RosterOptions { end_limit: 100, ..desk.options() };
        let report = desk.import_with(&later, &options);
        assert_eq!(report.memberships, Figures { updated: 20, ended: 0, ..Figures::default() }, "{report}");
    }

    /// A teacher who is gone leads no more, whoever hands the dates over; a parent who helps in a class leads nobody.
    fn p6_who_leads_is_a_teacher_of_today(world) {
        let desk = Desk::new(world);
        let of = |name: &str, key: &str, person: &str, group: &str| {
            let teacher = teacher(key, name, "3a").replace("<groepen>", &format!("{person}<groepen>"));
            teacher.replace("<groep key=\"3a\"/>", &format!("<groep key=\"3a\">{group}</groep>"))
        };
        let teachers = [
            of("Juf Mies", "1", "<rol>LRK</rol>", ""),
            of("Juf Weg", "2", "<uitstroomdatum>2026-08-01</uitstroomdatum>", ""),
            of("Vader Bos", "3", "", "<rol>OUD</rol>"),
            of("Moeder Vos", "4", "<rol>oud</rol>", ""),
            of("Stagiair Dam", "5", "<rol>OUD</rol>", "<rol>STA</rol><rolomschrijving>Donderdag</rolomschrijving>"),
            of("Moeder Juf", "6", "", "<rol>OUD</rol><rol>OWA</rol>"),
        ];
        let file = File { teachers: teachers.concat(), ..File::new(&[at_school("1", "Ada Bos", "", "")]) };
        let report = desk.import(&file.xml());
        assert_eq!(desk.members("3a"), ["Ada Bos", "Stagiair Dam", "Moeder Juf", "Juf Mies"]);
        let expected = [
            "groepen/groep/rolomschrijving (1)", "leerkracht/groepen/groep of a parent (rol OUD) (2)",
            "leerkracht who left before 2026-09-14 and was not known (1)",
        ];
        assert_eq!(passed(&report), expected);
        assert!(desk.import(&file.xml()).is_idle());
    }
}
