//! The faults of a storm: how each begins, and how it ends.
//!
//! A fault that meets a node in a state in which it means nothing (a kill of a process that is dead) does not begin.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{
    Cluster,
    dice::Dice,
    disk::{Disk, Health},
    faketime::{Clocks, FakeClock},
    namespaces::Network,
    node::Node,
    relay::{Relay, Weather},
};

/// Every kind of fault there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Kill,
    PowerCut,
    PowerCutOfAll,
    Pause,
    Mute,
    OneWay,
    Delay,
    Shuffle,
    Loss,
    SlowDisk,
    StalledDisk,
    FullDisk,
    FailingSync,
    FailingWrite,
    FlippedBits,
    WallClock,
    AllClocks,
}

impl Kind {
    pub const ALL: [Self; 17] = [
        Self::Kill,
        Self::PowerCut,
        Self::PowerCutOfAll,
        Self::Pause,
        Self::Mute,
        Self::OneWay,
        Self::Delay,
        Self::Shuffle,
        Self::Loss,
        Self::SlowDisk,
        Self::StalledDisk,
        Self::FullDisk,
        Self::FailingSync,
        Self::FailingWrite,
        Self::FlippedBits,
        Self::WallClock,
        Self::AllClocks,
    ];

    /// In words, for the report.
    pub fn words(self) -> &'static str {
        match self {
            Self::Kill => "kill -9 of one node",
            Self::PowerCut => "power cut of one node: what was never synced is gone",
            Self::PowerCutOfAll => "power cut of all nodes at once",
            Self::Pause => "a process stopped and resumed",
            Self::Mute => "a firewall: what one node sends arrives nowhere",
            Self::OneWay => "one link dead in one direction",
            Self::Delay => "one link slow and uneven",
            Self::Shuffle => "all links: datagrams doubled and overtaken",
            Self::Loss => "all links: datagrams lost",
            Self::SlowDisk => "a disk whose syncs take long",
            Self::StalledDisk => "a disk whose syncs do not return",
            Self::FullDisk => "a full disk",
            Self::FailingSync => "a disk whose syncs fail, and lose what they were to keep",
            Self::FailingWrite => "a disk whose writes fail",
            Self::FlippedBits => "a restart from a disk that flips bits",
            Self::WallClock => "a wall clock that jumps",
            Self::AllClocks => "wall and monotonic clock jump",
        }
    }
}

/// A fault that lasts.
pub struct Active {
    pub ends: Instant,
    kind: Kind,
    node: usize,
    other: usize,
}

/// Begins a fault of this kind somewhere, or does not if it would mean nothing there.
pub fn begin(
    kind: Kind,
    cluster: &mut Cluster,
    network: &Network,
    dice: &mut Dice,
    lasts: Duration,
) -> Result<Option<Active>> {
    let nodes = cluster.nodes.len() as u64;
    let draw = |dice: &mut Dice, below: u64| usize::try_from(dice.of(0..below)).expect("invariant: a handful of nodes");
    let node = draw(dice, nodes);
    let other = (node + 1 + draw(dice, nodes - 1)) % cluster.nodes.len();
    let fault = Active {
        ends: Instant::now() + lasts,
        kind,
        node,
        other,
    };
    let began = fault.begin(cluster, network, dice)?;
    Ok(began.then_some(fault))
}

