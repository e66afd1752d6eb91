//! The simulation answers `getrandom` itself (`src/entropy.rs`), also for those who look it up while they run.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=getrandom");
}
