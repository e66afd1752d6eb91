//! The composition root: the only module that knows every part. It founds (`init`), joins (`join`) and runs (`run`) a node by handing
//! each part its piece of the configuration and its ports. Nothing is decided here that a part could decide for itself.

mod admission;
mod alerting;
mod directories;
mod error;
mod gateways;
mod heads;
mod identity;
mod init;
mod join;
mod keys;
mod membership;
mod metrics;
mod outside;
mod replacement;
mod run;
mod stack;
mod synchronising;
mod syslog;
mod system;
mod texts;

use quorate_raft::NodeInfo;

pub use error::{BootError, BootErrorKind};
pub use identity::ca_file;
pub use init::init;
pub use join::join;
pub use run::{Ready, run};

use crate::config::Config;

/// What this node tells every other about itself.
fn node_info(config: &Config) -> Result<NodeInfo, BootError> {
    let cluster = config.advertised().map_err(BootError::Refused)?;
    let host = cluster
        .rsplit_once(':')
        .map_or(cluster.as_str(), |(host, _)| host)
        .to_owned();
    let reachable = |listen: &[std::net::SocketAddr]| match listen.first() {
        Some(address) if address.ip().is_unspecified() => format!("{host}:{}", address.port()),
        Some(address) => address.to_string(),
        None => String::new(),
    };
    Ok(NodeInfo {
        name: config.node.name.clone(),
        site: config.node.site.clone(),
        radius: reachable(&config.radius.listen),
        https: reachable(&config.https.listen),
        cluster,
    })
}
