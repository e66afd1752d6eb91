//! An administrator beside a fault: makes users, and disables every third of them, at one node after the other. What was acknowledged
//! has to be there in the end, on every node; what was not may be.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{Cluster, api::Api, cluster};

/// After this an administrator asks another node.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two changes: many of them while a fault lasts, few beside the logins.
const PACE: Duration = Duration::from_millis(100);

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub made: BTreeSet<String>,
    pub disabled: BTreeSet<String>,
    /// Neither acknowledged nor refused.
    pub unknown: u64,
}

/// The administrator, on a thread of his own.
pub struct Registrar {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Changes>,
}

impl Registrar {
    pub fn start(cluster: &Cluster) -> Self {
        let nodes: Vec<Api> = cluster
            .nodes
            .iter()
            .map(|node| node.api().with_patience(PATIENCE))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || work(&nodes, &told));
        Self { stop, thread }
    }

    pub fn stop(self) -> Result<Changes> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the registrar's thread panicked")
    }
}

fn work(nodes: &[Api], stop: &AtomicBool) -> Changes {
    let mut changes = Changes::default();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let api = &nodes[turn % nodes.len()];
        let name = format!("registered-{turn:05}");
        if acknowledged(api, "/api/v1/users", Some(json!({ "name": name })), &mut changes) {
            if turn.is_multiple_of(3) {
                let other = &nodes[(turn + 1) % nodes.len()];
                let path = format!("/api/v1/users/{name}/disable");
                if acknowledged(other, &path, None, &mut changes) {
                    changes.disabled.insert(name.clone());
                }
            }
            changes.made.insert(name);
        }
        std::thread::sleep(PACE);
    }
    changes
}

fn acknowledged(api: &Api, path: &str, body: Option<Value>, changes: &mut Changes) -> bool {
    match api.ask("POST", path, body.as_ref()) {
        Ok(answer) if (200..300).contains(&answer.status) => true,
        _ => {
            changes.unknown += 1;
            false
        }
    }
}

impl Changes {
    /// Looks for every acknowledged change on every node.
    pub fn are_everywhere(&self, cluster: &Cluster) -> Result<()> {
        for node in &cluster.nodes {
            let found = cluster::user_names(&node.api())?;
            let missing: Vec<_> = self.made.difference(&found).collect();
            ensure!(missing.is_empty(), "{} has lost {missing:?}", node.name);
            for name in &self.disabled {
                let user = node.api().get(&format!("/api/v1/users/{name}"))?;
                ensure!(user["enabled"] == false, "{} has lost a disable: {user}", node.name);
            }
        }
        Ok(())
    }
}
