//! What this machine can do at all: datagrams there and back, records made durable, passwords hashed. No product can
//! be faster; how near it comes is what the other figures say.

use std::{
    fs::File,
    io::Write,
    net::UdpSocket,
    time::{Duration, Instant},
};

use anyhow::Result;
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::table::{Table, whole};

const LASTS: Duration = Duration::from_secs(3);
const ECHOES_IN_FLIGHT: usize = 64;
const DATAGRAM: [u8; 100] = [7; 100];
const RECORD: [u8; 200] = [7; 200];

/// What the other benches print beside their own figures.
pub struct Ceilings {
    pub echoes_per_s: f64,
    /// Time of one fdatasync of one record.
    pub sync: Duration,
    pub hashes_per_s: f64,
}

/// Measures and prints.
pub fn run() -> Result<Ceilings> {
    let (ceilings, table) = measure()?;
    println!("Ceilings of this machine ({} processors):", processors());
    table.print();
    Ok(ceilings)
}

/// Measures, and gives the figures as a table as well.
pub fn measure() -> Result<(Ceilings, Table)> {
    let echoes_per_s = echo()?;
    let mut table = Table::new(&["work", "per second"]);
    table.row(vec![
        format!("UDP echo, {ECHOES_IN_FLIGHT} in flight, 1 thread a side, 100 bytes"),
        whole(echoes_per_s),
    ]);
    let mut sync = Duration::ZERO;
    for batch in [1, 16, 64, 256] {
        let records_per_s = fdatasync(batch, LASTS)?;
        table.row(vec![
            format!("200-byte records, fdatasync every {batch}"),
            whole(records_per_s),
        ]);
        if batch == 1 {
            sync = Duration::from_secs_f64(1.0 / records_per_s);
        }
    }
    let hashes_per_s = argon2id();
    table.row(vec![
        format!("Argon2id 19 MiB, 2, 1 on {} threads", processors()),
        format!("{hashes_per_s:.1}"),
    ]);
    let ceilings = Ceilings {
        echoes_per_s,
        sync,
        hashes_per_s,
    };
    Ok((ceilings, table))
}

/// Time of one fdatasync just now: a shared disk is not the same from minute to minute.
pub fn sync_now() -> Result<Duration> {
    Ok(Duration::from_secs_f64(1.0 / fdatasync(1, LASTS / 6)?))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn echo() -> Result<f64> {
    let (here, there) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    here.connect(there.local_addr()?)?;
    there.connect(here.local_addr()?)?;
    here.set_read_timeout(Some(LASTS))?;
    there.set_read_timeout(Some(Duration::from_millis(200)))?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0; 2048];
            // Ends by its read timeout, when nothing comes any more.
            while let Ok(length) = there.recv(&mut buffer) {
                let _ = there.send(&buffer[..length]);
            }
        });
        for _ in 0..ECHOES_IN_FLIGHT {
            here.send(&DATAGRAM)?;
        }
        let (begun, mut echoes, mut buffer) = (Instant::now(), 0_u64, [0; 2048]);
        while begun.elapsed() < LASTS {
            here.recv(&mut buffer)?;
            here.send(&DATAGRAM)?;
            echoes += 1;
        }
        Ok(echoes as f64 / begun.elapsed().as_secs_f64())
    })
}

/// Records per second when `batch` of them share one fdatasync, appended to a file beside the clusters' own.
fn fdatasync(batch: usize, lasts: Duration) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut file = File::create(folder.path().join("log"))?;
    let records = RECORD.repeat(batch);
    let (begun, mut synced) = (Instant::now(), 0);
    while begun.elapsed() < lasts {
        file.write_all(&records)?;
        file.sync_data()?;
        synced += batch;
    }
    Ok(synced as f64 / begun.elapsed().as_secs_f64())
}

fn argon2id() -> f64 {
    let threads: Vec<_> = (0..processors())
        .map(|_| std::thread::spawn(hash_for_a_while))
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
}

fn hash_for_a_while() -> f64 {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("invariant: valid parameters");
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (begun, mut hashes, mut out) = (Instant::now(), 0_u32, [0; 32]);
    while begun.elapsed() < LASTS {
        let hashed = argon2.hash_password_into_with_memory(b"a password", b"sixteen bytes so", &mut out, &mut memory);
        hashed.expect("invariant: the memory fits the parameters");
        hashes += 1;
    }
    f64::from(hashes) / begun.elapsed().as_secs_f64()
}
