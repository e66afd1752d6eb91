//! Three machines and a router between them, as network namespaces, so that a machine can be cut off without its
//! processes noticing anything but silence.
//!
//! Each machine has a subnet of its own behind the router. What the machines say to each other is *forwarded* by the
//! router and can be dropped there; what the RADIUS client says is *sent* by the router itself and always arrives.
//! So a node that is cut from its peers still hears its clients, which is the case that matters. (A drop on the
//! sender's own side would give it an error instead of silence.) Needs root.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr},
    os::fd::AsFd,
    process::Command,
};

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{cluster::Sources, process};

/// The namespaces; they are deleted when this is dropped.
pub struct Network {
    router: String,
    machines: Vec<String>,
}

impl Network {
    /// `count` machines with the addresses [`Network::address`].
    pub fn build(count: usize) -> Result<Self> {
        let stem = format!("q{}", std::process::id());
        let network = Self {
            router: format!("{stem}r"),
            machines: (1..=count).map(|n| format!("{stem}m{n}")).collect(),
        };
        network.add_router()?;
        for at in 0..count {
            network.add_machine(at)?;
        }
        Ok(network)
    }

    /// Where machine `at` is.
    pub fn address(at: usize) -> IpAddr {
        subnet(at, 1)
    }

    /// Its namespace.
    pub fn machine(&self, at: usize) -> String {
        self.machines[at].clone()
    }

    /// Addresses of the router, one for each kind of RADIUS client.
    pub const SOURCES: Sources = Sources {
        gateway: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1)),
        other_gateway: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 3)),
        passcode: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2)),
    };

    /// From now on nothing passes between machine `at` and the other machines.
    pub fn cut_off(&self, at: usize) -> Result<()> {
        let link = format!("to-m{at}");
        self.nft(&["add", "rule", "inet", "cut", "forward", "iifname", &link, "drop"])?;
        self.nft(&["add", "rule", "inet", "cut", "forward", "oifname", &link, "drop"])
    }

    /// From now on nothing passes from one machine to the other; the other way stays open.
    pub fn cut_one_way(&self, from: usize, to: usize) -> Result<()> {
        let (from, to) = (format!("to-m{from}"), format!("to-m{to}"));
        self.nft(&[
            "add", "rule", "inet", "cut", "forward", "iifname", &from, "oifname", &to, "drop",
        ])
    }

    /// From now on nothing that machine `at` sends from this UDP port arrives, at the router neither.
    pub fn mute(&self, at: usize, port: u16) -> Result<()> {
        let link = format!("to-m{at}");
        self.nft(&[
            "add",
            "rule",
            "inet",
            "cut",
            "input",
            "iifname",
            &link,
            "udp",
            "sport",
            &port.to_string(),
            "drop",
        ])
    }

    /// Everything passes again.
    pub fn mend(&self) -> Result<()> {
        self.nft(&["flush", "table", "inet", "cut"])
    }

    /// Runs `work` where the RADIUS clients are: at the router.
    pub fn at_router<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        standing_in(&self.router, work)
    }

    /// Runs `work` on machine `at`.
    pub fn at_machine<T: Send>(&self, at: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        standing_in(&self.machines[at], work)
    }

    fn add_router(&self) -> Result<()> {
        let router = &self.router;
        ip(&["netns", "add", router]).context("network namespaces need root")?;
        ip(&["-n", router, "link", "set", "lo", "up"])?;
        for source in [
            Self::SOURCES.gateway,
            Self::SOURCES.other_gateway,
            Self::SOURCES.passcode,
        ] {
            ip(&["-n", router, "address", "add", &format!("{source}/32"), "dev", "lo"])?;
        }
        ip(&[
            "netns",
            "exec",
            router,
            "sh",
            "-c",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
        ])?;
        self.nft(&["add", "table", "inet", "cut"])?;
        for hook in ["forward", "input"] {
            let chain = format!("{{ type filter hook {hook} priority 0 ; }}");
            self.nft(&["add", "chain", "inet", "cut", hook, &chain])?;
        }
        Ok(())
    }

    fn add_machine(&self, at: usize) -> Result<()> {
        let (router, machine, link) = (&self.router, &self.machines[at], format!("to-m{at}"));
        ip(&["netns", "add", machine])?;
        ip(&["-n", machine, "link", "set", "lo", "up"])?;
        ip(&[
            "-n", router, "link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", machine,
        ])?;
        ip(&[
            "-n",
            router,
            "address",
            "add",
            &format!("{}/24", subnet(at, 254)),
            "dev",
            &link,
        ])?;
        ip(&[
            "-n",
            machine,
            "address",
            "add",
            &format!("{}/24", subnet(at, 1)),
            "dev",
            "eth0",
        ])?;
        ip(&["-n", router, "link", "set", &link, "up"])?;
        ip(&["-n", machine, "link", "set", "eth0", "up"])?;
        ip(&[
            "-n",
            machine,
            "route",
            "add",
            "default",
            "via",
            &subnet(at, 254).to_string(),
        ])
    }

    fn nft(&self, arguments: &[&str]) -> Result<()> {
        let mut all = vec!["netns", "exec", &self.router, "nft"];
        all.extend(arguments);
        ip(&all)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in self.machines.iter().chain([&self.router]) {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

/// On a thread of its own, since a thread's sockets belong to the namespace it stands in.
fn standing_in<T: Send>(namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let standing = scope.spawn(|| {
            let namespace = File::open(format!("/run/netns/{namespace}"))?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .context("cannot enter a network namespace")?;
            work()
        });
        standing.join().expect("the work in a namespace does not panic")
    })
}

fn subnet(at: usize, host: u8) -> IpAddr {
    let machine = u8::try_from(at + 1).expect("invariant: a handful of machines");
    Ipv4Addr::new(10, 77, machine, host).into()
}

fn ip(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    process::succeed(command).map(drop)
}
