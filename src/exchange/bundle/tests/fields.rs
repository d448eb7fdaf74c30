//! Every column of every file is read into the field that is named after it.

use chrono::NaiveDate;

use super::*;

fn at(file: &'static str, line: u64, column: u64) -> At {
    At { file, line, column }
}

fn reference(id: &str, at: At) -> Reference {
    Reference { id: id.into(), at }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

fn read_one(file: &str, rows: &str) -> Bundle {
    read_texts(&[(file, rows)]).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn categories() {
    let bundle = read_one("categories.csv", "external_id,name\nK,Leden\n");
    let name = Some("Leden".to_owned());
    let expected = Category { at: at("categories.csv", 2, 1), external_id: "K".into(), name, lack: None };
    assert_eq!(bundle.categories, [expected]);
}

#[test]
fn participants() {
    let bundle = read_one(
        "participants.csv",
        "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,\
         name,email,phone,street,house_number,postal_code,city,complex_number,dwelling_type\n\
         P,PERSON,Chloé,van den,Berg,1984-11-02,FEMALE,,c@example.org,112,Dreef,7,3514 CD,Utrecht,,\n\
         O,ORGANIZATION,,,,,,De Linde,,,,,,,,\n\
         A,ADDRESS,,,,,,,,,Laan,12,3511 AB,Zeist,C-12,FLAT\n",
    );
    let nobody = |line, external_id: &str, kind| Participant {
        at: at("participants.csv", line, 1),
        external_id: external_id.into(),
        kind: Some(kind),
        given_name: None,
        name_prefix: None,
        family_name: None,
        birth_date: None,
        gender: None,
        name: None,
        email: None,
        phone: None,
        street: None,
        house_number: None,
        postal_code: None,
        city: None,
        complex_number: None,
        dwelling_type: None,
        lack: None,
    };
    let person = Participant {
        given_name: Some("Chloé".into()),
        name_prefix: Some("van den".into()),
        family_name: Some("Berg".into()),
        birth_date: Some(day(1984, 11, 2)),
        gender: Some(Gender::Female),
        email: Some("c@example.org".into()),
        phone: Some("112".into()),
        street: Some("Dreef".into()),
        house_number: Some("7".into()),
        postal_code: Some("3514 CD".into()),
        city: Some("Utrecht".into()),
        ..nobody(2, "P", ParticipantKind::Person)
    };
    let organization = Participant { name: Some("De Linde".into()), ..nobody(3, "O", ParticipantKind::Organization) };
    let address = Participant {
        street: Some("Laan".into()),
        house_number: Some("12".into()),
        postal_code: Some("3511 AB".into()),
        city: Some("Zeist".into()),
        complex_number: Some("C-12".into()),
        dwelling_type: Some("FLAT".into()),
        ..nobody(4, "A", ParticipantKind::Address)
    };
    assert_eq!(bundle.participants, [person, organization, address]);
}

#[test]
fn groups() {
    let file = "groups.csv";
    let bundle = read_one(
        file,
        "external_id,name,description,category,composition,organization,responsible,start_date,\
         completed_on,neighbourhood_role,restricted_to,source_group,year_group,subscription_group\n\
         G,Nieuws,Brief,K,ALL,O,P,2020-01-01,2021-01-01,PROJECT_LEADER,R,S,8,true\n",
    );
    let group = &bundle.groups[0];
    let expected = Group {
        at: at(file, 2, 1),
        external_id: "G".into(),
        name: Some("Nieuws".to_owned()),
        lack: None,
        description: Some("Brief".into()),
        category: Some(reference("K", at(file, 2, 16))),
        composition: Some(Composition::All),
        organization: Some(reference("O", at(file, 2, 22))),
        responsible: Some(reference("P", at(file, 2, 24))),
        start_date: Some(day(2020, 1, 1)),
        completed_on: Some(day(2021, 1, 1)),
        closed: None,
        visible_on_portal: None,
        visible_with_contact: None,
        changeable_on_portal: None,
        neighbourhood_role: Some(NeighbourhoodRole::ProjectLeader),
        subscription_group: Some(true),
        restricted_to: Some(reference("R", at(file, 2, 63))),
        source_group: Some(reference("S", at(file, 2, 65))),
        via_home_address: None,
        analytics_group: None,
        contribution_group: None,
        mail_group: None,
        member_directory: None,
        year_group: Some(8),
    };
    assert_eq!(group, &expected);
}

#[test]
fn flags_of_groups() {
    type Flag = fn(&Group) -> Option<bool>;
    let flags: [(&str, Flag); 9] = [
        ("closed", |group| group.closed),
        ("visible_on_portal", |group| group.visible_on_portal),
        ("visible_with_contact", |group| group.visible_with_contact),
        ("changeable_on_portal", |group| group.changeable_on_portal),
        ("subscription_group", |group| group.subscription_group),
        ("via_home_address", |group| group.via_home_address),
        ("analytics_group", |group| group.analytics_group),
        ("mail_group", |group| group.mail_group),
        ("member_directory", |group| group.member_directory),
    ];
    for (column, _) in flags.into_iter().chain([("contribution_group", flags[0].1)]) {
        let text = format!("external_id,name,description,category,{column}\nA,B,,,true\n");
        let group = &read_one("groups.csv", &text).groups[0];
        for (other, flag) in flags {
            assert_eq!(flag(group), (column == other).then_some(true), "{column} {other}");
        }
        let contribution = (column == "contribution_group").then_some(true);
        assert_eq!(group.contribution_group, contribution, "{column}");
    }
}

#[test]
fn links_between_rows() {
    let bundle = read_texts(&[
        ("group_components.csv", "component,composite,mode\nA,B,EXCLUDE\nC,B,\n"),
        ("residencies.csv", "end_date,start_date,address,participant\n2021-01-01,2020-01-01,H,P\n"),
        ("guardians.csv", "guardian,child\nP,Q\n"),
    ])
    .unwrap_or_else(|errors| panic!("{errors}"));
    let file = "group_components.csv";
    let component = |line, id, mode| Component {
        at: at(file, line, 1),
        composite: reference("B", at(file, line, 3)),
        component: reference(id, at(file, line, 1)),
        mode,
    };
    let excluded = component(2, "A", Some(ComponentMode::Exclude));
    assert_eq!(bundle.components, [excluded, component(3, "C", None)]);
    let residency = Residency {
        at: at("residencies.csv", 2, 1),
        participant: reference("P", at("residencies.csv", 2, 25)),
        address: reference("H", at("residencies.csv", 2, 23)),
        start_date: day(2020, 1, 1),
        end_date: Some(day(2021, 1, 1)),
    };
    assert_eq!(bundle.residencies, [residency]);
    let guardian = Guardian {
        at: at("guardians.csv", 2, 1),
        child: reference("Q", at("guardians.csv", 2, 3)),
        guardian: reference("P", at("guardians.csv", 2, 1)),
    };
    assert_eq!(bundle.guardians, [guardian]);
}

#[test]
fn memberships() {
    let file = "memberships.csv";
    let bundle = read_one(
        file,
        "role,group,participant,start_date,start_reason,end_date,end_reason\n\
         LEADER,G,P,2020-01-01,ELECTED,2021-01-01,TERM_ENDED\n",
    );
    let expected = Membership {
        at: at(file, 2, 1),
        group: reference("G", at(file, 2, 8)),
        participant: reference("P", at(file, 2, 10)),
        start_date: day(2020, 1, 1),
        start_reason: Some("ELECTED".into()),
        end_date: Some(day(2021, 1, 1)),
        end_reason: Some("TERM_ENDED".into()),
        role: Some(MembershipRole::Leader),
    };
    assert_eq!(bundle.memberships, [expected]);
}
