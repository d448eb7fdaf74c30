//! What is deleted and what is kept because something holds it (G7).

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::Text;
use kring::db::{Dialect, Sql};
use kring::groups::holders::KEYS;
use serde_json::{Value, json};

use crate::content::{School as Tenant, make, publish};
use crate::harness::{World, both, text};
use crate::year::{School, planned, record};

const DELETED: &str = "deletedId closed heldBy { kind count } group { closed }";

fn delete(world: &World, group: &str) -> Value {
    let found = world.done("deleteGroup", DELETED, json!({ "groupId": group }));
    assert_eq!(
        (&found["deletedId"], &found["closed"], &found["group"]),
        (&Value::Null, &json!(true), &json!({ "closed": true }))
    );
    found["heldBy"].clone()
}

/// Every foreign key that leads to a table, as "table.column", and whether its rows go with what they name.
fn keys(world: &World, to: &str) -> BTreeMap<String, bool> {
    let to = to.to_owned();
    let rows = world.db.read(|conn| {
        let sql = match conn.dialect() {
            Dialect::Sqlite => Sql::new(
                "SELECT m.name || '.' || f.\"from\", f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
                 WHERE m.type = 'table' AND f.\"table\" = ",
            )
            .string(to),
            Dialect::Postgres => Sql::new(
                "SELECT c.relname || '.' || a.attname, CASE k.confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO ACTION' END \
                 FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid \
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) \
                 WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace AND t.relname = ",
            )
            .string(to),
        };
        Ok(sql.load::<(Text, Text), (String, String)>(conn)?)
    });
    rows.unwrap().into_iter().map(|(key, on_delete)| (key, on_delete == "CASCADE")).collect()
}

