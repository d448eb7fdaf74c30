//! What is out of sight and what does not exist are looked up in the same steps (K3): how long an answer takes must not tell
//! whether there is something of an identifier. Compared are the statements that are sent, and their order.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::connection::InstrumentationEvent;
use diesel::sql_types::BigInt;
use kring::db::{Observer, Sql};
use kring::id::{self, Kind};
use serde_json::{Value, json};

use super::{Sdl, Tenant, participant};
use crate::harness::{World, both};
use crate::http::Served;

/// The key that documents are made with, which no row has.
const NOTHING: i64 = 9_999;

/// Kinds, and the tables in which their objects stand.
const KINDS: [(Kind, &str); 12] = [
    (Kind::Participant, "participants"),
    (Kind::Group, "groups"),
    (Kind::Membership, "memberships"),
    (Kind::Residency, "residencies"),
    (Kind::OutboxMessage, "outbox"),
    (Kind::Content, "content"),
    (Kind::ContentFile, "content_files"),
    (Kind::DiscussionPost, "discussion_posts"),
    (Kind::AbsenceReport, "absence_reports"),
    (Kind::LeaveRequest, "leave_requests"),
    (Kind::LunchStay, "lunch_stays"),
    (Kind::YearTransition, "year_transitions"),
];

/// What an argument identifies.
pub fn kind_of(root: &str, argument: &str) -> Kind {
    match (argument, root) {
        ("groupId", _) | ("id", "group") => Kind::Group,
        ("membershipId", _) | ("id", "membership") => Kind::Membership,
        ("residencyId", _) => Kind::Residency,
        ("contentId", _) | ("id", "content") => Kind::Content,
        ("slotId", _) => Kind::ConversationSlot,
        ("entryId", _) => Kind::SignUpEntry,
        ("messageId", _) => Kind::OutboxMessage,
        ("yearTransitionId", _) => Kind::YearTransition,
        ("fileId", _) => Kind::ContentFile,
        ("topicId" | "postId", _) => Kind::DiscussionPost,
        ("fromGroupId" | "toGroupId" | "sourceGroupId", _) => Kind::Group,
        ("absenceReportId", _) => Kind::AbsenceReport,
        ("leaveRequestId", _) => Kind::LeaveRequest,
        ("lunchStayId", _) => Kind::LunchStay,
        ("groupCategoryId", _) => Kind::GroupCategory,
        ("reasonId", root) if root.contains("Start") => Kind::StartReason,
        ("reasonId", _) => Kind::EndReason,
        _ => Kind::Participant,
    }
}

/// A gateway of which every statement is written down.
struct Watched {
    served: Served,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn new(world: &World) -> Self {
        let statements: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&statements);
        let db = world.connect(Observer(Arc::new(move |event| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let text = query.to_string();
                heard.lock().unwrap().push(text.split(" -- binds").next().unwrap_or_default().to_owned());
            }
        })));
        Self { served: Served::before(db, Duration::from_secs(30), Duration::from_secs(30)), statements }
    }

    /// The statements that a document takes, and what the refusals say.
    fn steps(&self, token: &str, document: &str) -> (Vec<String>, BTreeSet<String>) {
        self.statements.lock().unwrap().clear();
        let answer = self.served.bearing(&format!("Bearer {token}"), document).json();
        let mut codes = BTreeSet::new();
        learn(&answer, &mut codes);
        (std::mem::take(&mut *self.statements.lock().unwrap()), codes)
    }
}

fn learn(answer: &Value, codes: &mut BTreeSet<String>) {
    match answer {
        Value::Array(all) => all.iter().for_each(|one| learn(one, codes)),
        Value::Object(fields) => {
            codes.extend(fields.get("code").map(Value::to_string));
            fields.values().for_each(|one| learn(one, codes));
        }
        _ => {}
    }
}

