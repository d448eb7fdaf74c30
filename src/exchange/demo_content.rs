//! Content for the organizations of the demo: something of every kind, for the audiences that it has.

use chrono::{Duration, NaiveDateTime};
use diesel::sql_types::BigInt;

use crate::content::Availability;
use crate::content::commands::{self, Wanted};
use crate::content::kind::Details;
use crate::content::kinds::activity::Activity;
use crate::content::kinds::book::Book;
use crate::content::kinds::calendar_item::CalendarItem;
use crate::content::kinds::conversation_round::ConversationRound;
use crate::content::kinds::discussion::Discussion;
use crate::content::kinds::dossier::Dossier;
use crate::content::kinds::download::Download;
use crate::content::kinds::news_item::NewsItem;
use crate::content::kinds::newsletter::Newsletter;
use crate::content::kinds::page::Page;
use crate::content::kinds::photo_album::PhotoAlbum;
use crate::content::kinds::sign_up_form::SignUpForm;
use crate::content::kinds::survey::{Question, QuestionKind, Survey};
use crate::db::{Conn, Sql};
use crate::error::Error;
use crate::groups::store::CompositionCache;
use crate::scope::Scope;

/// For whom an item is, by external ids.
#[derive(Clone, Copy, Default)]
struct For {
    everyone: bool,
    organization: bool,
    staff: bool,
    groups: &'static [&'static str],
}

const EVERYONE: For = For { everyone: true, organization: false, staff: false, groups: &[] };
const ORGANIZATION: For = For { everyone: false, organization: true, staff: false, groups: &[] };
const STAFF: For = For { everyone: false, organization: false, staff: true, groups: &[] };

const fn groups(groups: &'static [&'static str]) -> For {
    For { everyone: false, organization: false, staff: false, groups }
}

type Item = (&'static str, For, &'static str, Details);

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What there is, the oldest first.
fn items(now: NaiveDateTime) -> Vec<Item> {
    let mut items = for_the_school(now);
    items.extend(for_the_association(now));
    items.extend(for_the_tenants(now));
    items
}

