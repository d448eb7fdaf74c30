//! The explorer: `GraphiQL` on `GET /`, with every file it needs inside this binary.
//!
//! A school's network may let no other host through, and a token pasted into the page must not be
//! within reach of one, so nothing is loaded from elsewhere and the content security policy keeps
//! it so. The third-party files lie in `explorer/vendor/` as their makers distribute them;
//! `MANIFEST.tsv` beside them says where each comes from and `explorer/renew` fetches them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use sha2::{Digest as _, Sha256};

const PAGE: &str = include_str!("explorer/index.html");
const STYLE: &str = include_str!("explorer/explorer.css");
const SCRIPT: &str = include_str!("explorer/explorer.js");
const ICON: &str = include_str!("explorer/favicon.svg");
const NOTICES: &str = include_str!("explorer/vendor/NOTICES.txt");
const MANIFEST: &str = include_str!("explorer/vendor/MANIFEST.tsv");

/// The third-party files by their name in the manifest, which knows their releases and digests.
const VENDOR: [(&str, &[u8]); 4] = [
    ("graphiql/graphiql.min.js", include_bytes!("explorer/vendor/graphiql/graphiql.min.js")),
    ("graphiql/graphiql.min.css", include_bytes!("explorer/vendor/graphiql/graphiql.min.css")),
    ("react/react.production.min.js", include_bytes!("explorer/vendor/react/react.production.min.js")),
    ("react-dom/react-dom.production.min.js", include_bytes!("explorer/vendor/react-dom/react-dom.production.min.js")),
];

/// Only this server, and from it only what `GraphiQL` uses: no inline script, no `eval`, no image
/// that a description in the schema points to.
///
/// The digest is that of the one style element `GraphiQL` inserts, which stops the page from
/// scrolling behind a dialog. A release that inserts another one shows in the browser test.
/// Fonts and a few icons are data URIs in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-nzTgYzXYDNe6BAHiiI7NNlfK8n/auuOAhh2t92YvuXo='; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For paths that name a release: their content never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// For everything else: ask every time, and hear 304 as long as nothing changed.
const ASK: &str = "no-cache";

/// The routes of the explorer. `samples` is the JSON text served at `/explorer/samples.json`: an
/// array of `{name, query, variables}`.
pub fn routes<S: Clone + Send + Sync + 'static>(samples: &'static str) -> Router<S> {
    files(samples).into_iter().fold(Router::new(), |router, file| {
        let path = file.path.clone();
        let file = Arc::new(file);
        router.route(&path, get(move |asked: HeaderMap| async move { file.answer(&asked) }))
    })
}

/// One file with all that is the same in every answer that carries it.
struct File {
    path: String,
    headers: HeaderMap,
    body: &'static [u8],
}

impl File {
    fn new(path: String, body: &'static [u8], tag: &str, caching: &'static str) -> Self {
        let mut headers: HeaderMap = [
            (CONTENT_TYPE, content_type(&path)),
            (CACHE_CONTROL, caching),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
        // Without a tag a file is merely sent anew each time.
        if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
            headers.insert(ETAG, tag);
        }
        Self { path, headers, body }
    }

    /// A file that a new version of Kring may change.
    fn ours(path: &str, body: &'static str) -> Self {
        let body = body.as_bytes();
        Self::new(path.to_owned(), body, &digest(body), ASK)
    }

    /// A file of a release, under a path that names the release.
    fn vendor(entry: &Entry<'static>, body: &'static [u8]) -> Self {
        let (_, name) = entry.file.rsplit_once('/').unwrap_or(("", entry.file));
        let path = format!("/explorer/vendor/{}-{}/{name}", entry.package, entry.version);
        Self::new(path, body, entry.sha256, FOREVER)
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut response = if self.is_known(asked) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(Body::from(self.body))
        };
        *response.headers_mut() = self.headers.clone();
        if response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }

    /// Whether the client says that it has this very content. A proxy that compresses answers
    /// weakens their tags, hence the `W/`.
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let tag = self.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        asked
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|known| known == "*" || Some(known.trim_start_matches("W/")) == tag)
    }
}

/// A line of the manifest.
struct Entry<'a> {
    file: &'a str,
    package: &'a str,
    version: &'a str,
    sha256: &'a str,
}

/// The manifest's lines below its heading.
fn manifest() -> impl Iterator<Item = Entry<'static>> {
    MANIFEST.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some(Entry {
            file: columns.next()?,
            package: columns.next()?,
            version: columns.next()?,
            sha256: columns.nth(2)?,
        })
    })
}

