//! What fields and rows owe each other.

use std::fmt::Write as _;

use super::*;

/// A file of the bundle, its header put before the rows.
macro_rules! file {
    (participants: $($row:literal)*) => {
        ("participants.csv", concat!(
            "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,",
            "name,email,phone,street,house_number,postal_code,city,complex_number,dwelling_type\n",
            $($row, "\n",)*
        ))
    };
    (groups: $($row:literal)*) => {
        ("groups.csv", concat!(
            "external_id,name,description,category,organization,responsible,",
            "subscription_group,restricted_to,source_group,via_home_address,contribution_group\n",
            $($row, "\n",)*
        ))
    };
    (components: $($row:literal)*) => {
        ("group_components.csv", concat!("composite,component,mode\n", $($row, "\n",)*))
    };
    (memberships: $($row:literal)*) => {
        ("memberships.csv", concat!(
            "group,participant,start_date,start_reason,end_date,end_reason,role\n",
            $($row, "\n",)*
        ))
    };
    (residencies: $($row:literal)*) => {
        ("residencies.csv", concat!("participant,address,start_date,end_date\n", $($row, "\n",)*))
    };
    (guardians: $($row:literal)*) => {
        ("guardians.csv", concat!("child,guardian\n", $($row, "\n",)*))
    };
}

/// A person, an organization and an address.
macro_rules! parties {
    () => {
        file!(participants:
            "P,PERSON,Jan,,,,,,,,,,,,,"
            "O,ORGANIZATION,,,,,,Kring,,,,,,,,"
            "A,ADDRESS,,,,,,,,,Dorpsstraat,1,,,,"
        )
    };
}

/// Rules within a row.
pub(super) const CASES: &[Case] = &[
    case(
        "what tells a participant from another may be stored already",
        &[file!(participants:
            "A,PERSON,,van,,,,,,,,,,,,"
            "B,PERSON,Jan,,,,,,,,,,,,,"
            "C,PERSON,,,Berg,,,,,,,,,,,"
            "D,ORGANIZATION,,,,,,,,,,,,,,"
            "E,ADDRESS,,,,,,,,,Dorpsstraat,,1234 AB,,,"
            "F,ADDRESS,,,,,,,,,,1,,Utrecht,,"
            "G,ADDRESS,,,,,,,,,,1,1234 AB,,,"
        )],
        &[],
    ),
    case(
        "and has none of the fields of the others",
        &[file!(participants:
            "A,PERSON,Jan,,,,,B.V.,,,,,,,12,FLAT"
            "B,ORGANIZATION,Jan,van,Berg,2000-01-01,MALE,B.V.,,,,,,,12,FLAT"
            "C,ADDRESS,,,,,,Huis,a@b.nl,112,Dorpsstraat,1,,,,"
            "D,ORGANIZATION,,,,,,B.V.,a@b.nl,112,Dorpsstraat,1,1234 AB,Utrecht,,"
        )],
        &[
            "participants.csv:2:18 FIELD_NOT_ALLOWED",
            "participants.csv:2:29 FIELD_NOT_ALLOWED",
            "participants.csv:2:32 FIELD_NOT_ALLOWED",
            "participants.csv:3:16 FIELD_NOT_ALLOWED",
            "participants.csv:3:20 FIELD_NOT_ALLOWED",
            "participants.csv:3:24 FIELD_NOT_ALLOWED",
            "participants.csv:3:29 FIELD_NOT_ALLOWED",
            "participants.csv:3:40 FIELD_NOT_ALLOWED",
            "participants.csv:3:56 FIELD_NOT_ALLOWED",
            "participants.csv:3:59 FIELD_NOT_ALLOWED",
            "participants.csv:4:16 FIELD_NOT_ALLOWED",
            "participants.csv:4:21 FIELD_NOT_ALLOWED",
            "participants.csv:4:28 FIELD_NOT_ALLOWED",
        ],
    ),
    case(
        "G8: a contribution group has no automatic participation and is no subscription group",
        &[file!(groups:
            "A,Leden,,,,,true,,B,true,true"
            "B,Leden,,,,,false,,,false,true"
            "C,Leden,,,,,true,,B,true,false"
        )],
        &[
            "groups.csv:2:13 CONTRIBUTION_CONFLICT",
            "groups.csv:2:19 CONTRIBUTION_CONFLICT",
            "groups.csv:2:21 CONTRIBUTION_CONFLICT",
        ],
    ),
    case(
        "S2: only a subscription group restricts joining",
        &[file!(groups: "A,Nieuws,,,,,,B,,," "B,Nieuws,,,,,false,A,,," "C,Nieuws,,,,,true,A,,,")],
        &["groups.csv:3:20 RESTRICTION_WITHOUT_SUBSCRIPTION"],
    ),
    case(
        "nothing is linked to itself (G4)",
        &[
            file!(components: "A,A,"),
            file!(groups: "A,Nieuws,,,,,true,A,,," "B,Nieuws,,,,,,,B,,"),
            file!(guardians: "P,P"),
        ],
        &[
            "group_components.csv:2:3 SELF_REFERENCE",
            "groups.csv:2:19 SELF_REFERENCE",
            "groups.csv:3:16 SELF_REFERENCE",
            "guardians.csv:2:3 SELF_REFERENCE",
        ],
    ),
    case(
        "M1: a period may not end before it starts, and may end as it starts",
        &[
            file!(memberships:
                "A,P,2020-01-02,IMPORTED,2020-01-01,LEFT,"
                "B,P,2020-01-02,IMPORTED,2020-01-02,LEFT,"
            ),
            file!(residencies: "P,A,2020-01-02,2020-01-01" "P,B,2020-01-02,2020-01-02"),
        ],
        &["memberships.csv:2:25 END_BEFORE_START", "residencies.csv:2:16 END_BEFORE_START"],
    ),
    case(
        "M3: a reason to end has an end",
        &[file!(memberships:
            "A,P,2020-01-02,IMPORTED,2020-01-03,,"
            "B,P,2020-01-02,IMPORTED,,LEFT,"
        )],
        &["memberships.csv:3:25 END_DATE_MISSING"],
    ),
];

