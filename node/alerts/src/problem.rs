//! What is wrong with a setting.

use std::fmt;

/// One wrong value: which setting, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's name as it is written in a file.
    pub field: &'static str,
    /// The rest of a sentence that begins with the field.
    pub problem: String,
    /// What would be right.
    pub right: String,
}

impl Problem {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>, right: impl Into<String>) -> Self {
        Problem {
            field,
            problem: problem.into(),
            right: right.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.problem, self.right)
    }
}

/// Problems as a result.
pub(crate) fn none_of(problems: Vec<Problem>) -> Result<(), Vec<Problem>> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Host and port of `HOST:PORT`; a host of IPv6 stands in brackets, which are taken off.
pub(crate) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .filter(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| is_host(host))?,
    };
    Some((host, port))
}

fn is_host(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn addresses() {
        assert_eq!(host_and_port("logs.example.org:514"), Some(("logs.example.org", 514)));
        assert_eq!(host_and_port("192.0.2.1:6514"), Some(("192.0.2.1", 6514)));
        assert_eq!(host_and_port("[2001:db8::1]:514"), Some(("2001:db8::1", 514)));
        for wrong in [
            "",
            "host",
            "host:",
            "host:0",
            "host:65536",
            ":514",
            "2001:db8::1:514",
            "[x]:1",
            "a b:1",
            "a..b:1",
        ] {
            assert_eq!(host_and_port(wrong), None, "{wrong:?}");
        }
    }
}
