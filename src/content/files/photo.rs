//! Photos, made fit to be shown: turned upright, not larger than needed, and without anything that the camera wrote into
//! them. Where a photo of children was taken is nobody's business.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

/// The longest side of a photo, in pixels.
pub const LARGE: u32 = 2_560;
/// The longest side of the smaller rendition, in pixels.
pub const SMALL: u32 = 480;
/// The longest side of what is accepted, in pixels.
const ACCEPTED: u32 = 16_000;
/// The most memory that one photo may take while it is read, in bytes.
const MEMORY: u64 = 512 * 1024 * 1024;
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
pub type Refusal = &'static str;

/// Reads a photo (JPEG, PNG or WebP) and makes what is kept of it. It takes a while and must not run where others wait.
///
/// # Errors
/// What is wrong with it.
pub fn prepare(bytes: &[u8]) -> Result<Photo, Refusal> {
    const UNREADABLE: Refusal = "This is not a photo that can be read; JPEG, PNG and WebP are accepted.";
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| UNREADABLE)?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(UNREADABLE);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(ACCEPTED);
    limits.max_image_height = Some(ACCEPTED);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| UNREADABLE)?;
    if decoder.total_bytes() > MEMORY {
        return Err("This photo is too large to be read.");
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| UNREADABLE)?;
    image.apply_orientation(orientation);
    let image = fit(image, LARGE);
    let preview = fit(image.clone(), SMALL);
    // What can be seen through stays so, which JPEG cannot hold.
    let opaque = !image.color().has_alpha();
    let (media_type, extension) = if opaque { ("image/jpeg", "jpg") } else { ("image/png", "png") };
    let (width, height) = (image.width(), image.height());
    let encoded = |image: DynamicImage| encode(image, opaque).map_err(|_| UNREADABLE);
    Ok(Photo { bytes: encoded(image)?, preview: encoded(preview)?, media_type, extension, width, height })
}

fn fit(image: DynamicImage, side: u32) -> DynamicImage {
    if image.width() <= side && image.height() <= side {
        return image;
    }
    image.resize(side, side, FilterType::Triangle)
}

fn encode(image: DynamicImage, opaque: bool) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    if opaque {
        image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    } else {
        image.to_rgba8().write_with_encoder(PngEncoder::new(&mut bytes))?;
    }
    Ok(bytes)
}
