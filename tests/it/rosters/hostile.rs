//! Files that were made to do harm, and files that were damaged on their way.

use std::io::{self, Read};

use kring::exchange::edexml;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::generator::School;
use super::{Desk, SAMPLE, dump, read};
use crate::harness::{both, once};

fn code(xml: &str) -> String {
    let errors = read(xml).unwrap_err();
    assert_eq!(errors.errors.len(), 1, "{errors}");
    format!("{}:{} {}", errors.errors[0].at.line, errors.errors[0].at.column, errors.errors[0].code)
}

/// A text, as many bytes as wanted without holding them.
struct Endless {
    head: &'static [u8],
    left: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(out);
        }
        let count = out.len().min(self.left);
        out[..count].fill(b'x');
        self.left -= count;
        Ok(count)
    }
}

once! {
    fn document_types_are_refused_with_all_that_they_could_declare() {
        let laughs: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">\n", format!("&l{};", n - 1).repeat(10))).collect();
        for xml in [
            format!("<?xml version=\"1.0\"?>\n<!DOCTYPE EDEX [\n<!ENTITY l0 \"ha\">\n{laughs}]>\n<EDEX><school>&l9;</school></EDEX>"),
            "<?xml version=\"1.0\"?>\n<!DOCTYPE EDEX [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<EDEX>&x;</EDEX>".to_owned(),
            "<?xml version=\"1.0\"?>\n<!DOCTYPE EDEX SYSTEM \"http://127.0.0.1:1/x.dtd\">\n<EDEX/>".to_owned(),
            "<?xml version=\"1.0\"?>\n<!DOCTYPE EDEX>\n<EDEX/>".to_owned(),
        ] {
            assert_eq!(code(&xml), "2:1 DOCUMENT_TYPE", "{xml}");
        }
        // Without a document type there is nothing that an entity could stand for.
        assert_eq!(code("<EDEX><school><schooljaar>&l9;</schooljaar></school></EDEX>"), "1:27 UNKNOWN_ENTITY");
        assert_eq!(code("<EDEX><groepen><groep key='&x;'/></groepen></EDEX>"), "1:16 UNKNOWN_ENTITY");
    }

    fn depth_and_length_have_an_end() {
        let deep = format!("<EDEX>{}", "<a>".repeat(10_000));
        assert_eq!(code(&deep), "1:100 NESTED_TOO_DEEP");
        let name = |length: usize| SAMPLE.replacen("Visser", &"x".repeat(length), 1);
        assert_eq!(code(&name(10_001)).split(' ').nth(1), Some("TOO_LONG"));
        assert_eq!(code(&name(201)).split(' ').nth(1), Some("TOO_LONG"));
        assert!(read(&name(200)).is_ok());
        // A hundred million bytes of text, and of one tag, are never held.
        for head in [&b"<EDEX><school><auteur>"[..], b"<EDEX><school auteur=\"", b"<EDEX><!--", b"<!DOCTYPE EDEX [", b"<EDEX>&", b"<EDEX><![CDATA["] {
            let errors = edexml::read_from(Endless { head, left: 100_000_000 }).unwrap_err();
            assert_eq!(errors.errors[0].code.as_str(), "TOO_LONG", "{errors}");
        }
    }

    fn a_file_that_breaks_off_is_refused_wherever_it_does() {
        for (end, _) in SAMPLE.char_indices().step_by(7).filter(|(end, _)| *end < SAMPLE.trim_end().len()) {
            assert!(read(&SAMPLE[..end]).is_err(), "the first {end} bytes");
        }
        let mut bytes = SAMPLE.as_bytes().to_vec();
        let place = SAMPLE.find("Visser").unwrap();
        bytes[place + 2] = 0xFF;
        let errors = edexml::read_from(bytes.as_slice()).unwrap_err();
        let line = SAMPLE[..place].matches('\n').count() + 1;
        assert_eq!((errors.errors[0].code.as_str(), errors.errors[0].at.line), ("NOT_UTF8", u64::try_from(line).unwrap()));
    }

    fn no_bytes_make_the_reader_fall_over() {
        let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
        runner
            .run(&proptest::collection::vec(any::<u8>(), 0..600), |bytes| {
                prop_assert!(edexml::read_from(bytes.as_slice()).is_err());
                Ok(())
            })
            .unwrap();
        let edits = proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>(), 1_usize..40), 1..8);
        runner
            .run(&edits, |edits| {
                // Whether it is still a roster is not the point.
                let _ = edexml::read_from(edited(&edits).as_slice());
                Ok(())
            })
            .unwrap();
    }
}

type Edits = [(prop::sample::Index, u8, u8, usize)];

/// The sample, damaged in a few places.
fn edited(edits: &Edits) -> Vec<u8> {
    const MARKS: &[u8] = b"<>&/\"'=!?[]-;x0\n";
    let mut bytes = SAMPLE.as_bytes().to_vec();
    for (place, kind, byte, length) in edits {
        let at = place.index(bytes.len());
        let until = (at + length).min(bytes.len());
        match kind {
            0 => drop(bytes.drain(at..until)),
            1 => bytes[at] = *byte,
            2 => bytes.insert(at, MARKS[usize::from(*byte) % MARKS.len()]),
            _ => {
                let copied = bytes[at..until].to_vec();
                bytes.splice(at..at, copied);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'<');
        }
    }
    bytes
}

both! {
    /// Whatever a damaged file says, it is imported whole or not at all.
    fn a_damaged_file_never_changes_a_half(world) {
        let desk = Desk::new(world);
        desk.import(SAMPLE);
        let before = dump(world);
        let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
        let edits = proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4, any::<u8>(), 1_usize..40), 1..4);
        let options = kring::exchange::import::roster::RosterOptions { dry_run: true, allow_older: true, ..desk.options() };
        runner
            .run(&edits, |edits| {
                if let Ok(roster) = edexml::read_from(edited(&edits).as_slice()) {
                    let outcome = kring::exchange::import::roster::import_roster(&world.db, &desk.scope(), &roster, &options, &mut |_| {});
                    if let Err(kring::exchange::import::Failure::Error(error)) = outcome {
                        return Err(TestCaseError::fail(format!("{error:?}")));
                    }
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(dump(world), before);
    }

    /// Two imports at once come in one after the other, and both hold.
    fn two_at_once_come_in_one_after_the_other(world) {
        let desk = Desk::new(world);
        let xml = School::new(120).xml();
        let reports: Vec<_> = std::thread::scope(|threads| {
            let runs: Vec<_> = (0..2).map(|_| threads.spawn(|| desk.import(&xml))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let mut created: Vec<u64> = reports.iter().map(|report| report.pupils.created).collect();
        created.sort_unstable();
        assert_eq!(created, [0, 120]);
        assert!(desk.import(&xml).is_idle());
    }
}
