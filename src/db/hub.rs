//! Where news comes together, and from where on somebody hears it.
//!
//! Whoever follows hears of everything that is committed after they have asked for it. When they ask, their question may
//! lie unread for a moment, while changes go on. So whoever keeps the connection to a client ([`Attendance`]) hears all
//! news, and keeps what came since it was last certain that the client had asked nothing new. Whoever begins to follow
//! ([`Listening`]) hears that first. News of what was committed before the client came is left out ([`Horizon`]): on
//! PostgreSQL it may arrive late.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, oneshot};

use super::announce::News;
use super::listen;
use super::pool::Manager;
use super::{Conn, Dialect};
use crate::error::Error;
use crate::log::plain;

/// How many pieces of news may wait for one listener before it has missed some.
const WAITING: usize = 1_024;

/// Which transactions of PostgreSQL were over at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// All from this number on had not begun.
    end: u64,
    /// Of those before, these were under way.
    running: Vec<u64>,
}

impl Horizon {
    /// Reads a snapshot as PostgreSQL writes it: `10:20:10,14,15`.
    pub(super) fn parse(snapshot: &str) -> Option<Self> {
        let mut parts = snapshot.split(':');
        let (_, end, running) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let running = running.split(',').filter(|number| !number.is_empty());
        Some(Self { end, running: running.map(|number| number.parse().ok()).collect::<Option<_>>()? })
    }

    fn is_past(&self, transaction: u64) -> bool {
        transaction < self.end && !self.running.contains(&transaction)
    }
}

/// Where somebody wants to know the horizon, and that the gateway listens.
pub(super) type Question = oneshot::Sender<Horizon>;

/// A piece of news and its number: later ones have higher numbers.
#[derive(Clone, Debug)]
struct Numbered(u64, News);

impl Numbered {
    fn is_past(&self, horizon: Option<&Horizon>) -> bool {
        match (&self.1, horizon) {
            (News::Changes { transaction: Some(number), .. }, Some(horizon)) => horizon.is_past(*number),
            _ => false,
        }
    }
}

/// What one follower hears.
pub struct Listening {
    /// What came while the wish to follow lay unread.
    early: VecDeque<News>,
    news: broadcast::Receiver<Numbered>,
    /// The number of the last piece of news in `early`.
    last: u64,
    horizon: Option<Arc<Horizon>>,
    question: Option<oneshot::Receiver<Horizon>>,
}

impl Listening {
    /// Waits until the gateway listens, if it does not yet.
    ///
    /// # Errors
    /// `Unavailable` when PostgreSQL does not answer.
    pub async fn settle(&mut self) -> Result<(), Error> {
        if let Some(question) = self.question.take() {
            question.await.map_err(|_| Error::Unavailable)?;
        }
        Ok(())
    }

    /// The next news. It may be dropped while it waits, and loses nothing then.
    ///
    /// # Errors
    /// When news was lost, or none will come any more.
    pub async fn recv(&mut self) -> Result<News, RecvError> {
        if let Some(news) = self.early.pop_front() {
            return Ok(news);
        }
        loop {
            let news = self.news.recv().await?;
            if news.0 > self.last && !news.is_past(self.horizon.as_deref()) {
                return Ok(news.1);
            }
        }
    }
}

/// Somebody who may begin to follow something. As long as there is one, the gateway listens.
pub struct Attendance {
    hub: Arc<Hub>,
    news: broadcast::Receiver<Numbered>,
    /// What was heard and may come after the next wish to follow.
    heard: Vec<Numbered>,
    horizon: Option<Arc<Horizon>>,
    question: Option<oneshot::Receiver<Horizon>>,
}

impl Attendance {
    /// Waits until the gateway listens.
    ///
    /// # Errors
    /// `Unavailable` when PostgreSQL does not answer.
    pub async fn ready(&mut self) -> Result<(), Error> {
        if let Some(question) = self.question.take() {
            self.horizon = Some(Arc::new(question.await.map_err(|_| Error::Unavailable)?));
        }
        Ok(())
    }

