//! One packet and everything of the state that it is judged by, taken at one instant.

use std::sync::Arc;

use crate::{
    command::{
        AcceptSingleFactor, CodeProof, Command, ConsumeCode, Failure, Judged, LoginFacts, Method, RecordFailure,
    },
    ids::{ConversationId, TokenId, UserId},
    limits,
    login::{
        Conversation, Proof, Propose, Request, Step,
        conversation::Kept,
        enrolling::Enrolling,
        renewal::{self, Renewal},
    },
    method::{self, Moment},
    plan::{Plan, Question, Refused, plan},
    records::{
        Browser, Client, DeviceProof, Directory, Factor, Pin, Policy, RememberedPassword, SentCode, Token, User,
    },
    state::State,
};

pub(super) struct Attempt {
    pub request: Request,
    pub client: Arc<Client>,
    pub plan: Plan,
    pub policy: Policy,
    pub account: Option<Account>,
    /// Who judges the password, if not this cluster: of nobody known, the directory of the name's domain.
    pub directory: Option<Arc<Directory>>,
    pub conversation: Option<Conversation>,
    /// Factors that were looked at in this packet, right or wrong.
    pub checked: Vec<Factor>,
    pub method: Method,
    /// When the password that is right had been remembered, if it was judged by that.
    pub recalled_ms: Option<u64>,
    /// The password that is right, if the directory wants another before it lets the user in.
    pub due_there: Option<Kept>,
    cluster: [u8; 16],
    epochs: u32,
    pub password_delayed: bool,
    now_ms: u64,
}

/// A user and those of its tokens that match anything now.
pub(super) struct Account {
    pub user: Arc<User>,
    pub tokens: Vec<Arc<Token>>,
    /// What stands in front of each of their codes.
    pub pin: Option<Pin>,
    /// What was sent to them last and is unused.
    sent: Vec<(TokenId, Arc<SentCode>)>,
}

impl Account {
    fn of(state: &State, user: &Arc<User>, now_ms: u64) -> Self {
        let tokens: Vec<Arc<Token>> = method::usable(state.tokens_of(user.id), now_ms)
            .into_iter()
            .cloned()
            .collect();
        let sent = |token: &Arc<Token>| Some((token.id, state.sent_code(token.id)?.clone()));
        Account {
            user: user.clone(),
            pin: user.pin_by(state.policy()).cloned(),
            sent: tokens.iter().filter_map(sent).collect(),
            tokens,
        }
    }

    /// The code of a token that was sent last and is unused.
    pub fn sent_code(&self, token: TokenId) -> Option<&Arc<SentCode>> {
        self.sent.iter().find(|(id, _)| *id == token).map(|(_, sent)| sent)
    }
}

impl Attempt {
    /// None if the client is gone: then nobody is there to be answered.
    pub fn new(state: &State, mut request: Request) -> Option<Self> {
        let client = state.client(request.client)?.clone();
        request.user = request.user.map(|name| state.meant(&name));
        let now_ms = state.stamp().ms.max(request.received_ms);
        let account = request
            .user
            .as_ref()
            .and_then(|name| state.user_by_name(name))
            .map(|user| Account::of(state, user, now_ms));
        let known = account.as_ref().map(|account| &*account.user);
        let plan = plan(state, &Question::of_request(&client, known, &request, now_ms))?;
        let directory = match &account {
            Some(account) => account
                .user
                .origin
                .as_ref()
                .and_then(|origin| state.directory(origin.directory)),
            None => request
                .user
                .as_ref()
                .and_then(|name| state.directory_of_domain(&name.domain)),
        }
        .filter(|directory| directory.enabled)
        .cloned();
        let user = account.as_ref().map_or(UserId(0), |account| account.user.id);
        let mut attempt = Attempt {
            method: first_method(&client, &plan),
            policy: *state.policy(),
            cluster: state.cluster()?.id,
            epochs: state.epochs(client.id, user).unwrap_or(0),
            now_ms,
            request,
            client,
            plan,
            account,
            directory,
            conversation: None,
            checked: Vec::new(),
            recalled_ms: None,
            due_there: None,
            password_delayed: false,
        };
        let judged = attempt.judged();
        attempt.password_delayed = state.password_delayed(user, &judged, attempt.now_ms);
        Some(attempt)
    }

    /// Whether this packet may continue the conversation at all; a stranger must not be able to spend it.
    pub fn recognise(&self, state: &State, conversation: &Conversation) -> Result<(), Failure> {
        if state.cluster().is_none_or(|cluster| cluster.id != conversation.cluster) {
            return Err(Failure::UnreadableState);
        }
        let user = self.account.as_ref().map(|account| account.user.id);
        let same = conversation.client == self.client.id
            && conversation.user_name == Conversation::name_digest(&self.request.user_name)
            && (conversation.is_unjudged() || user == Some(conversation.user));
        if same {
            Ok(())
        } else {
            Err(Failure::ConversationMismatch)
        }
    }

