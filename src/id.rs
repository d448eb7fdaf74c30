//! Global identifiers: opaque to clients, typed for us.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The kinds of objects that have a global identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Participant,
    Group,
    Membership,
    GroupCategory,
    StartReason,
    EndReason,
    Residency,
    HistoryEntry,
    OutboxMessage,
    Content,
    ContentLink,
    ContentFile,
    SurveyResponse,
    DiscussionPost,
    ConversationSlot,
    SignUpEntry,
    AbsenceReport,
    LeaveRequest,
    LunchStay,
    YearTransition,
    Viewer,
}

impl Kind {
    const ALL: [(Self, &'static str); 21] = [
        (Self::Participant, "Participant"),
        (Self::Group, "Group"),
        (Self::Membership, "Membership"),
        (Self::GroupCategory, "GroupCategory"),
        (Self::StartReason, "StartReason"),
        (Self::EndReason, "EndReason"),
        (Self::Residency, "Residency"),
        (Self::HistoryEntry, "HistoryEntry"),
        (Self::OutboxMessage, "OutboxMessage"),
        (Self::Content, "Content"),
        (Self::ContentLink, "ContentLink"),
        (Self::ContentFile, "ContentFile"),
        (Self::SurveyResponse, "SurveyResponse"),
        (Self::DiscussionPost, "DiscussionPost"),
        (Self::ConversationSlot, "ConversationSlot"),
        (Self::SignUpEntry, "SignUpEntry"),
        (Self::YearTransition, "YearTransition"),
        (Self::Viewer, "Viewer"),
        (Self::AbsenceReport, "AbsenceReport"),
        (Self::LeaveRequest, "LeaveRequest"),
        (Self::LunchStay, "LunchStay"),
    ];

    /// The name inside the identifier.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// Writes a global identifier.
pub fn encode(kind: Kind, id: i64) -> String {
    let mut number = itoa::Buffer::new();
    let mut plain = String::with_capacity(32);
    plain.push_str(kind.name());
    plain.push(':');
    plain.push_str(number.format(id));
    URL_SAFE_NO_PAD.encode(plain)
}

/// Reads a global identifier of any kind. `None` when it is not one of ours.
pub fn decode(text: &str) -> Option<(Kind, i64)> {
    // The longest identifier that we write has far fewer characters.
    if text.len() > 64 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    let plain = std::str::from_utf8(&bytes).ok()?;
    let (name, number) = plain.split_once(':')?;
    let (kind, _) = Kind::ALL.iter().find(|(_, known)| *known == name)?;
    let id: i64 = number.parse().ok()?;
    (id > 0).then_some((*kind, id))
}

/// Reads a global identifier of one kind. `None` when it is of another kind or not one of ours.
pub fn decode_as(kind: Kind, text: &str) -> Option<i64> {
    decode(text).and_then(|(found, id)| (found == kind).then_some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_the_round_trip() {
        for (kind, _) in Kind::ALL {
            for id in [1, 7, 1_000_000, i64::MAX] {
                assert_eq!(decode(&encode(kind, id)), Some((kind, id)));
            }
        }
    }

    #[test]
    fn foreign_text_is_not_an_identifier() {
        let overlong = "R".repeat(10_000);
        for text in ["", "1", "Group:1", "R3JvdXA6MA", "R3JvdXA6LTE", "Tm9wZTox", "🦀", overlong.as_str()] {
            assert_eq!(decode(text), None, "{text:.20}");
        }
        assert_eq!(decode_as(Kind::Participant, &encode(Kind::Group, 1)), None);
    }
}
