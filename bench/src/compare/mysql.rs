//! MariaDB's client protocol, as little of it as one prepared statement needs: the conditional update that consumes a
//! code, in a transaction of its own (autocommit). Binary execution, so that the server parses the statement once.
//!
//! A connection carries one request at a time. The account has no password: the server listens on loopback, for the time
//! of a measurement.

use anyhow::{Result, bail, ensure};

use super::wire::{Code, Protocol, Verdict};

const UPDATE: &str = "UPDATE codes SET last_step = ? WHERE user = ? AND last_step < ?";

const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;

/// Of a prepared statement: each parameter is described by a packet, and an end-of-file packet follows.
const PARAMETERS: u8 = 3;

/// LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;

/// The type LONGLONG, unsigned.
const UNSIGNED_64: [u8; 2] = [0x08, 0x80];

enum Stage {
    Greeting,
    Login,
    Prepare,
    Described { statement: u32, left: u8 },
    Ready { statement: u32 },
}

pub struct Mysql {
    stage: Stage,
    received: Vec<u8>,
    in_flight: Option<usize>,
}

impl Mysql {
    pub fn new() -> Self {
        Self {
            stage: Stage::Greeting,
            received: Vec::new(),
            in_flight: None,
        }
    }

    fn take(&mut self, payload: &[u8], sequence: u8, out: &mut Vec<u8>) -> Result<Option<Verdict>> {
        let ready = matches!(self.stage, Stage::Ready { .. });
        if payload.first() == Some(&0xff) && !ready {
            bail!(
                "MariaDB refuses: {}",
                String::from_utf8_lossy(payload.get(3..).unwrap_or_default())
            );
        }
        match &mut self.stage {
            Stage::Greeting => {
                packet(sequence + 1, &login(), out);
                self.stage = Stage::Login;
            }
            Stage::Login => {
                ensure!(payload.first() == Some(&0), "MariaDB wants another authentication");
                let mut prepare = vec![COM_STMT_PREPARE];
                prepare.extend(UPDATE.as_bytes());
                packet(0, &prepare, out);
                self.stage = Stage::Prepare;
            }
            Stage::Prepare => {
                let statement = payload
                    .get(1..5)
                    .and_then(|id| id.try_into().ok())
                    .map(u32::from_le_bytes);
                let Some(statement) = statement else {
                    bail!("a short answer to a prepare")
                };
                self.stage = Stage::Described {
                    statement,
                    left: PARAMETERS + 1,
                };
            }
            Stage::Described { statement, left } => {
                *left -= 1;
                if *left == 0 {
                    self.stage = Stage::Ready { statement: *statement };
                }
            }
            // A number of changed rows below 251 is one byte.
            Stage::Ready { .. } => {
                return Ok(Some(match payload {
                    [0, 1, ..] => Verdict::Accepted,
                    [0, 0, ..] => Verdict::Refused,
                    _ => Verdict::Failed,
                }));
            }
        }
        Ok(None)
    }
}

impl Protocol for Mysql {
    fn hello(&mut self, _out: &mut Vec<u8>) {}

    fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready { .. })
    }

    fn consume(&mut self, slot: usize, code: Code, out: &mut Vec<u8>) {
        let Stage::Ready { statement } = self.stage else { return };
        self.in_flight = Some(slot);
        let mut execute = vec![COM_STMT_EXECUTE];
        execute.extend(statement.to_le_bytes());
        // No cursor, one iteration, no NULLs, types follow.
        execute.extend([0, 1, 0, 0, 0, 0, 1]);
        execute.extend(UNSIGNED_64.repeat(usize::from(PARAMETERS)));
        for value in [code.step, code.user, code.step] {
            execute.extend(value.to_le_bytes());
        }
        packet(0, &execute, out);
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>, verdicts: &mut Vec<(usize, Verdict)>) -> Result<()> {
        let mut received = std::mem::take(&mut self.received);
        received.extend(bytes);
        let mut rest = &received[..];
        while let Some((header, body)) = rest.split_at_checked(4) {
            let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            let Some((payload, behind)) = body.split_at_checked(length) else {
                break;
            };
            if let Some(verdict) = self.take(payload, header[3], out)? {
                let slot = self.in_flight.take();
                verdicts.extend(slot.map(|slot| (slot, verdict)));
            }
            rest = behind;
        }
        self.received = rest.to_vec();
        Ok(())
    }
}

/// HandshakeResponse41 of root, without a password.
fn login() -> Vec<u8> {
    let mut login = Vec::new();
    login.extend(CAPABILITIES.to_le_bytes());
    login.extend((1_u32 << 24).to_le_bytes());
    // utf8_general_ci, then what is reserved.
    login.push(33);
    login.extend([0; 23]);
    login.extend(b"root\0\0bench\0mysql_native_password\0");
    login
}

fn packet(sequence: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.extend(&(payload.len() as u32).to_le_bytes()[..3]);
    out.push(sequence);
    out.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(mysql: &mut Mysql, sequence: u8, payload: &[u8]) -> (Vec<u8>, Vec<(usize, Verdict)>) {
        let (mut bytes, mut out, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
        packet(sequence, payload, &mut bytes);
        // In two pieces, as TCP may deliver it.
        let (one, other) = bytes.split_at(3);
        mysql.receive(one, &mut out, &mut verdicts).unwrap();
        mysql.receive(other, &mut out, &mut verdicts).unwrap();
        (out, verdicts)
    }

    fn ready() -> Mysql {
        let mut mysql = Mysql::new();
        assert_eq!(say(&mut mysql, 0, b"\x0a10.11").0[3], 1);
        assert_eq!(say(&mut mysql, 2, &[0, 0, 0, 2, 0, 0, 0]).0[4], COM_STMT_PREPARE);
        say(&mut mysql, 1, &[0, 9, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
        for described in 0..4 {
            assert!(!mysql.is_ready());
            say(&mut mysql, 2 + described, b"a parameter");
        }
        assert!(mysql.is_ready());
        mysql
    }

    #[test]
    fn one_changed_row_is_an_accept_and_none_a_refusal() {
        let mut mysql = ready();
        let answers = [
            (&[0_u8, 1, 0][..], Verdict::Accepted),
            (&[0, 0, 0], Verdict::Refused),
            (b"\xff\xbd\x04#40001Deadlock", Verdict::Failed),
        ];
        for (slot, (answer, verdict)) in answers.into_iter().enumerate() {
            let mut out = Vec::new();
            mysql.consume(slot, Code { user: 3, step: 5 }, &mut out);
            assert_eq!(out[4..9], [COM_STMT_EXECUTE, 9, 0, 0, 0]);
            assert_eq!(say(&mut mysql, 1, answer).1, [(slot, verdict)]);
        }
    }

    #[test]
    fn a_refused_login_is_an_error() {
        let mut mysql = Mysql::new();
        let mut bytes = Vec::new();
        packet(0, b"\xff\x10\x04Too many connections", &mut bytes);
        assert!(mysql.receive(&bytes, &mut Vec::new(), &mut Vec::new()).is_err());
    }
}
