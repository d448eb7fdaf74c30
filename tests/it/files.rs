//! Files of content: sending, fetching, and who may.

use std::io::Cursor;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use chrono::Duration;
use http_body_util::BodyExt;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kring::id::{self, Kind};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::content::{School, make, person, publish};
use crate::harness::{RUNTIME, World, both, now, text};

const FEED: &str = include_str!("operations/feed.graphql");
const PDF: &[u8] = b"%PDF-1.7\nNotulen van de vergadering\n%%EOF";

struct Answer {
    status: u16,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {:?}", self.bytes))
    }

    fn code(&self) -> String {
        text(&self.json()["errors"][0]["extensions"]["code"])
    }
}

fn send(world: &World, request: Request<Body>) -> Answer {
    RUNTIME.block_on(async {
        let response = world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
    })
}

/// Sends a document under a name, and answers with its identifier.
pub fn upload_document(world: &World, token: &str, item: &str, name: &str) -> String {
    let sent = upload(world, Some(token), item, &format!("name={name}.pdf"), "application/pdf", PDF);
    assert_eq!(sent.status, 201, "{:?}", sent.bytes);
    text(&sent.json()["id"])
}

fn upload(
    world: &World,
    token: Option<&str>,
    item: &str,
    query: &str,
    media_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::post(format!("/content/{item}/files?{query}")).header("content-type", media_type);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(world, request.body(body.into()).unwrap())
}

fn get(world: &World, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(url), |request, (name, value)| request.header(*name, *value));
    send(world, request.body(Body::empty()).unwrap())
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 90]));
    DynamicImage::from(image).write_with_encoder(JpegEncoder::new(&mut bytes)).unwrap();
    bytes
}

/// A photo with what a camera writes: that it was held upright, and where it was taken.
fn from_a_camera(width: u32, height: u32) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(b"GPS 52.0907 N 5.1214 E");
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
    bytes.extend_from_slice(&u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    bytes.extend_from_slice(&exif);
    bytes.extend_from_slice(&jpeg(width, height)[2..]);
    bytes
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// How many objects there are.
fn objects(world: &World) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(world.store.path())
}

