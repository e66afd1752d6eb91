//! Syslog against Debian's rsyslog: what arrives is what was sent, and what does not arrive is said.

mod world;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use quorate_alerts::syslog::{Facility, Kind, Origin, Record, Server, ServerSettings, Syslog, Transport};
use rustix::process::Signal;
use world::{Arrived, Ca, Ears, LIMIT, Rsyslog, dice, until};

const BOM: &str = "\u{feff}";

fn plain(_: &std::path::Path) -> Result<Ears> {
    Ok(Ears::Plain)
}

fn origin() -> Origin {
    Origin {
        host: "ankara-1".to_owned(),
        process: 4_242,
    }
}

fn start(settings: ServerSettings) -> Result<Server> {
    Ok(Server::start(settings, origin(), dice())?)
}

fn record(seq: u64) -> Record {
    Record {
        at_ms: 1_700_000_000_000 + seq,
        kind: Kind::Accepted,
        name: "login_accepted".to_owned(),
        facts: vec![("user", format!("user{seq}"))],
        text: format!("login of user{seq} accepted"),
        seq: Some(seq),
    }
}

/// A login by somebody who would like to write into our log.
fn hostile() -> Record {
    Record {
        at_ms: 1_700_000_000_123,
        kind: Kind::Rejected,
        name: "login_rejected".to_owned(),
        facts: vec![
            ("user", "zoë \"]\\ \n<0>1 - forged - - - -\u{202e}\0".to_owned()),
            ("client", "vpn".to_owned()),
            ("result", "rejected".to_owned()),
            ("reason", "wrong_code".to_owned()),
            ("method", "two_step".to_owned()),
            ("source", "2001:db8::1".to_owned()),
            ("node", "3".to_owned()),
        ],
        text: "login of zoë\r\nthrough vpn rejected".to_owned(),
        seq: Some(7),
    }
}

async fn arrival(rsyslog: &Rsyslog, seq: u64) -> Result<Arrived> {
    let found = until(format!("message {seq} to arrive"), || {
        rsyslog.arrived().into_iter().find(|message| message.seq() == Some(seq))
    });
    found.await.with_context(|| rsyslog.said())
}

fn check_hostile(arrived: &Arrived, facility: u8) -> Result<()> {
    for (field, expected) in [
        ("pri", (facility * 8 + 5).to_string()),
        ("version", "1".to_owned()),
        ("host", "ankara-1".to_owned()),
        ("app", "quorate".to_owned()),
        ("process", "4242".to_owned()),
        ("id", "login_rejected".to_owned()),
    ] {
        ensure!(
            arrived.field(field) == expected,
            "{field} is not {expected}: {arrived:?}"
        );
    }
    ensure!(
        arrived.field("time").starts_with("2023-11-14T22:13:20.123"),
        "{arrived:?}"
    );
    let user = "zoë \"]\\ \u{fffd}<0>1 - forged - - - -\u{fffd}\u{fffd}";
    for (fact, expected) in [
        ("user", user),
        ("client", "vpn"),
        ("result", "rejected"),
        ("reason", "wrong_code"),
        ("method", "two_step"),
        ("source", "2001:db8::1"),
        ("node", "3"),
    ] {
        ensure!(
            arrived.fact(fact).as_deref() == Some(expected),
            "{fact} is not {expected}: {arrived:?}"
        );
    }
    let text = arrived.field("text");
    let text = text.strip_prefix(BOM).unwrap_or(text);
    ensure!(
        text == "login of zoë\u{fffd}\u{fffd}through vpn rejected",
        "{arrived:?}"
    );
    Ok(())
}

