//! What the tests of this crate run on: a cluster that is one `State` in memory, applied by the real core, with
//! faults that a test asks for, a clock that a test moves, and entropy that repeats.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use quorate_core::audit::{AuditRecord, Chain, Head, HeadSignature, Segment, head_statement};
use quorate_core::limits::RECORDS_PER_SEGMENT;
use quorate_core::{
    Actor, ApplicationId, Channel, Command, Enrolment, Factor, Gateway, GatewayId, Level, NodeId, Report, Stamp, State,
    apply,
};
use quorate_seal::{KeyId, KeyRing};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::administer::{Administrator, ApplicationSpec, FoundingNode, found_cluster};
use crate::audit::AuditKeys;
use crate::authenticate::Authenticator;
use crate::fields::FieldError;
use crate::hash_queue::HashQueue;
use crate::names::Names;
use crate::ports::{
    ArchiveStanding, AskedGateway, AuditArchive, Clock, ClockStanding, ClusterStatus, Delivery, DiskStanding, Entropy,
    ExaminedStep, GatewayStanding, HeadSigner, Late, Message, Notifier, Order, Preview, ProposalCounts, ProposeError,
    Proposed, ReadGateway, Replica, Role, ShownGateway, Wording, WrittenText,
};
use crate::testing_directory::TestDirectories;

/// What happens to a proposal instead of what should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NoLeader,
    /// The proposal was lost on its way: unknown, and not committed.
    LostBefore,
    /// The answer was lost on its way: unknown, and committed.
    LostAfter,
}

/// What was asked of the replica, without what differs between two logins anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Propose(&'static str),
    WaitApplied,
}

pub(crate) struct TestReplica {
    inner: Mutex<Inner>,
    applied: watch::Sender<u64>,
    clock: Arc<TestClock>,
    neighbour: Mutex<Option<Arc<Authenticator>>>,
}

struct Inner {
    /// What the leader has applied.
    leader: State,
    /// What this node has applied.
    local: Arc<State>,
    index: u64,
    /// This node applies nothing until somebody waits for it.
    lagging: bool,
    in_time: bool,
    faults: VecDeque<Fault>,
    calls: Vec<Call>,
    commands: Vec<Command>,
}

impl TestReplica {
    pub(crate) fn new(clock: Arc<TestClock>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                leader: State::new(),
                local: Arc::new(State::new()),
                index: 0,
                lagging: false,
                in_time: true,
                faults: VecDeque::new(),
                calls: Vec::new(),
                commands: Vec::new(),
            }),
            applied: watch::Sender::new(0),
            clock,
            neighbour: Mutex::new(None),
        }
    }

    pub(crate) fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inner.lock().faults.extend(faults);
    }

    /// Whatever was to fail does not.
    pub(crate) fn take_faults(&self) {
        self.inner.lock().faults.clear();
    }

    /// From now on this node stays behind until it is asked to catch up.
    pub(crate) fn fall_behind(&self) {
        self.inner.lock().lagging = true;
    }

    /// From now on the cluster says that this node's clock is wrong.
    pub(crate) fn lose_time(&self) {
        self.inner.lock().in_time = false;
    }

    /// Logins are passed on to this one, which is in time.
    pub(crate) fn get_neighbour(&self, neighbour: Arc<Authenticator>) {
        *self.neighbour.lock() = Some(neighbour);
    }

    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.inner.lock().calls)
    }

    pub(crate) fn take_commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.inner.lock().commands)
    }

    /// The leader's state, which a node that fell behind does not see.
    pub(crate) fn leader(&self) -> State {
        self.inner.lock().leader.clone()
    }

    /// Applies a command as if another node had proposed it.
    pub(crate) fn commit(&self, command: &Command) -> Proposed {
        let mut inner = self.inner.lock();
        let stamp = Stamp {
            ms: self.clock.now_ms(),
        };
        let outcome = apply(&mut inner.leader, Level::CURRENT, stamp, &command.to_bytes()).unwrap();
        inner.index += 1;
        if !inner.lagging {
            inner.catch_up();
        }
        let index = inner.index;
        drop(inner);
        self.applied.send_replace(index);
        Proposed { index, outcome }
    }
}

impl Inner {
    fn catch_up(&mut self) {
        self.local = Arc::new(self.leader.clone());
    }
}

#[async_trait]
impl Replica for TestReplica {
    fn state(&self) -> Arc<State> {
        Arc::clone(&self.inner.lock().local)
    }

