//! Controllers that send what no controller should: the connection ends, the process does not.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use quorate_directories::Authority;
use quorate_directory::{Directory, Failure, FindError, Security, Unavailable};
use support::{controller, settings, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A controller that answers the first request with these bytes, and keeps the connection.
async fn answers(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.read(&mut [0; 1024]).await;
            });
        }
    });
    address
}

async fn failure(bytes: Vec<u8>, security: Security) -> Failure {
    let mut rude = settings(&Authority::new("Example CA").unwrap(), &[]);
    rude.controllers = vec![controller(answers(bytes).await, security)];
    match Directory::new(rude).unwrap().find("alice", soon()).await {
        Err(FindError::Unavailable(Unavailable::Controllers(failures))) => failures[0].1.clone(),
        other => panic!("{other:?}"),
    }
}

/// What ldap3 by itself dies of, or waits for ever.
#[tokio::test]
async fn rubbish_is_named_and_survived() {
    let nested = [0x30, 0x83, 1, 0, 0, 2, 1, 1]
        .into_iter()
        .chain([0x30, 0x80].into_iter().cycle().take(65_533))
        .collect();
    let cases: [(&str, Vec<u8>); 8] = [
        ("no sequence", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("a message of four gigabytes", vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("an empty message", vec![0x30, 0]),
        ("no operation", vec![0x30, 3, 2, 1, 1]),
        ("a result without a code", vec![0x30, 7, 2, 1, 1, 0x61, 2, 4, 0]),
        (
            "an entry as the answer to a bind",
            vec![0x30, 9, 2, 1, 1, 0x64, 4, 4, 0, 0x30, 0],
        ),
        (
            "a control without content",
            vec![0x30, 18, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 4, 0x30, 2, 1, 0],
        ),
        ("nested without end", nested),
    ];
    for (what, bytes) in cases {
        let failure = failure(bytes, Security::Plain).await;
        assert!(matches!(failure, Failure::Malformed(_)), "{what}: {failure}");
    }
}

#[tokio::test]
async fn starttls_is_not_taken_from_anybody() {
    // A refusal, and rubbish.
    let refusal = vec![0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 52, 4, 0, 4, 0];
    assert!(matches!(
        failure(refusal, Security::StartTls).await,
        Failure::StartTls { .. }
    ));
    let rubbish = vec![0x30, 3, 2, 1, 1];
    assert!(matches!(
        failure(rubbish, Security::StartTls).await,
        Failure::Malformed(_)
    ));
    // Consent, and the answer to a bind behind it in clear: TLS does not take it for anything.
    let mut injected = vec![0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, 0, 4, 0, 4, 0];
    injected.extend([0x30, 12, 2, 1, 2, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]);
    assert!(matches!(
        failure(injected, Security::StartTls).await,
        Failure::Tls { .. }
    ));
}

/// A controller that answers every request with the next of these, and closes the connection after the last.
async fn recites(answers: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for answer in answers {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    address
}

/// What a good controller says: yes to the service account, with a control; an entry; the end of the search.
fn good_answers() -> [Vec<u8>; 3] {
    let bound = [
        &[
            0x30, 40, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0, 0xa0, 26, 0x30, 24, 4, 12,
        ][..],
        b"1.2.3.4.5.67",
        &[1, 1, 0, 4, 5, 0x30, 3, 0x81, 1, 9],
    ];
    let entry = [
        &[0x30, 37, 2, 1, 2, 0x64, 32, 4, 9][..],
        b"uid=alice",
        &[0x30, 19, 0x30, 17, 4, 3],
        b"uid",
        &[0x31, 10, 4, 5],
        b"alice",
        &[4, 1, 0xff],
    ];
    let done = [0x30, 12, 2, 1, 2, 0x65, 7, 10, 1, 0, 4, 0, 4, 0];
    [bound.concat(), entry.concat(), done.to_vec()]
}

/// ldap3 panics in a task, which a test would not notice by itself; a release would end.
#[tokio::test]
async fn no_damaged_byte_brings_the_library_down() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(panic);
    }));
    let mut plain = 0;
    for (message, good) in good_answers().into_iter().enumerate() {
        for at in 0..good.len() {
            for damage in [0x00, 0x01, 0x04, 0x20, 0x30, 0x80, 0xa0, 0xff] {
                let mut answers = good_answers();
                answers[message][at] ^= damage;
                let [bound, entry, done] = answers;
                let address = recites(vec![bound, [entry, done].concat()]).await;
                let mut asking = settings(&Authority::new("Example CA").unwrap(), &[]);
                asking.trust = quorate_directory::Trust::Pinned(vec![[0; 32]]);
                asking.controllers = vec![controller(address, Security::Plain)];
                asking.groups = None;
                asking.timeouts.operation = std::time::Duration::from_millis(300);
                let found = Directory::new(asking).unwrap().find("alice", soon()).await;
                plain += usize::from(found.is_ok());
                assert_eq!(
                    PANICS.load(Ordering::SeqCst),
                    0,
                    "message {message}, byte {at} ^ {damage:#x}"
                );
            }
        }
    }
    assert!(plain >= 95, "undamaged, everything is found: {plain}");
}
