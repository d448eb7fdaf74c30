//! After a transition: what it took away is linked again, or all of it is undone.

use chrono::Duration;
use kring::access::Role;
use serde_json::{Value, json};

use super::{School, apply, feed, membership, planned};
use crate::content::{make, publish};
use crate::harness::{World, both, now};

both! {
    /// Y6: broken links are listed, and linked again one by one or many at once.
    fn y6_broken_links_are_listed_and_linked_again(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let trip = school.news(world, "Schoolreis", &[&school.second]);
        let lice = school.news(world, "Luizen", &[&school.second]);
        let page = make(world, &token, json!({ "page": { "title": "Regels", "body": "Stil.", "organizationId": school.organization } }));
        publish(world, &token, &page, json!({ "groupIds": [school.second, school.last] }));
        let elsewhere = school.news(world, "Koor", &[&school.choir]);
        let transition = planned(world, &token, school.plan());
        let relink = |what: Value| {
            let mut input = what;
            input["yearTransitionId"] = transition["id"].clone();
            input
        };
        assert_eq!(world.refused_as(&token, "relinkContent", relink(json!({ "links": [{ "contentId": trip, "groupId": school.last }] }))), ["TRANSITION_NOT_APPLIED"]);
        apply(world, &token, &transition);
        assert_eq!(world.refused_as(&token, "relinkContent", relink(json!({}))), ["REQUIRED"]);
        let other = world.group("Van niemand");
        let wrong = json!({ "links": [{ "contentId": elsewhere, "groupId": school.last }, { "contentId": trip, "groupId": other }], "mapping": [{ "fromGroupId": other, "toGroupId": school.last }] });
        assert_eq!(world.refused_as(&token, "relinkContent", relink(wrong)), ["NOT_FOUND"; 3]);
        let done = |what: Value| world.done_as(&token, "relinkContent", "relinked", relink(what))["relinked"].as_i64().unwrap();
        assert_eq!(done(json!({ "links": [{ "contentId": trip, "groupId": school.first }, { "contentId": trip, "groupId": school.first }] })), 1);
        assert_eq!(done(json!({ "links": [{ "contentId": trip, "groupId": school.first }] })), 0);
        assert_eq!(done(json!({ "mapping": [{ "fromGroupId": school.second, "toGroupId": school.last, "kinds": ["PAGE"] }] })), 1);
        world.done_as(&token, "withdrawContent", "content { id }", json!({ "contentId": lice }));
        assert_eq!(done(json!({ "mapping": [{ "fromGroupId": school.second, "toGroupId": school.last }] })), 1);
        assert_eq!(feed(world, &school.guardians[2]), ["Koor", "Regels", "Schoolreis"]);
        assert_eq!(feed(world, &school.guardians[1]), [""; 0]);
        let query = "query($id: ID!, $g: ID, $k: [ContentKind!]) { yearTransition(id: $id) { unlinkedContent(first: 2, groupId: $g, kinds: $k) { totalCount pageInfo { hasNextPage endCursor } edges { group { id } relinkedTo { id } node { title } } } } }";
        let listed = |group: Value, kinds: Value| world.data_as(&token, query, json!({ "id": transition["id"], "g": group, "k": kinds }))["yearTransition"]["unlinkedContent"].take();
        let all = listed(Value::Null, Value::Null);
        assert_eq!((&all["totalCount"], &all["pageInfo"]["hasNextPage"]), (&json!(4), &json!(true)));
        assert_eq!(all["edges"][0], json!({ "group": { "id": school.second }, "relinkedTo": [{ "id": school.first }, { "id": school.last }], "node": { "title": "Schoolreis" } }));
        assert_eq!(listed(json!(school.last), Value::Null)["totalCount"], 1);
        assert_eq!(listed(json!(school.second), json!(["PAGE"]))["totalCount"], 1);
    }

    /// Y7: what was built on it since is named, and then nothing is undone.
    fn y7_what_stands_in_the_way_is_named(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let token = school.administrator(&world);
        school.news(&world, "Schoolreis", &[&school.second]);
        let transition = planned(&world, &token, school.plan());
        assert_eq!(world.refused_as(&token, "undoYearTransition", json!({ "yearTransitionId": transition["id"] })), ["TRANSITION_NOT_APPLIED"]);
        apply(&world, &token, &transition);
        let all = json!({ "yearTransitionId": transition["id"], "mapping": [{ "fromGroupId": school.second, "toGroupId": school.last }] });
        world.done_as(&token, "relinkContent", "relinked", all);
        world.turn_clock(now() + Duration::minutes(10), chrono_tz::Europe::Amsterdam);
        // Somebody was taken out of the new group, somebody came back to the old one.
        world.end(&membership(&world, &school.second, &school.pupils[0]), "2026-09-15");
        let back = world.add(&school.last, &[&school.pupils[5]], "2026-09-10").remove(0);
        let input = json!({ "yearTransitionId": transition["id"] });
        let query = "mutation($i: UndoYearTransitionInput!) { undoYearTransition(input: $i) { yearTransition { id } userErrors { code message } } }";
        let refused = world.data_as(&token, query, json!({ "i": input }))["undoYearTransition"].take();
        assert_eq!(refused, json!({ "yearTransition": null, "userErrors": [
            { "code": "STANDS_IN_THE_WAY", "message": "The membership of Kind0 Wilg in Groep 2 was changed since." },
            { "code": "STANDS_IN_THE_WAY", "message": "Kind5 Wilg has joined Groep 8 again since." }] }));
        world.done("annulMembership", "membership { id }", json!({ "membershipId": back }));
        assert_eq!(world.refused_as(&token, "undoYearTransition", input.clone()), ["STANDS_IN_THE_WAY"]);
    }

    /// Y7: undone, everything is as it was, except of items of which their makers have said since to whom they are shown.
    fn y7_undoing_restores_memberships_and_links(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let token = school.administrator(&world);
        let fed = world.group_with(Some(&school.organization), json!({ "name": "Ouders 2", "sourceGroupId": school.second }));
        let [_, lice, rules] = ["Schoolreis", "Luizen", "Regels"].map(|title| school.news(&world, title, &[&school.second]));
        // Of one item no more is said since than that somebody is not to see it.
        let narrowed = make(&world, &token, json!({ "newsItem": { "title": "Zwemles", "body": "x", "organizationId": school.organization } }));
        publish(&world, &token, &narrowed, json!({ "groupIds": [school.second, school.choir], "participantIds": [school.pupils[0]] }));
        let groups = [&school.first, &school.second, &school.last, &fed];
        let stand = |world: &World| groups.map(|group| [None, Some("2026-01-01"), Some("2027-01-01")].map(|on| world.members(group, on)));
        let before = stand(&world);
        let transition = planned(&world, &token, school.plan());
        apply(&world, &token, &transition);
        let all = json!({ "yearTransitionId": transition["id"], "mapping": [{ "fromGroupId": school.second, "toGroupId": school.last }] });
        assert_eq!(world.done_as(&token, "relinkContent", "relinked", all)["relinked"], 4);
        world.turn_clock(now() + Duration::minutes(10), chrono_tz::Europe::Amsterdam);
        publish(&world, &token, &lice, json!({ "groupIds": [school.choir] }));
        publish(&world, &token, &narrowed, json!({ "groupIds": [school.choir, school.last] }));
        world.done_as(&token, "withdrawContent", "content { id }", json!({ "contentId": rules }));
        let selection = "membershipsRestored membershipsAnnulled linksRestored linksLeft itemsLeft yearTransition { status undoneAt undoableUntil unlinkedContent { totalCount } }";
        let undone = world.done_as(&token, "undoYearTransition", selection, json!({ "yearTransitionId": transition["id"] }));
        assert_eq!(undone, json!({ "membershipsRestored": 6, "membershipsAnnulled": 4, "linksRestored": 1, "linksLeft": 3, "itemsLeft": ["Luizen", "Regels", "Zwemles"],
            "yearTransition": { "status": "UNDONE", "undoneAt": "2026-09-15T10:10:00Z", "undoableUntil": null, "unlinkedContent": { "totalCount": 3 } }, "userErrors": [] }));
        assert_eq!(stand(&world), before);
        assert_eq!(feed(&world, &school.guardians[3]), ["Schoolreis"]);
        // What its maker has said since it was linked again stands.
        assert_eq!(feed(&world, &school.guardians[5]), ["Zwemles"]);
        assert_eq!(world.refused_as(&token, "undoYearTransition", json!({ "yearTransitionId": transition["id"] })), ["TRANSITION_NOT_APPLIED"]);
        assert_eq!(apply(&world, &token, &transition)["userErrors"][0]["code"], "TRANSITION_OVER");
        // It can be planned and applied anew.
        let again = planned(&world, &token, school.plan());
        assert_eq!(apply(&world, &token, &again)["userErrors"], json!([]));
    }

    fn y7_the_window_closes(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let token = school.administrator(&world);
        let transition = planned(&world, &token, school.plan());
        let query = "query($id: ID!) { yearTransition(id: $id) { undoableUntil } }";
        assert_eq!(world.data_as(&token, query, json!({ "id": transition["id"] }))["yearTransition"]["undoableUntil"], Value::Null);
        apply(&world, &token, &transition);
        assert_eq!(world.data_as(&token, query, json!({ "id": transition["id"] }))["yearTransition"]["undoableUntil"], "2026-10-15T10:00:00Z");
        let later = now() + Duration::days(30) + Duration::seconds(1);
        world.turn_clock(later, chrono_tz::Europe::Amsterdam);
        let token = world.keys.sign(None, &[(Role::Administrator, None)], "Tester", later, Duration::hours(1)).unwrap();
        assert_eq!(world.refused_as(&token, "undoYearTransition", json!({ "yearTransitionId": transition["id"] })), ["UNDO_WINDOW_CLOSED"]);
    }

    /// Y7: what belongs to another organization by now is left alone, and told of no more than that.
    fn y7_a_group_that_was_handed_over_stands_in_the_way(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        // A target that is no group of the plan itself.
        let target = world.group_with(Some(&school.organization), json!({ "name": "Kleuters" }));
        let mut input = school.plan();
        input["exceptions"] = json!([{ "participantId": school.pupils[0], "toGroupId": target }]);
        let transition = planned(world, &token, input);
        let other = world.organization("Een andere");
        let hand = |group: &str, to: &str| world.done("updateGroup", "group { id }", json!({ "groupId": group, "organizationId": to, "settings": {} }));
        // Before it is applied: nothing of the group is told, and the plan does not fit any more.
        hand(&school.second, &other);
        let query = "query($id: ID!) { yearTransition(id: $id) { preview { token warnings { message } groups { moving staying leaving linksToBreak { count } members { totalCount } group { id } } } } }";
        let seen = world.data_as(&token, query, json!({ "id": transition["id"] }))["yearTransition"]["preview"].take();
        assert_eq!(seen["groups"][1], json!({ "moving": 0, "staying": 0, "leaving": 0, "linksToBreak": [], "members": { "totalCount": 0 }, "group": null }));
        assert!(!seen["warnings"].to_string().contains("Groep 2"), "{seen}");
        let stale = world.refused_as(&token, "applyYearTransition", json!({ "yearTransitionId": transition["id"], "previewToken": seen["token"] }));
        assert_eq!(stale, ["PREVIEW_STALE"]);
        hand(&school.second, &school.organization);
        assert_eq!(apply(world, &token, &transition)["userErrors"], json!([]));
        hand(&target, &other);
        assert_eq!(world.refused_as(&token, "undoYearTransition", json!({ "yearTransitionId": transition["id"] })), ["STANDS_IN_THE_WAY"]);
        assert_eq!(world.members(&target, None), ["Kind0 Wilg"]);
    }

    /// What other organizations show to a group is neither told nor passed on to another group.
    fn content_of_others_is_not_passed_on(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let other = world.organization("Een andere");
        let everything = world.administrator();
        let foreign = make(world, &everything, json!({ "newsItem": { "title": "Geheim", "body": "x", "organizationId": other } }));
        publish(world, &everything, &foreign, json!({ "groupIds": [school.first] }));
        let input = json!({ "fromGroupId": school.first, "toGroupId": school.second, "participantIds": [school.pupils[0]] });
        let named = json!({ "fromGroupId": school.first, "toGroupId": school.second, "participantIds": [school.pupils[0]], "linkContentIds": [foreign] });
        assert_eq!(world.refused_as(&token, "moveMembers", named), ["NOT_FOUND"]);
        let moved = world.done_as(&token, "moveMembers", "linked contentLeftBehind { totalCount }", input);
        assert_eq!((&moved["linked"], &moved["contentLeftBehind"]["totalCount"]), (&json!(0), &json!(0)));
        let transition = planned(world, &token, school.plan());
        apply(world, &token, &transition);
        assert_eq!(world.data_as(&token, "query($id: ID!) { yearTransition(id: $id) { unlinkedContent { totalCount } } }", json!({ "id": transition["id"] }))["yearTransition"]["unlinkedContent"]["totalCount"], 0);
        let all = json!({ "yearTransitionId": transition["id"], "mapping": [{ "fromGroupId": school.first, "toGroupId": school.second }] });
        assert_eq!(world.done_as(&token, "relinkContent", "relinked", all)["relinked"], 0);
        world.done_as(&everything, "withdrawContent", "content { id }", json!({ "contentId": foreign }));
        let undone = world.done_as(&token, "undoYearTransition", "itemsLeft", json!({ "yearTransitionId": transition["id"] }));
        assert_eq!(undone["itemsLeft"], json!([]));
    }
}
