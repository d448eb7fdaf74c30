//! Y3, Y7: a failure at any point leaves everything as it was, and the next try works.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use diesel::connection::InstrumentationEvent;
use kring::access::Viewer;
use kring::db::{Conn, Db, Dialect, Observer, Sql};
use kring::error::{Code, Error};
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use kring::year::moving::Along;
use kring::year::relink::Mapping;
use kring::year::{apply, moving, relink, undo};
use serde_json::{Value, json};

use super::dump::{Dump, assert_unchanged, dump};
use crate::harness::{World, both, now};
use crate::year::{School, planned};

thread_local! {
    /// How many more statements of this thread are sent before one fails.
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

type Meddling = (&'static str, Box<dyn FnOnce()>);

thread_local! {
    /// What somebody else does just before this thread sends a statement that begins so.
    static MEDDLING: RefCell<Option<Meddling>> = const { RefCell::new(None) };
}

/// Somebody else comes in between.
fn meddling() -> Observer {
    Observer(Arc::new(|event| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let due = MEDDLING.with_borrow_mut(|waiting| waiting.take_if(|(start, _)| text.starts_with(*start)));
            if let Some((_, meddle)) = due {
                meddle();
            }
        }
    }))
}

/// The text of the panic by which a statement fails.
const FAULT: &str = "a statement failed on purpose";

fn failing() -> Observer {
    Observer(Arc::new(|event| {
        if let InstrumentationEvent::StartQuery { .. } = event {
            match LEFT.get() {
                Some(0) => {
                    LEFT.set(None);
                    std::panic::resume_unwind(Box::new(FAULT));
                }
                Some(left) => LEFT.set(Some(left - 1)),
                None => {}
            }
        }
    }))
}

/// A school with something for each statement: leaders, a group that is fed, records, content, a mail to new members.
struct Stage<'w> {
    world: &'w World,
    school: School,
    scope: Scope,
    transition: Value,
}

type Step = (&'static str, fn(&Stage<'_>, &mut Conn) -> Result<(), Error>);

/// In this order, each as often as it takes until nothing fails any more.
const STEPS: [Step; 4] = [
    ("apply", |stage, conn| {
        let token = stage.transition["preview"]["token"].as_str().unwrap();
        apply::apply(conn, &stage.scope, stage.transition(), token, &mut |_| {}).map(|_| ())
    }),
    ("relink", |stage, conn| {
        let (second, last) = (stage.group(&stage.school.second), stage.group(&stage.school.last));
        let mapping = vec![Mapping { from_group_id: second, to_group_id: last, kinds: None }];
        let request = relink::Request { transition_id: stage.transition(), links: vec![(1, second)], mapping };
        relink::relink(conn, &stage.scope, &request).map(|_| ())
    }),
    ("undo", |stage, conn| undo::undo(conn, &stage.scope, stage.transition()).map(|_| ())),
    ("moveMembers", |stage, conn| {
        let request = moving::Request {
            from_group_id: stage.group(&stage.school.second),
            to_group_id: stage.group(&stage.school.last),
            participants: vec![id::decode_as(Kind::Participant, &stage.school.pupils[2]).unwrap()],
            on: None,
            end_reason: None,
            start_reason: None,
            note: None,
            along: Along::Everything,
            include_opted_out: false,
            make_permanent: false,
            dry_run: false,
        };
        moving::move_members(conn, &stage.scope, &request).map(|_| ())
    }),
];

