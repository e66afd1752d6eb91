//! The binary `quorate`: a node of the cluster, and the command line that runs and administers it.
//!
//! `cli` knows the words a person types, `config` the file a node reads, `boot` how the parts of a
//! node fit together. Nothing else lives here; the parts are the crates beside this one.

mod boot;
mod cli;
mod config;

/// Every applied batch copies paths of persistent maps on one thread, and other threads free them. The system's allocator
/// keeps what is freed so in its arenas; this one gives it back, and is faster at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
