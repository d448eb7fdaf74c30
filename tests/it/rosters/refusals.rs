//! What a roster is refused for: all of it at once, each with its place, and nothing kept.

use std::process::Command;

use kring::access::Viewer;
use kring::error::{Code, Error};
use kring::exchange::import::roster::{RosterOptions, import_roster};
use kring::exchange::import::{Failure, Owner};
use kring::scope::Scope;
use serde_json::json;

use super::generator::School;
use super::{Desk, File, SAMPLE, date, dump, pupil, pupil_with, read, teacher};
use crate::harness::{both, once};

fn errors(xml: &str) -> Vec<String> {
    let errors = read(xml).unwrap_err();
    errors.errors.iter().map(|error| format!("{}:{} {}", error.at.line, error.at.column, error.code)).collect()
}

once! {
    fn everything_that_is_wrong_is_told_at_once() {
        let file = File {
            groups: "<groep key=\"3a\"><naam>3a</naam><jaargroep>9</jaargroep></groep>\n\
                     <groep><naam>x</naam></groep>\n<groep key=\"3a\"><naam>y</naam></groep>\n<groep key=\"z\"/>\n".to_owned(),
            pupils: [
                pupil_with("1", "Anna Bos", "<geboortedatum>02-05-2018</geboortedatum><geslacht>3</geslacht>"),
                pupil_with("1", "Bram Vos", "<groep key=\"3c\"/>"),
                pupil_with("2", "Cas Pol", "<groep key=\"3a\"/><groep key=\"z\"/><emailadres>geen adres</emailadres>"),
                "<leerling key=\"3\"><geslacht>1</geslacht></leerling>\n".to_owned(),
                pupil_with("4", "Dirk Dam", "<achternaam>Nogmaals</achternaam>"),
            ].concat(),
            teachers: teacher("1", "Juf Mies", "3a").replace("<groep key=\"3a\"/>", "<samengestelde_groep key=\"3a\"/>"),
            ..File::new(&[])
        };
        let xml = file.xml().replace("2026-09-14<", "gisteren<");
        assert_eq!(errors(&xml), [
"2:9 INVALID_DATE", "4:32 UNKNOWN_VALUE", "5:1 MISSING_VALUE", "6:1 DUPLICATE_ID", "7:1 MISSING_VALUE", "10:72 INVALID_DATE", "10:113 UNKNOWN_VALUE", "11:1 DUPLICATE_ID", "11:72 UNKNOWN_REFERENCE", "12:88 DUPLICATE_ELEMENT", "12:104 INVALID_EMAIL", "13:1 MISSING_VALUE", "14:72 DUPLICATE_ELEMENT", "17:83 UNKNOWN_REFERENCE",
        ]);
    }

    fn only_the_first_hundred_errors_are_told() {
        let pupils: Vec<String> = (0..150).map(|n| pupil(&n.to_string(), "Anna Bos", "nergens")).collect();
        let errors = read(&File::new(&pupils).xml()).unwrap_err();
        assert_eq!((errors.errors.len(), errors.total), (100, 150));
        assert!(errors.to_string().ends_with("150 errors in the file, the first 100 shown"), "{errors}");
    }

    fn what_is_no_roster_is_refused() {
        for (xml, expected) in [
            ("<html/>", "1:1 NOT_A_ROSTER"),
            ("", "0:0 NOT_A_ROSTER"),
            ("<EDEX/>", "1:1 NOT_A_ROSTER"),
            ("<s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>", "0:0 NOT_A_ROSTER"),
            ("<EDEX>", "1:7 MALFORMED_XML"),
            ("<EDEX></edex>", "1:7 MALFORMED_XML"),
            ("<EDEX/>tekst", "1:8 MALFORMED_XML"),
            ("<EDEX/><EDEX/>", "1:8 DUPLICATE_ELEMENT"),
            ("<EDEX><a b='1' b='2'/></EDEX>", "1:7 MALFORMED_XML"),
            ("<EDEX>&nbsp;</EDEX>", "1:7 UNKNOWN_ENTITY"),
        ] {
            assert_eq!(errors(xml), [expected], "{xml}");
        }
    }
}

