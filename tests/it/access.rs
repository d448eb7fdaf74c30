//! Who sees and does what: the table of fields and operations, walls between organizations, and a model of the rules of
//! sight. What a viewer may not see does not exist for that viewer: no list, count, filter or message gives it away.

mod model;
mod steps;
mod walk;
mod walls;

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kring::access::Role;
use kring::access::table::{self, Rule};
use kring::access::token::Keys;
use kring::id::{self, Kind};
use serde_json::{Value, json};

use crate::harness::{RUNTIME, World, both, ids, now, once, text};

/// The schema as it describes itself: types by name.
struct Sdl(BTreeMap<String, TypeKind>);

impl Sdl {
    fn read() -> Self {
        let document = parse_schema(kring::graphql::types_sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some((ty.node.name.node.to_string(), ty.node.kind)),
            _ => None,
        });
        Self(types.collect())
    }

    fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match self.0.get(name) {
            Some(TypeKind::Object(ty)) => ty.fields.iter().map(|field| &field.node).collect(),
            Some(TypeKind::Interface(ty)) => ty.fields.iter().map(|field| &field.node).collect(),
            _ => Vec::new(),
        }
    }

    /// The type under which the table lists a field: the interface that has it, else the type itself. Of `Node` there
    /// are no rows of its own.
    fn owner<'a>(&'a self, name: &'a str, field: &str) -> &'a str {
        let Some(TypeKind::Object(ty)) = self.0.get(name) else { return name };
        let interfaces =
            ty.implements.iter().map(|interface| interface.node.as_str()).filter(|interface| *interface != "Node");
        let has = |interface: &&str| self.fields(interface).iter().any(|found| found.name.node == field);
        interfaces.into_iter().find(has).unwrap_or(name)
    }

    /// A selection of a field: of objects no more than that they are there.
    fn selection(&self, field: &FieldDefinition) -> &'static str {
        if self.fields(base(&field.ty.node)).is_empty() { "" } else { "{ __typename }" }
    }

    /// A field at the root with the least that it accepts.
    fn call(&self, field: &FieldDefinition) -> String {
        let name = field.name.node.as_str();
        let arguments = self.arguments(name, field.arguments.iter().map(|argument| &argument.node));
        let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
        format!("{name}{arguments} {}", self.selection(field))
    }

    fn arguments<'a>(&self, root: &str, of: impl Iterator<Item = &'a InputValueDefinition>) -> String {
        let needed = of.filter(|argument| !argument.ty.node.nullable && argument.default_value.is_none());
        let given = needed.map(|argument| format!("{}: {}", argument.name.node, self.value(root, argument)));
        given.collect::<Vec<_>>().join(", ")
    }

    fn value(&self, root: &str, argument: &InputValueDefinition) -> String {
        if matches!(argument.ty.node.base, BaseType::List(_)) {
            return "[]".to_owned();
        }
        match (base(&argument.ty.node), self.0.get(base(&argument.ty.node))) {
            ("ID", _) => format!("\"{}\"", id::encode(steps::kind_of(root, argument.name.node.as_str()), 9_999)),
            ("Boolean", _) => "false".to_owned(),
            ("Int", _) => "1".to_owned(),
            ("Date", _) => "\"2026-09-15\"".to_owned(),
            ("SchoolYear", _) => "\"2025-2026\"".to_owned(),
            (_, Some(TypeKind::Enum(ty))) => ty.values[0].node.value.node.to_string(),
            (_, Some(TypeKind::InputObject(ty))) => {
                let inner = self.arguments(root, ty.fields.iter().map(|field| &field.node));
                // Of the inputs of which exactly one field is given.
                let has = |name: &str| inner.is_empty() && ty.fields.iter().any(|field| field.node.name.node == name);
                let inner = match () {
                    () if has("person") => "person: {}",
                    () if has("newsItem") => "newsItem: { title: \"x\", body: \"x\" }",
                    () => &inner,
                };
                format!("{{ {inner} }}")
            }
            _ => "\"x\"".to_owned(),
        }
    }
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

