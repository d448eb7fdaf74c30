//! A walk over the whole schema: no text of what is out of sight is in anything that anybody is answered. What is planted,
//! and the documents, are made from the schema itself, so that new kinds, types, fields and mutations are walked as they
//! come.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind};
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Map, Value, json};

use super::{Sdl, Tenant, base, participant};
use crate::harness::{RUNTIME, World, both};

/// Stands in every text of every item of the other organization; short texts, slugs and long ones all take it.
const SECRET: &str = "geheim-bravo";
/// How many objects lie between the root and the last object of a way.
const HOPS: usize = 2;
/// How many characters of selections go into one document.
const LENGTH: usize = 9_000;

/// Identifiers by the name of what they identify.
#[derive(Default)]
struct Known(BTreeMap<String, BTreeSet<String>>);

impl Known {
    fn add(&mut self, name: &str, id: &str) {
        self.0.entry(name.to_lowercase()).or_default().insert(id.to_owned());
    }

    fn all(&self, name: &str) -> Vec<String> {
        let name = name.trim_end_matches('s').trim_end_matches("Id").to_lowercase();
        self.0.get(&name).into_iter().flatten().cloned().collect()
    }

    /// Remembers every object in an answer.
    fn learn(&mut self, answer: &Value) {
        match answer {
            Value::Array(all) => all.iter().for_each(|one| self.learn(one)),
            Value::Object(fields) => {
                if let (Some(Value::String(name)), Some(Value::String(id))) =
                    (fields.get("__typename"), fields.get("id"))
                {
                    self.add(name, id);
                }
                fields.values().for_each(|one| self.learn(one));
            }
            _ => {}
        }
    }
}

