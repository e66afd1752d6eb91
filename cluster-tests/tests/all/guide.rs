//! The guide's commands, as they stand there: every block marked `sh` is run against a node, chapter by chapter, with the example's
//! servers in the place of those that it names.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, with_cluster};
use quorate_directories::{Authority, SERVICE_PASSWORD, Slapd};
use quorate_gateways::{Certificates, http_server, mail_server, smpp_server, tls_in_front_of};

/// What a chapter needs around it.
#[derive(Default)]
pub struct Stage {
    /// What the chapter takes for granted.
    pub before: Vec<&'static str>,
    /// Files in the folder in which it is run.
    pub files: Vec<(&'static str, String)>,
    /// What is written in the guide, and what stands for it here.
    pub here: Vec<(&'static str, String)>,
}

#[test]
fn the_chapter_on_gateways_works_as_it_is_written() {
    let certificates = Certificates::new();
    let (mailbox, provider) = (
        mail_server(&["--tls", "starttls"], Some(&certificates)),
        http_server(&[], None),
    );
    let centre = smpp_server(&["--system-id", "quorate", "--password", "secret"]);
    let before_the_centre = tls_in_front_of(centre.port("port"), &certificates);
    let stage = Stage {
        before: Vec::new(),
        files: vec![
            ("mail-ca.pem", certificates.ca_pem.clone()),
            ("smsc-ca.pem", certificates.ca_pem.clone()),
            ("password", "secret\n".to_owned()),
            ("mail.txt", "Olá {user},\n\no código é {code}.\n".to_owned()),
            (
                "gateway.json",
                block("gateways", "json").expect("the example of settings"),
            ),
        ],
        here: vec![
            (
                "starttls://mail.example.org",
                format!("starttls://localhost:{}", mailbox.port("port")),
            ),
            (
                "http://sms.example.org",
                format!("http://127.0.0.1:{}", provider.port("port")),
            ),
            (
                "tls://smsc.example.org:3550",
                format!("tls://localhost:{}", before_the_centre.port("tls")),
            ),
        ],
    };
    with_cluster(1, |cluster| perform(cluster, "gateways", &stage));
    let carried = centre.recorded();
    assert_eq!(
        carried.iter().filter(|one| one["command"] == "submit_sm").count(),
        1,
        "{carried:?}"
    );
}

#[test]
fn the_chapter_on_tokens_works_as_it_is_written() {
    let stage = Stage {
        before: vec!["user create alice --no-password", "user create bob --no-password"],
        files: vec![
            ("seed.txt", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n".to_owned()),
            ("pin.txt", "4711\n".to_owned()),
            ("key.txt", "010203040506 000102030405060708090a0b0c0d0e0f\n".to_owned()),
        ],
        here: Vec::new(),
    };
    with_cluster(1, |cluster| perform(cluster, "tokens", &stage));
}

#[test]
fn the_chapters_on_rules_roles_and_passwords_work_as_they_are_written() {
    let people = ["user create alice --no-password", "user create bob --no-password"];
    let applications = [
        "application create vpn --factor password --factor code",
        "application create strict --factor password --factor totp",
        "application create light --factor password",
        "client create gate-1 --network 198.51.100.1 --application vpn",
        "client create wifi --network 198.51.100.2 --application vpn",
    ];
    let of_rules = Stage {
        before: people.into_iter().chain(applications).collect(),
        ..Stage::default()
    };
    let of_roles = Stage {
        before: vec!["user create robot --no-password"],
        ..Stage::default()
    };
    with_cluster(1, |cluster| {
        perform(cluster, "rules", &of_rules)?;
        perform(cluster, "roles", &of_roles)?;
        perform(cluster, "passwords", &Stage::default())
    });
}

#[test]
fn the_chapter_on_directories_works_as_it_is_written() {
    with_cluster(1, |cluster| {
        let authority = Authority::new("Example CA")?;
        let certified = authority.certify(&["127.0.0.1"])?;
        let (first, second) = (Slapd::start(&certified)?, Slapd::start(&certified)?);
        for slapd in [&first, &second] {
            slapd.add_people("p", 3)?;
        }
        let stage = Stage {
            before: Vec::new(),
            files: vec![
                ("ca.pem", authority.pem.clone()),
                ("password", format!("{SERVICE_PASSWORD}\n")),
            ],
            here: vec![
                ("ldaps://ldap1.example.org", format!("ldaps://{}", first.tls_address())),
                ("ldaps://ldap2.example.org", format!("ldaps://{}", second.tls_address())),
                ("--user alice", "--user p1".to_owned()),
            ],
        };
        perform(cluster, "directories", &stage)
    });
}

#[test]
fn the_chapter_on_imports_works_as_it_is_written() {
    let fixture = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/import/tests/fixtures");
        fs::read_to_string(folder.join(name)).expect("a fixture")
    };
    let stage = Stage {
        before: vec![
            "user create alice@example --no-password",
            "user create bob@example --no-password",
        ],
        files: vec![
            ("users.csv", block("import", "csv").expect("the example of users")),
            ("tokens.export", fixture("privacyidea.export")),
            ("tokens.key", fixture("privacyidea.export.key")),
            ("radius.sql", fixture("freeradius-complete.sql")),
            ("vendor.pskc", fixture("python-pskc-aes128.pskc")),
            ("vendor.key", "000102030405060708090a0b0c0d0e0f\n".to_owned()),
            ("export.password", "correct horse battery staple\n".to_owned()),
            (
                "export.key",
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n".to_owned(),
            ),
        ],
        here: Vec::new(),
    };
    with_cluster(1, |cluster| perform(cluster, "import", &stage));
}

/// Runs every block of a chapter, one after the other, each in a shell that ends at the first command that fails.
pub fn perform(cluster: &mut Cluster, chapter: &str, stage: &Stage) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, text) in &stage.files {
        fs::write(folder.path().join(name), text)?;
    }
    for line in &stage.before {
        cluster.nodes[0].quorate(&line.split(' ').collect::<Vec<_>>())?;
    }
    let blocks = blocks(chapter, "sh")?;
    ensure!(!blocks.is_empty(), "the chapter has no command that is run");
    let node = &cluster.nodes[0];
    let binary = node.command(&[])?.get_program().to_owned();
    let here = Path::new(&binary)
        .parent()
        .context("the binary lies in a folder")?
        .display()
        .to_string();
    for block in blocks {
        let placed = stage
            .here
            .iter()
            .fold(block.clone(), |text, (there, here)| text.replace(there, here));
        let ran = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &placed])
            .current_dir(folder.path())
            .env("PATH", format!("{here}:{}", std::env::var("PATH").unwrap_or_default()))
            .env("QUORATE_CONFIG", node.config_file())
            .output()?;
        let (out, error) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        ensure!(ran.status.success(), "{placed}\n--- said\n{out}\n{error}");
    }
    Ok(())
}

pub fn block(chapter: &str, language: &str) -> Result<String> {
    blocks(chapter, language)?.into_iter().next().context("no such block")
}

/// The fenced blocks of a language.
pub fn blocks(chapter: &str, language: &str) -> Result<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/guide/{chapter}.md"));
    let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        // A block of a list is indented like its item.
        if line.trim_start().strip_prefix("```") == Some(language) {
            let block: Vec<&str> = lines.by_ref().take_while(|line| line.trim_start() != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    Ok(blocks)
}
