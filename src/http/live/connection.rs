//! One WebSocket, from the handshake to the end.

use std::sync::Arc;

use async_graphql::Data;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt, sink, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::follow::Counted;
use super::operation::{Carrier, Guest, Verdict, locked};
use super::{Gateway, HEARTBEAT, INTRODUCTION, READING, Signed};

/// How many messages wait on their way to the protocol and from it.
const WAITING: usize = 8;

/// Why a connection ends: a code and a reason; `None` when the other side is gone.
type End = Option<(u16, String)>;

/// Serves one client. Everything that it follows ends with this.
pub async fn serve(
    gateway: Arc<Gateway>,
    socket: WebSocket,
    protocol: GraphQLProtocol,
    header: Option<Signed>,
    place: OwnedSemaphorePermit,
) {
    let counted = Counted::new(&gateway.metrics.connections);
    let guest = Guest::new(gateway);
    let (mut writer, mut reader) = socket.split();
    let end = converse(&guest, &mut writer, &mut reader, protocol, header).await;
    guest.leave();
    if let Some((code, reason)) = end {
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let _ = timeout(READING, writer.send(frame)).await;
    }
    drop((counted, place));
}

async fn converse(
    guest: &Arc<Guest>,
    writer: &mut SplitSink<WebSocket, Message>,
    reader: &mut SplitStream<WebSocket>,
    protocol: GraphQLProtocol,
    header: Option<Signed>,
) -> End {
    let (to_protocol, from_client) = mpsc::channel::<Message>(WAITING);
    let (to_client, mut outgoing) = mpsc::channel::<Message>(WAITING);
    let input = stream::unfold(from_client, |mut from_client| async {
        from_client.recv().await.map(|message| (Ok::<_, axum::Error>(message), from_client))
    });
    let output = sink::unfold(to_client, |to_client: mpsc::Sender<Message>, message: Message| async move {
        to_client.send(message).await.map(|()| to_client)
    });
    let host = Arc::clone(guest);
    let speaking = GraphQLWebSocket::new_with_pair(output, Box::pin(input), Carrier(Arc::clone(guest)), protocol)
        .on_connection_init(move |payload| async move { introduce(&host, &payload, header) })
        .serve();
    let mut speaking = Box::pin(speaking);
    let mut stopping = guest.gateway.live.stopping.subscribe();
    let opened = Instant::now();
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = true;
    loop {
        let until = locked(&guest.signed).as_ref().map(|signed| signed.until);
        tokio::select! {
            () = &mut speaking => return last_words(writer, &mut outgoing).await,
            Some(message) = outgoing.recv() => say(writer, message).await?,
            received = receive(&to_protocol, reader) => {
                heard = true;
                match received? {
                    (permit, Message::Text(text)) => match guest.judge(text.as_bytes()) {
                        Verdict::Pass(message) => permit.send(message),
                        Verdict::Reply(message) => say(writer, message).await?,
                        Verdict::Ignored => {}
                        Verdict::Close(code, reason) => return Some((code, reason)),
                    },
                    (_, Message::Close(_)) => return None,
                    (_, Message::Binary(_)) => return Some((4400, "Messages are text.".to_owned())),
                    (_, Message::Ping(_) | Message::Pong(_)) => {}
                }
            }
            () = sleep_until(until.unwrap_or(opened + INTRODUCTION)) => {
                let expired = (4401, "The token has expired.".to_owned());
                return Some(until.map_or((4408, "Connection initialisation timeout".to_owned()), |_| expired));
            }
            _ = heartbeat.tick() => {
                if !std::mem::take(&mut heard) {
                    return Some((4408, "No sign of life.".to_owned()));
                }
                say(writer, Message::Ping(Default::default())).await?;
            }
            () = told(&mut stopping) => return Some((1001, "The gateway stops.".to_owned())),
        }
    }
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// The next frame, taken only when there is room for it; `None` when the client is gone.
async fn receive<'a>(
    to_protocol: &'a mpsc::Sender<Message>,
    reader: &mut SplitStream<WebSocket>,
) -> Option<(mpsc::Permit<'a, Message>, Message)> {
    let permit = to_protocol.reserve().await.ok()?;
    let message = reader.next().await?.ok()?;
    Some((permit, message))
}

/// Sends a message; `None` when the client does not take it in time, or the message ends the connection.
async fn say(writer: &mut SplitSink<WebSocket, Message>, message: Message) -> Option<()> {
    timeout(READING, writer.send(polite(message))).await.ok()?.ok()
}

/// What the protocol has said at its end.
async fn last_words(writer: &mut SplitSink<WebSocket, Message>, outgoing: &mut mpsc::Receiver<Message>) -> End {
    while let Ok(message) = outgoing.try_recv() {
        say(writer, message).await?;
    }
    None
}

/// The library closes with 1002 when somebody is not let in, where the protocol has a code of its own.
fn polite(message: Message) -> Message {
    match message {
        Message::Close(Some(frame)) if frame.code == 1002 => Message::Close(Some(CloseFrame { code: 4403, ..frame })),
        other => other,
    }
}

/// Finds out who is there.
fn introduce(guest: &Guest, payload: &serde_json::Value, header: Option<Signed>) -> async_graphql::Result<Data> {
    let given = payload.as_object().and_then(|members| {
        members.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value)
    });
    let signed = match given {
        Some(value) => Some(guest.gateway.signed(value.as_str().unwrap_or_default())),
        None => header.map(Ok),
    };
    let signed = signed.ok_or_else(|| async_graphql::Error::new("Sign in: send a token as `Authorization`."))?;
    let signed = signed.map_err(|error| async_graphql::Error::new(error.to_string()))?;
    *locked(&guest.signed) = Some(signed);
    Ok(Data::default())
}