impl Sdl {
    /// The types that tell all there is to tell of this type: itself, and where it is an interface the types behind it.
    fn faces<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let of = |kind: &TypeKind| match kind {
            TypeKind::Object(ty) => ty.implements.iter().map(|one| one.node.to_string()).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        match self.0.get(name) {
            Some(TypeKind::Object(_)) => vec![name],
            Some(TypeKind::Interface(_)) => {
                let behind = self.0.iter().filter(|(_, kind)| of(kind).iter().any(|one| one == name));
                std::iter::once(name).chain(behind.map(|(name, _)| name.as_str())).collect()
            }
            Some(TypeKind::Union(ty)) => ty.members.iter().map(|member| member.node.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// A field with the least that it accepts, and a page of a fair size if it is a list.
    fn named(&self, field: &FieldDefinition) -> String {
        let name = field.name.node.as_str();
        let arguments = self.arguments(name, field.arguments.iter().map(|argument| &argument.node));
        with_page(name, &arguments, field)
    }

    /// Selections of a type that lead as far as `hops` objects on, each to the leaves of one object.
    fn ways(&self, name: &str, hops: usize) -> Vec<String> {
        let mut ways = Vec::new();
        let common: BTreeSet<&str> = self.fields(name).iter().map(|field| field.name.node.as_str()).collect();
        for face in self.faces(name) {
            let inside = |selection: &str| {
                if face == name { selection.to_owned() } else { format!("... on {face} {{ {selection} }}") }
            };
            let (mut leaves, mut further) = (vec!["__typename".to_owned()], Vec::new());
            for field in
                self.fields(face).into_iter().filter(|field| face == name || !common.contains(field.name.node.as_str()))
            {
                let to = base(&field.ty.node);
                if self.faces(to).is_empty() {
                    leaves.push(self.named(field));
                    continue;
                }
                // A connection and its edges are on the way, not a place to be.
                let passing = ["Connection", "Edge", "PageInfo"].iter().any(|end| to.ends_with(end));
                if passing || hops > 0 {
                    let below = self.ways(to, if passing { hops } else { hops - 1 });
                    further.extend(below.into_iter().map(|way| format!("{} {{ {way} }}", self.named(field))));
                }
            }
            ways.push(inside(&leaves.join(" ")));
            ways.extend(further.iter().map(|way| inside(way)));
        }
        ways
    }

    fn is_one_of(name: &str) -> bool {
        kring::graphql::sdl().contains(&format!("input {name} @oneOf"))
    }

    /// A value with the secret in each of its texts; nothing is given at the places in `without`.
    fn secret(&self, ty: &Type, known: &Known, at: &str, without: &BTreeSet<String>) -> Option<Value> {
        let name = at.rsplit('.').next().unwrap_or_default();
        if let BaseType::List(inner) = &ty.base {
            let one = self.secret(inner, known, at, without)?;
            // Of choices there are at least two, and no two are the same.
            let other = one.as_str().filter(|text| *text == SECRET).map(|text| json!(format!("{text}-2")));
            return Some(Value::Array(std::iter::once(one).chain(other).collect()));
        }
        match (base(ty), self.0.get(base(ty))) {
            ("ID", _) => known.all(name).into_iter().next_back().map(Value::from),
            ("Boolean", _) => Some(json!(true)),
            ("Int", _) => Some(json!(3)),
            ("Date", _) => Some(json!("2026-10-01")),
            ("DateTime", _) => Some(json!("2026-10-01T08:00:00Z")),
            (_, Some(TypeKind::Enum(ty))) => Some(json!(ty.values.first()?.node.value.node.as_str())),
            (of, Some(TypeKind::InputObject(ty))) => {
                let given = ty.fields.iter().map(|field| &field.node).filter_map(|field| {
                    let place = format!("{at}.{}", field.name.node);
                    let wanted = field.name.node != "clientMutationId" && !without.contains(&place);
                    let value = if wanted { self.secret(&field.ty.node, known, &place, without) } else { None };
                    value.map(|value| (field.name.node.to_string(), value))
                });
                let given: Map<String, Value> = given.take(if Self::is_one_of(of) { 1 } else { usize::MAX }).collect();
                Some(Value::Object(given))
            }
            _ => Some(json!(SECRET)),
        }
    }
}

fn with_page(name: &str, arguments: &str, field: &FieldDefinition) -> String {
    let paged = field.arguments.iter().any(|argument| argument.node.name.node == "first");
    let all = [arguments, if paged { "first: 20" } else { "" }].join(" ");
    if all.trim().is_empty() { name.to_owned() } else { format!("{name}({})", all.trim()) }
}

fn answer(world: &World, token: Option<&str>, query: &str, variables: &Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let (_, text) = RUNTIME.block_on(world.send(World::post(token, body)));
    serde_json::from_str(&text).unwrap()
}

/// Sends selections of one field at the root, as few documents as the limits allow, and hands on each answer. Answers with
/// whether the viewer may ask for the field at all.
fn send(world: &World, token: Option<&str>, call: &str, ways: &[String], each: &mut dyn FnMut(&Value)) -> bool {
    let query: String = ways.iter().map(|way| format!("{call} {{ {way} }} ")).collect();
    let found = answer(world, token, &format!("{{ {query} }}"), &json!({}));
    match found["errors"][0]["extensions"]["code"].as_str() {
        Some("UNAUTHENTICATED" | "FORBIDDEN") => return false,
        Some("QUERY_TOO_COMPLEX") if ways.len() > 1 => {
            let (one, other) = ways.split_at(ways.len() / 2);
            return send(world, token, call, one, each) && send(world, token, call, other, each);
        }
        // Such as an identifier of another kind.
        Some("BAD_USER_INPUT") | None => {}
        Some(code) => panic!("{code}: {query}\n{found}"),
    }
    each(&found);
    true
}

/// Asks everything that a viewer can ask, by every identifier that is known, and hands on each answer.
fn walk(world: &World, sdl: &Sdl, token: Option<&str>, known: &Known, each: &mut dyn FnMut(&Value)) {
    for field in sdl.fields("Query") {
        let name = field.name.node.as_str();
        let ways = sdl.ways(base(&field.ty.node), HOPS);
        let mut calls = vec![sdl.named(field)];
        if let Some(by) =
            field.arguments.iter().map(|argument| &argument.node).find(|argument| base(&argument.ty.node) == "ID")
        {
            let ids = known
                .0
                .iter()
                .filter(|(of, _)| matches!(name, "node" | "nodes") || **of == name)
                .flat_map(|(_, ids)| ids);
            let value = |id: &String| {
                if matches!(by.ty.node.base, BaseType::List(_)) { format!("[\"{id}\"]") } else { format!("\"{id}\"") }
            };
            calls = ids.map(|id| with_page(name, &format!("{}: {}", by.name.node, value(id)), field)).collect();
        }
        if ways.is_empty() {
            let found = answer(world, token, &format!("{{ {} }}", sdl.named(field)), &json!({}));
            each(&found);
        }
        for call in calls {
            let mut from = 0;
            while from < ways.len() {
                let mut length = 0;
                let fits = |way: &&String| {
                    length += way.len() + call.len() + 6;
                    length < LENGTH
                };
                let to = from + ways[from..].iter().take_while(fits).count().max(1);
                if !send(world, token, &call, &ways[from..to], each) {
                    break;
                }
                from = to;
            }
        }
    }
}

/// Sends a mutation with the secret in each text, leaving out what is refused, and answers with its payload.
fn plant(world: &World, sdl: &Sdl, token: &str, field: &FieldDefinition, known: &Known, fixed: &Value) -> Value {
    let ty = &field.arguments[0].node.ty.node;
    let query = format!(
        "mutation($input: {}!) {{ {}(input: $input) {{ __typename userErrors {{ code message field }} }} }}",
        base(ty),
        field.name.node
    );
    let mut without = BTreeSet::new();
    for _ in 0..8 {
        let Some(Value::Object(mut input)) = sdl.secret(ty, known, "input", &without) else { break };
        input.extend(fixed.as_object().unwrap().clone());
        let found = answer(world, Some(token), &query, &json!({ "input": input }));
        let payload = found["data"][field.name.node.as_str()].clone();
        let refused = payload["userErrors"].as_array().cloned().unwrap_or_default();
        if refused.is_empty() {
            return found;
        }
        let place = |error: &Value| {
            let parts = error["field"].as_array().into_iter().flatten().filter_map(Value::as_str);
            parts.filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join(".")
        };
        without.extend(refused.iter().map(place));
    }
    Value::Null
}

/// Every kind of content with a secret in every text, for an organization, shown to different audiences of it.
fn fill(world: &World, sdl: &Sdl, tenant: &Tenant, known: &mut Known) -> usize {
    let token = tenant.administrator(world);
    let create = sdl.fields("Mutation").into_iter().find(|field| field.name.node == "createContent").unwrap();
    let Some(TypeKind::InputObject(kinds)) = sdl.0.get("CreateContentInput") else { panic!("no kinds") };
    let audiences = [
        json!({ "groupIds": [tenant.class, tenant.whole] }),
        json!({ "organization": true }),
        json!({ "staff": true }),
        json!({ "participantIds": [tenant.child, tenant.mate] }),
        json!(null),
    ];
    for (n, kind) in kinds.fields.iter().enumerate() {
        let name = kind.node.name.node.as_str();
        let mut without = BTreeSet::new();
        let id = loop {
            let value = sdl.secret(&kind.node.ty.node, known, &format!("input.{name}"), &without).unwrap();
            let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } userErrors { field } } }";
            let found = answer(world, Some(&token), query, &json!({ "input": { name: value } }));
            let made = &found["data"]["createContent"];
            if let Some(id) = made["content"]["id"].as_str() {
                break id.to_owned();
            }
            let before = without.len();
            for error in made["userErrors"].as_array().unwrap_or_else(|| panic!("{found}")) {
                let parts = error["field"].as_array().unwrap().iter().filter_map(Value::as_str);
                without.insert(parts.filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join("."));
            }
            assert!(without.len() > before, "{name} cannot be made: {found}");
        };
        known.add("content", &id);
        let availability = &audiences[n % audiences.len()];
        if !availability.is_null() {
            world.done_as(
                &token,
                "publishContent",
                "content { id }",
                json!({ "contentId": id, "availability": availability }),
            );
        }
    }
    let _ = create;
    kinds.fields.len()
}