    /// Why the conversation has come to its end, if it has.
    pub fn outdated(&self, state: &State, conversation: &Conversation) -> Option<Failure> {
        let epochs = state.epochs(conversation.client, conversation.user);
        let password = self.account.as_ref().map(|account| account.user.password_revision);
        let is_changed = conversation.password_revision.is_some()
            && conversation.password_revision != password
            && !self.has_renewed(state, conversation);
        if self.request.received_ms > conversation.expires_ms {
            Some(Failure::ConversationExpired)
        } else if epochs != Some(conversation.epochs) {
            Some(Failure::Voided)
        } else if is_changed || !self.is_still_recalled(conversation) {
            Some(Failure::PasswordChanged)
        } else if !conversation.codes().all(|code| self.is_current(state, code)) {
            Some(Failure::Voided)
        } else if !self.goes_on(conversation) {
            Some(Failure::PlanChanged)
        } else {
            None
        }
    }

    /// What the password was judged by, if not by the directory, is still remembered.
    fn is_still_recalled(&self, conversation: &Conversation) -> bool {
        let now = self.recalled().map(|remembered| remembered.at_ms);
        conversation.recalled_ms().is_none_or(|at_ms| now == Some(at_ms))
    }

    /// What is remembered of the user's password, as long as it may be asked.
    pub fn recalled(&self) -> Option<&RememberedPassword> {
        let (directory, account) = (self.directory.as_ref()?, self.account.as_ref()?);
        directory.recalled(&account.user, self.now_ms)
    }

    /// Whether this answer is what the password was changed by.
    pub fn has_renewed(&self, state: &State, conversation: &Conversation) -> bool {
        let user = self.account.as_ref().map(|account| &account.user);
        user.is_some_and(|user| renewal::has_changed(state, conversation, &self.request, user))
    }

    /// Whether the password was proven and has to be changed before it lets anybody in.
    pub fn is_password_due(&self, proofs: &[Proof]) -> bool {
        let mut proven = self
            .conversation
            .iter()
            .flat_map(|former| former.proven.iter())
            .chain(proofs);
        let user = self.account.as_ref().map(|account| &account.user);
        let is_due_here = |user: &User| user.is_password_due(&self.policy.passwords, self.now_ms);
        proven.any(Proof::is_password) && (self.due_there.is_some() || user.is_some_and(|user| is_due_here(user)))
    }

    /// Whether this packet's plan is one that the conversation can be finished by: the same application, something left to prove,
    /// a password to renew or a first token to give, and no code proven that nobody asks for any more. What else has changed of the rules holds for the rest of it.
    fn goes_on(&self, conversation: &Conversation) -> bool {
        conversation.application == self.plan.application.id
            && conversation.codes().count() <= self.plan.code_count()
            && conversation.kept.len() <= self.plan.typed_before
            && match (&conversation.enrolling, &conversation.renewal) {
                (Some(_), _) => self.plan.enrols && self.due_after(&conversation.proven).is_empty(),
                (None, Some(_)) => self.plan.asks_for_password(),
                (None, None) => !self.due_after(&conversation.proven).is_empty(),
            }
    }

    /// Whether the token of a code that was proven is as it was then.
    fn is_current(&self, state: &State, code: &CodeProof) -> bool {
        state
            .token(code.token)
            .is_some_and(|token| token.revision == code.revision)
    }

    /// Factors still to be proven, in order.
    pub fn due(&self) -> Vec<Factor> {
        let proven = self.conversation.as_ref().map_or(&[][..], |former| &former.proven);
        self.due_after(proven)
    }

    fn due_after(&self, proven: &[Proof]) -> Vec<Factor> {
        let mut due = self.plan.factors.clone();
        for proof in proven {
            if let Some(place) = due.iter().position(|factor| self.proves(proof, *factor)) {
                due.remove(place);
            }
        }
        due
    }

    fn proves(&self, proof: &Proof, factor: Factor) -> bool {
        match proof {
            Proof::Password | Proof::Recalled(_) => factor == Factor::Password,
            Proof::Code(code) => self
                .account
                .iter()
                .flat_map(|account| account.tokens.iter())
                .any(|token| token.id == code.token && factor.takes(token.kind.code_kind())),
        }
    }

    /// Codes that were right in former packets.
    pub fn former_codes(&self) -> impl Iterator<Item = &CodeProof> {
        self.conversation.iter().flat_map(Conversation::codes)
    }

