//! Events: what a command came to, in the past tense, and the one function that lets them happen.
//!
//! Events are not written anywhere: the log holds commands, and every node decides and evolves for itself.
//! Events of objects carry the whole record as it is from now on, shared with the state; events of logins carry what
//! moved.

use std::sync::Arc;

use crate::{
    audit::{ChangeEntry, Checkpoint, Entry, HeadSignature, LoginEntry, RejectsEntry, ReportEntry, SendEntry},
    command::{Actor, Judged},
    ids::{
        ApiTokenId, ApplicationId, ClientId, DeviceId, DirectoryId, Fingerprint, GatewayId, JoinTokenId, Level, NodeId,
        PendingId, Revision, RuleId, Sealed, TokenId, UserId,
    },
    limits,
    outcome::Verdict,
    plan::Grounds,
    records::{
        ApiToken, Application, Channel, Client, Cluster, DefaultLanguage, Device, Directory, Dispatch, Gateway,
        JoinToken, MessageText, Node, Pending, Policy, RememberedPassword, Retention, Rule, SentCode, Token, Used,
        User,
    },
    state::{Delay, SendCount, SourceDigest, State},
};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The cluster was founded by its first node.
    ClusterFounded {
        /// Identity and certificate authority.
        cluster: Cluster,
        /// The first node.
        node: Node,
    },
    /// A login came to its verdict: it is remembered, its conversation is spent, and the audit says so.
    LoginJudged {
        /// By what it was judged.
        judged: Judged,
        /// The tokens whose codes were right, or had been.
        tokens: Box<[TokenId]>,
        /// What it came to.
        verdict: Verdict,
        /// Why this was to be proven and not something else.
        grounds: Grounds,
    },
    /// A code was accepted and is used up.
    CodeConsumed {
        /// Whose code.
        token: TokenId,
        /// What is used up from now on.
        used: Used,
    },
    /// A right code ended the count of wrong ones.
    CodeFailuresForgotten {
        /// Whose.
        user: UserId,
    },
    /// A wrong code was counted.
    WrongCodeCounted {
        /// Whose.
        user: UserId,
        /// How many there are now.
        failures: u32,
    },
    /// A wrong code was one too many.
    UserLocked {
        /// Who.
        user: UserId,
        /// Until when, in ms since 1970.
        until_ms: u64,
    },
    /// A wrong password was counted.
    WrongPasswordCounted {
        /// Whose.
        user: UserId,
        /// From where.
        source: PasswordSource,
        /// How many there are now, and how long the source has to wait.
        delay: PasswordDelay,
    },
    /// A right password ended the count of wrong ones from its source.
    PasswordDelayForgotten {
        /// Whose.
        user: UserId,
        /// From where.
        source: PasswordSource,
    },
    /// An administrator ended all delays of a user.
    PasswordDelaysForgotten {
        /// Whose.
        user: UserId,
    },
    /// Rejects beyond a budget were put into the audit.
    RejectsSummarized(RejectsEntry),
    /// A user is like this from now on.
    UserSaved(Arc<User>),
    /// A directory is like this from now on.
    DirectorySaved(Directory),
    /// A directory is gone.
    DirectoryDeleted(DirectoryId),
    /// A user and its tokens are gone.
    UserDeleted(UserId),
    /// A token is like this from now on.
    TokenSaved(Arc<Token>),
    /// A token is gone.
    TokenDeleted(TokenId),
    /// A client is like this from now on.
    ClientSaved(Arc<Client>),
    /// A client is gone.
    ClientDeleted(ClientId),
    /// An application is like this from now on.
    ApplicationSaved(Application),
    /// An application is gone.
    ApplicationDeleted(ApplicationId),
    /// The policy is like this from now on.
    PolicySet(Policy),
    /// A bearer token is like this from now on.
    ApiTokenSaved(ApiToken),
    /// A bearer token is gone.
    ApiTokenDeleted(ApiTokenId),
    /// The audit has the record of one change.
    ChangeRecorded(ChangeEntry),
    /// A request was answered; the same request gets the same answer for a while.
    RequestAnswered {
        /// Which request.
        request: Fingerprint,
        /// The revision of everything it changed.
        revision: Revision,
    },
    /// The same, for as long as a challenge can be answered.
    AnswerKept {
        /// Which request.
        request: Fingerprint,
        /// The revision of everything it changed.
        revision: Revision,
    },
    /// A node may join.
    JoinTokenIssued {
        /// By whom.
        actor: Actor,
        /// The node that was asked.
        node: NodeId,
        /// The permission.
        token: JoinToken,
    },
    /// A join token is gone: its time had passed.
    JoinTokenForgotten(JoinTokenId),
    /// A node was admitted and its token spent.
    NodeAdmitted {
        /// The node.
        node: Node,
        /// Its token.
        token: JoinToken,
        /// The cluster, which will not give this number again.
        cluster: Cluster,
        /// The node that it called.
        by: NodeId,
    },
    /// A node was fenced off.
    NodeRemoved {
        /// By whom.
        actor: Actor,
        /// The node that was asked.
        node: NodeId,
        /// The node that was removed.
        removed: NodeId,
        /// The cluster, which remembers it.
        cluster: Cluster,
    },
    /// A damaged node was given a successor.
    SuccessorAdmitted {
        /// The successor.
        node: Node,
        /// The cluster, which will not give this number again.
        cluster: Cluster,
        /// The damaged node.
        damaged: NodeId,
        /// The leader.
        by: NodeId,
    },
    /// A successor has taken its place, and the damaged node was fenced off.
    ReplacementCompleted {
        /// The node that is gone.
        damaged: NodeId,
        /// The one in its place.
        successor: NodeId,
        /// The cluster, which remembers it.
        cluster: Cluster,
        /// The leader.
        by: NodeId,
    },
    /// The retention rule is like this from now on.
    RetentionSet(Retention),
    /// The oldest records of the audit were given up.
    AuditPruned {
        /// The node that noticed that it was time.
        node: NodeId,
        /// Where the audit begins from now on.
        checkpoint: Checkpoint,
    },
    /// A node stands by a head of the audit.
    HeadSigned {
        /// Who.
        node: NodeId,
        /// Over how many records the head is.
        records: u64,
        /// Its word for it.
        signature: HeadSignature,
    },
    /// A code is the one right code of a token from now on, and is sent by the node that made it.
    CodeQueued {
        /// The code.
        code: SentCode,
        /// What its request has come to.
        dispatch: Dispatch,
        /// What it counts to.
        counts: SendCounts,
        /// For the audit.
        entry: SendEntry,
    },
    /// A user has chosen where codes are sent first, or has used another code.
    PreferenceNoted {
        /// Who.
        user: UserId,
        /// The token; none for none.
        preferred: Option<TokenId>,
    },
    /// The gateways have said what came of a message.
    MessageReported {
        /// What asked for the code.
        request: Fingerprint,
        /// What the request has come to.
        dispatch: Dispatch,
        /// For the audit.
        entry: ReportEntry,
    },
    /// A gateway is like this from now on.
    GatewaySaved(Gateway),
    /// A gateway is gone.
    GatewayDeleted(GatewayId),
    /// A rule is like this from now on.
    RuleSaved(Arc<Rule>),
    /// A rule is gone.
    RuleDeleted(RuleId),
    /// A change waits for its confirmation from now on.
    PendingSaved(Arc<Pending>),
    /// A change waits no more.
    PendingSettled(PendingId),
    /// A revision was given to what no request has changed.
    RevisionSpent(Revision),
    /// A password that a directory said was right is remembered from now on.
    PasswordRemembered {
        /// Whose.
        user: UserId,
        /// What, and since when.
        remembered: RememberedPassword,
    },
    /// A password is remembered no more.
    PasswordForgotten {
        /// Whose.
        user: UserId,
    },
    /// Messages say this from now on.
    TextSaved(Arc<MessageText>),
    /// Messages say what comes with the program.
    TextRemoved {
        /// How they travel.
        channel: Channel,
        /// In which language.
        language: Box<str>,
    },
    /// People whose own language has no text are written to in this one from now on.
    DefaultLanguageSet(DefaultLanguage),
    /// A browser that was just let in by a code may be remembered, once, in the next minutes.
    TrustOffered {
        /// The login.
        login: Fingerprint,
        /// Whose.
        user: UserId,
        /// Through which client.
        client: ClientId,
    },
    /// A browser is remembered from now on, and the offer is used up.
    DeviceTrusted {
        /// The login that had led to it.
        login: Fingerprint,
        /// What it is remembered as.
        device: Device,
    },
    /// A trusted device stood for a code.
    DeviceUsed(DeviceId),
    /// A device gave way to another one.
    DeviceForgotten(DeviceId),
    /// An administrator ended the trust in a device, and with it every accept that is remembered of its user.
    DeviceRevoked {
        /// Which device.
        device: DeviceId,
        /// Whose.
        user: UserId,
    },
    /// A password that another product hashed has a verifier of our own from now on.
    PasswordRehashed {
        /// Whose.
        user: UserId,
        /// Of the same password.
        verifier: Sealed,
    },
}

