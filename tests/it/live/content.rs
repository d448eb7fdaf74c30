//! Who is told of changes of content, and when. The machine's clock counts here: what happens in turn has its own moments.

use std::time::Duration;

use kring::access::Role;
use kring::id::{self, Kind};
use kring::scope::Clock;
use serde_json::{Value, json};

use super::{Client, gauge, gauge_of, until};
use crate::harness::{World, both, text};
use crate::http::Served;

const CHANGED: &str = "subscription($kinds: [ContentKind!], $group: ID) { contentChanged(kinds: $kinds, groupId: $group) { change contentId content { id title } } }";

/// A school by the machine's clock: two classes with a child in each, and a mother of the first child.
struct School {
    world: World,
    organization: String,
    classes: [String; 2],
    children: [String; 2],
    mother: String,
}

impl School {
    fn new(like: &World) -> Self {
        let mut world = if like.is_postgres() { World::postgres() } else { World::sqlite() };
        let organization = world.organization("De Wilg");
        let classes = ["A", "B"].map(|name| world.group_with(Some(&organization), json!({ "name": name })));
        let children = ["A", "B"].map(|name| world.person("Kind", name));
        let mother = world.person("Moeder", "A");
        world.done("addGuardian", "child { id }", json!({ "childId": children[0], "guardianId": mother }));
        for (class, child) in classes.iter().zip(&children) {
            world.add(class, &[child], "2020-01-01");
        }
        world.real_time();
        Self { world, organization, classes, children, mother }
    }

    fn sign(&self, role: Role, participant: Option<&str>, organization: Option<&str>) -> String {
        let key = |id: &str| id::decode_as(Kind::Participant, id).unwrap();
        let grants = [(role, organization.map(key))];
        let hour = chrono::Duration::hours(1);
        self.world.keys.sign(participant.map(key), &grants, "Tester", Clock::System.now(), hour).unwrap()
    }

    fn person(&self, id: &str) -> String {
        self.sign(Role::Participant, Some(id), None)
    }

    fn clerk(&self) -> String {
        self.sign(Role::MembershipAdministrator, None, Some(&self.organization))
    }

    fn make(&self, title: &str) -> String {
        let input = json!({ "page": { "title": title, "body": "Lees dit." } });
        text(&self.world.done_as(&self.clerk(), "createContent", "content { id }", input)["content"]["id"])
    }

    fn publish(&self, item: &str, availability: Value) {
        self.publish_at(item, availability, Value::Null);
    }

    fn publish_at(&self, item: &str, availability: Value, at: Value) {
        let input = json!({ "contentId": item, "availability": availability, "publishAt": at });
        self.world.done_as(&self.clerk(), "publishContent", "content { id }", input);
    }

    fn rename(&self, item: &str, title: &str) {
        let content = json!({ "page": { "title": title, "body": "Lees dit." } });
        self.world.done_as(
            &self.clerk(),
            "updateContent",
            "content { id }",
            json!({ "contentId": item, "content": content }),
        );
    }

    fn withdraw(&self, item: &str) {
        self.world.done_as(&self.clerk(), "withdrawContent", "content { id }", json!({ "contentId": item }));
    }

    /// Connects clients that follow content, each with a token and variables of its own.
    fn follow<const N: usize>(&self, served: &Served, clients: [(String, Value); N]) -> [Client; N] {
        let clients = clients.map(|(token, variables)| {
            let mut client = Client::signed(served, &token);
            client.subscribe("a", CHANGED, variables);
            client
        });
        until("subscriptions", || gauge(&self.world, "subscriptions") == i64::try_from(N).unwrap());
        clients
    }

    fn served(&self) -> Served {
        Served::new(self.world.router.clone(), self.clerk())
    }

    /// Shows everybody something, which must be the next that each of them hears.
    fn nothing_more(&self, clients: &mut [Client]) {
        let item = self.make("Voor allen");
        self.publish(&item, json!({ "everyone": true }));
        for client in clients {
            assert_eq!(told(client), ("PUBLISHED".to_owned(), item.clone(), Some("Voor allen".to_owned())));
        }
    }
}

/// The next change: what, of which item, and the item's title if it may be read.
fn told(client: &mut Client) -> (String, String, Option<String>) {
    let message = client.hear();
    assert_eq!(message["type"], "next", "{message}");
    let change = &message["payload"]["data"]["contentChanged"];
    let title = change["content"]["title"].as_str().map(ToOwned::to_owned);
    (text(&change["change"]), text(&change["contentId"]), title)
}

fn what(change: &str, item: &str, title: Option<&str>) -> (String, String, Option<String>) {
    (change.to_owned(), item.to_owned(), title.map(ToOwned::to_owned))
}

