//! Documents that came before and were found valid.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_graphql::parser::types::ExecutableDocument;

use super::weigh::weigh;

/// How many bytes the documents that are kept may take together.
const ROOM: usize = 16_000_000;

/// Documents that were found valid, so that they need not be parsed again. Those that came longest ago make room for others.
#[derive(Default)]
pub struct Documents {
    kept: RwLock<Kept>,
    /// Grows by one with every look.
    looks: AtomicU64,
}

#[derive(Default)]
struct Kept {
    by_text: HashMap<Arc<str>, Entry>,
    bytes: usize,
}

struct Entry {
    document: Arc<ExecutableDocument>,
    bytes: usize,
    /// The number of the latest look at it.
    seen: AtomicU64,
}

impl Documents {
    /// The document of this text, if it is kept.
    pub fn get(&self, text: &str) -> Option<Arc<ExecutableDocument>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.by_text.get(text)?;
        entry.seen.store(self.looks.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(Arc::clone(&entry.document))
    }

    /// Keeps a document that was found valid.
    pub fn keep(&self, text: &str, document: &Arc<ExecutableDocument>) {
        let bytes = weigh(document) + text.len();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if bytes > ROOM || kept.by_text.contains_key(text) {
            return;
        }
        if kept.bytes + bytes > ROOM {
            kept.make_room(ROOM - bytes.max(ROOM / 8));
        }
        let seen = AtomicU64::new(self.looks.fetch_add(1, Ordering::Relaxed));
        kept.bytes += bytes;
        kept.by_text.insert(text.into(), Entry { document: Arc::clone(document), bytes, seen });
    }
}

impl Kept {
    /// Drops what was not looked at for longest, until no more than so many bytes are left.
    fn make_room(&mut self, left: usize) {
        let age = |entry: &Entry| entry.seen.load(Ordering::Relaxed);
        let mut oldest: Vec<(u64, Arc<str>)> =
            self.by_text.iter().map(|(text, entry)| (age(entry), Arc::clone(text))).collect();
        oldest.sort_unstable();
        for (_, text) in oldest {
            if self.bytes <= left {
                break;
            }
            if let Some(entry) = self.by_text.remove(&text) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn keep(documents: &Documents, text: &str) {
        documents.keep(text, &Arc::new(parse_query(text).expect("a document")));
    }

    #[test]
    fn documents_are_kept_by_their_bytes_and_the_oldest_make_room() {
        let documents = Documents::default();
        keep(&documents, "query Frequent { a }");
        let fields = |n: usize| (0..500).map(|field| format!("f{n}_{field}")).collect::<Vec<_>>().join(" ");
        for n in 0..1_000 {
            keep(&documents, &format!("{{ {} }}", fields(n)));
            assert!(documents.get("query Frequent { a }").is_some(), "{n}: what comes often stays");
        }
        let kept = documents.kept.read().expect("kept");
        assert!(kept.bytes <= ROOM && kept.bytes > ROOM / 2, "{} bytes", kept.bytes);
        assert_eq!(kept.bytes, kept.by_text.values().map(|entry| entry.bytes).sum::<usize>());
        assert!(kept.by_text.len() < 300 && kept.by_text.keys().any(|text| text.contains("f999_")));
    }
}
