//! What a single field may hold.

use super::*;

pub(super) const CASES: &[Case] = &[
    case(
        "what must be there is not, in any field of the row",
        &[(
            "memberships.csv",
            concat!("role,group,participant,start_date,start_reason,end_date,end_reason\n", "LEADER, ,\"\",,,,\n",),
        )],
        &[
            "memberships.csv:2:8 MISSING_VALUE",
            "memberships.csv:2:10 MISSING_VALUE",
            "memberships.csv:2:13 MISSING_VALUE",
        ],
    ),
    case(
        "control characters hide in names",
        &[("categories.csv", "external_id,name\nA\u{0},B\nC,D\tE\nF,G\rH\nI,\"J\nK\"\nL,M\u{85}N\n\u{feff}O,P\n")],
        &[
            "categories.csv:2:1 CONTROL_CHARACTER",
            "categories.csv:3:3 CONTROL_CHARACTER",
            "categories.csv:4:3 CONTROL_CHARACTER",
            "categories.csv:5:3 CONTROL_CHARACTER",
            "categories.csv:7:3 CONTROL_CHARACTER",
        ],
    ),
    case(
        "nothing turns the direction of reading, and what cannot be seen makes no difference",
        &[("categories.csv", "external_id,name\nA,B\u{202e}C\nD\u{2066},E\nF\u{200b},G\n\u{feff}F,H\n\u{200b},I\n")],
        &[
            "categories.csv:2:3 CONTROL_CHARACTER",
            "categories.csv:3:1 CONTROL_CHARACTER",
            "categories.csv:5:1 DUPLICATE_ID",
            "categories.csv:6:1 MISSING_VALUE",
        ],
    ),
    case(
        "a description may have line ends and tabs, and no other control characters",
        &[(
            "groups.csv",
            concat!("external_id,name,description,category\n", "A,B,\"one\n\ttwo\",\n", "C,D,one\u{7}two,\n",),
        )],
        &["groups.csv:4:5 CONTROL_CHARACTER"],
    ),
    case(
        "words, flags and year groups are spelled exactly",
        &[(
            "groups.csv",
            concat!(
                "external_id,name,description,category,",
                "composition,closed,neighbourhood_role,year_group\n",
                "A,B,,,SOME,True,COACHES,9\n",
                "C,D,,,any,1,Coach,01\n",
                "E,F,,,ALL,yes,PROJECT_LEADER,0\n",
                "G,H,,,ANY,true,EXTERNAL_PARTY,8\n",
            ),
        )],
        &[
            "groups.csv:2:7 UNKNOWN_VALUE",
            "groups.csv:2:12 UNKNOWN_VALUE",
            "groups.csv:2:17 UNKNOWN_VALUE",
            "groups.csv:2:25 UNKNOWN_VALUE",
            "groups.csv:3:7 UNKNOWN_VALUE",
            "groups.csv:3:11 UNKNOWN_VALUE",
            "groups.csv:3:13 UNKNOWN_VALUE",
            "groups.csv:3:19 UNKNOWN_VALUE",
            "groups.csv:4:11 UNKNOWN_VALUE",
            "groups.csv:4:30 UNKNOWN_VALUE",
        ],
    ),
    case(
        "so are roles, modes, kinds and genders",
        &[
            ("group_components.csv", "composite,component,mode\nA,B,include\n"),
            (
                "memberships.csv",
                concat!(
                    "group,participant,start_date,start_reason,end_date,end_reason,role\n",
                    "A,B,2020-01-01,IMPORTED,,,CHAIR\n",
                ),
            ),
            (
                "participants.csv",
                concat!(
                    "external_id,kind,given_name,name_prefix,family_name,birth_date,gender\n",
                    "A,person,Jan,,,,\n",
                    "B,PERSON,Jan,,,,X\n",
                ),
            ),
        ],
        &[
            "group_components.csv:2:5 UNKNOWN_VALUE",
            "memberships.csv:2:27 UNKNOWN_VALUE",
            "participants.csv:2:3 UNKNOWN_VALUE",
            "participants.csv:3:17 UNKNOWN_VALUE",
        ],
    ),
    case(
        "a broken date is one error, not a missing end as well",
        &[(
            "memberships.csv",
            concat!(
                "group,participant,start_date,start_reason,end_date,end_reason,role\n",
                "A,B,2020-01-01,IMPORTED,2020-13-01,LEFT,\n",
            ),
        )],
        &["memberships.csv:2:25 INVALID_DATE"],
    ),
    case(
        "reason codes are capitals, digits and underscores",
        &[(
            "memberships.csv",
            concat!(
                "group,participant,start_date,start_reason,end_date,end_reason,role\n",
                "A,B,2020-01-01,moved in,2020-02-01,VERHUISD!,\n",
                "A,C,2020-01-01,ÉÉN,2020-02-01,",
                "X23456789_123456789_123456789_123456789_123456789_1,\n",
            ),
        )],
        &[
            "memberships.csv:2:16 INVALID_REASON",
            "memberships.csv:2:36 INVALID_REASON",
            "memberships.csv:3:16 INVALID_REASON",
            "memberships.csv:3:31 INVALID_REASON",
        ],
    ),
    case(
        "an e-mail address has one @, something on both sides and no spaces",
        &[(
            "participants.csv",
            concat!(
                "external_id,kind,given_name,name_prefix,family_name,birth_date,gender,email\n",
                "A,PERSON,Jan,,,,,jan\n",
                "B,PERSON,Jan,,,,,@example.org\n",
                "C,PERSON,Jan,,,,,jan@\n",
                "D,PERSON,Jan,,,,,jan@a@b\n",
                "E,PERSON,Jan,,,,,jan de boer@example.org\n",
                "F,PERSON,Jan,,,,,jan+kring@example.org\n",
                "G,PERSON,Jan,,,,,ans@demo,com\n",
                "H,PERSON,Jan,,,,,\"ans@demo,com\"\n",
            ),
        )],
        &[
            "participants.csv:2:18 INVALID_EMAIL",
            "participants.csv:3:18 INVALID_EMAIL",
            "participants.csv:4:18 INVALID_EMAIL",
            "participants.csv:5:18 INVALID_EMAIL",
            "participants.csv:6:18 INVALID_EMAIL",
            "participants.csv:8:27 WRONG_FIELD_COUNT",
            "participants.csv:9:18 INVALID_EMAIL",
        ],
    ),
    case(
        "a telephone number can be called",
        &[(
            "participants.csv",
            "external_id,phone\nA,abc\nB,06-12345678\nC,06\nD,030 123 45 67 tst. 3\nE,06-12345678 (moeder)\n",
        )],
        &[
            "participants.csv:2:3 INVALID_PHONE",
            "participants.csv:4:3 INVALID_PHONE",
            "participants.csv:6:3 INVALID_PHONE",
        ],
    ),
];

