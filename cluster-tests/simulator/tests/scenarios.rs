//! What a cluster does about one fault at a time, counted in terms: who must take over does, and who must not disturb does not.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate_app::Replica;
use quorate_raft::Role;
use quorate_simulator::dice::Dice;
use quorate_simulator::network::Weather;
use quorate_simulator::world::World;
use tempfile::TempDir;
use tokio::time::Instant;

/// A founded cluster; the folder goes when it does.
struct Scene {
    world: World,
    _folder: TempDir,
}

impl Scene {
    fn of(nodes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Dice::new(1);
        let mut world = World::new(nodes, folder.path(), dice.fork(1)).unwrap();
        world.found(&mut dice).unwrap();
        let mut scene = Scene { world, _folder: folder };
        scene.pass(3_000);
        scene
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            self.world.tick();
            assert_eq!(self.world.trouble, None);
        }
    }

    /// Ids and terms of those who take themselves for the leader.
    fn leaders(&self) -> Vec<(u64, u64)> {
        let running = self.world.hosts.iter().filter_map(|host| host.parts());
        let status = running.map(|parts| parts.raft.status());
        status
            .filter(|status| status.role == Role::Leader)
            .map(|status| (status.id, status.term))
            .collect()
    }

    fn leader(&self) -> (u64, u64) {
        let leaders = self.leaders();
        assert_eq!(leaders.len(), 1, "{leaders:?}");
        leaders[0]
    }

    fn followers(&self) -> Vec<u64> {
        let (leader, _) = self.leader();
        let ids = self.world.hosts.iter().map(|host| host.id);
        ids.filter(|id| *id != leader).collect()
    }

    fn cut(&self, from: u64, to: u64, cut: bool) {
        let weather = Weather {
            blocked: cut,
            ..Weather::default()
        };
        self.world.net.set_weather(from, to, weather);
    }

    fn cut_off(&self, node: u64, cut: bool) {
        for other in self.world.hosts.iter().map(|host| host.id).filter(|id| *id != node) {
            self.cut(node, other, cut);
            self.cut(other, node, cut);
        }
    }

    /// Whether a read through the quorum succeeds at this node within two seconds: what `/readyz` asks.
    fn is_ready(&mut self, node: u64) -> bool {
        let ready = Arc::new(AtomicBool::new(false));
        let slot = ready.clone();
        self.world.spawn(node, move |parts| async move {
            let deadline = Instant::now() + Duration::from_secs(2);
            slot.store(parts.replica.barrier(deadline).await.is_ok(), Ordering::Relaxed);
        });
        self.pass(2_100);
        ready.load(Ordering::Relaxed)
    }

    fn elections(&self) -> u64 {
        let running = self.world.hosts.iter().filter_map(|host| host.parts());
        running.map(|parts| parts.raft.status().counters.elections).sum()
    }
}

#[test]
fn a_node_that_is_cut_off_and_comes_back_raises_no_term() {
    for nodes in [3, 5] {
        let mut scene = Scene::of(nodes);
        let (led, elections) = (scene.leader(), scene.elections());
        let lonely = scene.followers()[0];
        scene.cut_off(lonely, true);
        scene.pass(20_000);
        assert!(!scene.is_ready(lonely));
        scene.cut_off(lonely, false);
        scene.pass(5_000);
        assert!(scene.is_ready(lonely));
        assert_eq!((scene.leader(), scene.elections()), (led, elections));
    }
}

#[test]
fn a_node_that_hears_everybody_but_the_leader_deposes_nobody() {
    for one_way in [true, false] {
        let mut scene = Scene::of(3);
        let (led, elections) = (scene.leader(), scene.elections());
        let deaf = scene.followers()[0];
        scene.cut(led.0, deaf, true);
        scene.cut(deaf, led.0, !one_way);
        scene.pass(20_000);
        assert_eq!(scene.leader(), led);
        scene.cut(led.0, deaf, false);
        scene.cut(deaf, led.0, false);
        scene.pass(5_000);
        assert_eq!((scene.leader(), scene.elections()), (led, elections));
    }
}

#[test]
fn restarted_followers_depose_nobody() {
    let mut scene = Scene::of(5);
    let led = scene.leader();
    for follower in scene.followers() {
        let index = scene.world.hosts.iter().position(|host| host.id == follower).unwrap();
        scene.world.crash(index);
        scene.pass(200);
        scene.world.start(index);
        scene.pass(2_000);
    }
    assert_eq!(scene.leader(), led);
}

#[test]
fn a_leader_that_is_heard_and_hears_nobody_is_replaced() {
    let mut scene = Scene::of(3);
    let (deaf, term) = scene.leader();
    let followers = scene.followers();
    for follower in &followers {
        scene.cut(*follower, deaf, true);
    }
    scene.pass(3_000);
    assert!(scene.is_ready(followers[0]) && scene.is_ready(followers[1]));
    assert!(!scene.is_ready(deaf));
    for follower in &followers {
        scene.cut(*follower, deaf, false);
    }
    scene.pass(3_000);
    let (leader, later) = scene.leader();
    assert!(leader != deaf && later > term);
    assert!(scene.is_ready(deaf));
}

#[test]
fn a_leader_that_was_paused_finds_that_it_leads_no_more() {
    let mut scene = Scene::of(3);
    let (sleeper, term) = scene.leader();
    let index = scene.world.hosts.iter().position(|host| host.id == sleeper).unwrap();
    let until = scene.world.now_ms() + 10_000;
    scene.world.hosts[index].pause_until(until);
    scene.pass(12_000);
    let (leader, later) = scene.leader();
    assert!(leader != sleeper && later > term);
    assert!(scene.is_ready(sleeper));
}
