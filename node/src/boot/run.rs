//! `quorate run`: every part of a node, wired and started in the order in which they need each other, stopped in the reverse.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use quorate_app::{
    AdminError, Administrator, AuditKeeper, AuditReader, Authenticator, ClientSecrets, HashQueue, IssuedJoinToken,
    Names, PendingKeeper, Replica, WatchedDirectories,
};
use quorate_core::NodeId;
use quorate_net::{AppLogins, RadiusServer};
use quorate_raft::Role;
use quorate_raft::join::Token;
use quorate_replica::ArchiveCare;
use quorate_seal::KeyRing;
use quorate_storage::DataDir;
use quorate_web::{Deps, UnixSocket, Web, bind_tls, tls_config};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::directories::LdapDirectories;
use super::gateways::Gateways;
use super::membership::{complete_removals, complete_replacements, keep_peers, take_part};
use super::metrics::Metrics;
use super::outside::{Outside, OutsideGauges};
use super::replacement::{Asked, replace};
use super::stack::Stack;
use super::synchronising::synchronise;
use super::syslog::{self, Reporting};
use super::system::{SystemClock, SystemEntropy};
use super::{BootError, alerting, identity, keys, node_info};
use crate::config::Config;

/// How long a leader tries to give its office away before it stops anyway: an election takes less than a second.
const HAND_OVER: Duration = Duration::from_millis(1_500);

/// How often consensus is asked whether it still runs. It stops by itself when a disk fails; the process must not go on without it.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);

/// Pause between two times of asking for a damaged node's successor: the cluster has to notice that it is gone, may be without a
/// quorum, or has replaced another node a short while ago.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Told once this node serves.
#[derive(Debug)]
pub struct Ready {
    pub node_id: u64,
    pub radius: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    pub cluster: SocketAddr,
}

/// Runs a node until `stop`, then stops it cleanly.
///
/// # Errors
/// See [`BootError`]. A node whose consensus ends by itself (a failed disk) ends with an error too.
pub async fn run(
    config: Config,
    stop: impl Future<Output = ()> + Send,
    ready: impl FnOnce(Ready) + Send,
) -> Result<(), BootError> {
    let mut stop = pin!(stop);
    let node = tokio::select! {
        () = &mut stop => return Ok(()),
        started = start_or_replace(&config) => started?,
    };
    ready(node.ready());
    let ended = tokio::select! {
        () = &mut stop => Ok(()),
        why = consensus_ended(&node.stack) => Err(remember_why(&node.stack, why)),
    };
    node.stop().await;
    ended
}

/// Starts the node; one that is damaged is replaced first, as soon as the cluster grants it. Until then it looks at its files again
/// and again: what was read wrong once may be read right the next time.
async fn start_or_replace(config: &Config) -> Result<Node, BootError> {
    let mut told = None;
    loop {
        let damage = match Node::start(config).await {
            Err(BootError::Quarantine { damage, .. }) if config.cluster.replace_damaged => damage,
            started => return started,
        };
        match replace(config).await? {
            Asked::Replaced => {}
            Asked::NotNow(why) => {
                let news = Some((damage, why));
                if let Some((damage, why)) = news.as_ref().filter(|_| news != told) {
                    tracing::error!(
                        damage,
                        why,
                        "this node is damaged and takes no part; not replaced yet; asking again"
                    );
                }
                told = news;
                sleep(ASK_AGAIN).await;
            }
        }
    }
}

/// A state that is not the cluster's is not mended by a restart: the next start must know.
fn remember_why(stack: &Stack, why: String) -> BootError {
    if stack.raft.status().diverged
        && let Err(error) = stack.data_dir.mark_diverged(&why)
    {
        return error.into();
    }
    BootError::Stopped(why)
}

/// A running node.
struct Node {
    stack: Stack,
    radius: RadiusServer,
    http: Http,
    http_stop: watch::Sender<bool>,
    background: JoinSet<()>,
    reporting: Reporting,
}

