//! The only writers of the state: each keeps a table and its indexes together. `evolve` alone calls them.

use std::sync::Arc;

use crate::{
    audit::{Chain, Entry, Segment},
    command::Judged,
    ids::{
        ApiTokenId, ApplicationId, ClientId, DeviceId, DirectoryId, Fingerprint, GatewayId, JoinTokenId, NodeId,
        PendingId, Revision, RuleId, Stamp, TokenId, UserId,
    },
    limits,
    outcome::Verdict,
    records::{
        ApiToken, Application, Channel, Client, Cluster, DefaultLanguage, Directory, Dispatch, Gateway, JoinToken,
        MessageText, Node, Origin, Pending, Policy, Retention, Rule, SentCode, Token, User,
    },
    state::{Delay, Memory, Offer, Remembered, SendCount, SourceDigest, State, devices::Devices, expiring::Mortal},
};

impl State {
    /// Moves time forward, never back, and forgets what has expired.
    pub(crate) fn advance(&mut self, stamp: Stamp) {
        self.stamp = self.stamp.max(stamp);
        self.memory.prune(self.stamp.ms);
        self.devices.prune(self.stamp.ms, limits::PRUNED_PER_COMMAND);
    }

    /// Audit segments closed since the last call, oldest first. They are not part of the state's rows: whoever
    /// applies takes them after each batch and makes them durable before the log that made them is purged.
    pub fn take_closed_segments(&mut self) -> Vec<Arc<Segment>> {
        self.audit.take_closed()
    }

    pub(crate) fn append_audit(&mut self, entry: Entry) {
        self.audit.append(self.stamp, entry);
    }

    pub(crate) fn restore_head(&mut self, stamp: Stamp, revision: Revision, audit: Chain) {
        self.stamp = stamp;
        self.revision = revision;
        self.audit = audit;
    }

    pub(crate) fn audit_mut(&mut self) -> &mut Chain {
        &mut self.audit
    }

    pub(crate) fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    pub(crate) fn put_cluster(&mut self, cluster: Cluster) {
        self.cluster = Some(Arc::new(cluster));
    }

    pub(crate) fn put_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    pub(crate) fn put_retention(&mut self, retention: Retention) {
        self.retention = retention;
    }

    pub(crate) fn put_user(&mut self, user: Arc<User>) {
        let former = self.users.get(&user.id).cloned();
        let former_origin = former
            .as_ref()
            .and_then(|former| former.origin.as_ref().map(|origin| person_key(former, origin)));
        let renamed = former.as_ref().is_none_or(|former| former.name != user.name);
        if let Some(former) = former.filter(|_| renamed) {
            self.user_names.remove(&former.name);
        }
        if renamed {
            self.user_names.insert(user.name.clone(), user.id);
        }
        if let Some(origin) = former_origin {
            self.people.remove(&origin);
        }
        if let Some(origin) = &user.origin {
            self.people.insert(person_key(&user, origin), user.id);
        }
        match user.is_standing_super_admin() {
            true => self.super_admins.insert(user.id),
            false => self.super_admins.remove(&user.id),
        };
        self.users.insert(user.id, user);
    }

    pub(crate) fn drop_user(&mut self, id: UserId) {
        if let Some(user) = self.users.remove(&id) {
            self.user_names.remove(&user.name);
            self.super_admins.remove(&id);
            self.devices.remove_of(id);
            if let Some(origin) = &user.origin {
                self.people.remove(&person_key(&user, origin));
            }
            for token in &user.tokens {
                self.tokens.remove(token);
                self.memory.sent_codes.remove(token);
            }
        }
    }

    /// Changes counters of a user in place: name and tokens stay.
    pub(crate) fn with_user(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        if let Some(user) = self.users.get_mut(&id) {
            change(Arc::make_mut(user));
        }
    }

    pub(crate) fn put_token(&mut self, token: Arc<Token>) {
        match token.user {
            UserId(0) => self.stock.insert(token.id),
            _ => self.stock.remove(&token.id),
        };
        self.tokens.insert(token.id, token);
    }

    pub(crate) fn drop_token(&mut self, id: TokenId) {
        self.tokens.remove(&id);
        self.stock.remove(&id);
    }

    pub(crate) fn with_token(&mut self, id: TokenId, change: impl FnOnce(&mut Token)) {
        if let Some(token) = self.tokens.get_mut(&id) {
            change(Arc::make_mut(token));
        }
    }

    /// Puts a code in the place of the token's former one, and counts the message.
    pub(crate) fn queue_code(&mut self, code: SentCode, dispatch: Dispatch, counts: &[SendCount]) {
        let now_ms = self.stamp.ms;
        self.memory.queue(Arc::new(code), dispatch, counts, now_ms);
    }

    /// Voids what was sent to a token.
    pub(crate) fn drop_sent_code(&mut self, token: TokenId) {
        self.memory.sent_codes.remove(&token);
    }

    pub(crate) fn report(&mut self, request: Fingerprint, dispatch: Dispatch) {
        self.memory.report(request, dispatch, self.stamp.ms);
    }

    pub(crate) fn put_gateway(&mut self, gateway: Gateway) {
        self.gateways.insert(gateway.id, Arc::new(gateway));
    }

    pub(crate) fn drop_gateway(&mut self, id: GatewayId) {
        self.gateways.remove(&id);
    }

    pub(crate) fn put_rule(&mut self, rule: Arc<Rule>) {
        self.drop_rule(rule.id);
        self.rule_order.insert((rule.position, rule.id));
        self.rules.insert(rule.id, rule);
    }