/// Rules between rows.
pub(super) const BETWEEN_ROWS: &[Case] = &[
    case(
        "an external id occurs once in a file; the first row may be refused for something else",
        &[
            ("categories.csv", "name,external_id\n,A\nLeden, A \n"),
            file!(groups: "A,Leden,,,,,,,,," "A,Leden,,,,,,,,,"),
            file!(participants: "A,PERSON,Jan,,,,,,,,,,,,," "A,PERSON,Piet,,,,,,,,,,,,,"),
        ],
        &["categories.csv:3:7 DUPLICATE_ID", "groups.csv:3:1 DUPLICATE_ID", "participants.csv:3:1 DUPLICATE_ID"],
    ),
    case(
        "a component is listed once, whatever its mode; a guardian too",
        &[file!(components: "A,B,INCLUDE" "B,C," "A,B,EXCLUDE" "A,B,"), file!(guardians: "P,Q" "P,R" "P,Q")],
        &[
            "group_components.csv:4:1 DUPLICATE_ROW",
            "group_components.csv:5:1 DUPLICATE_ROW",
            "guardians.csv:4:1 DUPLICATE_ROW",
        ],
    ),
    case(
        "M2: periods do not overlap, also when a long one covers several, whatever their order",
        &[file!(memberships:
            "A,P,2020-03-01,IMPORTED,2020-04-01,LEFT,"
            "A,P,2020-01-01,IMPORTED,2021-01-01,LEFT,"
            "A,P,2020-02-01,IMPORTED,2020-03-01,LEFT,"
            "A,P,2021-01-01,IMPORTED,,,"
            "A,P,2020-05-01,IMPORTED,,,"
            "B,P,2020-05-01,IMPORTED,,,"
            "A,Q,2020-05-01,IMPORTED,,,"
        )],
        &[
            "memberships.csv:3:1 OVERLAPPING_PERIODS",
            "memberships.csv:4:1 OVERLAPPING_PERIODS",
            "memberships.csv:6:1 OVERLAPPING_PERIODS",
            "memberships.csv:6:1 OVERLAPPING_PERIODS",
        ],
    ),
    case(
        "M1, M2: one ends on the day on which the next starts, and days on which none is in force",
        &[file!(memberships:
            "A,P,2020-01-01,IMPORTED,2020-02-01,LEFT,"
            "A,P,2020-02-01,IMPORTED,2020-03-01,LEFT,"
            "A,P,2020-04-01,IMPORTED,2020-04-01,LEFT,"
            "A,P,2020-04-01,IMPORTED,,,"
            "A,P,2020-05-01,IMPORTED,2020-05-01,LEFT,"
        )],
        &[],
    ),
    case(
        "the same row twice is a mistake even where it covers no day",
        &[file!(memberships:
            "A,P,2020-01-01,IMPORTED,2020-01-01,LEFT,"
            "A,P,2020-01-01,IMPORTED,2020-01-01,LEFT,"
            "B,P,2020-01-01,IMPORTED,,,"
            "B,P,2020-01-01,IMPORTED,,,"
            "C,P,2020-02-01,IMPORTED,2020-02-01,LEFT,"
            "C,P,2020-01-01,IMPORTED,,,"
            "C,P,2020-02-01,IMPORTED,2020-02-01,LEFT,"
        )],
        &[
            "memberships.csv:3:1 DUPLICATE_ROW",
            "memberships.csv:5:1 OVERLAPPING_PERIODS",
            "memberships.csv:8:1 DUPLICATE_ROW",
        ],
    ),
    case(
        "nobody is registered twice at one address at a time",
        &[file!(residencies:
            "P,A,2020-01-01," "P,A,2021-01-01," "P,B,2021-01-01," "Q,A,2020-01-01,"
        )],
        &["residencies.csv:3:1 OVERLAPPING_PERIODS"],
    ),
    case(
        "references lead to participants of the kind that fits",
        &[
            parties!(),
            file!(groups: "G,Leden,,,P,A,,,,," "H,Leden,,,A,P,,,,," "I,Leden,,,O,O,,,,,"),
            file!(memberships:
                "G,P,2020-01-01,IMPORTED,,,"
                "G,O,2020-01-01,IMPORTED,,,"
                "G,A,2020-01-01,IMPORTED,,,"
            ),
            file!(residencies:
                "P,A,2020-01-01," "O,A,2020-01-01," "A,A,2020-01-01,"
                "P,O,2020-01-01," "X,P,2020-01-01,"
            ),
            file!(guardians: "P,O" "A,P" "P,X" "O,X"),
        ],
        &[
            "groups.csv:2:11 WRONG_KIND",
            "groups.csv:2:13 WRONG_KIND",
            "groups.csv:3:11 WRONG_KIND",
            "guardians.csv:2:3 WRONG_KIND",
            "guardians.csv:3:1 WRONG_KIND",
            "guardians.csv:5:1 WRONG_KIND",
            "residencies.csv:4:1 WRONG_KIND",
            "residencies.csv:5:3 WRONG_KIND",
            "residencies.csv:6:3 WRONG_KIND",
        ],
    ),
    case(
        "G4: composites do not contain each other in a circle, excluded components included",
        &[file!(components: "A,B," "B,C," "X,Y," "C,A,EXCLUDE" "Y,Z,")],
        &["group_components.csv:5:1 COMPONENT_CYCLE"],
    ),
    case(
        "G4: nor do sources, nor restricting groups",
        &[file!(groups:
            "A,Leden,,,,,,,B,,"
            "B,Leden,,,,,,,C,,"
            "C,Leden,,,,,,,A,,"
            "D,Nieuws,,,,,true,E,,,"
            "E,Nieuws,,,,,true,D,,,"
            "F,Nieuws,,,,,true,E,A,,"
        )],
        &["groups.csv:4:15 SOURCE_CYCLE", "groups.csv:6:19 RESTRICTION_CYCLE"],
    ),
    case(
        "G4: nor is a group fed by a composite that it is a component of",
        &[file!(components: "B,A," "C,B,"), file!(groups: "A,Leden,,,,,,,C,," "B,Leden,,,,,,,,," "C,Leden,,,,,,,,,")],
        &["groups.csv:2:15 SOURCE_CYCLE"],
    ),
    case(
        "groups may share components, sources and restricting groups",
        &[
            file!(components: "A,B," "A,C," "B,D," "C,D," "A,D,"),
            file!(groups: "X,Nieuws,,,,,true,Z,A,," "Y,Nieuws,,,,,true,Z,A,," "Z,Leden,,,,,,,X,,"),
        ],
        &[],
    ),
];