    async fn propose(&self, command: &Command, _deadline: Instant) -> Result<Proposed, ProposeError> {
        let fault = {
            let mut inner = self.inner.lock();
            inner.calls.push(Call::Propose(name_of(command)));
            inner.commands.push(command.clone());
            inner.faults.pop_front()
        };
        match fault {
            None => Ok(self.commit(command)),
            Some(Fault::NoLeader) => Err(ProposeError::NoLeader),
            Some(Fault::LostBefore) => Err(ProposeError::Unknown),
            Some(Fault::LostAfter) => {
                self.commit(command);
                Err(ProposeError::Unknown)
            }
        }
    }

    async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), Late> {
        {
            let mut inner = self.inner.lock();
            inner.calls.push(Call::WaitApplied);
            inner.catch_up();
        }
        let mut applied = self.applied.subscribe();
        let reached = timeout_at(deadline, applied.wait_for(|now| *now >= index)).await;
        reached.map(drop).map_err(|_| Late)
    }

    async fn barrier(&self, _deadline: Instant) -> Result<u64, ProposeError> {
        let mut inner = self.inner.lock();
        if inner.faults.pop_front().is_some() {
            return Err(ProposeError::NoLeader);
        }
        inner.catch_up();
        Ok(inner.index)
    }

    fn status(&self) -> ClusterStatus {
        let index = self.inner.lock().index;
        ClusterStatus {
            cluster: [7; 16],
            node: NodeId(1),
            role: Role::Leader,
            term: 1,
            leader: Some(NodeId(1)),
            last_log: index,
            committed: index,
            applied: index,
            snapshot: None,
            members: Vec::new(),
            quorum_ack_age_ms: Some(0),
            proposals: ProposalCounts::default(),
            clock: self.clock(),
            disk: DiskStanding::default(),
        }
    }

    fn clock(&self) -> ClockStanding {
        ClockStanding {
            in_time: self.inner.lock().in_time,
            ahead_ms: None,
        }
    }

    /// The neighbour has the same state here; only its clock is another.
    async fn pass_on(&self, login: Zeroizing<Vec<u8>>, _deadline: Instant) -> Option<Vec<u8>> {
        let neighbour = self.neighbour.lock().clone()?;
        self.inner.lock().in_time = true;
        let back = neighbour.judge_passed(&login).await;
        self.inner.lock().in_time = false;
        (!back.is_empty()).then_some(back)
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    async fn remove_member(&self, _node: NodeId, _deadline: Instant) -> Result<(), ProposeError> {
        Ok(())
    }

    async fn hand_over(&self, _deadline: Instant) -> Result<(), Late> {
        Ok(())
    }
}

fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Genesis(_) => "genesis",
        Command::ConsumeCode(_) => "consume_code",
        Command::AcceptSingleFactor(_) => "accept_single_factor",
        Command::RecordFailure(_) => "record_failure",
        Command::SummarizeRejects(_) => "summarize_rejects",
        Command::Administer(_) => "administer",
        Command::IssueJoinToken(_) => "issue_join_token",
        Command::SpendJoinToken(_) => "spend_join_token",
        Command::RemoveNode(_) => "remove_node",
        Command::SignHead(_) => "sign_head",
        Command::PruneAudit(_) => "prune_audit",
        Command::AdmitSuccessor(_) => "admit_successor",
        Command::CompleteReplacement(_) => "complete_replacement",
        Command::QueueCode(_) => "queue_code",
        Command::ReportMessage(_) => "report_message",
        Command::RenewPassword(_) => "renew_password",
        Command::EnrolToken(_) => "enrol_token",
        Command::RememberPassword(_) => "remember_password",
        Command::RehashPassword(_) => "rehash_password",
        Command::ChangeOwnPassword(_) => "change_own_password",
        Command::TryChange(_) => "try_change",
        Command::ConfirmChange(_) => "confirm_change",
        Command::TakeBack(_) => "take_back",
        Command::TakeBackOverdue(_) => "take_back_overdue",
        Command::TrustDevice(_) => "trust_device",
    }
}

/// A wall clock that stands still until a test moves it.
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    /// A round time of day, at the beginning of a timestep of 30 s.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1_800_000_000_000))
    }

    pub(crate) fn advance_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// SplitMix64: the same numbers in every run.
pub(crate) struct TestEntropy(AtomicU64);

impl TestEntropy {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Closed segments in memory, and an index as far as a test says.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) segments: Mutex<BTreeMap<u64, Arc<Segment>>>,
    pub(crate) indexed: Mutex<Vec<Range<u64>>>,
    /// Reading the index fails.
    pub(crate) index_is_damaged: AtomicBool,
    /// Segments that were read as a whole.
    pub(crate) reads: AtomicU64,
    keys: AuditKeys,
    /// As they were made the first time.
    keys_of_records: Mutex<BTreeMap<u64, Vec<u64>>>,
}

