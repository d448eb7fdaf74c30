//! A walk over the whole schema: no text of what is out of sight is in anything that anybody is answered. What is planted,
//! and the documents, are made from the schema itself, so that new kinds, types, fields and mutations are walked as they
//! come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind};
use axum::Router;
use http_body_util::BodyExt;
use kring::access::Role;
use kring::id::{self, Kind};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use super::{Sdl, Tenant, base, participant};
use crate::harness::{RUNTIME, World, both, text};
use crate::year::{apply, planned, record};

/// Stands in every text of every item of the other organization; short texts, slugs and long ones all take it.
const SECRET: &str = "geheim-bravo";
/// How many objects lie between the root and the last object of a way.
const HOPS: usize = 1;
/// The kinds in which the people of a group take part here.
const USED: [&str; 5] = ["conversationRound", "discussion", "dossier", "signUpForm", "survey"];
/// How long the pages of the first list on a way are.
const PAGE: usize = 20;
/// How many characters of selections go into one document.
const LENGTH: usize = 60_000;

/// Objects that only mutations and subscriptions answer with, and the root.
const NOT_WALKED: [&str; 7] =
    ["ContentChange", "GroupHolder", "MembershipChange", "Query", "RefusedMember", "UserError", "Warning"];

/// The schema as clients read it.
static TEXT: LazyLock<String> = LazyLock::new(kring::graphql::sdl);

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

    fn join(&mut self, other: Self) {
        for (name, ids) in other.0 {
            self.0.entry(name).or_default().extend(ids);
        }
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
    fn named(&self, field: &FieldDefinition, page: usize) -> String {
        let name = field.name.node.as_str();
        let arguments = self.arguments(name, field.arguments.iter().map(|argument| &argument.node));
        with_page(name, &arguments, field, page)
    }

    /// Selections of a type that lead as far as `hops` objects on, each to the leaves of one object.
    fn ways(&self, name: &str, hops: usize) -> Vec<String> {
        self.further(name, hops, &mut Vec::new())
    }

    /// Whether an object can be asked for by its identifier; what cannot is on the way, not a place to be.
    fn is_place(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(TypeKind::Object(ty)) => ty.implements.iter().any(|one| one.node == "Node"),
            _ => true,
        }
    }

    fn further<'a>(&'a self, name: &'a str, hops: usize, trail: &mut Vec<&'a str>) -> Vec<String> {
        // Lists in lists multiply.
        let page = if hops < HOPS { 5 } else { PAGE };
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
                    leaves.push(self.named(field, page));
                    continue;
                }
                let place = self.is_place(to);
                if (place && hops > 0) || (!place && !trail.contains(&to)) {
                    trail.push(to);
                    let below = self.further(to, hops - usize::from(place), trail);
                    trail.pop();
                    further.extend(below.into_iter().map(|way| format!("{} {{ {way} }}", self.named(field, page))));
                }
            }
            ways.push(inside(&leaves.join(" ")));
            ways.extend(further.iter().map(|way| inside(way)));
        }
        ways
    }

    /// Every object that a query can lead to.
    fn objects(&self) -> impl Iterator<Item = &str> {
        let objects =
            self.0.iter().filter(|(_, kind)| matches!(kind, TypeKind::Object(_))).map(|(name, _)| name.as_str());
        objects.filter(|name| !["Mutation", "Subscription", "Payload", "Event"].iter().any(|end| name.ends_with(end)))
    }

    fn is_one_of(name: &str) -> bool {
        TEXT.contains(&format!("input {name} @oneOf"))
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
            // What is closed or without names would leave nothing to take part in and to read.
            ("Boolean", _) => Some(json!(!["closed", "anonymous"].contains(&name))),
            ("Int", _) => Some(json!(3)),
            ("Date", _) => Some(json!("2026-10-01")),
            ("DateTime", _) if name.to_lowercase().contains("open") || name.ends_with("From") => {
                Some(json!("2026-01-01T08:00:00Z"))
            }
            ("DateTime", _) if name.starts_with("end") => Some(json!("2026-10-01T09:00:00Z")),
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

/// The names of all objects in an answer.
fn typenames(answer: &Value, into: &mut BTreeSet<String>) {
    match answer {
        Value::Array(all) => all.iter().for_each(|one| typenames(one, into)),
        Value::Object(fields) => {
            into.extend(fields.get("__typename").and_then(Value::as_str).map(ToOwned::to_owned));
            fields.values().for_each(|one| typenames(one, into));
        }
        _ => {}
    }
}

fn with_page(name: &str, arguments: &str, field: &FieldDefinition, page: usize) -> String {
    let paged = field.arguments.iter().any(|argument| argument.node.name.node == "first");
    let all = [arguments, &if paged { format!("first: {page}") } else { String::new() }].join(" ");
    if all.trim().is_empty() { name.to_owned() } else { format!("{name}({})", all.trim()) }
}

fn answer(router: &Router, token: Option<&str>, query: &str, variables: &Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let bytes = RUNTIME.block_on(async {
        let response = router.clone().oneshot(World::post(token, body)).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    serde_json::from_slice(&bytes).unwrap()
}

/// Sends selections of one field at the root, as few documents as their length allows, and hands on each answer. A field
/// that the viewer may not ask for is not asked for again.
fn send(router: &Router, token: Option<&str>, call: &str, ways: &[String], each: &mut dyn FnMut(&Value)) {
    let length: usize = ways.iter().map(|way| way.len() + call.len() + 6).sum();
    let mut halves = || {
        let (one, other) = ways.split_at(ways.len() / 2);
        send(router, token, call, one, each);
        send(router, token, call, other, each);
    };
    if ways.is_empty() {
        return;
    }
    if length > LENGTH && ways.len() > 1 {
        return halves();
    }
    let query: String = ways.iter().map(|way| format!("{call} {{ {way} }} ")).collect();
    let found = answer(router, token, &format!("{{ {query} }}"), &json!({}));
    match found["errors"][0]["extensions"]["code"].as_str() {
        None | Some("UNAUTHENTICATED" | "FORBIDDEN") => {}
        // What one way may not do keeps the others from being answered.
        // Fields of one name that are of different types must not stand beside each other.
        Some("BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED") if found["data"].is_null() && ways.len() > 1 => {
            return halves();
        }
        Some("BAD_USER_INPUT") => {}
        Some(code) => panic!("{code}: {query}\n{found}"),
    }
    each(&found);
}

/// Asks everything that a viewer can ask, by every identifier that is known, and hands on each answer.
fn walk(router: &Router, sdl: &Sdl, token: Option<&str>, known: &Known, each: &mut dyn FnMut(&Value)) {
    for field in sdl.fields("Query") {
        let name = field.name.node.as_str();
        let by_id = field.arguments.iter().map(|one| &one.node).find(|one| base(&one.ty.node) == "ID");
        let any = by_id.is_some() && sdl.fields(base(&field.ty.node)).len() == 1;
        // An object of any type leads no further than by the field of its own type.
        let ways = sdl.ways(base(&field.ty.node), if any { 0 } else { HOPS });
        let mut calls = vec![sdl.named(field, PAGE)];
        if let Some(by) = by_id {
            let of = match by.name.node.as_str() {
                "id" => name.to_lowercase(),
                other => other.trim_end_matches("Id").to_lowercase(),
            };
            let ids: BTreeSet<&String> =
                known.0.iter().filter(|(known, _)| any || **known == of).flat_map(|(_, ids)| ids).collect();
            let ids: Vec<&String> = ids.into_iter().collect();
            let call = |value: String| with_page(name, &format!("{}: {value}", by.name.node), field, PAGE);
            calls = match by.ty.node.base {
                BaseType::List(_) => ids.chunks(50).map(|ids| call(json!(ids).to_string())).collect(),
                BaseType::Named(_) => ids.iter().map(|id| call(json!(id).to_string())).collect(),
            };
        }
        if ways.is_empty() {
            let found = answer(router, token, &format!("{{ {} }}", sdl.named(field, PAGE)), &json!({}));
            each(&found);
        }
        for call in calls {
            // Nothing lies behind what is not there.
            let there = answer(router, token, &format!("{{ {call} {{ __typename }} }}"), &json!({}));
            each(&there);
            let found = &there["data"][name];
            if found.is_null() || found.as_array().is_some_and(|all| all.iter().all(Value::is_null)) {
                continue;
            }
            send(router, token, &call, &ways, each);
        }
    }
}

/// Every kind of content with a secret in every text, for an organization, shown to different audiences of it.
fn fill(world: &World, sdl: &Sdl, tenant: &Tenant, known: &mut Known) -> BTreeMap<String, String> {
    let token = tenant.administrator(world);
    let Some(TypeKind::InputObject(kinds)) = sdl.0.get("CreateContentInput") else { panic!("no kinds") };
    let audiences = [
        json!({ "groupIds": [tenant.class, tenant.whole] }),
        json!({ "organization": true }),
        json!({ "staff": true }),
        json!({ "participantIds": [tenant.child, tenant.mate] }),
        json!(null),
    ];
    let mut made = BTreeMap::new();
    for (n, kind) in kinds.fields.iter().enumerate() {
        let name = kind.node.name.node.as_str();
        let mut without = BTreeSet::new();
        let id = loop {
            let mut value = sdl.secret(&kind.node.ty.node, known, &format!("input.{name}"), &without).unwrap();
            if name == "survey" {
                let choices = json!({ "kind": "SINGLE_CHOICE", "text": SECRET, "options": [SECRET, "nee"] });
                value["questions"] = json!([{ "kind": "TEXT", "text": SECRET }, choices]);
            }
            let query = "mutation($input: CreateContentInput!) { createContent(input: $input) { content { id } userErrors { field } } }";
            let found = answer(&world.router, Some(&token), query, &json!({ "input": { name: value } }));
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
        made.insert(name.to_owned(), id.clone());
        let availability = &audiences[if USED.contains(&name) { 0 } else { n % audiences.len() }];
        if !availability.is_null() {
            world.done_as(
                &token,
                "publishContent",
                "content { id }",
                json!({ "contentId": id, "availability": availability }),
            );
        }
    }
    made
}

/// Something of everything that hangs on an item, made by the child's guardian.
fn use_all(world: &World, tenant: &Tenant, made: &BTreeMap<String, String>, known: &mut Known) {
    let parent = participant(world, &tenant.parent);
    let topic = json!({ "contentId": made["discussion"], "title": SECRET, "body": SECRET });
    let topic = text(&world.done_as(&parent, "createTopic", "topic { id }", topic)["topic"]["id"]);
    world.done_as(&parent, "createReply", "reply { id }", json!({ "topicId": topic, "body": SECRET }));
    let answers = json!([{ "question": 1, "text": SECRET }, { "question": 2, "choices": [1] }]);
    let input = json!({ "contentId": made["survey"], "participantId": tenant.child, "answers": answers });
    world.done_as(&parent, "answerSurvey", "response { id }", input);
    let input = json!({ "contentId": made["signUpForm"], "participantId": tenant.child, "note": SECRET });
    world.done_as(&parent, "signUp", "entry { id }", input);
    let slots = json!({ "contentId": made["conversationRound"], "slots": [{ "startsAt": "2026-10-02T08:00:00Z", "endsAt": "2026-10-02T08:15:00Z", "location": SECRET }] });
    let slots = world.done_as(&tenant.administrator(world), "addConversationSlots", "slots { id }", slots);
    let slot = &slots["slots"][0]["id"];
    world.done_as(
        &parent,
        "bookConversationSlot",
        "slot { id }",
        json!({ "slotId": slot, "participantId": tenant.child }),
    );
    let sent = crate::files::upload_document(world, &tenant.administrator(world), &made["dossier"], SECRET);
    known.add("contentFile", &sent);
}

/// A year group whose content a transition took away and that has a plan for the next year, with school records of the child
/// in it.
fn school(world: &World, tenant: &Tenant, item: &str, known: &mut Known) {
    let token = tenant.administrator(world);
    let category = world.done("createGroupCategory", "groupCategory { id }", json!({ "name": "Klassen" }));
    let settings = json!({ "name": "Groep 7 Bravo", "yearGroup": 7, "categoryId": category["groupCategory"]["id"] });
    let group = world.group_with(Some(&tenant.organization), settings);
    let settings = json!({ "name": "Nieuws Bravo", "subscriptionGroup": true, "restrictedToId": tenant.class });
    world.group_with(Some(&tenant.organization), settings);
    world.add(&group, &[&tenant.child, &tenant.mate], "2025-09-01");
    let publish = || {
        let input = json!({ "contentId": item, "availability": { "groupIds": [group, tenant.class] } });
        world.done_as(&token, "publishContent", "content { id }", input);
    };
    publish();
    let plan = |from: &str, to: &str, on: &str| {
        planned(
            world,
            &token,
            json!({ "organizationId": tenant.organization, "fromSchoolYear": from, "toSchoolYear": to, "effectiveOn": on,
            "moves": [{ "groupId": group, "leaving": true }], "exceptions": [{ "participantId": tenant.mate, "stays": true }] }),
        )
    };
    let applied = plan("2024-2025", "2025-2026", "2025-08-24");
    apply(world, &token, &applied);
    publish();
    let next = plan("2025-2026", "2026-2027", "2026-08-24");
    known.add("yearTransition", &text(&applied["id"]));
    known.add("yearTransition", &text(&next["id"]));
    record(world, &tenant.child, &group, "2026-05-11", 2025);
    let of_pupil = |mut rest: Value| {
        rest["participantId"] = json!(tenant.child);
        rest["groupId"] = json!(group);
        rest
    };
    let parent = participant(world, &tenant.parent);
    for (mutation, payload, rest) in [
        ("reportAbsence", "absenceReport", json!({ "date": "2026-09-16", "reason": SECRET })),
        ("requestLeave", "leaveRequest", json!({ "from": "2026-10-01", "until": "2026-10-02", "reason": SECRET })),
        ("registerLunchStay", "lunchStay", json!({ "date": "2026-09-16" })),
    ] {
        let made = world.done_as(&parent, mutation, &format!("{payload} {{ id }}"), of_pupil(rest));
        known.add(payload, &text(&made[payload]["id"]));
    }
}

both! {
    /// K3: over every way that the schema has.
    fn k3_no_way_leads_to_what_is_out_of_sight(world) {
        let (sdl, router) = (Sdl::read(), world.unlimited());
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let mut known = Known::default();
        for (name, id) in [("organization", &b.organization), ("group", &b.class), ("participant", &b.child), ("child", &b.child)] {
            known.add(name, id);
        }
        let made = fill(world, &sdl, &b, &mut known);
        use_all(world, &b, &made, &mut known);
        school(world, &b, &made["dossier"], &mut known);
        let (mut asked, mut shown, mut types) = (0, BTreeSet::new(), BTreeSet::new());
        // What one walk learns of, the next one asks for by its identifier.
        let parent = participant(world, &b.parent);
        for own in [&parent, &b.administrator(world), &parent, &participant(world, &b.child)] {
            let mut seen = Known::default();
            walk(&router, &sdl, Some(own), &known, &mut |answer| {
                let found = answer.to_string();
                shown.extend(known.all("content").into_iter().filter(|id| found.contains(SECRET) && found.contains(id.as_str())));
                typenames(answer, &mut types);
                seen.learn(answer);
            });
            known.join(seen);
        }
        assert_eq!(shown.len(), made.len(), "the walk comes to every kind where it is in sight");
        let missed: Vec<&str> = sdl.objects().filter(|name| !types.contains(*name) && !NOT_WALKED.contains(name)).collect();
        assert_eq!(missed, [""; 0], "the walk comes to every type where it is in sight");
        for id in [&a.organization, &a.class, &a.child, &a.whole, &a.in_class] {
            let (kind, _) = id::decode(id).unwrap();
            known.add(kind.name(), id);
        }
        let key = |text: &str| id::decode_as(Kind::Participant, text);
        let grants = [(Role::Staff, key(&a.organization)), (Role::Participant, None)];
        let combined = world.keys.sign(key(&a.parent), &grants, "Beide", crate::harness::now(), chrono::Duration::hours(1)).unwrap();
        let viewers = [None, Some(a.administrator(world)), Some(participant(world, &a.child)), Some(combined)];
        let hidden = known.all("content");
        for token in &viewers {
            walk(&router, &sdl, token.as_deref(), &known, &mut |answer| {
                let found = answer.to_string();
                for secret in [SECRET, "Bravo", "bravo.example"] {
                    assert!(!found.contains(secret), "{secret}: {found}");
                }
                assert!(hidden.iter().all(|id| !found.contains(id.as_str())), "{found}");
                asked += 1;
            });
        }
        assert!(asked > 100, "only {asked} documents");
    }
}