    /// When a code of this token is judged, and by what.
    pub fn moment(&self, token: TokenId) -> Moment {
        let sent = self.account.as_ref().and_then(|account| account.sent_code(token));
        Moment::new(self.request.received_ms, &self.policy).after(sent.map(|sent| &**sent))
    }

    /// Which conversation this is, whether or not it goes on.
    pub fn conversation_id(&self) -> ConversationId {
        let former = self.conversation.as_ref();
        former.map_or(Conversation::id_of(self.request.fingerprint), |former| former.id)
    }

    /// The codes that were typed before the password, which this packet brings.
    pub fn take_kept(&mut self) -> Box<[Kept]> {
        let former = self.conversation.as_mut();
        former.map_or_else(Box::default, |former| std::mem::take(&mut former.kept))
    }

    /// How many codes were sent in it before this packet.
    pub fn sends(&self) -> u8 {
        self.conversation.as_ref().map_or(0, |former| former.sends)
    }

    /// Why nobody gets in here now, whatever is proven. `decide` says so too; here it saves a challenge that could only
    /// end in a reject.
    pub fn barred(&self, user: &User) -> Option<Failure> {
        if !self.client.enabled {
            Some(Failure::ClientDisabled)
        } else if !self.plan.application.enabled {
            Some(Failure::ApplicationDisabled)
        } else if !user.enabled {
            Some(Failure::UserDisabled)
        } else if !user.is_active() || self.is_without_judge(user) {
            Some(Failure::DisabledInDirectory)
        } else if let Some(refused) = self.plan.refused {
            Some(refused.failure())
        } else if user.locked_at(self.now_ms) {
            Some(Failure::Locked)
        } else if self.password_delayed {
            Some(Failure::PasswordDelayed)
        } else {
            None
        }
    }

    /// Whether the password is asked for, and the directory that would judge it is not asked.
    fn is_without_judge(&self, user: &User) -> bool {
        self.plan.asks_for_password() && user.origin.is_some() && self.directory.is_none()
    }

    /// Whether the user's directory does not let the user in, or is not asked.
    pub fn is_barred_by_directory(&self) -> bool {
        let user = self.account.as_ref().map(|account| &account.user);
        user.is_some_and(|user| !user.is_active() || self.is_without_judge(user))
    }

    /// Whether nobody gets in from there, whoever it is: nothing is looked at then, and no directory asked.
    pub fn is_blocked(&self) -> bool {
        self.plan.refused == Some(Refused::NetworkBlocked)
    }

    /// The step that proposes a failure.
    pub fn fail(self, failure: Failure) -> Step {
        let failure = if self.account.is_none() && failure != Failure::NetworkBlocked {
            Failure::UnknownUser
        } else {
            failure
        };
        // A failure stands, whatever is remembered by now of a password that was right.
        let judged = Judged {
            recalled_ms: None,
            ..self.judged()
        };
        Step::Propose(Propose::new(Command::RecordFailure(RecordFailure { judged, failure })))
    }

    /// Codes that were right in former packets and in this one.
    pub fn codes(&self, proofs: &[Proof]) -> Box<[CodeProof]> {
        let codes = self.former_codes().chain(proofs.iter().filter_map(Proof::code));
        codes.copied().collect()
    }

    /// The step that proposes an accept, all factors being proven.
    pub fn succeed(self, proofs: &[Proof]) -> Step {
        let (judged, codes) = (self.judged(), self.codes(proofs));
        let command = match codes.is_empty() {
            false => Command::ConsumeCode(ConsumeCode { judged, codes }),
            true => Command::AcceptSingleFactor(AcceptSingleFactor { judged }),
        };
        Step::Propose(Propose::new(command))
    }

    /// What the next packet has to bring back once a code was sent: it may come as long as the code is right.
    pub fn conversation_after_send(&self, user: &User, proofs: &[Proof]) -> Conversation {
        let good_ms = self.policy.sent_code_ms.min(limits::CHALLENGE_MS_MAX);
        let answer_ms = self.policy.challenge_ms.max(good_ms);
        Conversation {
            sends: self.sends().saturating_add(1),
            expires_ms: self.request.received_ms.saturating_add(answer_ms),
            ..self.conversation_after(user, proofs)
        }
    }

    /// What the next packet has to bring back while nothing is judged: the same for every name.
    pub fn conversation_unjudged(&self, kept: Box<[Kept]>) -> Conversation {
        Conversation {
            kept,
            epochs: self.client.epoch,
            ..self.conversation_of(UserId(0))
        }
    }

