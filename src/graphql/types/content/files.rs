//! Files of content, and calendars, as the graph shows them.

use async_graphql::{ID, ServerResult};

use super::ContentRow;
use crate::content::calendar;
use crate::content::files::store::{self, FileRow};
use crate::error::Error;
use crate::graphql::engine::{Entity, Exec, Field, Keyed, Link, Obj, Pick, Values, many, ty};
use crate::graphql::scalars::DateTime;
use crate::id::{self, Kind};

/// A file.
pub struct ContentFile;

/// A file, and where the viewer finds it.
#[derive(Clone)]
pub struct LinkedFile {
    row: FileRow,
    url: Option<String>,
    preview_url: Option<String>,
}

impl LinkedFile {
    fn new(exec: &Exec<'_>, row: FileRow) -> Self {
        let id = id::encode(Kind::ContentFile, row.id);
        let scope = exec.scope;
        let to = |path: String| scope.links.as_ref().map(|links| links.to(&path, &id, &scope.viewer, scope.now));
        let preview_url = row.preview_key.as_ref().and_then(|_| to(format!("/files/{id}/preview")));
        Self { url: to(format!("/files/{id}")), preview_url, row }
    }
}

const FIELDS: &[Field<ContentFile>] = &[
    Field::<ContentFile>::value("id", ty::<ID>, "The global identifier.", |file, out| {
        out.id(Kind::ContentFile, file.row.id);
    }),
    Field::<ContentFile>::value("name", ty::<String>, "The name of the file.", |file, out| out.str(&file.row.name)),
    Field::<ContentFile>::value(
        "mediaType",
        ty::<String>,
        "The media type, such as `application/pdf`.",
        |file, out| {
            out.str(&file.row.media_type);
        },
    ),
    Field::<ContentFile>::value(
        "size",
        ty::<i32>,
        "How large the file is, in bytes; the largest number of this type for files that are larger still.",
        |file, out| out.int(file.row.size.min(i32::MAX.into())),
    ),
    Field::<ContentFile>::value(
        "caption",
        ty::<Option<String>>,
        "What it shows; null when nothing is said.",
        |file, out| {
            out.opt_str(file.row.caption.as_deref());
        },
    ),
    Field::<ContentFile>::value(
        "width",
        ty::<Option<i32>>,
        "The width of a photo, in pixels; null for documents.",
        |file, out| {
            out.opt_int(file.row.width);
        },
    ),
    Field::<ContentFile>::value(
        "height",
        ty::<Option<i32>>,
        "The height of a photo, in pixels; null for documents.",
        |file, out| {
            out.opt_int(file.row.height);
        },
    ),
    Field::<ContentFile>::value(
        "url",
        ty::<Option<String>>,
        "Where you find the file. The address is yours alone and opens for an hour at least, as long as you may see the item. \
                 Null where the gateway keeps no files.",
        |file, out| out.opt_str(file.url.as_deref()),
    ),
    Field::<ContentFile>::value(
        "previewUrl",
        ty::<Option<String>>,
        "Where you find a smaller rendition of a photo, of at most 480 pixels; null for documents.",
        |file, out| out.opt_str(file.preview_url.as_deref()),
    ),
    Field::<ContentFile>::value("createdAt", ty::<DateTime>, "When it was sent.", |file, out| {
        out.instant(file.row.created_at);
    }),
];

impl Entity for ContentFile {
    const NAME: &'static str = "ContentFile";
    const DOC: &'static str =
        "A file of an item: a photo or a document. It is sent by HTTP, with `POST /content/{id}/files?name=…`.";
    type Row = LinkedFile;

    fn fields() -> &'static [Field<Self>] {
        FIELDS
    }
}

impl Keyed for ContentFile {
    fn by_ids(exec: &mut Exec<'_>, ids: &[i64], _details: bool) -> Result<Vec<LinkedFile>, Error> {
        let vision = exec.vision()?;
        let rows = store::visible(exec.conn, &vision, ids)?;
        Ok(rows.into_iter().map(|row| LinkedFile::new(exec, row)).collect())
    }

    fn key(file: &LinkedFile) -> i64 {
        file.row.id
    }
}

/// Leads from items to their files.
///
/// # Errors
/// When an argument does not fit its type.
pub fn files(pick: &Pick<'_>) -> ServerResult<Box<dyn Link<ContentRow>>> {
    many::<ContentRow, ContentFile>(
        pick,
        Box::new(|exec, rows, _| {
            let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
            let mut found = store::of_items(exec.conn, &ids)?;
            let of = |id: &i64| found.remove(id).unwrap_or_default();
            Ok(ids
                .iter()
                .map(of)
                .map(|rows| rows.into_iter().map(|row| LinkedFile::new(exec, row)).collect())
                .collect())
        }),
    )
}

/// The files of a kind that has documents beside its own fields.
pub const ATTACHMENTS: Field<super::Content> = Field::<super::Content>::link(
    "attachments",
    ty::<Vec<Obj<ContentFile>>>,
    "The documents that come along, in their order.",
    files,
);

struct Written(fn(&mut Exec<'_>, &ContentRow) -> Option<String>);

impl Link<ContentRow> for Written {
    fn follow(&self, exec: &mut Exec<'_>, rows: &[&ContentRow]) -> Result<Values, Error> {
        let mut values = Values::with_capacity(rows.len());
        for row in rows {
            let text = (self.0)(exec, row);
            values.push(|out| out.opt_str(text.as_deref()));
        }
        Ok(values)
    }
}

/// The item as a file for other calendars.
pub const I_CALENDAR: Field<super::Content> = Field::<super::Content>::link(
    "iCalendar",
    ty::<Option<String>>,
    "The item for other calendars, as iCalendar (RFC 5545); null when it is not said when it takes place.",
    |_| Ok(Box::new(Written(|exec, row| calendar::text(row, exec.scope.zone)))),
);

/// Where that file is found.
pub const I_CALENDAR_URL: Field<super::Content> = Field::<super::Content>::link(
    "iCalendarUrl",
    ty::<Option<String>>,
    "Where you find the item as iCalendar; as with files, the address is yours alone. Null when it is not said when it takes place.",
    |_| {
        Ok(Box::new(Written(|exec, row| {
            row.starts_at?;
            let (id, scope) = (id::encode(Kind::Content, row.id), exec.scope);
            let path = format!("/calendar/{id}.ics");
            scope.links.as_ref().map(|links| links.to(&path, &id, &scope.viewer, scope.now))
        })))
    },
);
