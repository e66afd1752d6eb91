//! Every kind of code is single-use in the whole cluster: the same code at three nodes at once, a leader killed among them.
//!
//! Codes are made apart from the product: HOTP by `otp.rs` (which is held against oathtool), a YubiKey's by openssl.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster,
    api::Api,
    crowd::{Crowd, Login},
    limits, otp,
    wire::Request,
    with_cluster,
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

/// Codes of each kind.
const ROUNDS: usize = 20;

/// Requests in flight at most: those to a node that was killed stay unanswered for a while.
const IN_FLIGHT: usize = 90;

/// A code: of what kind, whose, and what is typed.
struct Code {
    kind: &'static str,
    user: String,
    typed: String,
}

#[test]
fn every_kind_of_code_is_accepted_once_at_three_nodes_at_once() {
    with_cluster(3, |cluster| {
        let codes = codes(&cluster.api()?)?;
        cluster.converged()?;
        let mut client = cluster.passcode_client();
        let mut accepts: BTreeMap<(&str, usize), u32> = BTreeMap::new();
        let victim = cluster.leader()?;
        for (number, code) in codes.iter().enumerate() {
            if number == codes.len() / 2 {
                cluster.nodes[victim].kill()?;
            }
            everywhere(cluster, &mut client, number, code)?;
            while client.in_flight() > IN_FLIGHT {
                note(&mut accepts, &codes, client.ended(limits::LAST_REPLY)?);
            }
            note(&mut accepts, &codes, client.ended(Duration::from_millis(5))?);
        }
        note(&mut accepts, &codes, client.all_ended()?);
        judge(&accepts)
    });
}

/// Codes of all kinds, mixed. Those of one token in the order in which its device shows them.
fn codes(api: &Api) -> Result<Vec<Code>> {
    let mut all = Vec::new();
    let fob = *b"twenty bytes of seed";
    make(
        api,
        "holder",
        &json!({"kind": "hotp", "secret_base32": otp::seed_to_base32(&fob)}),
    )?;
    let (key, private_id) = ([7u8; 16], [9u8; 6]);
    let yubikey = json!({
        "kind": "yubikey", "public_id": "cccccccccccd",
        "aes_key": HEXLOWER.encode(&key), "private_id": HEXLOWER.encode(&private_id),
    });
    make(api, "toucher", &yubikey)?;
    let mut sheet = Vec::new();
    for round in 0..ROUNDS {
        let code = |kind, user: &str, typed: String| Code {
            kind,
            user: user.to_owned(),
            typed,
        };
        all.push(code("hotp", "holder", otp::code(&fob, round as u64)));
        all.push(code(
            "yubikey",
            "toucher",
            yubikey_code(&key, &private_id, round as u8)?,
        ));
        if sheet.is_empty() {
            sheet = shown(&make(api, &format!("reader{round}"), &json!({"kind": "recovery"}))?);
        }
        let reader = format!("reader{}", round - round % 10);
        all.push(code("recovery", &reader, sheet.pop().context("a code of the sheet")?));
        let visitor = format!("visitor{round}");
        let once = shown(&make(api, &visitor, &json!({"kind": "temporary", "uses": 1}))?);
        all.push(code("temporary", &visitor, once.concat()));
        let walker = format!("walker{round}");
        let seed = [round as u8; 20];
        make(
            api,
            &walker,
            &json!({"kind": "totp", "secret_base32": otp::seed_to_base32(&seed)}),
        )?;
        all.push(code("totp", &walker, otp::code(&seed, otp::timestep())));
    }
    Ok(all)
}

fn make(api: &Api, user: &str, token: &Value) -> Result<Value> {
    api.post("/api/v1/users", &json!({"name": user}))?;
    api.post(&format!("/api/v1/users/{user}/tokens"), token)
}

fn shown(created: &Value) -> Vec<String> {
    let codes = created["codes"].as_array().into_iter().flatten();
    codes.filter_map(|code| code.as_str().map(str::to_owned)).collect()
}

/// What a YubiKey types that was plugged in once: the block of Yubico's manual, under openssl's AES.
fn yubikey_code(key: &[u8; 16], private_id: &[u8; 6], press: u8) -> Result<String> {
    let mut block = private_id.to_vec();
    block.extend([1, 0, 0x34, 0x12, 0, press, 0xaa, 0x55]);
    let crc = !block.iter().fold(0xffffu16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let carry = crc & 1 == 1;
            if carry { crc >> 1 ^ 0x8408 } else { crc >> 1 }
        })
    });
    block.extend(crc.to_le_bytes());
    let mut openssl = Command::new("openssl")
        .args(["enc", "-aes-128-ecb", "-nopad", "-K", &HEXLOWER.encode(key)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("openssl is installed (ops/test installs it)")?;
    openssl.stdin.take().context("a pipe")?.write_all(&block)?;
    let sealed = openssl.wait_with_output()?.stdout;
    ensure!(sealed.len() == 16, "openssl gave {} bytes", sealed.len());
    let hexadecimal = HEXLOWER.encode(&[[0, 0, 0, 0, 0, 2].as_slice(), &sealed].concat());
    let letter = |digit: char| b"cbdefghijklnrtuv"[digit.to_digit(16).unwrap_or(0) as usize];
    Ok(hexadecimal.chars().map(|digit| char::from(letter(digit))).collect())
}

/// Sends one code to all nodes, in a request of its own each: nothing but the code is the same.
fn everywhere(cluster: &Cluster, client: &mut Crowd<usize>, number: usize, code: &Code) -> Result<()> {
    for node in 0..3 {
        let request = Request::access(client.secret(), &code.user, code.typed.as_bytes(), None);
        let server = cluster.nodes[(number + node) % 3].radius;
        client.send(number, Login::once(request, server))?;
    }
    Ok(())
}

fn note<'a>(
    accepts: &mut BTreeMap<(&'a str, usize), u32>,
    codes: &'a [Code],
    ended: Vec<cluster_tests::crowd::Ended<usize>>,
) {
    for request in ended {
        let accepted = request.reply.is_some_and(|reply| reply.is_accept());
        *accepts.entry((codes[request.tag].kind, request.tag)).or_default() += u32::from(accepted);
    }
}

fn judge(accepts: &BTreeMap<(&str, usize), u32>) -> Result<()> {
    let twice: Vec<_> = accepts.iter().filter(|(_, accepts)| **accepts > 1).collect();
    ensure!(twice.is_empty(), "accepted more than once: {twice:?}");
    let mut once: BTreeMap<&str, usize> = BTreeMap::new();
    for ((kind, _), accepts) in accepts {
        *once.entry(kind).or_default() += *accepts as usize;
    }
    println!("accepted once, of {ROUNDS} codes each at three nodes: {once:?}");
    // What is missing died with the leader.
    let few: Vec<_> = once
        .iter()
        .filter(|(_, accepted)| **accepted * 10 < ROUNDS * 7)
        .collect();
    ensure!(once.len() == 5 && few.is_empty(), "too few were accepted: {once:?}");
    Ok(())
}
