//! Every field of the schema that leads to other rows, under one parent and under forty: the number of statements is the same.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::BigInt;
use kring::access::Viewer;
use kring::db::Sql;
use kring::exchange::demo;
use kring::id::{self, Kind};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::copies;
use crate::harness::{World, both, now};

/// How many copies of a parent there are, itself included.
const MANY: i64 = 40;

/// What can be asked for by identifiers, and the table that holds it.
const ROOTS: [(Kind, &str); 9] = [
    (Kind::Group, "groups"),
    (Kind::Participant, "participants"),
    (Kind::Membership, "memberships"),
    (Kind::Residency, "residencies"),
    (Kind::Content, "content"),
    (Kind::ConversationSlot, "conversation_slots"),
    (Kind::SignUpEntry, "sign_up_entries"),
    (Kind::AbsenceReport, "absence_reports"),
    (Kind::LeaveRequest, "leave_requests"),
];

/// Fields that are asked of one object at a time, and say so.
const ALONE: [&str; 1] = ["YearTransition.preview"];

const SCHEMA: &str = "{ __schema { types { name kind fields { name args { name defaultValue type { kind } } type { kind name ofType { kind name ofType \
    { kind name ofType { kind name } } } } } possibleTypes { name } } } }";

#[derive(Clone)]
struct Field {
    name: String,
    /// The type behind lists and exclamation marks.
    target: String,
    required: bool,
    pages: bool,
}

/// The fields of every object and interface.
struct Schema(BTreeMap<String, Vec<Field>>);

fn core(ty: &Value) -> String {
    ty["name"].as_str().map_or_else(|| core(&ty["ofType"]), ToOwned::to_owned)
}

impl Schema {
    fn read(world: &World) -> Self {
        let found = world.data(SCHEMA, json!({}));
        let types = found["__schema"]["types"].as_array().unwrap();
        let fields = |ty: &Value| {
            let fields = ty["fields"].as_array().into_iter().flatten().map(|field| {
                let target = core(&field["type"]);
                let args = field["args"].as_array().unwrap();
                let required =
                    args.iter().any(|arg| arg["type"]["kind"] == "NON_NULL" && arg["defaultValue"].is_null());
                Field {
                    name: field["name"].as_str().unwrap().to_owned(),
                    target,
                    required,
                    pages: args.iter().any(|arg| arg["name"] == "first"),
                }
            });
            fields.collect::<Vec<_>>()
        };
        Self(types.iter().map(|ty| (ty["name"].as_str().unwrap().to_owned(), fields(ty))).collect())
    }

    fn fields(&self, ty: &str) -> &[Field] {
        self.0.get(ty).map_or(&[], Vec::as_slice)
    }

    fn is_object(&self, ty: &str) -> bool {
        !self.fields(ty).is_empty()
    }

    /// Some of what stands in the rows of a type.
    fn leaf(&self, ty: &str) -> String {
        let plain = self
            .fields(ty)
            .iter()
            .find(|field| !self.is_object(&field.target) && !field.required && !field.pages && field.name != "url");
        format!("__typename {}", plain.map_or("", |field| &field.name))
    }

    /// How a field is selected in which `inner` is selected of its objects.
    fn select(field: &Field, inner: &str) -> String {
        let args = if field.pages { "(first: 3)" } else { "" };
        format!("{}{args} {{ {inner} }}", field.name)
    }
}

/// One way from an identifier to objects of a type.
struct Way<'w> {
    ty: String,
    /// The selection up to there, with `%` where the object's own comes.
    text: String,
    /// An object on which something is found there.
    roots: &'w [i64],
    kind: Kind,
    depth: usize,
}

struct Walk<'w> {
    world: &'w World,
    schema: Schema,
    token: String,
    seen: BTreeSet<String>,
    asked: Vec<String>,
    grown: Vec<String>,
}

