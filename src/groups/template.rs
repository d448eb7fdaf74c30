//! Templates of e-mails: text with placeholders, such as `{{ displayName }}`.

use std::fmt::Write;

/// The placeholders that a template may have.
pub const PLACEHOLDERS: [&str; 5] = ["displayName", "givenName", "groupName", "organizationName", "startDate"];

/// A first line that begins so holds the subject.
const SUBJECT: &str = "Subject:";
/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;

/// What a member's e-mail says in place of the placeholders, in the order of [`PLACEHOLDERS`].
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub display_name: String,
    pub given_name: String,
    pub group_name: String,
    pub organization_name: String,
    pub start_date: String,
}

impl Values {
    fn of(&self, placeholder: &str) -> Option<&str> {
        Some(match placeholder {
            "displayName" => &self.display_name,
            "givenName" => &self.given_name,
            "groupName" => &self.group_name,
            "organizationName" => &self.organization_name,
            "startDate" => &self.start_date,
            _ => return None,
        })
    }
}

/// An e-mail's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

/// Everything that is wrong with a template, in sentences.
pub fn faults(template: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for piece in pieces(template) {
        match piece {
            Piece::Text(_) => {}
            Piece::Open => faults.push("A placeholder begins with {{ and has no }}.".to_owned()),
            Piece::Placeholder(name) => {
                if !PLACEHOLDERS.contains(&name) {
                    let shown: String = name.chars().take(50).collect();
                    faults.push(format!("There is no placeholder \"{shown}\"; there are {}.", PLACEHOLDERS.join(", ")));
                }
            }
        }
    }
    let (subject, body) = split(template);
    if subject.is_some_and(|subject| subject.trim().is_empty()) {
        faults.push("The subject is empty.".to_owned());
    }
    if body.trim().is_empty() {
        faults.push("The e-mail has no text.".to_owned());
    }
    faults
}

/// The e-mail for one member. A placeholder that is not known stays as it is.
pub fn render(template: &str, values: &Values) -> Text {
    let (subject, body) = split(template);
    let subject = match subject {
        Some(subject) => fill(subject, values),
        None => format!("Welcome to {}", values.group_name),
    };
    // What people are called must not begin another header.
    let subject: String = subject.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ");
    Text {
        subject: subject.trim().chars().take(MAX_SUBJECT).collect(),
        body: fill(body.trim_start_matches('\n'), values),
    }
}

fn split(template: &str) -> (Option<&str>, &str) {
    match template.strip_prefix(SUBJECT) {
        None => (None, template),
        Some(rest) => match rest.split_once('\n') {
            Some((subject, body)) => (Some(subject), body),
            None => (Some(rest), ""),
        },
    }
}

fn fill(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len() + 50);
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Open => filled.push_str("{{"),
            Piece::Placeholder(name) => match values.of(name) {
                Some(value) => filled.push_str(value),
                // Writing to a text does not fail.
                None => drop(write!(filled, "{{{{ {name} }}}}")),
            },
        }
    }
    filled
}

enum Piece<'t> {
    Text(&'t str),
    Placeholder(&'t str),
    /// An opening without an end.
    Open,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        pieces.push(Piece::Text(before));
        if let Some((name, after)) = after.split_once("}}") {
            pieces.push(Piece::Placeholder(name.trim()));
            rest = after;
        } else {
            pieces.push(Piece::Open);
            rest = after;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_checked() {
        for (template, faults_expected) in [
            ("Welkom!", 0),
            (
                "Subject: Hoi {{givenName}}\n\nWelkom bij {{ groupName }} vanaf {{startDate}}, {{displayName}}. {{organizationName}}",
                0,
            ),
            ("Hoi {{ name }}", 1),
            ("Hoi {{ name", 1),
            ("Hoi {{}} en {{ {{", 3),
            ("Subject: \nHoi", 1),
            ("Subject: Hoi", 1),
            ("}} { niets {", 0),
        ] {
            assert_eq!(faults(template).len(), faults_expected, "{template}: {:?}", faults(template));
        }
        assert!(faults("{{ name }}").concat().contains("givenName"), "the fault names what there is");
    }

    #[test]
    fn a_name_cannot_add_a_header_or_a_placeholder() {
        let values = Values {
            display_name: "Eve\r\nBcc: all@example.org".to_owned(),
            given_name: "{{ startDate }}".to_owned(),
            group_name: "Koor".to_owned(),
            ..Values::default()
        };
        let text = render("Subject: Hoi {{ displayName }}\n\nDag {{givenName}} van {{ groupName }}", &values);
        assert_eq!(text.subject, "Hoi Eve  Bcc: all@example.org");
        assert_eq!(text.body, "Dag {{ startDate }} van Koor");
        assert_eq!(render("Dag", &values).subject, "Welcome to Koor");
    }
}
