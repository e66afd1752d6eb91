//! Directories that are to be synchronised by themselves. The leader does it; whoever leads next does it again when its own time has
//! come, since an ordinary synchronisation changes nothing that is so already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_app::{Administrator, SyncOrder};
use quorate_core::{Directory, DirectoryId, Revision};
use quorate_raft::{Raft, Role};
use tokio::time::{Instant, sleep};

/// Between two looks at whether one is due.
const LOOK: Duration = Duration::from_secs(10);

/// When each was synchronised last, at which revision of its settings.
type Last = BTreeMap<DirectoryId, (Revision, Instant)>;

/// Never returns.
pub async fn synchronise(raft: Raft, administrator: Arc<Administrator>) {
    let mut last = Last::new();
    loop {
        sleep(LOOK).await;
        if raft.status().role != Role::Leader {
            last.clear();
            continue;
        }
        let state = administrator.state();
        for directory in state.directories().filter(|directory| directory.enabled) {
            if is_due(&last, directory, administrator.sync_interval(directory)) {
                last.insert(directory.id, (directory.revision, Instant::now()));
                once(&administrator, directory).await;
            }
        }
    }
}

fn is_due(last: &Last, directory: &Directory, interval: Option<Duration>) -> bool {
    let Some(interval) = interval else { return false };
    match last.get(&directory.id) {
        Some((revision, at)) if *revision == directory.revision => at.elapsed() >= interval,
        Some(_) | None => true,
    }
}

async fn once(administrator: &Administrator, directory: &Directory) {
    let name = &directory.name;
    match administrator.sync_directory(directory, SyncOrder::default()).await {
        Ok(report) => tracing::info!(
            directory = %name, seen = report.seen, created = report.created, updated = report.updated, gone = report.gone,
            refused = report.refused.len(), "a directory was synchronised"
        ),
        Err(error) => {
            tracing::warn!(directory = %name, %error, "a directory could not be synchronised; trying again in its time")
        }
    }
}