const TABLES: [&str; 14] = [
    "participants",
    "groups",
    "memberships",
    "group_components",
    "residencies",
    "guardianships",
    "group_categories",
    "start_reasons",
    "end_reasons",
    "absence_reports",
    "leave_requests",
    "lunch_stays",
    "history",
    "client_mutations",
];

fn rows(world: &World) -> Vec<i64> {
    TABLES.map(|table| world.rows(table)).to_vec()
}

/// Sends a document and answers with its status and its first error code.
fn outcome(world: &World, token: Option<&str>, document: &str) -> (u16, String) {
    let request = World::post(token, json!({ "query": document }).to_string());
    let (status, body) = RUNTIME.block_on(world.send(request));
    let body: Value = serde_json::from_str(&body).unwrap();
    (status, body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Two organizations with the same things in each. Everything of B has "Bravo" in its texts, everything of A "Alfa".
struct Tenant {
    organization: String,
    staff: String,
    parent: String,
    child: String,
    mate: String,
    address: String,
    residency: String,
    /// A directory in which child and mate are.
    class: String,
    /// No directory; child and mate are in it as well.
    circle: String,
    whole: String,
    computed: String,
    /// The child's.
    in_class: String,
    /// The parent's, which is over.
    in_circle: String,
}

impl Tenant {
    fn new(world: &World, mark: &str) -> Self {
        let organization = world.organization(&format!("Stichting {mark}"));
        let of = Some(organization.as_str());
        let person = |given: &str| {
            let details = json!({ "givenName": given, "familyName": mark, "email": format!("{given}@{mark}.example").to_lowercase(),
                "phone": walls::phone(mark), "birthDate": "2017-03-04", "gender": "FEMALE",
                "postalAddress": { "street": format!("{mark}laan"), "city": format!("{mark}dorp") } });
            let input = json!({ "details": { "person": details }, "organizationId": organization, "externalId": format!("{given}-{mark}") });
            text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
        };
        let [staff, parent, child, mate] = ["Staf", "Ouder", "Kind", "Maatje"].map(person);
        let details = json!({ "address": { "street": format!("{mark}straat"), "houseNumber": "1", "postalCode": "3511 AB",
            "city": format!("{mark}stad"), "complexNumber": format!("C-{mark}"), "dwellingType": format!("{mark}flat") } });
        let address =
            json!({ "details": details, "organizationId": organization, "externalId": format!("Adres-{mark}") });
        let address = text(&world.done("createParticipant", "participant { id }", address)["participant"]["id"]);
        let group = |name: &str, more: Value| {
            let mut settings =
                json!({ "name": format!("{name} {mark}"), "responsibleId": staff, "newMemberTemplate": mark });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            world.group_with(of, settings)
        };
        let class = group("Klas", json!({ "memberDirectory": true }));
        let circle = group("Kring", json!({}));
        let whole = group("School", json!({}));
        let computed =
            group("Gefilterd", json!({ "memberFilter": { "kinds": ["PERSON"], "organizationId": organization } }));
        world.compose(&whole, "ANY", &[(&class, "INCLUDE"), (&circle, "INCLUDE")]);
        let in_class = world.add(&class, &[&child, &mate], "2026-01-01");
        world.add(&circle, &[&child, &mate], "2026-02-01");
        let in_circle = world.add(&circle, &[&parent], "2025-01-01").remove(0);
        let ending = json!({ "membershipId": in_circle, "endDate": "2025-06-01", "endReasonCode": "LEFT", "note": format!("Ruzie {mark}") });
        world.done("endMembership", "membership { id }", ending);
        world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": parent }));
        let residency = json!({ "participantId": child, "addressId": address, "startDate": "2020-01-01" });
        let residency = text(&world.done("registerResidency", "residency { id }", residency)["residency"]["id"]);
        let in_class = in_class[0].clone();
        Self {
            organization,
            staff,
            parent,
            child,
            mate,
            address,
            residency,
            class,
            circle,
            whole,
            computed,
            in_class,
            in_circle,
        }
    }

    fn administrator(&self, world: &World) -> String {
        world.token(Role::MembershipAdministrator, None, Some(&self.organization))
    }

    fn staff(&self, world: &World) -> String {
        world.token(Role::Staff, None, Some(&self.organization))
    }
}

fn participant(world: &World, id: &str) -> String {
    world.token(Role::Participant, Some(id), None)
}

fn total(world: &World, token: &str, list: &str, filter: Value) -> i64 {
    let kind = match list {
        "groups" => "GroupFilter",
        "memberships" => "MembershipFilter",
        _ => "ParticipantFilter",
    };
    let query = format!("query($f: {kind}) {{ {list}(filter: $f) {{ totalCount edges {{ cursor }} }} }}");
    let found = world.data_as(token, &query, json!({ "f": filter }))[list].take();
    let total = found["totalCount"].as_i64().unwrap();
    assert_eq!(found["edges"].as_array().unwrap().len(), usize::try_from(total).unwrap());
    total
}

/// Which of these fields of an object are not null; `None` when there is no such object.
fn readable(world: &World, sdl: &Sdl, token: &str, ty: &str, id: &str, rule: Rule) -> Option<BTreeSet<String>> {
    let wanted = sdl
        .fields(ty)
        .into_iter()
        .filter(|field| table::rule(sdl.owner(ty, &field.name.node), &field.name.node) == Some(rule));
    let wanted: Vec<String> = wanted
        .filter(|field| field.arguments.iter().all(|argument| argument.node.ty.node.nullable))
        .map(|field| format!("{} {}", field.name.node, sdl.selection(field)))
        .collect();
    let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on {ty} {{ {} }} }} }}", wanted.join(" "));
    let node = world.data_as(token, &query, json!({ "id": id }))["node"].take();
    let fields = node.as_object()?.iter().filter(|(_, value)| !value.is_null());
    Some(fields.map(|(name, _)| name.clone()).collect())
}

