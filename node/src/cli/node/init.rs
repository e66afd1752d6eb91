//! `quorate init`: the first node of a cluster.

use clap::Args;
use serde::Serialize;

use super::failure;
use crate::{
    boot,
    cli::{
        Context,
        exit::{Done, Exit, Failure},
        output::facts,
    },
};

/// Make a new cluster; this becomes its first node
///
/// Creates the data directory, the cluster's own certificate authority and the application key
/// under which every secret is sealed. Nothing runs yet afterwards. Where a data directory is
/// there already, nothing is touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  quorate init && systemctl start quorate
  quorate init --config ./node1.toml --json

Keep two things in a safe place: the application key (without it neither disk nor backup can
be read) and ca.pem (with it other machines know that they talk to your cluster).")]
pub struct Init {
    /// Copy the authority's certificate here too
    #[arg(long, value_name = "FILE")]
    ca_out: Option<std::path::PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Made {
    cluster_id: String,
    node_id: u64,
    data_dir: String,
    ca_file: String,
    ca_fingerprint: String,
    address: String,
}

impl Init {
    pub async fn perform(self, context: &Context) -> Done {
        let config = context.config()?;
        let address = config
            .advertised()
            .map_err(|why| Failure::new(Exit::Configuration, why))?;
        let made = boot::init(&config).await.map_err(|e| failure(&e))?;
        let ca_file = boot::ca_file(&config.node.data_dir);
        if let Some(copy) = &self.ca_out {
            std::fs::write(copy, &made.ca_pem).map_err(|e| {
                Failure::system(
                    format!("the cluster is made, but {} cannot be written", copy.display()),
                    e,
                )
                .advise(format!("the same certificate is in {}", ca_file.display()))
            })?;
        }
        let made = Made {
            cluster_id: made.cluster_id,
            node_id: made.node_id,
            data_dir: config.node.data_dir.display().to_string(),
            ca_file: ca_file.display().to_string(),
            ca_fingerprint: made.ca_fingerprint,
            address,
        };
        context.format.show(&made, text);
        Ok(())
    }
}

fn text(made: &Made) -> String {
    let pairs = [
        ("cluster", made.cluster_id.clone()),
        ("node", made.node_id.to_string()),
        ("data directory", made.data_dir.clone()),
        ("authority", made.ca_file.clone()),
        ("its fingerprint", made.ca_fingerprint.clone()),
        ("others reach it at", made.address.clone()),
    ];
    format!(
        "The cluster is made.\n\n{}\n\nNext:\n  systemctl start quorate      (or: quorate run)\n  quorate join-token create    prints the line to type on the second machine",
        facts(&pairs)
    )
}
