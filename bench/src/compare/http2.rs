//! gRPC's unary calls over clear-text HTTP/2 (RFC 9113), as little of it as one method of etcd needs.
//!
//! Why not etcd's JSON gateway: it costs the server a translation and a second call inside the process for each request,
//! which would be measured as if it were etcd's. Why not a gRPC crate: the load generator shares two processors with
//! what it measures.
//!
//! Caveats: headers that come are never decoded, so a call that fails is only known to have failed. Messages must fit the
//! initial window of a stream (65,535 bytes). The connection's own receive window is opened once to its maximum, which
//! is enough for two gigabytes of answers.

use std::collections::{HashMap, VecDeque};

use anyhow::{Result, bail, ensure};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
const INITIAL_WINDOW: i64 = 65_535;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// Frame types of RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Length of a gRPC message's prefix: a flag for compression and a length.
const MESSAGE_PREFIX: usize = 5;

/// A connection to one method. Every call has a tag that comes back with its answer.
pub struct Unary {
    path: &'static str,
    received: Vec<u8>,
    next_stream: u32,
    calls: HashMap<u32, Call>,
    /// Bytes the server takes before it has to say that it takes more.
    window: i64,
    waiting: VecDeque<(usize, Vec<u8>)>,
}

struct Call {
    tag: usize,
    answer: Vec<u8>,
}

impl Unary {
    pub fn to(path: &'static str) -> Self {
        Self {
            path,
            received: Vec::new(),
            next_stream: 1,
            calls: HashMap::new(),
            window: INITIAL_WINDOW,
            waiting: VecDeque::new(),
        }
    }

    pub fn hello(&self, out: &mut Vec<u8>) {
        out.extend(PREFACE);
        frame(SETTINGS, 0, 0, &[], out);
        let more = LARGEST_WINDOW - INITIAL_WINDOW as u32;
        frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes(), out);
    }

    pub fn call(&mut self, tag: usize, message: Vec<u8>, out: &mut Vec<u8>) {
        self.waiting.push_back((tag, message));
        self.send_waiting(out);
    }

    /// Takes what arrived. Each answer is a message, or `None` for a call that failed.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        mut answered: impl FnMut(usize, Option<&[u8]>),
    ) -> Result<()> {
        let mut received = std::mem::take(&mut self.received);
        received.extend(bytes);
        let mut rest = &received[..];
        while let Some((header, body)) = rest.split_at_checked(FRAME_HEADER) {
            let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
            let Some((payload, behind)) = body.split_at_checked(length) else {
                break;
            };
            let stream = number(&header[5..9]) & LARGEST_WINDOW;
            self.take(header[3], header[4], stream, payload, out, &mut answered)?;
            rest = behind;
        }
        self.received = rest.to_vec();
        self.send_waiting(out);
        Ok(())
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
        out: &mut Vec<u8>,
        answered: &mut impl FnMut(usize, Option<&[u8]>),
    ) -> Result<()> {
        match kind {
            DATA => {
                ensure!(flags & PADDED == 0, "a padded frame, which no gRPC server sends");
                if let Some(call) = self.calls.get_mut(&stream) {
                    call.answer.extend(payload);
                }
            }
            SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[], out),
            PING if flags & ACK == 0 => frame(PING, ACK, 0, payload, out),
            WINDOW_UPDATE if stream == 0 && payload.len() == 4 => self.window += i64::from(number(payload)),
            GOAWAY => bail!("the server says goodbye"),
            _ => {}
        }
        let ends = matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 || kind == RST_STREAM;
        if ends && let Some(call) = self.calls.remove(&stream) {
            let message = call.answer.get(MESSAGE_PREFIX..).filter(|_| kind != RST_STREAM);
            answered(call.tag, message);
        }
        Ok(())
    }

    fn send_waiting(&mut self, out: &mut Vec<u8>) {
        while let Some((_, message)) = self.waiting.front()
            && self.window >= (message.len() + MESSAGE_PREFIX) as i64
        {
            let (tag, message) = self.waiting.pop_front().expect("invariant: it was just looked at");
            self.window -= (message.len() + MESSAGE_PREFIX) as i64;
            let stream = self.next_stream;
            self.next_stream += 2;
            frame(HEADERS, END_HEADERS, stream, &self.headers(stream == 1), out);
            let mut data = vec![0];
            data.extend((message.len() as u32).to_be_bytes());
            data.extend(message);
            frame(DATA, END_STREAM, stream, &data, out);
            self.calls.insert(
                stream,
                Call {
                    tag,
                    answer: Vec::new(),
                },
            );
        }
    }

    /// A header block (RFC 7541). The first one enters its fields into the table that both sides keep; each later
    /// one refers to them in six bytes, as every gRPC client does.
    fn headers(&self, first: bool) -> Vec<u8> {
        const POST: u8 = 0x83;
        const HTTP: u8 = 0x86;
        if !first {
            return vec![POST, HTTP, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62];
        }
        let mut block = vec![POST, HTTP];
        let mut literal = |name: &[u8], value: &str| {
            block.extend(name);
            block.push(value.len() as u8);
            block.extend(value.as_bytes());
        };
        literal(&[0x40 | 4], self.path);
        literal(&[0x40 | 1], "etcd");
        literal(&[0x40 | 31], "application/grpc");
        literal(b"\x40\x02te", "trailers");
        block
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

fn number(four: &[u8]) -> u32 {
    four.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(unary: &mut Unary, bytes: &[u8], out: &mut Vec<u8>) -> Vec<(usize, Option<Vec<u8>>)> {
        let mut seen = Vec::new();
        unary
            .receive(bytes, out, |tag, message| seen.push((tag, message.map(<[u8]>::to_vec))))
            .unwrap();
        seen
    }

    #[test]
    fn an_answer_in_single_bytes_is_one_answer() {
        let (mut unary, mut out) = (Unary::to("/p"), Vec::new());
        unary.call(7, b"q".to_vec(), &mut out);
        let mut reply = Vec::new();
        frame(HEADERS, END_HEADERS, 1, &[0x88], &mut reply);
        frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 0x10, 0x01], &mut reply);
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[], &mut reply);
        let seen: Vec<_> = reply
            .iter()
            .flat_map(|byte| answers(&mut unary, &[*byte], &mut out))
            .collect();
        assert_eq!(seen, [(7, Some(vec![0x10, 0x01]))]);
    }

    #[test]
    fn a_call_that_fails_has_trailers_and_no_message() {
        let (mut unary, mut out) = (Unary::to("/p"), Vec::new());
        unary.call(1, b"q".to_vec(), &mut out);
        unary.call(2, b"q".to_vec(), &mut out);
        let mut reply = Vec::new();
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x88], &mut reply);
        frame(RST_STREAM, 0, 3, &[0, 0, 0, 8], &mut reply);
        assert_eq!(answers(&mut unary, &reply, &mut out), [(1, None), (2, None)]);
    }

    #[test]
    fn a_ping_is_answered_and_a_full_window_waits() {
        let (mut unary, mut out) = (Unary::to("/p"), Vec::new());
        unary.call(0, vec![0; 60_000], &mut out);
        out.clear();
        unary.call(1, vec![0; 60_000], &mut out);
        assert!(out.is_empty());
        let mut reply = Vec::new();
        frame(PING, 0, 0, b"12345678", &mut reply);
        frame(WINDOW_UPDATE, 0, 0, &60_000_u32.to_be_bytes(), &mut reply);
        answers(&mut unary, &reply, &mut out);
        assert_eq!(out[..17], *b"\0\0\x08\x06\x01\0\0\0\x0012345678");
        assert!(out.len() > 60_000);
    }
}
