//! Where messages go, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Facility;
use crate::limits;
use crate::problem::{Problem, host_and_port, none_of};

/// One syslog server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// `HOST:PORT`. A name is looked up at each connection.
    pub address: String,
    /// How to speak to it.
    pub transport: Transport,
    /// For everything, instead of one for each kind of record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility: Option<Facility>,
    /// TLS: whose signature the server's certificate needs, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// TLS: the name in its certificate, if it is not the host of `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// TLS: this node's certificate chain, PEM, for a server that wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// TLS: its key, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Messages that may wait.
    #[serde(default = "default_queue")]
    pub queue: usize,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A datagram each (RFC 5426): nobody knows what gets lost.
    Udp,
    /// A stream with octet counting (RFC 6587 §3.4.1), readable on the way.
    Tcp,
    /// The same under TLS (RFC 5425).
    Tls,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    /// Its word in a configuration.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    pub(super) fn is_stream(self) -> bool {
        self != Transport::Udp
    }
}

impl ServerSettings {
    /// A server at `HOST:PORT`, with defaults for the rest.
    #[must_use]
    pub fn to(address: &str, transport: Transport) -> Self {
        ServerSettings {
            address: address.to_owned(),
            transport,
            facility: None,
            ca: None,
            server_name: None,
            certificate: None,
            key: None,
            queue: limits::QUEUE,
        }
    }

    /// Whether the values are right, alone and beside each other. Files are looked at when they are used.
    ///
    /// # Errors
    /// Every wrong field, by its name.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        if host_and_port(&self.address).is_none() {
            problems.push(Problem::new(
                "address",
                format!("\"{}\" is not HOST:PORT", self.address),
                "write a name or an address and a port, as in \"logs.example.org:6514\" or \"[2001:db8::1]:514\"",
            ));
        }
        if !(limits::QUEUE_MIN..=limits::QUEUE_MAX).contains(&self.queue) {
            problems.push(Problem::new(
                "queue",
                format!("{} is out of range", self.queue),
                format!(
                    "write a whole number of messages from {} to {}; the default is {}",
                    limits::QUEUE_MIN,
                    limits::QUEUE_MAX,
                    limits::QUEUE
                ),
            ));
        }
        self.check_tls(&mut problems);
        none_of(problems)
    }

    fn check_tls(&self, problems: &mut Vec<Problem>) {
        if self.transport == Transport::Tls {
            if self.ca.is_none() {
                problems.push(Problem::new(
                    "ca",
                    "is missing, and without it any server could read the messages",
                    "write ca = \"/etc/quorate/syslog-ca.pem\": the CA that has signed the server's certificate",
                ));
            }
        } else {
            let used = [
                ("ca", self.ca.is_some()),
                ("server_name", self.server_name.is_some()),
                ("certificate", self.certificate.is_some()),
                ("key", self.key.is_some()),
            ];
            for (field, _) in used.into_iter().filter(|(_, used)| *used) {
                let problem = format!("has no use with transport = \"{}\"", self.transport.label());
                problems.push(Problem::new(
                    field,
                    problem,
                    "write transport = \"tls\", or leave the line out",
                ));
            }
        }
        match (&self.certificate, &self.key) {
            (Some(_), None) => problems.push(Problem::new(
                "certificate",
                "has no key beside it",
                "add key, or leave both out",
            )),
            (None, Some(_)) => problems.push(Problem::new(
                "key",
                "has no certificate beside it",
                "add certificate, or leave both out",
            )),
            _ => {}
        }
        if let Some(name) = &self.server_name
            && rustls_pki_types::ServerName::try_from(name.as_str()).is_err()
        {
            problems.push(Problem::new(
                "server_name",
                format!("\"{name}\" is no name that a certificate could have"),
                "write a DNS name or an IP address",
            ));
        }
    }

    /// Host and port of the address.
    pub(super) fn host_and_port(&self) -> Option<(&str, u16)> {
        host_and_port(&self.address)
    }

    /// The name to look for in its certificate.
    pub(super) fn certified_name(&self) -> &str {
        let host = self.host_and_port().map_or(self.address.as_str(), |(host, _)| host);
        self.server_name.as_deref().unwrap_or(host)
    }
}

fn default_queue() -> usize {
    limits::QUEUE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(settings: &ServerSettings) -> Vec<&'static str> {
        settings
            .check()
            .err()
            .unwrap_or_default()
            .iter()
            .map(|problem| problem.field)
            .collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let right = ServerSettings::to("logs.example.org:514", Transport::Tcp);
        assert_eq!(right.check(), Ok(()));
        let tls = ServerSettings::to("logs.example.org:6514", Transport::Tls);
        assert_eq!(fields(&tls), ["ca"]);
        let wrong = ServerSettings {
            address: "logs".to_owned(),
            transport: Transport::Udp,
            ca: Some("/ca.pem".into()),
            server_name: Some("not a name".to_owned()),
            certificate: Some("/c.pem".into()),
            queue: 0,
            ..right
        };
        assert_eq!(
            fields(&wrong),
            [
                "address",
                "queue",
                "ca",
                "server_name",
                "certificate",
                "certificate",
                "server_name"
            ]
        );
    }

    #[test]
    fn settings_are_data() {
        let text = r#"{"address":"h:1","transport":"tls","ca":"/ca.pem","facility":"local3"}"#;
        let settings: ServerSettings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.queue, limits::QUEUE);
        assert_eq!(settings.facility, Some(Facility::Local3));
        let back = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ServerSettings>(&back).unwrap(), settings);
        assert!(serde_json::from_str::<ServerSettings>(r#"{"address":"h:1","transport":"tcp","colour":1}"#).is_err());
    }
}