both! {
    /// A file that is older than what was imported before would undo what came since.
    fn an_older_file_is_refused(world) {
        let desk = Desk::new(world);
        let file = |day, made| File { day, made, ..File::new(&[pupil("1", "Anna Bos", "3a")]) }.xml();
        desk.import(&file("2026-09-10", "2026-09-10T20:00:00"));
        assert_eq!(desk.refused(&file("2026-09-09", "2026-09-11T20:00:00")), ["EDEXML:2:1 OLDER_FILE"]);
        assert_eq!(desk.refused(&file("2026-09-10", "2026-09-10T19:59:59")), ["EDEXML:2:1 OLDER_FILE"]);
        let failure = desk.try_import(&file("2026-09-09", "2026-09-11T20:00:00"), &desk.options()).unwrap_err().to_string();
        assert!(failure.contains("allow an older one (--allow-older)"), "{failure}");
        desk.import(&file("2026-09-10", "2026-09-10T20:00:00"));
        desk.import(&file("2026-09-10", "2026-09-10T21:00:00"));
        let options = RosterOptions { allow_older: true, ..desk.options() };
        desk.import_with(&file("2026-09-09", "2026-09-11T20:00:00"), &options);
        assert_eq!(desk.refused(&file("2026-09-10", "2026-09-10T20:00:00")), ["EDEXML:2:1 OLDER_FILE"], "the newest still counts");
        assert_eq!(world.rows("roster_imports"), 3);
        let other = Desk { world, organization: world.organization("De Els") };
        other.import(&file("2026-09-01", "2026-09-01T20:00:00"));
    }

    /// The fail-safe: more than a fifth of the memberships in force do not end without being asked for.
    fn a_file_that_would_end_too_much_is_refused(world) {
        let desk = Desk::new(world);
        desk.import(&School::new(200).xml());
        let half = School { left: 60, made: "2026-09-15T08:00:00", date: "2026-09-15", ..School::new(200) }.xml();
        assert_eq!(desk.refused(&half), ["EDEXML TOO_MANY_ENDED"]);
        let failure = desk.try_import(&half, &desk.options()).unwrap_err().to_string();
        assert!(failure.contains("66 of the 228 memberships in force would end, more than the 20 % that may"), "{failure}");
        assert!(failure.contains("kring year-transition"), "{failure}");
        let few = School { left: 20, made: "2026-09-15T07:00:00", date: "2026-09-15", ..School::new(200) }.xml();
        assert_eq!(desk.import(&few).memberships.ended, 22);
        let options = RosterOptions { end_limit: 50, ..desk.options() };
        assert_eq!(desk.import_with(&half, &options).memberships.ended, 44);
    }

    /// A handful may end whatever share it is, and so may a single one; five or all of them may not. What no roster could end
    /// does not count.
    fn a_small_school_is_kept_from_ending_too_much(world) {
        let desk = Desk::new(world);
        let names = ["Anna Bos", "Bram Vos", "Cas Pol", "Dirk Dam", "Emma Kok", "Fien Smit", "Guus Hart", "Hanna Dijk"];
        // A letter for each pupil: the class that they are in, or that they are gone.
        let file = |day, classes: &str| {
            let here = classes.chars().enumerate().filter(|(_, class)| *class != '-');
            let pupils = here.map(|(n, class)| pupil(&n.to_string(), names[n], &format!("3{class}")));
            File::new(&pupils.collect::<Vec<_>>()).on(day).xml()
        };
        desk.import(&file("2026-09-01", "aaaaaaaa"));
        // What others have made, and however much it is, is not the roster's to end.
        let other = world.group_with(Some(&desk.organization), json!({ "name": "Koor" }));
        for n in 0..30 {
            world.add(&other, &[&world.person("Zanger", &format!("Nummer{n}"))], "2026-09-01");
        }
        let refused = |day, classes: &str, why: &str| {
            assert_eq!(desk.refused(&file(day, classes)), ["EDEXML TOO_MANY_ENDED"], "{why}");
        };
        refused("2026-09-02", "aaaaaa--", "two of eight are gone");
        let failure = desk.try_import(&file("2026-09-02", "aaa-----"), &desk.options()).unwrap_err().to_string();
        assert!(failure.contains("5 of the 8 memberships in force would end") && failure.contains("(--end-limit)"), "{failure}");
        refused("2026-09-02", "bbbbbaaa", "five of eight go elsewhere");
        refused("2026-09-02", "aabb--aa", "two of four who leave are gone");
        assert_eq!(desk.import(&file("2026-09-02", "aaaabbb-")).memberships.ended, 4, "one is gone, and three go elsewhere");
        assert_eq!(desk.import(&file("2026-09-03", "aaaaaaa-")).memberships.ended, 3);
        let options = RosterOptions { end_limit: 100, ..desk.options() };
        assert_eq!(desk.import_with(&file("2026-09-04", "a-------"), &options).memberships.ended, 6);
        assert_eq!(desk.import(&file("2026-09-05", "-b------")).memberships.ended, 1, "the only one");
    }

    /// Nobody imports for an organization that they do not administer, or for none.
    fn only_who_administers_the_organization_imports(world) {
        let desk = Desk::new(world);
        let roster = read(SAMPLE).unwrap();
        let run = |scope: &Scope, options: &RosterOptions| import_roster(&world.db, scope, &roster, options, &mut |_| {});
        let before = dump(world);
        let stranger = Scope { viewer: Viewer::default(), ..desk.scope() };
        let person = world.person("Geen", "Organisatie");
        let key = kring::id::decode_as(kring::id::Kind::Participant, &person).unwrap();
        for (scope, owner, expected) in [
            (stranger, desk.options().organization, Code::Forbidden),
            (desk.scope(), Owner::Id(key), Code::NotFound),
            (desk.scope(), Owner::ExternalId("nergens".to_owned()), Code::NotFound),
        ] {
            match run(&scope, &RosterOptions { organization: owner, ..desk.options() }) {
                Err(Failure::Error(Error::Rejected(rejections))) => assert_eq!(rejections[0].code, expected),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(dump(world).len(), before.len() + 2, "the person alone, with the history");
    }

    /// The date of a year to come, or long past, is told.
    fn a_roster_of_another_school_year_is_told(world) {
        let desk = Desk::new(world);
        let file = File::new(&[pupil("1", "Anna Bos", "3a")]).xml().replace("<school>", "<school><schooljaar>2025-2026</schooljaar>");
        let report = desk.import_with(&file, &RosterOptions { date: Some(date("2026-09-15")), ..desk.options() });
        assert_eq!(report.warnings, ["EDEXML:2:1: the roster is of the school year 2025-2026, and 2026-09-15 is not in it"]);
    }
}

once! {
    /// `kring import`: a folder is a bundle, a file is a roster, and anything else is told.
    fn the_command_takes_folders_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("kring.db").display());
        let kring = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_kring")).arg("import").args(arguments).env("DATABASE_URL", &url).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.success(), text(&output.stdout), text(&output.stderr))
        };
        let root = env!("CARGO_MANIFEST_DIR");
        let sample = format!("{root}/tests/roster/de-wilg.xml");
        let bundle = format!("{root}/src/exchange/demo/school");
        let (done, _, error) = kring(&[&sample]);
        assert!(!done && error.contains("name it with --organization"), "{error}");
        let (done, _, error) = kring(&[&bundle, "--link-content"]);
        assert!(!done && error.contains("--link-content is for rosters"), "{error}");
        let (done, _, error) = kring(&["/nowhere", "--organization", "x"]);
        assert!(!done && error.contains("cannot read /nowhere"), "{error}");
        let (done, _, error) = kring(&["/dev/null", "--organization", "x"]);
        assert!(!done && error.contains("neither a folder with a bundle nor a file with a roster"), "{error}");
        assert!(kring(&[&bundle, "--organization", "DEMO-SCHOOL"]).0);
        let (done, report, error) = kring(&[&sample, "--organization", "DEMO-SCHOOL", "--dry-run", "--each-row", "--date", "2026-09-14"]);
        assert!(done, "{error}");
        assert!(report.starts_with("dry run") && report.contains("pupil 1001 created; joined 3a, Kangoeroes"), "{report}");
        let broken = folder.path().join("kapot.xml");
        std::fs::write(&broken, SAMPLE.replace("<geslacht>2<", "<geslacht>7<")).unwrap();
        let (done, report, error) = kring(&[&broken.display().to_string(), "--organization", "DEMO-SCHOOL"]);
        assert!(!done && report.is_empty() && error.contains("EDEXML:33:7: \"7\" is not a gender"), "{error}");
        assert!(json!(error).is_string());
    }
}
