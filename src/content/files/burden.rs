//! How much memory it takes to read a picture, from what its first bytes say: a small file can hold a huge picture.

use image::{ImageDecoder, ImageFormat};

/// The most memory that one picture may take, in bytes.
pub const MOST: u64 = 128 * 1024 * 1024;
/// What reading takes whatever the size of a picture, and more than that.
const BASE: u64 = 4 * 1024 * 1024;

/// The bytes that it takes to read the picture and make a smaller one of it that has at most `smaller` pixels.
pub fn of(bytes: &[u8], format: ImageFormat, decoder: &impl ImageDecoder, smaller: u64) -> u64 {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let each = u64::from(decoder.color_type().bytes_per_pixel());
    let besides = match format {
        ImageFormat::Jpeg => coefficients(bytes, pixels),
        ImageFormat::WebP => pixels * in_between(bytes),
        _ => 0,
    };
    // The reader of JPEG holds the file once more. What it keeps besides the pixels is free when the smaller one is made, and
    // the large one when the smaller one is given four bytes a pixel and written.
    let input = 2 * u64::try_from(bytes.len()).unwrap_or(u64::MAX / 8);
    let smaller = pixels.min(smaller);
    BASE + input + (pixels * each + besides.max(smaller * each)).max(smaller * (each + 4))
}

/// What the reader of WebP keeps of each pixel besides the pixel itself: of a plain photo its brightness and colours, of what
/// is kept without loss the pixel with its transparency, of the others a frame, a canvas and more.
fn in_between(bytes: &[u8]) -> u64 {
    match bytes.get(12..16) {
        Some(b"VP8 ") => 2,
        Some(b"VP8L") => 5,
        _ => 9,
    }
}

/// What the reader of JPEG keeps of a picture whose parts do not come together: two bytes for each number of each part.
fn coefficients(bytes: &[u8], pixels: u64) -> u64 {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut frame = None;
    while let [0xff, marker, after @ ..] = rest {
        // Filling, and markers without a length.
        if matches!(marker, 0xff | 0x01 | 0xd0..=0xd8) {
            rest = rest.get(if *marker == 0xff { 1 } else { 2 }..).unwrap_or_default();
            continue;
        }
        let [high, low, ..] = after else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let segment = after.get(2..length.max(2)).unwrap_or_default();
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => frame = Some(Frame::read(*marker, segment)),
            0xda => return frame.map_or(pixels * 8, |frame| frame.coefficients(segment, pixels)),
            _ => {}
        }
        rest = after.get(length.max(2)..).unwrap_or_default();
    }
    // Whatever this is, the reader may yet make something of it.
    pixels * 8
}

/// What the header of a JPEG says of its parts.
struct Frame {
    progressive: bool,
    parts: usize,
    /// How many numbers there are for each pixel, in sixteenths.
    density: u64,
}

impl Frame {
    fn read(marker: u8, segment: &[u8]) -> Self {
        let factors: Vec<(u64, u64)> = segment
            .get(6..)
            .unwrap_or_default()
            .chunks_exact(3)
            .filter_map(|part| part.get(1))
            .map(|factors| (u64::from(factors >> 4).clamp(1, 4), u64::from(factors & 15).clamp(1, 4)))
            .collect();
        let most = factors.iter().fold((1, 1), |(h, v), (x, y)| (h.max(*x), v.max(*y)));
        let density = factors.iter().map(|(h, v)| (16 * h * v).div_ceil(most.0 * most.1)).sum();
        Self { progressive: marker != 0xc0 && marker != 0xc1, parts: factors.len(), density }
    }

    fn coefficients(&self, scan: &[u8], pixels: u64) -> u64 {
        let together = scan.first().is_some_and(|parts| usize::from(*parts) == self.parts);
        if self.progressive || !together || self.parts > 3 { pixels * self.density.max(16) * 2 / 16 } else { 0 }
    }
}
