//! The order of the house: who may use whom.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::once;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn breaches(rule: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "the sources are where they are looked for");
    files
        .iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            rule(&name, &code(path)).map(|breach| format!("{name}: {breach}"))
        })
        .collect()
}

const DOMAIN: [&str; 10] = [
    "content/",
    "groups/",
    "members/",
    "people/",
    "access/",
    "exchange/",
    "subscriptions/",
    "mail/",
    "school/",
    "year/",
];

once! {
    fn the_domain_knows_neither_graphql_nor_http() {
        let found = breaches(|name, code| {
            let domain = DOMAIN.iter().any(|folder| name.starts_with(folder)) || ["history.rs", "repeat.rs", "page.rs", "text.rs"].contains(&name);
            let forbidden = ["async_graphql", "axum", "crate::graphql", "crate::http", "crate::app"];
            forbidden.iter().find(|word| domain && code.contains(**word)).map(|word| (*word).to_owned())
        });
        assert_eq!(found, Vec::<String>::new());
    }

    fn the_floor_knows_nothing_of_what_stands_on_it() {
        let found = breaches(|name, code| {
            let floor = name.starts_with("db/") || ["id.rs", "error.rs"].contains(&name);
            let forbidden = ["crate::groups", "crate::members", "crate::people", "crate::graphql", "crate::http", "crate::access", "async_graphql"];
            forbidden.iter().find(|word| floor && code.contains(**word)).map(|word| (*word).to_owned())
        });
        assert_eq!(found, Vec::<String>::new());
    }

    fn each_part_of_the_domain_knows_only_those_below_it() {
        let below = [("groups/", &["crate::content", "crate::members", "crate::exchange", "crate::subscriptions", "crate::mail"][..]),
            ("people/", &["crate::content", "crate::members", "crate::groups", "crate::exchange", "crate::subscriptions", "crate::mail"]),
            ("mail/", &["crate::content", "crate::members", "crate::exchange", "crate::subscriptions"]),
            ("subscriptions/rules/", &["crate::members", "crate::groups", "crate::people", "crate::db", "crate::scope"]),
            ("members/", &["crate::content", "crate::exchange", "crate::subscriptions"]), ("subscriptions/", &["crate::content", "crate::exchange"]), ("content/kinds/", &["crate::members", "crate::groups", "crate::people", "crate::scope", "crate::access", "crate::db::Conn"]), ("content/", &["crate::exchange", "crate::subscriptions", "crate::mail"]), ("access/", &["crate::members", "crate::groups", "crate::people", "crate::exchange"])];
        let found = breaches(|name, code| {
            let (_, forbidden) = below.iter().find(|(folder, _)| name.starts_with(folder))?;
            forbidden.iter().find(|word| code.contains(**word)).map(|word| (*word).to_owned())
        });
        assert_eq!(found, Vec::<String>::new());
    }

    /// A5: what others follow from is changed where it is followed up.
    fn nothing_goes_around_what_follows() {
        let commands = ["groups::commands::create", "groups::commands::update", "groups::commands::set_components", "people::commands::create",
            "people::commands::update", "people::commands::register_residency", "people::commands::end_residency"];
        let found = breaches(|name, code| {
            let outside = name != "members/causes.rs";
            commands.iter().find(|command| outside && code.contains(&format!("{command}("))).map(|command| (*command).to_owned())
        });
        assert_eq!(found, Vec::<String>::new());
    }

    fn only_stores_and_engines_write_sql() {
        let may = ["db/", "exchange/", "access/", "members/effective.rs", "members/roll.rs", "members/add.rs", "content/visibility.rs", "content/visibility/", "school/readers.rs", "people/filter.rs", "history.rs", "repeat.rs", "page.rs", "app.rs"];
        let found = breaches(|name, code| {
            let allowed = may.iter().any(|start| name.starts_with(start)) || name.ends_with("store.rs");
            (!allowed && (code.contains("Sql::new") || code.contains("diesel::"))).then(|| "speaks to the database".to_owned())
        });
        let found: Vec<String> = found.into_iter().filter(|breach| !KNOWN_ERRORS.iter().any(|known| breach.starts_with(known))).collect();
        assert_eq!(found, Vec::<String>::new());
    }
}

/// Files that name Diesel's error type to tell a broken constraint from a fault.
const KNOWN_ERRORS: [&str; 3] = ["error.rs", "people/commands.rs", "members/mod.rs"];