#[tokio::test]
async fn over_udp_and_tcp_what_arrives_is_what_was_sent() -> Result<()> {
    let rsyslog = Rsyslog::started(plain).await?;
    for (transport, input, facility) in [
        (Transport::Udp, "imudp", Some(Facility::Local4)),
        (Transport::Tcp, "imtcp", None),
    ] {
        let before = rsyslog.arrived().len();
        let server = start(ServerSettings {
            facility,
            ..ServerSettings::to(&rsyslog.address(), transport)
        })?;
        ensure!(server.offer(&hostile()));
        ensure!(server.offer(&record(8)));
        until("both to arrive", || {
            (rsyslog.arrived().len() >= before + 2).then_some(())
        })
        .await?;
        let arrived = &rsyslog.arrived()[before..];
        check_hostile(&arrived[0], facility.unwrap_or(Facility::Authpriv) as u8)?;
        ensure!(
            arrived.iter().all(|message| message.field("input") == input),
            "{arrived:?}"
        );
        ensure!(arrived.len() == 2, "one line each, and no forged one: {arrived:?}");
        // A datagram can be there before the sender has counted it.
        let counted = until("both to be counted", || {
            Some(server.status()).filter(|status| status.sent == 2)
        });
        let status = counted.await?;
        ensure!((status.connected, status.lost) == (true, 0), "{status:?}");
    }
    Ok(())
}

