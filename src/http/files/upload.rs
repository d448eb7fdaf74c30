//! Receiving files.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Fault, Gateway, Named, named, query, write};
use crate::access::Viewer;
use crate::check::given;
use crate::content::files::objects::Objects;
use crate::content::files::photo::Refusal;
use crate::content::files::{self, NewFile, media, name, photo, store};
use crate::content::kind::Files as Accepted;
use crate::error::Error;
use crate::http::accept::Media;
use crate::http::respond::json_response;
use crate::id::{self, Kind};

/// After this many hours an upload is taken to be over, whatever became of it.
const ABANDONED_HOURS: i64 = 24;

#[derive(Default, Deserialize)]
struct Wanted {
    name: Option<String>,
    caption: Option<String>,
}

/// `POST /content/{id}/files`.
pub async fn receive(State(gateway): State<Arc<Gateway>>, id: Named, request: Request) -> Response {
    match take(&gateway, id, request).await {
        Ok(file) => file,
        Err(fault) => fault.response(),
    }
}

async fn take(gateway: &Arc<Gateway>, id: Named, request: Request) -> Result<Response, Fault> {
    let files = gateway.files()?;
    let viewer = gateway.viewer(request.headers()).await?;
    if !viewer.is_signed_in() {
        return Err(Error::Unauthenticated("Sign in to send files.".to_owned()).into());
    }
    let content = id::decode_as(Kind::Content, &named(id)?).ok_or(Fault::Missing)?;
    let _place = files.receiving.try_acquire().map_err(|_| Error::Unavailable)?;
    let accepted =
        write(gateway, viewer.clone(), false, move |conn, scope, cache| files::accepts(conn, scope, cache, content))
            .await?;
    let wanted: Wanted = query(request.uri());
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declared = media::essence(declared.unwrap_or("application/octet-stream"));
    let mut upload = Upload::begin(gateway, viewer.clone()).await?;
    let described = NewFile {
        content_id: content,
        name: name::safe(wanted.name.as_deref().unwrap_or_default()),
        caption: given(wanted.caption),
        media_type: declared,
        size: 0,
        sha256: String::new(),
        extent: None,
        object_key: upload.keys[0].clone(),
        preview_key: None,
    };
    let file = match accepted {
        Accepted::Photos => upload.photo(request.into_body(), described).await?,
        Accepted::Documents | Accepted::None => upload.document(request.into_body(), described).await?,
    };
    // It may have taken a while.
    gateway.admit_bearer(&viewer).await?;
    let (name, noted) = (file.name.clone(), upload.keys.to_vec());
    let id =
        write(gateway, viewer.clone(), true, move |conn, scope, cache| files::add(conn, scope, cache, &file, &noted))
            .await?;
    upload.kept = true;
    let id = id::encode(Kind::ContentFile, id);
    let url = files.links.to(&format!("/files/{id}"), &id, &viewer, gateway.options.clock.now());
    let body = json!({ "id": id, "name": name, "url": url });
    Ok(json_response(StatusCode::CREATED, Media::Json, body.to_string().into_bytes()))
}

/// A file on its way. Unless it is kept, nothing stays of it, however it ends.
struct Upload {
    gateway: Arc<Gateway>,
    /// Of the file, and of its smaller rendition.
    keys: [String; 2],
    kept: bool,
}

impl Upload {
    /// Notes the objects before they are written, so that even a gateway that dies leaves nothing behind for long.
    async fn begin(gateway: &Arc<Gateway>, viewer: Viewer) -> Result<Self, Fault> {
        let keys = [Objects::new_key()?, Objects::new_key()?];
        let noted = keys.to_vec();
        write(gateway, viewer, true, move |conn, scope, _| {
            let since = scope.instant() + chrono::Duration::hours(ABANDONED_HOURS);
            store::doom(conn, &noted, since)
        })
        .await?;
        Ok(Self { gateway: Arc::clone(gateway), keys, kept: false })
    }

    fn objects(&self) -> Result<&Objects, Fault> {
        Ok(&self.gateway.files()?.options.objects)
    }

