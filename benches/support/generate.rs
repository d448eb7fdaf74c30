//! Fills a fresh database with people, groups and memberships: the same ones for the same seed and size.
//!
//! Rows are written as text in statements of many rows, which both databases read alike. Their keys are the numbers
//! from 1 on, as a fresh database hands them out. What guards the memberships row by row (indexes, triggers, the
//! exclusion constraint) is taken away while loading and made again, as it was, from the database's own catalogue.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate, NaiveDateTime};
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};
use kring::db::{Db, Options};
use kring::groups::composition::{Composition, Mode};
use kring::people::store::Written;
use kring::people::{Details, Gender, ParticipantKind};
use kring::text::{searchable, sort_key};

/// The external id of the widest composite.
pub const BIG: &str = "BIG";
/// The external id of a composite of composites of groups, for pages that show a whole tree.
pub const TREE: &str = "TREE";
/// How many participants, from the first on, have the history of their memberships.
pub const WITH_HISTORY: i64 = 20_000;

/// How much to generate.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub name: &'static str,
    pub people: usize,
    /// All groups, composites included.
    pub groups: usize,
    /// Groups below [`BIG`], at all levels.
    pub below_big: usize,
    pub memberships: usize,
    /// Groups with [`Size::large_members`].
    pub large_groups: usize,
    pub large_members: usize,
}

impl Size {
    /// For a quick look whether everything runs.
    pub const SMALL: Self = Self {
        name: "small",
        people: 4_000,
        groups: 400,
        below_big: 210,
        memberships: 20_000,
        large_groups: 4,
        large_members: 500,
    };
    /// What Kring is built to hold.
    pub const FULL: Self = Self {
        name: "full",
        people: 200_000,
        groups: 10_000,
        below_big: 5_155,
        memberships: 1_000_000,
        large_groups: 54,
        large_members: 5_000,
    };
}

/// SplitMix64: small, quick, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a bound");
        usize::try_from(self.next() % bound).expect("less than a usize")
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

const GIVEN: &[&str] = &[
    "Aart", "Abdel", "Anna", "Anouk", "Arjan", "Aylin", "Bas", "Bram", "Britt", "Carlijn", "Cees", "Chaima", "Coen",
    "Daan", "Dewi", "Dirk", "Édith", "Eline", "Emma", "Eva", "Fatima", "Femke", "Finn", "Floor", "Frits", "Geert",
    "Guus", "Hanna", "Hendrik", "Ilse", "Imane", "Isa", "Jan", "Jasmijn", "Jeroen", "Joost", "Julia", "Kees", "Lars",
    "Lieke", "Lotte", "Luuk", "Maaike", "Marijke", "Mees", "Milan", "Mohamed", "Nienke", "Noor", "Olaf", "Pieter",
    "Priya", "Quinten", "Roos", "Ruben", "Sanne", "Sem", "Sofie", "Stijn", "Thijs", "Tess", "Umut", "Vera", "Willem",
    "Wouter", "Yara", "Youssef", "Zoë",
];
const PREFIXES: &[&str] = &["van", "de", "van de", "van den", "van der", "den", "ter", "'t"];
const FAMILY: &[&str] = &[
    "Aalbers",
    "Achterberg",
    "Akkerman",
    "Baars",
    "Bakker",
    "Beek",
    "Berg",
    "Bergman",
    "Blom",
    "Boer",
    "Bosch",
    "Brink",
    "Brouwer",
    "Bruin",
    "Buitenhuis",
    "Citroen",
    "Cohen",
    "Dam",
    "Dekker",
    "Dijk",
    "Dijkstra",
    "Doorn",
    "Driessen",
    "Édouard",
    "Engel",
    "Faber",
    "Geer",
    "Gerritsen",
    "Graaf",
    "Groot",
    "Haan",
    "Heijden",
    "Hendriks",
    "Hermans",
    "Heuvel",
    "Hoek",
    "Hoekstra",
    "Hofman",
    "Huisman",
    "Jacobs",
    "Jansen",
    "Janssen",
    "Jong",
    "Kaya",
    "Koning",
    "Koster",
    "Kramer",
    "Kuiper",
    "Kuipers",
    "Laan",
    "Lange",
    "Leeuwen",
    "Linden",
    "Maas",
    "Martens",
    "Meer",
    "Meijer",
    "Mol",
    "Mulder",
    "Müller",
    "Nguyen",
    "Nijhuis",
    "Oever",
    "Özdemir",
    "Peeters",
    "Peters",
    "Postma",
    "Prins",
    "Ridder",
    "Roos",
    "Sanders",
    "Schipper",
    "Schouten",
    "Smit",
    "Smits",
    "Timmerman",
    "Veen",
    "Velden",
    "Ven",
    "Verbeek",
    "Verhoeven",
    "Vermeulen",
    "Visser",
    "Vliet",
    "Vos",
    "Vries",
    "Wal",
    "Willems",
    "Wit",
    "Wolf",
    "Zanden",
    "Zwart",
];
const SUBJECTS: &[&str] = &[
    "Badminton",
    "Bestuur",
    "Bewoners",
    "Boekenclub",
    "Commissie",
    "Fietsen",
    "Gilde",
    "Groep",
    "Klas",
    "Koor",
    "Leden",
    "Lezers",
    "Muziek",
    "Ouders",
    "Schaken",
    "Tuin",
    "Vrijwilligers",
    "Wandelen",
    "Werkgroep",
    "Yoga",
];