both! {
    /// G7: whatever the databases let name a group, the code knows what becomes of it.
    fn g7_every_key_that_leads_to_a_group_is_known(world) {
        let known: BTreeSet<String> = KEYS.iter().map(|key| format!("{}.{}", key.table, key.column)).collect();
        let found: BTreeSet<String> = keys(world, "groups").into_keys().collect();
        assert_eq!(found, known, "give every key that leads to a group a line in groups::holders::KEYS");
        assert_eq!(known.len(), KEYS.len());
    }

    /// What can be deleted beside groups, and the keys that lead to it. Those of categories and reasons are refused with
    /// `IN_USE`; to all else nothing leads.
    fn nothing_else_that_is_deleted_is_named_unknown_to_the_code(world) {
        for (table, expected) in [
            ("group_categories", &["groups.category_id"][..]),
            ("start_reasons", &["memberships.start_reason_id"]),
            ("end_reasons", &["memberships.end_reason_id", "year_transition_members.before_end_reason_id"]),
            ("content_files", &[]), ("doomed_objects", &[]), ("conversation_slots", &[]), ("absence_reports", &[]), ("leave_requests", &[]),
            ("lunch_stays", &[]), ("guardianships", &[]), ("group_components", &[]), ("opt_outs", &[]), ("outbox", &[]), ("roster_people", &[]),
            ("client_mutations", &[]),
        ] {
            let expected: BTreeMap<String, bool> = expected.iter().map(|key| ((*key).to_owned(), false)).collect();
            assert_eq!(keys(world, table), expected, "{table}");
        }
    }

    /// G7: each kind of holder by itself keeps a group, and is named in fields.
    fn g7_what_holds_a_group_is_told_in_fields(world) {
        let jan = world.person("Jan", "Jansen");
        let one = |kind: &str| json!([{ "kind": kind, "count": 1 }]);
        let [held, annulled, part, whole, source, restricting, named] =
            ["Held", "Annulled", "Part", "Whole", "Source", "Restricting", "Named"].map(|name| world.group(name));
        world.add(&held, &[&jan], "2026-01-01");
        let mistake = world.add(&annulled, &[&jan], "2026-01-01").remove(0);
        world.done("annulMembership", "membership { id }", json!({ "membershipId": mistake }));
        world.compose(&whole, "ANY", &[(&part, "INCLUDE")]);
        world.group_with(None, json!({ "name": "Fed", "sourceGroupId": source }));
        world.group_with(None, json!({ "name": "Letter", "subscriptionGroup": true, "restrictedToId": restricting }));
        world.group_with(None, json!({ "name": "Dynamic", "memberFilter": { "currentGroupId": named } }));
        for (group, kind) in [
            (&held, "MEMBERSHIP"), (&annulled, "MEMBERSHIP"), (&part, "COMPOSITE"), (&whole, "COMPONENT"), (&source, "FED_GROUP"),
            (&restricting, "RESTRICTED_GROUP"), (&named, "FILTER"),
        ] {
            assert_eq!(delete(world, group), one(kind));
            assert_eq!(delete(world, group), one(kind), "closed already, it is held still");
        }
        let history = "query($id: ID!) { group(id: $id) { history(first: 5) { edges { node { changes { field after } } } } } }";
        let found = world.data(history, json!({ "id": held }));
        assert_eq!(found["group"]["history"]["edges"][0]["node"]["changes"], json!([{ "field": "closed", "after": "true" }]));
        let free = world.group("Free");
        let gone = world.done("deleteGroup", DELETED, json!({ "groupId": free }));
        assert_eq!(gone, json!({ "deletedId": free, "closed": false, "heldBy": [], "group": null, "userErrors": [] }));
    }

    fn g7_content_and_records_of_a_school_hold_a_group(world) {
        let school = Tenant::new(world);
        let token = school.administrator(world);
        let own = |name: &str| world.group_with(Some(&school.organization), json!({ "name": name }));
        let [shown, was_shown] = ["Shown", "Was shown"].map(own);
        for group in [&shown, &was_shown] {
            let item = make(world, &token, json!({ "newsItem": { "title": "Nieuws", "body": "x" } }));
            publish(world, &token, &item, json!({ "groupIds": [group] }));
            if group == &was_shown {
                world.done_as(&token, "withdrawContent", "content { id }", json!({ "contentId": item }));
            }
            assert_eq!(delete(world, group), json!([{ "kind": "CONTENT", "count": 1 }]));
        }
        let class = own("Class");
        record(world, &school.child, &class, "2026-09-15", 2026);
        assert_eq!(delete(world, &class), json!(["ABSENCE_REPORT", "LEAVE_REQUEST", "LUNCH_STAY"].map(|kind| json!({ "kind": kind, "count": 1 }))));
    }

    /// G7: a plan holds the groups that it names, as where somebody goes by way of exception too.
    fn g7_plans_and_their_exceptions_hold_a_group(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let own = |name: &str| world.group_with(Some(&school.organization), json!({ "name": name }));
        let [target, elsewhere] = ["Target", "Elsewhere"].map(own);
        let mut plan = school.plan();
        plan["moves"].as_array_mut().unwrap().push(json!({ "groupId": own("Empty"), "toGroupId": target }));
        plan["exceptions"] = json!([{ "participantId": school.pupils[0], "groupId": school.first, "toGroupId": elsewhere }]);
        planned(world, &token, plan);
        assert_eq!(delete(world, &target), json!([{ "kind": "YEAR_TRANSITION", "count": 1 }]));
        assert_eq!(delete(world, &elsewhere), json!([{ "kind": "YEAR_TRANSITION_EXCEPTION", "count": 1 }]));
        let found = delete(world, &school.first);
        let kinds: Vec<String> = found.as_array().unwrap().iter().map(|holder| text(&holder["kind"])).collect();
        assert!(kinds.contains(&"YEAR_TRANSITION_EXCEPTION".to_owned()) && kinds.contains(&"MEMBERSHIP".to_owned()), "{found}");
    }

    /// G7: a roster by which the group is known holds it.
    fn g7_rosters_hold_a_group(world) {
        let organization = world.organization("School");
        let group = world.group_with(Some(&organization), json!({ "name": "Groep 1" }));
        let key = |id: &str| kring::id::decode(id).unwrap().1;
        let (owner, known) = (key(&organization), key(&group));
        world.db.write(|conn| {
            let sql = Sql::new("INSERT INTO roster_groups (organization_id, group_id, kind, las_key) VALUES (").int(owner).text(", ").int(known);
            Ok(sql.text(", 'GROUP', 'g1')").execute(conn)?)
        }).unwrap();
        assert_eq!(delete(world, &group), json!([{ "kind": "ROSTER", "count": 1 }]));
        assert_eq!(world.rows("roster_groups"), 1);
    }

    /// G7: what is stored and would be refused today does not keep a group from being closed.
    fn g7_closing_checks_nothing_but_what_it_changes(world) {
        let group = world.group("Oud");
        let jan = world.person("Jan", "Jansen");
        world.add(&group, &[&jan], "2026-01-01");
        world.db.write(|conn| Ok(Sql::new("UPDATE groups SET new_member_template = '{{ nergens }}'").execute(conn)?)).unwrap();
        assert_eq!(delete(world, &group), json!([{ "kind": "MEMBERSHIP", "count": 1 }]));
    }

    /// A reason or category that is in use is refused, by whatever it is used.
    fn reasons_and_categories_in_use_are_kept(world) {
        let made = world.done("createEndReason", "endReason { id }", json!({ "code": "GONE", "label": "Weg" }));
        let reason = text(&made["endReason"]["id"]);
        let school = School::new(world);
        let token = school.administrator(world);
        // The transition takes the place of an end with this reason, and remembers it.
        let members = "query($id: ID!) { group(id: $id) { memberships(first: 1, filter: { role: MEMBER }) { edges { node { id } } } } }";
        let found = world.data(members, json!({ "id": school.first }));
        let id = &found["group"]["memberships"]["edges"][0]["node"]["id"];
        world.done("endMembership", "membership { id }", json!({ "membershipId": id, "endDate": "2027-01-01", "endReasonCode": "GONE" }));
        let transition = planned(world, &token, school.plan());
        assert_eq!(crate::year::apply(world, &token, &transition)["userErrors"], json!([]));
        world.db.write(|conn| Ok(Sql::new("UPDATE memberships SET end_reason_id = (SELECT MIN(id) FROM end_reasons) WHERE end_reason_id IS NOT NULL").execute(conn)?)).unwrap();
        assert_eq!(world.refused("deleteEndReason", json!({ "reasonId": reason })), ["IN_USE"]);
    }
}