    async fn photo(&mut self, body: Body, described: NewFile) -> Result<NewFile, Fault> {
        let files = self.gateway.files()?;
        let mut pieces = Pieces::new(body, files.options.max_photo_bytes, files.options.patience);
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await? {
            bytes.extend_from_slice(&piece);
        }
        let turn = Arc::clone(&files.preparing).acquire_owned().await.map_err(|_| Error::Unavailable)?;
        // It keeps its turn until it is done, even if the sender goes away meanwhile.
        let prepare = move || {
            let prepared = photo::prepare(&bytes);
            drop((turn, bytes));
            prepared
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        // What makes a reader fail is not a photo either.
        let photo = prepared.unwrap_or(Err(Refusal::Unreadable)).map_err(|refusal| match refusal {
            Refusal::Unreadable => Fault::WrongType(refusal.message()),
            Refusal::TooLarge(_) => Fault::TooManyPixels(refusal.message()),
        })?;
        let file = NewFile {
            name: name::with_extension(&described.name, photo.extension),
            media_type: photo.media_type.to_owned(),
            size: i64::try_from(photo.bytes.len()).unwrap_or(i64::MAX),
            sha256: hex(&Sha256::digest(&photo.bytes)),
            extent: Some((photo.width.into(), photo.height.into())),
            preview_key: Some(self.keys[1].clone()),
            ..described
        };
        self.objects()?.put(&self.keys[0], photo.bytes).await?;
        self.objects()?.put(&self.keys[1], photo.preview).await?;
        Ok(file)
    }

    async fn document(&mut self, body: Body, described: NewFile) -> Result<NewFile, Fault> {
        let options = &self.gateway.files()?.options;
        if !options.document_types.contains(&described.media_type) {
            return Err(Fault::WrongType(format!("Files of type {} are not accepted.", described.media_type)));
        }
        let mut pieces = Pieces::new(body, options.max_document_bytes, options.patience);
        let mut head = Vec::new();
        while head.len() < media::HEAD {
            match pieces.next().await? {
                Some(piece) => head.extend_from_slice(&piece),
                None => break,
            }
        }
        if !media::fits(&described.media_type, head.get(..media::HEAD).unwrap_or(&head)) {
            let message = format!("This file is not of the type {} that it is said to be.", described.media_type);
            return Err(Fault::WrongType(message));
        }
        let mut digest = Sha256::new();
        let mut writing = self.objects()?.write(&self.keys[0]).await?;
        let mut next = Some(Bytes::from(head));
        let written = async {
            while let Some(piece) = next.take() {
                digest.update(&piece);
                writing.piece(&piece).await?;
                next = pieces.next().await?;
            }
            Ok::<(), Fault>(())
        };
        if let Err(fault) = written.await {
            writing.abandon().await;
            return Err(fault);
        }
        writing.finish().await?;
        let size = i64::try_from(pieces.seen).unwrap_or(i64::MAX);
        Ok(NewFile { size, sha256: hex(&digest.finalize()), ..described })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (gateway, keys) = (Arc::clone(&self.gateway), self.keys.to_vec());
        // Also when the sender went away and this future was dropped.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let Ok(files) = gateway.files() else { return };
                for key in &keys {
                    if files.options.objects.remove(key).await.is_err() {
                        return;
                    }
                }
                let spared =
                    write(&gateway, Viewer::anonymous(), true, move |conn, _, _| store::spare(conn, &keys)).await;
                if spared.is_err() {
                    tracing::warn!("the notes of an unfinished file stay until they are swept");
                }
            });
        }
    }
}

/// A body piece by piece, no more of it than is accepted.
struct Pieces {
    stream: axum::body::BodyDataStream,
    limit: u64,
    patience: Duration,
    seen: u64,
}

impl Pieces {
    fn new(body: Body, limit: u64, patience: Duration) -> Self {
        Self { stream: body.into_data_stream(), limit, patience, seen: 0 }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let next = tokio::time::timeout(self.patience, self.stream.next()).await.map_err(|_| Fault::Stalled)?;
        let Some(piece) = next.transpose().map_err(|_| Fault::Broken)? else { return Ok(None) };
        self.seen = self.seen.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.seen > self.limit { Err(Fault::TooLarge(self.limit)) } else { Ok(Some(piece)) }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