/// Fills a database that holds nothing yet.
pub fn fill(url: &str, size: &Size, seed: u64) {
    let db = Db::open(&Options::new(url)).expect("the database opens");
    db.migrate().expect("the schema is applied");
    drop(db);
    let mut loader = Loader::open(url);
    assert_eq!(loader.number("SELECT COUNT(*) AS number FROM participants"), 0, "the database must be fresh");
    let guards = loader.take_guards_away();
    let mut plan = Plan::new(size, seed);
    loader.load(&mut plan);
    loader.put_guards_back(&guards);
    loader.finish();
    assert_eq!(
        loader.number("SELECT MAX(id) AS number FROM participants"),
        count(size.people),
        "keys are numbered from 1"
    );
    assert_eq!(loader.number("SELECT MAX(id) AS number FROM groups"), count(size.groups), "keys are numbered from 1");
}

fn count(number: usize) -> i64 {
    i64::try_from(number).expect("a number of rows")
}

/// Everything that is drawn by lot.
struct Plan {
    size: Size,
    random: Random,
    today: NaiveDate,
    keys: Vec<String>,
    groups: Vec<Planned>,
}

/// A group: its name, what it is part of, and how many memberships it gets.
struct Planned {
    external_id: String,
    name: String,
    parent: Option<usize>,
    members: usize,
}

const CATEGORIES: usize = 20;

impl Plan {
    fn new(size: &Size, seed: u64) -> Self {
        let today = NaiveDate::from_ymd_opt(2026, 9, 1).expect("a date");
        let mut plan = Self { size: *size, random: Random(seed), today, keys: Vec::new(), groups: Vec::new() };
        plan.compose();
        plan.distribute();
        plan
    }

    fn group(&mut self, external_id: Option<&str>, parent: Option<usize>) -> usize {
        let number = self.groups.len() + 1;
        let subject = self.random.pick(SUBJECTS);
        let name = format!("{subject} {}", self.random.pick(FAMILY));
        let name = if self.random.one_in(3) { name } else { format!("{name} {}", self.random.below(12) + 1) };
        let external_id = external_id.map_or_else(|| format!("G{number}"), ToOwned::to_owned);
        self.groups.push(Planned { external_id, name, parent, members: 0 });
        number - 1
    }

    /// Two composites by name, composites of four to six levels beside them, and groups that are part of nothing.
    fn compose(&mut self) {
        let big = self.group(Some(BIG), None);
        let end = self.groups.len() + self.size.below_big;
        // A few at each of the upper levels; the lowest ones take what remains, in turn.
        let mut level = vec![big];
        for width in [4, 3, 2, 2] {
            let parents = std::mem::take(&mut level);
            for parent in parents {
                for _ in 0..width {
                    level.push(self.group(None, Some(parent)));
                }
            }
        }
        let mut next = 0;
        while self.groups.len() < end {
            // Every seventh hangs one level higher, so that the depth differs.
            let lowest = level[next % level.len()];
            let parent = if next % 7 == 0 { self.groups[lowest].parent.unwrap_or(lowest) } else { lowest };
            self.group(None, Some(parent));
            next += 1;
        }
        let tree = self.group(Some(TREE), None);
        for _ in 0..5 {
            let middle = self.group(None, Some(tree));
            for _ in 0..5 {
                self.group(None, Some(middle));
            }
        }
        for _ in 0..self.size.groups / 500 {
            let top = self.group(None, None);
            let mut parent = top;
            for _ in 0..3 {
                parent = self.group(None, Some(parent));
                for _ in 0..4 {
                    self.group(None, Some(parent));
                }
            }
        }
        assert!(self.groups.len() < self.size.groups, "the composites leave room for other groups");
        while self.groups.len() < self.size.groups {
            self.group(None, None);
        }
    }

