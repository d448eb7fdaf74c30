//! To whom newsletters go, as the graph shows it.

use std::collections::HashSet;

use async_graphql::ServerResult;

use super::ContentRow;
use crate::content::recipients::{self, store::Recipient};
use crate::error::Error;
use crate::graphql::engine::{
    Argument, Edge, Entity, Exec, Field, Link, Listed, Obj, PAGE_ARGS, Pages, Pick, Values, arg, connection, input,
    one, page_args, ty,
};
use crate::graphql::types::participant::Participant;
use crate::page::{Key, Page, position};

/// Somebody to whom a newsletter goes.
pub struct NewsletterRecipient;

impl Entity for NewsletterRecipient {
    const NAME: &'static str = "NewsletterRecipient";
    const DOC: &'static str = "Somebody to whom a newsletter goes.";
    type Row = Recipient;

    fn fields() -> &'static [Field<Self>] {
        const FIELDS: &[Field<NewsletterRecipient>] = &[
            Field::<NewsletterRecipient>::value("name", ty::<String>, "The name.", |row, out| out.str(&row.name)),
            Field::<NewsletterRecipient>::value(
                "hasEmail",
                ty::<bool>,
                "Whether an e-mail address is known.",
                |row, out| {
                    out.bool(row.email.is_some());
                },
            ),
            Field::<NewsletterRecipient>::link(
                "participant",
                ty::<Option<Obj<Participant>>>,
                "The participant; null when you may not see it.",
                |pick| one::<Recipient, Participant>(pick, |row| Some(row.id)),
            ),
        ];
        FIELDS
    }
}

impl Listed for NewsletterRecipient {
    type Node = Self;
    const CONNECTION: &'static str = "NewsletterRecipientConnection";
    const CONNECTION_DOC: &'static str = "A page of recipients, by name.";
    const EDGE: &'static str = "NewsletterRecipientEdge";

    fn edge_fields() -> &'static [Field<Edge<Self>>] {
        Edge::<Self>::BASIC
    }

    fn node(row: &Recipient) -> &Recipient {
        row
    }
}

fn of_rows(exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Vec<Vec<Recipient>>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let compositions = exec.compositions()?;
    let mut found = recipients::of_items(exec.conn, &compositions, exec.scope.today, &ids)?;
    Ok(ids.iter().map(|id| found.remove(id).unwrap_or_default()).collect())
}

struct Counted(fn(&[Recipient]) -> usize);

impl Link<ContentRow> for Counted {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Values, Error> {
        let mut values = Values::with_capacity(rows.len());
        for people in of_rows(exec, rows)? {
            let number = i64::try_from((self.0)(&people)).unwrap_or(i64::MAX);
            values.push(|out| out.int(number));
        }
        Ok(values)
    }
}

/// Leads to how many there are.
///
/// # Errors
/// None.
pub fn count(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Counted(<[Recipient]>::len)))
}

/// Leads to how many e-mail addresses they have together.
///
/// # Errors
/// None.
pub fn address_count(_: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    Ok(Box::new(Counted(|people| {
        let addresses = people.iter().filter_map(|person| person.email.as_deref());
        addresses.map(str::to_lowercase).collect::<HashSet<String>>().len()
    })))
}

/// The arguments of the list of recipients.
pub const ARGS: &[Argument] = &[
    PAGE_ARGS[0],
    PAGE_ARGS[1],
    PAGE_ARGS[2],
    PAGE_ARGS[3],
    arg(
        "hasEmail",
        input::<Option<bool>>,
        "Only those of whom an e-mail address is known, or is not; all when absent.",
    ),
];

/// Leads to who they are.
///
/// # Errors
/// When an argument does not fit its type.
pub fn recipients(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    let window = page_args(pick)?;
    let has_email: Option<bool> = pick.arg("hasEmail")?;
    connection::<ContentRow, NewsletterRecipient>(
        pick,
        Box::new(move |exec: &mut Exec<'_>, rows, _| {
            let pages = of_rows(exec, rows)?.into_iter().map(|mut people| {
                people.retain(|person| has_email.is_none_or(|wanted| person.email.is_some() == wanted));
                let total = i64::try_from(people.len()).ok();
                Page { total, ..window.within(people, &keys) }
            });
            Ok(Pages { pages: pages.collect(), cursor: Box::new(keys) })
        }),
    )
}

fn keys(row: &Recipient) -> Vec<Key> {
    position("recipients", [Key::Text(row.sort_key.clone()), Key::Int(row.id)])
}