fn files(samples: &'static str) -> Vec<File> {
    let ours = [
        ("/", PAGE),
        ("/explorer/explorer.css", STYLE),
        ("/explorer/explorer.js", SCRIPT),
        ("/explorer/samples.json", samples),
        ("/explorer/vendor/NOTICES.txt", NOTICES),
        ("/favicon.svg", ICON),
        // Asked for by browsers that show an answer of this server outside the explorer.
        ("/favicon.ico", ICON),
    ];
    let vendor = manifest().filter_map(|entry| {
        let (_, body) = VENDOR.iter().find(|(file, _)| *file == entry.file)?;
        Some(File::vendor(&entry, body))
    });
    ours.iter().map(|(path, body)| File::ours(path, body)).chain(vendor).collect()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg" | "ico") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

/// The SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Vec<File> {
        files("[]")
    }

    fn header(response: &Response, name: axum::http::HeaderName) -> Option<&str> {
        response.headers().get(name)?.to_str().ok()
    }

    /// What stands in the given attribute, each time it occurs.
    fn attributes<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(name).skip(1).filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next())
    }

    #[test]
    fn embedded_files_are_those_of_the_manifest() {
        for (name, body) in VENDOR {
            let stated = manifest().find(|entry| entry.file == name).map(|entry| entry.sha256);
            assert_eq!(stated, Some(digest(body).as_str()), "{name}");
        }
        let stated = manifest().find(|entry| entry.file == "NOTICES.txt").map(|entry| entry.sha256);
        assert_eq!(stated, Some(digest(NOTICES.as_bytes()).as_str()));
    }

    #[test]
    fn every_third_party_file_of_the_manifest_but_licences_is_embedded() {
        for entry in manifest().filter(|entry| !entry.file.ends_with("LICENSE")) {
            let embedded = entry.file == "NOTICES.txt" || VENDOR.iter().any(|(name, _)| *name == entry.file);
            assert!(embedded, "{}", entry.file);
        }
    }

    #[test]
    fn everything_the_page_refers_to_is_served() {
        let served = served();
        let referred: Vec<&str> = attributes(PAGE, "href").chain(attributes(PAGE, "src")).collect();
        assert!(referred.len() > 6, "{referred:?}");
        for path in referred {
            assert!(served.iter().any(|file| file.path == path), "{path}");
        }
    }

    #[test]
    fn our_own_files_name_no_other_host() {
        for (name, text) in [("page", PAGE), ("style", STYLE), ("script", SCRIPT), ("icon", ICON)] {
            // The name of the SVG language is an address that nothing ever opens.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{name}");
            for attribute in ["=\"//", "url(//", "'//", "`//"] {
                assert!(!text.contains(attribute), "{name}: {attribute}");
            }
        }
    }

    #[test]
    fn the_page_holds_no_inline_script_or_style() {
        assert!(attributes(PAGE, "<script src").count() == PAGE.matches("<script").count());
        assert!(!PAGE.contains("<style"));
        assert!(!PAGE.contains(" style="));
        assert!(!PAGE.contains(" on"), "no event handler attributes");
    }

    #[test]
    fn every_answer_carries_the_protective_headers() {
        for file in served() {
            let response = file.answer(&HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(header(&response, CONTENT_SECURITY_POLICY), Some(POLICY));
            assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
            assert_eq!(header(&response, REFERRER_POLICY), Some("no-referrer"));
            assert!(response.headers().contains_key(ETAG), "{}", file.path);
        }
    }

    #[test]
    fn only_paths_with_a_release_are_cached_without_asking() {
        for file in served() {
            let named = file.path.contains("/vendor/") && file.path.contains('-');
            let response = file.answer(&HeaderMap::new());
            let expected = if named { FOREVER } else { ASK };
            assert_eq!(header(&response, CACHE_CONTROL), Some(expected), "{}", file.path);
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        for file in served() {
            let tag = file.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default();
            for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
                let asked = HeaderMap::from_iter(HeaderValue::try_from(known).map(|known| (IF_NONE_MATCH, known)));
                let response = file.answer(&asked);
                assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{}", file.path);
                assert_eq!(header(&response, ETAG), Some(tag));
                assert_eq!(header(&response, CONTENT_TYPE), None);
            }
            let other = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("\"other\""))]);
            assert_eq!(file.answer(&other).status(), StatusCode::OK);
        }
    }

    #[test]
    fn routes_do_not_clash() {
        let _: Router = routes("[]");
    }
}
