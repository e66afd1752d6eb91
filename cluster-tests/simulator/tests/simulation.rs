//! The simulator itself is held to its word: seeds repeat exactly, and a few hundred of them find nothing.

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulate"));
    command.args(arguments).env("RUST_LIB_BACKTRACE", "0");
    command.output().expect("simulate runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in ["3", "4", "11"] {
        let [first, again] = [simulate(&["--one", seed]), simulate(&["--one", seed])];
        assert!(first.status.success(), "{}", text(&first));
        assert_eq!(first.stdout, again.stdout);
    }
    assert_ne!(simulate(&["--one", "3"]).stdout, simulate(&["--one", "4"]).stdout);
}

#[test]
fn three_hundred_seeds_hold_every_invariant_and_cover_every_fault() {
    let output = simulate(&["--seeds", "300", "--covered"]);
    println!("{}", text(&output));
    assert!(output.status.success());
}