#[test]
fn a_cycle_is_told_with_its_path_from_the_row_that_closes_it() {
    let components = [file!(components: "A,B," "S,A," "B,D," "B,C," "C,A," "D,E,")];
    assert_eq!(only_message(&components), "composite groups contain each other in a circle: C → A → B → C");
    let fed = [file!(components: "B,A,"), file!(groups: "A,Leden,,,,,,,B,,")];
    assert_eq!(
        only_message(&fed),
        "groups feed each other in a circle (a composite is fed by its components): A → B → A"
    );
}

#[test]
fn a_cycle_of_very_many_groups_is_found_and_told_in_short() {
    const GROUPS: usize = 100_000;
    let mut text = String::from("composite,component\n");
    for group in 0..GROUPS {
        writeln!(text, "G{group},G{}", (group + 1) % GROUPS).expect("memory");
    }
    let message = only_message(&[("group_components.csv", &text)]);
    assert!(message.contains("G99999 → G0 → G1 → "), "{message}");
    assert!(message.ends_with(" → … → G99999"), "{message}");
}

#[test]
fn rules_between_rows_name_the_earlier_row() {
    let message = only_message(&[file!(memberships:
        "A,P,2020-01-01,IMPORTED,2020-06-01,LEFT,"
        "A,Q,2020-01-01,IMPORTED,2020-06-01,LEFT,"
        "A,P,2020-05-01,IMPORTED,,,"
    )]);
    assert_eq!(
        message,
        "the period from 2020-05-01 of \"P\" in group \"A\" overlaps the one on line 2 \
         (2020-01-01 to 2020-06-01)"
    );
    let message = only_message(&[file!(components: "A,B," "A,C," "A,B,")]);
    assert_eq!(message, "\"B\" is a component of \"A\" already, on line 2");
    let message = only_message(&[file!(guardians: "P,Q" "P,Q")]);
    assert_eq!(message, "\"Q\" is a guardian of \"P\" already, on line 2");
    let message = only_message(&[file!(groups: "A,B,,,,,,,,," "A,C,,,,,,,,,")]);
    assert_eq!(message, "external_id \"A\" is there already, on line 2");
    let message = only_message(&[parties!(), file!(guardians: "P,O")]);
    assert_eq!(message, "guardian must be PERSON, and \"O\" is of kind ORGANIZATION");
}

