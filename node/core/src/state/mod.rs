//! The state: everything the cluster has agreed on, in memory, as persistent maps.
//!
//! A clone costs a few reference counts, so every reader keeps a whole and unchanging instant of it while the next
//! batch is applied. Only [`crate::evolve`] and [`crate::advance`] write; what they write to is private here.
//!
//! Tables of objects hold `Arc`s: a path copied by a write copies pointers and not users. Indexes (names, networks)
//! are derived, not stored in the image, and kept by the four or five functions that put and drop objects.

mod devices;
mod expiring;
mod image;
mod memory;
mod networks;
mod write;

use std::{net::IpAddr, ops::Bound, sync::Arc};

use imbl::{OrdMap, OrdSet};

pub use self::image::{DamagedImage, StateBuilder};
pub(crate) use self::memory::{Delay, Memory, Offer, Remembered, SendCount, SourceDigest};
use self::{devices::Devices, networks::Networks};
use crate::{
    audit::Chain,
    command::Judged,
    ids::{
        ApiTokenId, ApplicationId, ClientId, ConversationId, DirectoryId, Fingerprint, GatewayId, JoinTokenId, NodeId,
        PendingId, Revision, RuleId, Stamp, TokenId, UserId,
    },
    records::{
        ApiToken, Application, Channel, Client, Cluster, DefaultLanguage, Directory, Dispatch, Gateway, JoinToken,
        MessageText, Node, Pending, Policy, Retention, Rule, SentCode, Then, Token, User, UserName,
    },
};

/// Everything the cluster has agreed on, at one instant.
#[derive(Debug, Clone, Default)]
pub struct State {
    stamp: Stamp,
    revision: Revision,
    policy: Policy,
    retention: Retention,
    cluster: Option<Arc<Cluster>>,
    users: OrdMap<UserId, Arc<User>>,
    tokens: OrdMap<TokenId, Arc<Token>>,
    clients: OrdMap<ClientId, Arc<Client>>,
    applications: OrdMap<ApplicationId, Arc<Application>>,
    api_tokens: OrdMap<ApiTokenId, Arc<ApiToken>>,
    join_tokens: OrdMap<JoinTokenId, Arc<JoinToken>>,
    nodes: OrdMap<NodeId, Arc<Node>>,
    memory: Memory,
    audit: Chain,
    user_names: OrdMap<UserName, UserId>,
    client_names: OrdMap<Box<str>, ClientId>,
    application_names: OrdMap<Box<str>, ApplicationId>,
    api_token_names: OrdMap<Box<str>, ApiTokenId>,
    networks: Networks,
    stock: OrdSet<TokenId>,
    directories: OrdMap<DirectoryId, Arc<Directory>>,
    /// By directory and what identifies a person there.
    people: OrdMap<(DirectoryId, Box<str>), UserId>,
    gateways: OrdMap<GatewayId, Arc<Gateway>>,
    /// Users who may do everything and are not shut out.
    super_admins: OrdSet<UserId>,
    rules: OrdMap<RuleId, Arc<Rule>>,
    /// In the order in which they are asked.
    rule_order: OrdSet<(u32, RuleId)>,
    pending: OrdMap<PendingId, Arc<Pending>>,
    texts: OrdMap<(Channel, Box<str>), Arc<MessageText>>,
    default_language: DefaultLanguage,
    devices: Devices,
}

impl State {
    /// The state before the first command.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replicated time: of the last command applied.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The revision of the last administrative command.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// That of the next one.
    pub(crate) fn next_revision(&self) -> Revision {
        Revision(self.revision.0.saturating_add(1))
    }

