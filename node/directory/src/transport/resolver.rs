//! The addresses of one controller's host. The system's resolver blocks, perhaps for a minute, so it is asked on another thread, once for
//! all who want to know, and what it said is used for a while. If it fails, what it said before is used again.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    failure::Failure,
    limits::{ADDRESSES_FRESH, ADDRESSES_MAX},
};

type Addresses = Arc<[SocketAddr]>;
type Answer = Result<Addresses, Arc<io::Error>>;

pub(crate) struct Resolver {
    host: String,
    port: u16,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Instant, Addresses)>,
    /// The question that is being asked right now.
    asking: Option<watch::Receiver<Option<Answer>>>,
}

impl Resolver {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let state = Mutex::default();
        Self { host, port, state }
    }

    /// Never empty.
    pub(crate) async fn addresses(self: &Arc<Self>, until: Instant) -> Result<Addresses, Failure> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok([SocketAddr::new(ip, self.port)].into());
        }
        let begun = Instant::now();
        let mut asking = match self.known_or_asking(begun) {
            Ok(known) => return Ok(known),
            Err(asking) => asking,
        };
        let answered = timeout_at(until, asking.wait_for(Option::is_some)).await;
        let answer = match answered {
            Err(_) => return Err(Failure::TimedOut(begun.elapsed())),
            Ok(Err(_)) => None,
            Ok(Ok(answer)) => answer.clone(),
        };
        let unanswered = || Err(Arc::new(io::Error::other("the resolver was stopped")));
        answer.unwrap_or_else(unanswered).map_err(|source| Failure::Resolve {
            host: self.host.clone(),
            source,
        })
    }

    fn known_or_asking(self: &Arc<Self>, now: Instant) -> Result<Addresses, watch::Receiver<Option<Answer>>> {
        let mut state = self.state.lock();
        match &state.known {
            Some((at, known)) if now.saturating_duration_since(*at) < ADDRESSES_FRESH => return Ok(Arc::clone(known)),
            _ => {}
        }
        if let Some(asking) = &state.asking {
            return Err(asking.clone());
        }
        let (answer, answered) = watch::channel(None);
        state.asking = Some(answered.clone());
        let resolver = Arc::clone(self);
        tokio::spawn(async move {
            let found = resolver.ask().await;
            answer.send_replace(Some(found));
        });
        Err(answered)
    }

    async fn ask(&self) -> Answer {
        let found = tokio::net::lookup_host((&self.host[..], self.port)).await;
        let found = found.map(|found| found.take(ADDRESSES_MAX).collect::<Addresses>());
        let mut state = self.state.lock();
        state.asking = None;
        let former = state.known.take().map(|(_, former)| former);
        let now = match (found, former) {
            (Ok(found), _) if !found.is_empty() => Ok(found),
            (_, Some(former)) => Ok(former),
            (Ok(_), None) => Err(Arc::new(io::Error::other("the name has no address"))),
            (Err(error), None) => Err(Arc::new(error)),
        };
        state.known = now.as_ref().ok().map(|found| (Instant::now(), Arc::clone(found)));
        now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn addresses_are_their_own_answer() {
        for (host, expected) in [
            ("127.0.0.1", "127.0.0.1:389"),
            ("::1", "[::1]:389"),
            ("[::1]", "[::1]:389"),
        ] {
            let found = Arc::new(Resolver::new(host, 389)).addresses(soon()).await.unwrap();
            assert_eq!(found[..], [expected.parse().unwrap()]);
        }
    }

    #[tokio::test]
    async fn names_are_resolved_and_remembered() {
        let resolver = Arc::new(Resolver::new("localhost", 389));
        let found = resolver.addresses(soon()).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(resolver.known_or_asking(Instant::now()).is_ok());
    }

    #[tokio::test]
    async fn a_name_without_address_is_named() {
        let failure = Arc::new(Resolver::new("nobody.invalid", 389))
            .addresses(soon())
            .await
            .unwrap_err();
        assert!(
            failure.to_string().starts_with("nobody.invalid cannot be resolved"),
            "{failure}"
        );
    }
}
