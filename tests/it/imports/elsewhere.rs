//! Whose external ids are meant: those of the organization for which a bundle is, and no others' (section 8).

use kring::app;
use kring::error::Error;
use kring::exchange::import::{Failure, Options, Owner, Report, import};
use kring::exchange::year_plan;
use kring::id::{self, Kind};
use kring::people::named_store::Whose;
use serde_json::json;

use super::{Files, deliver, deliver_with, read, refused, scope};
use crate::harness::{World, both, text};

/// Two organizations that each have a P1 and a group L; only A has a P9.
const ORGANIZATIONS: (&str, &str) =
    ("participants.csv", "external_id,kind,name\nA,ORGANIZATION,Vereniging A\nB,ORGANIZATION,Vereniging B");
const GROUPS: (&str, &str) = ("groups.csv", "external_id,name\nL,Leden");
const MEMBERSHIPS: (&str, &str) = ("memberships.csv", "group,participant,start_date\nL,P1,2026-01-01");

fn options(organization: &str) -> Options {
    Options { organization: Some(Owner::named(organization.to_owned())), ..Options::default() }
}

fn bring(world: &World, organization: &str, people: &str) -> Report {
    let people = format!("external_id,kind,given_name,family_name\n{people}");
    deliver_with(world, &[("participants.csv", &people), GROUPS, MEMBERSHIPS], &options(organization))
}

fn begin(world: &World) {
    deliver(world, &[ORGANIZATIONS]);
    bring(world, "A", "P1,PERSON,Anna,Aalders\nP9,PERSON,Negen,Aalders");
    bring(world, "B", "P1,PERSON,Bram,Berg");
}

/// The ids of all participants of this name, or of the groups of an organization.
fn ids(world: &World, name: &str) -> Vec<String> {
    let query = "query($name: String!) { participants(filter: { search: $name }) { edges { node { id } } } }";
    let data = world.data(query, json!({ "name": name }));
    data["participants"]["edges"].as_array().unwrap().iter().map(|edge| text(&edge["node"]["id"])).collect()
}

fn members(world: &World) -> Vec<String> {
    let query = "{ groups(first: 5, filter: { externalIds: [\"L\"] }) { edges { node { organization { displayName } memberships(first: 5) { edges { node { participant { displayName } } } } } } } }";
    let data = world.data(query, json!({}));
    let mut found: Vec<String> = data["groups"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            let node = &edge["node"];
            let of = |node: &serde_json::Value| text(&node["node"]["participant"]["displayName"]);
            let names: Vec<String> = node["memberships"]["edges"].as_array().unwrap().iter().map(of).collect();
            format!("{}: {}", text(&node["organization"]["displayName"]), names.join(", "))
        })
        .collect();
    found.sort();
    found
}

