//! Pictures that are small as files and huge in memory, and how much memory the others take.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, RgbImage};
use kring::content::files::burden;
use kring::content::files::photo::{LARGE, Refusal, prepare};

use crate::harness::once;
use crate::memory::peak;

fn picture(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 90])).into()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn jpeg(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 40)).unwrap();
    bytes
}

fn webp(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).unwrap();
    bytes
}

/// A JPEG that says it has other dimensions.
fn claiming(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let frame = jpeg.windows(2).position(|marker| marker[0] == 0xff && (0xc0..=0xc2).contains(&marker[1])).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// A PNG of one colour, of which no more is there than the head says; that is all that is read of it.
fn png_head(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let mut head = b"IHDR".to_vec();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([depth, colour, 0, 0, 0]);
    bytes.extend(&head);
    bytes.extend(crc(&head).to_be_bytes());
    let data = b"IDAT\x78\x9c";
    bytes.extend(2_u32.to_be_bytes());
    bytes.extend(data);
    bytes.extend(crc(data).to_be_bytes());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

fn webp_head(width: u32, height: u32) -> Vec<u8> {
    // Version 0, with transparency, and sides less one in fourteen bits each.
    let sides = (width - 1) | (height - 1) << 14 | 1 << 28;
    let mut chunk = vec![0x2f];
    chunk.extend(sides.to_le_bytes());
    chunk.extend([0; 11]);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((12 + chunk.len() as u32).to_le_bytes());
    bytes.extend(b"WEBPVP8L");
    bytes.extend((chunk.len() as u32).to_le_bytes());
    bytes.extend(chunk);
    bytes
}

fn estimate(bytes: &[u8]) -> u64 {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap();
    let format = reader.format().unwrap();
    let decoder = reader.into_decoder().unwrap();
    let _ = decoder.total_bytes();
    burden::of(bytes, format, &decoder, u64::from(LARGE * LARGE))
}

const MB: u64 = 1024 * 1024;

once! {
    fn a_picture_takes_no_more_memory_than_is_estimated() {
        let (small, large) = (picture(700, 500), picture(2_700, 600));
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("PNG", png(&large)),
            ("PNG of 16 bits", png(&DynamicImage::from(small.to_rgba16()))),
            ("PNG in gray", png(&DynamicImage::from(large.to_luma8()))),
            ("JPEG", jpeg(&large)),
            ("JPEG in gray", jpeg(&DynamicImage::from(large.to_luma8()))),
            ("progressive JPEG", include_bytes!("pictures/progressive.jpg").to_vec()),
            ("progressive JPEG in full", include_bytes!("pictures/progressive444.jpg").to_vec()),
            ("JPEG of four colours", include_bytes!("pictures/cmyk.jpg").to_vec()),
            ("WebP without loss", webp(&small)),
            ("WebP", include_bytes!("pictures/lossy.webp").to_vec()),
            ("WebP with transparency", include_bytes!("pictures/transparent.webp").to_vec()),
            ("moving WebP", include_bytes!("pictures/moving.webp").to_vec()),
        ];
        for (what, bytes) in cases {
            let (prepared, taken) = peak(|| prepare(&bytes));
            assert!(prepared.is_ok(), "{what}: {prepared:?}");
            let estimated = estimate(&bytes);
            assert!(taken <= estimated, "{what}: {taken} bytes, estimated {estimated}");
        }
    }

    fn a_small_file_with_a_huge_picture_is_refused_before_it_is_read() {
        let photo = jpeg(&picture(64, 64));
        let progressive = include_bytes!("pictures/progressive.jpg").to_vec();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("PNG", png_head(12_000, 12_000, 8, 2)),
            ("PNG of 16 bits", png_head(5_000, 4_000, 16, 6)),
            ("PNG of one bit", png_head(16_001, 10, 1, 0)),
            ("JPEG", claiming(photo.clone(), 12_000, 9_000)),
            ("JPEG of the longest sides", claiming(photo.clone(), 65_500, 65_500)),
            ("progressive JPEG", claiming(progressive, 6_000, 4_000)),
            ("WebP", webp_head(8_000, 8_000)),
        ];
        for (what, bytes) in cases {
            let (prepared, taken) = peak(|| prepare(&bytes));
            assert!(matches!(prepared, Err(Refusal::TooLarge(_))), "{what}: {prepared:?}");
            assert!(taken < 2 * MB, "{what}: {taken} bytes");
        }
        // What telephones make is read.
        for (width, height) in [(4_032, 3_024), (5_712, 4_284)] {
            assert!(estimate(&claiming(photo.clone(), width, height)) < burden::MOST, "{width} × {height}");
        }
    }
}
