//! HTTP: routes, and the way of a request from bytes to an executed operation.

mod accept;
mod bearer;
mod documents;
pub mod explorer;
pub mod files;
pub mod guard;
pub mod live;
mod metrics;
mod nowhere;
mod permit;
mod respond;
pub mod server;
mod turn;
mod weigh;
mod withdrawn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::BytesMut;
use futures_util::StreamExt;

use crate::access::Viewer;
use crate::access::link::Links;
use crate::access::token::Keys;
use crate::db::Health;
use crate::error::Error;
use crate::graphql::loaders::Loaders;
use crate::graphql::session::{Session, Shared};
use crate::graphql::{self, Schema, request};
use crate::scope::Clock;
use accept::Media;
use documents::Documents;
use guard::{GraphqlRequest, Limits, Refusal, SdlFacts};
use metrics::{Metrics, Outcome};
use turn::{Task, Turns, in_turn};

/// How the gateway serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a document may ask at most.
    pub limits: Limits,
    /// How long one request may take that reads.
    pub execution: Duration,
    /// How long one request may take that writes. What is done in one transaction may take a while, and whoever asked for
    /// it must not be left in the dark for it.
    pub change: Duration,
    /// How long a request waits for its turn.
    pub wait: Duration,
    /// The machine's clock, or a fixed moment.
    pub clock: Clock,
    /// Where the organization is: decides which date is today.
    pub zone: chrono_tz::Tz,
    /// Whether there is a mail server to send to.
    pub mail: bool,
    /// Where files of content are kept; without it there are none.
    pub files: Option<files::Options>,
}

/// What all requests share.
pub struct Gateway {
    schema: Schema,
    shared: Shared,
    keys: Keys,
    options: Options,
    facts: SdlFacts,
    turns: Turns,
    /// Valid documents.
    documents: Documents,
    metrics: Metrics,
    live: live::Live,
    files: Option<files::Files>,
    withdrawn: withdrawn::Withdrawn,
}

impl Gateway {
    /// Puts the gateway together.
    ///
    /// # Errors
    /// `Internal` when the schema cannot be described.
    pub fn new(shared: Shared, keys: Keys, options: Options) -> Result<Arc<Self>, Error> {
        let schema = graphql::schema();
        let mut facts = SdlFacts::new(&schema.sdl(), LIST_LENGTH)
            .map_err(|error| Error::internal(format!("the schema is unreadable: {error}")))?;
        for (owner, field) in FREE {
            facts.weigh(owner, field, 0);
        }
        for (owner, field) in LONG {
            facts.lengthen(owner, field, LONG_LIST);
        }
        let files = options.files.clone().map(|files| {
            let links = Links::new(keys.clone(), &files.public_url);
            files::Files::new(files, links)
        });
        Ok(Arc::new(Self {
            turns: Turns::new(shared.db.capacity()),
            schema,
            shared,
            keys,
            options,
            facts,
            documents: Documents::default(),
            metrics: Metrics::default(),
            live: live::Live::default(),
            files,
            withdrawn: withdrawn::Withdrawn::default(),
        }))
    }
}

/// How long a list without pages is taken to be when the cost of a document is measured.
const LIST_LENGTH: u32 = 4;

/// How long the lists are taken to be that hold a line for each group of a school.
const LONG_LIST: u32 = 20;
const LONG: [(&str, &str); 1] = [("YearTransitionPreview", "groups")];

/// Fields that cost no rows: links into code tables, where many rows lead to the same few, which are read once, and
/// objects that stand in the row of their parent.
const FREE: [(&str, &str); 6] = [
    ("Membership", "startReason"),
    ("Membership", "endReason"),
    ("Group", "category"),
    ("HistoryEntry", "actor"),
    ("HistoryEntry", "changes"),
    ("Query", "viewer"),
];

/// How long the answer to `/ready` may take: whoever watches does not wait for long.
const READY: Duration = Duration::from_secs(1);