impl Node {
    async fn start(config: &Config) -> Result<Node, BootError> {
        let data_dir = DataDir::open(&config.node.data_dir)?;
        let node = NodeId(data_dir.identity().node_id);
        let keys = Arc::new(keys::load(&config.key, data_dir.root())?);
        let metrics = Arc::new(Metrics::new().map_err(|error| BootError::State(error.to_string()))?);
        let tls = https_identity(config, &data_dir)?;
        let info = node_info(config)?;
        let join_address = info.cluster.clone();
        let stack = Stack::start(
            config,
            data_dir,
            config.cluster.listen,
            info,
            &keys,
            metrics.observers(),
        )?;
        let parts = Parts::new(config, &stack, keys, node, join_address)?;
        belong_together(&stack, &parts)?;
        stack.admissions.serve_with(parts.administrator.clone());
        stack.answers.judge_with(parts.authenticator.clone());

        let mut background = JoinSet::new();
        let authenticator = parts.authenticator.clone();
        background.spawn(async move { authenticator.summarize_rejects().await });
        background.spawn(take_part(
            stack.raft.clone(),
            stack.peers.clone(),
            stack.data_dir.clone(),
        ));
        background.spawn(keep_peers(stack.raft.clone(), stack.data_dir.clone()));
        let administrator = parts.administrator.clone();
        background.spawn(complete_replacements(stack.raft.clone(), administrator.clone()));
        background.spawn(synchronise(stack.raft.clone(), administrator));
        background.spawn(complete_removals(stack.raft.clone(), stack.published.clone()));
        let care = ArchiveCare::new(
            stack.archive.clone(),
            stack.published.clone(),
            Arc::new(stack.raft.clone()),
        );
        background.spawn(async move { care.run().await });
        let keeper = AuditKeeper::new(parts.replica.clone(), stack.heads.clone(), Arc::new(SystemClock), node);
        background.spawn(async move { keeper.run().await });
        let pending = PendingKeeper::new(parts.replica.clone(), Arc::new(SystemClock), node);
        background.spawn(async move { pending.run().await });
        let reporting = report(config, &parts, &stack, &metrics)?;
        alert(config, &parts, &stack, &reporting, &mut background)?;
        let (http_stop, stopping) = watch::channel(false);
        let http = Http::start(config, web(&parts, &stack, &metrics, &reporting)?, tls, &stopping).await?;
        let logins = AppLogins::new(parts.authenticator, parts.secrets, parts.replica, Arc::new(SystemClock));
        let radius = serve_radius(config, logins, &metrics).await?;
        Ok(Node {
            stack,
            radius,
            http,
            http_stop,
            background,
            reporting,
        })
    }

    fn ready(&self) -> Ready {
        Ready {
            node_id: self.stack.raft.status().id,
            radius: self.radius.addresses().to_vec(),
            https: self.http.addresses.clone(),
            cluster: self.stack.raft.local_addr(),
        }
    }

    /// In this order: no new logins, those in hand answered and reported, leadership given away, disk in order. Without consensus there is no
    /// answer to wait for.
    async fn stop(mut self) {
        let status = self.stack.raft.status();
        if status.fatal.is_some() {
            drop(self.radius);
            self.http.tasks.shutdown().await;
        } else {
            self.radius.stop().await;
            self.http_stop.send_replace(true);
            while self.http.tasks.join_next().await.is_some() {}
        }
        self.background.shutdown().await;
        self.reporting.stop().await;
        let status = self.stack.raft.status();
        if status.role == Role::Leader && status.voters.len() > 1 {
            give_away(&self.stack).await;
        }
        self.stack.stop().await;
    }
}

async fn give_away(stack: &Stack) {
    if let Err(error) = stack.raft.hand_over(Instant::now() + HAND_OVER).await {
        tracing::info!(%error, "leadership was not handed over; the others will elect");
    }
}

/// The use cases, bound to this node's ports.
struct Parts {
    node: NodeId,
    replica: Arc<dyn Replica>,
    hashes: Arc<HashQueue>,
    administrator: Arc<Administrator>,
    authenticator: Arc<Authenticator>,
    secrets: Arc<ClientSecrets>,
    gateways: Arc<Gateways>,
    join_address: String,
}

