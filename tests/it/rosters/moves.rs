//! Pupils who move, and the content that does not move along (Y8).

use kring::access::Role;
use kring::exchange::import::roster::{LeftBehind, RosterOptions};
use serde_json::{Value, json};

use super::{Desk, File, pupil, pupil_with};
use crate::content::{feed, make, person, publish};
use crate::harness::{World, both};

fn shown(world: &World, desk: &Desk<'_>, title: &str, group: &str) -> String {
    let token = world.token(Role::MembershipAdministrator, None, Some(&desk.organization));
    let item = make(
        world,
        &token,
        json!({ "newsItem": { "title": title, "body": "Lees dit.", "organizationId": desk.organization } }),
    );
    publish(world, &token, &item, json!({ "groupIds": [desk.group(group)] }));
    item
}

fn before(desk: &Desk<'_>) {
    let plus = "<geboortedatum>2018-05-02</geboortedatum><groep key=\"3a\"/><samengestelde_groepen><samengestelde_groep key=\"plus\"/></samengestelde_groepen>";
    let pupils = [
        pupil_with("1", "Anna Bos", plus),
        pupil("2", "Bram Vos", "3a"),
        pupil("3", "Cas Pol", "3a"),
        pupil("4", "Dirk Dam", "4a"),
    ];
    desk.import(&File::new(&pupils).on("2026-09-01").xml());
}

/// Anna and Bram go to 3b, Anna leaves the cross-year group, Cas leaves the school, Dirk joins the cross-year group.
fn after() -> String {
    let plus = "<geboortedatum>2018-05-02</geboortedatum><groep key=\"4a\"/><samengestelde_groepen><samengestelde_groep key=\"plus\"/></samengestelde_groepen>";
    File::new(&[pupil("1", "Anna Bos", "3b"), pupil("2", "Bram Vos", "3b"), pupil_with("4", "Dirk Dam", plus)])
        .on("2026-09-10")
        .xml()
}

both! {
    fn y8_the_report_names_what_did_not_move_along(world) {
        let desk = Desk::new(world);
        before(&desk);
        shown(world, &desk, "Schoolreis 3a", "3a");
        let both = shown(world, &desk, "Voor allebei", "3a");
        let token = world.token(Role::MembershipAdministrator, None, Some(&desk.organization));
        publish(world, &token, &both, json!({ "groupIds": [desk.group("3a"), desk.group("3b")] }));
        shown(world, &desk, "Plusles", "Plus");
        let gone = shown(world, &desk, "Ingetrokken", "3a");
        world.done("withdrawContent", "content { id }", json!({ "contentId": gone }));
        let report = desk.import(&after());
        assert_eq!((report.pupils.moved, report.pupils.left, report.linked), (2, 1, 0));
        assert_eq!(report.behind.len(), 1, "{report}");
        let LeftBehind { from, to, movers, kind, title } = &report.behind[0];
        assert_eq!((from.as_str(), to.as_str(), *movers, kind.as_str(), title.as_str()), ("3a", "3b", 2, "NEWS_ITEM", "Schoolreis 3a"));
        assert_eq!(feed(world, Some(&person(world, &desk.person("Anna Bos")))), ["Voor allebei"]);
        assert!(report.to_string().contains("3a to 3b (2): NEWS_ITEM \"Schoolreis 3a\""), "{report}");
    }

    fn y8_content_can_be_linked_in_the_same_step(world) {
        let desk = Desk::new(world);
        before(&desk);
        let item = shown(world, &desk, "Schoolreis 3a", "3a");
        let options = RosterOptions { link_content: true, ..desk.options() };
        let rehearsed = desk.import_with(&after(), &RosterOptions { dry_run: true, ..options.clone() });
        assert_eq!(rehearsed.linked, 1);
        assert_eq!(feed(world, Some(&person(world, &desk.person("Anna Bos")))), ["Schoolreis 3a"], "she is still in 3a");
        let report = desk.import_with(&after(), &options);
        assert_eq!((report.linked, report.behind.len()), (1, 1));
        assert_eq!(feed(world, Some(&person(world, &desk.person("Bram Vos")))), ["Schoolreis 3a"]);
        assert_eq!(feed(world, Some(&person(world, &desk.person("Cas Pol")))), Vec::<String>::new());
        let query = "query($id: ID!) { content(id: $id) { availability { groups { name } } history(first: 9) { edges { node { action changes { field before after } } } } } }";
        let data = world.data(query, json!({ "id": item }));
        assert_eq!(data["content"]["availability"]["groups"], json!([{ "name": "3a" }, { "name": "3b" }]));
        let change = &data["content"]["history"]["edges"][0]["node"]["changes"][0];
        assert_eq!((&change["field"], &change["before"]), (&json!("availability"), &json!(desk.group("3a"))));
        assert_eq!(change["after"].as_str().map(|words| words.split(' ').count()), Some(2), "{change}");
        assert_ne!(change, &Value::Null);
        assert!(desk.import_with(&after(), &options).is_idle());
    }
}