    /// Waits for news. It may be dropped while it waits, and loses nothing then.
    pub async fn hear(&mut self) {
        match self.news.recv().await {
            Ok(news) => self.heard.push(news),
            Err(RecvError::Lagged(_)) => self.lose(),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Takes in what has come meanwhile; says whether anything is kept.
    pub fn catch_up(&mut self) -> bool {
        loop {
            match self.news.try_recv() {
                Ok(news) => self.heard.push(news),
                Err(TryRecvError::Lagged(_)) => self.lose(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return !self.heard.is_empty(),
            }
        }
    }

    /// It is certain that nobody wants to follow what was heard until now.
    pub fn forget(&mut self) {
        self.heard.clear();
    }

    fn lose(&mut self) {
        let last = self.heard.last().map_or(0, |news| news.0);
        self.heard = vec![Numbered(last, News::Gap)];
    }

    /// Begins to follow: what is kept, and everything from now on.
    pub fn listen(&mut self) -> Listening {
        // In this order: what comes in between is in both, and its number tells.
        let news = self.hub.sender.subscribe();
        self.catch_up();
        let heard = self.heard.iter().filter(|news| !news.is_past(self.horizon.as_deref()));
        Listening {
            early: heard.map(|news| news.1.clone()).collect(),
            last: self.heard.last().map_or(0, |news| news.0),
            news,
            horizon: self.horizon.clone(),
            question: self.hub.ask_unless_listening(),
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.attending = state.attending.saturating_sub(1);
    }
}

/// Where news comes together. It costs nothing while nobody attends: only then is a connection to PostgreSQL kept.
pub struct Hub {
    sender: broadcast::Sender<Numbered>,
    manager: Manager,
    state: Mutex<State>,
    /// How often this gateway has withdrawn tokens.
    withdrawals: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The number of the last piece of news.
    number: u64,
    attending: usize,
    /// Reaches the thread that listens to PostgreSQL, as long as there is one.
    questions: Option<mpsc::Sender<Question>>,
    /// Whether it has a connection.
    listening: bool,
}

impl Hub {
    pub(super) fn new(manager: Manager) -> Arc<Self> {
        let (sender, _) = broadcast::channel(WAITING);
        Arc::new(Self { sender, manager, state: Mutex::default(), withdrawals: AtomicU64::new(0) })
    }

    /// How often this gateway has withdrawn tokens.
    pub fn withdrawals(&self) -> u64 {
        self.withdrawals.load(Ordering::Acquire)
    }

    pub(super) fn tokens_withdrawn(&self) {
        self.withdrawals.fetch_add(1, Ordering::Release);
    }

    /// A connection to read with beside the pools, which belongs to no request.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub fn aside(&self) -> Result<Conn, Error> {
        self.manager.for_reading().open().map_err(|error| {
            tracing::warn!(cause = plain(&error.to_string()), "no connection beside those of requests");
            Error::Unavailable
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the gateway listen, for whoever may follow something soon. It does not wait.
    pub fn attend(self: &Arc<Self>) -> Attendance {
        self.state().attending += 1;
        let question = (self.manager.dialect() == Dialect::Postgres).then(|| self.ask());
        Attendance { hub: Arc::clone(self), news: self.sender.subscribe(), heard: Vec::new(), horizon: None, question }
    }

    fn ask_unless_listening(self: &Arc<Self>) -> Option<oneshot::Receiver<Horizon>> {
        let listening = self.manager.dialect() == Dialect::Sqlite || self.state().listening;
        (!listening).then(|| self.ask())
    }

    fn ask(self: &Arc<Self>) -> oneshot::Receiver<Horizon> {
        let (question, answer) = oneshot::channel();
        let mut state = self.state();
        let unsent = match &state.questions {
            Some(questions) => questions.send(question).err().map(|unsent| unsent.0),
            None => Some(question),
        };
        if let Some(question) = unsent {
            let (sender, questions) = mpsc::channel();
            let hub = Arc::downgrade(self);
            let manager = self.manager.clone();
            let thread = std::thread::Builder::new().name("news".to_owned());
            match thread.spawn(move || listen::run(&hub, &manager, &questions)) {
                // Whoever waits for an answer is told that there is none when the question is dropped.
                Ok(_) => drop(sender.send(question)),
                Err(error) => tracing::error!(%error, "no thread to listen for changes"),
            }
            state.questions = Some(sender);
        }
        answer
    }

    pub(super) fn publish(&self, news: News) {
        let mut state = self.state();
        state.number += 1;
        // Without listeners there is nobody to tell.
        let _ = self.sender.send(Numbered(state.number, news));
    }

    /// Says whether the thread that listens has a connection.
    pub(super) fn set_listening(&self, listening: bool) {
        self.state().listening = listening;
    }

    /// Ends the listening, if nobody is left: `false` when somebody is.
    pub(super) fn is_deserted(&self) -> bool {
        let mut state = self.state();
        let deserted = state.attending == 0;
        if deserted {
            (state.questions, state.listening) = (None, false);
        }
        deserted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_tells_what_is_past() {
        let horizon = Horizon::parse("10:20:10,14").expect("a snapshot");
        let past: Vec<u64> = (8..22).filter(|number| horizon.is_past(*number)).collect();
        assert_eq!(past, [8, 9, 11, 12, 13, 15, 16, 17, 18, 19]);
        assert_eq!(Horizon::parse("7:7:"), Some(Horizon { end: 7, running: Vec::new() }));
        for snapshot in ["", "1", "1:2", "1:x:", "1:2:x"] {
            assert_eq!(Horizon::parse(snapshot), None, "{snapshot}");
        }
    }
}
