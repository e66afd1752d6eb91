//! Samba as an Active Directory domain controller.
//!
//! Its ports cannot be chosen, so it runs in a network namespace of its own, which ends with it; a [`Door`] leads there from the test's. The
//! domain is made in a temporary folder; a second controller is a [copy](Samba::copy) of the first: it knows what that knew, and does not
//! replicate with it.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use data_encoding::BASE64;
use tempfile::TempDir;

use crate::{
    authority::Certified,
    forward::{Door, listens},
    process::{Server, run},
};

/// The domain.
pub const DOMAIN: &str = "quorate.test";
/// Its root.
pub const DOMAIN_DN: &str = "DC=quorate,DC=test";
/// May do everything.
pub const ADMINISTRATOR: &str = "administrator@quorate.test";
/// The administrator's.
pub const ADMINISTRATOR_PASSWORD: &str = "Admin-Passw0rd";

/// How long is waited until it serves.
const READY: Duration = Duration::from_secs(90);

const LDAP: u16 = 389;
const LDAPS: u16 = 636;

/// A running domain controller.
pub struct Samba {
    folder: TempDir,
    running: Option<Running>,
}

struct Running {
    ldap: Door,
    ldaps: Door,
    server: Server,
}

impl Samba {
    /// Makes a domain and starts its controller, which shows this certificate. Takes about half a minute, and root.
    ///
    /// # Errors
    /// Samba is not installed, or does not do it.
    pub fn start(certified: &Certified) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("samba-").tempdir()?;
        let mut provision = Command::new("samba-tool");
        provision.args([
            "domain",
            "provision",
            "--realm=QUORATE.TEST",
            "--domain=QUORATE",
            "--server-role=dc",
        ]);
        provision.args(["--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1"]);
        provision.arg(format!("--adminpass={ADMINISTRATOR_PASSWORD}"));
        provision.arg(format!("--targetdir={}", folder.path().display()));
        provision.args(["--option=interfaces=lo", "--option=bind interfaces only=yes"]);
        run(provision, "")?;
        let mut samba = Self { folder, running: None };
        samba.certify(certified)?;
        samba.start_again()?;
        Ok(samba)
    }

    /// Another controller that knows what this one knows now.
    pub fn copy(&mut self, certified: &Certified) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("samba-").tempdir()?;
        let was_running = self.running.take().is_some();
        for part in ["private", "state"] {
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(self.folder.path().join(part)).arg(folder.path());
            run(copy, "")?;
        }
        if was_running {
            self.start_again()?;
        }
        let mut samba = Self { folder, running: None };
        samba.certify(certified)?;
        samba.start_again()?;
        Ok(samba)
    }

    /// Starts it, with what it knew, behind new doors.
    pub fn start_again(&mut self) -> Result<()> {
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec samba --interactive --model=single --debug-stdout --configfile=\"$0\"",
        ]);
        command.arg(self.folder.path().join("smb.conf"));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let log = File::create(self.folder.path().join("log"))?;
        command.stdout(log.try_clone()?).stderr(log).stdin(Stdio::null());
        let server = Server::start(command, &[])?;
        let namespace = self.wait_for(server.pid())?;
        self.running = Some(Running {
            ldap: Door::open(Arc::clone(&namespace), LDAP)?,
            ldaps: Door::open(namespace, LDAPS)?,
            server,
        });
        Ok(())
    }

    /// Kills it. Its doors lead nowhere.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// It takes connections and does not answer.
    pub fn pause(&self) -> Result<()> {
        self.running()?.server.pause()
    }

    pub fn resume(&self) -> Result<()> {
        self.running()?.server.resume()
    }

    /// For plain connections and StartTLS.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.running()?.ldap.address())
    }

    /// For TLS.
    pub fn tls_address(&self) -> Result<SocketAddr> {
        Ok(self.running()?.ldaps.address())
    }

    /// Adds what this LDIF says.
    pub fn add(&self, ldif: &str) -> Result<()> {
        self.client("ldapadd", ldif)
    }

    /// Changes what this LDIF says.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        self.client("ldapmodify", ldif)
    }

    /// Makes the password of somebody in CN=Users years old.
    pub fn age_password(&self, name: &str) -> Result<()> {
        // Debian's, which has Samba's modules.
        let mut python = Command::new("/usr/bin/python3");
        python.arg("-").arg(self.folder.path().join("smb.conf"));
        python.arg(format!("CN={name},CN=Users,{DOMAIN_DN}"));
        run(python, include_str!("age_password.py")).map(drop)
    }

    fn client(&self, command: &str, ldif: &str) -> Result<()> {
        let mut client = Command::new(command);
        client.env("LDAPTLS_REQCERT", "never");
        client.args(["-x", "-H", &format!("ldaps://{}", self.tls_address()?)]);
        client.args(["-D", ADMINISTRATOR, "-w", ADMINISTRATOR_PASSWORD]);
        run(client, ldif).map(drop)
    }

    fn running(&self) -> Result<&Running> {
        self.running.as_ref().context("it is not running")
    }

    /// Its certificate, and a configuration that names its folder. A former password is worth nothing at once, not after an hour as is usual.
    fn certify(&self, certified: &Certified) -> Result<()> {
        let at = |name: &str| self.folder.path().join(name);
        fs::write(at("certificate.pem"), &certified.certificate_pem)?;
        fs::write(at("key.pem"), &certified.key_pem)?;
        fs::set_permissions(at("key.pem"), fs::Permissions::from_mode(0o600))?;
        for folder in ["cache", "lock", "run", "ncalrpc"] {
            fs::create_dir_all(at(folder))?;
        }
        fs::write(at("smb.conf"), configuration(self.folder.path()))?;
        Ok(())
    }

    /// Until it serves both ports in its namespace.
    fn wait_for(&self, pid: u32) -> Result<Arc<File>> {
        let own = fs::read_link("/proc/self/ns/net")?;
        let path = format!("/proc/{pid}/ns/net");
        let deadline = Instant::now() + READY;
        while Instant::now() < deadline {
            // It begins in ours.
            if fs::read_link(&path).context("Samba ended")? != own {
                let namespace = Arc::new(File::open(&path)?);
                if listens(&namespace, LDAP) && listens(&namespace, LDAPS) {
                    return Ok(namespace);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        bail!("Samba does not serve: {log}")
    }
}

/// An entry of LDIF for a person or a service in CN=Users, with these lines more.
pub fn account(name: &str, password: &str, more: &str) -> String {
    format!(
        "dn: CN={name},CN=Users,{DOMAIN_DN}\nobjectClass: user\ncn: {name}\nsAMAccountName: {name}\nuserPrincipalName: {name}@{DOMAIN}\n\
         unicodePwd:: {}\n{more}{}\n",
        unicode(password),
        if more.contains("userAccountControl") {
            ""
        } else {
            "userAccountControl: 512\n"
        },
    )
}

/// An entry of LDIF for a group in CN=Users.
pub fn security_group(name: &str, members: &[&str]) -> String {
    let members: String = members
        .iter()
        .map(|member| format!("member: CN={member},CN=Users,{DOMAIN_DN}\n"))
        .collect();
    format!("dn: CN={name},CN=Users,{DOMAIN_DN}\nobjectClass: group\ncn: {name}\nsAMAccountName: {name}\n{members}\n")
}

/// A password as LDIF has it.
fn unicode(password: &str) -> String {
    let quoted = format!("\"{password}\"");
    let bytes: Vec<u8> = quoted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    BASE64.encode(&bytes)
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "[global]
netbios name = DC1
realm = QUORATE.TEST
workgroup = QUORATE
server role = active directory domain controller
server services = ldap, kdc
old password allowed period = 0
interfaces = lo
bind interfaces only = yes
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/run
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log.samba
tls enabled = yes
tls certfile = {folder}/certificate.pem
tls keyfile = {folder}/key.pem
tls cafile =
[sysvol]
path = {folder}/state/sysvol
"
    )
}
