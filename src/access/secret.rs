//! Whether a secret resists guessing. Whoever guesses it makes tokens for everybody.

use std::collections::HashSet;

/// The shortest secret, in bytes: the length of the hash (RFC 7518, section 3.2).
pub const MIN_SECRET: usize = 32;
/// At least so many different characters.
const DIFFERENT: usize = 8;
/// What comes again is not counted when it is at least so long.
const REPEATED: usize = 4;
/// So many characters must neither come again nor follow from the one before.
const NEW: usize = 20;

/// What makes a secret easy to guess; nothing for a good one.
pub fn weakness(secret: &str) -> Option<&'static str> {
    let characters: Vec<char> = secret.trim().chars().collect();
    if secret.trim().is_empty() {
        Some("it is blank")
    } else if secret.trim().len() < MIN_SECRET {
        Some("it has fewer than 32 bytes")
    } else if characters.iter().collect::<HashSet<_>>().len() < DIFFERENT || new(&characters) < NEW {
        Some("it repeats itself, or counts up or down")
    } else {
        None
    }
}

/// The secret, if it resists guessing.
///
/// # Errors
/// What is wrong with it, and how to make a good one.
pub fn strong(secret: &str) -> Result<&str, String> {
    const ADVICE: &str = "`openssl rand -base64 48` makes a good one";
    if secret.is_empty() {
        return Err(format!("KRING_JWT_SECRET is not set; {ADVICE}"));
    }
    weakness(secret).map_or(Ok(secret), |why| Err(format!("KRING_JWT_SECRET is easy to guess: {why}. {ADVICE}")))
}

/// How many characters are new: they are not part of something that came before, and do not count on from the one before
/// them, such as `b` behind `a`.
fn new(characters: &[char]) -> usize {
    let mut new = 0;
    let mut at = 0;
    while at < characters.len() {
        let repeated = longest_repeated(characters, at);
        if repeated >= REPEATED {
            at += repeated;
            continue;
        }
        new += usize::from(!counts_on(characters, at));
        at += 1;
    }
    new
}

/// How long the text from here on is that stands before it too, whatever the case of its letters.
fn longest_repeated(characters: &[char], at: usize) -> usize {
    let same = |a: &char, b: &char| a.eq_ignore_ascii_case(b);
    let from = |start: usize| {
        let (before, here) = (characters.iter().skip(start), characters.iter().skip(at));
        before.zip(here).take_while(|(a, b)| same(a, b)).count()
    };
    (0..at).map(from).max().unwrap_or_default()
}

/// Whether three characters in a row go up or down by one, or are the same.
fn counts_on(characters: &[char], at: usize) -> bool {
    let value = |back: usize| at.checked_sub(back).and_then(|at| characters.get(at)).map(|c| i64::from(u32::from(*c)));
    match (value(2), value(1), value(0)) {
        (Some(one), Some(two), Some(three)) => two - one == three - two && (two - one).abs() <= 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i2_weak_secrets_are_found_out() {
        for weak in [
            "",
            "short",
            &" ".repeat(64),
            &"\t\n ".repeat(20),
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz012345",
            "00000000000000000000000000000001",
            &"secret".repeat(10),
            &"password ".repeat(6),
            "change-me-please-change-me-please!",
            "ChangeMeChangemeCHANGEMEchangeme123",
            "abababababababababababababababababab",
            "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
            "                    short                    ",
            "zyxwvutsrqponmlkjihgfedcba9876543210",
        ] {
            assert!(weakness(weak).is_some(), "{weak}");
        }
    }

    #[test]
    fn i2_good_secrets_are_accepted() {
        for good in [
            "a secret of the tests, long enough to be strong",
            "Zk3vQ8xN1mT7pL5sW2yR9bF4hJ6cD0gA8uE1xV",
            "5f1d7a84e0c93b26a7d2f6e18c04b95d",
            "3q2+7wAAAABk1Q9zXvK0uJm4RtY6bHnLpEoSdFgC1xZ8aWcVhQ==",
            "correct horse battery staple, and four more",
        ] {
            assert_eq!(weakness(good), None, "{good}");
        }
    }
}
