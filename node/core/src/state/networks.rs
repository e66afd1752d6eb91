//! Which clients may have sent a packet from an address: the longest prefix first.
//!
//! One lookup per prefix length in use, so at most 33 for IPv4 and 129 for IPv6, however many clients there are.

use std::net::IpAddr;

use imbl::OrdMap;

use crate::{ids::ClientId, limits, records::Cidr};

#[derive(Debug, Clone, Default)]
pub(crate) struct Networks {
    clients: OrdMap<Cidr, Vec<ClientId>>,
    /// How many networks have this prefix length, by address family (true: IPv4).
    lengths: OrdMap<(bool, u8), u32>,
}

impl Networks {
    /// Clients whose networks hold the address: longest prefix first, then by id.
    pub fn candidates(&self, address: IpAddr) -> impl Iterator<Item = ClientId> + '_ {
        let address = address.to_canonical();
        let family = address.is_ipv4();
        self.lengths
            .range((family, 0)..=(family, u8::MAX))
            .rev()
            .filter_map(move |((_, prefix), _)| self.clients.get(&Cidr::covering(address, *prefix)))
            .flatten()
            .copied()
    }

    pub fn has_room(&self, network: &Cidr, client: ClientId) -> bool {
        self.clients
            .get(network)
            .is_none_or(|clients| clients.len() < limits::CLIENTS_PER_NETWORK || clients.contains(&client))
    }

    pub fn insert(&mut self, network: Cidr, client: ClientId) {
        let clients = self.clients.entry(network).or_default();
        if clients.is_empty() {
            *self.lengths.entry(length_key(&network)).or_insert(0) += 1;
        }
        if let Err(place) = clients.binary_search(&client) {
            clients.insert(place, client);
        }
    }

    pub fn remove(&mut self, network: &Cidr, client: ClientId) {
        let Some(clients) = self.clients.get_mut(network) else {
            return;
        };
        clients.retain(|other| *other != client);
        if clients.is_empty() {
            self.clients.remove(network);
            self.release_length(network);
        }
    }

    fn release_length(&mut self, network: &Cidr) {
        let key = length_key(network);
        match self.lengths.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.lengths.remove(&key)),
        }
    }
}

fn length_key(network: &Cidr) -> (bool, u8) {
    (network.address().is_ipv4(), network.prefix())
}
