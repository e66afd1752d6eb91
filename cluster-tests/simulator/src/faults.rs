//! What goes wrong, and when it is right again.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::network::Weather;
use crate::world::World;

/// Every kind of fault; the names stand in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Loss,
    Delay,
    Reorder,
    Duplicate,
    OneWay,
    Isolation,
    Crash,
    CrashOfAll,
    CleanRestart,
    Pause,
    DiskStall,
    DiskFull,
    DiskShort,
    ClockSkew,
    HandOver,
    Snapshot,
    Membership,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 17] = [
        Kind::Loss,
        Kind::Delay,
        Kind::Reorder,
        Kind::Duplicate,
        Kind::OneWay,
        Kind::Isolation,
        Kind::Crash,
        Kind::CrashOfAll,
        Kind::CleanRestart,
        Kind::Pause,
        Kind::DiskStall,
        Kind::DiskFull,
        Kind::DiskShort,
        Kind::ClockSkew,
        Kind::HandOver,
        Kind::Snapshot,
        Kind::Membership,
    ];

    /// Its name in reports.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// What undoes a fault.
enum Undo {
    Weather(u64, u64),
    Start(u64),
    /// A stop that is not over by now is cut short.
    Restart(u64),
    DiskFull(u64),
    DiskShort(u64),
    Clock(u64),
}

/// Begins faults and ends them.
pub struct Faults {
    dice: Dice,
    undo: Vec<(u64, Undo)>,
    counts: BTreeMap<String, u64>,
    traced: bool,
}

impl Faults {
    pub fn new(dice: Dice, traced: bool) -> Self {
        Self {
            dice,
            undo: Vec::new(),
            counts: BTreeMap::new(),
            traced,
        }
    }

    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// One millisecond: ends what is over, and now and then begins something.
    pub fn tick(&mut self, world: &mut World, mean_pause_ms: u64) {
        self.end(world, false);
        if self.dice.once_in(mean_pause_ms) {
            let kind = *self.dice.pick(&Kind::ALL);
            self.begin(world, kind);
        }
    }

    /// Ends everything: the fault-free phase begins.
    pub fn heal(&mut self, world: &mut World) {
        self.end(world, true);
        world.net.clear_weather();
        for index in 0..world.hosts.len() {
            let host = &mut world.hosts[index];
            host.disk.set_full(false);
            host.disk.set_short(false);
            host.disk.stall_until(0);
            host.clock.set_off(0);
            if host.is_paused() {
                host.pause_until(0);
            }
            world.start(index);
        }
    }

    fn begin(&mut self, world: &mut World, kind: Kind) {
        let now_ms = world.now_ms();
        let index = self.dice.of(0..world.hosts.len() as u64) as usize;
        let id = world.hosts[index].id;
        let until_ms = now_ms + self.dice.of(50..3_000);
        if self.traced {
            eprintln!("{now_ms:>6} {kind:?}, node {id}, until {until_ms}");
        }
        match kind {
            Kind::Loss => self.weather(world, until_ms, |weather, dice| {
                weather.lost_permille = dice.of(20..400)
            }),
            Kind::Delay => self.weather(world, until_ms, |weather, dice| {
                let least = dice.of(5..120);
                weather.delay_ms = least..least + 5;
            }),
            Kind::Reorder => self.weather(world, until_ms, |weather, dice| weather.delay_ms = 0..dice.of(10..150)),
            Kind::Duplicate => self.weather(world, until_ms, |weather, dice| {
                weather.doubled_permille = dice.of(50..500);
                weather.delay_ms = 0..30;
            }),
            Kind::OneWay => {
                let other = *self.dice.pick(&others(world, id));
                self.block(world, id, other, until_ms);
            }
            Kind::Isolation => {
                for other in others(world, id) {
                    self.block(world, id, other, until_ms);
                    self.block(world, other, id, until_ms);
                }
            }
            Kind::Crash => {
                world.crash(index);
                self.undo.push((until_ms, Undo::Start(id)));
            }
            Kind::CrashOfAll => {
                // Rarer than the others: nothing else goes on meanwhile.
                if !self.dice.once_in(4) {
                    return;
                }
                for index in 0..world.hosts.len() {
                    world.crash(index);
                    let at_ms = now_ms + self.dice.of(1..500);
                    self.undo.push((at_ms, Undo::Start(world.hosts[index].id)));
                }
            }
            Kind::CleanRestart => {
                world.hosts[index].stop();
                self.undo.push((until_ms, Undo::Restart(id)));
            }
            Kind::Pause => world.hosts[index].pause_until(until_ms),
            Kind::DiskStall => world.hosts[index].disk.stall_until(until_ms),
            Kind::DiskFull => {
                world.hosts[index].disk.set_full(true);
                self.undo.push((until_ms, Undo::DiskFull(id)));
            }
            Kind::DiskShort => {
                world.hosts[index].disk.set_short(true);
                self.undo.push((until_ms, Undo::DiskShort(id)));
            }
            Kind::ClockSkew => {
                let off_ms = *self
                    .dice
                    .pick(&[-3_600_000, -30_000, -7_000, -2_000, 2_000, 7_000, 30_000, 3_600_000]);
                // What the time is, the majority of clocks says: with more wrong ones nobody could know.
                let wrong = world.hosts.iter().filter(|host| host.clock.off_ms() != 0).count();
                if (wrong + 1) * 2 >= world.hosts.len() {
                    return;
                }
                world.hosts[index].clock.set_off(off_ms);
                self.undo.push((until_ms, Undo::Clock(id)));
            }
            Kind::HandOver => world.hand_over(),
            Kind::Snapshot => world.snapshot(index),
            Kind::Membership => world.change_membership(),
        }
        *self.counts.entry(kind.name()).or_default() += 1;
    }

    /// Changes the weather on about half of all directed ways.
    fn weather(&mut self, world: &World, until_ms: u64, change: impl Fn(&mut Weather, &mut Dice)) {
        for from in world.hosts.iter().map(|host| host.id) {
            for to in world.hosts.iter().map(|host| host.id) {
                if from != to && self.dice.once_in(2) {
                    let mut weather = world.net.weather(from, to);
                    change(&mut weather, &mut self.dice);
                    world.net.set_weather(from, to, weather);
                    self.undo.push((until_ms, Undo::Weather(from, to)));
                }
            }
        }
    }

    fn block(&mut self, world: &World, from: u64, to: u64, until_ms: u64) {
        let blocked = Weather {
            blocked: true,
            ..world.net.weather(from, to)
        };
        world.net.set_weather(from, to, blocked);
        self.undo.push((until_ms, Undo::Weather(from, to)));
    }

    fn end(&mut self, world: &mut World, all: bool) {
        let now_ms = world.now_ms();
        let (over, rest) = std::mem::take(&mut self.undo)
            .into_iter()
            .partition(|(at_ms, _)| all || *at_ms <= now_ms);
        self.undo = rest;
        for (_, undo) in over {
            match undo {
                Undo::Weather(from, to) => world.net.set_weather(from, to, Weather::default()),
                Undo::Start(id) => world.start_id(id),
                Undo::Restart(id) => world.restart_id(id),
                Undo::DiskFull(id) => world.host(id, |host| host.disk.set_full(false)),
                Undo::DiskShort(id) => world.host(id, |host| host.disk.set_short(false)),
                Undo::Clock(id) => world.host(id, |host| host.clock.set_off(0)),
            }
        }
    }
}

/// All nodes but this one.
fn others(world: &World, id: u64) -> Vec<u64> {
    let ids = world.hosts.iter().map(|host| host.id);
    ids.filter(|other| *other != id).collect()
}