    /// Spreads the memberships: composites get none, a few groups very many, all others about as many.
    fn distribute(&mut self) {
        let mut composite = vec![false; self.groups.len()];
        for group in &self.groups {
            if let Some(parent) = group.parent {
                composite[parent] = true;
            }
        }
        let leaves: Vec<usize> = (0..self.groups.len()).filter(|group| !composite[*group]).collect();
        let stride = leaves.len() / self.size.large_groups;
        let large: Vec<usize> =
            leaves.iter().copied().skip(stride / 2).step_by(stride).take(self.size.large_groups).collect();
        for group in &large {
            self.groups[*group].members = self.size.large_members;
        }
        let small: Vec<usize> = leaves.into_iter().filter(|group| !large.contains(group)).collect();
        let rest = self.size.memberships - large.len() * self.size.large_members;
        for (n, group) in small.iter().enumerate() {
            self.groups[*group].members = rest * (n + 1) / small.len() - rest * n / small.len();
        }
    }

    fn people(&mut self, batch: &mut Batch<'_>) {
        let now = self.moment();
        for number in 1..=self.size.people {
            let born = self.day_before(365 * 90);
            let prefix = (!self.random.one_in(3)).then(|| self.random.pick(PREFIXES).to_owned());
            let given = self.random.pick(GIVEN);
            let given =
                if self.random.one_in(4) { format!("{given} {}", self.random.pick(GIVEN)) } else { given.to_owned() };
            let details = Details {
                external_id: Some(format!("P{number}")),
                given_name: Some(given),
                name_prefix: prefix.filter(|_| number % 2 == 0),
                family_name: Some(self.random.pick(FAMILY).to_owned()),
                birth_date: Some(born),
                gender: Some(if number % 2 == 0 { Gender::Female } else { Gender::Male }),
                email: Some(format!("p{number}@example.org")),
                ..Details::default()
            };
            let written = Written::new(ParticipantKind::Person, details, now);
            let row = batch.row();
            text(row, written.external_id.as_deref());
            text(row, Some(written.kind.as_str()));
            text(row, written.given_name.as_deref());
            text(row, written.name_prefix.as_deref());
            text(row, written.family_name.as_deref());
            text(row, written.birth_date.map(|date| date.to_string()).as_deref());
            text(row, written.gender.map(Gender::as_str));
            text(row, written.email.as_deref());
            text(row, Some(&written.display_name));
            text(row, Some(&written.sort_key));
            text(row, Some(&written.search_text));
            text(row, written.email_key.as_deref());
            instants(row, now);
            self.keys.push(written.sort_key);
        }
    }

    fn moment(&self) -> NaiveDateTime {
        self.today.and_hms_opt(8, 0, 0).expect("a time")
    }

    fn day_before(&mut self, days: usize) -> NaiveDate {
        let days = u64::try_from(self.random.below(days) + 1).expect("days");
        self.today.checked_sub_days(Days::new(days)).expect("a date")
    }

    fn categories(&self, batch: &mut Batch<'_>) {
        for number in 1..=CATEGORIES {
            let name = format!("Soort {number}");
            let row = batch.row();
            text(row, Some(&name));
            text(row, Some(&sort_key(&name)));
        }
    }

    fn write_groups(&mut self, batch: &mut Batch<'_>) {
        let now = self.moment();
        for n in 0..self.groups.len() {
            let category = (!self.random.one_in(10)).then(|| self.random.below(CATEGORIES) + 1);
            let responsible = (!self.random.one_in(5)).then(|| self.random.below(self.size.people) + 1);
            let closed = self.random.one_in(20) && !matches!(self.groups[n].external_id.as_str(), BIG | TREE);
            let group = &self.groups[n];
            let row = batch.row();
            text(row, Some(&group.external_id));
            text(row, Some(&group.name));
            text(row, Some(&sort_key(&group.name)));
            text(row, Some(&searchable([group.name.as_str()])));
            number(row, category);
            number(row, responsible);
            text(row, Some(Composition::Any.as_str()));
            row.push_str(if closed { "TRUE," } else { "FALSE," });
            instants(row, now);
        }
    }

