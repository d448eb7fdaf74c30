//! What can be an e-mail address, a telephone number, a website and a date of birth.
//!
//! These rules are pure. Mutations and imports use the same ones, so that neither takes in what the other refuses. They
//! refuse what can only be a typing error; whether mail arrives and whether somebody picks up, nobody can tell from the text.

use chrono::{Datelike, NaiveDate};

use crate::error::Code;

/// The longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3).
const EMAIL_LENGTH: usize = 254;
/// The longest part before the @, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_LENGTH: usize = 64;
/// The longest domain and the longest part of one, in bytes (RFC 1035, 2.3.4).
const DOMAIN_LENGTH: usize = 253;
const LABEL_LENGTH: usize = 63;
/// The fewest digits of a number that can be called (112), and the most (ITU-T E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 3..=15;
/// The longest telephone number as people write it, in characters.
const PHONE_LENGTH: usize = 50;
/// The most digits of an extension.
const EXTENSION_DIGITS: usize = 8;
/// The longest website, in bytes.
const WEBSITE_LENGTH: usize = 500;
/// Nobody of whom records are kept was born earlier than so many years ago.
const YEARS: i32 = 200;

/// Why a value cannot be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code that clients get.
    pub code: Code,
    /// A sentence for the person who typed it.
    pub message: &'static str,
}

const EMAIL: Fault = Fault {
    code: Code::InvalidEmail,
    message: "This is not an e-mail address. Write one address, such as ans@example.org.",
};
const PHONE: Fault = Fault {
    code: Code::InvalidPhone,
    message: "This is not a telephone number. Write one number with digits, spaces, hyphens and brackets, such as +31 (0)30 123 45 67.",
};
const WEBSITE: Fault = Fault {
    code: Code::InvalidWebsite,
    message: "This is not the address of a website. Write one address, such as https://example.org.",
};
const BORN_LATER: Fault = Fault { code: Code::InvalidDate, message: "This date of birth is still to come." };
const BORN_EARLIER: Fault =
    Fault { code: Code::InvalidDate, message: "This date of birth is more than 200 years ago." };

/// Checks an e-mail address: one address in the form that people use, without a name, quotes or an IP address.
///
/// # Errors
/// The fault.
pub fn email(text: &str) -> Result<(), Fault> {
    let Some((local, domain)) = text.rsplit_once('@') else { return Err(EMAIL) };
    let fits = text.len() <= EMAIL_LENGTH && local.len() <= LOCAL_LENGTH;
    if fits && local.split('.').all(is_atom) && is_domain(domain) { Ok(()) } else { Err(EMAIL) }
}

/// Whether a text is an atom of an address (RFC 5322, 3.2.3), in the letters of any language (RFC 6532).
fn is_atom(text: &str) -> bool {
    let may = |c: char| c.is_alphanumeric() || is_mark(c) || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !text.is_empty() && text.chars().all(may)
}

/// Whether a text is a domain with at least two parts, in the letters of any language.
fn is_domain(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let Some(last) = parts.last() else { return false };
    let named = last.chars().count() >= 2 && !last.chars().all(|c| c.is_ascii_digit());
    text.len() <= DOMAIN_LENGTH && parts.len() >= 2 && named && parts.iter().all(|part| is_label(part))
}

fn is_label(text: &str) -> bool {
    let may = |c: char| c.is_alphanumeric() || is_mark(c) || c == '-';
    !text.is_empty()
        && text.len() <= LABEL_LENGTH
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(may)
}

/// Whether a character is written onto the letter before it, as an accent that is not composed with its letter.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Checks a telephone number: digits with what people write between them, and perhaps an extension.
///
/// # Errors
/// The fault.
pub fn phone(text: &str) -> Result<(), Fault> {
    let (number, extension) = extension_of(text);
    let number = number.trim_start();
    let number = number.strip_prefix('+').unwrap_or(number);
    let between =
        |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2015}');
    let written = number.chars().all(|c| c.is_ascii_digit() || between(c));
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let extended = extension.is_none_or(|digits| {
        !digits.is_empty() && digits.len() <= EXTENSION_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    let fits = text.chars().count() <= PHONE_LENGTH && PHONE_DIGITS.contains(&digits);
    if fits && written && extended && brackets_close(number) { Ok(()) } else { Err(PHONE) }
}

/// The number, and the extension behind it if one is named.
fn extension_of(text: &str) -> (&str, Option<&str>) {
    const WORDS: [&str; 7] = ["toestel", "tst.", "tst", "ext.", "ext", "x", "#"];
    let from = |word: &str| {
        let at = text
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| text.get(*at..at + word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word)))?;
        Some((text.get(..at)?, Some(text.get(at + word.len()..)?.trim())))
    };
    WORDS.iter().find_map(|word| from(word)).unwrap_or((text, None))
}

/// Whether every bracket that is opened is closed before the next is opened.
fn brackets_close(text: &str) -> bool {
    let mut open = false;
    for c in text.chars() {
        match (c, open) {
            ('(', false) => open = true,
            (')', true) => open = false,
            ('(', true) | (')', false) => return false,
            _ => {}
        }
    }
    !open
}

/// Checks the address of a website. The scheme may be left out, as people do.
///
/// # Errors
/// The fault.
pub fn website(text: &str) -> Result<(), Fault> {
    let after = |scheme: &str| {
        let start = text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
        start.and_then(|_| text.get(scheme.len()..))
    };
    let rest = after("https://").or_else(|| after("http://")).unwrap_or(text);
    let (host, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c));
    if text.len() <= WEBSITE_LENGTH && clean && numbered && is_domain(host) { Ok(()) } else { Err(WEBSITE) }
}