    /// What holds for every login.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How much of the audit is kept.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// The cluster's identity; none before the cluster is founded.
    pub fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.as_ref()
    }

    /// The audit chain: its head and the records of the open segment.
    pub fn audit(&self) -> &Chain {
        &self.audit
    }

    /// A user by id.
    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// A user by canonical name.
    pub fn user_by_name(&self, name: &UserName) -> Option<&Arc<User>> {
        self.user(*self.user_names.get(name)?)
    }

    /// Users in the order of their names, those after `after` only.
    pub fn users_after(&self, after: Option<&UserName>) -> impl Iterator<Item = &Arc<User>> + '_ {
        let start = after.map_or(Bound::Unbounded, |name| Bound::Excluded(name.clone()));
        self.user_names
            .range((start, Bound::Unbounded))
            .filter_map(|(_, id)| self.user(*id))
    }

    /// How many users there are.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// A token by id.
    pub fn token(&self, id: TokenId) -> Option<&Arc<Token>> {
        self.tokens.get(&id)
    }

    /// The tokens of a user, oldest first.
    pub fn tokens_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Token>> + '_ {
        self.user(user)
            .into_iter()
            .flat_map(|user| user.tokens.iter())
            .filter_map(|id| self.token(*id))
    }

    /// Tokens that are nobody's, in the order of their ids, those after `after` only.
    pub fn stock_after(&self, after: Option<TokenId>) -> impl Iterator<Item = &Arc<Token>> + '_ {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.stock
            .range((start, Bound::Unbounded))
            .filter_map(|id| self.token(*id))
    }

    /// How many tokens are nobody's.
    pub fn stock_count(&self) -> usize {
        self.stock.len()
    }

    /// Tokens in the order of their ids, those after `after` only.
    pub fn tokens_after(&self, after: Option<TokenId>) -> impl Iterator<Item = &Arc<Token>> + '_ {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tokens.range((start, Bound::Unbounded)).map(|(_, token)| token)
    }

    /// How many tokens there are.
    pub fn token_count(&self) -> usize {
        self.tokens.len()
    }

    /// A RADIUS client by id.
    pub fn client(&self, id: ClientId) -> Option<&Arc<Client>> {
        self.clients.get(&id)
    }

    /// A RADIUS client by name.
    pub fn client_by_name(&self, name: &str) -> Option<&Arc<Client>> {
        self.client(*self.client_names.get(name)?)
    }

    /// RADIUS clients in the order of their names.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Client>> + '_ {
        self.client_names.values().filter_map(|id| self.client(*id))
    }

    /// How many RADIUS clients there are.
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Clients that may have sent a packet from this address: longest prefix first, then by id. Includes disabled ones.
    pub fn client_candidates(&self, address: IpAddr) -> impl Iterator<Item = &Arc<Client>> + '_ {
        self.networks.candidates(address).filter_map(|id| self.client(id))
    }

    /// An application by id.
    pub fn application(&self, id: ApplicationId) -> Option<&Arc<Application>> {
        self.applications.get(&id)
    }

    /// An application by name.
    pub fn application_by_name(&self, name: &str) -> Option<&Arc<Application>> {
        self.application(*self.application_names.get(name)?)
    }

    /// Applications in the order of their names.
    pub fn applications(&self) -> impl Iterator<Item = &Arc<Application>> + '_ {
        self.application_names.values().filter_map(|id| self.application(*id))
    }

    /// A directory by id.
    pub fn directory(&self, id: DirectoryId) -> Option<&Arc<Directory>> {
        self.directories.get(&id)
    }

    /// A directory by name.
    pub fn directory_by_name(&self, name: &str) -> Option<&Arc<Directory>> {
        self.directories().find(|directory| &*directory.name == name)
    }

    /// The directory whose users are in this domain, by whichever of its names.
    pub fn directory_of_domain(&self, domain: &str) -> Option<&Arc<Directory>> {
        self.directories().find(|directory| directory.is_called(domain))
    }

    /// Who is meant by a name as it was typed and folded: further names of a domain become its own, and a name without domain
    /// that no local user has becomes one of the default directory's.
    pub fn meant(&self, name: &UserName) -> UserName {
        let directory = match name.domain.is_empty() {
            false => return self.in_own_domain(name),
            true if self.user_names.contains_key(name) => None,
            true => self.directories().find(|directory| directory.is_default()),
        };
        match directory {
            None => name.clone(),
            Some(directory) => UserName::new(&directory.domain, &name.name),
        }
    }

    /// The name in the domain's own name, if it has one of its further ones.
    pub fn in_own_domain(&self, name: &UserName) -> UserName {
        match self.directory_of_domain(&name.domain) {
            Some(directory) if directory.domain != name.domain => UserName::new(&directory.domain, &name.name),
            Some(_) | None => name.clone(),
        }
    }

    /// When the password that is remembered of a user was, as long as it may be asked.
    pub(crate) fn recalled_ms(&self, user: &User, now_ms: u64) -> Option<u64> {
        let directory = self.directory(user.origin.as_ref()?.directory)?;
        Some(directory.recalled(user, now_ms)?.at_ms)
    }

    /// Whether this is the domain of anybody, local users in no directory included.
    pub(crate) fn is_domain_in_use(&self, domain: &str) -> bool {
        let mut first = self.users_after(Some(&UserName::new(domain, "")));
        first.next().is_some_and(|user| *user.name.domain == *domain)
    }

    /// Directories in the order of their ids; there are few.
    pub fn directories(&self) -> impl Iterator<Item = &Arc<Directory>> + '_ {
        self.directories.values()
    }

    /// The user whom the directory identifies so.
    pub fn person(&self, directory: DirectoryId, unique_id: &str) -> Option<&Arc<User>> {
        if unique_id.is_empty() {
            return None;
        }
        self.user(*self.people.get(&(directory, unique_id.into()))?)
    }

    /// Users of a directory that have an identifier there, in its order.
    pub fn people_of(&self, directory: DirectoryId) -> impl Iterator<Item = &Arc<User>> + '_ {
        let rows = self.people.range((directory, Box::default())..);
        rows.take_while(move |((of, _), _)| *of == directory)
            .filter_map(|(_, id)| self.user(*id))
    }

    /// A bearer token by id.
    pub fn api_token(&self, id: ApiTokenId) -> Option<&Arc<ApiToken>> {
        self.api_tokens.get(&id)
    }

    /// Bearer tokens in the order of their names.
    pub fn api_tokens(&self) -> impl Iterator<Item = &Arc<ApiToken>> + '_ {
        self.api_token_names.values().filter_map(|id| self.api_token(*id))
    }

    /// How many users and bearer tokens may do everything.
    pub fn super_admin_count(&self) -> usize {
        let tokens = self.api_tokens.values();
        self.super_admins.len() + tokens.filter(|token| token.is_standing_super_admin()).count()
    }

    /// A join token by id.
    pub fn join_token(&self, id: JoinTokenId) -> Option<&Arc<JoinToken>> {
        self.join_tokens.get(&id)
    }

    /// Join tokens in the order of their ids.
    pub fn join_tokens(&self) -> impl Iterator<Item = &Arc<JoinToken>> + '_ {
        self.join_tokens.values()
    }

    /// An admitted node.
    pub fn node(&self, id: NodeId) -> Option<&Arc<Node>> {
        self.nodes.get(&id)
    }

    /// Admitted nodes in the order of their numbers; removed ones are not among them.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> + '_ {
        self.nodes.values()
    }

    /// The code of a token that was sent last and is unused; its time may have passed.
    pub fn sent_code(&self, token: TokenId) -> Option<&Arc<SentCode>> {
        self.memory.sent_codes.find(&token)
    }

    /// How many codes are on their way.
    pub fn sent_code_count(&self) -> usize {
        self.memory.sent_codes.len()
    }

    /// What came of a request to send a code, while it is remembered.
    pub fn dispatch(&self, request: Fingerprint) -> Option<&Dispatch> {
        self.memory.dispatches.find(&request)
    }

    /// A gateway by id.
    pub fn gateway(&self, id: GatewayId) -> Option<&Arc<Gateway>> {
        self.gateways.get(&id)
    }

    /// Gateways in the order in which they are asked: by priority, then by id.
    pub fn gateways(&self) -> impl Iterator<Item = &Arc<Gateway>> {
        let mut gateways: Vec<_> = self.gateways.values().collect();
        gateways.sort_by_key(|gateway| (gateway.priority, gateway.id));
        gateways.into_iter()
    }

    /// A rule by id.
    pub fn rule(&self, id: RuleId) -> Option<&Arc<Rule>> {
        self.rules.get(&id)
    }

    /// A rule by name.
    pub fn rule_by_name(&self, name: &str) -> Option<&Arc<Rule>> {
        self.rules.values().find(|rule| &*rule.name == name)
    }

    /// Rules in the order in which they are asked: by position, then by id.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> + '_ {
        self.rule_order.iter().filter_map(|(_, id)| self.rule(*id))
    }

    /// Whether a conversation has come to its verdict, as long as that is remembered.
    pub fn is_spent(&self, conversation: ConversationId) -> bool {
        self.memory().conversations.find(&conversation).is_some()
    }

    /// A change that waits for its confirmation.
    pub fn pending_change(&self, id: PendingId) -> Option<&Arc<Pending>> {
        self.pending.get(&id)
    }

    /// Changes that wait for their confirmation, in no order that means anything.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<Pending>> + '_ {
        self.pending.values()
    }

    /// What operators have messages say, if they have.
    pub fn text(&self, channel: Channel, language: &str) -> Option<&Arc<MessageText>> {
        self.texts.get(&(channel, language.into()))
    }

    /// Everything that operators have messages say, by channel and language.
    pub fn texts(&self) -> impl Iterator<Item = &Arc<MessageText>> + '_ {
        self.texts.values()
    }

    /// The language of messages to people whose own has no text.
    pub fn default_language(&self) -> &DefaultLanguage {
        &self.default_language
    }

    /// How many request fingerprints are remembered.
    pub fn fingerprint_count(&self) -> usize {
        self.memory.verdicts.len()
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) fn application_in_use(&self, id: ApplicationId) -> bool {
        let by_rule = |rule: &Arc<Rule>| rule.then == Then::Application(id);
        self.clients.values().any(|client| client.application == id) || self.rules.values().any(by_rule)
    }

    pub(crate) fn api_token_by_name(&self, name: &str) -> Option<&Arc<ApiToken>> {
        self.api_token(*self.api_token_names.get(name)?)
    }

    pub(crate) fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Whether wrong passwords from this source still delay the user, as of `now_ms`.
    /// Whether a source that is no client has to wait after wrong passwords of this user.
    pub fn own_password_delayed(&self, user: UserId, source: std::net::IpAddr, now_ms: u64) -> bool {
        let delay = self.memory.delays.find(&(user, SourceDigest::of_own(source)));
        delay.is_some_and(|delay| now_ms < delay.until_ms)
    }

    pub(crate) fn password_delayed(&self, user: UserId, judged: &Judged, now_ms: u64) -> bool {
        let delay = self.memory.delays.find(&(user, SourceDigest::of(judged)));
        delay.is_some_and(|delay| now_ms < delay.until_ms)
    }
}
