//! `quorate join`: one more node.

use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{failure, run};
use crate::{
    boot,
    cli::{
        Context, block_on,
        exit::{Done, Exit, Failure},
        output::facts,
        terminal,
    },
};

/// Join a cluster with a token made on one of its nodes
///
/// Proves the token both ways, receives this node's certificate and the application key, and
/// writes the data directory. Once running, the node copies everything as a learner and becomes a
/// voter by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples (`quorate join-token create` prints the whole line):
  quorate join 10.0.0.1:7443 --token qj1-… && systemctl start quorate
  quorate join 10.0.0.1:7443 --token qj1-… --run")]
pub struct Join {
    /// The cluster address of any node of the cluster
    #[arg(value_name = "HOST:PORT")]
    node: String,
    /// The join token; `-` reads it from standard input, where no other user of the machine can see it
    #[arg(long, env = "QUORATE_JOIN_TOKEN", hide_env_values = true)]
    token: String,
    /// Copy the certificate of the cluster's authority here too
    #[arg(long, value_name = "FILE")]
    ca_out: Option<std::path::PathBuf>,
    /// Go on as `quorate run`
    #[arg(long)]
    run: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Joined {
    cluster_id: String,
    node_id: u64,
    data_dir: String,
    ca_file: String,
    peers: Vec<String>,
}

impl Join {
    pub fn perform(self, context: &Context) -> Done {
        block_on(self.join(context))?;
        match self.run {
            true => run::Run::default().perform(context),
            false => Ok(()),
        }
    }

    async fn join(&self, context: &Context) -> Done {
        let config = context.config()?;
        config
            .advertised()
            .map_err(|why| Failure::new(Exit::Configuration, why))?;
        let token = match self.token.as_str() {
            "-" => terminal::secret_from_stdin("join token")?,
            given => Zeroizing::new(given.to_owned()),
        };
        let joined = boot::join(&config, &self.node, &token, &mut |sentence| eprintln!("{sentence}"))
            .await
            .map_err(|e| failure(&e))?;
        if let Some(copy) = &self.ca_out {
            std::fs::write(copy, &joined.ca_pem)
                .map_err(|e| Failure::system(format!("joined, but {} cannot be written", copy.display()), e))?;
        }
        let joined = Joined {
            cluster_id: joined.cluster_id,
            node_id: joined.node_id,
            data_dir: config.node.data_dir.display().to_string(),
            ca_file: boot::ca_file(&config.node.data_dir).display().to_string(),
            peers: joined.peers,
        };
        context.format.show(&joined, text);
        Ok(())
    }
}

fn text(joined: &Joined) -> String {
    format!(
        "This is a node of the cluster now.\n\n{}\n\nNext:\n  systemctl start quorate    (or: quorate run)\n  quorate status             until it is a voter and 0 entries behind",
        facts(&[
            ("cluster", joined.cluster_id.clone()),
            ("node", joined.node_id.to_string()),
            ("data directory", joined.data_dir.clone()),
            ("authority", joined.ca_file.clone()),
            ("peers", joined.peers.join(", ")),
        ])
    )
}