impl Active {
    fn begin(&self, cluster: &mut Cluster, network: &Network, dice: &mut Dice) -> Result<bool> {
        let node = &mut cluster.nodes[self.node];
        let hour = Duration::from_secs(3600);
        let by = Duration::from_secs(dice.of(10..hour.as_secs()));
        match self.kind {
            Kind::PowerCutOfAll => {
                let mut cut = false;
                for node in &mut cluster.nodes {
                    cut |= cut_power(node)?;
                }
                return Ok(cut);
            }
            Kind::Mute => network.mute(self.node, node.cluster.port())?,
            Kind::OneWay => relay(cluster)?.set(self.node, self.other, Weather::DEAD),
            Kind::Delay => relay(cluster)?.set(self.node, self.other, slow()),
            Kind::Shuffle => relay(cluster)?.set_all(shuffled()),
            Kind::Loss => relay(cluster)?.set_all(lossy()),
            Kind::WallClock if dice.once_in(2) => clock(node)?.behind(by)?,
            Kind::WallClock => clock(node)?.ahead(by)?,
            _ if !node.is_running() => return Ok(false),
            Kind::Kill => node.kill()?,
            Kind::PowerCut => return cut_power(node),
            Kind::Pause => node.pause()?,
            Kind::SlowDisk => disk(node)?.set(Health::Slow(Duration::from_millis(dice.of(5..200)))),
            Kind::StalledDisk => disk(node)?.set(Health::Stalled),
            Kind::FullDisk => disk(node)?.set(Health::Full),
            Kind::FailingSync => disk(node)?.set(Health::FailsToSync),
            Kind::FailingWrite => disk(node)?.set(Health::FailsToWrite),
            Kind::FlippedBits => {
                node.kill()?;
                disk(node)?.set(Health::FlipsBits);
                node.start()?;
            }
            // A monotonic clock that goes back is no fault but an impossibility: only ahead, until the process is started again.
            Kind::AllClocks if clock(node)?.shifts(Clocks::All) => clock(node)?.ahead(by)?,
            Kind::AllClocks => return Ok(false),
        }
        Ok(true)
    }

    /// Takes the fault away, whatever else may have happened to the node meanwhile.
    pub fn end(self, cluster: &mut Cluster, network: &Network) -> Result<()> {
        match self.kind {
            Kind::PowerCutOfAll => cluster.nodes.iter_mut().try_for_each(start_if_down)?,
            Kind::Mute => network.mend()?,
            Kind::OneWay | Kind::Delay => relay(cluster)?.set(self.node, self.other, Weather::default()),
            Kind::Shuffle | Kind::Loss => relay(cluster)?.clear(),
            Kind::Kill | Kind::PowerCut => start_if_down(&mut cluster.nodes[self.node])?,
            Kind::Pause => {
                if cluster.nodes[self.node].is_running() {
                    cluster.nodes[self.node].resume()?;
                }
            }
            Kind::SlowDisk
            | Kind::StalledDisk
            | Kind::FullDisk
            | Kind::FailingSync
            | Kind::FailingWrite
            | Kind::FlippedBits => {
                let node = &mut cluster.nodes[self.node];
                disk(node)?.set(Health::Well);
                start_if_down(node)?;
            }
            Kind::WallClock | Kind::AllClocks => set_clock_right(&mut cluster.nodes[self.node])?,
        }
        Ok(())
    }
}

/// Ends whatever there is, and starts every process that does not run.
pub fn set_everything_right(cluster: &mut Cluster, network: &Network) -> Result<()> {
    network.mend()?;
    relay(cluster)?.clear();
    for node in &mut cluster.nodes {
        disk(node)?.set(Health::Well);
        set_clock_right(node)?;
        if node.is_running() {
            node.resume()?;
        }
        start_if_down(node)?;
    }
    Ok(())
}

fn cut_power(node: &mut Node) -> Result<bool> {
    if !node.is_running() {
        return Ok(false);
    }
    node.kill()?;
    disk(node)?.cut_power();
    Ok(true)
}

fn start_if_down(node: &mut Node) -> Result<()> {
    if node.has_ended()? || !node.is_running() {
        node.start()?;
    }
    Ok(())
}

/// Where the monotonic clock was shifted, too, only a new process can go back.
fn set_clock_right(node: &mut Node) -> Result<()> {
    if clock(node)?.is_right() {
        return Ok(());
    }
    if clock(node)?.shifts(Clocks::All) && node.is_running() {
        node.kill()?;
    }
    clock(node)?.set_right()?;
    start_if_down(node)
}

fn slow() -> Weather {
    Weather {
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(80),
        ..Weather::default()
    }
}

fn shuffled() -> Weather {
    Weather {
        jitter: Duration::from_millis(3),
        duplicate_percent: 25,
        reorder_percent: 25,
        ..Weather::default()
    }
}

fn lossy() -> Weather {
    Weather {
        loss_percent: 15,
        ..Weather::default()
    }
}

fn relay(cluster: &Cluster) -> Result<&Relay> {
    cluster.ground.relay.as_ref().context("a cluster on a relay")
}

fn disk(node: &Node) -> Result<&Disk> {
    node.disk.as_ref().context("a node on a disk")
}

fn clock(node: &Node) -> Result<&FakeClock> {
    node.clock.as_ref().context("a node with a clock")
}