/// Everything that a viewer can get at from the lists, as text.
fn everything(world: &World, token: &str) -> String {
    const GROUP: &str = "id name description memberCount responsible { id displayName } organization { displayName } sourceGroup { id } \
        restrictedTo { id } partOf { group { name } } components { group { name } } newMemberTemplate \
        memberFilter { organization { displayName } currentGroup { name } } \
        history(first: 5) { totalCount edges { node { actor { displayName participant { id } } changes { before after } } } }";
    const PERSON: &str = "id displayName email phone organization { id displayName } ... on Person { birthDate guardians { displayName } \
        children { displayName } residencies { id address { displayName } } } ... on Address { street city residents { participant { displayName } } }";
    let documents = [
        format!("{{ groups(first: 50, filter: {{ includeClosed: true }}) {{ totalCount edges {{ cursor node {{ {GROUP} }} }} }} }}"),
        "{ groups(first: 20) { edges { node { memberships(first: 20, filter: { status: ANY }) { totalCount edges { cursor node { id endNote \
           participant { displayName } } } } effectiveMembers(first: 20) { totalCount edges { cursor implicit node { displayName email } } } } } } }".to_owned(),
        format!("{{ participants(first: 50) {{ totalCount edges {{ cursor node {{ {PERSON} }} }} }} }}"),
        "{ participants(first: 20) { edges { node { memberships(first: 10, filter: { status: ANY }) { totalCount edges { node { group { name } } } } \
           effectiveGroups(first: 10) { totalCount edges { node { name } via { groups { name } } } } } } } }".to_owned(),
        "{ memberships(first: 100, filter: { status: ANY }) { totalCount edges { cursor node { id endNote group { name } participant { displayName } \
           history(first: 3) { edges { node { actor { displayName } } } } } } } }".to_owned(),
    ];
    documents.iter().map(|document| world.data_as(token, document, json!({})).to_string()).collect()
}