fn for_the_school(now: NaiveDateTime) -> Vec<Item> {
    let in_days = |days: i64| now + Duration::days(days);
    vec![
        (
            "DEMO-SCHOOL",
            EVERYONE,
            "Welkom bij De Driehoek",
            Details::Page(Page {
                slug: some("welkom"),
                body: "Een school voor kinderen van vier tot twaalf jaar.".to_owned(),
            }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-GROEP-2"]),
            "Naar de kinderboerderij",
            Details::PhotoAlbum(PhotoAlbum { description: some("De foto's van groep 2, alleen voor groep 2.") }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-GROEP-2"]),
            "Jip en Janneke",
            Details::Book(Book {
                author: some("Annie M.G. Schmidt"),
                isbn: some("9789062657681"),
                description: some("We lezen elke dag een verhaaltje."),
                ..Book::default()
            }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-ONDERBOUW"]),
            "Lampionoptocht",
            Details::Activity(Activity {
                starts_at: Some(in_days(10)),
                ends_at: Some(in_days(10) + Duration::hours(2)),
                location: some("Schoolplein"),
                organizer: some("Ouderraad"),
                description: some("Neem een warme jas mee."),
            }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-GROEP-1", "SCH-GROEP-2"]),
            "Gespreksronde",
            Details::ConversationRound(ConversationRound {
                description: some("Tien minuten over hoe het gaat."),
                booking_closes_at: Some(in_days(14)),
                ..ConversationRound::default()
            }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-HELE-SCHOOL"]),
            "Studiedag: alle kinderen vrij",
            Details::CalendarItem(CalendarItem { starts_at: in_days(21), all_day: true, ..CalendarItem::default() }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-MR"]),
            "Vergaderstukken medezeggenschapsraad",
            Details::Dossier(Dossier { description: some("Agenda, notulen en bijlagen.") }),
        ),
        ("DEMO-SCHOOL", STAFF, "Rooster invallers", Details::Download(Download { description: None })),
        (
            "DEMO-SCHOOL",
            ORGANIZATION,
            "Tevredenheid over de overblijf",
            Details::Survey(Survey {
                anonymous: true,
                questions: vec![
                    Question {
                        text: "Hoe tevreden bent u?".to_owned(),
                        kind: QuestionKind::Scale,
                        options: Vec::new(),
                        required: true,
                    },
                    Question {
                        text: "Wat kan beter?".to_owned(),
                        kind: QuestionKind::Text,
                        options: Vec::new(),
                        required: false,
                    },
                ],
                ..Survey::default()
            }),
        ),
        (
            "DEMO-SCHOOL",
            groups(&["SCH-GROEP-2"]),
            "Luizencontrole",
            Details::NewsItem(NewsItem { summary: None, body: "Maandag kammen de hulpouders in groep 2.".to_owned() }),
        ),
    ]
}

fn for_the_association(now: NaiveDateTime) -> Vec<Item> {
    vec![
        (
            "DEMO-VER",
            groups(&["VER-NIEUWSBRIEF"]),
            "Nieuwsbrief van de maand",
            Details::Newsletter(Newsletter {
                summary: some("Moestuin, repaircafé en de ledenvergadering"),
                body: "Beste leden, er is weer veel te doen.".to_owned(),
            }),
        ),
        (
            "DEMO-VER",
            groups(&["VER-VRIJWILLIGERS"]),
            "Vrijwilligersdag",
            Details::SignUpForm(SignUpForm {
                description: some("Met de boot naar het eiland."),
                places: Some(12),
                closes_at: Some(now + Duration::days(30)),
                ..SignUpForm::default()
            }),
        ),
        (
            "DEMO-VER",
            groups(&["VER-TUIN"]),
            "Wat zaaien we dit jaar?",
            Details::Discussion(Discussion { description: some("Ideeën voor de moestuin."), closed: false }),
        ),
    ]
}

fn for_the_tenants(now: NaiveDateTime) -> Vec<Item> {
    vec![
        (
            "DEMO-HUUR",
            groups(&["HUUR-C101"]),
            "Renovatie Seringenflat",
            Details::Dossier(Dossier { description: some("Planning en tekeningen, voor wie er woont.") }),
        ),
        (
            "DEMO-HUUR",
            groups(&["HUUR-BEWONERS"]),
            "Bewonersavond",
            Details::CalendarItem(CalendarItem {
                starts_at: now + Duration::days(8),
                ends_at: Some(now + Duration::days(8) + Duration::hours(2)),
                location: some("Buurthuis"),
                ..CalendarItem::default()
            }),
        ),
    ]
}

/// Makes and publishes the content of the demo, unless there is content already.
///
/// # Errors
/// What the database answers.
pub fn fill(conn: &mut Conn, scope: &Scope) -> Result<(), Error> {
    let there = Sql::new("SELECT COUNT(*) FROM content").first::<BigInt, i64>(conn)?.unwrap_or_default();
    if there > 0 {
        return Ok(());
    }
    let cache = CompositionCache::default();
    let items = items(scope.instant());
    // Each a minute after the one before, so that the feed has an order.
    let first = scope.now - Duration::minutes(i64::try_from(items.len()).unwrap_or(0));
    for (n, (organization, audience, title, details)) in items.into_iter().enumerate() {
        let at = first + Duration::minutes(i64::try_from(n).unwrap_or(0));
        let scope = Scope { now: at, ..scope.clone() };
        let organization_id = find(conn, "participants", organization)?;
        let wanted = Wanted { title: title.to_owned(), details, organization_id: Some(organization_id) };
        let id = commands::create(conn, &scope, &cache, &wanted)?;
        let groups = audience.groups.iter().map(|group| find(conn, "groups", group)).collect::<Result<_, _>>()?;
        let availability = Availability {
            everyone: audience.everyone,
            organization: audience.organization,
            staff: audience.staff,
            groups,
            participants: Vec::new(),
        };
        commands::publish(conn, &scope, &cache, id, &availability, None)?;
    }
    Ok(())
}

fn find(conn: &mut Conn, table: &'static str, external_id: &str) -> Result<i64, Error> {
    let sql = Sql::new("SELECT id FROM ").text(table).text(" WHERE external_id = ").string(external_id);
    sql.first::<BigInt, i64>(conn)?.ok_or_else(|| Error::internal(format!("{external_id} is not in the demo")))
}