impl Parts {
    fn new(
        config: &Config,
        stack: &Stack,
        keys: Arc<KeyRing>,
        node: NodeId,
        join_address: String,
    ) -> Result<Parts, BootError> {
        let replica: Arc<dyn Replica> = stack.replica.clone();
        let hashes = Arc::new(HashQueue::with_threads(config.limits.hash_threads as usize)?);
        let gateways = Arc::new(Gateways::new(keys.clone()));
        let deps = quorate_app::Deps {
            replica: replica.clone(),
            keys: keys.clone(),
            hashes: hashes.clone(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            notifier: gateways.clone(),
            names: Names::default(),
            directories: Arc::new(WatchedDirectories::new(Arc::new(LdapDirectories::new(keys.clone())))),
            node,
        };
        Ok(Parts {
            node,
            replica,
            hashes,
            administrator: Arc::new(Administrator::new(deps.clone())),
            authenticator: Arc::new(Authenticator::new(deps)),
            secrets: Arc::new(ClientSecrets::new(keys)),
            gateways,
            join_address,
        })
    }
}

/// Why consensus is no longer running; never returns while it is.
async fn consensus_ended(stack: &Stack) -> String {
    loop {
        if let Some(why) = stack.raft.status().fatal {
            return why;
        }
        sleep(HEALTH_INTERVAL).await;
    }
}

/// The listeners of API, health and metrics.
struct Http {
    tasks: JoinSet<()>,
    addresses: Vec<SocketAddr>,
}

impl Http {
    async fn start(
        config: &Config,
        web: Web,
        tls: rustls::ServerConfig,
        stop: &watch::Receiver<bool>,
    ) -> Result<Http, BootError> {
        let tls = Arc::new(tls);
        let mut tasks = JoinSet::new();
        let mut addresses = Vec::new();
        for address in &config.https.listen {
            let listener = bind_tls(*address).await?;
            addresses.push(listener.local_addr()?);
            let (web, tls, stop) = (web.clone(), tls.clone(), stop.clone());
            tasks.spawn(async move { web.serve_tls(listener, tls, stop).await });
        }
        if let Some(folder) = config.api.socket.parent() {
            std::fs::create_dir_all(folder).map_err(BootError::file("create", folder))?;
        }
        let socket = UnixSocket::bind(&config.api.socket)?;
        let stop = stop.clone();
        tasks.spawn(async move { web.serve_unix(socket, stop).await });
        Ok(Http { tasks, addresses })
    }
}

/// The audit to the syslog servers of the configuration.
fn report(config: &Config, parts: &Parts, stack: &Stack, metrics: &Metrics) -> Result<Reporting, BootError> {
    let deps = syslog::Deps {
        reader: reader(parts, stack),
        replica: parts.replica.clone(),
        node: parts.node,
        name: config.node.name.clone(),
    };
    Reporting::start(&config.syslog, &deps, stack.data_dir.root(), &metrics.registry)
}

/// What this node notices, by the rules of the configuration.
fn alert(
    config: &Config,
    parts: &Parts,
    stack: &Stack,
    reporting: &Reporting,
    background: &mut JoinSet<()>,
) -> Result<(), BootError> {
    let mut certificates = identity::certificate_files(stack.data_dir.root()).to_vec();
    if let Some(own) = &config.https.certificate {
        certificates.push(("HTTPS", own.chain_file.clone()));
    }
    let deps = alerting::Deps {
        reader: reader(parts, stack),
        replica: parts.replica.clone(),
        raft: stack.raft.clone(),
        certificates: alerting::Certificates::new(certificates),
        outside: Outside::new(parts.administrator.clone()),
        gateways: parts.gateways.clone(),
        syslog: reporting.servers().to_vec(),
    };
    alerting::start(config, deps, &syslog::dice(), background)
}

fn reader(parts: &Parts, stack: &Stack) -> AuditReader {
    AuditReader::new(
        parts.replica.clone(),
        stack.archive.clone(),
        stack.heads.clone(),
        parts.node,
    )
}

fn web(parts: &Parts, stack: &Stack, metrics: &Arc<Metrics>, reporting: &Reporting) -> Result<Web, BootError> {
    let outside = Outside::new(parts.administrator.clone());
    let outside =
        OutsideGauges::register(&metrics.registry, outside).map_err(|error| BootError::State(error.to_string()))?;
    let refresh = {
        let (metrics, raft, syslog) = (metrics.clone(), stack.raft.clone(), reporting.gauges());
        let (published, archive, hashes) = (stack.published.clone(), stack.archive.clone(), parts.hashes.clone());
        move || {
            metrics.refresh(&raft.status(), &published.state(), &archive, &hashes.figures());
            syslog.refresh();
            outside.refresh();
        }
    };
    let deps = Deps {
        administrator: parts.administrator.clone(),
        replica: parts.replica.clone(),
        archive: stack.archive.clone(),
        signer: stack.heads.clone(),
        clock: Arc::new(SystemClock),
        node: parts.node,
        registry: metrics.registry.clone(),
        refresh: Box::new(refresh),
        extra_checks: Vec::new(),
        scrape_from: quorate_web::loopback(),
        join_address: parts.join_address.clone(),
        write_join_token: Box::new(join_token_text),
    };
    Web::new(deps).map_err(|error| BootError::State(error.to_string()))
}

/// A join token is written the way consensus reads it.
fn join_token_text(issued: &IssuedJoinToken) -> Zeroizing<String> {
    let token = Token {
        id: issued.id.0,
        secret: issued.secret.clone(),
        ca_fingerprint: issued.ca_fingerprint,
        expires_ms: issued.expires_ms,
    };
    token.to_text()
}

/// Refuses a key, or a data directory, of another cluster: with either, this node could judge nothing. Only what was recovered by now is
/// looked at; a node that was killed reads its state from the log later.
///
/// # Errors
/// [`BootError::Refused`], with what to do.
fn belong_together(stack: &Stack, parts: &Parts) -> Result<(), BootError> {
    let root = stack.data_dir.root().display();
    let state = stack.published.state();
    let Some(cluster) = state.cluster() else { return Ok(()) };
    if cluster.id != stack.data_dir.identity().cluster_id {
        return Err(BootError::Refused(format!(
            "{root} holds the state of another cluster than its identity says; put this node's own files back, or join again with an empty directory"
        )));
    }
    match parts.administrator.ca_key() {
        Err(AdminError::Seal(_)) => Err(BootError::Refused(format!(
            "the application key does not open the secrets in {root}: the key, or the directory, belongs to another cluster; put the right one back, see [key] in the configuration"
        ))),
        _ => Ok(()),
    }
}

async fn serve_radius(config: &Config, logins: AppLogins, metrics: &Metrics) -> Result<RadiusServer, BootError> {
    let counts =
        quorate_net::Metrics::register(&metrics.registry).map_err(|error| BootError::State(error.to_string()))?;
    let radius = quorate_net::Config {
        receive_buffer_bytes: config.radius.receive_buffer_bytes as usize,
        in_flight_max: config.limits.pending_requests as usize,
        ..quorate_net::Config::listening_on(config.radius.listen.clone())
    };
    Ok(RadiusServer::start(radius, logins, counts).await?)
}

/// The operator's certificate, or the one the cluster's CA gave this node.
fn https_identity(config: &Config, data_dir: &DataDir) -> Result<rustls::ServerConfig, BootError> {
    let (chain, key) = match &config.https.certificate {
        Some(own) => {
            let unusable = |path: &std::path::Path, error: rustls_pki_types::pem::Error| {
                BootError::Key(format!("{} cannot be used: {error}", path.display()))
            };
            let chain = CertificateDer::pem_file_iter(&own.chain_file)
                .and_then(Iterator::collect)
                .map_err(|error| unusable(&own.chain_file, error))?;
            let key = PrivateKeyDer::from_pem_file(&own.key_file).map_err(|error| unusable(&own.key_file, error))?;
            (chain, key)
        }
        None => {
            let (who, _) = identity::load(data_dir)?;
            let chain = vec![
                CertificateDer::from(who.certificate_der),
                CertificateDer::from(who.ca_der),
            ];
            (chain, PrivatePkcs8KeyDer::from(who.private_key_der.to_vec()).into())
        }
    };
    Ok(tls_config(chain, key)?)
}
