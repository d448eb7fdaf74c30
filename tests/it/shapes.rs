//! The texts of statements: however much requests vary, there are few of them, and connections keep fewer still.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;
use diesel::sql_types::BigInt;
use kring::db::{Observer, Sql};
use kring::graphql::session::Shared;
use kring::groups::store::CompositionCache;
use kring::http::{Gateway, router};
use kring::scope::Clock;
use serde_json::{Value, json};

use crate::harness::{RUNTIME, World, both, now};

/// The texts that were sent, and those of them that a connection keeps prepared.
#[derive(Default)]
struct Heard {
    sent: HashSet<String>,
    kept: HashSet<String>,
}

/// A gateway whose statements are heard.
struct Watched {
    router: axum::Router,
    heard: Arc<Mutex<Heard>>,
}

impl Watched {
    fn new(world: &World) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let observer = Observer(Arc::new({
            let heard = Arc::clone(&heard);
            move |event: &InstrumentationEvent<'_>| {
                let mut heard = heard.lock().unwrap();
                match event {
                    InstrumentationEvent::StartQuery { query, .. } => {
                        let text = query.to_string();
                        heard.sent.insert(text.split(" -- binds").next().unwrap_or_default().to_owned());
                    }
                    InstrumentationEvent::CacheQuery { sql, .. } => {
                        heard.kept.insert((*sql).to_owned());
                    }
                    _ => {}
                }
            }
        }));
        let options = kring::http::Options {
            limits: World::any_size(),
            execution: std::time::Duration::from_secs(10),
            change: std::time::Duration::from_secs(60),
            wait: std::time::Duration::from_secs(10),
            clock: Clock::Fixed(now()),
            zone: chrono_tz::Europe::Amsterdam,
            mail: false,
            files: None,
        };
        let shared = Shared { db: world.connect(observer), compositions: Arc::new(CompositionCache::default()) };
        Self { router: router(Gateway::new(shared, world.keys.clone(), options).unwrap()), heard }
    }

    fn ask(&self, token: Option<&str>, query: &str, variables: &Value) {
        use http_body_util::BodyExt;
        use tower::ServiceExt;
        let request = World::post(token, json!({ "query": query, "variables": variables }).to_string());
        let router = self.router.clone();
        let answer: Value = RUNTIME.block_on(async move {
            let body = router.oneshot(request).await.unwrap().into_body();
            serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
        });
        assert!(answer.get("errors").is_none(), "{query} {variables:.300}\n{answer:.1000}");
    }

    fn count(&self) -> (usize, usize) {
        let heard = self.heard.lock().unwrap();
        (heard.sent.len(), heard.kept.len())
    }
}

/// Some of these values, many of them again and again.
fn some(values: &[&str], seed: usize) -> Vec<String> {
    let chosen: Vec<&&str> =
        values.iter().enumerate().filter(|(n, _)| (seed + 1) >> n & 1 == 1).map(|(_, value)| value).collect();
    (0..chosen.len() * (seed % 40 + 1)).map(|n| (*chosen[(n * 7 + seed) % chosen.len()]).to_owned()).collect()
}

const CONTENTS: &str = "query($states: [ContentState!], $kinds: [ContentKind!], $text: String) \
    { contents(first: 3, filter: { states: $states, kinds: $kinds, text: $text }) { totalCount edges { node { id } } } }";
const FEED: &str =
    "query($kinds: [ContentKind!]) { viewer { feed(first: 3, kinds: $kinds) { edges { node { id } } } } }";
const GROUPS: &str = "query($kinds: [GroupKind!], $text: String, $ids: [String!]) \
    { groups(first: 3, filter: { kinds: $kinds, text: $text, externalIds: $ids }) { totalCount edges { node { effectiveMemberCount } } } }";
const PEOPLE: &str = "query($kinds: [ParticipantKind!], $text: String) \
    { participants(first: 3, filter: { kinds: $kinds, search: $text }) { totalCount edges { node { id } } } }";

