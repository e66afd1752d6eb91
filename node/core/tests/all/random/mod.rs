//! Random commands from random bytes: few ids, so that commands meet, and now and then an absurd number.

mod devices;
mod pending;
mod rules;

use quorate_core::{change::*, command::*, method::Use, *};

pub use self::rules::planned;

const FOB: TokenKind = TokenKind::Hotp {
    algorithm: OtpAlgorithm::Sha1,
    digits: 6,
};

const MOBILE: TokenKind = TokenKind::Sent { channel: Channel::Sms };

const SHEET: TokenKind = TokenKind::Recovery { codes: 10 };

/// Two applications, a client of each mode, users 1 to 3 with a token each, and two rules.
pub fn objects() -> Vec<Change> {
    let mut dice = Dice::new(&[]);
    let mut changes = Vec::new();
    for (id, factors) in [
        (0, vec![Factor::Password, Factor::ANY_CODE]),
        (1, vec![Factor::Password]),
    ] {
        let name = format!("application {id}").into();
        changes.push(Change::CreateApplication(CreateApplication {
            id: ApplicationId(id),
            settings: ApplicationSettings {
                name,
                factors: factors.into(),
                passthru_until_ms: None,
                enrolment: Enrolment::Off,
            },
        }));
    }
    for id in 0..3 {
        let modes = Modes {
            one_step: id == 0,
            two_step: id < 2,
            passcode_only: id == 2,
        };
        let (name, application) = (format!("client {id}").into(), ApplicationId(u64::from(id == 1)));
        let settings = ClientSettings {
            name,
            modes,
            application,
            retry_timeout_ms: 1,
            retry_tries: 1,
            entrance: rules::entrance_of(id),
            cut: Cut::default(),
            ..dice.settings()
        };
        changes.push(Change::CreateClient(CreateClient {
            id: ClientId(id),
            settings,
        }));
    }
    for id in 1..4 {
        let name = UserName::new("", &format!("user {id}"));
        let password = Some(Sealed::from(vec![1; 8]));
        changes.push(Change::CreateUser(CreateUser {
            id: UserId(id),
            name,
            display_name: "".into(),
            password,
            must_change_password: false,
            foreign_password: id == 0,
        }));
        let kind = [TokenKind::DEFAULT, FOB, SHEET][id as usize - 1];
        changes.push(Change::CreateToken(CreateToken {
            id: TokenId(id),
            user: UserId(id),
            name: "".into(),
            kind,
            secret: Sealed::from(vec![1; 8]),
            verified: true,
            counter: 0,
            expires_ms: None,
            hint: "".into(),
        }));
    }
    changes.extend(rules::objects());
    // Nobody would be accepted with one otherwise.
    changes.push(Change::CreateToken(CreateToken {
        id: TokenId(4),
        user: UserId(1),
        name: "".into(),
        kind: MOBILE,
        secret: Sealed::from(vec![1; 8]),
        verified: true,
        counter: 0,
        expires_ms: None,
        hint: "67".into(),
    }));
    changes
}

/// Deals small numbers from bytes; zeros when there are none left, so that shorter inputs are simpler ones.
pub struct Dice<'a> {
    bytes: &'a [u8],
}