/// Carries out everything that can be done with an item, so that there is something of each type that hangs on one.
fn use_all(world: &World, sdl: &Sdl, tenant: &Tenant, known: &mut Known) {
    let core = ["subscribe", "unsubscribe", "createContent", "updateContent", "publishContent", "withdrawContent"];
    let undoing = ["delete", "remove", "withdraw", "cancel", "close", "end", "annul", "retry"];
    let mutations: Vec<&FieldDefinition> = sdl
        .fields("Mutation")
        .into_iter()
        .filter(|field| {
            let name = field.name.node.as_str();
            let open = kring::access::table::rule("Mutation", name) == Some(kring::access::table::Rule::SignedIn);
            open && !core.contains(&name) && !undoing.iter().any(|word| name.starts_with(word))
        })
        .collect();
    // What one makes, another hangs on.
    for _ in 0..2 {
        for token in
            [tenant.administrator(world), participant(world, &tenant.child), participant(world, &tenant.parent)]
        {
            for field in &mutations {
                for content in known.all("content") {
                    let takes = sdl.0.get(base(&field.arguments[0].node.ty.node));
                    let has = matches!(takes, Some(TypeKind::InputObject(ty)) if ty.fields.iter().any(|field| field.node.name.node == "contentId"));
                    plant(
                        world,
                        sdl,
                        &token,
                        field,
                        known,
                        &if has { json!({ "contentId": content }) } else { json!({}) },
                    );
                    if !has {
                        break;
                    }
                }
            }
        }
        let mut found = Vec::new();
        walk(world, sdl, Some(&tenant.administrator(world)), known, &mut |answer| found.push(answer.clone()));
        found.iter().for_each(|answer| known.learn(answer));
    }
}

