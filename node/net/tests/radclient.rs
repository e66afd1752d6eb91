//! FreeRADIUS's radclient as the NAS: another implementation of the RFCs agrees with ours.
//!
//! radclient verifies the Response Authenticator and, where there is one, the Message-Authenticator, and says nothing
//! of replies that fail. It is in Debian's `freeradius-utils`, which `ops/test` installs.

#![allow(clippy::unwrap_used)] // a panic here is a failing test

mod house;

use std::process::Stdio;

use house::{House, SECRET, vpn};
use quorate_app::Decision;
use quorate_core::Reason;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Gives radclient these attributes and returns all it says.
async fn radclient(house: &House, command: &str, secret: &[u8], attributes: &str) -> String {
    let server = house.address().to_string();
    let secret = std::str::from_utf8(secret).unwrap();
    let mut radclient = Command::new("radclient")
        .args(["-x", "-r", "1", "-t", "2", &server, command, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("radclient is missing: install freeradius-utils, or run ops/test");
    radclient
        .stdin
        .take()
        .unwrap()
        .write_all(attributes.as_bytes())
        .await
        .unwrap();
    let output = radclient.wait_with_output().await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn radclient_is_carried_through_a_challenge() {
    let house = House::open(vpn(), |login| match login.state.as_deref() {
        None => Decision::Challenge {
            state: b"opaque".to_vec(),
            prompt: "Code?".into(),
        },
        Some(b"opaque") if login.password[..] == *b"123456" => Decision::Accept,
        Some(_) => Decision::Reject(Reason::WrongCode),
    });
    let house = house.await;
    let ada = "User-Name = ada, Message-Authenticator = 0x00";
    let first = radclient(
        &house,
        "auth",
        SECRET,
        &format!("{ada}, User-Password = \"correct horse\""),
    )
    .await;
    assert!(first.contains("Received Access-Challenge"), "{first}");
    assert!(first.contains("State = 0x6f7061717565"), "{first}");
    assert!(first.contains("Reply-Message = \"Code?\""), "{first}");
    let second = format!("{ada}, User-Password = 123456, State = 0x6f7061717565, Proxy-State = 0x01ff");
    let second = radclient(&house, "auth", SECRET, &second).await;
    assert!(second.contains("Received Access-Accept"), "{second}");
    assert!(second.contains("Proxy-State = 0x01ff"), "{second}");
    let wrong = format!("{ada}, User-Password = 000000, State = 0x6f7061717565");
    let wrong = radclient(&house, "auth", SECRET, &wrong).await;
    assert!(wrong.contains("Received Access-Reject"), "{wrong}");
}

#[tokio::test]
async fn radclient_reads_the_longest_password_to_the_last_octet() {
    let password = "0123456789abcdef".repeat(8);
    let expected = password.clone();
    let house = House::open(vpn(), move |login| match login.password[..] == *expected.as_bytes() {
        true => Decision::Accept,
        false => Decision::Reject(Reason::WrongPassword),
    });
    let house = house.await;
    let request = format!("User-Name = ada, User-Password = {password}, Message-Authenticator = 0x00");
    let said = radclient(&house, "auth", SECRET, &request).await;
    assert!(said.contains("Received Access-Accept"), "{said}");
}

#[tokio::test]
async fn radclient_gets_an_answer_to_status_server_and_silence_with_a_wrong_secret() {
    let house = House::open(vpn(), |_| Decision::Accept).await;
    let status = radclient(&house, "status", SECRET, "Message-Authenticator = 0x00").await;
    assert!(status.contains("Received Access-Accept"), "{status}");
    let wrong = radclient(&house, "status", b"guessed", "Message-Authenticator = 0x00").await;
    assert!(wrong.contains("No reply from server"), "{wrong}");
    assert_eq!(house.drops("wrong_message_authenticator"), 1);
}
