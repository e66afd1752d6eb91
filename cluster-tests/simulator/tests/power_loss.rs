//! Two hundred power cuts, of one node and of all. `power-loss --cuts 2000` is the longer run.

use std::process::Command;

#[test]
fn two_hundred_power_cuts_lose_nothing_that_anybody_was_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_power-loss"));
    command.args(["--cuts", "200"]).env("RUST_LIB_BACKTRACE", "0");
    let output = command.output().expect("power-loss runs");
    println!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}
