//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts connections. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    counts: Arc<Mutex<Counts>>,
    total_max: usize,
    each_max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    each: HashMap<IpAddr, usize>,
}

/// A place that a connection holds until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Admission,
    address: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Listener,
    Address,
}

impl Full {
    /// The label in the metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Listener => "listener_full",
            Self::Address => "address_full",
        }
    }
}

impl Admission {
    pub(super) fn new(total_max: usize, each_max: usize) -> Self {
        Self {
            counts: Arc::default(),
            total_max,
            each_max,
        }
    }

    /// A place for one connection from this address.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, Full> {
        let mut counts = self.counts.lock();
        if counts.total >= self.total_max {
            return Err(Full::Listener);
        }
        let each = counts.each.entry(address).or_default();
        if *each >= self.each_max {
            return Err(Full::Address);
        }
        *each += 1;
        counts.total += 1;
        Ok(Place {
            admission: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.total -= 1;
        if let Some(each) = counts.each.get_mut(&self.address) {
            *each -= 1;
            if *each == 0 {
                counts.each.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let (one, other) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from([192, 0, 2, 1]));
        let admission = Admission::new(3, 2);
        let first = admission.admit(one).expect("a place");
        let _second = admission.admit(one).expect("a place");
        assert_eq!(admission.admit(one).err(), Some(Full::Address));
        let _third = admission.admit(other).expect("a place for somebody else");
        assert_eq!(admission.admit(other).err(), Some(Full::Listener));
        drop(first);
        assert!(admission.admit(one).is_ok());
        assert_eq!(
            admission.counts.lock().each.len(),
            2,
            "nobody who is gone is remembered"
        );
    }
}
