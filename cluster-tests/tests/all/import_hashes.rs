//! A dump of FreeRADIUS with password hashes of many kinds: its users log in with the passwords that they had, at any node, and are kept as
//! everybody else from then on.

use std::fs;

use anyhow::{Context, Result, ensure};
use cluster_tests::{cluster::Cluster, limits, otp, radclient, wait, with_cluster};
use serde_json::Value;

/// The seed of RFC 6238's vectors.
const SEED: &[u8; 20] = b"12345678901234567890";

const PASSWORD: &str = "Grün-7-Tee";

/// Attribute and value, as `openssl passwd`, crypt(3), `slappasswd`, `smbencrypt` and rlm_pap's documentation make them.
const HASHES: [(&str, &str); 12] = [
    (
        "Crypt-Password",
        "$6$saltstring$w.Vgx4P7bIvLg5GUwkQFKaRkn2CgB7G2uQZH4fYTSwC6uxLcWqxd11u6Kf5Al/J5iO27siPwcgJoKJCt1uMge/",
    ),
    (
        "Crypt-Password",
        "$5$saltstring$1xbplwfsxUtyHly8ewZCztnbHtMaZovjE0CjAycX343",
    ),
    (
        "Crypt-Password",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$eS89RFY1Tp2NFIuOBEbp/3EDTVwHMH2b.uif9DOu1y4",
    ),
    (
        "Crypt-Password",
        "$2y$05$CCCCCCCCCCCCCCCCCCCCC.YA1.ePPTuxTffYnFanKqUFLjjM4h2RK",
    ),
    ("MD5-Password", "42091b431d8f7ec821ddd9a2f93d692b"),
    ("SMD5-Password", "UZqCcfCS2AZaWHfZau0rlUHzay0="),
    ("SHA-Password", "FNBPEl9wM+82vp0/Pu6XLBBj0MM="),
    ("SSHA-Password", "iy4zaMHxVPrywmynU9Ohd4vFmM9jtPtS"),
    (
        "SSHA2-256-Password",
        "AHe4Ca7dfdBT6sMH7ns5GaNRu1C4Lywlxy9zW3FjKRkyLjpTMaHQoQ==",
    ),
    (
        "Password-With-Header",
        "{SSHA512}eLKVLm4EXkH/Kkn6wX9Dx/LTV3yUFBcF9Hg8WTDAEwAfZs9NAmM0BrOtfAbYOUp2F14Yl/iiCJccu9tBQqZBscE+xDuey1Nu",
    ),
    ("NT-Password", "6A04D4CF4F766A5259BDC4854B61EDF0"),
    (
        "PBKDF2-Password",
        "HMACSHA2+256:AAAD6A:MDEyMzQ1Njc4OWFiY2RlZg==:H2kkvV44HZolSeHXk9u2ZqwIePtzrcVhTegrGZv1ZWA=",
    ),
];

#[test]
fn users_with_hashes_of_many_kinds_log_in_at_three_nodes_and_are_kept_as_argon2id() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("radius.csv");
    fs::write(&file, dump(&HASHES)).expect("a dump");
    let file = file.to_string_lossy().into_owned();
    with_cluster(3, |cluster| {
        let node = &cluster.nodes[0];
        let look = node.quorate(&["import", "--dry-run", &file])?;
        ensure!(
            look.contains("Crypt-Password") && look.contains("NT-Password"),
            "{look}"
        );
        ensure!(look.matches("hash is weak").count() == 7, "{look}");
        let taken = node.json(&["import", "--json", &file])?;
        ensure!(taken["users_created"] == HASHES.len(), "{taken}");
        ensure!(taken["passwords_left_out"] == 0, "{taken}");
        for (number, (attribute, _)) in HASHES.iter().enumerate() {
            log_in(cluster, number).with_context(|| format!("user {number} with {attribute}"))?;
        }
        Ok(())
    });
}

#[test]
fn a_damaged_hash_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("radius.csv");
    let damaged = ("Crypt-Password", &HASHES[1].1[..40]);
    fs::write(&file, dump(&[HASHES[0], damaged])).expect("a dump");
    let file = file.to_string_lossy().into_owned();
    with_cluster(1, |cluster| {
        let node = &cluster.nodes[0];
        let refused = node.try_quorate(&["import", &file])?;
        let said = String::from_utf8_lossy(&refused.stdout).into_owned();
        ensure!(refused.status.code() == Some(3), "{refused:?}");
        ensure!(said.contains("begins like a SHA-256 crypt hash and is none"), "{said}");
        let nobody = node.json(&["user", "list", "--json"])?;
        ensure!(nobody.as_array().is_some_and(Vec::is_empty), "{nobody}");
        Ok(())
    });
}

fn dump(hashes: &[(&str, &str)]) -> String {
    let mut rows = "id,username,attribute,op,value\n".to_owned();
    for (number, (attribute, value)) in hashes.iter().enumerate() {
        rows += &format!("{number},user{number},{attribute},:=,\"{value}\"\n");
        rows += &format!("{number},user{number},TOTP-Secret,:=,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n");
    }
    rows
}

/// Wrong at one node, right at the next, and right again at the last one when the hash has been replaced.
fn log_in(cluster: &Cluster, number: usize) -> Result<()> {
    let user = format!("user{number}");
    let node = |offset: usize| &cluster.nodes[(number + offset) % cluster.nodes.len()];
    ensure!(shown(cluster, &user)?["foreign_password"] == true);
    let wrong = radclient::ask(node(0).radius, &user, "Grün-7-Te", None)?.context("silence")?;
    ensure!(wrong.code == 3, "{wrong:?}");
    ensure!(
        shown(cluster, &user)?["foreign_password"] == true,
        "replaced by a wrong password"
    );
    let challenge = radclient::ask(node(1).radius, &user, PASSWORD, None)?.context("silence")?;
    let state = challenge.attribute("State").with_context(|| format!("{challenge:?}"))?;
    let code = otp::code(SEED, otp::timestep());
    let accepted = radclient::ask(node(1).radius, &user, &code, Some(state))?.context("silence")?;
    ensure!(accepted.code == 2, "{accepted:?}");
    wait::until_ok("the hash to be replaced", limits::VOTER, || {
        let shown = shown(cluster, &user)?;
        ensure!(shown["foreign_password"].is_null(), "{shown}");
        Ok(())
    })?;
    let again = radclient::ask(node(2).radius, &user, PASSWORD, None)?.context("silence")?;
    ensure!(again.attribute("State").is_some(), "{again:?}");
    let wrong = radclient::ask(node(2).radius, &user, "Grün-7-Te", None)?.context("silence")?;
    ensure!(wrong.code == 3, "{wrong:?}");
    Ok(())
}

fn shown(cluster: &Cluster, user: &str) -> Result<Value> {
    cluster.nodes[0].json(&["user", "show", user, "--json"])
}
