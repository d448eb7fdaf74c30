//! Closed sets of words: enums whose variants each have one spelling in the files.

/// An enum that a field spells out in capitals, such as a participant's kind.
pub trait Vocabulary: Copy + 'static {
    /// Every variant, in the order in which messages list them.
    const ALL: &'static [Self];

    /// The word that stands for this variant, exactly as files spell it.
    fn as_str(self) -> &'static str;
}

/// Declares an enum together with the words for its variants, so that the two cannot drift apart.
/// [`Vocabulary`] must be in scope.
macro_rules! vocabulary {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word that stands for this variant; it never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Vocabulary for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn as_str(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(super) use vocabulary;
