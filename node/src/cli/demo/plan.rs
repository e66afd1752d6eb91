//! What the demo remembers in its directory, and the directory itself.
//!
//! ```text
//! DIR/demo.json          ports, secrets, how far it got
//! DIR/demo.lock          held while a demo runs here
//! DIR/ca.pem             the cluster's authority
//! DIR/users.csv          with --users
//! DIR/node1/quorate.toml its settings      DIR/node1/node.log  its log
//! DIR/node1/data/        its data          DIR/node1/application.key
//! ```

use std::{
    fs::{self, File},
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use data_encoding::BASE32_NOPAD;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{
        api::Api,
        exit::{Done, Exit, Failure},
    },
    config::Config,
};

const NODES: usize = 3;

/// Below the range from which the kernel takes ports for outgoing connections (32768 and up), so
/// that a port that was free yesterday is rarely taken today.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A node that is told to stop hands over, writes its image and is gone within this.
const PORT_TIMEOUT: Duration = Duration::from_secs(10);

/// `sun_path` holds 108 bytes with its NUL.
const SOCKET_PATH_MAX_BYTES: usize = 107;

/// The demo's directory, held by this process.
pub struct Home {
    path: PathBuf,
    _lock: File,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    pub nodes: Vec<NodePlan>,
    /// Shared secret of both RADIUS clients.
    pub secret: String,
    pub user: String,
    pub password: String,
    pub seed_base32: String,
    /// Whether user, token, application and clients are there.
    pub filled: bool,
    /// Users of `users.csv` that are there.
    pub crowd: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct NodePlan {
    pub name: String,
    pub radius: SocketAddr,
    pub https: SocketAddr,
    pub cluster: SocketAddr,
    /// Whether `init` or `join` was done.
    pub made: bool,
}

impl Home {
    /// Opens or makes the directory and locks it.
    pub fn open(dir: Option<PathBuf>, fresh: bool) -> Done<Home> {
        let path = dir.unwrap_or_else(default_dir);
        let cannot = |e: std::io::Error| Failure::system(format!("cannot use {}", path.display()), e);
        private_dir(&path).map_err(cannot)?;
        let path = path.canonicalize().map_err(cannot)?;
        refuse_foreign(&path)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("demo.lock"))
            .map_err(cannot)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Failure::new(
                Exit::Refused,
                format!("a demo is running in {} already", path.display()),
            )
            .advise("stop it, or give this one a place of its own: --dir DIR")
        })?;
        let home = Home { path, _lock: lock };
        if fresh {
            home.empty()?;
        }
        Ok(home)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn ca_file(&self) -> PathBuf {
        self.path.join("ca.pem")
    }

    pub fn users_file(&self) -> PathBuf {
        self.path.join("users.csv")
    }

    pub fn node_dir(&self, index: usize) -> PathBuf {
        self.path.join(format!("node{}", index + 1))
    }

    pub fn data_dir(&self, index: usize) -> PathBuf {
        self.node_dir(index).join("data")
    }

    pub fn settings_file(&self, index: usize) -> PathBuf {
        self.node_dir(index).join("quorate.toml")
    }

    pub fn api(&self, index: usize) -> Api {
        Api::at_socket(self.socket(index))
    }

    /// In the node's directory where the path fits into `sun_path`, else under the temporary folder.
    pub fn socket(&self, index: usize) -> PathBuf {
        let beside = self.node_dir(index).join("quorate.sock");
        match beside.as_os_str().len() <= SOCKET_PATH_MAX_BYTES {
            true => beside,
            false => {
                let name = format!("{:016x}", path_digest(&self.path));
                std::env::temp_dir().join(format!("quorate-demo-{name}-{}.sock", index + 1))
            }
        }
    }

    /// What an earlier demo remembered, or a new plan.
    pub fn plan(&self) -> Done<Plan> {
        let file = self.path.join("demo.json");
        let unusable = |e: &dyn std::fmt::Display| {
            Failure::system(format!("cannot read {}", file.display()), e).advise("--fresh starts over")
        };
        match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| unusable(&e)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let plan = Plan::new()?;
                self.remember(&plan)?;
                Ok(plan)
            }
            Err(e) => Err(unusable(&e)),
        }
    }

    /// Writes the plan so that a crash leaves the old one or the new one.
    pub fn remember(&self, plan: &Plan) -> Done {
        let cannot = |e| Failure::system("cannot write demo.json", e);
        let text = crate::cli::output::json(plan);
        let (file, new) = (self.path.join("demo.json"), self.path.join("demo.json.new"));
        private_file(&new, text.as_bytes()).map_err(cannot)?;
        fs::rename(new, file).map_err(cannot)
    }

    /// The node's settings file, made anew at each start: the demo, not the user, owns it.
    pub fn write_settings(&self, plan: &Plan, index: usize) -> Done {
        let node = &plan.nodes[index];
        let mut config = Config::from_text(&self.settings_file(index), "")
            .map_err(|e| Failure::system("cannot make settings", e))?;
        config.node.name.clone_from(&node.name);
        config.node.site = "demo".to_owned();
        config.node.data_dir = self.data_dir(index);
        config.radius.listen = vec![node.radius];
        config.https.listen = vec![node.https];
        config.cluster.listen = node.cluster;
        config.key = crate::config::KeySource::File(self.node_dir(index).join("application.key"));
        config.api.socket = self.socket(index);
        let write = || {
            private_dir(&self.node_dir(index))?;
            private_file(&self.settings_file(index), config.to_toml().as_bytes())
        };
        write().map_err(|e| Failure::system("cannot write a node's settings", e))
    }

    /// Removes what a broken `init` or `join` left of a node.
    pub fn discard_data(&self, index: usize) -> Done {
        let key = self.node_dir(index).join("application.key");
        for (path, removed) in [
            (self.data_dir(index), fs::remove_dir_all(self.data_dir(index))),
            (key.clone(), fs::remove_file(&key)),
        ] {
            match removed {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::system(format!("cannot remove {}", path.display()), e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn empty(&self) -> Done {
        let cannot = |e| Failure::system(format!("cannot empty {}", self.path.display()), e);
        for entry in fs::read_dir(&self.path).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            match path.is_dir() && !path.is_symlink() {
                true => fs::remove_dir_all(&path).map_err(cannot)?,
                false if path.ends_with("demo.lock") => {}
                false => fs::remove_file(&path).map_err(cannot)?,
            }
        }
        Ok(())
    }
}

impl Plan {
    fn new() -> Done<Plan> {
        let mut taken = Vec::new();
        let mut nodes = Vec::new();
        for number in 1..=NODES {
            nodes.push(NodePlan {
                name: format!("node{number}"),
                radius: free_address(&mut taken)?,
                https: free_address(&mut taken)?,
                cluster: free_address(&mut taken)?,
                made: false,
            });
        }
        Ok(Plan {
            nodes,
            secret: BASE32_NOPAD.encode(&random::<15>()?).to_ascii_lowercase(),
            user: "demo".to_owned(),
            password: pronounceable()?,
            seed_base32: BASE32_NOPAD.encode(&random::<20>()?),
            filled: false,
            crowd: 0,
        })
    }

    /// Waits until every remembered port is free: the nodes of a demo that was killed a moment ago
    /// still need some seconds to stop. A port cannot change, because the nodes know each other by it.
    ///
    /// # Errors
    /// One of them stays taken.
    pub async fn ports_are_free(&self) -> Done {
        let deadline = tokio::time::Instant::now() + PORT_TIMEOUT;
        while let Some((node, what, address)) = self.taken_port() {
            if tokio::time::Instant::now() > deadline {
                return Err(Failure::new(
                    Exit::Refused,
                    format!(
                        "{address}, the {what} port of {}, is in use by another process",
                        node.name
                    ),
                )
                .advise(format!("see which: ss -lnp 'sport = :{}'", address.port()))
                .advise("is a node of this demo still running? stop it; or start over with --fresh"));
            }
            tokio::time::sleep(super::POLL).await;
        }
        Ok(())
    }

    fn taken_port(&self) -> Option<(&NodePlan, &'static str, SocketAddr)> {
        let ports = |node: &NodePlan| {
            [
                ("RADIUS", node.radius),
                ("HTTPS", node.https),
                ("cluster", node.cluster),
            ]
        };
        self.nodes
            .iter()
            .flat_map(|node| ports(node).map(|(what, address)| (node, what, address)))
            .find(|(_, _, address)| !is_free(*address))
    }
}

fn default_dir() -> PathBuf {
    let under = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = under("XDG_STATE_HOME").or_else(|| Some(under("HOME")?.join(".local/state")));
    match state {
        Some(state) => state.join("quorate/demo"),
        None => PathBuf::from("quorate-demo"),
    }
}

/// A directory with other people's files in it is not ours to fill, let alone to empty.
fn refuse_foreign(path: &Path) -> Done {
    let entries = fs::read_dir(path).map_err(|e| Failure::system(format!("cannot read {}", path.display()), e))?;
    let ours = path.join("demo.lock").exists();
    match ours || entries.count() == 0 {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Refused,
            format!("{} holds files that are not a demo's", path.display()),
        )
        .advise("give a directory of its own: --dir DIR")),
    }
}

