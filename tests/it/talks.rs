//! What people say: surveys, discussions, and to whom newsletters go.

use std::collections::BTreeSet;

use kring::access::Role;
use serde_json::{Value, json};

use crate::content::{School, feed, make, person, publish};
use crate::harness::{RUNTIME, World, both, text};

fn survey(world: &World, school: &School, anonymous: bool) -> String {
    let questions = json!([
        { "text": "Hoe gaat het?", "kind": "SCALE", "required": true },
        { "text": "Welke dag?", "kind": "SINGLE_CHOICE", "options": ["maandag", "dinsdag"] },
        { "text": "Welke vakken?", "kind": "MULTIPLE_CHOICE", "options": ["taal", "rekenen", "gym"] },
        { "text": "Wat wilt u kwijt?", "kind": "TEXT" },
    ]);
    let token = school.administrator(world);
    let input = json!({ "survey": { "title": "Tevredenheid", "anonymous": anonymous, "questions": questions } });
    let item = make(world, &token, input);
    publish(world, &token, &item, json!({ "groupIds": [school.class] }));
    item
}

fn answers(item: &str, participant: Option<&str>, scale: i32) -> Value {
    json!({ "contentId": item, "participantId": participant, "answers": [
        { "question": 1, "scale": scale }, { "question": 2, "choices": [2] }, { "question": 3, "choices": [3, 1] }, { "question": 4, "text": format!("Cijfer {scale}") },
    ] })
}

/// Everything that can be got at of a survey.
const SURVEY: &str = "query($id: ID!) { content(id: $id) { ... on Survey { responseCount viewerResponses { participantName answers { question choices text } } \
    results { question kind average textCount choices { label count } } responses(first: 9) { totalCount edges { node { participantName answeredByName answers { question choices text } } } } \
    texts(question: 4, first: 9) { totalCount edges { node { text } } } } } }";

