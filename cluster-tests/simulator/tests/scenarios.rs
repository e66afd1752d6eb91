//! What a cluster does about one fault at a time, counted in terms: who must take over does, and who must not disturb does not.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use quorate_app::Replica;
use quorate_core::UserId;
use quorate_raft::{RaftStatus, Role};
use quorate_simulator::clients::ROOT;
use quorate_simulator::dice::Dice;
use quorate_simulator::network::Weather;
use quorate_simulator::world::World;
use tempfile::TempDir;
use tokio::time::Instant;

/// A founded cluster; the folder goes when it does.
struct Scene {
    world: World,
    users: Vec<UserId>,
    _folder: TempDir,
}

impl Scene {
    fn of(nodes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut dice = Dice::new(1);
        let mut world = World::new(nodes, folder.path(), dice.fork(1)).unwrap();
        let users = world.found(&mut dice).unwrap().users;
        let mut scene = Scene {
            world,
            users,
            _folder: folder,
        };
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

    /// Whether a write through this node is acknowledged within three seconds.
    fn enable_somebody(&mut self, node: u64) -> bool {
        let done = Arc::new(AtomicBool::new(false));
        let (slot, user) = (done.clone(), self.users[0]);
        self.world.spawn(node, move |parts| async move {
            let enabled = tokio::time::timeout(Duration::from_secs(3), parts.admin.enable_user(ROOT, user, None));
            slot.store(matches!(enabled.await, Ok(Ok(_))), Ordering::Relaxed);
        });
        self.pass(3_100);
        done.load(Ordering::Relaxed)
    }

    fn index(&self, node: u64) -> usize {
        self.world.hosts.iter().position(|host| host.id == node).unwrap()
    }

    /// Asked on the node itself, where its own time passes.
    fn status(&mut self, node: u64) -> RaftStatus {
        let found: Arc<Mutex<Option<RaftStatus>>> = Arc::default();
        let slot = found.clone();
        self.world
            .spawn(node, |parts| async move { *slot.lock() = Some(parts.raft.status()) });
        self.pass(1);
        let status = found.lock().take();
        status.unwrap()
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
        let index = scene.index(follower);
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
    let index = scene.index(sleeper);
    let until = scene.world.now_ms() + 10_000;
    scene.world.hosts[index].pause_until(until);
    scene.pass(12_000);
    let (leader, later) = scene.leader();
    assert!(leader != sleeper && later > term);
    assert!(scene.is_ready(sleeper));
}

#[test]
fn a_leader_whose_disk_stalls_steps_aside_and_comes_back() {
    let mut scene = Scene::of(3);
    let (sick, _) = scene.leader();
    let index = scene.index(sick);
    // An entry under way, so that there is a write to wait for.
    scene.world.hosts[index].disk.stall_until(u64::MAX);
    scene.world.snapshot(index);
    let writer = scene.followers()[0];
    assert!(scene.enable_somebody(writer));
    scene.pass(6_000);
    let others: Vec<u64> = scene
        .leaders()
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| *id != sick)
        .collect();
    assert_eq!(others.len(), 1, "another leads");
    assert!(scene.is_ready(others[0]));
    let disk = scene.status(sick).disk;
    assert!(disk.stalled && disk.waiting_ms > 1_500, "{disk:?}");
    scene.world.hosts[index].disk.stall_until(0);
    scene.pass(5_000);
    assert!(scene.status(sick).disk.in_order() && scene.is_ready(sick));
}

#[test]
fn a_follower_that_answers_and_does_not_write_says_so_and_disturbs_nobody() {
    let mut scene = Scene::of(3);
    let led = scene.leader();
    let sick = scene.followers()[0];
    let index = scene.index(sick);
    scene.world.hosts[index].disk.stall_until(u64::MAX);
    assert!(scene.enable_somebody(led.0));
    scene.pass(4_000);
    assert_eq!(scene.leader(), led);
    assert!(scene.status(sick).disk.stalled);
    assert!(scene.enable_somebody(led.0));
    scene.world.hosts[index].disk.stall_until(0);
    scene.pass(4_000);
    assert!(scene.status(sick).disk.in_order() && scene.is_ready(sick));
    assert_eq!(scene.leader(), led);
}

#[test]
fn a_node_without_room_steps_aside_takes_nothing_and_comes_back_without_having_ended() {
    let mut scene = Scene::of(3);
    let (first, _) = scene.leader();
    let index = scene.index(first);
    scene.world.hosts[index].disk.set_short(true);
    scene.pass(5_000);
    let (second, _) = scene.leader();
    assert_ne!(second, first);
    let before = scene.status(first).last_log;
    assert!(scene.enable_somebody(second));
    assert_eq!(scene.status(first).last_log, before, "it takes on nothing");
    scene.world.hosts[index].disk.set_short(false);
    scene.pass(3_000);
    assert!(scene.is_ready(first) && scene.status(first).last_log > before);
    assert_eq!(scene.world.ended_by_itself, 0);
}

#[test]
fn without_room_anywhere_nothing_is_accepted_and_nobody_ends() {
    let mut scene = Scene::of(3);
    for host in &scene.world.hosts {
        host.disk.set_short(true);
    }
    scene.pass(10_000);
    assert!(!scene.enable_somebody(1));
    for host in &scene.world.hosts {
        host.disk.set_short(false);
    }
    scene.pass(5_000);
    assert!(scene.enable_somebody(1) && scene.is_ready(2) && scene.is_ready(3));
    assert_eq!(scene.world.ended_by_itself, 0);
}
