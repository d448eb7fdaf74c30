//! Which element may stand where, and which of them are kept.

use super::model::{GroupKind, PersonKind};

/// A field of which the text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    SchoolYear,
    ReferenceDate,
    MadeAt,
    Name,
    YearGroup,
    Description,
    FamilyName,
    Prefix,
    GivenNames,
    Initials,
    CallName,
    BirthDate,
    Gender,
    Email,
    /// `instroomdatum`.
    Joined,
    /// `uitstroomdatum`.
    Left,
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The file itself, around its root.
    File,
    /// A part of a message around the roster.
    Wrapper,
    Roster,
    School,
    Groups,
    Group(GroupKind),
    People(PersonKind),
    Person(PersonKind),
    /// Around the groups of a person.
    References(PersonKind),
    Reference(GroupKind),
    /// `rol`, of a person or of one in a group.
    Role,
    Field(Field),
    /// Known and deliberately not kept, with all that is in it.
    Ignored,
    /// Not known, and passed over with all that is in it.
    Unknown,
}

impl Node {
    /// What an element of that name is inside this one.
    pub(super) fn child(self, name: &str) -> Self {
        // National identity numbers are not kept, wherever they stand.
        if matches!(self, Self::Ignored) || name.starts_with("bsn") {
            return Self::Ignored;
        }
        match self {
            Self::File | Self::Wrapper => wrapper(name),
            Self::Roster => match name {
                "school" => Self::School,
                "groepen" => Self::Groups,
                "leerlingen" => Self::People(PersonKind::Pupil),
                "leerkrachten" => Self::People(PersonKind::Teacher),
                "vestigingen" => Self::Ignored,
                _ => Self::Unknown,
            },
            Self::School => school(name),
            Self::Groups => match name {
                "groep" => Self::Group(GroupKind::Home),
                "samengestelde_groep" => Self::Group(GroupKind::CrossYear),
                _ => Self::Unknown,
            },
            Self::Group(kind) => group(kind, name),
            Self::People(kind) => match (kind, name) {
                (PersonKind::Pupil, "leerling") | (PersonKind::Teacher, "leerkracht") => Self::Person(kind),
                _ => Self::Unknown,
            },
            Self::Person(kind) => person(kind, name),
            Self::References(kind) => match (kind, name) {
                (_, "samengestelde_groep") => Self::Reference(GroupKind::CrossYear),
                (PersonKind::Teacher, "groep") => Self::Reference(GroupKind::Home),
                _ => Self::Unknown,
            },
            Self::Reference(_) => match name {
                "rol" => Self::Role,
                "rolomschrijving" => Self::Ignored,
                _ => Self::Unknown,
            },
            Self::Role | Self::Field(_) | Self::Unknown | Self::Ignored => Self::Unknown,
        }
    }

    /// How the report calls the place of what is passed over in it; nothing of what stands around a roster.
    pub(super) fn place(self) -> Option<&'static str> {
        Some(match self {
            Self::Roster => "EDEX",
            Self::School => "school",
            Self::Groups => "groepen",
            Self::Group(GroupKind::Home) => "groep",
            Self::Group(GroupKind::CrossYear) => "samengestelde_groep",
            Self::People(PersonKind::Pupil) => "leerlingen",
            Self::People(PersonKind::Teacher) => "leerkrachten",
            Self::Person(PersonKind::Pupil) => "leerling",
            Self::Person(PersonKind::Teacher) => "leerkracht",
            Self::References(PersonKind::Pupil) => "leerling/samengestelde_groepen",
            Self::References(PersonKind::Teacher) => "leerkracht/groepen",
            Self::Reference(GroupKind::Home) => "groepen/groep",
            Self::Reference(GroupKind::CrossYear) => "groepen/samengestelde_groep",
            Self::File | Self::Wrapper | Self::Role | Self::Field(_) | Self::Ignored | Self::Unknown => return None,
        })
    }

    /// Whether an attribute of that name may stand here; only `key` and `eckid` are read.
    pub(super) fn has_attribute(self, name: &str) -> bool {
        match self {
            Self::Group(_) | Self::Reference(_) => name == "key",
            Self::Person(_) => matches!(name, "key" | "eckid") || name.starts_with("bsn"),
            Self::File | Self::Wrapper | Self::Roster | Self::Ignored | Self::Unknown => true,
            _ => false,
        }
    }
}

fn wrapper(name: &str) -> Node {
    match name {
        "EDEX" | "leerlinggegevens" => Node::Roster,
        "Envelope" | "Body" | "leerlinggegevens_antwoord" => Node::Wrapper,
        "Header" => Node::Ignored,
        _ => Node::Unknown,
    }
}

fn school(name: &str) -> Node {
    match name {
        "schooljaar" => Node::Field(Field::SchoolYear),
        "peildatum" => Node::Field(Field::ReferenceDate),
        "aanmaakdatum" => Node::Field(Field::MadeAt),
        "brincode" | "dependancecode" | "instellingsnummer" | "schoolkey" | "auteur" | "xsdversie" | "commentaar"
        | "toevoegingen" => Node::Ignored,
        _ => Node::Unknown,
    }
}

fn group(kind: GroupKind, name: &str) -> Node {
    match name {
        "naam" => Node::Field(Field::Name),
        "jaargroep" if kind == GroupKind::Home => Node::Field(Field::YearGroup),
        "omschrijving" => Node::Field(Field::Description),
        "toevoeging" | "toevoegingen" | "mutatiedatum" => Node::Ignored,
        _ => Node::Unknown,
    }
}

fn person(kind: PersonKind, name: &str) -> Node {
    match name {
        "achternaam" => Node::Field(Field::FamilyName),
        "voorvoegsel" => Node::Field(Field::Prefix),
        "voornamen" => Node::Field(Field::GivenNames),
        "voorletters" | "voorletters-1" => Node::Field(Field::Initials),
        "roepnaam" => Node::Field(Field::CallName),
        "geboortedatum" => Node::Field(Field::BirthDate),
        "geslacht" => Node::Field(Field::Gender),
        "emailadres" => Node::Field(Field::Email),
        // The standard has these of pupils alone; a sender who gives them of teachers means the same.
        "instroomdatum" => Node::Field(Field::Joined),
        "uitstroomdatum" => Node::Field(Field::Left),
        "gebruikersnaam" | "toevoeging" | "toevoegingen" | "mutatiedatum" | "vestiging" | "fotourl" => Node::Ignored,
        _ => match kind {
            PersonKind::Pupil => pupil(name),
            PersonKind::Teacher => teacher(name),
        },
    }
}

fn pupil(name: &str) -> Node {
    match name {
        "jaargroep" => Node::Field(Field::YearGroup),
        "groep" => Node::Reference(GroupKind::Home),
        "samengestelde_groepen" => Node::References(PersonKind::Pupil),
        // When the pupil began year 3, where the parents are from, what the school is paid for, and numbers and addresses
        // for which this is not the place.
        "start_ondw_jgr3"
        | "etniciteit"
        | "land"
        | "land_vader"
        | "land_moeder"
        | "gewicht"
        | "gewicht_nieuw"
        | "sofinummer"
        | "onderwijsnummer"
        | "rijksregisternummer"
        | "postcodenl"
        | "postnummerbe"
        | "postcodeoverig" => Node::Ignored,
        _ => Node::Unknown,
    }
}

fn teacher(name: &str) -> Node {
    match name {
        "groepen" => Node::References(PersonKind::Teacher),
        "rol" => Node::Role,
        "rolomschrijving" | "vestigingen" => Node::Ignored,
        _ => Node::Unknown,
    }
}
