//! Text into markup, one piece at a time.

use std::borrow::Cow;
use std::io::Read;

use quick_xml::XmlVersion;
use quick_xml::errors::Error as XmlError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::input::{Fault, Input};
use crate::exchange::bundle::{At, ErrorCode, Shown};

/// A piece of markup.
pub(super) enum Piece<'p> {
    /// An element begins.
    Open(Tag<'p>),
    /// The innermost open element ends.
    Close,
    /// Text within it.
    Text(Cow<'p, str>),
    /// The file ends.
    End,
}

/// The first tag of an element.
pub(super) struct Tag<'p>(BytesStart<'p>);

impl Tag<'_> {
    /// The element's name without its prefix.
    pub(super) fn name(&self) -> Result<String, Fault> {
        text(self.0.local_name().as_ref()).map(ToOwned::to_owned)
    }

    /// The attributes that have no prefix, by name; those that declare namespaces are left out.
    pub(super) fn attributes(&self) -> Result<Vec<(String, String)>, Fault> {
        let mut found = Vec::new();
        for attribute in self.0.attributes() {
            let attribute = attribute.map_err(|error| malformed(&error))?;
            let name = text(attribute.key.as_ref())?;
            // The value is read all the same: an entity that nobody declared is an error wherever it stands.
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| fault(&error))?;
            if !name.contains(':') && name != "xmlns" {
                found.push((name.to_owned(), value.into_owned()));
            }
        }
        Ok(found)
    }
}

/// Reads a file piece by piece.
pub(super) struct Scanner<R> {
    reader: Reader<Input<R>>,
    buffer: Vec<u8>,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        let mut reader = Reader::from_reader(Input::new(source, limit));
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        Self { reader, buffer: Vec::new() }
    }

    /// The next piece and where it begins. Comments and processing instructions are text of no length; a document type is
    /// refused, and all that it could declare with it.
    pub(super) fn next(&mut self) -> Result<(At, Piece<'_>), (At, Fault)> {
        let at = self.reader.get_ref().at();
        self.buffer.clear();
        self.reader.get_mut().next_piece();
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err((at, fault(&error))),
        };
        piece(event).map(|piece| (at, piece)).map_err(|fault| (at, fault))
    }
}

fn piece(event: Event<'_>) -> Result<Piece<'_>, Fault> {
    Ok(match event {
        Event::Start(tag) | Event::Empty(tag) => Piece::Open(Tag(tag)),
        Event::End(_) => Piece::Close,
        Event::Text(found) => Piece::Text(found.xml10_content().map_err(|error| malformed(&error))?),
        Event::CData(found) => Piece::Text(found.xml10_content().map_err(|error| malformed(&error))?),
        Event::GeneralRef(reference) => Piece::Text(Cow::Owned(resolve(&reference)?)),
        Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Piece::Text(Cow::Borrowed("")),
        Event::DocType(_) => {
            let message = "a document type is not allowed in a roster: it could declare what is not in the file";
            return Err(Fault::new(ErrorCode::DocumentType, message));
        }
        Event::Eof => Piece::End,
    })
}

/// What a reference stands for: a character by its number, or one of the five that XML itself knows.
fn resolve(reference: &BytesRef<'_>) -> Result<String, Fault> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| fault(&error))? {
        return Ok(character.to_string());
    }
    let name = text(reference)?;
    quick_xml::escape::resolve_xml_entity(name).map(ToOwned::to_owned).ok_or_else(|| unknown_entity(name))
}

fn unknown_entity(name: &str) -> Fault {
    let message = format!("the entity {} is not declared; only &amp;, &lt;, &gt;, &quot; and &apos; are", Shown(name));
    Fault::new(ErrorCode::UnknownEntity, message)
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(ErrorCode::MalformedXml, format!("this is not well-formed XML: {}", shortened(&error.to_string())))
}

/// A message may repeat what stands in the file.
fn shortened(message: &str) -> String {
    const SHOWN: usize = 200;
    message.chars().take(SHOWN).filter(|character| !character.is_control()).collect()
}

fn fault(error: &XmlError) -> Fault {
    use quick_xml::escape::EscapeError;
    match error {
        XmlError::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()) {
            Some(fault) => Fault::new(fault.code, fault.message.clone()),
            None => Fault::new(ErrorCode::FileUnreadable, format!("the file cannot be read: {error}")),
        },
        XmlError::Escape(EscapeError::UnrecognizedEntity(_, name)) => unknown_entity(name),
        error => malformed(error),
    }
}
