//! Client names as metric labels, a bounded number of them.

use std::collections::HashSet;

use parking_lot::RwLock;

use crate::limits::CLIENT_LABELS_MAX;

/// The first [`CLIENT_LABELS_MAX`] clients that log somebody in keep their names; later ones are
/// `other`, because every label value is a time series that Prometheus keeps for ever.
#[derive(Default)]
pub(crate) struct ClientLabels {
    known: RwLock<HashSet<Box<str>>>,
}

impl ClientLabels {
    pub(crate) fn label<'a>(&self, name: &'a str) -> &'a str {
        if self.known.read().contains(name) {
            return name;
        }
        let mut known = self.known.write();
        if known.len() < CLIENT_LABELS_MAX || known.contains(name) {
            known.insert(name.into());
            return name;
        }
        "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_share_one_label() {
        let labels = ClientLabels::default();
        for number in 0..CLIENT_LABELS_MAX {
            let name = format!("vpn-{number}");
            assert_eq!(labels.label(&name), name);
        }
        assert_eq!(labels.label("one too many"), "other");
        assert_eq!(labels.label("vpn-0"), "vpn-0");
    }
}