/// The counts of messages that one message belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendCounts(pub(crate) Box<[SendCount]>);

/// Where wrong passwords come from, as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordSource(pub(crate) SourceDigest);

impl PasswordSource {
    /// That of a login.
    pub(crate) fn of(judged: &Judged) -> Self {
        PasswordSource(SourceDigest::of(judged))
    }
}

/// How many wrong passwords there were, and until when the source has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordDelay(pub(crate) Delay);

/// Lets an event happen. There is one level so far; an event that a later level brings is let happen at that level only.
pub fn evolve(state: &mut State, _level: Level, event: &Event) {
    match event {
        Event::ClusterFounded { cluster, node } => {
            state.put_cluster(cluster.clone());
            state.put_node(node.clone());
            state.append_audit(Entry::Founded { node: node.id });
        }
        Event::LoginJudged {
            judged,
            tokens,
            verdict,
            grounds,
        } => {
            state.remember_verdict(judged, *verdict);
            state.append_audit(Entry::Login(login_entry(judged, tokens, *verdict, *grounds)));
        }
        Event::CodeConsumed { token, used } => {
            state.with_token(*token, |token| token.used = *used);
            state.drop_sent_code(*token);
        }
        Event::CodeFailuresForgotten { user } => state.with_user(*user, |user| {
            user.code_failures = 0;
            user.locked_until_ms = None;
        }),
        Event::WrongCodeCounted { user, failures } => {
            state.with_user(*user, |user| user.code_failures = *failures);
        }
        Event::UserLocked { user, until_ms } => state.with_user(*user, |user| {
            user.code_failures = 0;
            user.locked_until_ms = Some(*until_ms);
            user.epoch = user.epoch.wrapping_add(1);
        }),
        Event::WrongPasswordCounted { user, source, delay } => {
            state.count_wrong_password(*user, source.0, delay.0);
        }
        Event::PasswordDelayForgotten { user, source } => {
            state.memory_mut().delays.remove(&(*user, source.0));
        }
        Event::PasswordDelaysForgotten { user } => state.memory_mut().forget_delays(*user),
        Event::RejectsSummarized(entry) => state.append_audit(Entry::RejectsSummarized(entry.clone())),
        // Whatever is done to a user: devices that were trusted by what it was before are so no longer.
        Event::UserSaved(user) => {
            if state.user(user.id).is_some_and(|former| user.ends_trust(former)) {
                state.devices_mut().remove_of(user.id);
            }
            state.put_user(user.clone());
        }
        Event::DirectorySaved(directory) => state.put_directory(directory.clone()),
        Event::DirectoryDeleted(directory) => state.drop_directory(*directory),
        Event::UserDeleted(user) => state.drop_user(*user),
        // Whatever an administrator does to a token, a code that is on its way to its address is void.
        Event::TokenSaved(token) => {
            state.put_token(token.clone());
            state.drop_sent_code(token.id);
        }
        Event::TokenDeleted(token) => {
            state.drop_token(*token);
            state.drop_sent_code(*token);
        }
        Event::ClientSaved(client) => state.put_client(client.clone()),
        Event::ClientDeleted(client) => state.drop_client(*client),
        Event::ApplicationSaved(application) => state.put_application(application.clone()),
        Event::ApplicationDeleted(application) => state.drop_application(*application),
        Event::PolicySet(policy) => state.put_policy(*policy),
        Event::ApiTokenSaved(token) => state.put_api_token(token.clone()),
        Event::ApiTokenDeleted(token) => state.drop_api_token(*token),
        Event::ChangeRecorded(entry) => state.append_audit(Entry::Changed(entry.clone())),
        Event::RequestAnswered { request, revision } => state.answer(*request, *revision, limits::ANSWER_MEMORY_MS),
        Event::AnswerKept { request, revision } => state.answer(*request, *revision, limits::CONVERSATION_MEMORY_MS),
        Event::JoinTokenIssued { actor, node, token } => {
            state.put_join_token(token.clone());
            state.append_audit(Entry::JoinTokenIssued {
                actor: *actor,
                node: *node,
                token: token.id,
                expires_ms: token.expires_ms,
            });
        }
        Event::JoinTokenForgotten(token) => state.drop_join_token(*token),
        Event::NodeAdmitted {
            node,
            token,
            cluster,
            by,
        } => {
            state.put_cluster(cluster.clone());
            state.put_join_token(token.clone());
            state.put_node(node.clone());
            let name = node.name.clone();
            state.append_audit(Entry::NodeAdmitted {
                node: node.id,
                name,
                token: token.id,
                by: *by,
            });
        }
        Event::NodeRemoved {
            actor,
            node,
            removed,
            cluster,
        } => {
            state.put_cluster(cluster.clone());
            state.drop_node(*removed);
            state.audit_mut().drop_signatures_of(*removed);
            state.append_audit(Entry::NodeRemoved {
                actor: *actor,
                node: *node,
                removed: *removed,
            });
        }
        Event::SuccessorAdmitted {
            node,
            cluster,
            damaged,
            by,
        } => {
            state.put_cluster(cluster.clone());
            state.put_node(node.clone());
            state.append_audit(Entry::SuccessorAdmitted {
                node: node.id,
                damaged: *damaged,
                by: *by,
            });
        }
        Event::ReplacementCompleted {
            damaged,
            successor,
            cluster,
            by,
        } => {
            state.put_cluster(cluster.clone());
            state.drop_node(*damaged);
            state.audit_mut().drop_signatures_of(*damaged);
            state.append_audit(Entry::ReplacementCompleted {
                damaged: *damaged,
                successor: *successor,
                by: *by,
            });
        }
        Event::RetentionSet(retention) => state.put_retention(*retention),
        Event::AuditPruned { node, checkpoint } => {
            state.audit_mut().prune(*checkpoint);
            state.append_audit(Entry::AuditPruned {
                node: *node,
                first_seq: checkpoint.first_seq(),
                head: checkpoint.head,
            });
        }
        Event::HeadSigned {
            node,
            records,
            signature,
        } => state.audit_mut().sign(*records, *node, signature.clone()),
        Event::CodeQueued {
            code,
            dispatch,
            counts,
            entry,
        } => {
            state.queue_code(code.clone(), *dispatch, &counts.0);
            state.append_audit(Entry::CodeQueued(entry.clone()));
        }
        Event::PreferenceNoted { user, preferred } => state.with_user(*user, |user| user.preferred = *preferred),
        Event::MessageReported {
            request,
            dispatch,
            entry,
        } => {
            state.report(*request, *dispatch);
            state.append_audit(Entry::MessageReported(entry.clone()));
        }
        Event::GatewaySaved(gateway) => state.put_gateway(gateway.clone()),
        Event::GatewayDeleted(gateway) => state.drop_gateway(*gateway),
        Event::RuleSaved(rule) => state.put_rule(rule.clone()),
        Event::RuleDeleted(rule) => state.drop_rule(*rule),
        Event::PendingSaved(pending) => state.put_pending(pending.clone()),
        Event::PendingSettled(pending) => state.drop_pending(*pending),
        Event::RevisionSpent(revision) => state.spend(*revision),
        Event::PasswordRemembered { user, remembered } => {
            state.with_user(*user, |user| user.remembered = Some(Box::new(remembered.clone())));
        }
        Event::PasswordForgotten { user } => state.with_user(*user, |user| user.remembered = None),
        Event::TextSaved(text) => state.put_text(text.clone()),
        Event::TextRemoved { channel, language } => state.drop_text(*channel, language),
        Event::DefaultLanguageSet(default) => state.put_default_language(default.clone()),
        Event::TrustOffered { login, user, client } => state.offer_trust(*login, *user, *client),
        Event::DeviceTrusted { login, device } => {
            state.memory_mut().offers.remove(login);
            state.devices_mut().put(Arc::new(device.clone()));
        }
        Event::DeviceUsed(device) => state.note_use(*device),
        Event::DeviceForgotten(device) => state.devices_mut().remove(*device),
        Event::DeviceRevoked { device, user } => {
            state.devices_mut().remove(*device);
            state.with_user(*user, |user| user.epoch = user.epoch.wrapping_add(1));
        }
        Event::PasswordRehashed { user, verifier } => state.with_user(*user, |user| {
            user.password = Some(verifier.clone());
            user.foreign_password = false;
        }),
    }
}

fn login_entry(judged: &Judged, tokens: &[TokenId], verdict: Verdict, grounds: Grounds) -> LoginEntry {
    LoginEntry {
        verdict,
        user: judged.user.map(|(id, _)| id),
        client: judged.client,
        application: judged.application,
        tokens: tokens.into(),
        fingerprint: judged.fingerprint,
        received_ms: judged.received_ms,
        facts: judged.facts.clone(),
        rule: grounds.rule,
        waiver: grounds.waiver,
        recalled: judged.recalled_ms.is_some(),
        device: grounds.device,
    }
}