    pub(crate) fn drop_rule(&mut self, id: RuleId) {
        if let Some(rule) = self.rules.remove(&id) {
            self.rule_order.remove(&(rule.position, id));
        }
    }

    pub(crate) fn put_pending(&mut self, pending: Arc<Pending>) {
        self.pending.insert(pending.id, pending);
    }

    pub(crate) fn drop_pending(&mut self, id: PendingId) {
        self.pending.remove(&id);
    }

    pub(crate) fn put_text(&mut self, text: Arc<MessageText>) {
        self.texts.insert((text.channel, text.language.clone()), text);
    }

    pub(crate) fn drop_text(&mut self, channel: Channel, language: &str) {
        self.texts.remove(&(channel, language.into()));
    }

    pub(crate) fn put_default_language(&mut self, default: DefaultLanguage) {
        self.default_language = default;
    }

    pub(crate) fn devices_mut(&mut self) -> &mut Devices {
        &mut self.devices
    }

    pub(crate) fn note_use(&mut self, device: DeviceId) {
        self.devices.note_use(device, self.stamp.ms);
    }

    /// Remembers that a device may be trusted after this login, as long as the user is as it is now.
    pub(crate) fn offer_trust(&mut self, login: Fingerprint, user: UserId, client: ClientId) {
        let (Some(epochs), Some(owner)) = (self.epochs(client, user), self.users.get(&user)) else {
            return;
        };
        let value = Offer {
            user,
            client,
            revision: owner.revision,
            epochs,
        };
        let expires_ms = self.stamp.ms.saturating_add(limits::TRUST_OFFER_MS);
        self.memory.offers.insert(login, Mortal { value, expires_ms });
    }

    /// A revision that no request has asked for.
    pub(crate) fn spend(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
    }

    pub(crate) fn put_client(&mut self, client: Arc<Client>) {
        self.drop_client(client.id);
        self.client_names.insert(client.name.clone(), client.id);
        client
            .networks
            .iter()
            .for_each(|network| self.networks.insert(*network, client.id));
        self.clients.insert(client.id, client);
    }

    pub(crate) fn drop_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            self.client_names.remove(&client.name);
            client
                .networks
                .iter()
                .for_each(|network| self.networks.remove(network, id));
        }
    }

    pub(crate) fn put_application(&mut self, application: Application) {
        self.drop_application(application.id);
        self.application_names.insert(application.name.clone(), application.id);
        self.applications.insert(application.id, Arc::new(application));
    }

    pub(crate) fn drop_application(&mut self, id: ApplicationId) {
        if let Some(application) = self.applications.remove(&id) {
            self.application_names.remove(&application.name);
        }
    }

    pub(crate) fn put_directory(&mut self, directory: Directory) {
        self.directories.insert(directory.id, Arc::new(directory));
    }

    pub(crate) fn drop_directory(&mut self, id: DirectoryId) {
        self.directories.remove(&id);
    }

    pub(crate) fn put_api_token(&mut self, token: ApiToken) {
        self.drop_api_token(token.id);
        self.api_token_names.insert(token.name.clone(), token.id);
        self.api_tokens.insert(token.id, Arc::new(token));
    }

    pub(crate) fn drop_api_token(&mut self, id: ApiTokenId) {
        if let Some(token) = self.api_tokens.remove(&id) {
            self.api_token_names.remove(&token.name);
        }
    }

    pub(crate) fn put_join_token(&mut self, token: JoinToken) {
        self.join_tokens.insert(token.id, Arc::new(token));
    }

    pub(crate) fn drop_join_token(&mut self, id: JoinTokenId) {
        self.join_tokens.remove(&id);
    }

    pub(crate) fn put_node(&mut self, node: Node) {
        self.nodes.insert(node.id, Arc::new(node));
    }

    pub(crate) fn drop_node(&mut self, id: NodeId) {
        self.nodes.remove(&id);
    }

    /// Remembers a verdict under the epochs of whom it concerns.
    pub(crate) fn remember_verdict(&mut self, judged: &Judged, verdict: Verdict) {
        let user = judged.user.map_or(UserId(0), |(id, _)| id);
        let epochs = self.epochs(judged.client, user).unwrap_or(0);
        let remembered = Remembered {
            verdict,
            client: judged.client,
            user,
            epochs,
        };
        self.memory.remember(judged, remembered, self.stamp.ms);
    }

    /// The sum of the epochs; none if one of them was deleted. Id 0 stands for nobody, and `decide` gives it to nobody.
    pub(crate) fn epochs(&self, client: ClientId, user: UserId) -> Option<u32> {
        let client = self.clients.get(&client)?.epoch;
        let user = if user.0 == 0 { 0 } else { self.users.get(&user)?.epoch };
        Some(client.wrapping_add(user))
    }

    pub(crate) fn count_wrong_password(&mut self, user: UserId, source: SourceDigest, delay: Delay) {
        self.memory.delay(user, source, delay, self.stamp.ms);
    }

    /// Remembers the answer to an administrative request.
    pub(crate) fn answer(&mut self, request: Fingerprint, revision: Revision, lasts_ms: u64) {
        self.spend(revision);
        let expires_ms = self.stamp.ms.saturating_add(lasts_ms);
        self.memory.answers.insert(
            request,
            Mortal {
                value: revision,
                expires_ms,
            },
        );
    }
}

/// A person without an identifier of its own is known by its id here.
fn person_key(user: &User, origin: &Origin) -> (DirectoryId, Box<str>) {
    let key = match origin.unique_id.is_empty() {
        true => user.id.to_string().into(),
        false => origin.unique_id.clone(),
    };
    (origin.directory, key)
}
