//! The tests' own one-time codes against Debian's oathtool, and the RFC's vectors.

use std::process::Command;

use cluster_tests::otp;

#[test]
fn the_codes_of_rfc_6238_appendix_b() {
    let seed = b"12345678901234567890";
    for (time_s, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
        assert_eq!(otp::code(seed, time_s / otp::PERIOD_S), code);
    }
}

#[test]
fn oathtool_computes_the_same_codes() {
    let seed = b"a seed of twenty byt";
    for step in [1, 55_555_555, 60_000_001] {
        let moment = format!("@{}", step * otp::PERIOD_S);
        let said = Command::new("oathtool")
            .args(["--totp", "--base32", &otp::seed_to_base32(seed), "--now", &moment])
            .output()
            .expect("oathtool is installed (ops/test installs it)");
        assert_eq!(
            String::from_utf8_lossy(&said.stdout).trim(),
            otp::code(seed, step),
            "{said:?}"
        );
    }
}