/// All routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/graphql", get(by_get).post(by_post))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .with_state(Arc::clone(&gateway))
        .merge(files::routes(gateway))
        .merge(explorer::routes(include_str!("explorer/samples.json")))
        .method_not_allowed_fallback(nowhere::method)
        .fallback(nowhere::path)
}

async fn ready(State(gateway): State<Arc<Gateway>>) -> Response {
    let db = gateway.shared.db.clone();
    let health = tokio::task::spawn_blocking(move || db.health());
    let broken = |reason: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response();
    match tokio::time::timeout(READY, health).await {
        Ok(Ok(Ok(Health::Ready))) => "ready\n".into_response(),
        Ok(Ok(Ok(Health::Busy))) => "ready, and every connection to the database is in use\n".into_response(),
        Ok(Ok(Ok(Health::Newer(database, program)))) => {
            format!("ready, and the schema ({database}) is newer than this program ({program})\n").into_response()
        }
        Ok(Ok(Ok(Health::Behind))) => broken("migrations are pending"),
        _ => broken("the database does not answer"),
    }
}

async fn show_metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], gateway.metrics.text())
        .into_response()
}

async fn by_get(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if live::is_upgrade(request.headers()) {
        return live::open(gateway, request);
    }
    let media = match Media::accepted(request.headers()) {
        Ok(media) => media,
        Err(refusal) => return gateway.refuse(Media::Json, &refusal),
    };
    match guard::from_get(request.uri(), &gateway.options.limits) {
        Ok(graphql) => answer(gateway, request.headers(), Method::GET, media, graphql).await,
        Err(refusal) => gateway.refuse(media, &refusal),
    }
}

async fn by_post(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let media = match Media::accepted(request.headers()) {
        Ok(media) => media,
        Err(refusal) => return gateway.refuse(Media::Json, &refusal),
    };
    let (parts, body) = request.into_parts();
    let body = match read_body(body, &gateway.options).await {
        Ok(body) => body,
        Err(refusal) => return gateway.refuse(media, &refusal),
    };
    match guard::from_post(&parts.headers, &body, &gateway.options.limits) {
        Ok(graphql) => answer(gateway, &parts.headers, Method::POST, media, graphql).await,
        Err(refusal) => gateway.refuse(media, &refusal),
    }
}

