//! The door for every text that a client or a file brings in.
//!
//! A text is either a line or prose. A line is shown beside other texts: a name, a code, a condition of a filter. It has
//! no line breaks and nothing that turns the direction of what stands beside it. Prose has paragraphs of its own: a
//! description, a note, an article. Neither holds control characters, which PostgreSQL refuses in part and no screen
//! shows.
//!
//! Characters that cannot be seen are taken out of a line: pasted along by accident, they would make two texts differ
//! that look the same.

use std::fmt;

/// What keeps a text out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line break in a line.
    LineBreak,
    /// A control character.
    Control(char),
    /// A character that turns the direction of reading.
    Direction(char),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineBreak => f.write_str("This must stand on one line."),
            Self::Control(c) => write!(f, "This holds a control character (U+{:04X}).", u32::from(*c)),
            Self::Direction(c) => {
                write!(f, "This holds a character that turns the direction of reading (U+{:04X}).", u32::from(*c))
            }
        }
    }
}

/// What keeps this text from being a line; nothing when it is one.
pub fn line_fault(text: &str) -> Option<Fault> {
    text.chars().find_map(|c| match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Fault::LineBreak),
        c if c.is_control() => Some(Fault::Control(c)),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Fault::Direction(c)),
        _ => None,
    })
}

/// What keeps this text from being prose; nothing when it is that. Prose may hold other scripts with marks around them
/// that say how to read them, as word processors write; it may not hold characters that make letters run backwards.
pub fn prose_fault(text: &str) -> Option<Fault> {
    text.chars().find_map(|c| match c {
        '\n' | '\t' => None,
        c if c.is_control() => Some(Fault::Control(c)),
        '\u{202d}' | '\u{202e}' => Some(Fault::Direction(c)),
        _ => None,
    })
}

/// A line as it is kept: without characters that cannot be seen, and without white space around it.
pub fn tidy_line(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_owned();
    }
    let mut line = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if !is_invisible(c) || shapes(line.chars().next_back(), c, characters.peek().copied()) {
            line.push(c);
        }
    }
    line.trim().to_owned()
}

/// A text from elsewhere as a line that can be kept: what no line may hold is taken out.
pub fn shown(text: &str) -> String {
    let kept: String = text.chars().filter(|c| line_fault(c.encode_utf8(&mut [0; 4])).is_none()).collect();
    tidy_line(&kept)
}

/// Prose as it is kept: with line breaks of one kind, and without white space around it.
pub fn tidy_prose(text: &str) -> String {
    let text = text.trim();
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// Whether nothing of a text can be seen.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c) || c == BLANK)
}

/// The Braille pattern without dots: a character that shows nothing although Unicode does not count it as space.
pub(super) const BLANK: char = '\u{2800}';

/// Whether a character is there without being seen: Unicode's default ignorable characters, without those that
/// [`line_fault`] refuses, and the marks around annotations.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether an invisible character changes how its neighbours look: a joiner between letters of scripts that join them or
/// within an emoji, and a selector of a variant after what has variants. Those are part of how a name is written.
fn shapes(before: Option<char>, c: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match c {
        '\u{200c}' | '\u{200d}' => {
            let pair = |of: fn(char) -> bool| of(before) && after.is_some_and(of);
            pair(is_joining) || c == '\u{200d}' && pair(is_pictogram)
        }
        '\u{fe0e}' | '\u{fe0f}' => is_pictogram(before),
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_ideograph(before),
        _ => false,
    }
}

/// A letter of a script in which joiners decide between two ways of writing: Arabic, the scripts of India and its
/// neighbours, and Mongolian.
fn is_joining(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{7ff}' | '\u{8a0}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}')
}

fn is_pictogram(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0e}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_nothing_that_disturbs_what_stands_beside_them() {
        for text in ["Jan", "d'Arc", "Ötzi", "名前", "a\u{200b}b", "\u{feff}x"] {
            assert_eq!(line_fault(text), None, "{text:?}");
        }
        for (text, fault) in [
            ("a\0b", Fault::Control('\0')),
            ("a\tb", Fault::Control('\t')),
            ("a\u{9f}", Fault::Control('\u{9f}')),
            ("a\nb", Fault::LineBreak),
            ("a\u{2028}b", Fault::LineBreak),
            ("a\u{85}b", Fault::LineBreak),
            ("a\u{202e}b", Fault::Direction('\u{202e}')),
            ("a\u{2067}b", Fault::Direction('\u{2067}')),
        ] {
            assert_eq!(line_fault(text), Some(fault), "{text:?}");
        }
        assert_eq!(Fault::Control('\0').to_string(), "This holds a control character (U+0000).");
    }

    #[test]
    fn prose_keeps_its_paragraphs() {
        for text in ["a\nb\tc", "a\u{2067}b\u{2069}", "a\u{200b}b"] {
            assert_eq!(prose_fault(text), None, "{text:?}");
        }
        for text in ["a\0b", "a\u{7}b", "a\u{202e}b", "a\u{85}b"] {
            assert!(prose_fault(text).is_some(), "{text:?}");
        }
        assert_eq!(tidy_prose(" a\r\nb\rc\n"), "a\nb\nc");
    }

    #[test]
    fn what_cannot_be_seen_goes_unless_it_shapes_what_is_seen() {
        for (text, tidy) in [
            ("An\u{200b}na", "Anna"),
            ("\u{feff}Anna\u{2060} ", "Anna"),
            ("An\u{ad}\u{200d}na\u{200c}", "Anna"),
            ("\u{3164}\u{115f}", ""),
            ("Anna\u{200e}", "Anna"),
            ("a\u{fe0f}", "a"),
            // "Mīkhwāham" is written with a joiner that separates, "Katsuragi" with a variant of its first sign.
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("葛\u{e0100}城", "葛\u{e0100}城"),
            ("👩\u{200d}👧 ❤\u{fe0f}", "👩\u{200d}👧 ❤\u{fe0f}"),
        ] {
            assert_eq!(tidy_line(text), tidy, "{text:?}");
            assert_eq!(tidy_line(tidy), tidy, "{text:?} twice");
        }
        assert_eq!(shown("A\0nn\u{202e}\n Lee "), "Ann Lee");
        assert!(is_blank(" \u{200b}\u{2800}\u{3164}") && !is_blank("-"));
    }
}
