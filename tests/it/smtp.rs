//! A mail server for tests: it speaks SMTP (RFC 5321) on a socket of its own, with TLS from the start if it is given a
//! certificate, keeps what it is sent, and refuses what it is told to refuse.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and text.
    pub data: String,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    /// What the next recipients are answered, one each; accepted when there is nothing left.
    answers: Vec<&'static str>,
}

/// A server that runs until the tests end.
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Server {
    /// A server without encryption.
    pub fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), None)
    }

    /// A server at an address that was free a moment ago.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), None)
    }

    /// A server with TLS from the start, for `localhost`, and its certificate.
    pub fn start_with_tls() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let server = Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), Some(Arc::new(config)));
        (server, made.cert.pem())
    }

    fn listen(listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &state),
                    Some(config) => serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &state),
                });
            }
        });
        Self { address, state }
    }

    /// Answers the next recipient with this.
    pub fn answer(&self, answer: &'static str) {
        self.state.lock().unwrap().answers.push(answer);
    }

    /// Everything that was received since the last time.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.state.lock().unwrap().received)
    }
}

/// One conversation; it ends when the client leaves.
fn serve(stream: impl Stream, state: &Mutex<State>) {
    let _ = converse(BufReader::new(stream), state);
}

fn converse(mut stream: BufReader<impl Stream>, state: &Mutex<State>) -> std::io::Result<()> {
    let say = |stream: &mut BufReader<_>, line: &str| -> std::io::Result<()> {
        let inner: &mut dyn Write = stream.get_mut();
        write!(inner, "{line}\r\n").and_then(|()| inner.flush())
    };
    say(&mut stream, "220 localhost ESMTP")?;
    let (mut from, mut to) = (String::new(), Vec::new());
    let mut line = String::new();
    while {
        line.clear();
        stream.read_line(&mut line)?
    } > 0
    {
        let command = line.trim_end().to_owned();
        let between = |text: &str| text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        match command.to_ascii_uppercase().split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => say(&mut stream, "250-localhost\r\n250 8BITMIME")?,
            "MAIL" => {
                (from, to) = (between(&command), Vec::new());
                say(&mut stream, "250 OK")?;
            }
            "RCPT" => {
                let refusal = {
                    let mut state = state.lock().unwrap();
                    if state.answers.is_empty() { None } else { Some(state.answers.remove(0)) }
                };
                if refusal.is_none() {
                    to.push(between(&command));
                }
                say(&mut stream, refusal.unwrap_or("250 OK"))?;
            }
            "DATA" => {
                say(&mut stream, "354 go ahead")?;
                let mut data = String::new();
                loop {
                    line.clear();
                    if stream.read_line(&mut line)? == 0 || line == ".\r\n" {
                        break;
                    }
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                state.lock().unwrap().received.push(Received { from: from.clone(), to: to.clone(), data });
                say(&mut stream, "250 OK")?;
            }
            "QUIT" => return say(&mut stream, "221 bye"),
            "RSET" | "NOOP" => say(&mut stream, "250 OK")?,
            _ => say(&mut stream, "502 unknown")?,
        }
    }
    Ok(())
}
