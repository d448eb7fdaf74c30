//! E-mail to new members, from the mutation to a mail server.

use chrono::{DateTime, Duration, Utc};
use kring::access::{Role, Viewer};
use kring::mail::transport::Mailer;
use kring::mail::worker::{Round, round};
use kring::scope::{Clock, Scope};
use serde_json::{Value, json};

use crate::harness::{World, both, now, text};
use crate::smtp::Server;

const TEMPLATE: &str = "Subject: Welkom, {{ givenName }}\n\nBeste {{ displayName }},\nu bent lid van {{ groupName }} sinds {{ startDate }}. Fijn, één meer!\n.\nTot ziens";

fn at(moment: DateTime<Utc>) -> Scope {
    Scope::new(Viewer::operator("tests"), Clock::Fixed(moment), chrono_tz::Europe::Amsterdam)
}

fn mailer(server: &Server) -> Mailer {
    Mailer::new(&format!("smtp://{}", server.address), "De Linde <info@delinde.example>", None).unwrap()
}

fn with_email(world: &World, organization: Option<&str>, name: &str) -> String {
    let person =
        json!({ "givenName": name, "familyName": "Aa", "email": format!("{}@example.org", name.to_lowercase()) });
    let input = json!({ "details": { "person": person }, "organizationId": organization });
    text(&world.done("createParticipant", "participant { id }", input)["participant"]["id"])
}

fn group(world: &World, settings: Value) -> String {
    let mut all = json!({ "name": "Koor", "newMemberTemplate": TEMPLATE });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    world.group_with(None, all)
}

fn outbox(world: &World, token: &str, state: Option<&str>) -> Vec<Value> {
    let query = "query($state: OutboxState) { outbox(first: 100, state: $state) { totalCount edges { node { id state attempts lastError notBefore membership { participant { displayName } } } } } }";
    let data = world.data_as(token, query, json!({ "state": state }));
    let edges = data["outbox"]["edges"].as_array().unwrap();
    assert_eq!(data["outbox"]["totalCount"], json!(edges.len()));
    edges.iter().map(|edge| edge["node"].clone()).collect()
}

