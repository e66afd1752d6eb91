//! The binary `quorate`: a node of the cluster, and the command line that runs and administers it.
//!
//! `cli` knows the words a person types, `config` the file a node reads, `boot` how the parts of a
//! node fit together. Nothing else lives here; the parts are the crates beside this one.

mod boot;
mod cli;
mod config;

fn main() -> std::process::ExitCode {
    cli::main()
}
