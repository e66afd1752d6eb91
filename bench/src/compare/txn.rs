//! etcd's `KV/Txn`: the messages of `rpc.proto` that consuming a code needs, by field number.

use anyhow::Result;

use super::{
    http2::Unary,
    wire::{Code, Protocol, Verdict},
};

const PATH: &str = "/etcdserverpb.KV/Txn";

/// Operations in one transaction: etcd's own limit.
pub const USERS_AT_ONCE: usize = 128;

/// A connection for transactions.
pub struct Txn {
    connection: Unary,
    message: fn(Code) -> Vec<u8>,
    ready: bool,
}

impl Txn {
    /// Consumes codes: `value(user) < step ? put(user, step) : nothing`, decided when the entry is applied.
    pub fn consuming() -> Self {
        Self::sending(conditional)
    }

    /// Enters [`USERS_AT_ONCE`] users from `code.user` on, each with `code.step`.
    pub fn entering() -> Self {
        Self::sending(many)
    }

    fn sending(message: fn(Code) -> Vec<u8>) -> Self {
        Self {
            connection: Unary::to(PATH),
            message,
            ready: false,
        }
    }
}

impl Protocol for Txn {
    fn hello(&mut self, out: &mut Vec<u8>) {
        self.connection.hello(out);
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    fn consume(&mut self, slot: usize, code: Code, out: &mut Vec<u8>) {
        self.connection.call(slot, (self.message)(code), out);
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, verdicts: &mut Vec<(usize, Verdict)>) -> Result<()> {
        // The server's first words are its settings.
        self.ready = true;
        self.connection.receive(bytes, out, |slot, message| {
            verdicts.push((slot, message.map_or(Verdict::Failed, verdict)));
        })
    }
}

/// TxnRequest { compare: [Compare { LESS, VALUE, key, value }], success: [put] }.
fn conditional(code: Code) -> Vec<u8> {
    const LESS: u64 = 2;
    const VALUE: u64 = 3;
    let mut compare = Vec::with_capacity(40);
    integer(1, LESS, &mut compare);
    integer(2, VALUE, &mut compare);
    bytes(3, &key(code.user), &mut compare);
    bytes(7, &code.step.to_be_bytes(), &mut compare);
    let mut transaction = Vec::with_capacity(96);
    bytes(1, &compare, &mut transaction);
    bytes(2, &put(code.user, code.step), &mut transaction);
    transaction
}

/// TxnRequest { success: [put, put, …] }, without a condition.
fn many(first: Code) -> Vec<u8> {
    let mut transaction = Vec::new();
    for user in (first.user..).take(USERS_AT_ONCE) {
        bytes(2, &put(user, first.step), &mut transaction);
    }
    transaction
}

/// RequestOp { request_put: PutRequest { key, value } }.
fn put(user: u64, step: u64) -> Vec<u8> {
    let mut put = Vec::with_capacity(32);
    bytes(1, &key(user), &mut put);
    // Big-endian, so that etcd's comparison of bytes is one of numbers.
    bytes(2, &step.to_be_bytes(), &mut put);
    let mut operation = Vec::with_capacity(36);
    bytes(2, &put, &mut operation);
    operation
}

fn key(user: u64) -> Vec<u8> {
    format!("code/{user:08}").into_bytes()
}

/// TxnResponse { header: 1, succeeded: 2, responses: 3 }. A field that is false is left out.
fn verdict(mut message: &[u8]) -> Verdict {
    while let [tag, rest @ ..] = message {
        let Some((value, behind)) = varint(rest) else {
            return Verdict::Failed;
        };
        match tag {
            0x10 if value != 0 => return Verdict::Accepted,
            0x10 => return Verdict::Refused,
            // Bytes: what was read is their length.
            _ => match behind.get(value as usize..) {
                Some(after) => message = after,
                None => return Verdict::Failed,
            },
        }
    }
    Verdict::Refused
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let value = bytes[..=end]
        .iter()
        .rev()
        .fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, &bytes[end + 1..]))
}

fn integer(field: u8, value: u64, out: &mut Vec<u8>) {
    out.push(field << 3);
    push_varint(value, out);
}

fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    push_varint(value.len() as u64, out);
    out.extend(value);
}

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_in_bytes() {
        let mut expected = vec![0x0a, 29, 0x08, 2, 0x10, 3, 0x1a, 13];
        expected.extend(b"code/00000005");
        expected.extend([0x3a, 8, 0, 0, 0, 0, 0, 0, 1, 0]);
        expected.extend([0x12, 27, 0x12, 25, 0x0a, 13]);
        expected.extend(b"code/00000005");
        expected.extend([0x12, 8, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(conditional(Code { user: 5, step: 256 }), expected);
    }

    #[test]
    fn an_answer_is_read_past_its_header() {
        let header = [0x0a, 3, 0x08, 0xff, 0x01];
        assert_eq!(verdict(&[&header[..], &[0x10, 1]].concat()), Verdict::Accepted);
        assert_eq!(verdict(&header), Verdict::Refused);
        assert_eq!(verdict(&[0x0a, 200]), Verdict::Failed);
    }

    #[test]
    fn varints_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            push_varint(value, &mut out);
            out.push(9);
            assert_eq!(varint(&out), Some((value, &[9][..])));
        }
    }
}
