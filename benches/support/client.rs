//! A client that costs little beside what it measures: blocking, one connection, kept open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One connection to a server on this machine.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects; `None` while nobody listens.
    pub fn connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket option");
        Some(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// Sends a request and answers with the status and the body.
    pub fn send(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).expect("the server reads");
        self.buffer.clear();
        let (head, length) = loop {
            self.receive();
            if let Some(head) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let text = std::str::from_utf8(&self.buffer[..head]).expect("a head of text");
                let length = text.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse::<usize>().expect("a length"))
                });
                break (head + 4, length.expect("the length is known"));
            }
        };
        while self.buffer.len() < head + length {
            self.receive();
        }
        let status = std::str::from_utf8(&self.buffer[9..12]).ok().and_then(|text| text.parse().ok());
        (status.expect("a status"), &self.buffer[head..head + length])
    }

    fn receive(&mut self) {
        let mut chunk = [0; 1 << 16];
        let number = self.stream.read(&mut chunk).expect("the server answers");
        assert!(number > 0, "the server hung up");
        self.buffer.extend_from_slice(&chunk[..number]);
    }
}

/// A POST of JSON, as bytes on the wire.
pub fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: application/json\r\n\
         authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
