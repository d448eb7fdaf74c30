//! What a preview was made from, in few bytes, so that whoever applies it can be told what has changed since.
//!
//! A token holds a digest of the plan and of every fact that it rests on, and of each group three numbers: of its
//! members, of its links and of its records. When the digest is another one, the numbers say where to look.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::plan::{Facts, NewEnd, Outcomes, Plan, Row, Start, Tally};
use crate::content::kind::ContentKind;
use crate::school::records::RecordKind;

/// Tells tokens of this form from others.
const FORM: u8 = 1;
/// How many bytes of the digest are kept.
const DIGEST: usize = 16;
/// The bytes of one group.
const GROUP: usize = 6;

/// What a preview was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    digest: [u8; DIGEST],
    /// By group, in the order of their keys.
    groups: Vec<[u16; 3]>,
}

/// What can change about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    Members,
    Links,
    Records,
}

const ASPECTS: [Aspect; 3] = [Aspect::Members, Aspect::Links, Aspect::Records];

impl Token {
    /// Of a plan and the facts over which it was worked out.
    pub fn new(transition: i64, plan: &Plan, facts: &Facts, outcomes: &Outcomes) -> Self {
        let mut whole = Sha256::new();
        number(&mut whole, transition);
        text(&mut whole, &plan.effective_on.to_string());
        for planned in &plan.moves {
            number(&mut whole, planned.group_id);
            number(&mut whole, planned.to_group_id.unwrap_or_default());
            number(&mut whole, planned.with_leaders.into());
        }
        for exception in &plan.exceptions {
            number(&mut whole, exception.participant_id);
            number(&mut whole, exception.group_id.unwrap_or_default());
            number(&mut whole, exception.to_group_id.unwrap_or_default());
            text(&mut whole, exception.outcome.as_str());
        }
        let mut members = MemberDigests::default();
        members.gather(facts, outcomes);
        let mut groups = Vec::with_capacity(plan.moves.len());
        for planned in &plan.moves {
            let group = planned.group_id;
            let parts = [
                members.of(group),
                tallies(facts.links.get(&group), ContentKind::as_str),
                tallies(facts.records.get(&group), RecordKind::as_str),
            ];
            groups.push(parts.map(|part| {
                whole.update(part);
                u16::from_be_bytes([part[0], part[1]])
            }));
        }
        for start in &outcomes.starts {
            begin(&mut whole, start);
        }
        // What is to be known before applying; its words may hold a name that was corrected since.
        for warning in &outcomes.warnings {
            text(&mut whole, &format!("{:?}", warning.code));
            number(&mut whole, warning.group_id.unwrap_or_default());
        }
        let mut digest = [0; DIGEST];
        digest.iter_mut().zip(whole.finalize()).for_each(|(to, from)| *to = from);
        Self { digest, groups }
    }

    /// As it is handed out.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(1 + DIGEST + self.groups.len() * GROUP);
        bytes.push(FORM);
        bytes.extend_from_slice(&self.digest);
        bytes.extend(self.groups.iter().flatten().flat_map(|number| number.to_be_bytes()));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what was handed out; nothing for anything else.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (form, rest) = bytes.split_first()?;
        let (digest, rest) = rest.split_first_chunk::<DIGEST>()?;
        if *form != FORM || rest.len() % GROUP != 0 {
            return None;
        }
        let (groups, _) = rest.as_chunks::<GROUP>();
        let groups =
            groups.iter().map(|[a, b, c, d, e, f]| [[*a, *b], [*c, *d], [*e, *f]].map(u16::from_be_bytes)).collect();
        Some(Self { digest: *digest, groups })
    }

    /// Of which groups, by their place in the plan, what has changed; nothing when it cannot be said. Both tokens must be
    /// of the same plan.
    pub fn changed(&self, now: &Self) -> Vec<(usize, Vec<Aspect>)> {
        if self.groups.len() != now.groups.len() {
            return Vec::new();
        }
        let differing = |(before, after): (&[u16; 3], &[u16; 3])| -> Vec<Aspect> {
            let pairs = before.iter().zip(after).zip(ASPECTS);
            pairs.filter(|((before, after), _)| before != after).map(|(_, aspect)| aspect).collect()
        };
        let all = self.groups.iter().zip(&now.groups).map(differing).enumerate();
        all.filter(|(_, aspects)| !aspects.is_empty()).collect()
    }
}