#[test]
fn texts_are_refused_rather_than_cut() {
    let header = "external_id,name,description,category\n";
    let long = |length: usize| "é".repeat(length);
    let cases = [
        (format!("{},B,,\n", long(200)), None),
        (format!("{},B,,\n", long(201)), Some("groups.csv:2:1 TOO_LONG")),
        (format!("A,{},,\n", long(200)), None),
        (format!("A,{},,\n", long(201)), Some("groups.csv:2:3 TOO_LONG")),
        (format!("A,B,{},\n", long(10_000)), None),
        (format!("A,B,{},\n", long(10_001)), Some("groups.csv:2:5 TOO_LONG")),
        (format!("A,B,,{}\n", long(201)), Some("groups.csv:2:6 TOO_LONG")),
    ];
    for (row, expected) in cases {
        let text = format!("{header}{row}");
        let found = places(&read_texts(&[("groups.csv", &text)]));
        assert_eq!(found, Vec::from_iter(expected.map(str::to_owned)));
    }
}

#[test]
fn dates_are_strictly_iso() {
    let good = ["0001-01-01", "2024-02-29", "9999-12-31"];
    for text in good {
        let date = date(text).expect(text);
        assert_eq!(date.to_string(), text);
    }
    let bad = [
        "",
        "0000-01-01",
        "2023-02-29",
        "2023-04-31",
        "2023-13-01",
        "2023-00-10",
        "2023-10-00",
        "2023-1-1",
        "23-01-01",
        "20230101",
        "2023/01/01",
        "01-02-2023",
        "2023-01-01T00:00",
        "+023-01-01",
        "2023-01-0१",
        " 2023-01-01",
        "2023-W01-1",
        "10000-01-01",
    ];
    for text in bad {
        let problem = date(text).expect_err(text);
        assert_eq!(problem.code, ErrorCode::InvalidDate, "{text}");
    }
}

#[test]
fn messages_list_what_is_allowed_and_show_what_was_there() {
    let row = |value: &str| format!("composite,component,mode\nA,B,{value}\n");
    let message = |value: &str| only_message(&[("group_components.csv", &row(value))]);
    assert_eq!(message("\"include\nit\""), r#"mode "include\nit" is not allowed here; write INCLUDE or EXCLUDE"#);
    let long = message(&"x".repeat(61));
    assert!(long.contains(&format!("\"{}…\"", "x".repeat(60))), "{long}");
    let text = "external_id,name,description,category,neighbourhood_role\nA,B,,,X\n";
    assert_eq!(
        only_message(&[("groups.csv", text)]),
        "neighbourhood_role \"X\" is not allowed here; \
         write COACH, PROJECT_LEADER or EXTERNAL_PARTY"
    );
}
