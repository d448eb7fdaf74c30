//! A subscription: from news of changes to answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_graphql::Response;
use chrono::NaiveDateTime;
use futures_util::{Stream, StreamExt, stream};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::operation::{Said, Ticket, coded, failed};
use crate::db::announce::{Change, News};
use crate::db::hub::Listening;
use crate::error::Error;
use crate::graphql::Schema;
use crate::graphql::loaders::Loaders;
use crate::graphql::session::Session;
use crate::graphql::subscription::{Topic, Watch, visible};
use crate::http::Gateway;
use crate::http::turn::{Task, in_turn};
use crate::scope::{Clock, Scope};

/// How long the clock is not looked at while something is awaited.
const GLANCE: Duration = Duration::from_secs(30);

/// Where a subscription begins: from when on everything is heard, and who asked for it at which moment. It may be a while
/// until it has its turn.
pub struct Beginning {
    pub listening: Listening,
    pub scope: Scope,
}

/// Follows until something ends it; dropping the stream ends it too.
pub fn stream(gateway: Arc<Gateway>, ticket: Ticket, beginning: Beginning) -> impl Stream<Item = Said> + Send {
    let stage = Stage::Beginning(Box::new(beginning));
    stream::unfold(
        Following { gateway, ticket: Arc::new(ticket), stage, ready: VecDeque::new() },
        |mut following| async { following.next().await.map(|said| (said, following)) },
    )
}

struct Following {
    gateway: Arc<Gateway>,
    ticket: Arc<Ticket>,
    stage: Stage,
    ready: VecDeque<Said>,
}

enum Stage {
    Beginning(Box<Beginning>),
    Open(Open),
    Over,
}

struct Open {
    news: Listening,
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
    async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some(said) = self.ready.pop_front() {
                return Some(said);
            }
            let open = match &mut self.stage {
                Stage::Over => return None,
                Stage::Beginning(_) => {
                    self.open().await;
                    continue;
                }
                Stage::Open(open) => open,
            };
            let news = tokio::select! {
                news = open.news.recv() => news,
                () = moment(self.gateway.options.clock, open.topic.next()) => Ok(News::nothing()),
            };
            match news {
                Ok(News::Changes { changes, .. }) => {
                    if let Err(error) = self.show(&changes).await {
                        tracing::debug!(error = error.logged(), "a subscription is interrupted");
                        self.interrupt();
                    }
                }
                Ok(News::Gap) | Err(RecvError::Lagged(_)) => self.interrupt(),
                Err(RecvError::Closed) => self.stage = Stage::Over,
            }
        }
    }

    /// Changes may have been missed: better the client knows.
    fn interrupt(&mut self) {
        self.stage = Stage::Over;
        let message = "Changes may have been missed. Please subscribe again and read anew.";
        self.ready.push_back(Said::Next(Response::from_errors(vec![coded(message, None, "INTERRUPTED")])));
    }

    async fn open(&mut self) {
        let Stage::Beginning(beginning) = std::mem::replace(&mut self.stage, Stage::Over) else { return };
        let Beginning { mut listening, scope } = *beginning;
        let ticket = Arc::clone(&self.ticket);
        let settled = timeout(self.gateway.options.wait, listening.settle()).await.unwrap_or(Err(Error::Unavailable));
        let begun = match settled {
            Ok(()) => in_turn(&self.gateway, Task::Read, move |gateway| gateway.begin_following(&ticket, scope)).await,
            Err(error) => Err(error),
        };
        match begun.unwrap_or_else(|error| Err(Box::new(Said::Refused(vec![failed(&error)])))) {
            Ok(topic) => {
                let counted = Counted::new(&self.gateway.metrics.subscriptions);
                self.stage = Stage::Open(Open { news: listening, topic, _counted: counted });
            }
            Err(said) => self.ready.push_back(*said),
        }
    }

    async fn show(&mut self, changes: &Arc<[Change]>) -> Result<(), Error> {
        let Stage::Open(open) = &mut self.stage else { return Ok(()) };
        if changes.iter().any(|change| open.topic.is_moved_by(change)) {
            let (topic, viewer) = (open.topic.clone(), self.ticket.viewer.clone());
            let moved = in_turn(&self.gateway, Task::Read, move |gateway| {
                gateway.session(gateway.scope(viewer)).read(|exec| topic.now(exec))
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
        self.ready.extend(ready.into_iter().map(Said::Next));
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
    fn session(&self, scope: Scope) -> Arc<Session> {
        Arc::new(Session::new(self.shared.clone(), scope))
    }

    /// Finds out what a subscription follows, or what there is to say instead.
    fn begin_following(&self, ticket: &Ticket, scope: Scope) -> Result<Topic, Box<Said>> {
        let watch = Arc::new(Watch::Opening(Mutex::default()));
        if let Some(response) = execute_watch(&self.schema, ticket, &self.session(scope), &watch) {
            return Err(Box::new(Said::Outcome(response)));
        }
        let found = match watch.as_ref() {
            Watch::Opening(topic) => topic.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Watch::Event(_) => None,
        };
        let nothing = || Said::Refused(vec![failed(&Error::internal("a subscription follows nothing"))]);
        found.ok_or_else(|| Box::new(nothing()))
    }

    /// The answers for some changes, as far as the viewer may see them, all in one snapshot that is newer than them, and
    /// where the topic stands then.
    fn show(&self, ticket: &Ticket, topic: &Topic, changes: &[Change]) -> Result<(Vec<Response>, Topic), Error> {
        let session = self.session(self.scope(ticket.viewer.clone()));
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