both! {
    /// K3: over every way that the schema has.
    fn k3_no_way_leads_to_what_is_out_of_sight(world) {
        let sdl = Sdl::read();
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let mut known = Known::default();
        for (name, id) in [("organization", &b.organization), ("group", &b.class), ("participant", &b.child), ("child", &b.child)] {
            known.add(name, id);
        }
        let kinds = fill(world, &sdl, &b, &mut known);
        use_all(world, &sdl, &b, &mut known);
        let (mut asked, mut shown) = (0, BTreeSet::new());
        let own = b.administrator(world);
        walk(world, &sdl, Some(&own), &known, &mut |answer| {
            let found = answer.to_string();
            shown.extend(known.all("content").into_iter().filter(|id| found.contains(SECRET) && found.contains(id.as_str())));
        });
        assert_eq!(shown.len(), kinds, "the walk comes to every kind where it is in sight");
        for id in [&a.organization, &a.class, &a.child, &a.whole, &a.in_class] {
            let (kind, _) = id::decode(id).unwrap();
            known.add(kind.name(), id);
        }
        let key = |text: &str| id::decode_as(Kind::Participant, text);
        let grants = [(Role::Staff, key(&a.organization)), (Role::Participant, None)];
        let combined = world.keys.sign(key(&a.parent), &grants, "Beide", crate::harness::now(), chrono::Duration::hours(1)).unwrap();
        let viewers = [None, Some(a.administrator(world)), Some(a.staff(world)), Some(participant(world, &a.child)),
            Some(participant(world, &a.mate)), Some(combined), Some(participant(world, &a.organization))];
        let hidden = known.all("content");
        for token in &viewers {
            walk(world, &sdl, token.as_deref(), &known, &mut |answer| {
                let found = answer.to_string();
                assert!(!found.contains(SECRET), "{found}");
                assert!(hidden.iter().all(|id| !found.contains(id.as_str())), "{found}");
                asked += 1;
            });
        }
        assert!(asked > 500, "only {asked} documents");
        println!("ASKED {asked}");
    }
}