#[test]
fn references_that_lead_out_of_the_bundle_are_handed_over_once_for_every_demand() {
    let bundle = read_texts(&[
        parties!(),
        file!(groups: "A,Leden,,oud,X,Y,true,B,A2,," "C,Leden,,oud,O,P,,,,,"),
        file!(memberships: "B,P,2020-01-01,IMPORTED,,," "C,Y,2020-01-01,IMPORTED,,,"),
        file!(residencies: "Y,A,2020-01-01,"),
    ])
    .expect("a sound bundle");
    let found: Vec<_> = bundle
        .unresolved
        .iter()
        .map(|open| {
            let kinds = words(open.kinds);
            let Reference { id, at } = &open.reference;
            format!("{at} {} {id} {kinds} {}", open.target, open.uses)
        })
        .collect();
    let expected = [
        "groups.csv:2:10 CATEGORY oud  2",
        "groups.csv:2:14 PARTICIPANT X ORGANIZATION 1",
        "groups.csv:2:16 PARTICIPANT Y PERSON or ORGANIZATION 2",
        "groups.csv:2:23 GROUP B  2",
        "groups.csv:2:25 GROUP A2  1",
        "memberships.csv:3:3 PARTICIPANT Y PERSON, ORGANIZATION or ADDRESS 1",
    ];
    assert_eq!(found, expected);
}