impl Shelf {
    /// Takes what the replica has closed.
    pub(crate) fn of(replica: &TestReplica) -> Arc<Self> {
        let shelf = Arc::new(Shelf::default());
        shelf.take_from(replica);
        shelf
    }

    pub(crate) fn take_from(&self, replica: &TestReplica) {
        let mut inner = replica.inner.lock();
        let closed = inner.leader.take_closed_segments();
        inner.catch_up();
        self.segments
            .lock()
            .extend(closed.into_iter().map(|segment| (segment.number(), segment)));
    }
}

impl AuditArchive for Shelf {
    fn segment(&self, number: u64) -> io::Result<Arc<Segment>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let segments = self.segments.lock();
        segments.get(&number).cloned().ok_or(io::ErrorKind::NotFound.into())
    }

    fn record(&self, seq: u64) -> io::Result<AuditRecord> {
        let segments = self.segments.lock();
        let segment = segments.get(&(seq / RECORDS_PER_SEGMENT));
        let segment = segment.ok_or(io::ErrorKind::NotFound)?;
        let place = (seq % RECORDS_PER_SEGMENT) as usize;
        Ok(AuditRecord::from_bytes(&segment.records()[place]).unwrap())
    }

    fn indexed(&self) -> Vec<Range<u64>> {
        self.indexed.lock().clone()
    }

    fn search(
        &self,
        range: Range<u64>,
        keys: &[u64],
        order: Order,
        visit: &mut dyn FnMut(u64) -> bool,
    ) -> io::Result<()> {
        assert!(
            self.indexed
                .lock()
                .iter()
                .any(|span| span.start <= range.start && range.end <= span.end)
        );
        if self.index_is_damaged.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut own_keys = self.keys_of_records.lock();
        let mut has_all = |seq: &u64| {
            let own = own_keys.entry(*seq).or_insert_with(|| {
                self.record(*seq)
                    .map(|record| self.keys.of(&record))
                    .unwrap_or_default()
            });
            keys.iter().all(|key| own.contains(key))
        };
        let found: Vec<u64> = range.filter(|seq| has_all(seq)).collect();
        match order {
            Order::OldestFirst => found.into_iter().all(visit),
            Order::NewestFirst => found.into_iter().rev().all(visit),
        };
        Ok(())
    }

    fn standing(&self, chain: &Chain) -> ArchiveStanding {
        ArchiveStanding {
            segments: chain.seals().count() as u64,
            ..ArchiveStanding::default()
        }
    }
}

/// Signs with a digest: good enough to tell whose it is.
pub(crate) struct TestSigner(pub(crate) NodeId);

impl TestSigner {
    fn signature(node: NodeId, records: u64, head: &Head) -> HeadSignature {
        let statement = head_statement(&[7; 16], records, head);
        let signature: [u8; 32] = Sha256::digest([&statement[..], &node.0.to_be_bytes()].concat()).into();
        HeadSignature {
            signature: signature.into(),
            certificate: node.0.to_be_bytes().into(),
        }
    }
}

impl HeadSigner for TestSigner {
    fn sign(&self, records: u64, head: &Head) -> Option<HeadSignature> {
        Some(Self::signature(self.0, records, head))
    }

    fn signer(&self, records: u64, head: &Head, signature: &HeadSignature) -> Option<NodeId> {
        let node = NodeId(u64::from_be_bytes(signature.certificate.as_ref().try_into().ok()?));
        (*signature == Self::signature(node, records, head)).then_some(node)
    }
}

/// Keeps what it is given to carry.
#[derive(Default)]
pub(crate) struct Letters {
    sent: Mutex<Vec<Message>>,
    fails: AtomicBool,
}

impl Letters {
    /// From now on no gateway takes anything.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    /// What was carried since the last call, once everything under way has come this far.
    pub(crate) async fn take(&self) -> Vec<Message> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        std::mem::take(&mut self.sent.lock())
    }
}

#[async_trait]
impl Notifier for Letters {
    fn read(&self, asked: &AskedGateway<'_>, _former: Option<&[u8]>) -> Result<ReadGateway, Vec<FieldError>> {
        Ok(ReadGateway {
            channels: asked.channels.unwrap_or(&Channel::ALL).to_vec(),
            kept: Zeroizing::new(asked.settings.to_vec()),
        })
    }

    fn shown(&self, kept: &[u8]) -> ShownGateway {
        ShownGateway {
            settings: kept.to_vec(),
            kind: String::new(),
            warnings: Vec::new(),
        }
    }