/// Some objects of the organization that was made last, and of groups all kinds that there are.
fn foreign(world: &World, kind: Kind, table: &'static str, tenant: &Tenant) -> Vec<String> {
    match kind {
        Kind::Group => [&tenant.class, &tenant.circle, &tenant.whole, &tenant.computed].map(Clone::clone).to_vec(),
        Kind::Participant => {
            [&tenant.child, &tenant.parent, &tenant.address, &tenant.organization].map(Clone::clone).to_vec()
        }
        _ => {
            let newest = world.db.read(|conn| {
                let sql = Sql::new("SELECT COALESCE(MAX(id), 0) FROM ").text(table);
                Ok(sql.first::<BigInt, i64>(conn)?.unwrap_or_default())
            });
            newest.ok().filter(|id| *id > 0).map(|key| id::encode(kind, key)).into_iter().collect()
        }
    }
}

both! {
    fn k3_what_is_out_of_sight_takes_the_steps_of_what_does_not_exist(world) {
        let (a, b) = (Tenant::new(world, "Alfa"), Tenant::new(world, "Bravo"));
        // A group that others follow from.
        let fed = json!({ "name": "Gevoed", "sourceGroupId": b.class, "restrictedToId": b.circle, "subscriptionGroup": true });
        let fed = world.group_with(Some(&b.organization), fed);
        let news = json!({ "newsItem": { "title": "N", "body": "B", "organizationId": b.organization } });
        world.done("createContent", "content { id }", news);
        let sdl = Sdl::read();
        let mut documents: Vec<String> =
            sdl.fields("Mutation").iter().map(|field| format!("mutation {{ {} }}", sdl.call(field).replace("{ __typename }", "{ userErrors { code } }"))).collect();
        let (group, person) = (id::encode(Kind::Group, NOTHING), id::encode(Kind::Participant, NOTHING));
        for (mutation, who) in [("subscribe", &a.child), ("unsubscribe", &a.child), ("subscribe", &person), ("unsubscribe", &person)] {
            documents.push(format!("mutation {{ {mutation}(input: {{ groupId: \"{group}\", participantId: \"{who}\" }}) {{ userErrors {{ code }} }} }}"));
        }
        documents.push(format!("mutation {{ withdrawTokens(input: {{ participantId: \"{person}\" }}) {{ userErrors {{ code }} }} }}"));
        documents.push(format!("mutation {{ registerResidency(input: {{ participantId: \"{}\", addressId: \"{person}\" }}) {{ userErrors {{ code }} }} }}", a.child));
        documents.push(format!("mutation {{ addGuardian(input: {{ childId: \"{}\", guardianId: \"{person}\" }}) {{ userErrors {{ code }} }} }}", a.child));
        documents.push(format!("mutation {{ updateGroup(input: {{ groupId: \"{}\", settings: {{ restrictedToId: \"{group}\" }} }}) {{ userErrors {{ code }} }} }}", a.circle));
        let watched = Watched::new(world);
        let viewers = [("administrator", a.administrator(world)), ("staff", a.staff(world)), ("child", participant(world, &a.child)), ("parent", participant(world, &a.parent))];
        let mut compared = BTreeSet::new();
        let mut differing = Vec::new();
        for (kind, table) in KINDS {
            let nothing = id::encode(kind, NOTHING);
            let mut objects = foreign(world, kind, table, &b);
            if kind == Kind::Group {
                objects.push(fed.clone());
            }
            for document in documents.iter().filter(|document| document.contains(&nothing)) {
                for (name, token) in &viewers {
                    watched.steps(token, document);
                    let missing = watched.steps(token, document);
                    for object in &objects {
                        let found = watched.steps(token, &document.replace(&nothing, object));
                        compared.insert(document.clone());
                        if found != missing {
                            differing.push(format!("{name}: {document} of {object}\n  missing: {missing:#?}\n  unseen: {found:#?}"));
                        }
                    }
                }
            }
        }
        assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n"));
        assert!(compared.len() > 35, "{}", compared.len());
    }
}
