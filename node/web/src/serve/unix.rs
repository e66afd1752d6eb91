//! The Unix socket: root on this machine needs no token, and nobody else gets in.
//!
//! Two locks on one door. The file has mode 0600, and whoever connects is asked for its user id by
//! the kernel (SO_PEERCRED): root, or the user that the server runs as. The file is made under
//! another name and renamed into its place, so it is never there with other permissions, and what a
//! crash left behind is replaced, but never the socket of a process that still answers.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::admit::Admission;
use super::{ListenError, Stop, connection, stopped};
use crate::Web;
use crate::limits;
use crate::peer::Peer;

/// A bound socket. The file goes when this is dropped.
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    /// Makes the socket. Its folder must exist.
    ///
    /// # Errors
    /// [`ListenError`], a sentence that says what to do.
    pub fn bind(path: &Path) -> Result<Self, ListenError> {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(ListenError::InUse {
                place: path.display().to_string(),
            });
        }
        Self::make(path).map_err(|error| ListenError::new(path.display(), error))
    }

    fn make(path: &Path) -> io::Result<Self> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let fresh = PathBuf::from(fresh);
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&fresh)?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(crate) async fn serve(web: &Web, socket: UnixSocket, mut stop: Stop) {
    let own = rustix::process::geteuid().as_raw();
    let admission = Admission::new(limits::UNIX_CONNECTIONS, limits::UNIX_CONNECTIONS);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => match (allowed(&stream, own), admission.admit(NOWHERE)) {
                    (Some(uid), Ok(place)) => {
                        let (router, stop) = (web.router(), stop.clone());
                        connections.spawn(async move {
                            connection::serve(stream, Peer::Unix { uid }, router, stop).await;
                            drop(place);
                        });
                    }
                    (None, _) => refused(web, "not_root"),
                    (_, Err(full)) => refused(web, full.label()),
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections on the Unix socket");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(socket);
    let _ = tokio::time::timeout(limits::FAREWELL, connections.join_all()).await;
}

/// Peers on a Unix socket have no address; all count as one.
const NOWHERE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// The user id of the peer, if it may come in.
fn allowed(stream: &UnixStream, own: u32) -> Option<u32> {
    let uid = stream.peer_cred().ok()?.uid();
    may_enter(uid, own).then_some(uid)
}

fn may_enter(uid: u32, own: u32) -> bool {
    uid == 0 || uid == own
}

fn refused(web: &Web, reason: &str) {
    web.site
        .counts
        .refused_connections
        .with_label_values(&["unix", reason])
        .inc();
}

#[cfg(test)]
mod tests {
    use super::may_enter;

    #[test]
    fn root_and_the_servers_own_user_enter_and_nobody_else() {
        assert!(may_enter(0, 993));
        assert!(may_enter(993, 993));
        assert!(!may_enter(1000, 993));
        assert!(!may_enter(1000, 0), "a server that runs as root lets in root only");
    }
}