both! {
    /// K2, K3: each is told of what they see, and that it is gone if they saw it; others are told nothing at all.
    fn publishing_changing_and_withdrawing_is_told_to_those_who_see_it(world) {
        let school = School::new(world);
        let served = school.served();
        let viewers = [school.person(&school.mother), school.clerk(), school.person(&school.children[1]),
            school.sign(Role::Staff, None, Some(&school.organization))];
        let mut clients = school.follow(&served, viewers.map(|token| (token, json!({}))));
        let item = school.make("Klad");
        school.rename(&item, "Brief");
        school.publish(&item, json!({ "groupIds": [school.classes[0]] }));
        school.rename(&item, "Brief aan A");
        school.withdraw(&item);
        school.rename(&item, "Weer klad");
        for (client, shown) in clients.iter_mut().zip([None, Some("Weer klad")]) {
            // A gateway may tell of a change after the next: then it tells what is so by then, never what was not so.
            let mut heard = vec![told(client)];
            while heard.last().unwrap().0 != "WITHDRAWN" {
                heard.push(told(client));
            }
            let (last, before) = heard.split_last().unwrap();
            assert!(before.iter().all(|(change, id, title)| change != "WITHDRAWN" && *id == item && title.is_some()), "{heard:?}");
            assert_eq!((last.1.as_str(), last.2.is_some()), (item.as_str(), shown.is_some()));
        }
        school.nothing_more(&mut clients);
    }

    fn each_change_is_told_as_what_it_is(world) {
        let school = School::new(world);
        let served = school.served();
        let [mut a, mut b] = school.follow(&served, [&school.mother, &school.children[1]].map(|who| (school.person(who), json!({}))));
        let item = school.make("Brief");
        let [first, second] = &school.classes;
        school.publish(&item, json!({ "groupIds": [first] }));
        assert_eq!(told(&mut a), what("PUBLISHED", &item, Some("Brief")));
        school.publish(&item, json!({ "groupIds": [first, second] }));
        assert_eq!(told(&mut a), what("UPDATED", &item, Some("Brief")));
        assert_eq!(told(&mut b), what("PUBLISHED", &item, Some("Brief")));
        school.rename(&item, "Nieuws");
        assert_eq!(told(&mut a), what("UPDATED", &item, Some("Nieuws")));
        assert_eq!(told(&mut b), what("UPDATED", &item, Some("Nieuws")));
        school.publish(&item, json!({ "groupIds": [second] }));
        assert_eq!(told(&mut a), what("WITHDRAWN", &item, None));
        assert_eq!(told(&mut b), what("UPDATED", &item, Some("Nieuws")));
        school.withdraw(&item);
        assert_eq!(told(&mut b), what("WITHDRAWN", &item, None));
        school.nothing_more(&mut [a, b]);
    }

    fn kinds_and_a_group_can_be_followed(world) {
        let school = School::new(world);
        let served = school.served();
        let [class, other] = &school.classes;
        let mother = school.person(&school.mother);
        let [mut pages, mut news, mut of_class, mut clerk] = school.follow(&served, [
            (mother.clone(), json!({ "kinds": ["PAGE"] })), (mother.clone(), json!({ "kinds": ["NEWS_ITEM"] })),
            (mother.clone(), json!({ "group": class })), (school.clerk(), json!({ "group": other })),
        ]);
        let mut stranger = Client::signed(&served, &mother);
        for id in [other.clone(), id::encode(Kind::Group, 99_999), school.mother.clone()] {
            stranger.subscribe("x", CHANGED, json!({ "group": id }));
            assert_eq!(stranger.code(), "NOT_FOUND");
            assert_eq!(stranger.hear()["type"], "complete");
        }
        let page = school.make("Pagina");
        school.publish(&page, json!({ "everyone": true, "groupIds": [class] }));
        assert_eq!(told(&mut pages), what("PUBLISHED", &page, Some("Pagina")));
        assert_eq!(told(&mut of_class), what("PUBLISHED", &page, Some("Pagina")));
        school.publish(&page, json!({ "everyone": true }));
        assert_eq!(told(&mut pages), what("UPDATED", &page, Some("Pagina")));
        assert_eq!(told(&mut of_class), what("WITHDRAWN", &page, Some("Pagina")), "it is there, and not in the group");
        school.publish(&page, json!({ "everyone": true, "groupIds": [other] }));
        assert_eq!(told(&mut clerk), what("PUBLISHED", &page, Some("Pagina")));
        let input = json!({ "newsItem": { "title": "Nieuws", "body": "x" } });
        let item = text(&school.world.done_as(&school.clerk(), "createContent", "content { id }", input)["content"]["id"]);
        school.publish(&item, json!({ "groupIds": [class, other] }));
        assert_eq!(told(&mut news), what("PUBLISHED", &item, Some("Nieuws")));
        assert_eq!(told(&mut of_class), what("PUBLISHED", &item, Some("Nieuws")));
        assert_eq!(told(&mut clerk), what("PUBLISHED", &item, Some("Nieuws")));
    }

    fn what_is_scheduled_is_told_at_its_moment(world) {
        let school = School::new(world);
        let served = school.served();
        let clock = || Clock::System.now();
        let [waiting, put_off, taken_back] = ["Straks", "Later", "Nooit"].map(|title| school.make(title));
        let soon = |millis: i64| json!((clock() + chrono::Duration::milliseconds(millis)).to_rfc3339());
        let class = json!({ "groupIds": [school.classes[0]] });
        // One is scheduled before somebody follows, the others afterwards.
        let moment = clock() + chrono::Duration::milliseconds(2_500);
        school.publish_at(&waiting, class.clone(), json!(moment.to_rfc3339()));
        let viewers = [school.person(&school.mother), school.clerk(), school.person(&school.children[1])];
        let mut clients = school.follow(&served, viewers.map(|token| (token, json!({}))));
        school.publish_at(&put_off, class.clone(), soon(1_500));
        school.publish_at(&put_off, class.clone(), json!("2999-01-01T00:00:00Z"));
        school.publish_at(&taken_back, class, soon(1_500));
        school.withdraw(&taken_back);
        for client in &mut clients[..2] {
            assert_eq!(told(client), what("PUBLISHED", &waiting, Some("Straks")));
            assert!(clock() >= moment, "it was told too early");
        }
        assert!(clock() < moment + chrono::Duration::seconds(10), "it was told too late");
        school.nothing_more(&mut clients);
    }

    /// K3: that an item is gone says that there was one.
    fn nobody_hears_of_the_end_of_what_they_never_saw(world) {
        let school = School::new(world);
        let served = school.served();
        let [class, other] = &school.classes;
        let item = school.make("Brief");
        school.publish(&item, json!({ "groupIds": [class] }));
        let viewers = [&school.children[1], &school.mother, &school.children[0]].map(|who| (school.person(who), json!({})));
        let mut clients = school.follow(&served, viewers);
        // Somebody joins, somebody leaves, and somebody has never been in.
        let administrator = school.sign(Role::Administrator, None, None);
        let adding = json!({ "groupId": class, "participantIds": [school.children[1]], "startDate": "2020-01-01" });
        school.world.done_as(&administrator, "addMemberships", "added", adding);
        let guardian = json!({ "childId": school.children[0], "guardianId": school.mother });
        school.world.done_as(&administrator, "removeGuardian", "child { id }", guardian);
        school.withdraw(&item);
        assert_eq!(told(&mut clients[2]), what("WITHDRAWN", &item, None));
        let scheduled = school.make("Nooit");
        school.publish_at(&scheduled, json!({ "groupIds": [class, other] }), json!("2999-01-01T00:00:00Z"));
        school.withdraw(&scheduled);
        let foreign = json!({ "contentId": scheduled, "availability": { "groupIds": [id::encode(Kind::Group, 99_999)], "everyone": true } });
        assert_eq!(school.world.refused_as(&school.clerk(), "publishContent", foreign), ["NOT_FOUND"]);
        school.nothing_more(&mut clients);
    }

    fn gateways_on_one_database_tell_of_each_other_s_content(world) {
        if !world.is_postgres() {
            return;
        }
        let school = School::new(world);
        let twin = school.world.twin_in_real_time();
        let served = Served::new(twin.clone(), school.clerk());
        let mut client = Client::signed(&served, &school.person(&school.mother));
        client.subscribe("a", CHANGED, json!({}));
        until("a subscription", || gauge_of(&twin, "subscriptions") == 1);
        let item = school.make("Brief");
        school.publish(&item, json!({ "groupIds": [school.classes[0]] }));
        assert_eq!(told(&mut client), what("PUBLISHED", &item, Some("Brief")));
        let later = school.make("Straks");
        let moment = (Clock::System.now() + chrono::Duration::milliseconds(700)).to_rfc3339();
        school.publish_at(&later, json!({ "organization": true }), json!(moment));
        assert_eq!(told(&mut client), what("PUBLISHED", &later, Some("Straks")));
        school.withdraw(&item);
        assert_eq!(told(&mut client), what("WITHDRAWN", &item, None));
        std::thread::sleep(Duration::from_millis(1));
    }
}
