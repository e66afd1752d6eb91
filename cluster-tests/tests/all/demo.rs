//! `quorate demo`, driven as a script drives it: its JSON, its users, a login, and the end of it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Person,
    crowd::{Crowd, Login},
    limits, otp, process, wait,
    wire::Request,
};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn the_demo_serves_a_login_survives_its_leader_stops_and_starts_again() {
    let folder = tempfile::Builder::new()
        .prefix("quorate-demo-")
        .tempdir()
        .expect("a folder");
    let directory = folder.path().join("demo");
    let check = || -> Result<()> {
        let mut demo = Demo::start(&directory.to_string_lossy(), &["--users", "50"])?;
        let user = demo.said["user"].as_str().context("a user")?.to_owned();
        demo.two_step(&user, 0)?;
        users_of(&directory)?
            .iter_mut()
            .take(3)
            .try_for_each(|person| demo.one_step(person))?;
        demo.kill_leader()?;
        users_of(&directory)?
            .iter_mut()
            .skip(3)
            .take(3)
            .try_for_each(|person| demo.one_step(person))?;
        demo.stop()?;

        // Again: the same users, and the codes used before stay used.
        let mut again = Demo::start(&directory.to_string_lossy(), &[])?;
        ensure!(again.said["user"] == user, "another user: {}", again.said);
        let mut seventh = users_of(&directory)?.remove(6);
        again.one_step(&mut seventh)?;
        again.stop()
    };
    if let Err(error) = check() {
        panic!("{error:?}");
    }
}

struct Demo {
    process: Child,
    said: Value,
}

impl Demo {
    fn start(directory: &str, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(process::quorate()?);
        command.args(["demo", "--json", "--dir", directory]).args(more);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("quorate demo")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).with_context(|| format!("the demo said {line:?}"))?;
        for key in ["nodes", "secret", "user", "password", "otpauth_uri", "ca_file"] {
            ensure!(!said[key].is_null(), "no {key} in {said}");
        }
        let leaders = said["nodes"]
            .as_array()
            .context("nodes")?
            .iter()
            .filter(|node| node["leader"] == true)
            .count();
        ensure!(leaders == 1, "{leaders} leaders in {said}");
        Ok(Self { process, said })
    }

    fn servers(&self) -> Result<Vec<SocketAddr>> {
        let nodes = self.said["nodes"].as_array().context("nodes")?;
        nodes
            .iter()
            .map(|node| Ok(node["radius"].as_str().context("radius")?.parse()?))
            .collect()
    }

    fn client(&self) -> Result<Crowd<()>> {
        Ok(Crowd::from_loopback(
            self.said["secret"].as_str().context("the secret")?,
        ))
    }

    /// The demo's own user: the password, then the code from the `otpauth://` URI, to the next node.
    fn two_step(&self, user: &str, first: usize) -> Result<()> {
        let password = self.said["password"].as_str().context("the password")?;
        let uri = self.said["otpauth_uri"].as_str().context("the URI")?;
        let seed = uri
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("secret="))
            .context("a seed in the URI")?;
        let seed = otp::seed_from_base32(seed).context("a seed in base32")?;
        let (mut client, servers) = (self.client()?, self.servers()?);
        let request = Request::access(client.secret(), user, password.as_bytes(), None);
        client.send((), Login::once(request, servers[first]))?;
        let challenge = client
            .all_ended()?
            .pop()
            .and_then(|ended| ended.reply)
            .context("silence")?;
        let state = challenge.state().context("a challenge")?;
        let code = otp::code(&seed, otp::timestep());
        let request = Request::access(client.secret(), user, code.as_bytes(), Some(state));
        client.send((), Login::once(request, servers[(first + 1) % servers.len()]))?;
        let answer = client
            .all_ended()?
            .pop()
            .and_then(|ended| ended.reply)
            .context("silence")?;
        ensure!(answer.is_accept(), "the demo's user was answered with {answer:?}");
        Ok(())
    }

    /// A user of users.csv: password and code in one field, as a NAS sends it.
    fn one_step(&mut self, (password, person): &mut (String, Person)) -> Result<()> {
        let mut client = self.client()?;
        let field = format!("{password}{}", person.code());
        client.send(
            (),
            Login::with_retries(person.login_with(client.secret(), &field), self.servers()?),
        )?;
        let answer = client
            .all_ended()?
            .pop()
            .and_then(|ended| ended.reply)
            .context("silence")?;
        ensure!(answer.is_accept(), "{} was answered with {answer:?}", person.name);
        Ok(())
    }

    fn kill_leader(&self) -> Result<()> {
        let nodes = self.said["nodes"].as_array().context("nodes")?;
        let leader = nodes.iter().find(|node| node["leader"] == true).context("a leader")?;
        process::signal(u32::try_from(leader["pid"].as_u64().context("a pid")?)?, Signal::KILL)
    }

    /// Ctrl-C; then none of its nodes is left.
    fn stop(&mut self) -> Result<()> {
        process::signal(self.process.id(), Signal::INT)?;
        wait::until("the demo to end", limits::STOP, || {
            self.process.try_wait().ok().flatten()
        })?;
        for node in self.said["nodes"].as_array().context("nodes")? {
            let pid = node["pid"].as_u64().context("a pid")?;
            wait::until("its nodes to end", Duration::from_secs(5), || {
                (!fs::exists(format!("/proc/{pid}")).unwrap_or(false)).then_some(())
            })?;
        }
        Ok(())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = process::signal(self.process.id(), Signal::INT);
        let _ = wait::until("the demo to end", limits::STOP, || {
            self.process.try_wait().ok().flatten()
        });
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Users and their passwords from users.csv.
fn users_of(directory: &std::path::Path) -> Result<Vec<(String, Person)>> {
    let text = fs::read_to_string(directory.join("users.csv")).context("users.csv")?;
    let rows = text
        .lines()
        .filter(|line| !line.starts_with("username") && !line.starts_with('#'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let [name, password, seed] = cells[..] else {
            anyhow::bail!("a row of three cells, not {row}")
        };
        let seed = otp::seed_from_base32(seed).context("a seed in base32")?;
        let seed = seed.try_into().ok().context("a seed of 20 bytes")?;
        Ok((password.to_owned(), Person::with_seed(name, seed)))
    })
    .collect()
}