impl<'a> Dice<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Dice { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        u64::from(*first) % sides
    }

    fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.roll(3) == 0 { None } else { Some(some(self)) }
    }

    /// Mostly small, sometimes the largest there is.
    fn number(&mut self) -> u64 {
        match self.roll(16) {
            15 => u64::MAX,
            14 => u64::MAX - self.roll(4),
            small => small,
        }
    }

    fn text(&mut self) -> Box<str> {
        ["a", "b", "c", "", "B", "a\n"][self.roll(6) as usize].into()
    }

    fn sealed(&mut self) -> Sealed {
        Sealed::from(vec![7; self.roll(4) as usize * 20])
    }

    fn digest(&mut self, sides: u64) -> [u8; 16] {
        [self.roll(sides) as u8; 16]
    }

    fn address(&mut self) -> std::net::IpAddr {
        ["192.0.2.1", "10.1.2.3", "2001:db8::1", "::ffff:10.1.2.3"][self.roll(4) as usize]
            .parse()
            .unwrap()
    }

    fn networks(&mut self) -> Box<[Cidr]> {
        let all = ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "2001:db8::/32"];
        (0..self.roll(3) + 1)
            .map(|_| all[self.roll(5) as usize].parse().unwrap())
            .collect()
    }

    fn actor(&mut self) -> Actor {
        match self.roll(4) {
            0 => Actor::ApiToken {
                id: ApiTokenId(self.roll(2)),
                revision: Revision(self.number()),
                source: self.address(),
            },
            _ => Actor::Root { uid: 0 },
        }
    }

    fn settings(&mut self) -> ClientSettings {
        ClientSettings {
            name: self.text(),
            device_type: self.text(),
            networks: self.networks(),
            nas_identifier: self.maybe(Self::text),
            secrets: (0..self.roll(3) + 1).map(|_| Sealed::from(vec![1; 8])).collect(),
            modes: [
                (true, true, false),
                (false, true, false),
                (false, false, true),
                (true, false, true),
            ]
            .map(|(one_step, two_step, passcode_only)| Modes {
                one_step,
                two_step,
                passcode_only,
            })[self.roll(4) as usize],
            require_message_authenticator: true,
            application: ApplicationId(self.roll(2)),
            retry_timeout_ms: self.number() as u32,
            retry_tries: self.number() as u8,
            cut: [Cut::ByToken, Cut::At(b','), Cut::Length(6)][self.roll(3) as usize],
            entrance: if self.roll(3) > 0 {
                Entrance::default()
            } else {
                self.entrance()
            },
        }
    }

    fn application_settings(&mut self) -> ApplicationSettings {
        ApplicationSettings {
            name: self.text(),
            factors: self.factors(),
            passthru_until_ms: self.soon(),
            enrolment: [Enrolment::Off, Enrolment::ByPassword, Enrolment::ByRegistrationCode][self.roll(3) as usize],
        }
    }

    fn factors(&mut self) -> Box<[Factor]> {
        let all: [&[Factor]; 5] = [
            &[Factor::Password, Factor::ANY_CODE],
            &[Factor::ANY_CODE, Factor::Password],
            &[Factor::ANY_CODE],
            &[Factor::Password],
            &[],
        ];
        all[self.roll(5) as usize].into()
    }

    pub fn change(&mut self) -> Change {
        let expected = if self.roll(4) == 0 {
            Some(Revision(self.number()))
        } else {
            None
        };
        let (user, token) = (UserId(self.roll(4)), TokenId(self.roll(5)));
        let (client, application) = (ClientId(self.roll(3)), ApplicationId(self.roll(2)));
        let name = UserName::new(["", "d"][self.roll(2) as usize], &self.text());
        let mut which = self.roll(34);
        if [3, 6, 9, 11, 14, 16, 19, 21].contains(&which) && self.roll(8) > 0 {
            // Disables and deletes are rarer than what undoes them, or nobody would ever get in.
            which = [4, 10, 15, 20][self.roll(4) as usize];
        }
        match which {
            0 => {
                let (display_name, password) = (self.text(), self.maybe(Self::sealed));
                Change::CreateUser(CreateUser {
                    id: user,
                    name,
                    display_name,
                    password,
                    must_change_password: self.roll(8) == 0,
                    foreign_password: self.roll(4) == 0,
                })
            }
            1 => Change::ChangeUser(ChangeUser {
                user,
                expected,
                name,
                display_name: self.text(),
            }),
            2 if self.roll(3) == 0 => Change::SetPin(SetPin {
                user,
                expected,
                pin: self.maybe(|dice| Pin {
                    verifier: dice.sealed(),
                    digits: dice.number() as u8,
                }),
            }),
            2 => Change::SetPassword(SetPassword {
                user,
                expected,
                password: self.maybe(Self::sealed),
                must_change_password: self.roll(4) == 0,
            }),
            3 => Change::DisableUser(DisableUser { user, expected }),
            4 => Change::EnableUser(EnableUser { user, expected }),
            5 => Change::UnlockUser(UnlockUser { user, expected }),
            6 => Change::DeleteUser(DeleteUser { user, expected }),
            7 | 22 => Change::CreateToken(CreateToken {
                id: token,
                user,
                name: self.text(),
                kind: match self.roll(9) {
                    0 => TokenKind::Totp {
                        algorithm: OtpAlgorithm::Sha512,
                        digits: self.number() as u8,
                        period_s: self.number() as u32,
                    },
                    1 => FOB,
                    2 => SHEET,
                    3 => TokenKind::Temporary {
                        uses: self.number() as u32,
                        suspends: self.roll(2) == 0,
                    },
                    4 => TokenKind::Yubikey { public_id: [7; 6] },
                    5 => TokenKind::Static,
                    6 => MOBILE,
                    7 => TokenKind::Registration,
                    _ => TokenKind::DEFAULT,
                },
                secret: self.sealed(),
                verified: self.roll(4) > 0,
                counter: if self.roll(4) > 0 { 0 } else { self.number() },
                expires_ms: if self.roll(4) > 0 { None } else { Some(self.number()) },
                hint: "".into(),
            }),
            8 => Change::ChangeToken(ChangeToken {
                token,
                expected,
                name: self.text(),
                expires_ms: None,
            }),
            9 => Change::DisableToken(DisableToken { token, expected }),
            10 => Change::EnableToken(EnableToken { token, expected }),
            11 => Change::DeleteToken(DeleteToken { token, expected }),
            12 | 23 => Change::CreateClient(CreateClient {
                id: client,
                settings: self.settings(),
            }),
            13 => Change::ChangeClient(ChangeClient {
                client,
                expected,
                settings: self.settings(),
            }),
            14 => Change::DisableClient(DisableClient { client, expected }),
            15 => Change::EnableClient(EnableClient { client, expected }),
            16 => Change::DeleteClient(DeleteClient { client, expected }),
            17 => Change::CreateApplication(CreateApplication {
                id: application,
                settings: self.application_settings(),
            }),
            18 => Change::ChangeApplication(ChangeApplication {
                application,
                expected,
                settings: self.application_settings(),
            }),
            19 => Change::DisableApplication(DisableApplication { application, expected }),
            20 => Change::EnableApplication(EnableApplication { application, expected }),
            21 => Change::DeleteApplication(DeleteApplication { application, expected }),
            24 => match self.roll(11) {
                0 => Change::SetPolicy(SetPolicy {
                    expected,
                    max_code_failures: self.number() as u32,
                    lock_ms: self.number(),
                    totp_window: self.number() as u8,
                    challenge_ms: self.number(),
                    hotp_look_ahead: self.number() as u8,
                    sent_code_ms: self.number().saturating_mul(30_000),
                    sends_per_user: self.number() as u32,
                    sends_per_prefix: self.number() as u32,
                    pins: [Pins::IfSet, Pins::Off, Pins::Required][self.roll(3) as usize],
                    passwords: PasswordRules {
                        history: self.roll(4) as u8,
                        max_age_days: self.maybe(|dice| dice.number() as u16),
                        ..PasswordRules::default()
                    },
                }),
                1 => {
                    let (name, verifier) = (self.text(), self.sealed());
                    Change::CreateApiToken(CreateApiToken {
                        id: ApiTokenId(self.roll(2)),
                        name,
                        verifier,
                        role: Role::ALL[self.roll(5) as usize],
                    })
                }
                4 => {
                    let (name, settings) = (self.text(), self.sealed());
                    Change::CreateGateway(CreateGateway {
                        id: GatewayId(self.roll(2)),
                        settings: GatewaySettings {
                            name,
                            channels: vec![Channel::Sms; self.roll(3) as usize].into(),
                            priority: self.number() as u16,
                            settings,
                        },
                    })
                }
                5 => Change::DeleteGateway(DeleteGateway {
                    gateway: GatewayId(self.roll(2)),
                    expected,
                }),
                6 => Change::SetUserAccess(SetUserAccess {
                    user,
                    expected,
                    role: self.maybe(|dice| Role::ALL[dice.roll(5) as usize]),
                    mfa: self.maybe(|dice| Mfa::ALL[dice.roll(3) as usize]),
                    trust: self.maybe(|dice| Trust::ALL[dice.roll(3) as usize]),
                }),
                7 => Change::SetRoleRule(SetRoleRule {
                    expected,
                    role: Role::ALL[self.roll(5) as usize],
                    rule: RoleRule {
                        mfa_required: self.roll(3) == 0,
                        may_trust: self.roll(2) == 0,
                        trust_ms: self.number().saturating_mul(86_400_000),
                    },
                }),
                8 => Change::SetText(SetText {
                    channel: Channel::ALL[self.roll(3) as usize],
                    language: ["de", "en", "EN", ""][self.roll(4) as usize].into(),
                    expected,
                    subject: ["", "code"][self.roll(2) as usize].into(),
                    text: self.text(),
                }),
                9 => Change::RemoveText(RemoveText {
                    channel: Channel::ALL[self.roll(3) as usize],
                    language: ["de", "en"][self.roll(2) as usize].into(),
                    expected,
                }),
                10 => Change::SetDefaultLanguage(SetDefaultLanguage {
                    expected,
                    language: ["de", ""][self.roll(2) as usize].into(),
                }),
                2 => Change::SetRetention(SetRetention {
                    expected,
                    max_age_ms: (self.roll(2) == 0).then(|| self.number()),
                    max_bytes: (self.roll(2) == 0).then(|| self.number()),
                }),
                _ => Change::DeleteApiToken(DeleteApiToken {
                    token: ApiTokenId(self.roll(2)),
                    expected,
                }),
            },
            25 => Change::VerifyToken(VerifyToken {
                token,
                expected,
                used: self.used(0),
            }),
            26 => Change::ResyncToken(ResyncToken {
                token,
                expected,
                used: match self.roll(3) {
                    0 => Used::Slots { spent: 0 },
                    1 => Used::Counter {
                        last: Some(self.number()),
                    },
                    _ => Used::Time {
                        last: Some(self.number()),
                        drift: self.number() as i8,
                        lean: 0,
                    },
                },
            }),
            27 => Change::LoseToken(LoseToken { token, expected }),
            28 | 29 => Change::AssignToken(AssignToken { token, expected, user }),
            30..=32 => self.rule_change(user, expected),
            33 if self.roll(4) > 0 => Change::RevokeDevice(RevokeDevice {
                device: self.device_id(),
            }),
            33 => Change::RevokeDevices(RevokeDevices { user, expected }),
            other => unreachable!("{other}"),
        }
    }

    /// Judged by what is there, mostly, as an honest node would; else by anything.
    fn judged(&mut self, state: &State, now_ms: u64) -> Judged {
        let client = ClientId(self.roll(3));
        let client_now = state.client(client).cloned();
        let facts = self.facts();
        let user = self.maybe(|dice| UserId(dice.roll(4)));
        let user_now = user.and_then(|user| state.user(user)).cloned();
        let honest = self.roll(8) > 0;
        let application = match (honest, &client_now) {
            (true, Some(client)) => planned(state, client, user_now.as_deref(), &facts, now_ms),
            _ => ApplicationId(self.roll(2)),
        };
        let revision = |found: Option<Revision>, dice: &mut Self| match (honest, found) {
            (true, Some(revision)) => revision,
            _ => Revision(dice.number()),
        };
        let conversation = self.maybe(|dice| ConversationId(dice.digest(100)));
        let mut judged = Judged {
            browser: None,
            recalled_ms: (self.roll(16) == 0).then(|| self.number()),
            fingerprint: Fingerprint(self.digest(200)),
            conversation,
            proof: conversation.map(|_| ProofDigest(self.digest(3))),
            client,
            client_revision: revision(client_now.map(|client| client.revision), self),
            application,
            application_revision: revision(state.application(application).map(|found| found.revision), self),
            policy_revision: revision(Some(state.policy().revision), self),
            user: user.map(|user| (user, revision(user_now.as_ref().map(|found| found.revision), self))),
            absent: if honest {
                None
            } else {
                Some(UserName::new("", &self.text()))
            },
            password_revision: user_now.map(|found| found.password_revision),
            received_ms: if honest { now_ms } else { self.number() },
            retention_ms: self.number(),
            facts,
        };
        judged.browser = self.maybe(|dice| dice.browser(state, &judged, honest, now_ms));
        judged
    }

    fn facts(&mut self) -> LoginFacts {
        let addresses = ["10.1.2.3", "10.9.9.9", "aa-bb", "198.51.100.9"];
        let port = self.maybe(|dice| Attribute {
            kind: AttributeKind::NasPortType,
            value: u32::to_be_bytes(dice.roll(8) as u32)[..].into(),
        });
        LoginFacts {
            user_name: vec![b'a'; self.roll(256) as usize].into(),
            source: self.address(),
            calling_station_id: self.maybe(|dice| addresses[dice.roll(4) as usize].as_bytes().into()),
            nas_identifier: None,
            node: NodeId(self.roll(4)),
            method: Method::TwoStep,
            attributes: port.into_iter().collect(),
        }
    }

    /// A code of a token of the user's, mostly, that could be right, mostly.
    fn code(&mut self, state: &State, judged: &Judged, now_ms: u64) -> CodeProof {
        let own = judged.user.and_then(|(user, _)| state.tokens_of(user).next());
        let token = match self.roll(4) {
            0 => state.token(TokenId(self.roll(5))),
            1 if state.sent_code(TokenId(4)).is_some() => state.token(TokenId(4)),
            _ => own,
        };
        let sent = token.and_then(|token| state.sent_code(token.id));
        let used = match token.map(|token| token.used) {
            _ if self.roll(8) == 0 => self.used(0),
            Some(Used::Times { .. }) if sent.is_some() => Use::Pending(sent.unwrap().id),
            Some(Used::Time { .. }) => Use::Counter((otp::timestep(now_ms, 30) + self.roll(4)).saturating_sub(1)),
            Some(Used::Counter { last }) => Use::Counter(last.unwrap_or(0).saturating_add(self.roll(4))),
            Some(Used::Slots { .. }) => Use::Slot(self.roll(11) as u8),
            Some(Used::Times { .. }) | None => Use::Once,
        };
        let (id, revision) = token.map_or((TokenId(0), Revision(0)), |token| (token.id, token.revision));
        let revision = match self.roll(16) {
            0 => Revision(self.number()),
            _ => revision,
        };
        CodeProof {
            token: id,
            revision,
            used,
        }
    }

    fn used(&mut self, base: u64) -> Use {
        match self.roll(4) {
            3 => Use::Pending(CodeId(self.number())),
            0 => Use::Counter(base + self.number()),
            1 => Use::Slot(self.number() as u8),
            _ => Use::Once,
        }
    }

    /// By the user: in a login, or else.
    fn password_change(&mut self, state: &State, now_ms: u64) -> Command {
        let (request, judged) = (Fingerprint(self.digest(40)), self.judged(state, now_ms));
        if self.roll(6) == 0 {
            return Command::RehashPassword(RehashPassword {
                user: judged.user.map_or(UserId(0), |(user, _)| user),
                password_revision: judged.password_revision.unwrap_or(Revision(0)),
                verifier: self.sealed(),
            });
        }
        if self.roll(4) == 0 {
            let directory = DirectoryId(self.roll(5));
            return Command::RememberPassword(RememberPassword {
                user: judged.user.map_or(UserId(0), |(user, _)| user),
                password_revision: judged.password_revision.unwrap_or(Revision(0)),
                directory,
                directory_revision: state.directory(directory).map_or(Revision(0), |found| found.revision),
                verifier: self.sealed(),
            });
        }
        if self.roll(2) == 0 {
            let what = match self.roll(4) {
                0 => Renewed::Ordered(request),
                1 => Renewed::Concluded([AskStage::Ordered, AskStage::Done, AskStage::Refused][self.roll(3) as usize]),
                2 => Renewed::Concluded(AskStage::Unknown),
                _ => Renewed::Here(self.sealed()),
            };
            return Command::RenewPassword(RenewPassword { request, judged, what });
        }
        Command::ChangeOwnPassword(ChangeOwnPassword {
            request,
            user: judged.user.map_or(UserId(0), |(user, _)| user),
            password_revision: judged.password_revision.unwrap_or(Revision(0)),
            source: self.address(),
            node: NodeId(self.roll(3)),
            password: self.maybe(Self::sealed),
            in_directory: self.roll(3) == 0,
        })
    }

    /// Mostly for the token that there is, by whoever may.
    fn sending(&mut self, state: &State, now_ms: u64) -> Command {
        let (request, node) = (Fingerprint(self.digest(40)), NodeId(self.roll(3)));
        if self.roll(5) == 0 {
            return Command::ReportMessage(ReportMessage {
                request,
                code: state.dispatch(request).map_or(CodeId(0), |dispatch| dispatch.code),
                node,
                report: [Report::Sent { gateway: None }, Report::Failed, Report::Unknown][self.roll(3) as usize],
                attempts: self.number() as u8,
            });
        }
        if self.roll(6) == 0 {
            return self.password_change(state, now_ms);
        }
        let token = TokenId(if self.roll(6) > 0 { 4 } else { self.roll(5) });
        let revision = state.token(token).map_or(Revision(0), |token| token.revision);
        let asker = match self.roll(3) {
            0 => Asker::Administrator(self.actor()),
            _ => Asker::Login {
                judged: self.judged(state, now_ms),
                conversation: ConversationId(self.digest(100)),
            },
        };
        Command::QueueCode(QueueCode {
            request,
            asker,
            token,
            token_revision: if self.roll(16) == 0 {
                Revision(self.number())
            } else {
                revision
            },
            code: CodeId(u64::from_be_bytes(std::array::from_fn(|_| self.roll(256) as u8))),
            verifier: Sealed::from(vec![1; self.roll(16) as usize]),
            prefix: self.maybe(|dice| dice.digest(2)),
            chosen: self.roll(2) == 0,
            node,
        })
    }

    pub fn command(&mut self, state: &State, now_ms: u64) -> Command {
        let (request, node) = (Fingerprint(self.digest(64)), NodeId(self.roll(4)));
        match self.roll(17) {
            15 => self.settling(state),
            16 => self.on_devices(state, now_ms),
            12 | 13 => self.sending(state, now_ms),
            0..=2 => {
                let changes = (0..self.roll(4) + 1).map(|_| self.change()).collect();
                Command::Administer(Administer {
                    request,
                    actor: self.actor(),
                    node,
                    changes,
                })
            }
            3..=5 => {
                let judged = self.judged(state, now_ms);
                let enrols = self.roll(6) == 0;
                let count = if enrols { self.roll(2) } else { 1 + self.roll(20) / 19 };
                let codes = (0..count).map(|_| self.code(state, &judged, now_ms)).collect();
                let proven = ConsumeCode { judged, codes };
                match enrols {
                    false => Command::ConsumeCode(proven),
                    true => Command::EnrolToken(EnrolToken {
                        proven,
                        token: TokenId(self.roll(6)),
                        secret: self.sealed(),
                        used: Use::Counter(now_ms / 30_000),
                    }),
                }
            }
            6 | 14 => Command::AcceptSingleFactor(AcceptSingleFactor {
                judged: self.judged(state, now_ms),
            }),
            7 | 8 => {
                let all = [
                    Failure::WrongCode,
                    Failure::WrongPassword,
                    Failure::UnknownUser,
                    Failure::Locked,
                ];
                let failure = all[self.roll(4) as usize];
                Command::RecordFailure(RecordFailure {
                    judged: self.judged(state, now_ms),
                    failure,
                })
            }
            9 => Command::SummarizeRejects(SummarizeRejects {
                request,
                node,
                client: ClientId(self.roll(3)),
                source: self.address(),
                from_ms: self.number(),
                to_ms: self.number(),
                rejects: self.number(),
            }),
            10 => Command::IssueJoinToken(IssueJoinToken {
                request,
                actor: self.actor(),
                node,
                id: JoinTokenId(self.roll(3)),
                secret: self.sealed(),
                expires_ms: if self.roll(2) == 0 {
                    self.number()
                } else {
                    now_ms + 1_000_000
                },
            }),
            11 => match self.roll(10) {
                0 => Command::SignHead(SignHead {
                    node,
                    records: self.number(),
                    head: [self.roll(2) as u8; 32],
                    signature: audit::HeadSignature {
                        signature: vec![1; self.roll(200) as usize].into(),
                        certificate: vec![2; self.roll(200) as usize].into(),
                    },
                }),
                1 => Command::PruneAudit(PruneAudit {
                    node,
                    first_segment: self.number(),
                }),
                2 => Command::AdmitSuccessor(AdmitSuccessor {
                    damaged: NodeId(self.roll(5)),
                    by: node,
                    key_digest: [self.roll(3) as u8; 32],
                }),
                3 => Command::CompleteReplacement(CompleteReplacement {
                    successor: NodeId(self.roll(5)),
                    by: node,
                }),
                4..=6 => Command::SpendJoinToken(SpendJoinToken {
                    token: JoinTokenId(self.roll(3)),
                    by: node,
                    name: self.text(),
                    site: self.text(),
                    key_digest: [self.roll(3) as u8; 32],
                }),
                _ => {
                    let actor = self.actor();
                    Command::RemoveNode(RemoveNode {
                        request,
                        actor,
                        node,
                        removed: NodeId(self.roll(5)),
                    })
                }
            },
            other => unreachable!("{other}"),
        }
    }
}