/// Reads no more of a body than is accepted, and waits no longer than for an execution.
async fn read_body(body: Body, options: &Options) -> Result<Bytes, Refusal> {
    let whole = tokio::time::timeout(options.execution, collect(body, options.limits.max_body_bytes));
    whole.await.unwrap_or_else(|_| Err(Refusal::too_slow()))
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let (mut pieces, mut whole) = (body.into_data_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let broken = |_| Refusal::new(guard::Code::BadUserInput, "The body of the request did not arrive as a whole.");
        let piece = piece.map_err(broken)?;
        if whole.len().saturating_add(piece.len()) > limit {
            return Err(Refusal::too_large(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn answer(
    gateway: Arc<Gateway>,
    headers: &HeaderMap,
    method: Method,
    media: Media,
    request: GraphqlRequest,
) -> Response {
    let started = Instant::now();
    let viewer = match gateway.viewer(headers).await {
        Ok(viewer) => viewer,
        Err(error) => return gateway.fail(media, &error, started),
    };
    let admitted = match gateway.admit(&request, Some(&method), &viewer) {
        Ok(admitted) => admitted,
        Err(Denied::Refused(refusal)) => {
            gateway.metrics.count(Outcome::Refused, Duration::ZERO);
            return respond::refused_document(media, &refusal);
        }
        Err(Denied::Invalid(errors)) => {
            gateway.metrics.count(Outcome::Refused, Duration::ZERO);
            return respond::invalid(media, &errors);
        }
        Err(Denied::Failed(error, pos)) => {
            gateway.metrics.count(Outcome::Denied, started.elapsed());
            return respond::failed(media, &error, pos);
        }
    };
    let kind = admitted.kind;
    match in_turn(&gateway, admitted.task, |gateway| gateway.execute(admitted, viewer)).await {
        Ok(response) => {
            let outcome = if response.errors.is_empty() { Outcome::Answered } else { Outcome::WithErrors };
            gateway.metrics.count(outcome, started.elapsed());
            respond::executed(media, kind, response)
        }
        Err(error) => gateway.fail(media, &error, started),
    }
}

/// Looks whether the operation that is meant may come by the method; without a method it came over a WebSocket.
fn suits(document: &ExecutableDocument, name: Option<&str>, method: Option<&Method>) -> Result<(), Refusal> {
    let operation = guard::operation(document, name)?;
    if method == Some(&Method::GET) {
        guard::query_only(operation)?;
    }
    if method.is_some() && operation.node.ty == OperationType::Subscription {
        let message = "A subscription needs a WebSocket: connect to this address with `graphql-transport-ws`.";
        return Err(Refusal::new(guard::Code::BadUserInput, message));
    }
    Ok(())
}

/// An operation that may be executed.
struct Admitted {
    kind: OperationType,
    task: Task,
    /// Without variables, conditions and spreads.
    document: ExecutableDocument,
}

/// Why an operation is not executed.
enum Denied {
    Refused(Refusal),
    /// The document or its variables break rules of the specification.
    Invalid(Vec<ServerError>),
    Failed(Error, async_graphql::Pos),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Gateway {
    fn refuse(&self, media: Media, refusal: &Refusal) -> Response {
        self.metrics.count(Outcome::Refused, Duration::ZERO);
        respond::refused(media, refusal)
    }

    fn fail(&self, media: Media, error: &Error, started: Instant) -> Response {
        self.metrics.count(Outcome::Failed, started.elapsed());
        respond::failed(media, error, async_graphql::Pos::default())
    }

    /// Decides whether an operation may be executed at all; without a method it came over a WebSocket.
    fn admit(&self, request: &GraphqlRequest, method: Option<&Method>, viewer: &Viewer) -> Result<Admitted, Denied> {
        let name = request.operation_name.as_deref();
        let document = self.document(&request.query, &|document| suits(document, name, method))?;
        let operation = guard::operation(&document, name)?;
        let kind = operation.node.ty;
        let task = if kind == OperationType::Mutation { Task::Change } else { Task::Read };
        let coerced = request::coerce(request::types(), &document, operation, &request.variables);
        let document = coerced.map_err(Denied::Invalid)?;
        guard::measure(&document, &self.options.limits, &self.facts)?;
        permit::check(&document, viewer).map_err(|(error, pos)| Denied::Failed(error, pos))?;
        Ok(Admitted { kind, task, document })
    }

    /// The parsed document, once it suits the request and is known to be valid; frequent ones are kept.
    fn document(
        &self,
        query: &str,
        suits: &dyn Fn(&ExecutableDocument) -> Result<(), Refusal>,
    ) -> Result<Arc<ExecutableDocument>, Denied> {
        if let Some(document) = self.documents.get(query) {
            suits(&document)?;
            return Ok(document);
        }
        guard::scan(query, &self.options.limits)?;
        let document = guard::parse(query)?;
        suits(&document)?;
        guard::check_shape(&document, &self.options.limits)?;
        let errors = request::validate(request::types(), &document);
        if !errors.is_empty() {
            return Err(Denied::Invalid(errors));
        }
        let document = Arc::new(document);
        self.documents.keep(query, &document);
        Ok(document)
    }

    /// Executes on the thread of the caller, which may block: resolvers talk to the database themselves.
    fn execute(&self, admitted: Admitted, viewer: Viewer) -> async_graphql::Response {
        let session = Arc::new(Session::new(self.shared.clone(), self.scope(viewer)));
        let mut graphql = async_graphql::Request::new("");
        graphql.set_parsed_query(admitted.document);
        let graphql = graphql.data(Loaders::new(&session)).data(session);
        tokio::runtime::Handle::current().block_on(self.schema.execute(graphql))
    }
}