    async fn test(&self, _: &[Arc<Gateway>], _: GatewayId, _: (Channel, &str), _: Instant) -> Vec<ExaminedStep> {
        Vec::new()
    }

    fn standing(&self, _: &Gateway) -> GatewayStanding {
        GatewayStanding::default()
    }

    fn check_text(&self, asked: &WrittenText) -> Result<Vec<FieldError>, Vec<FieldError>> {
        match asked.text.contains("{code}") {
            true => Ok(Vec::new()),
            false => Err(vec![FieldError::new("text", "has no code in it", "")]),
        }
    }

    fn built_in_texts(&self) -> Vec<WrittenText> {
        vec![WrittenText {
            channel: Channel::Sms,
            language: "en".to_owned(),
            subject: String::new(),
            text: "Code {code}".to_owned(),
        }]
    }

    fn preview(&self, wording: &Wording, channel: Channel, language: &str) -> Result<Preview, String> {
        let mut texts = wording.texts.iter().rev();
        let found = texts.find(|text| text.channel == channel && *text.language == *language);
        let text = found.ok_or("nothing")?;
        Ok(Preview {
            language: text.language.to_string(),
            subject: text.subject.to_string(),
            text: text.text.to_string(),
            segments: None,
        })
    }

    async fn send(&self, _: &[Arc<Gateway>], _: &Wording, message: Message, _deadline: Instant) -> Delivery {
        self.sent.lock().push(message);
        let report = match self.fails.load(Ordering::Relaxed) {
            true => Report::Failed,
            false => Report::Sent { gateway: None },
        };
        Delivery { report, attempts: 1 }
    }
}

/// A founded cluster with everything a use case needs.
pub(crate) struct World {
    pub(crate) replica: Arc<TestReplica>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) entropy: Arc<TestEntropy>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) hashes: Arc<HashQueue>,
    pub(crate) directories: Arc<TestDirectories>,
    pub(crate) letters: Arc<Letters>,
    pub(crate) admin: Administrator,
}

pub(crate) const ROOT: Actor = Actor::Root { uid: 0 };

impl World {
    pub(crate) fn founded() -> Self {
        let clock = Arc::new(TestClock::new());
        let entropy = Arc::new(TestEntropy::new());
        let replica = Arc::new(TestReplica::new(Arc::clone(&clock)));
        let keys = Arc::new(KeyRing::new(KeyId(1), Zeroizing::new([42; 32])));
        let hashes = Arc::new(HashQueue::with_threads(2).unwrap());
        let directories = Arc::new(TestDirectories::default());
        let letters = Arc::new(Letters::default());
        let admin = Administrator::new(crate::ports::Deps {
            replica: replica.clone(),
            keys: keys.clone(),
            hashes: hashes.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            notifier: letters.clone(),
            names: Names::new(["corp"]),
            directories: directories.clone(),
            node: NodeId(1),
        });
        replica.commit(&found_cluster(
            &keys,
            &*entropy,
            &FoundingNode {
                cluster_id: [7; 16],
                ca_certificate_der: b"certificate",
                ca_key_der: b"private key",
                node: NodeId(1),
                name: "one",
                site: "",
                key_digest: [1; 32],
            },
        ));
        Self {
            replica,
            clock,
            entropy,
            keys,
            hashes,
            directories,
            letters,
            admin,
        }
    }

    /// An authenticator of this node.
    pub(crate) fn authenticator(&self) -> Authenticator {
        self.authenticator_with(NodeId(1), self.directories.clone())
    }

    /// An authenticator of a node: all have the same state.
    pub(crate) fn authenticator_at(&self, node: NodeId) -> Authenticator {
        self.authenticator_with(node, self.directories.clone())
    }

    /// One that asks these directories.
    pub(crate) fn authenticator_asking(&self, directories: Arc<dyn crate::ports::Directories>) -> Authenticator {
        self.authenticator_with(NodeId(1), directories)
    }

    fn authenticator_with(&self, node: NodeId, directories: Arc<dyn crate::ports::Directories>) -> Authenticator {
        Authenticator::new(crate::ports::Deps {
            replica: self.replica.clone(),
            keys: self.keys.clone(),
            hashes: self.hashes.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            notifier: self.letters.clone(),
            names: self.admin.names().clone(),
            directories,
            node,
        })
    }

    pub(crate) async fn application(&self, name: &str, factors: &[Factor]) -> ApplicationId {
        let spec = ApplicationSpec {
            passthru_until_ms: None,
            enrolment: Enrolment::Off,
            name: name.to_owned(),
            factors: factors.to_vec(),
        };
        self.admin.create_application(ROOT, spec).await.unwrap().id
    }
}

/// A secret as a person would type it.
pub(crate) fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}
