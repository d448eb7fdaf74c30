//! Records and headers.

use super::*;

pub(super) const CASES: &[Case] = &[
    case("an empty file has no header", &[("guardians.csv", "")], &["guardians.csv:1:1 MISSING_HEADER"]),
    case(
        "nor has one of empty lines and a byte order mark",
        &[("guardians.csv", "\u{feff}\n\r\n")],
        &["guardians.csv:1:1 MISSING_HEADER"],
    ),
    case(
        "semicolons are named as such",
        &[("guardians.csv", "child;guardian\nA;B\n")],
        &["guardians.csv:1:1 WRONG_DELIMITER"],
    ),
    case("so are tabs", &[("guardians.csv", "child\tguardian\nA\tB\n")], &["guardians.csv:1:1 WRONG_DELIMITER"]),
    case("a key column is missing", &[("categories.csv", "name\nA\n")], &["categories.csv:1:1 MISSING_COLUMN"]),
    case("and no other has to be there", &[("participants.csv", "external_id\nA\n")], &[]),
    case(
        "a column is misspelt",
        &[("categories.csv", "external_id,nmae\nA,B\n")],
        &["categories.csv:1:13 UNKNOWN_COLUMN"],
    ),
    case(
        "names are lower-case",
        &[("guardians.csv", "child,Guardian\n")],
        &["guardians.csv:1:1 MISSING_COLUMN", "guardians.csv:1:7 UNKNOWN_COLUMN"],
    ),
    case(
        "an optional column is misspelt",
        &[("group_components.csv", "composite,component,mod\nA,B,EXCLUDE\n")],
        &["group_components.csv:1:21 UNKNOWN_COLUMN"],
    ),
    case(
        "a column has no name",
        &[("guardians.csv", "child,guardian,\nA,B,\n")],
        &["guardians.csv:1:16 UNKNOWN_COLUMN"],
    ),
    case(
        "a column is there twice",
        &[("guardians.csv", "child,guardian,child\nA,B,C\n")],
        &["guardians.csv:1:16 DUPLICATE_COLUMN"],
    ),
    case(
        "every fault of a header is found, and the rows are not looked at",
        &[("categories.csv", "name,name,nickname\n,,\n")],
        &[
            "categories.csv:1:1 MISSING_COLUMN",
            "categories.csv:1:6 DUPLICATE_COLUMN",
            "categories.csv:1:11 UNKNOWN_COLUMN",
        ],
    ),
    case(
        "half a row and a row and a half, the good row between them read",
        &[("guardians.csv", "child,guardian\nA\nB,C\nD,E,F,G\n\n\"H\n\",I,J\n")],
        &[
            "guardians.csv:2:1 WRONG_FIELD_COUNT",
            "guardians.csv:4:5 WRONG_FIELD_COUNT",
            "guardians.csv:7:5 WRONG_FIELD_COUNT",
        ],
    ),
    case(
        "a quote is never closed",
        &[("guardians.csv", "child,guardian\nA,B\nC,\"D\nE,F\n")],
        &["guardians.csv:3:3 UNTERMINATED_QUOTE"],
    ),
    case(
        "nor in the header",
        &[("guardians.csv", "child,\"guardian\nA,B\n")],
        &["guardians.csv:1:7 UNTERMINATED_QUOTE"],
    ),
    case(
        "quotes are out of place, once a row, and the rows after it are read",
        &[("categories.csv", "external_id,name\nA,é\"B\" \"C\"\nD,\"E\"F\nG,\nH, \"I\"\n")],
        &["categories.csv:2:4 STRAY_QUOTE", "categories.csv:3:6 STRAY_QUOTE", "categories.csv:5:4 STRAY_QUOTE"],
    ),
    case(
        "columns count characters from the start of the line on which the field begins",
        &[(
            "memberships.csv",
            concat!(
                "group,participant,start_date,start_reason,end_date,end_reason,role\r\n",
                "\r\n",
                "\"Zuid\r\nOost\",Zoë,2020-1-1,IMPORTED,,,MEMBER\r\n",
                "ÀÉ,\"\"\"ö\"\"\",2020-02-30,IMPORTED,,,member\r\n",
            ),
        )],
        &[
            "memberships.csv:3:1 CONTROL_CHARACTER",
            "memberships.csv:4:11 INVALID_DATE",
            "memberships.csv:5:12 INVALID_DATE",
            "memberships.csv:5:34 UNKNOWN_VALUE",
        ],
    ),
];

/// The names of the categories that a text holds.
fn names(text: &str) -> Vec<String> {
    let bundle = read_texts(&[("categories.csv", text)]).expect("a sound bundle");
    bundle.categories.into_iter().filter_map(|row| row.name).collect()
}

#[test]
fn fields_are_read_as_rfc_4180_says() {
    let cases = [
        ("external_id,name\nA,B", "B"),
        ("external_id,name\r\nA,B\r\n", "B"),
        ("\u{feff}external_id,name\nA,B\n", "B"),
        ("\u{feff}\"external_id\",name\nA,B\n", "B"),
        ("\n\nexternal_id,name\n\nA,B\n\n\n", "B"),
        ("name,external_id\nB,A\n", "B"),
        (" name , external_id \n B ,A\n", "B"),
        ("external_id,name\nA,\"B, C\"\n", "B, C"),
        ("external_id,name\nA,\"B \"\"C\"\"\"\n", "B \"C\""),
        ("external_id,name\nA,\" B \"\n", "B"),
        ("external_id,name\nA,\"B\"", "B"),
        ("external_id,name\nA,\u{a0}Zoë\u{a0}\n", "Zoë"),
    ];
    for (text, expected) in cases {
        assert_eq!(names(text), [expected], "{text:?}");
    }
    assert!(names("external_id,name\n").is_empty());
}

#[test]
fn line_ends_within_a_field_are_kept_as_one_character() {
    let text = "external_id,name,description,category\r\nA,B,\"one\r\n\r\ntwo\nthree\",\r\n";
    let bundle = read_texts(&[("groups.csv", text)]).expect("a sound bundle");
    assert_eq!(bundle.groups[0].description.as_deref(), Some("one\n\ntwo\nthree"));
}

#[test]
fn a_misspelt_column_is_told_its_name_and_all_that_there_are() {
    let message = only_message(&[("group_components.csv", "composite,component,Mode\n")]);
    assert_eq!(
        message,
        "there is no column \"Mode\"; did you mean mode? \
         the columns are: composite, component, mode"
    );
}

#[test]
fn an_import_can_tell_a_column_left_out_from_an_empty_field() {
    let text = "description,category,name,external_id,closed\n,,B,A,\n";
    let bundle = read_texts(&[("groups.csv", text)]).expect("a sound bundle");
    assert!(bundle.has_column("groups.csv", "closed"));
    assert!(!bundle.has_column("groups.csv", "start_date"));
    assert!(!bundle.has_column("categories.csv", "name"));
    let expected = FileSummary {
        name: "groups.csv",
        columns: vec!["external_id", "name", "description", "category", "closed"],
        rows: 1,
    };
    assert_eq!(bundle.files, [expected]);
}