    fn components(&self, batch: &mut Batch<'_>) {
        for (n, group) in self.groups.iter().enumerate() {
            let Some(parent) = group.parent else { continue };
            let row = batch.row();
            number(row, Some(parent + 1));
            number(row, Some(n + 1));
            text(row, Some(Mode::Include.as_str()));
            number(row, Some(n));
        }
    }

    fn memberships(&mut self, batch: &mut Batch<'_>) {
        let now = self.moment();
        for group in 0..self.groups.len() {
            // Steps that share no factor with the number of people meet nobody twice.
            let people = self.size.people;
            let mut at = self.random.below(people);
            let step = loop {
                let step = self.random.below(people - 1) + 1;
                if greatest_common_divisor(step, people) == 1 {
                    break step;
                }
            };
            for n in 0..self.groups[group].members {
                at = (at + step) % people;
                let start = self.day_before(3_000);
                let ended = self.random.one_in(4);
                let end = ended
                    .then(|| start.checked_add_days(Days::new(30)).filter(|end| *end < self.today).unwrap_or(start));
                let row = batch.row();
                number(row, Some(group + 1));
                number(row, Some(at + 1));
                text(row, Some(&self.keys[at]));
                text(row, Some(&start.to_string()));
                number(row, Some(self.random.below(6) + 1));
                text(row, end.map(|end| end.to_string()).as_deref());
                number(row, ended.then(|| self.random.below(6) + 1));
                text(row, (ended && n % 5 == 0).then_some("Verhuisd naar elders"));
                text(row, Some(if n % 40 == 0 { "LEADER" } else { "MEMBER" }));
                text(row, Some(if n % 3 == 0 { "IMPORT" } else { "MANUAL" }));
                instants(row, now);
            }
        }
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn text(row: &mut String, value: Option<&str>) {
    match value {
        Some(value) => {
            row.push('\'');
            row.push_str(&value.replace('\'', "''"));
            row.push_str("',");
        }
        None => row.push_str("NULL,"),
    }
}

fn number(row: &mut String, value: Option<usize>) {
    match value {
        Some(value) => write!(row, "{value},").expect("text can be written"),
        None => row.push_str("NULL,"),
    }
}

/// The two instants that end most tables.
fn instants(row: &mut String, at: NaiveDateTime) {
    let at = at.format("%Y-%m-%d %H:%M:%S");
    write!(row, "'{at}','{at}',").expect("text can be written");
}

/// Rows of one table, sent when there are many.
struct Batch<'a> {
    conn: &'a mut Target,
    head: String,
    rows: String,
    number: usize,
}

impl Batch<'_> {
    /// Starts the next row; every value ends with a comma.
    fn row(&mut self) -> &mut String {
        if self.number == 500 {
            self.send();
        }
        self.close();
        self.rows.push_str(if self.number == 0 { "(" } else { ",(" });
        self.number += 1;
        &mut self.rows
    }

    fn close(&mut self) {
        if self.number > 0 {
            self.rows.pop();
            self.rows.push(')');
        }
    }

    fn send(&mut self) {
        if self.number > 0 {
            self.close();
            self.conn.batch(&format!("{} VALUES {}", self.head, self.rows));
            self.rows.clear();
            self.number = 0;
        }
    }
}

