//! The bundle from bytes to rows or errors. Every kind of error is proved with its exact place.

mod data;
mod faults;
mod fields;
mod properties;
mod round_trip;
mod rules;
mod syntax;
mod values;

use std::collections::BTreeSet;

use super::*;

/// A bundle and what must be found in it, as `file:line:column CODE`, in order.
struct Case {
    why: &'static str,
    files: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
}

/// A case with a single file.
const fn case(
    why: &'static str,
    file: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
) -> Case {
    Case { why, files: file, expected }
}

/// The codes that take knowing what is stored; an import finds them, and its tests prove them.
const OF_IMPORTS: [ErrorCode; 15] = [
    ErrorCode::InvalidMap,
    ErrorCode::BeforeTransition,
    ErrorCode::UnknownReference,
    ErrorCode::KindChanged,
    ErrorCode::OtherOrganization,
    ErrorCode::AdministratorOnly,
    ErrorCode::NameTaken,
    ErrorCode::DynamicGroup,
    ErrorCode::GroupClosed,
    ErrorCode::ReasonRetired,
    ErrorCode::MutualGuardians,
    ErrorCode::TooManyEnded,
    ErrorCode::TooManyReopened,
    ErrorCode::TooManyEmptied,
    ErrorCode::TooManyRemoved,
];

/// Those of rosters, which `tests/it/rosters` proves.
const OF_ROSTERS: [ErrorCode; 10] = [
    ErrorCode::DocumentType,
    ErrorCode::DuplicateElement,
    ErrorCode::FutureDate,
    ErrorCode::MalformedXml,
    ErrorCode::NestedTooDeep,
    ErrorCode::NotARoster,
    ErrorCode::OlderFile,
    ErrorCode::SamePerson,
    ErrorCode::UnknownEntity,
    ErrorCode::UnsupportedEncoding,
];

const TABLES: [&[Case]; 4] = [syntax::CASES, values::CASES, rules::CASES, rules::BETWEEN_ROWS];

fn read_texts(files: &[(&str, &str)]) -> Result<Bundle, BundleErrors> {
    let memory: Memory = files.iter().copied().collect();
    read_from(&memory, &Limits::default())
}

/// The errors of a bundle that must be refused.
fn refused(files: &[(&str, &str)]) -> BundleErrors {
    read_texts(files).expect_err("the bundle is refused")
}

/// The message of a bundle's only error.
fn only_message(files: &[(&str, &str)]) -> String {
    let errors = refused(files).errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].message.clone()
}

fn places(outcome: &Result<Bundle, BundleErrors>) -> Vec<String> {
    let errors = outcome.as_ref().err();
    errors.into_iter().flat_map(|errors| &errors.errors).map(|error| format!("{} {}", error.at, error.code)).collect()
}

#[test]
fn every_case_is_found_at_its_place() {
    for case in TABLES.into_iter().flatten() {
        assert_eq!(places(&read_texts(case.files)), case.expected, "{}", case.why);
    }
}

#[test]
fn every_code_is_proved_by_a_case_or_by_a_test_of_its_own() {
    let proved: BTreeSet<&str> = TABLES
        .into_iter()
        .flatten()
        .flat_map(|case| case.expected)
        .filter_map(|expected| expected.split_once(' '))
        .map(|(_, code)| code)
        .chain(faults::PROVED.iter().chain(&OF_IMPORTS).chain(&OF_ROSTERS).map(|code| code.as_str()))
        .collect();
    let all: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(proved, all);
}