once! {
    fn the_table_is_the_schema() {
        let sdl = Sdl::read();
        let names = |sdl: &Sdl| -> Vec<String> { sdl.0.keys().filter(|name| !name.starts_with("__") && *name != "Node").cloned().collect() };
        for name in names(&sdl) {
            for field in sdl.fields(&name) {
                let owner = sdl.owner(&name, &field.name.node);
                let rule = table::rule(owner, &field.name.node);
                assert!(rule.is_some(), "{owner}.{} has no rule", field.name.node);
                let root = matches!(name.as_str(), "Query" | "Mutation" | "Subscription");
                assert_eq!(root, !matches!(rule, Some(Rule::Seen | Rule::Personal | Rule::Contact | Rule::Home)), "{owner}.{}", field.name.node);
                assert!(matches!(rule, Some(Rule::Seen)) || root || field.ty.node.nullable, "{owner}.{} cannot be withheld", field.name.node);
                let refusable = root && name != "Subscription" && rule != Some(Rule::Anyone);
                assert!(!refusable || field.ty.node.nullable, "{owner}.{} cannot be refused alone", field.name.node);
            }
        }
        for (owner, field, _) in table::fields() {
            assert!(sdl.fields(owner).iter().any(|found| found.name.node == field), "{owner}.{field} is no field");
            assert_eq!(sdl.owner(owner, field), owner, "{owner}.{field} is listed under the wrong type");
        }
    }
}