both! {
    fn statements_have_few_texts_whatever_lists_and_words_hold(world) {
        let watched = Watched::new(world);
        let administrator = world.administrator();
        let round = |from: usize, upto: usize| for seed in from..upto {
            let text = (0..=seed % 20).map(|n| format!("w{}", n * seed)).collect::<Vec<_>>().join(" ");
            let kinds = some(&["NEWS_ITEM", "PAGE", "ACTIVITY", "BOOK"], seed % 15);
            let states = some(&["DRAFT", "SCHEDULED", "PUBLISHED", "WITHDRAWN"], seed % 15);
            let ids: Vec<String> = (0..seed % 90).map(|n| format!("x{n}")).collect();
            for token in [None, Some(administrator.as_str())] {
                watched.ask(token, CONTENTS, &json!({ "states": states, "kinds": kinds, "text": text }));
                if token.is_some() {
                    watched.ask(token, FEED, &json!({ "kinds": kinds }));
                    watched.ask(token, GROUPS, &json!({ "kinds": some(&["STATIC", "COMPOSITE", "DYNAMIC"], seed % 7), "text": text, "ids": ids }));
                    watched.ask(token, PEOPLE, &json!({ "kinds": some(&["PERSON", "ORGANIZATION", "ADDRESS"], seed % 7), "text": text }));
                }
            }
        };
        // Every number of words comes in the first twenty.
        round(0, 20);
        let (first, _) = watched.count();
        round(20, 60);
        let (sent, kept) = watched.count();
        assert_eq!(sent, first, "no new text comes with other lists and words");
        assert!(sent <= 80 && kept <= sent, "{sent} texts, {kept} kept");
    }

    /// G9: which filters there are is told by rows, and so are the texts that look for everybody who passes some of them.
    fn g9_statements_of_the_filters_of_many_groups_are_not_kept(world) {
        let groups: Vec<String> = (0..8).map(|n| {
            let filter = match n % 4 {
                0 => json!({ "city": format!("C{n}") }),
                1 => json!({ "bornFrom": "2010-01-01" }),
                2 => json!({ "search": format!("a b{n}") }),
                _ => json!({ "kinds": ["PERSON"], "postalCode": "1234 AB" }),
            };
            world.group_with(None, json!({ "name": format!("D{n}"), "memberFilter": filter }))
        }).collect();
        let watched = Watched::new(world);
        let administrator = world.administrator();
        const COUNTS: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Group { effectiveMemberCount } } }";
        for subset in 1_usize..256 {
            let ids: Vec<&String> = groups.iter().enumerate().filter(|(n, _)| subset >> n & 1 == 1).map(|(_, id)| id).collect();
            for _ in 0..4 {
                watched.ask(Some(&administrator), COUNTS, &json!({ "ids": ids }));
            }
        }
        let (_, kept) = watched.count();
        assert!(kept <= 20, "{kept} texts are kept");
    }

    fn a_connection_that_keeps_many_statements_gives_way_to_another(world) {
        let heard = Arc::new(Mutex::new(0));
        let observer = Observer(Arc::new({
            let heard = Arc::clone(&heard);
            move |event: &InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                    *heard.lock().unwrap() += 1;
                }
            }
        }));
        let db = world.connect(observer);
        for n in 0..500 {
            for _ in 0..4 {
                db.read(|conn| Ok(Sql::new(format!("SELECT {n} + ")).int(2).first::<BigInt, i64>(conn).map(|_| ())?)).unwrap();
            }
        }
        assert!(*heard.lock().unwrap() >= 500, "each is kept when it comes for the third time");
        if world.is_postgres() {
            let prepared = Sql::new("SELECT COUNT(*) FROM pg_prepared_statements");
            let prepared = db.read(|conn| Ok(prepared.first::<BigInt, i64>(conn)?)).unwrap();
            assert!(prepared.is_some_and(|number| number <= 200), "{prepared:?}");
        }
    }
}