fn private_dir(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn private_file(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A loopback address whose port is free for UDP and TCP.
fn free_address(taken: &mut Vec<u16>) -> Done<SocketAddr> {
    /// A machine on which a thousand ports in a row are taken has another problem.
    const ATTEMPTS: usize = 1000;
    for _ in 0..ATTEMPTS {
        let spread = PORTS.end - PORTS.start;
        let port = PORTS.start + u16::from_le_bytes(random::<2>()?) % spread;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !taken.contains(&port) && is_free(address) {
            taken.push(port);
            return Ok(address);
        }
    }
    Err(Failure::new(Exit::Failed, "no free port was found on 127.0.0.1"))
}

fn is_free(address: SocketAddr) -> bool {
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}

/// `Kemo-7tusa-wira`: easy to type, good for the rules of a new cluster, and with no digit at its end that could be taken for a code.
fn pronounceable() -> Done<String> {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvw";
    const VOWELS: &[u8; 4] = b"aeio";
    let mut password = String::new();
    for (i, byte) in random::<6>()?.into_iter().enumerate() {
        if i > 0 && i % 2 == 0 {
            password.push('-');
        }
        if i == 2 {
            password.push(char::from(b'2' + (byte >> 6)));
        }
        let consonant = char::from(CONSONANTS[usize::from(byte & 15)]);
        password.push(match i {
            0 => consonant.to_ascii_uppercase(),
            _ => consonant,
        });
        password.push(char::from(VOWELS[usize::from(byte >> 4 & 3)]));
    }
    Ok(password)
}

pub(super) fn random<const N: usize>() -> Done<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Failure::system("the system gives no random numbers", e))?;
    Ok(bytes)
}

