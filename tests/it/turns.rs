//! While something is being written that takes long: others read, and whoever asked for it learns how it ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use kring::db::{Db, Options, Sql};
use serde_json::{Value, json};

use crate::harness::{World, both, text};
use crate::http::Served;

const CREATE: &str = "mutation($name: String!) { createGroupCategory(input: { name: $name, clientMutationId: $name }) {
    groupCategory { name } userErrors { code message } } }";

/// A gateway of its own before the same database, with so many connections.
fn gateway(world: &World, connections: u32, change: Duration) -> Served {
    let db = Db::open(&Options { readers: connections, ..Options::new(world.url()) }).unwrap();
    Served::before(db, change, Duration::from_secs(15))
}

/// Keeps everybody else from writing categories for as long as `meanwhile` takes.
fn while_writing<T>(world: &World, meanwhile: impl FnOnce() -> T) -> T {
    let done = world.db.write(|conn| {
        if world.is_postgres() {
            Sql::new("LOCK TABLE group_categories IN EXCLUSIVE MODE").execute(conn)?;
        }
        Ok(meanwhile())
    });
    done.unwrap()
}

fn name_of(answer: &Value) -> String {
    text(&answer["data"]["createGroupCategory"]["groupCategory"]["name"])
}

both! {
    fn however_many_changes_wait_for_their_turn_reads_are_answered(world) {
        // On SQLite they wait for the one connection that writes, on PostgreSQL for the lock on the table.
        const CONNECTIONS: u32 = 4;
        let served = gateway(world, CONNECTIONS, Duration::from_secs(30));
        let (begun, answered) = (AtomicUsize::new(0), channel());
        std::thread::scope(|threads| {
            let changes: Vec<_> = while_writing(world, || {
                let changes: Vec<_> = (0..CONNECTIONS * 3)
                    .map(|n| {
                        let (served, begun) = (&served, &begun);
                        threads.spawn(move || {
                            begun.fetch_add(1, Ordering::SeqCst);
                            served.ask(CREATE, json!({ "name": format!("Category {n}") }))
                        })
                    })
                    .collect();
                while begun.load(Ordering::SeqCst) < changes.len() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                // They have been sent; now they take what turns they get.
                std::thread::sleep(Duration::from_millis(300));
                let (sender, served) = (answered.0, &served);
                threads.spawn(move || sender.send(served.ask("{ groupCategories(first: 5) { totalCount } }", json!({}))));
                let read = answered.1.recv_timeout(Duration::from_secs(5)).expect("an answer while others write");
                assert_eq!(read.json()["data"]["groupCategories"]["totalCount"], 0, "{read:?}");
                changes
            });
            let mut names: Vec<String> = changes.into_iter().map(|change| name_of(&change.join().unwrap().json())).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 12, "every change is carried out in the end: {names:?}");
        });
    }

    fn who_does_not_wait_for_a_long_change_learns_how_it_ended_by_asking_again(world) {
        let served = gateway(world, 4, Duration::from_millis(300));
        let late = while_writing(world, || served.ask(CREATE, json!({ "name": "Committees" })));
        assert_eq!((late.status, late.code().as_str()), (504, "TIMEOUT"), "{late:?}");
        assert_eq!(
            late.message(),
            "This change takes longer than a request waits. It goes on and may still be kept: look again later, or if it \
             had a clientMutationId, repeat it then with the same one to learn how it ended."
        );
        let patient = gateway(world, 4, Duration::from_secs(30));
        let again = patient.ask(CREATE, json!({ "name": "Committees" }));
        assert_eq!(name_of(&again.json()), "Committees", "{again:?}");
        let all = world.data("{ groupCategories(first: 5) { edges { node { name } } } }", json!({}));
        assert_eq!(all["groupCategories"]["edges"], json!([{ "node": { "name": "Committees" } }]), "it was made once");
    }

    fn nobody_waits_for_what_a_long_change_has_forgotten(world) {
        // Thirty days on, what was remembered is forgotten by the next change; on PostgreSQL that one is still at work here.
        let old = "INSERT INTO client_mutations (actor, client_mutation_id, request, outcome, at) VALUES ('x', 'x', 'x', 'null', '2026-01-01 00:00:00.000000')";
        world.db.write(|conn| Ok(Sql::new(old).execute(conn)?)).unwrap();
        let served = gateway(world, 4, Duration::from_secs(3));
        if world.is_postgres() {
            let forgetting = |conn: &mut kring::db::Conn| {
                Sql::new("DELETE FROM client_mutations").execute(conn)?;
                Ok(served.ask(CREATE, json!({ "name": "Committees" })))
            };
            assert_eq!(name_of(&world.db.write(forgetting).unwrap().json()), "Committees");
        }
        assert_eq!(name_of(&served.ask(CREATE, json!({ "name": "Boards" })).json()), "Boards");
        let left = "SELECT COUNT(*) FROM client_mutations WHERE client_mutation_id = 'x'";
        let left = world.db.read(|conn| Ok(Sql::new(left).first::<diesel::sql_types::BigInt, i64>(conn)?)).unwrap();
        assert_eq!(left, Some(0));
    }
}
