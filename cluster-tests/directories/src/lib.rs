//! Real directories for tests: OpenLDAP's slapd and Samba's Active Directory, each in a temporary folder, on ports that are reached from the
//! network namespace of the test, with certificates of an authority that the test has made. What is started here ends with its value.
//!
//! A test that wants two controllers of one directory starts two and fills both alike ([`Slapd`]), or copies one ([`Samba`]).
//! Controllers are killed, stopped (accepting connections and never answering) and started again on the same port.
//!
//! Caveats: slapd and Samba must be installed (`ops/test` sees to it), and Samba needs root for a network namespace of its own.

#![forbid(unsafe_code)]

mod authority;
mod forward;
mod ports;
mod process;
mod samba;
mod slapd;

pub use authority::{Authority, Certified};
pub use ports::free_port;
pub use process::{Server, run};
pub use samba::{ADMINISTRATOR, ADMINISTRATOR_PASSWORD, DOMAIN, DOMAIN_DN, Samba, account, security_group};
pub use slapd::{PASSWORD, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd, person};
