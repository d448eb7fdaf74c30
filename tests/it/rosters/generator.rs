//! Rosters of schools that do not exist, of any size and always the same.

use std::fmt::Write;

/// A school: how many pupils it has, and what happened since the roster before.
#[derive(Clone, Debug)]
pub struct School {
    pub pupils: usize,
    /// How many pupils are in a class.
    pub class: usize,
    /// How many of them went to the class next to theirs.
    pub moved: usize,
    /// How many of them left.
    pub left: usize,
    /// How many came besides.
    pub came: usize,
    pub date: &'static str,
    pub made: &'static str,
    /// Whether the roster travels in a message of UWLR.
    pub message: bool,
}

const FIRST: [&str; 12] =
    ["Anna", "Bram", "Chloë", "Daan", "Emre", "Fleur", "Guus", "Hanna", "Ilse", "Jip", "Kees", "Lotte"];
const LAST: [(&str, &str); 9] = [
    ("van den", "Berg"),
    ("", "Jansen"),
    ("de", "Vries"),
    ("", "Özdemir"),
    ("", "Visser"),
    ("van", "Dijk"),
    ("", "Smit"),
    ("'t", "Hart"),
    ("", "El Amrani"),
];

impl School {
    pub fn new(pupils: usize) -> Self {
        Self {
            pupils,
            class: 25,
            moved: 0,
            left: 0,
            came: 0,
            date: "2026-09-14",
            made: "2026-09-14T20:00:00",
            message: false,
        }
    }

    /// How many classes it has; they stay when pupils come and go.
    pub fn classes(&self) -> usize {
        self.pupils.div_ceil(self.class).max(2)
    }

    /// The roster as a file.
    pub fn xml(&self) -> String {
        let mut xml = String::with_capacity(400 * (self.pupils + self.came) + 1_000);
        let (open, close) = if self.message {
            (
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header><x/></s:Header><s:Body>\
                 <u:leerlinggegevens_antwoord xmlns:u=\"http://www.edustandaard.nl/leerresultaten/2/leerlinggegevens\">\
                 <u:leerlinggegevens>",
                "</u:leerlinggegevens></u:leerlinggegevens_antwoord></s:Body></s:Envelope>",
            )
        } else {
            ("<EDEX>", "</EDEX>")
        };
        let _ = write!(xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{open}\n");
        let _ = write!(
            xml,
            "<school><schooljaar>2026-2027</schooljaar><peildatum>{}</peildatum><aanmaakdatum>{}</aanmaakdatum></school>\n<groepen>\n",
            self.date, self.made
        );
        let classes = self.classes();
        for class in 0..classes {
            let year = class % 8 + 1;
            let _ = writeln!(
                xml,
                "<groep key=\"{class}\"><naam>Groep {year} nummer {class}</naam><jaargroep>{year}</jaargroep></groep>"
            );
        }
        for combined in 0..self.combined() {
            let _ = writeln!(
                xml,
                "<samengestelde_groep key=\"{combined}\"><naam>Plus {combined}</naam></samengestelde_groep>"
            );
        }
        xml.push_str("</groepen>\n<leerlingen>\n");
        let step = self.pupils / self.moved.max(1);
        for pupil in 0..self.pupils - self.left {
            let moves = self.moved > 0 && pupil.is_multiple_of(step) && pupil / step < self.moved;
            self.pupil(&mut xml, pupil, (pupil / self.class + usize::from(moves)) % classes);
        }
        for pupil in self.pupils..self.pupils + self.came {
            self.pupil(&mut xml, pupil, pupil % classes);
        }
        xml.push_str("</leerlingen>\n<leerkrachten>\n");
        for class in 0..classes {
            let (prefix, last) = LAST[class * 5 % LAST.len()];
            let _ = writeln!(
                xml,
                "<leerkracht key=\"{class}\"><achternaam>{last}</achternaam><voorvoegsel>{prefix}</voorvoegsel><roepnaam>Juf {}</roepnaam><groepen><groep key=\"{class}\"/></groepen></leerkracht>",
                FIRST[class * 7 % FIRST.len()]
            );
        }
        let _ = write!(xml, "</leerkrachten>\n{close}\n");
        if self.message { prefixed(&xml) } else { xml }
    }

    fn combined(&self) -> usize {
        self.pupils.div_ceil(200)
    }

    fn pupil(&self, xml: &mut String, pupil: usize, class: usize) {
        let (prefix, last) = LAST[pupil * 7 % LAST.len()];
        let first = FIRST[pupil * 5 % FIRST.len()];
        let _ = write!(
            xml,
            "<leerling key=\"{pupil}\" eckid=\"https://ketenid.example/{pupil:08}\"><achternaam>{last}</achternaam>\
             <voorvoegsel>{prefix}</voorvoegsel><roepnaam>{first}</roepnaam>\
             <geboortedatum>{}-{:02}-{:02}</geboortedatum><geslacht>{}</geslacht><groep key=\"{class}\"/>",
            2014 + pupil % 8,
            pupil % 12 + 1,
            pupil % 28 + 1,
            pupil % 2 + 1
        );
        if pupil.is_multiple_of(10) {
            let _ = write!(
                xml,
                "<samengestelde_groepen><samengestelde_groep key=\"{}\"/></samengestelde_groepen>",
                pupil / 10 % self.combined()
            );
        }
        xml.push_str("</leerling>\n");
    }
}

/// The same with the prefix of a message before every name that has none.
fn prefixed(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len() * 5 / 4);
    for piece in xml.split_inclusive('<') {
        let name = piece.split(['>', ' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
        let plain = !name.contains(':') && !name.starts_with(['?', '<', '!']) && !out.is_empty() && name != "x";
        match (plain, piece.strip_prefix('/')) {
            (true, Some(rest)) => out.push_str(&format!("/u:{rest}")),
            (true, None) => out.push_str(&format!("u:{piece}")),
            (false, _) => out.push_str(piece),
        }
    }
    out
}