fn messages(world: &World, files: Files<'_>, organization: &str) -> Vec<String> {
    match import(&world.db, &scope(), &read(files), &options(organization), &mut |_| {}) {
        Err(Failure::Refused(errors)) => errors.errors.iter().map(|error| error.message.clone()).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

both! {
    /// Section 8: an id that another organization took is one's own to give.
    fn section8_the_same_id_in_two_organizations_is_two_records(world) {
        begin(world);
        assert_eq!(members(world), ["Vereniging A: Anna Aalders", "Vereniging B: Bram Berg"]);
        assert!(bring(world, "A", "P1,PERSON,Anna,Aalders").is_idle());
        assert!(bring(world, "B", "P1,PERSON,Bram,Berg").is_idle());
        let [b] = <[String; 1]>::try_from(ids(world, "Vereniging B")).unwrap();
        assert!(bring(world, &b, "P1,PERSON,Bram,Berg").is_idle(), "the id that the API prints will do");
        // A bundle for nobody has its own, too, and is not stopped.
        world.done("createParticipant", "participant { id }", json!({ "externalId": "P1", "details": { "person": { "familyName": "Niemand" } } }));
        assert_eq!(ids(world, "Niemand").len(), 1);
        deliver(world, &[("participants.csv", "external_id,given_name\nP1,Nemo")]);
        assert_eq!(ids(world, "Nemo"), ids(world, "Niemand"));
        assert_eq!(members(world), ["Vereniging A: Anna Aalders", "Vereniging B: Bram Berg"]);
        assert!(bring(world, "B", "P1,PERSON,Bram,Berg").is_idle());
    }

    /// Section 8: a group belongs to the organization that its row names, and so does its id.
    fn section8_groups_are_found_in_the_organization_that_their_row_names(world) {
        deliver(world, &[ORGANIZATIONS]);
        let of = |organization: &str, who: &str| {
            let people = format!("external_id,kind,given_name\n{who},PERSON,{who}");
            let groups = format!("external_id,name,organization\nL,Leden,{organization}");
            let memberships = format!("group,participant,start_date\nL,{who},2026-01-01");
            deliver(world, &[("participants.csv", &people), ("groups.csv", &groups), ("memberships.csv", &memberships)])
        };
        of("A", "Anna");
        of("B", "Bram");
        assert_eq!(members(world), ["Vereniging A: Anna", "Vereniging B: Bram"]);
        assert!(of("A", "Anna").is_idle());
        assert!(of("B", "Bram").is_idle());
        // Without the column it could be either.
        let either = import(&world.db, &scope(), &read(&[("groups.csv", "external_id,name\nL,Alle leden")]), &Options::default(), &mut |_| {});
        let Err(Failure::Error(error)) = either else { panic!("{either:?}") };
        assert!(error.to_string().contains("give the id that the API prints"), "{error}");
    }

    /// Section 8: another organization's id is followed nowhere, and the message says what to give.
    fn section8_ids_of_others_are_not_followed(world) {
        begin(world);
        for unknown in ["P9", "P99"] {
            let file = format!("group,participant,start_date\nL,{unknown},2026-01-01");
            let told = messages(world, &[("memberships.csv", &file)], "B");
            let expected = format!(
                "there is no participant \"{unknown}\", neither in the bundle nor stored by this organization; what another \
                 organization keeps is named by the id that the API prints"
            );
            assert_eq!(told, [expected], "the same whether or not somebody else has it");
        }
        let [nine] = <[String; 1]>::try_from(ids(world, "Negen")).unwrap();
        let file = format!("group,participant,start_date\nL,{nine},2026-01-01");
        let by_id = [("memberships.csv", file.as_str())];
        assert_eq!(deliver_with(world, &by_id, &options("B")).memberships.created, 1);
        assert!(deliver_with(world, &by_id, &options("B")).is_idle());
        // The record stays the other's to change.
        let change = format!("external_id,given_name\n{nine},Tien");
        assert_eq!(refused(world, &[("participants.csv", &change)], &options("B")), ["participants.csv:2:1 OTHER_ORGANIZATION"]);
        assert_eq!(deliver_with(world, &[("participants.csv", &change)], &options("A")).participants.updated, 1);
        let changed = ids(world, "Tien");
        assert_eq!(changed, [nine.clone()]);
        assert_eq!(deliver_with(world, &[("participants.csv", "external_id,given_name\nP9,Tien")], &options("A")).participants.unchanged, 1, "it keeps its external id");
    }

    /// Section 8: ids of the API that lead nowhere make nothing, and a record has one name in a bundle.
    fn section8_ids_of_the_api_lead_somewhere_or_are_refused(world) {
        begin(world);
        let [nine] = <[String; 1]>::try_from(ids(world, "Negen")).unwrap();
        let nobody = id::encode(Kind::Participant, 999_999);
        let nowhere = id::encode(Kind::Group, 999_999);
        let row = format!("external_id,kind,given_name\n{nobody},PERSON,Nemo");
        assert_eq!(refused(world, &[("participants.csv", &row)], &options("A")), ["participants.csv:2:1 UNKNOWN_REFERENCE"]);
        let ended = format!("group,participant,start_date,end_date\n{nowhere},P9,2020-01-01,2020-02-01\n{nine},P9,2020-01-01,2020-02-01");
        assert_eq!(refused(world, &[("memberships.csv", &ended)], &options("A")), ["memberships.csv:2:1 UNKNOWN_REFERENCE", "memberships.csv:3:1 UNKNOWN_REFERENCE"]);
        let twice = format!("group,participant,start_date\nL,{nine},2020-01-01\nL,P9,2020-01-01");
        let told = refused(world, &[("memberships.csv", &twice)], &options("A"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with("DUPLICATE_ID"), "{told:?}");
    }

    /// Section 8: tokens and plans of one organization are not stopped by another's ids.
    fn section8_names_of_the_command_line_are_looked_up_in_the_organization(world) {
        begin(world);
        let find = |name: &str, whose: Whose| app::find(&world.db, name, whose).map(|named| named.display_name);
        let key = |name: &str| app::find(&world.db, name, Whose::Organizations).unwrap().id;
        assert_eq!(find("P1", Whose::Of(key("A"))).unwrap(), "Anna Aalders");
        assert_eq!(find("P1", Whose::Of(key("B"))).unwrap(), "Bram Berg");
        let [nine] = <[String; 1]>::try_from(ids(world, "Negen")).unwrap();
        assert_eq!(find(&nine, Whose::Of(key("B"))).unwrap(), "Negen Aalders");
        let told = |outcome: Result<String, Error>| outcome.unwrap_err().to_string();
        assert!(told(find("P1", Whose::Anybody)).contains("--organization"));
        assert!(told(find("P9", Whose::Of(key("B")))).contains("the id that the API prints"));
    }

    /// Section 8, G10: a plan names groups as people type them, and participants by the organization's own ids.
    fn section8_a_plan_is_not_stopped_by_the_ids_of_others(world) {
        begin(world);
        let b = app::find(&world.db, "B", Whose::Organizations).unwrap().id;
        let [nine] = <[String; 1]>::try_from(ids(world, "Negen")).unwrap();
        let mine = ids(world, "Bram");
        let join = format!("group,participant,start_date\nL,{nine},2026-01-01");
        deliver_with(world, &[("memberships.csv", &join)], &options("B"));
        let plan = |text: &str| world.db.read(|conn| year_plan::read(conn, b, text.as_bytes()));
        let people = |text: &str| -> Vec<String> {
            let exceptions = plan(text).unwrap_or_else(|error| panic!("{error}")).exceptions;
            exceptions.iter().map(|exception| id::encode(Kind::Participant, exception.participant_id)).collect()
        };
        assert_eq!(people("participant,to_group\nP1,LEAVING"), mine);
        assert_eq!(people(&format!("participant,to_group\n{nine},l\u{c9}\u{200b}DEN")), [nine.clone()]);
        for (text, expected) in [
            ("participant,to_group\nP9,LEAVING".to_owned(), "the id that the API prints"),
            (format!("participant,to_group\n{},LEAVING", ids(world, "Anna")[0]), "no participant with the id"),
            ("group,to_group\nLe\u{0}den,LEAVING".to_owned(), "Line 2: group holds U+0000, a control character."),
            ("group,to_group\nLeden,\u{202e}Leden".to_owned(), "Line 2: to_group holds U+202E"),
        ] {
            let told = plan(&text).expect_err("refused").to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}