#[tokio::test]
async fn every_byte_a_user_name_can_have_arrives_as_one_line() -> Result<()> {
    let rsyslog = Rsyslog::started(plain).await?;
    let server = start(ServerSettings::to(&rsyslog.address(), Transport::Tcp))?;
    // All characters below U+3000 and some beyond, thirty at a time.
    let characters: Vec<char> = (0..0x3000)
        .chain(0xfe00..0xffff)
        .chain(0x1f600..0x1f640)
        .filter_map(char::from_u32)
        .collect();
    let names: Vec<String> = characters.chunks(30).map(String::from_iter).collect();
    for (seq, name) in names.iter().enumerate() {
        server.room().await;
        let facts = vec![("user", name.clone())];
        server.offer(&Record {
            facts,
            text: name.clone(),
            ..record(seq as u64)
        });
    }
    let count = names.len();
    until("all to arrive", || (rsyslog.arrived().len() >= count).then_some(())).await?;
    let arrived = rsyslog.arrived();
    ensure!(arrived.len() == count);
    for (seq, message) in arrived.iter().enumerate() {
        ensure!(message.seq() == Some(seq as u64), "{message:?}");
        let user = message.fact("user").context("a user")?;
        let same = |(sent, came): (char, char)| sent == came || came == char::REPLACEMENT_CHARACTER;
        ensure!(user.chars().count() == names[seq].chars().count(), "{message:?}");
        ensure!(names[seq].chars().zip(user.chars()).all(same), "{message:?}");
        ensure!(!user.contains(char::is_control), "{message:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_for_a_while_is_told_exactly_what_it_lost() -> Result<()> {
    const ROOM: u64 = 100;
    const BEFORE: u64 = 20;
    const TOO_MANY: u64 = 37;
    let mut rsyslog = Rsyslog::started(plain).await?;
    let server = start(ServerSettings {
        queue: ROOM as usize,
        ..ServerSettings::to(&rsyslog.address(), Transport::Tcp)
    })?;
    for seq in 0..BEFORE {
        ensure!(server.offer(&record(seq)));
    }
    arrival(&rsyslog, BEFORE - 1).await?;
    rsyslog.end(Signal::TERM)?;
    until("the end to be noticed", || (!server.status().connected).then_some(())).await?;
    let all = BEFORE + ROOM + TOO_MANY;
    let taken = (BEFORE..all).filter(|seq| server.offer(&record(*seq))).count() as u64;
    let status = server.status();
    ensure!(
        (taken, status.queued, status.lost) == (ROOM, ROOM, TOO_MANY),
        "{taken} taken, {status:?}"
    );
    ensure!(status.last_error.is_some());

    rsyslog.start().await?;
    let lost = until("the loss to be reported", || {
        rsyslog
            .arrived()
            .into_iter()
            .find(|message| message.field("id") == "messages_lost")
    });
    let lost = lost.await?;
    server.offer(&record(all));
    arrival(&rsyslog, all).await?;

    let facts = ["lost", "first_seq", "last_seq", "from", "to"].map(|name| lost.fact(name).unwrap_or_default());
    let expected = [
        "37",
        "120",
        "156",
        "2023-11-14T22:13:20.120Z",
        "2023-11-14T22:13:20.156Z",
    ];
    ensure!(facts == expected, "{lost:?}");
    ensure!(lost.field("pri") == "43", "syslog.err: {lost:?}");
    let said = "37 messages were lost between 2023-11-14T22:13:20.120Z and 2023-11-14T22:13:20.156Z";
    ensure!(lost.field("text").ends_with(said), "{lost:?}");

    let arrived = rsyslog.arrived();
    let distinct: BTreeSet<u64> = arrived.iter().filter_map(Arrived::seq).collect();
    let expected: BTreeSet<u64> = (0..BEFORE + ROOM).chain([all]).collect();
    ensure!(distinct == expected, "{distinct:?}");
    let place = |seq| arrived.iter().rposition(|message| message.seq() == Some(seq));
    let of_loss = arrived
        .iter()
        .position(|message| message.field("id") == "messages_lost");
    ensure!(
        place(BEFORE + ROOM - 1) < of_loss && of_loss < place(all),
        "in its place"
    );
    let repeated = arrived.iter().filter(|message| message.seq().is_some()).count() as u64 - distinct.len() as u64;
    let status = server.status();
    ensure!(
        repeated == status.repeated && repeated <= BEFORE,
        "{repeated} came twice, {status:?}"
    );
    ensure!(
        (status.sent, status.lost, status.queued) == (BEFORE + ROOM + 1, TOO_MANY, 0),
        "{status:?}"
    );
    Ok(())
}

/// Whoever waits for room loses nothing, however often the server dies; what comes twice can be told by its number.
#[tokio::test]
async fn a_server_that_is_killed_again_and_again_misses_nothing() -> Result<()> {
    const ALL: u64 = 6_000;
    let mut rsyslog = Rsyslog::started(plain).await?;
    let server = start(ServerSettings {
        queue: 64,
        ..ServerSettings::to(&rsyslog.address(), Transport::Tcp)
    })?;
    let offering = async {
        for seq in 0..ALL {
            server.room().await;
            ensure!(server.offer(&record(seq)), "there was room for {seq}");
        }
        Ok(())
    };
    let killing = async {
        for part in 1..4 {
            arrival(&rsyslog, part * ALL / 5).await?;
            rsyslog.end(Signal::KILL)?;
            rsyslog.start().await?;
        }
        Ok(())
    };
    tokio::try_join!(offering, killing)?;
    until("the queue to be empty", || (server.status().queued == 0).then_some(())).await?;
    server.stop(LIMIT).await;
    ensure!(server.oldest_unsettled().is_none(), "the server had closed its side");
    arrival(&rsyslog, ALL - 1).await?;
    let mut arrived: Vec<u64> = rsyslog.arrived().iter().filter_map(Arrived::seq).collect();
    let came = arrived.len();
    arrived.sort_unstable();
    arrived.dedup();
    let status = server.status();
    println!(
        "{ALL} offered, {} distinct arrived, {} twice, {status:?}",
        arrived.len(),
        came - arrived.len()
    );
    ensure!(
        arrived == (0..ALL).collect::<Vec<u64>>(),
        "{} of {ALL} arrived",
        arrived.len()
    );
    ensure!((status.sent, status.lost) == (ALL, 0), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn one_that_is_gone_holds_up_no_other() -> Result<()> {
    let (first, gone) = (Rsyslog::started(plain).await?, Rsyslog::prepare(plain)?);
    let second = Rsyslog::started(plain).await?;
    let small = |rsyslog: &Rsyslog| ServerSettings {
        queue: 2_000,
        ..ServerSettings::to(&rsyslog.address(), Transport::Tcp)
    };
    let settings = vec![small(&first), small(&gone), small(&second)];
    let syslog = Syslog::start(settings, &origin(), &dice())?;
    for seq in 0..3_000 {
        // Those that are there get time to keep up; the one that is gone would never.
        syslog.servers()[0].room().await;
        syslog.servers()[2].room().await;
        syslog.offer(&record(seq));
    }
    for rsyslog in [&first, &second] {
        arrival(rsyslog, 2_999).await?;
    }
    let status = syslog.status();
    let counts: Vec<(u64, u64)> = status.iter().map(|server| (server.sent, server.lost)).collect();
    ensure!(counts == [(3_000, 0), (0, 1_000), (3_000, 0)], "{status:?}");
    syslog.stop().await;
    Ok(())
}

fn tls(rsyslog: &Rsyslog, ca: PathBuf) -> ServerSettings {
    ServerSettings {
        ca: Some(ca),
        ..ServerSettings::to(&rsyslog.address(), Transport::Tls)
    }
}

fn own_ca(rsyslog: &Rsyslog) -> Result<&Ca> {
    match &rsyslog.ears {
        Ears::Tls { ca, .. } => Ok(ca),
        Ears::Plain => anyhow::bail!("no TLS"),
    }
}

/// What a server says went wrong, once it says this; it must not have connected for long enough to send anything.
async fn refused(server: &Server, words: &str) -> Result<()> {
    let said = until(format!("an error with {words:?}"), || {
        let error = server.status().last_error?;
        error.contains(words).then_some(error)
    });
    let said = said.await.with_context(|| format!("{:?}", server.status()))?;
    println!("refused: {said}");
    Ok(())
}

#[tokio::test]
async fn over_tls_what_arrives_is_what_was_sent_and_a_wrong_ca_is_named() -> Result<()> {
    let rsyslog = Rsyslog::started(|folder| {
        Ok(Ears::Tls {
            ca: Box::new(Ca::new(folder, "right")?),
            clients: false,
        })
    })
    .await?;
    let right = own_ca(&rsyslog)?;
    let server = start(tls(&rsyslog, right.file()))?;
    server.offer(&hostile());
    check_hostile(&arrival(&rsyslog, 7).await?, 10)?;
    server.stop(Duration::from_secs(10)).await;
    ensure!(server.oldest_unsettled().is_none());

    let wrong = Ca::new(rsyslog.folder.path(), "wrong")?;
    let server = start(tls(&rsyslog, wrong.file()))?;
    server.offer(&record(8));
    refused(
        &server,
        &format!(
            "localhost has a certificate that no CA in {} has signed",
            wrong.file().display()
        ),
    )
    .await?;
    ensure!(
        server.status().queued == 1 && server.status().sent == 0,
        "{:?}",
        server.status()
    );

    let server = start(ServerSettings {
        server_name: Some("logs.example.org".to_owned()),
        ..tls(&rsyslog, right.file())
    })?;
    server.offer(&record(9));
    refused(&server, "the certificate of logs.example.org is refused").await?;

    let server = start(tls(&rsyslog, "/nonexistent/ca.pem".into()))?;
    refused(&server, "cannot read /nonexistent/ca.pem").await?;
    let seqs: Vec<u64> = rsyslog.arrived().iter().filter_map(Arrived::seq).collect();
    ensure!(seqs == [7], "{seqs:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_gets_one() -> Result<()> {
    let rsyslog = Rsyslog::started(|folder| {
        Ok(Ears::Tls {
            ca: Box::new(Ca::new(folder, "right")?),
            clients: true,
        })
    })
    .await?;
    let right = own_ca(&rsyslog)?;
    let (chain, key) = right.issue("ankara-1")?;
    let without = start(tls(&rsyslog, right.file()))?;
    without.offer(&record(1));
    until("the refusal", || without.status().last_error).await?;
    let with = start(ServerSettings {
        certificate: Some(chain),
        key: Some(key),
        ..tls(&rsyslog, right.file())
    })?;
    with.offer(&record(2));
    arrival(&rsyslog, 2).await?;
    println!("without a certificate: {:?}", without.status().last_error);
    ensure!(
        rsyslog.arrived().iter().all(|message| message.seq() == Some(2)),
        "{:?}",
        rsyslog.arrived()
    );
    Ok(())
}

#[tokio::test]
async fn over_udp_a_refusal_is_noticed_and_nothing_is_lost_that_it_named() -> Result<()> {
    let mut rsyslog = Rsyslog::prepare(plain)?;
    let server = start(ServerSettings::to(&rsyslog.address(), Transport::Udp))?;
    for seq in 0..5 {
        server.offer(&record(seq));
    }
    refused(&server, "refused").await?;
    rsyslog.start().await?;
    for seq in 0..5 {
        arrival(&rsyslog, seq).await?;
    }
    Ok(())
}
