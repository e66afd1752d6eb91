//! An office whose people are in a directory: a slapd of its own on this machine, over TLS, and the cluster that asks it.

mod binds;
pub mod ldap;
pub mod sync;

use std::time::Duration;

use anyhow::Result;
use cluster_tests::api::Api;
use quorate_directories::{Authority, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd};
use serde_json::{Value, json};

/// The domain of its people.
const DOMAIN: &str = "example.org";

const NAME: &str = "office";

/// Which entries are people, each and all.
const PERSON: &str = "(&(objectClass=inetOrgPerson)(uid={name}))";
const EVERYBODY: &str = "(&(objectClass=inetOrgPerson)(uid=*))";

/// As long as a synchronisation may take before it is given up: the CLI waits so long.
const PATIENCE: Duration = Duration::from_secs(840);

struct Office {
    slapd: Slapd,
    authority: Authority,
}

impl Office {
    fn open() -> Result<Self> {
        let authority = Authority::new("Example CA")?;
        let slapd = Slapd::start(&authority.certify(&["127.0.0.1"])?)?;
        Ok(Self { slapd, authority })
    }

    /// Makes the directory known to a cluster. Groups are not asked for: they are a search more, of whatever depth.
    fn make_known(&self, api: &Api) -> Result<()> {
        let settings = json!({
            "kind": "ldap", "controllers": [format!("ldaps://{}", self.slapd.tls_address())], "base": SUFFIX,
            "account": SERVICE, "account_password": SERVICE_PASSWORD, "ca_pem": self.authority.pem, "user_filter": PERSON,
            "attributes": {"display_name": "displayName"},
        });
        let body = json!({"name": NAME, "domain": DOMAIN, "settings": settings});
        api.post("/api/v1/directories", &body).map(drop)
    }
}

fn synchronise(api: &Api) -> Result<Value> {
    let api = api.clone().with_patience(PATIENCE);
    api.post(&format!("/api/v1/directories/{NAME}/sync"), &json!({}))
}