/// Checks a date of birth.
///
/// # Errors
/// The fault.
pub fn birth_date(date: NaiveDate, today: NaiveDate) -> Result<(), Fault> {
    if date > today {
        Err(BORN_LATER)
    } else if date.year() < today.year() - YEARS {
        Err(BORN_EARLIER)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of these texts that a rule judges otherwise than expected.
    fn misjudged<'t>(rule: fn(&str) -> Result<(), Fault>, right: &[&'t str], wrong: &[&'t str]) -> Vec<&'t str> {
        let refused = right.iter().filter(|text| rule(text).is_err());
        refused.chain(wrong.iter().filter(|text| rule(text).is_ok())).copied().collect()
    }

    #[test]
    fn p1b_an_email_address_is_one_that_mail_can_be_sent_to() {
        let right = [
            "ans@example.org",
            "a@b.nl",
            "ans.de-vries+kring@mail.example.co.uk",
            "o'brien@example.org",
            "ANS@EXAMPLE.ORG",
            "josé@example.org",
            "ans@école.fr",
            "ans@xn--cole-9oa.fr",
            "1@2.nl",
            "x_y@a-b.example",
            "用户@例子.广告",
        ];
        let wrong = [
            "ans@demo,com",
            "ans",
            "@example.org",
            "ans@",
            "ans@example",
            "ans@@example.org",
            "ans@example..org",
            "ans@.example.org",
            "ans@example.org.",
            ".ans@example.org",
            "ans.@example.org",
            "a..b@example.org",
            "ans@-example.org",
            "ans@example-.org",
            "ans@exa_mple.org",
            "ans@exa#mple.org",
            "ans example@example.org",
            "ans@example.org, bas@example.org",
            "ans@example.org;bas@example.org",
            "Ans <ans@example.org>",
            "<ans@example.org>",
            "mailto:ans@example.org",
            "\"ans\"@example.org",
            "ans@[127.0.0.1]",
            "ans@127.0.0.1",
            "ans@example.123",
            "ans@example.c",
            "ans\u{a0}@example.org",
            "ans@exa\nmple.org",
            "ans@example.org\u{0}",
            "",
            " ",
            "ans(at)example.org",
            "ans@example/org",
            "a,b@example.org",
        ];
        assert_eq!(misjudged(email, &right, &wrong), [""; 0]);
        let long = |local: usize, domain: usize| format!("{}@{}.nl", "a".repeat(local), "b".repeat(domain));
        assert!(email(&long(64, 63)).is_ok() && email(&long(65, 63)).is_err() && email(&long(64, 64)).is_err());
        let parts = vec!["b".repeat(60); 4].join(".");
        assert!(email(&format!("{}@{parts}.nl", "a".repeat(10))).is_err(), "in all it is too long");
    }

    #[test]
    fn p1b_a_telephone_number_is_one_that_can_be_called() {
        let right = [
            "0612345678",
            "06-12345678",
            "06 12 34 56 78",
            "+31 (0)30 123 45 67",
            "(030) 123.45.67",
            "030/1234567",
            "112",
            "14030",
            "+1 202-224-3121",
            "0031301234567",
            "030 - 123 45 67",
            "06–12345678",
            "06\u{a0}12345678",
            "030-1234567 tst. 12",
            "+31301234567x12",
            "030 1234567 toestel 3",
            "030-1234567 EXT 12",
            "030-1234567#5",
        ];
        let wrong = [
            "abc",
            "",
            " ",
            "-",
            "+",
            "06",
            "1",
            "geen",
            "06-12345678 (moeder)",
            "tel. 0612345678",
            "06-1234567a",
            "ans@example.org",
            "0612345678, 0687654321",
            "0612345678 / 0301234567",
            "1234567890123456",
            "++31301234567",
            "06+12345678",
            "(06 12345678",
            "06) 12345678",
            "((06)) 12345678",
            "٠٦١٢٣٤٥٦٧٨",
            "06_12345678",
            "0612345678 x",
            "0612345678 ext abc",
            "x12",
            "06\n12345678",
        ];
        assert_eq!(misjudged(phone, &right, &wrong), [""; 0]);
    }

    #[test]
    fn p1b_a_website_is_one_that_can_be_opened() {
        let right = [
            "https://example.org",
            "http://example.org/a/b?c=d#e",
            "example.org",
            "www.example.org/contact",
            "HTTPS://EXAMPLE.ORG",
            "https://école.fr",
            "https://example.org:8443/x",
            "https://nl.wikipedia.org/wiki/Kring_(Zwolle)",
        ];
        let wrong = [
            "",
            "abc",
            "https://",
            "https:/example.org",
            "example,org",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://example.org",
            "https://example",
            "https://example.org x",
            "https://exam ple.org",
            "//example.org",
            "https://ans@example.org",
            "https://example.org:0",
            "https://example.org:x",
            "https://-example.org",
            "https://example.org/<script>",
            "geen",
            "https://127.0.0.1",
            "file:///etc/passwd",
            "mailto:ans@example.org",
            "https://example.org\n",
        ];
        assert_eq!(misjudged(website, &right, &wrong), [""; 0]);
    }

    #[test]
    fn p1b_nobody_is_born_tomorrow() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap_or_default();
        let today = day(2026, 9, 15);
        for (born, right) in [
            (day(2026, 9, 15), true),
            (day(2026, 9, 16), false),
            (day(9999, 12, 31), false),
            (day(1826, 1, 1), true),
            (day(1825, 12, 31), false),
            (day(1, 1, 1), false),
            (day(2024, 2, 29), true),
        ] {
            assert_eq!(birth_date(born, today).is_ok(), right, "{born}");
        }
    }
}