/// A digest of the members of each group.
#[derive(Default)]
struct MemberDigests(std::collections::HashMap<i64, Sha256>);

impl MemberDigests {
    /// Rows and decisions are in the order of their memberships.
    fn gather(&mut self, facts: &Facts, outcomes: &Outcomes) {
        for row in &facts.rows {
            member(self.0.entry(row.group).or_default(), row);
        }
        for decision in &outcomes.decisions {
            let digest = self.0.entry(decision.group_id).or_default();
            text(digest, decision.outcome.as_str());
            number(digest, decision.to_group_id.unwrap_or_default());
        }
    }

    fn of(&self, group: i64) -> [u8; 32] {
        self.0.get(&group).cloned().unwrap_or_default().finalize().into()
    }
}

fn member(digest: &mut Sha256, row: &Row) {
    number(digest, row.id);
    number(digest, row.participant);
    text(digest, &row.start.to_string());
    text(digest, row.role.as_str());
    number(digest, row.derived.into());
    if let Some(end) = &row.end {
        text(digest, &end.date.to_string());
        number(digest, end.reason);
        text(digest, end.note.as_deref().unwrap_or_default());
    }
}

fn begin(digest: &mut Sha256, start: &Start) {
    number(digest, start.group);
    number(digest, start.participant);
    text(digest, start.role.as_str());
    text(digest, &start.from.to_string());
    text(digest, &start.end.as_ref().map(NewEnd::date).map(|date| date.to_string()).unwrap_or_default());
}

fn tallies<K: Copy>(tallies: Option<&Vec<Tally<K>>>, name: impl Fn(K) -> &'static str) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut sorted: Vec<_> = tallies.into_iter().flatten().map(|it| (name(it.kind), it.number, it.checksum)).collect();
    sorted.sort_unstable();
    for (kind, count, checksum) in sorted {
        text(&mut digest, kind);
        number(&mut digest, count);
        number(&mut digest, checksum);
    }
    digest.finalize().into()
}

fn number(digest: &mut Sha256, number: i64) {
    digest.update(number.to_be_bytes());
}

/// With its length first, so that two texts in a row are not taken for one.
fn text(digest: &mut Sha256, text: &str) {
    digest.update(text.len().to_be_bytes());
    digest.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(groups: &[[u16; 3]]) -> Token {
        Token { digest: [7; DIGEST], groups: groups.to_vec() }
    }

    #[test]
    fn a_token_survives_the_round_trip_and_nothing_else_is_one() {
        for groups in [&[][..], &[[1, 2, 3]], &[[1, 2, 3], [u16::MAX, 0, 9]]] {
            assert_eq!(Token::decode(&token(groups).encode()), Some(token(groups)));
        }
        let whole = token(&[[1, 2, 3]]).encode();
        for text in ["", "A", "====", "é", &whole[1..], &whole[..whole.len() - 2], &format!("{whole}AA")] {
            assert_eq!(Token::decode(text), None, "{text}");
        }
    }

    #[test]
    fn y4_what_has_changed_of_which_group_is_told() {
        let before = token(&[[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
        let now = token(&[[1, 2, 3], [0, 5, 6], [7, 0, 0]]);
        let expected = vec![(1, vec![Aspect::Members]), (2, vec![Aspect::Links, Aspect::Records])];
        assert_eq!(before.changed(&now), expected);
        assert_eq!(before.changed(&before), []);
        assert_eq!(before.changed(&token(&[])), []);
    }
}
