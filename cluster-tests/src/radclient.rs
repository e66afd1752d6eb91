//! Debian's radclient, a RADIUS client that is not ours.

use std::{
    io::Write,
    net::SocketAddr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{cluster::SECRET, wire};

/// What radclient understood of the reply. It has checked the Response Authenticator and the Message-Authenticator.
#[derive(Clone, Debug)]
pub struct Reply {
    pub code: u8,
    /// Everything it printed of the reply, one `Name = value` a line.
    pub attributes: Vec<(String, String)>,
}

impl Reply {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| &value[..])
    }
}

/// One Access-Request, tried once with 10 s of patience; `None` is silence. `state` is as radclient printed it (`0x…`).
///
/// # Errors
/// radclient is not installed, or said something that is neither a reply nor silence.
pub fn ask(server: SocketAddr, user: &str, password: &str, state: Option<&str>) -> Result<Option<Reply>> {
    let mut attributes =
        format!("User-Name = \"{user}\"\nUser-Password = \"{password}\"\nMessage-Authenticator = 0x00\n");
    if let Some(state) = state {
        attributes += &format!("State = {state}\n");
    }
    let mut child = Command::new("radclient")
        .args(["-x", "-r", "1", "-t", "10", &server.to_string(), "auth", SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("radclient is not installed (ops/test installs it)")?;
    child
        .stdin
        .take()
        .context("no way to talk to radclient")?
        .write_all(attributes.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    parse(&said)
}

fn parse(said: &str) -> Result<Option<Reply>> {
    let mut lines = said.lines().skip_while(|line| !line.starts_with("Received "));
    let Some(head) = lines.next() else {
        if said.contains("No reply") {
            return Ok(None);
        } else {
            bail!("radclient said: {said}")
        }
    };
    let code = match head.split_whitespace().nth(1) {
        Some("Access-Accept") => wire::ACCESS_ACCEPT,
        Some("Access-Reject") => wire::ACCESS_REJECT,
        Some("Access-Challenge") => wire::ACCESS_CHALLENGE,
        _ => bail!("radclient said: {said}"),
    };
    let attributes = lines
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    Ok(Some(Reply { code, attributes }))
}
