//! Photos, made fit to be shown: turned upright, not larger than needed, and without anything that the camera wrote into
//! them. Where a photo of children was taken is nobody's business.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::burden;

/// The longest side of a photo, in pixels.
pub const LARGE: u32 = 2_560;
/// The longest side of the smaller rendition, in pixels.
pub const SMALL: u32 = 480;
/// The longest side of what is accepted, in pixels.
const ACCEPTED: u32 = 16_000;
/// The most memory for what a file holds besides the picture, in bytes.
const BESIDES: u64 = 8 * 1024 * 1024;
const QUALITY: u8 = 85;

/// A photo as it is kept.
#[derive(Debug)]
pub struct Photo {
    pub bytes: Vec<u8>,
    pub preview: Vec<u8>,
    pub media_type: &'static str,
    pub extension: &'static str,
    pub width: u32,
    pub height: u32,
}

/// Why something is no photo that is accepted; in words for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Unreadable,
    /// It has too many pixels, so many.
    TooLarge(u64),
}

impl Refusal {
    /// What is wrong, in a sentence.
    pub fn message(self) -> String {
        match self {
            Self::Unreadable => "This is not a photo that can be read; JPEG, PNG and WebP are accepted.".to_owned(),
            Self::TooLarge(pixels) => format!(
                "This photo has {} million pixels, which takes too much memory to read. Send it smaller: 25 million pixels are \
                 accepted of an ordinary JPEG, 12 million of every kind of photo.",
                pixels.div_ceil(1_000_000)
            ),
        }
    }
}

impl From<image::ImageError> for Refusal {
    fn from(_: image::ImageError) -> Self {
        Self::Unreadable
    }
}

/// Reads a photo (JPEG, PNG or WebP) and makes what is kept of it. It takes a while and must not run where others wait.
///
/// # Errors
/// What is wrong with it.
pub fn prepare(bytes: &[u8]) -> Result<Photo, Refusal> {
    let mut image = read(bytes)?;
    // What can be seen through stays so, which JPEG cannot hold.
    let opaque = !image.color().has_alpha();
    image = if opaque { image.into_rgb8().into() } else { image.into_rgba8().into() };
    let (media_type, extension) = if opaque { ("image/jpeg", "jpg") } else { ("image/png", "png") };
    let (width, height) = (image.width(), image.height());
    let preview = encode(&fitted(&image, SMALL).unwrap_or_else(|| image.clone()), opaque)?;
    Ok(Photo { bytes: encode(&image, opaque)?, preview, media_type, extension, width, height })
}

/// The photo upright and no larger than needed.
fn read(bytes: &[u8]) -> Result<DynamicImage, Refusal> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| Refusal::Unreadable)?;
    let format =
        reader.format().filter(|format| matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP));
    let format = format.ok_or(Refusal::Unreadable)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (None, None);
    limits.max_alloc = Some(BESIDES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let smaller = u64::from(LARGE) * u64::from(LARGE);
    if width.max(height) > ACCEPTED || burden::of(bytes, format, &decoder, smaller) > burden::MOST {
        return Err(Refusal::TooLarge(u64::from(width) * u64::from(height)));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder)?;
    // Made smaller first: to turn it takes as much memory once more.
    let mut image = fitted(&whole, LARGE).unwrap_or(whole);
    image.apply_orientation(orientation);
    Ok(image)
}

/// A smaller one whose longest side is as given; none if it is as small already. Each of its pixels is the mean of those that
/// it takes the place of, which needs no memory besides.
fn fitted(image: &DynamicImage, side: u32) -> Option<DynamicImage> {
    (image.width().max(image.height()) > side).then(|| image.thumbnail(side, side))
}

fn encode(image: &DynamicImage, opaque: bool) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    if opaque {
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    } else {
        image.write_with_encoder(PngEncoder::new(&mut bytes))?;
    }
    Ok(bytes)
}
