//! Bytes on their way to the parser: decoded to UTF-8, counted, and no more at once than is sane.

use std::fmt;
use std::io::{self, BufRead, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, WINDOWS_1252};

use super::FILE;
use crate::exchange::bundle::{At, ErrorCode};

/// How many bytes are read at a time.
const BLOCK: usize = 64 * 1024;
/// How far into the file the encoding is declared.
const HEAD: usize = 1024;
/// Most bytes of one tag or of one text between two.
const PIECE: usize = 64 * 1024;

/// Why a file cannot be read any further.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

/// The text of a file as UTF-8, piece by piece.
pub(super) struct Input<R> {
    source: R,
    /// What was read and not decoded yet: the part of `raw` from the first index to the second.
    raw: Vec<u8>,
    pending: (usize, usize),
    ended: bool,
    decoder: Option<Decoder>,
    /// Whether the decoder has given out all that it ever will.
    finished: bool,
    /// What was decoded and not consumed yet.
    text: Vec<u8>,
    ready: (usize, usize),
    /// What comes after that.
    fault: Option<Fault>,
    bytes: u64,
    limit: u64,
    line: u64,
    column: u64,
    /// How many bytes of the present piece were consumed.
    piece: usize,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self {
            source,
            raw: vec![0; BLOCK],
            pending: (0, 0),
            ended: false,
            decoder: None,
            finished: false,
            // The largest that a block grows to: every byte of Windows-1252 takes at most three.
            text: vec![0; 3 * BLOCK],
            ready: (0, 0),
            fault: None,
            bytes: 0,
            limit,
            line: 1,
            column: 1,
            piece: 0,
        }
    }

    /// The place of what is consumed next.
    pub(super) fn at(&self) -> At {
        At { file: FILE, line: self.line, column: self.column }
    }

    /// Begins another piece.
    pub(super) fn next_piece(&mut self) {
        self.piece = 0;
    }

    /// Reads until the buffer holds `wanted` bytes or the file ends.
    fn read_raw(&mut self, wanted: usize) -> io::Result<()> {
        while !self.ended && self.pending.1 < wanted {
            let free = self.raw.get_mut(self.pending.1..).unwrap_or_default();
            match self.source.read(free) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.pending.1 += read;
                    self.bytes += read as u64;
                    if self.bytes > self.limit {
                        let message = format!("the file is larger than the {} MB allowed", self.limit >> 20);
                        return Err(Fault::new(ErrorCode::FileTooLarge, message).into());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let message = format!("the file cannot be read: {error}");
                    return Err(Fault::new(ErrorCode::FileUnreadable, message).into());
                }
            }
        }
        Ok(())
    }

    fn undecoded(&self) -> &[u8] {
        self.raw.get(self.pending.0..self.pending.1).unwrap_or_default()
    }

    /// Finds out the encoding from the first bytes.
    fn open(&mut self) -> io::Result<()> {
        self.read_raw(HEAD)?;
        let head = self.undecoded();
        let (encoding, mark) = encoding_of(head)?;
        self.pending.0 += mark;
        self.decoder = Some(encoding.new_decoder_without_bom_handling());
        Ok(())
    }

    /// Decodes the next block. What comes before a byte that is not text is handed out first, so that its place is known.
    fn decode(&mut self) -> io::Result<()> {
        if self.decoder.is_none() {
            self.open()?;
        }
        if self.pending.0 == self.pending.1 {
            self.pending = (0, 0);
            self.read_raw(1)?;
        }
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        let source = self.raw.get(self.pending.0..self.pending.1).unwrap_or_default();
        let last = self.ended;
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(source, &mut self.text, last);
        self.pending.0 += read;
        self.ready = (0, written);
        match result {
            DecoderResult::OutputFull => {}
            DecoderResult::InputEmpty => self.finished = last,
            DecoderResult::Malformed(..) => {
                self.finished = true;
                let message = "from here on the file is not UTF-8, as it says it is";
                self.fault = Some(Fault::new(ErrorCode::NotUtf8, message));
            }
        }
        Ok(())
    }
}

/// The encoding of a file that begins so, and how long its byte order mark is.
fn encoding_of(head: &[u8]) -> Result<(&'static Encoding, usize), Fault> {
    let refused = |name: &str| {
        let message = format!("the encoding {name} is not read here; write UTF-8 or ISO-8859-1");
        Fault::new(ErrorCode::UnsupportedEncoding, message)
    };
    match head {
        [0xEF, 0xBB, 0xBF, ..] => return Ok((UTF_8, 3)),
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [b'<' | 0, 0, ..] | [0, b'<', ..] => {
            return Err(refused("UTF-16 or UTF-32"));
        }
        _ => {}
    }
    let Some(name) = declared(head) else { return Ok((UTF_8, 0)) };
    match name.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok((UTF_8, 0)),
        "iso-8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252" => Ok((WINDOWS_1252, 0)),
        _ => Err(refused(&format!("{}", crate::exchange::bundle::Shown(&name)))),
    }
}

/// The encoding that the XML declaration names.
fn declared(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head.get(..HEAD.min(head.len()))?);
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(name, _)| name.to_owned())
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece > PIECE {
            let message = format!("there are more than {PIECE} bytes in one tag or text, which no roster has");
            return Err(Fault::new(ErrorCode::TooLong, message).into());
        }
        // A decoder may take bytes in and give nothing out yet.
        while self.ready.0 == self.ready.1 {
            if let Some(fault) = self.fault.take() {
                return Err(fault.into());
            }
            if self.finished {
                break;
            }
            self.decode()?;
        }
        Ok(self.text.get(self.ready.0..self.ready.1).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let end = self.ready.1.min(self.ready.0 + count);
        for byte in self.text.get(self.ready.0..end).unwrap_or_default() {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // Columns count characters: of those that take several bytes, the first.
                0x80..=0xBF => {}
                _ => self.column += 1,
            }
        }
        self.piece += count;
        self.ready.0 = end;
    }
}
