//! A subscription: from news of changes to answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::Response;
use chrono::NaiveDateTime;
use futures_util::{Stream, StreamExt, stream};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::operation::{Ticket, coded, failed};
use crate::access::Viewer;
use crate::db::announce::{Change, News};
use crate::error::Error;
use crate::graphql::Schema;
use crate::graphql::loaders::Loaders;
use crate::graphql::session::Session;
use crate::graphql::subscription::{Topic, Watch, visible};
use crate::http::Gateway;
use crate::http::turn::{Task, in_turn};
use crate::scope::Clock;

/// How long the clock is not looked at while something is awaited.
const GLANCE: Duration = Duration::from_secs(30);

/// Follows until something ends it; dropping the stream ends it too.
pub fn stream(gateway: Arc<Gateway>, ticket: Ticket) -> impl Stream<Item = Response> + Send {
    stream::unfold(
        Following { gateway, ticket: Arc::new(ticket), open: None, ready: VecDeque::new(), over: false },
        |mut following| async { following.next().await.map(|response| (response, following)) },
    )
}

struct Following {
    gateway: Arc<Gateway>,
    ticket: Arc<Ticket>,
    open: Option<Open>,
    ready: VecDeque<Response>,
    over: bool,
}

struct Open {
    news: Receiver<News>,
    topic: Topic,
    _counted: Counted,
}

/// Counts one as long as it lives.
pub struct Counted(Gauge);

impl Counted {
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Following {
    async fn next(&mut self) -> Option<Response> {
        loop {
            if let Some(response) = self.ready.pop_front() {
                return Some(response);
            }
            if self.over {
                return None;
            }
            let Some(open) = &mut self.open else {
                self.open().await;
                continue;
            };
            let news = tokio::select! {
                news = open.news.recv() => news,
                () = moment(self.gateway.options.clock, open.topic.next()) => Ok(News::Changes(Arc::new([]))),
            };
            match news {
                Ok(News::Changes(changes)) => {
                    if let Err(error) = self.show(&changes).await {
                        tracing::debug!(%error, "a subscription is interrupted");
                        self.interrupt();
                    }
                }
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => self.interrupt(),
                Err(RecvError::Closed) => self.over = true,
            }
        }
    }

    /// Changes may have been missed: better the client knows.
    fn interrupt(&mut self) {
        self.over = true;
        let message = "Changes may have been missed. Please subscribe again and read anew.";
        self.ready.push_back(Response::from_errors(vec![coded(message, None, "INTERRUPTED")]));
    }

    async fn open(&mut self) {
        let ticket = Arc::clone(&self.ticket);
        match in_turn(&self.gateway, Task::Read, move |gateway| gateway.begin_following(&ticket)).await {
            Ok(Ok((news, topic))) => {
                let counted = Counted::new(&self.gateway.metrics.subscriptions);
                self.open = Some(Open { news, topic, _counted: counted });
            }
            Ok(Err(response)) => {
                self.over = true;
                self.ready.push_back(*response);
            }
            Err(error) => {
                self.over = true;
                self.ready.push_back(failed(&error));
            }
        }
    }

    async fn show(&mut self, changes: &Arc<[Change]>) -> Result<(), Error> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if changes.iter().any(|change| open.topic.is_moved_by(change)) {
            let (topic, viewer) = (open.topic.clone(), self.ticket.viewer.clone());
            let moved = in_turn(&self.gateway, Task::Read, move |gateway| {
                gateway.session(&viewer).read(|exec| topic.now(exec))
            });
            if let Some(topic) = moved.await?? {
                open.topic = topic;
            }
        }
        if !changes.is_empty() && !changes.iter().any(|change| open.topic.concerns(change)) {
            return Ok(());
        }
        let (topic, ticket, changes) = (open.topic.clone(), Arc::clone(&self.ticket), Arc::clone(changes));
        let shown = in_turn(&self.gateway, Task::Read, move |gateway| gateway.show(&ticket, &topic, &changes));
        let (ready, topic) = shown.await??;
        open.topic = topic;
        self.ready.extend(ready);
        Ok(())
    }
}

/// Waits until a moment has come by the gateway's clock, looking at it now and then: it may be set. Without a moment it
/// waits forever.
async fn moment(clock: Clock, moment: Option<NaiveDateTime>) {
    let Some(moment) = moment else { return std::future::pending().await };
    while let Ok(left) = (moment.and_utc() - clock.now()).to_std() {
        tokio::time::sleep(left.min(GLANCE) + Duration::from_millis(1)).await;
    }
}

impl Gateway {
    fn session(&self, viewer: &Viewer) -> Arc<Session> {
        let scope = self.scope(viewer.clone());
        Arc::new(Session::new(self.shared.clone(), scope))
    }

    /// Finds out what a subscription follows. It listens before it looks, so that nothing falls in between.
    fn begin_following(&self, ticket: &Ticket) -> Result<(Receiver<News>, Topic), Box<Response>> {
        let news = self.shared.db.hub().listen().map_err(|error| Box::new(failed(&error)))?;
        let watch = Arc::new(Watch::Opening(Mutex::default()));
        let session = self.session(&ticket.viewer);
        let response = execute_watch(&self.schema, ticket, &session, &watch);
        if let Some(response) = response {
            return Err(Box::new(response));
        }
        let Watch::Opening(topic) = watch.as_ref() else { return Err(Box::new(failed(&Error::internal("no topic")))) };
        let topic = topic.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok((news, topic.ok_or_else(|| Box::new(failed(&Error::BadInput("Nothing is followed.".to_owned()))))?))
    }

    /// The answers for some changes, as far as the viewer may see them, all in one snapshot that is newer than them, and
    /// where the topic stands then.
    fn show(&self, ticket: &Ticket, topic: &Topic, changes: &[Change]) -> Result<(Vec<Response>, Topic), Error> {
        let session = self.session(&ticket.viewer);
        let (events, topic) = session.read(|exec| visible(exec, topic, changes))?;
        let answer = |event| {
            let watch = Arc::new(Watch::Event(Mutex::new(Some(event))));
            execute_watch(&self.schema, ticket, &session, &watch)
        };
        Ok((events.into_iter().filter_map(answer).collect(), topic))
    }
}

fn execute_watch(schema: &Schema, ticket: &Ticket, session: &Arc<Session>, watch: &Arc<Watch>) -> Option<Response> {
    let mut graphql = async_graphql::Request::new("");
    graphql.set_parsed_query(ticket.admitted.document.clone());
    let graphql = graphql.data(Loaders::new(session)).data(Arc::clone(session)).data(Arc::clone(watch));
    let mut answers = schema.execute_stream(graphql);
    tokio::runtime::Handle::current().block_on(answers.next())
}
