//! OpenLDAP's slapd with the overlays memberof and ppolicy, a service account, policies, and nobody else: people and groups are the test's.

use std::{
    fmt::Write,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    authority::Certified,
    ports::free_port,
    process::{Server, run},
};

/// Under which everything is.
pub const SUFFIX: &str = "dc=example,dc=org";
/// May read everything but passwords, and write passwords, mobile and mail.
pub const SERVICE: &str = "cn=quorate,dc=example,dc=org";
/// The service account's.
pub const SERVICE_PASSWORD: &str = "service-Passw0rd";
/// Everybody's whom [`Slapd::add_people`] adds.
pub const PASSWORD: &str = "people-Passw0rd";

const ROOT: &str = "cn=root,dc=example,dc=org";
const ROOT_PASSWORD: &str = "root-Passw0rd";

/// Starting a server on a port that another test took meanwhile is tried again so often.
const TRIES: usize = 5;

/// A running slapd, at 127.0.0.1.
pub struct Slapd {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    server: Option<Server>,
}

impl Slapd {
    /// Starts one that shows this certificate.
    ///
    /// # Errors
    /// slapd is not installed, or does not start.
    pub fn start(certified: &Certified) -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_start(certified) {
                Ok(slapd) => return Ok(slapd),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    fn try_start(certified: &Certified) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("slapd-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data"))?;
        fs::write(at("certificate.pem"), &certified.certificate_pem)?;
        fs::write(at("key.pem"), &certified.key_pem)?;
        fs::write(
            at("slapd.conf"),
            configuration(folder.path().to_str().context("a path")?),
        )?;
        let mut slapd = Self {
            folder,
            port: free_port(),
            tls_port: free_port(),
            server: None,
        };
        slapd.start_again()?;
        slapd.add(&skeleton())?;
        Ok(slapd)
    }

    /// Starts it on its ports, with what it knew.
    pub fn start_again(&mut self) -> Result<()> {
        let urls = format!("ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/", self.port, self.tls_port);
        let mut command = Command::new(installed("slapd"));
        command
            .arg("-h")
            .arg(urls)
            .arg("-f")
            .arg(self.file("slapd.conf"))
            .args(["-d", "0"]);
        command
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.file("log"))?);
        let ready = [self.address(), self.tls_address()];
        self.server = Some(Server::start(command, &ready)?);
        Ok(())
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// It takes connections and does not answer.
    pub fn pause(&self) -> Result<()> {
        self.server.as_ref().context("it is not running")?.pause()
    }

    pub fn resume(&self) -> Result<()> {
        self.server.as_ref().context("it is not running")?.resume()
    }

    /// Its process.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.server.as_ref().context("it is not running")?.pid())
    }

    /// For plain connections and StartTLS.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// For TLS.
    pub fn tls_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls_port).into()
    }

    /// Adds what this LDIF says, through the server, so that its overlays see it.
    pub fn add(&self, ldif: &str) -> Result<()> {
        self.client("ldapadd", ldif)
    }

    /// Changes what this LDIF says.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        self.client("ldapmodify", ldif)
    }

    /// People with the names `{stem}1` to `{stem}{count}`, whose password is [`PASSWORD`].
    pub fn add_people(&self, stem: &str, count: usize) -> Result<()> {
        let mut ldif = String::new();
        for number in 1..=count {
            write!(ldif, "{}", person(&format!("{stem}{number}"), ""))?;
        }
        self.add(&ldif)
    }

    /// Adds what this LDIF says, past the server and its overlays, which is stopped meanwhile: for a hundred thousand people.
    pub fn load(&mut self, ldif: &str) -> Result<()> {
        self.kill();
        let mut command = Command::new(installed("slapadd"));
        command.arg("-q").arg("-f").arg(self.file("slapd.conf"));
        run(command, ldif)?;
        self.start_again()
    }

    fn client(&self, command: &str, ldif: &str) -> Result<()> {
        let mut client = Command::new(installed(command));
        client.args([
            "-x",
            "-H",
            &format!("ldap://{}", self.address()),
            "-D",
            ROOT,
            "-w",
            ROOT_PASSWORD,
        ]);
        run(client, ldif).map(drop)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// An entry of LDIF for somebody whose password is [`PASSWORD`], with these lines more.
pub fn person(name: &str, more: &str) -> String {
    format!(
        "dn: uid={name},ou=people,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name} of Example\nsn: {name}\n\
         mail: {name}@example.org\nmobile: +49 170 {}\ntelephoneNumber: +49 30 1\npreferredLanguage: de\nuserPassword: {PASSWORD}\n{more}\n",
        name.len()
    )
}

/// Debian keeps servers where not everybody looks.
fn installed(command: &str) -> PathBuf {
    let places = ["/usr/sbin", "/usr/bin", "/usr/lib/slapd"];
    let found = places
        .iter()
        .map(|place| PathBuf::from(place).join(command))
        .find(|file| file.exists());
    found.unwrap_or_else(|| command.into())
}

fn configuration(folder: &str) -> String {
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {folder}/pid
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/key.pem
threads 4

database mdb
maxsize 1073741824
suffix \"{SUFFIX}\"
directory {folder}/data
dbnosync
rootdn \"{ROOT}\"
rootpw {ROOT_PASSWORD}
index objectClass,uid,member,memberUid eq
limits dn.exact=\"{SERVICE}\" size=unlimited
access to attrs=userPassword by dn.exact=\"{SERVICE}\" write by self write by anonymous auth by * none
access to attrs=mobile,mail by dn.exact=\"{SERVICE}\" write by self write by users read by * none
access to * by users read by * none

overlay memberof
memberof-group-oc groupOfNames

overlay ppolicy
ppolicy_default \"cn=default,ou=policies,{SUFFIX}\"
ppolicy_hash_cleartext
ppolicy_use_lockout
"
    )
}

fn skeleton() -> String {
    let mut ldif = format!("dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\n\n");
    for unit in ["people", "groups", "policies"] {
        ldif += &format!("dn: ou={unit},{SUFFIX}\nobjectClass: organizationalUnit\n\n");
    }
    ldif += &policy(
        "default",
        "pwdMinLength: 8\npwdInHistory: 3\npwdMaxFailure: 3\npwdLockout: TRUE\npwdMustChange: TRUE\n",
    );
    ldif += &policy("fixed", "pwdAllowUserChange: FALSE\n");
    ldif += &policy("young", "pwdMinAge: 86400\n");
    ldif += &policy("short-lived", "pwdMaxAge: 1\n");
    ldif += &policy("graceful", "pwdMaxAge: 1\npwdGraceAuthNLimit: 3\n");
    ldif += &policy("ending", "pwdMaxAge: 1000\npwdExpireWarning: 1000\n");
    ldif + &format!(
        "dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\nuserPassword: {SERVICE_PASSWORD}\n\n"
    )
}

fn policy(name: &str, rules: &str) -> String {
    format!(
        "dn: cn={name},ou=policies,{SUFFIX}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: {name}\npwdAttribute: userPassword\n\
         pwdCheckQuality: 2\n{rules}\n"
    )
}
