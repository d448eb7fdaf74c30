//! The words of a bundle as the domain knows them.

use crate::exchange::bundle;
use crate::{groups, members, people};

/// Two enums that have the same variants.
macro_rules! same {
    ($from:path, $to:path, $($variant:ident)+) => {
        impl From<$from> for $to {
            fn from(word: $from) -> Self {
                use $from as From;
                match word {
                    $(From::$variant => Self::$variant,)+
                }
            }
        }
    };
}

same!(bundle::ParticipantKind, people::ParticipantKind, Person Organization Address);
same!(bundle::Gender, people::Gender, Female Male Other Unknown);
same!(bundle::Composition, groups::composition::Composition, Any All);
same!(bundle::ComponentMode, groups::composition::Mode, Include Exclude);
same!(bundle::NeighbourhoodRole, groups::NeighbourhoodRole, Coach ProjectLeader ExternalParty);
same!(bundle::MembershipRole, members::Role, Member Leader);