impl<'w> Stage<'w> {
    fn new(world: &'w World) -> Self {
        let school = School::new(world);
        let token = school.administrator(world);
        for (title, group) in [("Schoolreis", &school.second), ("Musical", &school.last)] {
            school.news(world, title, &[group, &school.choir]);
        }
        let of = Some(school.organization.as_str());
        let template = "Subject: Welkom\n\nU bent lid van {{ groupName }}.";
        world.group_with(
            of,
            json!({ "name": "Overblijf", "sourceGroupId": school.second, "newMemberTemplate": template }),
        );
        let addresses = Sql::new("UPDATE participants SET email = 'kind' || id || '@example.org'");
        world.db.write(|conn| Ok(addresses.execute(conn)?)).unwrap();
        let scope = Scope::new(Viewer::operator("Tester"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
        let stage = Self { world, school, scope: scope.with_mail(true), transition: Value::Null };
        for (table, columns, values) in [
            ("absence_reports", "date", "'2026-03-02'"),
            ("lunch_stays", "date", "'2026-03-02'"),
            ("leave_requests", "from_date, until_date, reason", "'2026-03-02', '2026-03-02', 'Feest'"),
        ] {
            let sql = format!(
                "INSERT INTO {table} (participant_id, group_id, school_year, {columns}, made_by_name, created_at) VALUES ({}, {}, 2025, {values}, 'Ouder', '2026-03-02 08:00:00.000000')",
                id::decode_as(Kind::Participant, &stage.school.pupils[0]).unwrap(),
                stage.group(&stage.school.first)
            );
            world.db.write(|conn| Ok(Sql::new(sql).execute(conn)?)).unwrap();
        }
        let mut plan = stage.school.plan();
        plan["exceptions"] = json!([{ "participantId": stage.school.pupils[3], "toGroupId": stage.school.choir }]);
        let transition = planned(world, &token, plan);
        Self { transition, ..stage }
    }

    fn group(&self, id: &str) -> i64 {
        id::decode_as(Kind::Group, id).unwrap()
    }

    fn transition(&self) -> i64 {
        id::decode_as(Kind::YearTransition, self.transition["id"].as_str().unwrap()).unwrap()
    }

    /// Every membership, link and record as it counts.
    fn counts(&self) -> Dump {
        let mut all = dump(self.world);
        all.retain(|table, _| ["absence_reports", "leave_requests", "lunch_stays"].contains(&table.as_str()));
        all
    }
}

/// Counts down at every row that is written, and fails at the last.
fn trap(world: &World) {
    let tables = dump(world).into_keys().filter(|table| !table.starts_with("__") && table != "derivation_turn");
    let tables: Vec<String> = tables.collect();
    world
        .db
        .write(|conn| {
            Sql::new("CREATE TABLE trap (rest BIGINT NOT NULL)").execute(conn)?;
            Sql::new("INSERT INTO trap VALUES (1000000)").execute(conn)?;
            if conn.dialect() == Dialect::Postgres {
                Sql::new(
                    "CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE n BIGINT; BEGIN \
                     UPDATE trap SET rest = rest - 1 RETURNING rest INTO n; \
                     IF n < 0 THEN RAISE EXCEPTION 'a row failed on purpose'; END IF; \
                     IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
                )
                .execute(conn)?;
            }
            for table in &tables {
                for event in ["INSERT", "UPDATE", "DELETE"] {
                    let name = format!("trap_{table}_{event}");
                    let sql = match conn.dialect() {
                        Dialect::Sqlite => format!(
                            "CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN UPDATE trap SET rest = rest - 1; \
                             SELECT RAISE(ABORT, 'a row failed on purpose') FROM trap WHERE rest < 0; END"
                        ),
                        Dialect::Postgres => {
                            format!(
                                "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION spring()"
                            )
                        }
                    };
                    Sql::new(sql).execute(conn)?;
                }
            }
            Ok(())
        })
        .unwrap();
}

fn set_trap(world: &World, rows: usize) {
    let sql = Sql::new("UPDATE trap SET rest = ").int(i64::try_from(rows).unwrap());
    world.db.write(|conn| Ok(sql.execute(conn)?)).unwrap();
}

fn quietly<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
    catch_unwind(AssertUnwindSafe(body))
}

both! {
    /// Each statement in turn fails; the connection that was in use then is not lent again.
    fn y3_y7_a_failure_at_any_statement_changes_nothing(world) {
        let stage = Stage::new(world);
        let db: Db = world.connect(failing());
        for (what, step) in STEPS {
            let before = dump(world);
            let mut failures = 0;
            loop {
                LEFT.set(Some(failures));
                let outcome = quietly(|| db.write(|conn| step(&stage, conn)));
                let failed = LEFT.replace(None).is_none();
                match outcome {
                    Ok(done) => {
                        assert!(!failed, "{what}: failure {failures} was swallowed");
                        done.unwrap();
                        break;
                    }
                    Err(panic) => assert_eq!(panic.downcast_ref::<&str>(), Some(&FAULT), "{what}"),
                }
                assert_unchanged(&before, world, &format!("{what}, statement {failures}"));
                failures += 1;
            }
            assert!(failures > 8, "{what} took {failures} statements");
            assert_ne!(dump(world), before, "{what} has done something");
        }
        assert!(stage.counts().values().all(Vec::is_empty), "what was erased stays erased");
    }

    /// The database itself refuses each row in turn; whoever asked is told no more than that it went wrong.
    fn y3_y7_a_failure_at_any_row_changes_nothing(world) {
        let stage = Stage::new(world);
        trap(world);
        for (what, step) in STEPS {
            let mut rows = 0;
            loop {
                set_trap(world, rows);
                let before = dump(world);
                match world.db.write(|conn| step(&stage, conn)) {
                    Ok(()) => break,
                    Err(Error::Internal(message)) => assert!(message.contains("on purpose"), "{what}: {message}"),
                    Err(error) => panic!("{what}, row {rows}: {error:?}"),
                }
                assert_unchanged(&before, world, &format!("{what}, row {rows}"));
                rows += 1;
            }
            assert!(rows > 1, "{what} wrote {rows} rows");
            set_trap(world, 1_000_000);
        }
    }

    /// Y4: the locks of the groups do not keep others from taking away a link or a record; what was counted is compared with
    /// what is done. SQLite has one writer, and nobody comes in between.
    fn y4_what_others_take_away_at_the_last_moment_is_noticed(world) {
        if !world.is_postgres() {
            return;
        }
        let mut stage = Stage::new(world);
        let db = world.connect(meddling());
        let unlink = format!(
            "UPDATE content_links SET unlinked_at = linked_at, unlink_reason = 'CHANGED' WHERE group_id = {}",
            stage.group(&stage.school.second)
        );
        for (statement, sql) in [
            ("DELETE FROM absence_reports", "DELETE FROM absence_reports".to_owned()),
            ("UPDATE content_links SET unlinked_at", unlink),
        ] {
            let token = stage.school.administrator(world);
            stage.transition = planned(world, &token, stage.school.plan());
            let other = world.db.clone();
            let meddle = move || assert_eq!(other.write(|conn| Ok(Sql::new(sql).execute(conn)?)).unwrap(), 1);
            MEDDLING.set(Some((statement, Box::new(meddle))));
            let refused = db.write(|conn| STEPS[0].1(&stage, conn));
            assert!(MEDDLING.take().is_none(), "{statement} was sent");
            assert!(matches!(&refused, Err(Error::Rejected(why)) if why[0].code == Code::PreviewStale), "{statement}: {refused:?}");
            assert_eq!((world.rows("year_transition_members"), world.rows("lunch_stays")), (0, 1), "nothing was done");
        }
    }
}