impl Walk<'_> {
    fn ask(&self, kind: Kind, roots: &[i64], text: &str) -> Value {
        let ids: Vec<String> = roots.iter().map(|id| id::encode(kind, *id)).collect();
        let query = format!("query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {text} }} }}");
        self.world.ask_as(Some(&self.token), &query, json!({ "ids": ids }))
    }

    fn spent(&self, kind: Kind, roots: &[i64], text: &str) -> u64 {
        let before = self.world.db.statements();
        let answer = self.ask(kind, roots, text);
        assert!(answer.get("errors").is_none(), "{text}\n{answer:.1000}");
        self.world.db.statements() - before
    }

    /// The first of the objects under which something is found.
    fn holder(&self, way: &Way<'_>, text: &str) -> Option<i64> {
        let answer = self.ask(way.kind, way.roots, text);
        assert!(answer.get("errors").is_none(), "{text}\n{answer:.1000}");
        let found = |node: &Value| node.to_string().contains("\"__typename\"");
        let nodes = answer["data"]["nodes"].as_array().unwrap();
        nodes.iter().position(found).map(|at| way.roots[at])
    }

    /// What a selection takes under one parent and under many.
    fn difference(&self, way: &Way<'_>, selection: &str, root: i64) -> Option<String> {
        let text = way.text.replace('%', selection);
        let copies: Vec<i64> = (0..MANY).map(|n| root + n * copies::STEP).collect();
        // What a process keeps, such as the composition, is there after the first.
        let many = self.spent(way.kind, &copies, &text);
        let one = self.spent(way.kind, &copies[..1], &text);
        let many = if many == one { many } else { self.spent(way.kind, &copies, &text) };
        (many != one).then(|| format!("{one} statements under one, {many} under {MANY}: {text}"))
    }

    fn compare(&mut self, way: &Way<'_>, field: &Field, selection: &str, root: i64) {
        self.asked.push(format!("{}.{}", way.ty, field.name));
        if let Some(difference) = self.difference(way, selection, root) {
            self.grown.push(format!("{}.{}: {difference}", way.ty, field.name));
        }
    }

    /// The same of fields that lead to no object: all at once, and one by one only if that makes a difference.
    fn compare_leaves(&mut self, way: &Way<'_>, leaves: &[Field], root: i64) {
        let all = leaves.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(" ");
        if self.difference(way, &all, root).is_none() {
            self.asked.extend(leaves.iter().map(|field| format!("{}.{}", way.ty, field.name)));
            return;
        }
        self.grown.push(format!("{}: {all}", way.ty));
        for field in leaves {
            self.compare(way, field, &field.name, root);
        }
    }

    fn follow(&mut self, way: &Way<'_>) {
        if way.depth > 3 || !self.seen.insert(way.ty.clone()) {
            return;
        }
        let asked = |field: &&Field| !field.required && !ALONE.contains(&format!("{}.{}", way.ty, field.name).as_str());
        let fields: Vec<Field> = self.schema.fields(&way.ty).iter().filter(asked).cloned().collect();
        let (further, leaves): (Vec<Field>, Vec<Field>) =
            fields.into_iter().partition(|field| self.schema.is_object(&field.target));
        if let Some(root) = way.roots.first().filter(|_| !leaves.is_empty()) {
            self.compare_leaves(way, &leaves, *root);
        }
        for field in &further {
            self.lead(way, field);
        }
    }

    fn lead(&mut self, way: &Way<'_>, field: &Field) {
        let connection = field.target.ends_with("Connection");
        let inner = if connection { "edges { __typename }".to_owned() } else { "__typename".to_owned() };
        let probe = way.text.replace('%', &Schema::select(field, &inner));
        let Some(root) = self.holder(way, &probe) else { return };
        if connection {
            for inner in ["edges { cursor } pageInfo { endCursor hasNextPage }", "totalCount"] {
                self.compare(way, field, &Schema::select(field, inner), root);
            }
            let edge = field.target.replace("Connection", "Edge");
            let text = way.text.replace('%', &Schema::select(field, "edges { % }"));
            self.follow(&Way { ty: edge, text, roots: &[root], kind: way.kind, depth: way.depth + 1 });
            return;
        }
        let leaf = self.schema.leaf(&field.target);
        self.compare(way, field, &Schema::select(field, &leaf), root);
        let text = way.text.replace('%', &Schema::select(field, "%"));
        self.follow(&Way { ty: field.target.clone(), text, roots: &[root], kind: way.kind, depth: way.depth + 1 });
    }
}

fn keys(world: &World, table: &'static str) -> Vec<i64> {
    world
        .db
        .read(|conn| {
            Ok(Sql::new("SELECT id FROM ").text(table).text(" ORDER BY id LIMIT 400").load::<BigInt, i64>(conn)?)
        })
        .unwrap()
}

both! {
    fn every_field_takes_as_many_statements_under_forty_parents_as_under_one(world) {
        let operator = Scope::new(Viewer::operator("test"), Clock::Fixed(now()), chrono_tz::Europe::Amsterdam);
        demo::fill(&world.db, &operator).unwrap_or_else(|failure| panic!("{failure}"));
        let roots: Vec<(Kind, Vec<i64>)> = ROOTS.iter().map(|(kind, table)| (*kind, keys(world, table))).collect();
        world.db.write(|conn| copies::add(conn, MANY - 1)).unwrap();
        let mut walk = Walk { world, schema: Schema::read(world), token: world.administrator(), seen: BTreeSet::new(), asked: Vec::new(), grown: Vec::new() };
        for (kind, ids) in &roots {
            let mut by_type: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            for ids in ids.chunks(50) {
                let answer = walk.ask(*kind, ids, "__typename");
                for (id, node) in ids.iter().zip(answer["data"]["nodes"].as_array().unwrap()) {
                    let of = by_type.entry(node["__typename"].as_str().unwrap().to_owned()).or_default();
                    if of.len() < 50 {
                        of.push(*id);
                    }
                }
            }
            for (ty, ids) in by_type {
                let text = format!("... on {ty} {{ % }}");
                walk.seen.remove(&ty);
                walk.follow(&Way { ty, text, roots: &ids, kind: *kind, depth: 0 });
            }
        }
        let asked: BTreeSet<&String> = walk.asked.iter().collect();
        assert!(asked.len() > 250, "{} fields were asked: {asked:?}", asked.len());
        assert!(walk.grown.is_empty(), "{}", walk.grown.join("\n"));
    }
}