both! {
    fn a_new_member_is_written_to_by_whatever_way_they_came(world) {
        let server = Server::start();
        let source = world.group("Source");
        let koor = group(world, json!({ "subscriptionGroup": true, "sourceGroupId": source }));
        let [anna, bas, cor] = ["Anna", "Bas", "Cor"].map(|name| with_email(world, None, name));
        let silent = world.person("Stil", "Aa");
        world.add(&koor, &[&anna, &silent], "2026-09-01");
        world.add(&source, &[&bas], "2026-09-15");
        let token = world.token(Role::Participant, Some(&cor), None);
        world.done_as(&token, "subscribe", "membership { id }", json!({ "groupId": koor }));
        assert_eq!(world.rows("outbox"), 3, "nobody without an address");
        assert_eq!(round(&world.db, &mailer(&server), &at(now())).unwrap(), Round { sent: 3, ..Round::default() });
        let mut received = server.take();
        received.sort_by(|a, b| a.to.cmp(&b.to));
        assert_eq!(received.iter().map(|mail| mail.to.concat()).collect::<Vec<_>>(), ["anna@example.org", "bas@example.org", "cor@example.org"]);
        let mail = &received[0];
        assert_eq!(mail.from, "info@delinde.example");
        for part in ["Subject: Welkom, Anna\r\n", "From: \"De Linde\" <info@delinde.example>\r\n", "Message-ID: <", "Beste Anna Aa,", "lid van Koor sinds 2026-09-01"] {
            assert!(mail.data.contains(part), "{part}\n{}", mail.data);
        }
        assert!(mail.data.contains("=C3=A9=C3=A9n") || mail.data.contains("één"), "{}", mail.data);
        assert!(round(&world.db, &mailer(&server), &at(now())).unwrap().is_idle());
        assert!(server.take().is_empty());
    }

    fn whoever_stays_is_not_welcomed_again(world) {
        let server = Server::start();
        let source = world.group("Source");
        let koor = group(world, json!({ "sourceGroupId": source }));
        let [anna, bas] = ["Anna", "Bas"].map(|name| with_email(world, None, name));
        world.add(&source, &[&anna, &bas], "2026-09-15");
        assert_eq!(round(&world.db, &mailer(&server), &at(now())).unwrap().sent, 2);
        let permanent = json!({ "groupId": koor, "participantIds": [anna], "startDate": "2026-10-01", "makePermanent": true });
        let made = world.done("addMemberships", "memberships(first: 1) { edges { node { id } } }", permanent);
        world.end(made["memberships"]["edges"][0]["node"]["id"].as_str().unwrap(), "2026-11-01");
        assert_eq!(world.rows("outbox"), 2, "fed, by hand, and fed again");
        let cor = with_email(world, None, "Cor");
        world.add(&koor, &[&cor], "2026-11-01");
        assert_eq!(world.rows("outbox"), 3);
    }

    fn a_gateway_that_is_not_let_in_by_the_server_gives_nothing_up(world) {
        let server = Server::start();
        let koor = group(world, json!({}));
        world.add(&koor, &[&with_email(world, None, "Anna")], "2026-09-15");
        server.answer("535 5.7.8 Authentication credentials invalid");
        assert_eq!(round(&world.db, &mailer(&server), &at(now())).unwrap().postponed, 1);
        assert_eq!(round(&world.db, &mailer(&server), &at(now() + Duration::minutes(5))).unwrap().sent, 1);
    }

    fn many_are_written_to_in_as_many_statements_as_one_and_a_rehearsal_leaves_nothing(world) {
        let koor = group(world, json!({}));
        let people: Vec<String> = (0..40).map(|n| with_email(world, None, &format!("P{n}"))).collect();
        let add = |people: &[String], dry_run: bool| {
            let before = world.db.statements();
            world.done("addMemberships", "added", json!({ "groupId": koor, "participantIds": people, "dryRun": dry_run }));
            world.db.statements() - before
        };
        add(&people, true);
        assert_eq!(world.rows("outbox"), 0);
        let input = json!({ "groupId": koor, "participantIds": [people[0], "UGFydGljaXBhbnQ6OTk5OTk"] });
        assert_eq!(world.refused("addMemberships", input), ["NOT_FOUND"]);
        assert_eq!(world.rows("outbox"), 0);
        let one = add(&people[..1], false);
        assert_eq!((add(&people[1..], false), world.rows("outbox")), (one, 40));
    }

    fn what_cannot_be_delivered_now_is_tried_again_and_given_up_in_the_end(world) {
        let server = Server::start();
        let koor = group(world, json!({}));
        let anna = with_email(world, None, "Anna");
        world.add(&koor, &[&anna], "2026-09-15");
        let token = world.administrator();
        server.answer("451 try later");
        let mut moment = now();
        assert_eq!(round(&world.db, &mailer(&server), &at(moment)).unwrap().postponed, 1);
        let message = &outbox(world, &token, None)[0];
        assert_eq!((&message["state"], &message["attempts"]), (&json!("PENDING"), &json!(1)));
        assert!(message["lastError"].as_str().unwrap().contains("try later"));
        assert!(round(&world.db, &mailer(&server), &at(moment + Duration::seconds(30))).unwrap().is_idle(), "not at once");
        moment += Duration::minutes(2);
        assert_eq!(round(&world.db, &mailer(&server), &at(moment)).unwrap().sent, 1);
        assert_eq!(outbox(world, &token, Some("SENT")).len(), 1);

        let bas = with_email(world, None, "Bas");
        world.add(&koor, &[&bas], "2026-09-15");
        server.answer("550 no such user");
        assert_eq!(round(&world.db, &mailer(&server), &at(moment)).unwrap().given_up, 1);
        let dead = outbox(world, &token, Some("DEAD"));
        assert!(dead[0]["lastError"].as_str().unwrap().contains("no such user"));
        assert_eq!(dead[0]["membership"]["participant"]["displayName"], "Bas Aa");
        let retry = json!({ "messageId": dead[0]["id"] });
        world.done("retryOutboxMessage", "message { state attempts }", retry.clone());
        assert_eq!(world.refused("retryOutboxMessage", retry), ["INVALID_VALUE"]);
        assert_eq!(round(&world.db, &mailer(&server), &at(moment)).unwrap().sent, 1);

        let cor = with_email(world, None, "Cor");
        world.add(&koor, &[&cor], "2026-09-15");
        for attempt in 1..=8 {
            server.answer("451 never");
            let done = round(&world.db, &mailer(&server), &at(moment)).unwrap();
            assert_eq!((done.postponed, done.given_up), if attempt < 8 { (1, 0) } else { (0, 1) }, "{attempt}");
            moment += Duration::hours(36);
        }
        server.take();
        assert!(round(&world.db, &mailer(&server), &at(moment)).unwrap().is_idle() && server.take().is_empty());
        assert_eq!(outbox(world, &token, Some("DEAD")).len(), 1, "what was given up stays to be seen");
        round(&world.db, &mailer(&server), &at(moment + Duration::days(40))).unwrap();
        assert_eq!(outbox(world, &token, None).len(), 1, "what was sent is forgotten");
    }

    fn a_server_that_is_away_delays_and_loses_nothing(world) {
        let gone = Server::start_at("127.0.0.1:0".parse().unwrap()).address;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_ne!(gone, address);
        let mailer = Mailer::new(&format!("smtp://{address}"), "info@delinde.example", None).unwrap();
        let koor = group(world, json!({}));
        world.add(&koor, &[&with_email(world, None, "Anna")], "2026-09-15");
        assert_eq!(round(&world.db, &mailer, &at(now())).unwrap().postponed, 1);
        let server = Server::start_at(address);
        assert_eq!(round(&world.db, &mailer, &at(now() + Duration::minutes(5))).unwrap().sent, 1);
        assert_eq!(server.take().len(), 1);
    }

    fn two_gateways_send_each_message_once(world) {
        let server = Server::start();
        let koor = group(world, json!({}));
        let people: Vec<String> = (0..60).map(|n| with_email(world, None, &format!("P{n}"))).collect();
        world.add(&koor, &people.iter().map(String::as_str).collect::<Vec<_>>(), "2026-09-15");
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| while !round(&world.db, &mailer(&server), &at(now())).unwrap().is_idle() {});
            }
        });
        let mut to: Vec<String> = server.take().into_iter().map(|mail| mail.to.concat()).collect();
        to.sort();
        to.dedup();
        assert_eq!((to.len(), outbox(world, &world.administrator(), Some("SENT")).len()), (60, 60));
    }

    fn a_later_day_is_waited_for_and_what_came_to_nothing_is_not_sent(world) {
        let server = Server::start();
        let koor = group(world, json!({}));
        let [anna, bas] = ["Anna", "Bas"].map(|name| with_email(world, None, name));
        let added = world.add(&koor, &[&anna, &bas], "2026-10-01");
        assert!(round(&world.db, &mailer(&server), &at(now())).unwrap().is_idle());
        world.done("annulMembership", "membership { id }", json!({ "membershipId": added[0] }));
        let moved = json!({ "participantId": bas, "details": { "person": { "email": "nieuw@example.org" } } });
        world.done("updateParticipant", "participant { id }", moved);
        let done = round(&world.db, &mailer(&server), &at(now() + Duration::days(16))).unwrap();
        assert_eq!((done.sent, done.skipped), (1, 1));
        assert_eq!(server.take()[0].to, ["nieuw@example.org"], "the address that is recorded by then");
    }

    fn templates_are_checked_when_they_are_saved(world) {
        let koor = world.group("Koor");
        let save = |template: &str| json!({ "groupId": koor, "settings": { "newMemberTemplate": template } });
        assert_eq!(world.refused("updateGroup", save("Dag {{ naam }}, {{ mobiel }}")), ["INVALID_VALUE", "INVALID_VALUE"]);
        let done = world.done("updateGroup", "warnings { code }", save("Dag {{ givenName }}"));
        assert_eq!(done["warnings"], json!([]));
    }

    fn only_administrators_of_the_group_see_the_outbox(world) {
        let [here, elsewhere] = ["Hier", "Daar"].map(|name| world.organization(name));
        let koor = world.group_with(Some(&here), json!({ "name": "Koor", "newMemberTemplate": "Dag" }));
        let anna = with_email(world, Some(&here), "Anna");
        world.add(&koor, &[&anna], "2026-09-15");
        let of = |role, organization: &str| world.token(role, Some(&anna), Some(organization));
        assert_eq!(outbox(world, &of(Role::MembershipAdministrator, &here), None).len(), 1);
        assert_eq!(outbox(world, &of(Role::MembershipAdministrator, &elsewhere), None).len(), 0);
        let id = text(&outbox(world, &world.administrator(), None)[0]["id"]);
        assert_eq!(world.refused_as(&of(Role::MembershipAdministrator, &elsewhere), "retryOutboxMessage", json!({ "messageId": id })), ["NOT_FOUND"]);
        let answer = world.ask_as(Some(&of(Role::Staff, &here)), "{ outbox { totalCount } }", json!({}));
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    fn over_tls_only_to_a_server_with_a_certificate_that_is_known(world) {
        let (server, certificate) = Server::start_with_tls();
        let koor = group(world, json!({}));
        world.add(&koor, &[&with_email(world, None, "Anna")], "2026-09-15");
        let url = format!("smtps://localhost:{}", server.address.port());
        let stranger = Mailer::new(&url, "info@delinde.example", None).unwrap();
        assert_eq!(round(&world.db, &stranger, &at(now())).unwrap().postponed, 1);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, certificate).unwrap();
        let known = Mailer::new(&url, "info@delinde.example", Some(&file)).unwrap();
        assert_eq!(round(&world.db, &known, &at(now() + Duration::minutes(5))).unwrap().sent, 1);
        assert_eq!(server.take().len(), 1);
    }
}
