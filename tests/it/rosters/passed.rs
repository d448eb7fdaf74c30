//! What a roster has and is not read, and the header without which it is none.

use super::{File, pupil_with, read, teacher};
use crate::harness::once;

fn passed(xml: &str) -> Vec<String> {
    let roster = read(xml).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(roster.warnings, Vec::new());
    roster.passed_over.iter().map(|passed| format!("{} {}", passed.what, passed.times)).collect()
}

fn refused(xml: &str) -> Vec<String> {
    let errors = read(xml).unwrap_err();
    errors.errors.iter().map(|error| format!("{}:{} {}", error.at.line, error.at.column, error.code)).collect()
}

once! {
    /// P6: everything that the standard knows is read or counted, and never called unknown.
    fn what_the_standard_knows_is_read_or_counted() {
        let pupil = "<start_ondw_jgr3>2024-08-19</start_ondw_jgr3><jaargroep>3</jaargroep><groep key=\"3a\"/><samengestelde_groepen/>\
            <vestiging key=\"v\"/><gebruikersnaam>a</gebruikersnaam><fotourl>https://foto.example/1</fotourl><etniciteit>9</etniciteit>\
            <land>NL</land><land_vader>NL</land_vader><land_moeder>NL</land_moeder><onderwijsnummer>123456782</onderwijsnummer>\
            <bsn>123456782</bsn><gewicht_nieuw>0,3</gewicht_nieuw><gewicht>0.25</gewicht><postcodenl>1234AB</postcodenl>\
            <instroomdatum>2022-08-22</instroomdatum><uitstroomdatum/><toevoegingen><blok xsi:type=\"OpmerkingGegevensType\">\
            <code>x</code><opmerking/></blok></toevoegingen><mutatiedatum>2026-09-01T08:00:00</mutatiedatum>";
        let pupils = [pupil_with("1", "Anna Bos", pupil), pupil_with("2", "Bram Vos", "<groep key=\"\"/><mutatiedatum/>").replace("<leerling ", "<leerling bsn=\"1\" ")];
        let mut file = File { teachers: teacher("7", "Juf Mies", "3a").replace("<groep ", "<groep/><groep "), ..File::new(&pupils) };
        file.groups.push_str("<groep key=\"8x\"><naam>x</naam><jaargroep>8</jaargroep><mutatiedatum/><toevoegingen><blok/></toevoegingen></groep>");
        let xml = file.xml().replace("<school>", "<vestigingen><vestiging key=\"v\"><naam>v</naam></vestiging></vestigingen><school><instellingsnummer>12</instellingsnummer>");
        let xml = xml.replace("<EDEX>", "<EDEX xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">");
        let warned = read(&xml).unwrap().warnings;
        assert_eq!(warned.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>(), ["UNUSUAL"], "Bram is in no group");
        let found: Vec<String> = read(&xml).unwrap().passed_over.iter().map(|passed| format!("{} {}", passed.what, passed.times)).collect();
        assert_eq!(found, [
            "EDEX/vestigingen 1", "groep/mutatiedatum 1", "groep/toevoegingen 1", "leerkracht/groep without a key 1",
            "leerling/@bsn 1", "leerling/bsn 1", "leerling/etniciteit 1", "leerling/fotourl 1", "leerling/gebruikersnaam 1",
            "leerling/gewicht 1", "leerling/gewicht_nieuw 1", "leerling/groep without a key 1", "leerling/land 1",
            "leerling/land_moeder 1", "leerling/land_vader 1", "leerling/mutatiedatum 2", "leerling/onderwijsnummer 1",
            "leerling/postcodenl 1", "leerling/start_ondw_jgr3 1", "leerling/toevoegingen 1", "leerling/vestiging 1",
            "school/instellingsnummer 1",
        ]);
        assert!(!found.join(" ").contains("123456782"), "what is passed over is not told");
    }

    /// P6: a file without its header may be a part of another one.
    fn a_roster_without_its_header_is_refused() {
        let xml = File::new(&[pupil_with("1", "Anna Bos", "<groep key=\"3a\"/>")]).xml();
        let (before, rest) = xml.split_once("<school>").unwrap();
        let (_, after) = rest.split_once("</school>").unwrap();
        let with = |school: &str| format!("{before}{school}{after}");
        assert_eq!(refused(&with("")), ["1:1 MISSING_VALUE"]);
        assert!(read(&with("")).unwrap_err().to_string().contains("EDEXML:1:1: there is no school in this file"), "{}", read(&with("")).unwrap_err());
        for empty in ["<school/>", "<school> </school>", "<school><schooljaar/><peildatum> </peildatum><brincode/></school>"] {
            assert_eq!(refused(&with(empty)), ["2:1 MISSING_VALUE"], "{empty}");
        }
        // What else is wrong is told as well, and where it stands does not matter.
        assert_eq!(refused(&with("").replace("key=\"3a\"/>", "key=\"9\"/>")), ["1:1 MISSING_VALUE", "9:72 UNKNOWN_REFERENCE"]);
        for said in ["<brincode>99ZZ</brincode>", "<schooljaar>2026-2027</schooljaar>", "<aanmaakdatum>2026-09-14T08:00:00</aanmaakdatum>"] {
            assert_eq!(passed(&with(&format!("<school>{said}</school>"))).len(), usize::from(said.contains("brin")), "{said}");
        }
        let last = with("").replace("</EDEX>", "<school><peildatum>2026-09-14</peildatum></school></EDEX>");
        assert_eq!(passed(&last), Vec::<String>::new());
        // A message of UWLR has it in the same place.
        let message = with("").replace("<EDEX>", "<s:Envelope><s:Body><leerlinggegevens_antwoord><leerlinggegevens>");
        let message = message.replace("</EDEX>", "</leerlinggegevens></leerlinggegevens_antwoord></s:Body></s:Envelope>");
        assert_eq!(refused(&message), ["1:48 MISSING_VALUE"]);
    }

    /// Dates that cannot be are refused where they stand.
    fn dates_that_cannot_be_are_refused() {
        let file = |dates: &str| File::new(&[pupil_with("1", "Anna Bos", &format!("<groep key=\"3a\"/>{dates}"))]).xml();
        assert_eq!(refused(&file("<instroomdatum>22-08-2022</instroomdatum>")), ["9:89 INVALID_DATE"]);
        assert_eq!(refused(&file("<uitstroomdatum>2026-02-30</uitstroomdatum>")), ["9:89 INVALID_DATE"]);
        let order = "<instroomdatum>2026-09-01</instroomdatum><uitstroomdatum>2026-08-31</uitstroomdatum>";
        assert_eq!(refused(&file(order)), ["9:130 END_BEFORE_START"]);
        assert_eq!(refused(&file("<uitstroomdatum/><uitstroomdatum>2026-12-18</uitstroomdatum>")), ["9:106 DUPLICATE_ELEMENT"]);
        assert!(read(&file(&order.replace("2026-08-31", "2026-09-01+02:00"))).is_ok());
    }

    /// Keys of 256 characters and the years of secondary education are in the standard.
    fn what_the_standard_allows_is_read() {
        let key = "k".repeat(256);
        let file = |key: &str, year: &str| {
            let groups = format!("<groep key=\"3a\"><naam>x</naam><jaargroep>{year}</jaargroep></groep>");
            File { groups, ..File::new(&[pupil_with(key, "Anna Bos", "<groep key=\"3a\"/>")]) }.xml()
        };
        for year in ["0", "8", "11", "16", "B", "C", "D", "H", "N", "S", "V"] {
            let roster = read(&file(&key, year)).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(roster.groups[0].year_group.value().copied(), (year == "8").then_some(8), "{year}");
        }
        assert_eq!(refused(&file(&format!("{key}k"), "1"))[0], "6:1 TOO_LONG");
        for year in ["9", "10", "17", "1a"] {
            assert_eq!(refused(&file("1", year)), ["4:31 UNKNOWN_VALUE"], "{year}");
        }
    }
}