/// FNV-1a: names a socket after its directory, nothing more.
fn path_digest(path: &Path) -> u64 {
    path.to_string_lossy()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_is_remembered() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let home = Home::open(Some(dir.path().join("demo")), false).expect("opens");
        let plan = home.plan().expect("plans");
        assert_eq!(plan.nodes.len(), 3);
        assert_eq!(home.plan().expect("reads").secret, plan.secret);
        home.write_settings(&plan, 0).expect("writes");
        let config = Config::load(Some(&home.settings_file(0))).expect("the settings are right");
        assert_eq!(config.radius.listen, [plan.nodes[0].radius]);
    }

    #[test]
    fn two_demos_do_not_share_a_directory() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let _first = Home::open(Some(dir.path().to_owned()), false).expect("opens");
        let second = Home::open(Some(dir.path().to_owned()), true).err().expect("is refused");
        assert_eq!(second.exit, Exit::Refused);
    }

    #[test]
    fn fresh_never_empties_a_directory_of_someone_else() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join("thesis.tex"), "years of work").expect("writes");
        assert!(Home::open(Some(dir.path().to_owned()), true).is_err());
        assert!(dir.path().join("thesis.tex").exists());
    }

    #[test]
    fn fresh_starts_over() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let before = Home::open(Some(dir.path().to_owned()), false)
            .expect("opens")
            .plan()
            .expect("plans");
        let after = Home::open(Some(dir.path().to_owned()), true)
            .expect("opens")
            .plan()
            .expect("plans");
        assert_ne!(before.secret, after.secret);
    }

    #[test]
    fn a_socket_path_always_fits() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let deep = dir.path().join("a-long-name".repeat(12));
        let home = Home::open(Some(deep), false).expect("opens");
        assert!(home.socket(2).as_os_str().len() <= SOCKET_PATH_MAX_BYTES);
        assert_ne!(home.socket(1), home.socket(2));
    }

    #[test]
    fn the_password_ends_in_no_digit() {
        let password = pronounceable().expect("random");
        assert_eq!(password.len(), 15);
        assert!(password.ends_with(|c: char| c.is_ascii_lowercase()));
        let rules = quorate_core::PasswordRules::default();
        let name = quorate_core::UserName::new("", "alice");
        assert_eq!(quorate_app::broken_rules(&rules, &name, &password), []);
    }
}