    /// What the next packet has to bring back where a key was shown: nobody installs an application in a hurry.
    pub fn conversation_enrolling(&self, user: &User, proofs: &[Proof], enrolling: Enrolling) -> Conversation {
        let begun = self.conversation.as_ref().filter(|former| former.enrolling.is_some());
        let latest_ms = self.request.received_ms.saturating_add(limits::CHALLENGE_MS_MAX);
        Conversation {
            // Asking again makes it no longer: nothing may outlive the memory of its own end.
            expires_ms: begun.map_or(latest_ms, |begun| begun.expires_ms),
            enrolling: Some(enrolling),
            ..self.conversation_after(user, proofs)
        }
    }

    /// What the next packet has to bring back where a password is changed: nobody thinks of one in a hurry.
    pub fn conversation_renewing(&self, user: &User, proofs: &[Proof], renewal: Renewal) -> Conversation {
        Conversation {
            expires_ms: self.request.received_ms.saturating_add(self.policy.challenge_ms),
            renewal: Some(renewal),
            ..self.conversation_after(user, proofs)
        }
    }

    /// What the next packet has to bring back.
    pub fn conversation_after(&self, user: &User, proofs: &[Proof]) -> Conversation {
        let former = self.conversation.as_ref();
        let before = former.iter().flat_map(|former| former.proven.iter());
        let proven: Box<[Proof]> = before.chain(proofs).copied().collect();
        let password = proven.iter().any(Proof::is_password).then_some(user.password_revision);
        Conversation {
            proven,
            password_revision: password,
            ..self.conversation_of(user.id)
        }
    }

    /// One in which nothing is proven.
    fn conversation_of(&self, user: UserId) -> Conversation {
        let former = self.conversation.as_ref();
        Conversation {
            cluster: self.cluster,
            id: self.conversation_id(),
            client: self.client.id,
            application: self.plan.application.id,
            user,
            user_name: Conversation::name_digest(&self.request.user_name),
            proven: Box::default(),
            password_revision: None,
            epochs: self.epochs,
            expires_ms: former.map_or(
                self.request.received_ms.saturating_add(self.policy.challenge_ms),
                |former| former.expires_ms,
            ),
            sends: self.sends(),
            renewal: None,
            enrolling: None,
            kept: Box::default(),
        }
    }

    /// When the password that was right had been remembered, if it was judged by that, in this packet or before.
    pub fn judged_by_memory(&self) -> Option<u64> {
        let former = self.conversation.as_ref();
        self.recalled_ms.or_else(|| former.and_then(Conversation::recalled_ms))
    }

    /// By what the login is judged.
    pub fn judged(&self) -> Judged {
        let request = &self.request;
        let user = self.account.as_ref().map(|account| &account.user);
        let absent = if user.is_none() { request.user.clone() } else { None };
        let conversation = self.conversation.as_ref();
        let password_checked = self.checked.contains(&Factor::Password)
            || conversation.is_some_and(|conversation| conversation.proven.iter().any(Proof::is_password));
        Judged {
            fingerprint: request.fingerprint,
            conversation: conversation.map(|conversation| conversation.id),
            proof: conversation.map(|_| request.proof),
            client: self.client.id,
            client_revision: self.client.revision,
            application: self.plan.application.id,
            application_revision: self.plan.application.revision,
            policy_revision: self.policy.revision,
            user: user.map(|user| (user.id, user.revision)),
            absent,
            password_revision: user.filter(|_| password_checked).map(|user| user.password_revision),
            received_ms: request.received_ms,
            retention_ms: self.client.retention_ms(),
            facts: LoginFacts {
                user_name: request.user_name.clone(),
                source: request.source,
                calling_station_id: request.calling_station_id.clone(),
                nas_identifier: request.nas_identifier.clone(),
                node: request.node,
                method: self.method,
                attributes: request.attributes.clone(),
            },
            recalled_ms: self.judged_by_memory(),
            browser: self.browser(),
        }
    }

    /// The browser, and the device that it is if that is what the plan counts upon.
    fn browser(&self) -> Option<Browser> {
        let is_counted = |proof: &DeviceProof| self.plan.device == Some(proof.device);
        self.request.browser.map(|browser| Browser {
            device: browser.device.filter(is_counted),
        })
    }
}

/// The method, as long as the field has not been read as several factors joined.
fn first_method(client: &Client, plan: &Plan) -> Method {
    if client.modes.passcode_only {
        Method::PasscodeOnly
    } else if plan.factors.len() > 1 || plan.enrols {
        Method::TwoStep
    } else if plan.asks_for_password() {
        Method::PasswordOnly
    } else {
        Method::PasscodeOnly
    }
}