both! {
    fn every_operation_is_for_whom_the_table_says(world) {
        let sdl = Sdl::read();
        let tenant = Tenant::new(world, "Alfa");
        let of = Some(tenant.organization.as_str());
        let sign = |keys: &Keys, hours: i64| keys.sign(None, &[(Role::Administrator, None)], "X", now() - chrono::Duration::hours(2), chrono::Duration::hours(hours)).unwrap();
        let valid = sign(&world.keys, 3);
        let claims = valid.split('.').nth(1).unwrap();
        let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        let stripped = format!("{}.", valid.rsplit_once('.').unwrap().0);
        let other = sign(&Keys::from_secret("another secret, just as long as the first one"), 3);
        let nobody = world.keys.sign(None, &[(Role::Administrator, of.and_then(|id| id::decode_as(Kind::Participant, id)))], "X", now(), chrono::Duration::hours(1)).unwrap();
        let viewers = [
            ("anonymous", None),
            ("participant", Some(world.token(Role::Participant, Some(&tenant.child), None))),
            ("staff", Some(world.token(Role::Staff, None, of))),
            ("membership administrator", Some(world.token(Role::MembershipAdministrator, None, of))),
            ("administrator", Some(world.administrator())),
            ("bad: expired", Some(sign(&world.keys, 2))),
            ("bad: another key", Some(other)),
            ("bad: unsigned", Some(unsigned)),
            ("bad: signature cut off", Some(stripped)),
            ("bad: a grant that makes no sense", Some(nobody)),
            ("bad: garbage", Some("garbage".to_owned())),
        ];
        for (name, token) in &viewers {
            let admits = |rule: Rule| match rule {
                _ if name.starts_with("bad") => false,
                Rule::Anyone => true,
                Rule::SignedIn => *name != "anonymous",
                Rule::Administration => name.ends_with("administrator"),
                Rule::Administrator => *name == "administrator",
                Rule::Seen | Rule::Personal | Rule::Contact | Rule::Home => false,
            };
            let (refusal, code) = if *name == "anonymous" || name.starts_with("bad") { (401, "UNAUTHENTICATED") } else { (403, "FORBIDDEN") };
            let before = rows(world);
            let mut admitted = Vec::new();
            for (root, keyword) in [("Query", "query"), ("Mutation", "mutation")] {
                for field in sdl.fields(root) {
                    let call = sdl.call(field);
                    if admits(table::rule(root, &field.name.node).unwrap()) {
                        admitted.push(format!("{keyword} {{ {call} }}"));
                        continue;
                    }
                    let hidden = format!("{keyword} {{ __typename ... on {root} {{ ...F }} }} fragment F on {root} {{ x: {call} }}");
                    for document in [format!("{keyword} {{ {call} }}"), hidden] {
                        assert_eq!(outcome(world, token.as_deref(), &document), (refusal, code.to_owned()), "{name}: {document}");
                    }
                }
            }
            assert_eq!(rows(world), before, "{name} wrote something");
            for document in admitted {
                let (status, code) = outcome(world, token.as_deref(), &document);
                assert_eq!(status, 200, "{name}: {document}: {code}");
                assert!(code.is_empty() || code == "BAD_USER_INPUT", "{name}: {document}: {code}");
            }
        }
    }

    fn personal_fields_are_for_those_concerned_and_their_administrators(world) {
        let sdl = Sdl::read();
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        let viewers = [
            ("administrator", a.administrator(world)),
            ("staff", a.staff(world)),
            ("child", participant(world, &a.child)),
            ("parent", participant(world, &a.parent)),
            ("mate", participant(world, &a.mate)),
            ("neighbour", b.administrator(world)),
        ];
        let objects: [(&str, &str, &[&str], &[&str]); 7] = [
            ("Person", &a.child, &["administrator", "child", "parent"], &["staff", "mate"]),
            ("Person", &a.staff, &["administrator"], &["staff"]),
            ("Address", &a.address, &["administrator", "child", "parent"], &["staff"]),
            ("Group", &a.class, &["administrator"], &["staff", "child", "parent", "mate"]),
            ("Group", &a.computed, &["administrator"], &["staff", "child", "parent", "mate"]),
            ("Membership", &a.in_circle, &["administrator", "parent"], &["staff"]),
            ("Organization", &a.organization, &["administrator"], &["staff"]),
        ];
        for (ty, id, may, only_sees) in objects {
            let all = readable(world, &sdl, &world.administrator(), ty, id, Rule::Personal).unwrap();
            assert!(all.len() > usize::from(ty != "Organization"), "{ty}: {all:?}");
            for rule in [Rule::Contact, Rule::Home].into_iter().filter(|_| ["Person", "Organization"].contains(&ty)) {
                let all = readable(world, &sdl, &world.administrator(), ty, id, rule).unwrap();
                for (name, token) in &viewers {
                    let seen = readable(world, &sdl, token, ty, id, rule);
                    let expected = if may.contains(name) { Some(&all) } else { None };
                    assert_eq!(seen.unwrap_or_default(), expected.cloned().unwrap_or_default(), "{name}: {rule:?} of {ty}");
                }
            }
            for (name, token) in &viewers {
                let seen = readable(world, &sdl, token, ty, id, Rule::Personal);
                if may.contains(name) {
                    // A member reads who keeps the record only where the organization itself is in sight.
                    // The history of an address is for who keeps its record.
                    let withheld = |field: &String| *field == "organization" || *field == "history" && ty == "Address";
                    let missing: Vec<_> = all.difference(seen.as_ref().unwrap()).filter(|field| !withheld(field) || *name == "administrator").collect();
                    assert!(missing.is_empty(), "{name} misses {missing:?} of {ty}");
                } else if only_sees.contains(name) {
                    assert_eq!(seen, Some(BTreeSet::new()), "{name}: {ty}");
                } else {
                    assert_eq!(seen, None, "{name} sees {ty}");
                }
            }
        }
    }

    fn nothing_of_another_organization_shows_anywhere(world) {
        let [a, b] = ["Alfa", "Bravo"].map(|mark| Tenant::new(world, mark));
        // Somebody whom B keeps is a member of both; A sees that one, and nothing of B through it.
        let shared = world.person_of(Some(&b.organization), "Samen", "Gedeeld");
        world.add(&a.class, &[&shared], "2026-01-01");
        let foreign = world.add(&b.circle, &[&shared], "2026-01-01").remove(0);
        let clerk = world.token(Role::MembershipAdministrator, Some(&b.staff), Some(&b.organization));
        world.done_as(&clerk, "updateParticipant", "participant { id }", json!({ "participantId": shared, "details": { "person": { "phone": walls::phone("Bravo") } } }));
        world.done_as(&clerk, "updateParticipant", "participant { id }", json!({ "participantId": shared, "details": { "person": { "phone": null } } }));
        let of_b = [&b.organization, &b.staff, &b.parent, &b.child, &b.mate, &b.address, &b.residency, &b.class, &b.circle, &b.whole,
            &b.computed, &b.in_class, &b.in_circle, &foreign];
        let viewers = [a.administrator(world), a.staff(world), participant(world, &a.child), participant(world, &a.parent)];
        for token in &viewers {
            let found = everything(world, token);
            assert!(found.contains("Alfa") && found.contains("Gedeeld"));
            assert!(!["Bravo", "bravo", &walls::phone("Bravo")].iter().any(|mark| found.contains(mark)), "{found}");
            for id in of_b {
                assert!(!found.contains(id.as_str()), "{id} in {found}");
            }
            let nodes = world.data_as(token, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": of_b }));
            assert!(nodes["nodes"].as_array().unwrap().iter().all(Value::is_null), "{nodes}");
            let by_id = "query($g: ID!, $p: ID!, $m: ID!, $own: ID!) { group(id: $g) { id } participant(id: $p) { id } membership(id: $m) { id } \
                node(id: $g) { id } own: group(id: $own) { isMember(participantId: $p) } }";
            let found = world.data_as(token, by_id, json!({ "g": b.circle, "p": b.child, "m": foreign, "own": a.class }));
            let nothing = json!({ "group": null, "participant": null, "membership": null, "node": null, "own": { "isMember": false } });
            assert_eq!(found, nothing);
            let shared_only = json!({ "search": "gedeeld" });
            assert_eq!(total(world, token, "participants", shared_only), 1);
            for (list, filter) in [
                ("participants", json!({ "search": "bravo" })),
                ("participants", json!({ "currentGroupId": b.circle })),
                ("participants", json!({ "organizationId": b.organization })),
                ("participants", json!({ "externalIds": ["Kind-Bravo"] })),
                ("participants", json!({ "city": "Bravostad" })),
                ("groups", json!({ "text": "bravo", "includeClosed": true })),
                ("groups", json!({ "organizationId": b.organization })),
                ("groups", json!({ "memberId": b.child })),
                ("groups", json!({ "responsibleId": b.staff })),
                ("memberships", json!({ "status": "ANY", "groupId": b.circle })),
                ("memberships", json!({ "status": "ANY", "participantId": b.child })),
                ("memberships", json!({ "status": "ANY", "organizationId": b.organization })),
                ("memberships", json!({ "status": "ANY", "text": "bravo" })),
            ] {
                assert_eq!(total(world, token, list, filter.clone()), 0, "{list} {filter}");
            }
        }
        let anonymous = world.ask_as(None, "{ groups { totalCount } }", json!({}));
        assert_eq!(anonymous["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(anonymous.get("data"), None);
    }

    fn filters_are_no_way_round_what_is_personal(world) {
        let a = Tenant::new(world, "Alfa");
        let filters = [
            json!({ "bornFrom": "2017-03-04", "bornUntil": "2017-03-04" }), json!({ "externalIds": ["Maatje-Alfa", "Adres-Alfa"] }),
            json!({ "organizationId": a.organization }), json!({ "city": "alfastad" }), json!({ "postalCode": "3511 AB" }),
            json!({ "complexNumber": "C-Alfa" }), json!({ "dwellingType": "Alfaflat" }),
        ];
        for filter in filters {
            assert!(total(world, &a.administrator(world), "participants", filter.clone()) > 0, "{filter}");
            assert_eq!(total(world, &a.staff(world), "participants", filter.clone()), 0, "{filter}");
            let query = "query($f: ParticipantFilter) { participants(filter: $f) { edges { node { id } } } }";
            let found = ids(&world.data_as(&participant(world, &a.parent), query, json!({ "f": filter }))["participants"]);
            assert!(found.iter().all(|id| [&a.parent, &a.child, &a.address].contains(&id)), "{filter}");
        }
    }
}