/// Waits until what was begun is cleared away.
fn settled(world: &World, expected: usize) {
    for _ in 0..100 {
        if objects(world) == expected && world.rows("doomed_objects") == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!((objects(world), world.rows("doomed_objects")), (expected, 0));
}

/// A dossier for the class, with one document, and the address under which a viewer finds that.
fn dossier(world: &World, school: &School) -> (String, String) {
    let token = school.administrator(world);
    let item = make(world, &token, json!({ "dossier": { "title": "Notulen" } }));
    publish(world, &token, &item, json!({ "groupIds": [school.class] }));
    let sent = upload(world, Some(&token), &item, "name=notulen.pdf&caption=Maart", "application/pdf", PDF);
    assert_eq!(sent.status, 201, "{:?}", sent.bytes);
    (item, text(&sent.json()["id"]))
}

fn url(world: &World, token: &str, item: &str) -> Option<String> {
    let query = "query($id: ID!) { content(id: $id) { ... on Dossier { documents { url } } ... on PhotoAlbum { photos { url } } } }";
    let found = world.data_as(token, query, json!({ "id": item }));
    let files = found["content"].as_object()?.values().next()?.clone();
    files[0]["url"].as_str().map(ToOwned::to_owned)
}

both! {
    fn a_document_is_sent_listed_and_fetched(world) {
        let school = School::new(world);
        let (item, file) = dossier(world, &school);
        let mother = person(world, &school.mother);
        let query = "query($id: ID!) { content(id: $id) { ... on Dossier { documents { id name mediaType size caption width height url previewUrl createdAt } } } }";
        let listed = world.data_as(&mother, query, json!({ "id": item }))["content"]["documents"][0].clone();
        let url = text(&listed["url"]);
        assert!(url.starts_with(&format!("/files/{file}?key=")), "{url}");
        assert_eq!(listed, json!({ "id": file, "name": "notulen.pdf", "mediaType": "application/pdf", "size": PDF.len(), "caption": "Maart",
            "width": null, "height": null, "url": url, "previewUrl": null, "createdAt": "2026-09-15T10:00:00Z" }));
        for found in [get(world, &url, &[]), get(world, &format!("/files/{file}"), &[("authorization", &bearer(&mother))])] {
            assert_eq!((found.status, &found.bytes[..]), (200, PDF));
            for (name, value) in [("content-type", "application/pdf"), ("x-content-type-options", "nosniff"), ("accept-ranges", "bytes"),
                ("content-length", &PDF.len().to_string()), ("cache-control", "private, no-cache"),
                ("content-security-policy", "default-src 'none'; sandbox"),
                ("content-disposition", "attachment; filename=\"notulen.pdf\"; filename*=UTF-8''notulen.pdf")] {
                assert_eq!(found.header(name), value, "{name}");
            }
        }
        let tag = get(world, &url, &[]).header("etag").to_owned();
        assert_eq!(get(world, &url, &[("if-none-match", &tag)]).status, 304);
        let part = get(world, &url, &[("range", "bytes=0-3")]);
        assert_eq!((part.status, &part.bytes[..], part.header("content-range")), (206, &b"%PDF"[..], &*format!("bytes 0-3/{}", PDF.len())));
        let rest = get(world, &url, &[("range", "bytes=-5"), ("if-range", &tag)]);
        assert_eq!((rest.status, &rest.bytes[..]), (206, &b"%%EOF"[..]));
        assert_eq!(get(world, &url, &[("range", "bytes=0-3"), ("if-range", "\"another\"")]).status, 200);
        let beyond = get(world, &url, &[("range", "bytes=4000-")]);
        assert_eq!((beyond.status, beyond.header("content-range")), (416, &*format!("bytes */{}", PDF.len())));
        let head = send(world, Request::head(&url).body(Body::empty()).unwrap());
        assert_eq!((head.status, head.bytes.len(), head.header("content-length")), (200, 0, &*PDF.len().to_string()));
        assert_eq!(get(world, &format!("/files/{file}/preview"), &[("authorization", &bearer(&mother))]).status, 404);
        settled(world, 1);
    }

    /// K2, K3: a file is seen by whoever sees its item, for as long as they do, whatever address they hold.
    fn k2_a_file_is_seen_as_long_as_its_item(world) {
        let school = School::new(world);
        let (item, file) = dossier(world, &school);
        let [mother, stranger] = [&school.mother, &school.stranger].map(|id| person(world, id));
        let hers = url(world, &mother, &item).unwrap();
        assert_eq!(get(world, &hers, &[]).status, 200);
        let nothing = get(world, &format!("/files/{}", id::encode(Kind::ContentFile, 4_711)), &[("authorization", &bearer(&stranger))]);
        assert_eq!((nothing.status, nothing.code().as_str()), (404, "NOT_FOUND"));
        for token in [Some(stranger), Some(school.staff(world)), None] {
            let header = token.as_deref().map(bearer);
            let headers: Vec<(&str, &str)> = header.iter().map(|value| ("authorization", value.as_str())).collect();
            let refused = get(world, &format!("/files/{file}"), &headers);
            assert_eq!((refused.status, &refused.bytes), (404, &nothing.bytes), "as if there were none");
            assert!(token.is_none_or(|token| url(world, &token, &item).is_none()));
        }
        world.end(&school.membership, "2026-09-15");
        assert_eq!(get(world, &hers, &[]).status, 404, "the address holds, the membership does not");
    }

    fn an_address_opens_one_thing_for_one_viewer_for_a_while(world) {
        let mut world = if world.is_postgres() { World::postgres() } else { World::sqlite() };
        let school = School::new(&world);
        let ((item, file), (_, other)) = (dossier(&world, &school), dossier(&world, &school));
        let mother = person(&world, &school.mother);
        let hers = url(&world, &mother, &item).unwrap();
        let key = hers.split_once("?key=").unwrap().1.to_owned();
        assert_eq!(get(&world, &format!("/files/{other}?key={key}"), &[]).status, 404, "of another file");
        let forged = format!("{}x", &key[..key.len() - 1]);
        for wrong in [forged.as_str(), "", "x", &mother, &key[..key.len() / 2]] {
            assert_eq!(get(&world, &format!("/files/{file}?key={wrong}"), &[]).status, 404, "{wrong}");
        }
        // It is no token.
        let query = json!({ "query": "{ viewer { participant { id } } }" }).to_string();
        let (status, _) = RUNTIME.block_on(world.send(World::post(Some(&key), query)));
        assert_eq!(status, 401);
        assert_eq!(get(&world, &format!("/files/{file}"), &[("authorization", &bearer(&key))]).status, 401);
        for (minutes, status) in [(59, 200), (121, 404)] {
            world.turn_clock(now() + Duration::minutes(minutes), chrono_tz::Europe::Amsterdam);
            assert_eq!(get(&world, &hers, &[]).status, status, "after {minutes} minutes");
        }
    }

    fn who_may_send_what(world) {
        let school = School::new(world);
        let (item, file) = dossier(world, &school);
        let token = school.administrator(world);
        let page = make(world, &token, json!({ "survey": { "title": "x", "questions": [{ "text": "?", "kind": "TEXT" }] } }));
        let album = make(world, &token, json!({ "photoAlbum": { "title": "Zee" } }));
        let send = |token: Option<&str>, item: &str, media_type: &str, body: Vec<u8>| {
            let refused = upload(world, token, item, "name=x.pdf", media_type, body);
            (refused.status, refused.code())
        };
        let [mother, stranger] = [&school.mother, &school.stranger].map(|id| person(world, id));
        let never = id::encode(Kind::Content, 999);
        for (token, item, media_type, body, status, code) in [
            (None, &item, "application/pdf", PDF.to_vec(), 401, "UNAUTHENTICATED"),
            (Some("x"), &item, "application/pdf", PDF.to_vec(), 401, "UNAUTHENTICATED"),
            (Some(mother.as_str()), &item, "application/pdf", PDF.to_vec(), 403, "FORBIDDEN"),
            (Some(stranger.as_str()), &item, "application/pdf", PDF.to_vec(), 404, "NOT_FOUND"),
            (Some(token.as_str()), &never, "application/pdf", PDF.to_vec(), 404, "NOT_FOUND"),
            (Some(token.as_str()), &school.class, "application/pdf", PDF.to_vec(), 404, "NOT_FOUND"),
            (Some(token.as_str()), &page, "application/pdf", PDF.to_vec(), 409, "WRONG_KIND"),
            (Some(token.as_str()), &item, "application/x-msdownload", b"MZ".to_vec(), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (Some(token.as_str()), &item, "application/pdf", b"<script>".to_vec(), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (Some(token.as_str()), &item, "text/html", b"<p>".to_vec(), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (Some(token.as_str()), &item, "text/plain", vec![b'a'; 300_001], 413, "PAYLOAD_TOO_LARGE"),
            (Some(token.as_str()), &album, "image/jpeg", PDF.to_vec(), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (Some(token.as_str()), &album, "image/jpeg", vec![0; 3_000_001], 413, "PAYLOAD_TOO_LARGE"),
        ] {
            assert_eq!(send(token, item, media_type, body), (status, code.to_owned()), "{media_type} to {item}");
        }
        assert_eq!(upload(world, Some(&token), &item, "name=x.txt", "text/plain", vec![b'a'; 300_000]).status, 201);
        for (token, code) in [(&mother, "FORBIDDEN"), (&stranger, "NOT_FOUND")] {
            assert_eq!(world.refused_as(token, "deleteContentFile", json!({ "fileId": file })), [code]);
            assert_eq!(world.refused_as(token, "updateContentFile", json!({ "fileId": file, "name": "x" })), [code]);
        }
        settled(world, 2);
        assert_eq!(world.rows("content_files"), 2);
    }

    fn an_upload_that_breaks_off_leaves_nothing(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "dossier": { "title": "Notulen" } }));
        // It ends with an error half way, after more than is held in memory.
        let pieces = (0..200).map(|n| if n < 199 { Ok(Bytes::from(vec![b'a'; 1_000])) } else { Err(std::io::Error::other("gone")) });
        let broken = Body::from_stream(futures_util::stream::iter(pieces));
        assert_eq!(upload(world, Some(&token), &item, "name=x.txt", "text/plain", broken).status, 400);
        settled(world, 0);
        // Its sender vanishes, and the gateway drops the request.
        let endless = Body::from_stream(futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 500])), ()))
        }));
        let request = Request::post(format!("/content/{item}/files?name=x.txt")).header("content-type", "text/plain")
            .header("authorization", bearer(&token)).body(endless).unwrap();
        RUNTIME.block_on(async {
            let sending = world.router.clone().oneshot(request);
            assert!(tokio::time::timeout(std::time::Duration::from_millis(300), sending).await.is_err());
        });
        settled(world, 0);
        assert_eq!(world.rows("content_files"), 0);
    }

    fn names_are_made_safe(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "dossier": { "title": "Notulen" } }));
        for (name, safe, header) in [
            ("..%2F..%2Fetc%2Fpasswd", "passwd", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd"),
            ("a%0D%0ASet-Cookie%3A%20x%22.txt", "aSet-Cookie x.txt", "attachment; filename=\"aSet-Cookie x.txt\"; filename*=UTF-8''aSet-Cookie%20x.txt"),
            ("%E2%82%AC%20caf%C3%A9.pdf", "€ café.pdf", "attachment; filename=\"_ caf_.pdf\"; filename*=UTF-8''%E2%82%AC%20caf%C3%A9.pdf"),
            ("", "file", "attachment; filename=\"file\"; filename*=UTF-8''file"),
        ] {
            let sent = upload(world, Some(&token), &item, &format!("name={name}"), "application/pdf", PDF);
            assert_eq!((sent.status, &sent.json()["name"]), (201, &json!(safe)));
            let found = get(world, sent.json()["url"].as_str().unwrap(), &[]);
            assert_eq!(found.header("content-disposition"), header);
        }
    }

    fn photos_lose_what_the_camera_wrote_and_get_a_smaller_rendition(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "photoAlbum": { "title": "Zee" } }));
        publish(world, &token, &item, json!({ "groupIds": [school.class] }));
        let photo = from_a_camera(800, 600);
        assert!(holds(&photo, b"GPS 52"));
        let sent = upload(world, Some(&token), &item, "name=IMG_1.JPEG&caption=Strand", "image/jpeg", photo);
        assert_eq!(sent.status, 201, "{:?}", sent.bytes);
        let mother = person(world, &school.mother);
        let query = "query($id: ID!) { content(id: $id) { ... on PhotoAlbum { photos { name mediaType width height url previewUrl } } } }";
        let shown = world.data_as(&mother, query, json!({ "id": item }))["content"]["photos"][0].clone();
        assert_eq!((&shown["name"], &shown["mediaType"], &shown["width"], &shown["height"]), (&json!("IMG_1.jpg"), &json!("image/jpeg"), &json!(600), &json!(800)));
        let large = get(world, shown["url"].as_str().unwrap(), &[]);
        let small = get(world, shown["previewUrl"].as_str().unwrap(), &[]);
        for (found, width, height) in [(&large, 600, 800), (&small, 360, 480)] {
            assert_eq!(found.status, 200);
            assert!(!holds(&found.bytes, b"GPS") && !holds(&found.bytes, b"Exif"));
            assert!(found.header("content-disposition").starts_with("inline"));
            let image = image::load_from_memory(&found.bytes).unwrap();
            assert_eq!((image.width(), image.height()), (width, height));
        }
        assert_eq!(get(world, &format!("/files/{}/preview", text(&sent.json()["id"])), &[]).status, 404);
        // The document that clients send, word for word.
        let feed = world.data_as(&mother, FEED, json!({ "first": 5, "kinds": ["PHOTO_ALBUM", "BOOK"] }));
        let photos = &feed["viewer"]["feed"]["edges"][0]["node"]["photos"];
        assert_eq!((&photos[0]["caption"], photos[0]["url"].is_string()), (&json!("Strand"), true));
        settled(world, 2);
    }

    fn hostile_pictures_are_refused_and_survived(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let item = make(world, &token, json!({ "photoAlbum": { "title": "Zee" } }));
        let whole = jpeg(300, 200);
        let mut png = Vec::new();
        DynamicImage::from(RgbImage::new(40, 30)).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        // It says that it is 60,000 pixels wide and high.
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
        for (what, bytes) in [("nothing", Vec::new()), ("a header", whole[..20].to_vec()), ("half a PNG", png[..png.len() / 2].to_vec()), ("a bomb", bomb), ("a GIF", gif), ("a script", svg), ("noise", (0..5_000_u32).map(|n| (n * 7_919 % 251) as u8).collect())] {
            let refused = upload(world, Some(&token), &item, "name=x.jpg", "image/jpeg", bytes);
            assert_eq!((refused.status, refused.code().as_str()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{what}");
        }
        for seed in 0..60_usize {
            let mut broken = whole.clone();
            for n in 0..8 {
                let at = (seed * 131 + n * 977) % broken.len();
                broken[at] = broken[at].wrapping_add((seed * 31 + n) as u8 | 1);
            }
            assert!([201, 413, 415].contains(&upload(world, Some(&token), &item, "name=x.jpg", "image/jpeg", broken).status));
        }
        // A picture that is a page as well is given as a picture made anew.
        let mut both = whole;
        both.extend_from_slice(b"<html><script>alert(1)</script>");
        let sent = upload(world, Some(&token), &item, "name=x.html", "text/html", both);
        let found = get(world, sent.json()["url"].as_str().unwrap(), &[]);
        assert_eq!((found.header("content-type"), sent.json()["name"].as_str()), ("image/jpeg", Some("x.jpg")));
        assert!(!holds(&found.bytes, b"script"));
    }

    fn files_are_renamed_arranged_and_deleted(world) {
        let school = School::new(world);
        let (item, first) = dossier(world, &school);
        let token = school.administrator(world);
        let second = text(&upload(world, Some(&token), &item, "name=b.pdf", "application/pdf", PDF).json()["id"]);
        let changed = world.done_as(&token, "updateContentFile", "file { name caption }", json!({ "fileId": second, "name": "a/agenda.pdf", "caption": "Agenda", "position": 1 }));
        assert_eq!(changed["file"], json!({ "name": "agenda.pdf", "caption": "Agenda" }));
        let query = "query($id: ID!) { content(id: $id) { ... on Dossier { documents { id } } history(first: 1) { edges { node { changes { field before after } } } } } }";
        let found = world.data_as(&token, query, json!({ "id": item }));
        assert_eq!(found["content"]["documents"], json!([{ "id": second }, { "id": first }]));
        assert_eq!(found["content"]["history"]["edges"][0]["node"]["changes"], json!([{ "field": "file", "before": "b.pdf", "after": "agenda.pdf" }]));
        let address = format!("/files/{first}");
        let deleted = world.done_as(&token, "deleteContentFile", "deletedId", json!({ "fileId": first }));
        assert_eq!(deleted["deletedId"], json!(first));
        assert_eq!(get(world, &address, &[("authorization", &bearer(&token))]).status, 404);
        assert_eq!((objects(world), world.rows("doomed_objects")), (2, 1));
        let swept = |world: &World| RUNTIME.block_on(kring::http::files::sweep(&world.gateway)).unwrap();
        assert_eq!((swept(world), swept(world)), (1, 0));
        settled(world, 1);
    }

    fn what_takes_place_goes_into_other_calendars(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let input = json!({ "calendarItem": { "title": "Ouderavond, hal", "startsAt": "2026-10-01T19:30:00+02:00", "location": "Hal" } });
        let item = make(world, &token, input);
        publish(world, &token, &item, json!({ "groupIds": [school.class] }));
        let mother = person(world, &school.mother);
        let query = "query($id: ID!) { content(id: $id) { ... on CalendarItem { iCalendar iCalendarUrl } } }";
        let found = world.data_as(&mother, query, json!({ "id": item }))["content"].clone();
        let calendar = get(world, found["iCalendarUrl"].as_str().unwrap(), &[]);
        assert_eq!((calendar.status, calendar.header("content-type")), (200, "text/calendar; charset=utf-8"));
        assert_eq!(found["iCalendar"], String::from_utf8(calendar.bytes.to_vec()).unwrap());
        assert!(holds(&calendar.bytes, b"SUMMARY:Ouderavond\\, hal\r\n") && holds(&calendar.bytes, b"DTSTART:20261001T173000Z\r\n"));
        assert_eq!(get(world, &format!("/calendar/{item}.ics"), &[]).status, 404);
        assert_eq!(get(world, &format!("/calendar/{item}"), &[("authorization", &bearer(&person(world, &school.stranger)))]).status, 404);
    }

    fn what_everybody_sees_needs_no_key(world) {
        let school = School::new(world);
        let (item, file) = dossier(world, &school);
        publish(world, &school.administrator(world), &item, json!({ "everyone": true }));
        let found = world.ask_as(None, "query($id: ID!) { content(id: $id) { ... on Dossier { documents { url } } } }", json!({ "id": item }));
        assert_eq!(found["data"]["content"]["documents"][0]["url"], format!("/files/{file}"));
        assert_eq!(get(world, &format!("/files/{file}"), &[]).status, 200);
    }

    fn photos_of_many_albums_take_one_statement(world) {
        let school = School::new(world);
        let token = school.administrator(world);
        let spent = |query: &str| {
            let before = world.db.statements();
            world.data_as(&token, query, json!({}));
            world.db.statements() - before
        };
        for _ in 0..4 {
            dossier(world, &school);
        }
        let without = spent("{ contents(first: 50) { edges { node { title } } } }");
        assert_eq!(spent("{ contents(first: 50) { edges { node { title ... on Dossier { documents { url } } } } } }"), without + 1);
    }
}