both! {
    fn a_survey_is_answered_once_and_summed_up(world) {
        let school = School::new(world);
        let item = survey(world, &school, false);
        let (mother, teacher) = (person(world, &school.mother), person(world, &school.teacher));
        world.done_as(&mother, "answerSurvey", "response { participantName answeredByName answers { question choices text } } content { id }", answers(&item, Some(&school.child), 4));
        world.done_as(&teacher, "answerSurvey", "response { id }", answers(&item, None, 3));
        for (token, participant) in [(&mother, Some(school.child.as_str())), (&person(world, &school.child), None), (&teacher, None)] {
            assert_eq!(world.refused_as(token, "answerSurvey", answers(&item, participant, 5)), ["ALREADY_ANSWERED"]);
        }
        let seen = world.data_as(&school.administrator(world), SURVEY, json!({ "id": item }))["content"].take();
        let choices = |counts: &[(&str, i64)]| counts.iter().map(|(label, count)| json!({ "label": label, "count": count })).collect::<Vec<_>>();
        assert_eq!(seen["results"], json!([
            { "question": 1, "kind": "SCALE", "average": 3.5, "textCount": 0, "choices": choices(&[("1", 0), ("2", 0), ("3", 1), ("4", 1), ("5", 0)]) },
            { "question": 2, "kind": "SINGLE_CHOICE", "average": null, "textCount": 0, "choices": choices(&[("maandag", 0), ("dinsdag", 2)]) },
            { "question": 3, "kind": "MULTIPLE_CHOICE", "average": null, "textCount": 0, "choices": choices(&[("taal", 2), ("rekenen", 0), ("gym", 2)]) },
            { "question": 4, "kind": "TEXT", "average": null, "textCount": 2, "choices": [] },
        ]));
        assert_eq!((&seen["responseCount"], &seen["responses"]["totalCount"], &seen["texts"]["totalCount"]), (&json!(2), &json!(2), &json!(2)));
        let first = json!({ "participantName": "Kind Wilg", "answeredByName": "Tester", "answers": [
            { "question": 1, "choices": [4], "text": null }, { "question": 2, "choices": [2], "text": null },
            { "question": 3, "choices": [1, 3], "text": null }, { "question": 4, "choices": [], "text": "Cijfer 4" } ] });
        assert_eq!(seen["responses"]["edges"][1]["node"], first);
        // Whoever answers sees what they answered, and nothing of the others.
        let own = world.data_as(&mother, SURVEY, json!({ "id": item }))["content"].take();
        assert_eq!((&own["results"], &own["responses"], &own["texts"]), (&Value::Null, &Value::Null, &Value::Null));
        assert_eq!(own["viewerResponses"], json!([{ "participantName": "Kind Wilg", "answers": first["answers"] }]));
        // The questions stay as they were answered; the rest may change.
        let change = |questions: Value, title: &str| json!({ "contentId": item, "content": { "survey": { "title": title, "questions": questions } } });
        let administrator = school.administrator(world);
        assert_eq!(world.refused_as(&administrator, "updateContent", change(json!([{ "text": "?", "kind": "TEXT" }]), "x")), ["IN_USE"]);
    }

    fn an_anonymous_survey_tells_nobody_who_answered_what(world) {
        let school = School::new(world);
        let item = survey(world, &school, true);
        let mother = person(world, &school.mother);
        world.done_as(&mother, "answerSurvey", "response { id answers { question } }", answers(&item, Some(&school.child), 4));
        assert_eq!(world.refused_as(&mother, "answerSurvey", answers(&item, Some(&school.child), 4)), ["ALREADY_ANSWERED"]);
        let seen = world.data_as(&school.administrator(world), SURVEY, json!({ "id": item }))["content"].take();
        assert_eq!(seen["responses"]["edges"], json!([{ "node": { "participantName": "Kind Wilg", "answeredByName": "Tester", "answers": [] } }]));
        assert_eq!(seen["texts"]["edges"], json!([{ "node": { "text": "Cijfer 4" } }]));
        let own = world.data_as(&mother, SURVEY, json!({ "id": item }))["content"].take();
        assert_eq!(own["viewerResponses"], json!([{ "participantName": "Kind Wilg", "answers": [] }]));
        let linked = world.db.read(|conn| Ok(kring::db::Sql::new("SELECT COUNT(*) FROM survey_answers WHERE response_id IS NOT NULL").first::<diesel::sql_types::BigInt, i64>(conn)?));
        assert_eq!((linked.unwrap(), world.rows("survey_answers")), (Some(0), 5));
    }

    fn who_answers_a_survey_and_how(world) {
        let school = School::new(world);
        let item = survey(world, &school, false);
        let [mother, stranger] = [&school.mother, &school.stranger].map(|id| person(world, id));
        let refused = |token: &str, input: Value| world.refused_as(token, "answerSurvey", input);
        assert_eq!(refused(&mother, answers(&item, None, 3)), ["NOT_INVITED"], "it is for her child");
        assert_eq!(refused(&mother, answers(&item, Some(&school.teacher), 3)), ["FORBIDDEN"]);
        assert_eq!(refused(&stranger, answers(&item, None, 3)), ["NOT_FOUND"]);
        assert_eq!(refused(&school.administrator(world), answers(&item, Some(&school.child), 3)), ["FORBIDDEN"], "nobody answers for others");
        let all = json!({ "contentId": item, "participantId": school.child, "answers": [{ "question": 9 }, { "question": 2, "choices": [1, 2] }, { "question": 2, "choices": [1] }] });
        assert_eq!(refused(&mother, all), ["INVALID_VALUE", "INVALID_VALUE", "NOT_UNIQUE", "REQUIRED"]);
        assert_eq!(world.rows("survey_responses"), 0);
        let page = make(world, &school.administrator(world), json!({ "page": { "title": "x", "body": "x" } }));
        publish(world, &school.administrator(world), &page, json!({ "everyone": true }));
        assert_eq!(refused(&mother, answers(&page, Some(&school.child), 3)), ["WRONG_KIND"]);
    }

    fn thirty_answers_at_once_are_one(world) {
        let school = School::new(world);
        let item = survey(world, &school, false);
        let mother = person(world, &school.mother);
        let query = "mutation($i: AnswerSurveyInput!) { answerSurvey(input: $i) { userErrors { code } } }";
        let body = json!({ "query": query, "variables": { "i": answers(&item, Some(&school.child), 4) } }).to_string();
        let codes: Vec<String> = RUNTIME.block_on(async {
            let sending = (0..30).map(|_| world.send(World::post(Some(&mother), body.clone())));
            futures_util::future::join_all(sending).await.into_iter().map(|(status, text)| {
                assert_eq!(status, 200, "{text}");
                let answer: Value = serde_json::from_str(&text).unwrap();
                answer["data"]["answerSurvey"]["userErrors"][0]["code"].as_str().unwrap_or("DONE").to_owned()
            }).collect()
        });
        assert_eq!((codes.iter().filter(|code| *code == "DONE").count(), codes.iter().filter(|code| *code == "ALREADY_ANSWERED").count()), (1, 29));
        assert_eq!((world.rows("survey_responses"), world.rows("survey_answers")), (1, 5));
    }

    fn who_writes_in_public_is_named_to_those_who_are_signed_in(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "discussion": { "title": "Het plein" } }));
        publish(world, &token, &item, json!({ "everyone": true }));
        let child = person(world, &school.child);
        let topic = world.done_as(&child, "createTopic", "topic { id authorName }", json!({ "contentId": item, "title": "Knikkers", "body": "Mooi!" }))["topic"].take();
        assert_ne!(topic["authorName"], "");
        world.done_as(&child, "createReply", "reply { id }", json!({ "topicId": topic["id"], "body": "En een reactie" }));
        let query = "query($id: ID!) { content(id: $id) { ... on Discussion { topics(first: 9) { edges { node { title authorName author { id } replies(first: 9) { edges { node { body authorName } } } } } } } } }";
        let seen = |token: Option<&str>| {
            let found = world.ask_as(token, query, json!({ "id": item }))["data"]["content"]["topics"]["edges"][0]["node"].take();
            let names = [&found["authorName"], &found["replies"]["edges"][0]["node"]["authorName"]].map(text);
            assert_eq!((&found["title"], &found["replies"]["edges"][0]["node"]["body"]), (&json!("Knikkers"), &json!("En een reactie")));
            names
        };
        assert_eq!(seen(None), ["", ""]);
        assert_eq!(seen(Some(&person(world, &school.stranger))), [text(&topic["authorName"]), text(&topic["authorName"])]);
    }

    fn a_discussion_has_topics_replies_and_somebody_who_keeps_order(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "discussion": { "title": "Ouders van groep 2" } }));
        publish(world, &token, &item, json!({ "groupIds": [school.class] }));
        let [mother, teacher, stranger] = [&school.mother, &school.teacher, &school.stranger].map(|id| person(world, id));
        let begin = |token: &str, title: &str| text(&world.done_as(token, "createTopic", "topic { id }", json!({ "contentId": item, "title": title, "body": "Wie kan?" }))["topic"]["id"]);
        let topic = begin(&mother, "Overblijven");
        begin(&teacher, "Schoolreis");
        let reply = world.done_as(&teacher, "createReply", "reply { id body } topic { replyCount }", json!({ "topicId": topic, "body": "Ik vraag het na." }));
        assert_eq!(reply["topic"]["replyCount"], 1);
        let reply = text(&reply["reply"]["id"]);
        let query = "query($id: ID!) { content(id: $id) { ... on Discussion { topicCount topics(first: 9) { totalCount edges { node { title body authorName canEdit canRemove canClose closed removed replyCount \
                     replies(first: 9) { edges { node { body authorName canEdit canRemove removed } } } } } } } } }";
        let seen = |token: &str| world.data_as(token, query, json!({ "id": item }))["content"].clone();
        let found = seen(&mother);
        assert_eq!((&found["topicCount"], &found["topics"]["totalCount"]), (&json!(2), &json!(2)));
        let titles: Vec<&str> = found["topics"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["title"].as_str().unwrap()).collect();
        assert_eq!(BTreeSet::from_iter(titles), BTreeSet::from(["Overblijven", "Schoolreis"]));
        // Nobody else may change what somebody wrote; the leader of the group keeps order.
        assert_eq!(world.refused_as(&teacher, "updatePost", json!({ "postId": topic, "body": "x" })), ["FORBIDDEN"]);
        assert_eq!(world.refused_as(&mother, "removePost", json!({ "postId": reply })), ["FORBIDDEN"]);
        assert_eq!(world.refused_as(&mother, "closeTopic", json!({ "topicId": topic })), ["FORBIDDEN"]);
        world.done_as(&mother, "updatePost", "topic { editedAt }", json!({ "postId": topic, "title": "Overblijf", "body": "Wie kan er?" }));
        let closed = |name: &str, input: Value| {
            let query = format!("mutation($i: TopicInput!) {{ {name}(input: $i) {{ topic {{ closed }} userErrors {{ code }} }} }}");
            world.data_as(&teacher, &query, json!({ "i": input }))[name]["topic"]["closed"].clone()
        };
        assert_eq!(closed("closeTopic", json!({ "topicId": topic })), true);
        assert_eq!(world.refused_as(&mother, "createReply", json!({ "topicId": topic, "body": "Toch nog" })), ["NO_LONGER_OPEN"]);
        assert_eq!(closed("reopenTopic", json!({ "topicId": topic })), false);
        world.done_as(&teacher, "removePost", "topic { removed }", json!({ "postId": topic }));
        let all = seen(&mother).to_string();
        assert!(!all.contains("Wie kan er?") && !all.contains("Overblijf") && all.contains("Ik vraag het na."), "{all}");
        assert_eq!(world.refused_as(&mother, "updatePost", json!({ "postId": topic, "body": "Terug" })), ["NO_LONGER_OPEN"]);
        assert_eq!(world.refused_as(&mother, "createReply", json!({ "topicId": topic, "body": "x" })), ["NO_LONGER_OPEN"]);
        assert_eq!(world.refused_as(&mother, "createReply", json!({ "topicId": reply, "body": "x" })), ["NOT_FOUND"]);
        for (mutation, input) in [("createTopic", json!({ "contentId": item, "title": "x", "body": "x" })), ("createReply", json!({ "topicId": topic, "body": "x" })),
            ("removePost", json!({ "postId": reply })), ("updatePost", json!({ "postId": reply, "body": "x" }))] {
            assert_eq!(world.refused_as(&stranger, mutation, input), ["NOT_FOUND"], "{mutation}");
        }
        // Who belongs no more neither reads nor writes.
        world.end(&school.membership, "2026-09-15");
        assert_eq!(seen(&mother), Value::Null);
        assert_eq!(world.refused_as(&mother, "updatePost", json!({ "postId": topic, "body": "x" })), ["NOT_FOUND"]);
        let content = json!({ "discussion": { "title": "Ouders van groep 2", "closed": true } });
        world.done_as(&token, "updateContent", "content { id }", json!({ "contentId": item, "content": content }));
        assert_eq!(world.refused_as(&teacher, "createTopic", json!({ "contentId": item, "title": "x", "body": "x" })), ["NO_LONGER_OPEN"]);
    }

    fn a_newsletter_goes_to_each_once(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let of = Some(school.organization.as_str());
        let father = world.person("Vader", "Buiten");
        let sibling = world.person_of(of, "Zusje", "Wilg");
        for child in [&school.child, &sibling] {
            world.done("addGuardian", "child { id }", json!({ "childId": child, "guardianId": father }));
        }
        let choir = world.group_with(of, json!({ "name": "Koor" }));
        world.add(&choir, &[&sibling, &school.child], "2026-01-01");
        for person in [&school.mother, &father] {
            let details = json!({ "person": { "email": "thuis@buiten.example" } });
            world.done("updateParticipant", "participant { id }", json!({ "participantId": person, "details": details }));
        }
        let item = make(world, &token, json!({ "newsletter": { "title": "Nieuws", "body": "Beste ouders" } }));
        let query = "query($id: ID!, $has: Boolean) { content(id: $id) { ... on Newsletter { recipientCount recipientAddressCount \
                     recipients(first: 50, hasEmail: $has) { totalCount pageInfo { hasNextPage } edges { node { name hasEmail } } } } } }";
        let goes = |has: Value| {
            let found = world.data_as(&token, query, json!({ "id": item, "has": has }))["content"].take();
            let names: Vec<String> = found["recipients"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["name"])).collect();
            assert_eq!(found["recipients"]["totalCount"], json!(names.len()));
            (names, found["recipientCount"].clone(), found["recipientAddressCount"].clone())
        };
        assert_eq!(goes(Value::Null).1, 0, "nobody before it is published");
        publish(world, &token, &item, json!({ "groupIds": [school.class, school.whole, choir], "participantIds": [school.teacher], "everyone": true }));
        let everybody = ["Moeder Buiten", "Vader Buiten", "Juf Wilg", "Kind Wilg", "Zusje Wilg"];
        assert_eq!(goes(Value::Null), (everybody.map(ToOwned::to_owned).to_vec(), json!(5), json!(1)));
        assert_eq!(goes(json!(true)).0, ["Moeder Buiten", "Vader Buiten"]);
        // Who only reads it is not told who else does.
        let mother = person(world, &school.mother);
        let read = world.data_as(&mother, query, json!({ "id": item }))["content"].take();
        assert_eq!(read, json!({ "recipientCount": null, "recipientAddressCount": null, "recipients": null }));
        assert_eq!(feed(world, Some(&mother)), ["Nieuws"]);
    }

    /// Whoever is on the list sees the item, and whoever sees it as one of the audience is on the list.
    fn the_list_of_recipients_is_what_each_of_them_sees(world) {
        let school = School::new(world);
        let of = Some(school.organization.as_str());
        let token = school.administrator(world);
        let mut people = vec![school.child.clone(), school.mother.clone(), school.teacher.clone(), school.stranger.clone()];
        people.extend((0..8).map(|n| world.person_of((n % 2 == 0).then_some(school.organization.as_str()), &format!("P{n}"), "Aa")));
        let groups: Vec<String> = (0..5).map(|n| world.group_with(of, json!({ "name": format!("G{n}") }))).collect();
        for (n, person) in people.iter().enumerate().skip(4) {
            let role = if n % 3 == 0 { "LEADER" } else { "MEMBER" };
            let input = json!({ "groupId": groups[n % 3], "participantIds": [person], "startDate": "2026-01-01", "role": role });
            world.done("addMemberships", "added", input);
            if n % 4 == 0 {
                world.done("addGuardian", "child { id }", json!({ "childId": person, "guardianId": people[n - 1] }));
            }
        }
        world.compose(&groups[3], "ANY", &[(&groups[0], "INCLUDE"), (&groups[1], "EXCLUDE"), (&school.class, "INCLUDE")]);
        world.compose(&groups[4], "ALL", &[(&groups[2], "INCLUDE"), (&groups[3], "INCLUDE")]);
        for availability in [
            json!({ "groupIds": [groups[0]] }), json!({ "groupIds": [groups[3], groups[1]] }), json!({ "groupIds": [groups[4]], "participantIds": [people[5]] }),
            json!({ "organization": true }), json!({ "groupIds": [groups[3]], "organization": true, "participantIds": [school.child] }),
        ] {
            let item = make(world, &token, json!({ "newsletter": { "title": "Nieuws", "body": "x" } }));
            publish(world, &token, &item, availability.clone());
            let query = "query($id: ID!) { content(id: $id) { ... on Newsletter { recipients(first: 100) { edges { node { participant { id } } } } } } }";
            let listed = world.data(query, json!({ "id": item }))["content"]["recipients"]["edges"].take();
            let listed: BTreeSet<String> = listed.as_array().unwrap().iter().map(|edge| text(&edge["node"]["participant"]["id"])).collect();
            for id in people.iter().chain([&school.organization]) {
                let seen = world.data_as(&world.token(Role::Participant, Some(id), None), "query($id: ID!) { content(id: $id) { id } }", json!({ "id": item }));
                assert_eq!(listed.contains(id), !seen["content"].is_null(), "{id} of {availability}");
            }
        }
    }

    fn what_people_say_takes_as_many_statements_for_one_item_as_for_many(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let mother = person(world, &school.mother);
        let fill = || {
            let item = survey(world, &school, false);
            world.done_as(&mother, "answerSurvey", "response { id }", answers(&item, Some(&school.child), 4));
            let item = make(world, &token, json!({ "discussion": { "title": "Gesprek" } }));
            publish(world, &token, &item, json!({ "groupIds": [school.class] }));
            for _ in 0..2 {
                let topic = world.done_as(&mother, "createTopic", "topic { id }", json!({ "contentId": item, "title": "x", "body": "x" }))["topic"]["id"].clone();
                world.done_as(&mother, "createReply", "reply { id }", json!({ "topicId": topic, "body": "x" }));
            }
            let item = make(world, &token, json!({ "newsletter": { "title": "Nieuws", "body": "x" } }));
            publish(world, &token, &item, json!({ "groupIds": [school.class, school.whole], "organization": true }));
        };
        let query = "{ contents(first: 50) { edges { node { ... on Survey { responseCount viewerResponses { id answers { question } } results { average } responses(first: 1) { totalCount edges { node { participantName } } } \
                     texts(question: 4, first: 1) { edges { node { text } } } } ... on Discussion { topics(first: 2) { edges { node { title replyCount replies(first: 1) { edges { node { body } } } } } } } \
                     ... on Newsletter { recipients(first: 2) { totalCount edges { node { name } } } } } } } }";
        let spent = |token: &str| {
            let before = world.db.statements();
            world.data_as(token, query, json!({}));
            world.db.statements() - before
        };
        fill();
        let few = (spent(&token), spent(&mother));
        fill();
        fill();
        assert_eq!((spent(&token), spent(&mother)), few);
        assert!(few.0 <= 26 && few.1 <= 26, "{few:?}");
    }
}
