//! What a plan is made from: one login, before anything of it is judged.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    command::{Judged, LoginFacts},
    login::Request,
    records::{Attribute, AttributeKind, Client, DeviceProof, Trusted, User, UserName},
};

/// A login as far as rules look at it. All of it travels with the verdict, so that every node comes to the same plan.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The client.
    pub client: &'a Client,
    /// Who it is; none if nobody has the name.
    pub user: Option<&'a User>,
    /// The canonical name; none if what was typed has none.
    pub name: Option<&'a UserName>,
    /// Calling-Station-Id.
    pub calling_station_id: Option<&'a [u8]>,
    /// NAS-Identifier.
    pub nas_identifier: Option<&'a [u8]>,
    /// Other attributes that rules may ask about.
    pub attributes: &'a [Attribute],
    /// What a browser shows for being a device.
    pub device: Option<DeviceProof>,
    /// When, in ms since 1970.
    pub now_ms: u64,
}

impl<'a> Question<'a> {
    /// That of a request, whose user was looked up.
    pub(crate) fn of_request(client: &'a Client, user: Option<&'a User>, request: &'a Request, now_ms: u64) -> Self {
        Question {
            client,
            user,
            name: user.map(|user| &user.name).or(request.user.as_ref()),
            calling_station_id: request.calling_station_id.as_deref(),
            nas_identifier: request.nas_identifier.as_deref(),
            attributes: &request.attributes,
            device: request.browser.and_then(|browser| browser.device),
            now_ms,
        }
    }

    /// That of a verdict that is proposed.
    pub(crate) fn of_verdict(client: &'a Client, user: Option<&'a User>, judged: &'a Judged, now_ms: u64) -> Self {
        let name = user.map(|user| &user.name).or(judged.absent.as_ref());
        Question {
            device: judged.browser.and_then(|browser| browser.device),
            ..Self::of_facts(client, user, name, &judged.facts, now_ms)
        }
    }

    /// That of a login in the audit, without its device.
    pub fn of_facts(
        client: &'a Client,
        user: Option<&'a User>,
        name: Option<&'a UserName>,
        facts: &'a LoginFacts,
        now_ms: u64,
    ) -> Self {
        Question {
            client,
            user,
            name,
            calling_station_id: facts.calling_station_id.as_deref(),
            nas_identifier: facts.nas_identifier.as_deref(),
            attributes: &facts.attributes,
            device: None,
            now_ms,
        }
    }

    /// The user's own address: Calling-Station-Id if it is one, else Framed-IP-Address. Where the packet came from is the
    /// client's address and says nothing of the user.
    pub fn address(&self) -> Option<IpAddr> {
        let text = self
            .calling_station_id
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        let calling: Option<IpAddr> = text.and_then(|text| text.trim().parse().ok());
        calling
            .or_else(|| self.framed_address())
            .map(|address| address.to_canonical())
    }

    /// The network of the client's trusted ones that the user comes from.
    pub(super) fn trusted(&self) -> Option<&'a Trusted> {
        let address = self.address()?;
        let mut trusted = self.client.entrance.trusted.iter();
        trusted.find(|trusted| trusted.network.contains(address))
    }

    /// RFC 2865, section 5.8: the two highest addresses ask for one to be assigned.
    fn framed_address(&self) -> Option<IpAddr> {
        let octets: [u8; 4] = self.attribute(AttributeKind::FramedIpAddress)?.try_into().ok()?;
        let address = Ipv4Addr::from(octets);
        (address < Ipv4Addr::new(255, 255, 255, 254)).then_some(IpAddr::V4(address))
    }

    /// An attribute of the request.
    pub(super) fn attribute(&self, kind: AttributeKind) -> Option<&'a [u8]> {
        match kind {
            AttributeKind::CallingStationId => self.calling_station_id,
            AttributeKind::NasIdentifier => self.nas_identifier,
            kind => {
                let found = self.attributes.iter().find(|attribute| attribute.kind == kind);
                found.map(|attribute| &*attribute.value)
            }
        }
    }
}
