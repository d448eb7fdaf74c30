//! Files in a bucket of S3, spoken to over HTTP: a small service on this machine stands in for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use kring::content::files::objects::{Bucket, Objects};

use crate::harness::{RUNTIME, once};

/// Objects and unfinished uploads by path, and what was asked.
#[derive(Default)]
struct Service {
    objects: BTreeMap<String, Bytes>,
    parts: BTreeMap<String, BTreeMap<u32, Bytes>>,
    unsigned: usize,
}

type Shared = Arc<Mutex<Service>>;

async fn serve(State(service): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<u32>().ok());
    let mut service = service.lock().unwrap();
    service.unsigned += usize::from(!parts.headers.contains_key("authorization"));
    let xml = |text: String| ([("content-type", "application/xml")], text).into_response();
    match parts.method {
        Method::POST if query.starts_with("uploads") => {
            service.parts.insert(path, BTreeMap::new());
            xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>".to_owned())
        }
        Method::PUT if query.contains("uploadId=") => {
            service.parts.get_mut(&path).unwrap().insert(number("partNumber=").unwrap(), body);
            [("etag", "\"part\"")].into_response()
        }
        Method::POST if query.contains("uploadId=") => {
            let whole: Vec<u8> = service.parts.remove(&path).unwrap().into_values().flatten().collect();
            service.objects.insert(path, whole.into());
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".to_owned())
        }
        Method::POST if query.starts_with("delete") => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
            let removed = keys.map(|key| {
                service.objects.remove(&format!("{}/{key}", path.trim_end_matches('/')));
                format!("<Deleted><Key>{key}</Key></Deleted>")
            });
            let removed: String = removed.collect();
            xml(format!("<DeleteResult>{removed}</DeleteResult>"))
        }
        Method::DELETE if query.contains("uploadId=") => {
            service.parts.remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        Method::DELETE => {
            service.objects.remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        Method::PUT => {
            service.objects.insert(path, body);
            [("etag", "\"whole\"")].into_response()
        }
        _ => match service.objects.get(&path) {
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
            Some(found) => given(found, parts.headers.get("range").and_then(|range| range.to_str().ok())),
        },
    }
}

fn given(found: &Bytes, range: Option<&str>) -> Response {
    let modified = ("last-modified", "Tue, 15 Sep 2026 10:00:00 GMT".to_owned());
    let tag = ("etag", "\"whole\"".to_owned());
    match range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
        None => ([modified, tag], found.clone()).into_response(),
        Some((first, last)) => {
            let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
            let part = found.slice(first..=last.min(found.len() - 1));
            let shown = ("content-range", format!("bytes {first}-{last}/{}", found.len()));
            (StatusCode::PARTIAL_CONTENT, [modified, tag, shown], part).into_response()
        }
    }
}

once! {
    fn files_are_kept_in_a_bucket() {
        let service = Shared::default();
        RUNTIME.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().fallback(serve).with_state(Arc::clone(&service));
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            let bucket = Bucket {
                endpoint: Some(format!("http://{address}")),
                region: Some("eu-west-1".to_owned()),
                access_key_id: Some("id".to_owned()),
                secret_access_key: Some("secret".to_owned()),
            };
            let objects = Objects::open("s3://kring/files", &bucket).unwrap();
            let (small, large) = (Objects::new_key().unwrap(), Objects::new_key().unwrap());
            objects.put(&small, b"a photo".to_vec()).await.unwrap();
            let mut writing = objects.write(&large).await.unwrap();
            for _ in 0..3 {
                writing.piece(&vec![b'x'; 4 * 1024 * 1024]).await.unwrap();
            }
            writing.finish().await.unwrap();
            let read = async |key: &str, range| {
                let pieces: Vec<Bytes> = objects.read(key, range).await.unwrap().try_collect().await.unwrap();
                pieces.concat()
            };
            assert_eq!(read(&small, None).await, b"a photo");
            assert_eq!(read(&small, Some(2..7)).await, b"photo");
            assert_eq!(read(&large, None).await.len(), 12 * 1024 * 1024);
            assert_eq!(read(&large, Some(5..9)).await, b"xxxx");
            assert!(service.lock().unwrap().objects.keys().all(|path| path.starts_with("/kring/files/")));
            let mut abandoned = objects.write(&Objects::new_key().unwrap()).await.unwrap();
            abandoned.piece(b"half").await.unwrap();
            abandoned.abandon().await;
            objects.remove(&small).await.unwrap();
            assert!(objects.read(&small, None).await.is_err());
            let service = service.lock().unwrap();
            assert_eq!((service.objects.len(), service.parts.len(), service.unsigned), (1, 0, 0));
        });
        // Unencrypted to another machine it is not even tried.
        let elsewhere = Bucket { endpoint: Some("http://192.0.2.1:9000".to_owned()), region: Some("x".to_owned()), ..Bucket::default() };
        let refused = RUNTIME.block_on(async { Objects::open("s3://kring", &elsewhere).unwrap().read("a", None).await.is_err() });
        assert!(refused);
    }
}