enum Target {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Target {
    fn batch(&mut self, text: &str) {
        let done = match self {
            Self::Sqlite(conn) => conn.batch_execute(text),
            Self::Postgres(conn) => conn.batch_execute(text),
        };
        done.unwrap_or_else(|error| panic!("{error}: {:.300}", text));
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// How to take something away and to make it again.
#[derive(QueryableByName)]
struct Guard {
    #[diesel(sql_type = Text)]
    drop: String,
    #[diesel(sql_type = Text)]
    create: String,
}

struct Loader {
    target: Target,
}

impl Loader {
    fn open(url: &str) -> Self {
        let target = match url.strip_prefix("sqlite://") {
            Some(path) => Target::Sqlite(SqliteConnection::establish(path).expect("the file opens")),
            None => Target::Postgres(PgConnection::establish(url).expect("the server answers")),
        };
        let mut loader = Self { target };
        // Nothing is lost when a load is interrupted: it is started anew.
        loader.target.batch(match &loader.target {
            Target::Sqlite(_) => "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -200000",
            Target::Postgres(_) => {
                "SET synchronous_commit = off; SET session_replication_role = replica; SET maintenance_work_mem = '512MB'"
            }
        });
        loader
    }

    fn number(&mut self, query: &str) -> i64 {
        let rows: Vec<Number> = match &mut self.target {
            Target::Sqlite(conn) => diesel::sql_query(query).load(conn),
            Target::Postgres(conn) => diesel::sql_query(query).load(conn),
        }
        .expect("a number");
        rows[0].number
    }

    fn take_guards_away(&mut self) -> Vec<Guard> {
        let guards: Vec<Guard> = match &mut self.target {
            Target::Sqlite(conn) => diesel::sql_query(
                "SELECT 'DROP ' || type || ' ' || name AS \"drop\", sql AS \"create\" FROM sqlite_master \
                 WHERE tbl_name = 'memberships' AND type IN ('index', 'trigger') AND sql IS NOT NULL",
            )
            .load(conn),
            Target::Postgres(conn) => diesel::sql_query(
                "SELECT 'ALTER TABLE memberships DROP CONSTRAINT ' || conname AS \"drop\", 'ALTER TABLE memberships ADD CONSTRAINT ' \
                 || conname || ' ' || pg_get_constraintdef(oid) AS \"create\" FROM pg_constraint \
                 WHERE conrelid = 'memberships'::regclass AND contype = 'x' UNION ALL \
                 SELECT 'DROP INDEX ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM pg_index i \
                 WHERE i.indrelid = 'memberships'::regclass \
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)",
            )
            .load(conn),
        }
        .expect("the catalogue can be read");
        for guard in &guards {
            self.target.batch(&guard.drop);
        }
        guards
    }

    fn put_guards_back(&mut self, guards: &[Guard]) {
        for guard in guards {
            self.target.batch(&guard.create);
        }
    }

    fn load(&mut self, plan: &mut Plan) {
        self.target.batch("BEGIN");
        self.table(
            "participants (external_id, kind, given_name, name_prefix, family_name, birth_date, gender, email, display_name, \
             sort_key, search_text, email_key, created_at, updated_at)",
            |batch| plan.people(batch),
        );
        self.table("group_categories (name, sort_key)", |batch| plan.categories(batch));
        self.table(
            "groups (external_id, name, sort_key, search_text, category_id, responsible_id, composition, closed, created_at, \
             updated_at)",
            |batch| plan.write_groups(batch),
        );
        self.table("group_components (composite_id, component_id, mode, position)", |batch| plan.components(batch));
        self.table(
            "memberships (group_id, participant_id, member_key, start_date, start_reason_id, end_date, end_reason_id, end_note, \
             role, origin, created_at, updated_at)",
            |batch| plan.memberships(batch),
        );
        self.target.batch(&format!(
            "INSERT INTO history (at, actor_name, action, entity, entity_id, changes) \
             SELECT created_at, 'Beheer', 'CREATED', 'MEMBERSHIP', id, \
             '[{{\"field\":\"startDate\",\"before\":null,\"after\":\"' || start_date || '\"}}]' \
             FROM memberships WHERE participant_id <= {WITH_HISTORY} ORDER BY id"
        ));
        self.target.batch("UPDATE composition_revision SET revision = revision + 1; COMMIT");
    }

    fn table(&mut self, columns: &str, write: impl FnOnce(&mut Batch<'_>)) {
        let head = format!("INSERT INTO {columns}");
        let mut batch = Batch { conn: &mut self.target, head, rows: String::new(), number: 0 };
        write(&mut batch);
        batch.send();
    }

    /// Leaves the database as one that has run for a while: PostgreSQL with the statistics that it gathers by itself,
    /// SQLite without a log to be read first.
    fn finish(&mut self) {
        self.target.batch(match &self.target {
            Target::Sqlite(_) => "PRAGMA wal_checkpoint(TRUNCATE)",
            Target::Postgres(_) => "VACUUM ANALYZE",
        });
    }
}
