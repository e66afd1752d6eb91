//! One of every command, change and outcome, with something in every field.

#![allow(dead_code, reason = "not every test binary uses every sample")]

use quorate_core::{change::*, command::*, method::Use, *};

pub fn judged() -> Judged {
    Judged {
        recalled_ms: Some(1_760_000_000_000),
        fingerprint: Fingerprint([1; 16]),
        conversation: Some(ConversationId([2; 16])),
        proof: Some(ProofDigest([3; 16])),
        client: ClientId(4),
        client_revision: Revision(5),
        application: ApplicationId(6),
        application_revision: Revision(7),
        policy_revision: Revision(8),
        user: Some((UserId(9), Revision(10))),
        absent: None,
        password_revision: Some(Revision(11)),
        received_ms: 1_760_011_200_000,
        retention_ms: 120_000,
        facts: LoginFacts {
            user_name: b"Alice"[..].into(),
            source: "192.0.2.1".parse().unwrap(),
            calling_station_id: Some(b"00-11-22-33-44-55"[..].into()),
            nas_identifier: Some(b"vpn"[..].into()),
            node: NodeId(3),
            method: Method::TwoStep,
            attributes: vec![Attribute {
                kind: AttributeKind::NasPortType,
                value: vec![0, 0, 0, 5].into(),
            }]
            .into(),
        },
        browser: Some(Browser {
            device: Some(DeviceProof {
                device: DeviceId(21),
                digest: DeviceDigest([22; 32]),
            }),
        }),
    }
}

fn code(used: Use) -> CodeProof {
    CodeProof {
        token: TokenId(u64::MAX),
        revision: Revision(13),
        used,
    }
}

fn unknown() -> Judged {
    let facts = LoginFacts {
        calling_station_id: None,
        nas_identifier: None,
        method: Method::OneStep,
        attributes: Box::default(),
        ..judged().facts
    };
    let absent = Some(UserName::new("example.org", "alice"));
    Judged {
        recalled_ms: None,
        browser: None,
        conversation: None,
        proof: None,
        user: None,
        absent,
        password_revision: None,
        facts,
        ..judged()
    }
}

fn actor() -> Actor {
    Actor::ApiToken {
        id: ApiTokenId(1),
        revision: Revision(2),
        source: "2001:db8::1".parse().unwrap(),
    }
}

pub fn administer(change: Change) -> Command {
    several(vec![change])
}

pub fn several(changes: Vec<Change>) -> Command {
    let (request, node) = (Fingerprint([4; 16]), NodeId(1));
    Command::Administer(Administer {
        request,
        actor: Actor::Root { uid: 1_000 },
        node,
        changes,
    })
}

pub fn commands() -> Vec<Command> {
    let (request, node) = (Fingerprint([5; 16]), NodeId(2));
    vec![
        Command::Genesis(Genesis {
            cluster_id: [1; 16],
            ca_cert: vec![2; 3].into(),
            ca_key: Sealed::from(vec![3; 4]),
            node: NodeId(1),
            node_name: "one".into(),
            site: "north".into(),
            key_digest: [4; 32],
        }),
        Command::ConsumeCode(ConsumeCode {
            judged: judged(),
            codes: vec![
                code(Use::Counter(58_667_040)),
                code(Use::Slot(9)),
                code(Use::Once),
                code(Use::Pending(CodeId(8))),
            ]
            .into(),
        }),
        Command::AcceptSingleFactor(AcceptSingleFactor { judged: judged() }),
        Command::RecordFailure(RecordFailure {
            judged: unknown(),
            failure: Failure::UnknownUser,
        }),
        Command::SummarizeRejects(SummarizeRejects {
            request,
            node,
            client: ClientId(3),
            source: "192.0.2.9".parse().unwrap(),
            from_ms: 10,
            to_ms: 20,
            rejects: 30,
        }),
        Command::Administer(Administer {
            request,
            actor: actor(),
            node,
            changes: Vec::new(),
        }),
        Command::IssueJoinToken(IssueJoinToken {
            request,
            actor: actor(),
            node,
            id: JoinTokenId(6),
            secret: Sealed::from(vec![7; 5]),
            expires_ms: 1_760_011_200_000,
        }),
        Command::SpendJoinToken(SpendJoinToken {
            token: JoinTokenId(6),
            by: node,
            name: "two".into(),
            site: "south".into(),
            key_digest: [8; 32],
        }),
        Command::RemoveNode(RemoveNode {
            request,
            actor: actor(),
            node,
            removed: NodeId(3),
        }),
        Command::AdmitSuccessor(AdmitSuccessor {
            damaged: NodeId(2),
            by: node,
            key_digest: [12; 32],
        }),
        Command::CompleteReplacement(CompleteReplacement {
            successor: NodeId(4),
            by: node,
        }),
        Command::SignHead(SignHead {
            node,
            records: 8_192,
            head: [9; 32],
            signature: audit::HeadSignature {
                signature: vec![10; 3].into(),
                certificate: vec![11; 4].into(),
            },
        }),
        Command::PruneAudit(PruneAudit { node, first_segment: 7 }),
        Command::QueueCode(QueueCode {
            request,
            asker: Asker::Login {
                judged: judged(),
                conversation: ConversationId([2; 16]),
            },
            token: TokenId(12),
            token_revision: Revision(13),
            code: CodeId(14),
            verifier: Sealed::from(vec![15; 6]),
            prefix: Some([16; 16]),
            chosen: true,
            node,
        }),
        Command::ReportMessage(ReportMessage {
            request,
            code: CodeId(14),
            node,
            report: Report::Sent {
                gateway: Some(GatewayId(17)),
            },
            attempts: 2,
        }),
        Command::RenewPassword(RenewPassword {
            request,
            judged: judged(),
            what: Renewed::Here(Sealed::from(vec![18; 6])),
        }),
        Command::EnrolToken(EnrolToken {
            proven: ConsumeCode {
                judged: judged(),
                codes: Box::default(),
            },
            token: TokenId(12),
            secret: Sealed::from(vec![20; 6]),
            used: Use::Counter(58_666_666),
        }),
        Command::ChangeOwnPassword(ChangeOwnPassword {
            request,
            user: UserId(9),
            password_revision: Revision(11),
            source: "2001:db8::1".parse().unwrap(),
            node,
            password: Some(Sealed::from(vec![19; 6])),
            in_directory: false,
        }),
        Command::RememberPassword(RememberPassword {
            user: UserId(9),
            password_revision: Revision(11),
            directory: DirectoryId(6),
            directory_revision: Revision(12),
            verifier: Sealed::from(vec![20; 6]),
        }),
        Command::RehashPassword(RehashPassword {
            user: UserId(9),
            password_revision: Revision(11),
            verifier: Sealed::from(vec![21; 6]),
        }),
        Command::TryChange(TryChange {
            request,
            actor: actor(),
            node,
            change: Change::DisableRule(DisableRule {
                rule: RuleId(7),
                expected: None,
            }),
            pending: PendingId(20),
            within_ms: 600_000,
        }),
        Command::ConfirmChange(ConfirmChange {
            request,
            actor: actor(),
            node,
            pending: PendingId(20),
        }),
        Command::TakeBack(TakeBack {
            request,
            actor: actor(),
            node,
            pending: PendingId(20),
        }),
        Command::TakeBackOverdue(TakeBackOverdue {
            node,
            pending: PendingId(20),
        }),
        Command::TrustDevice(TrustDevice {
            request,
            login: Fingerprint([1; 16]),
            device: DeviceId(23),
            digest: DeviceDigest([24; 32]),
            name: "Firefox on Linux".into(),
            former: Some(DeviceProof {
                device: DeviceId(21),
                digest: DeviceDigest([22; 32]),
            }),
            node,
        }),
    ]
}

fn naming() -> Naming {
    Naming {
        aliases: Box::new(["corp".into(), "corp.local".into()]),
        is_default: true,
    }
}

pub fn changes() -> Vec<Change> {
    let expected = Some(Revision(300));
    let (user, token, client, application) = (UserId(1), TokenId(2), ClientId(3), ApplicationId(4));
    let directory = DirectoryId(6);
    let gateway = GatewayId(5);
    let rule = RuleId(7);
    let password = Some(Sealed::from(vec![9; 6]));
    let kind = TokenKind::Totp {
        algorithm: OtpAlgorithm::Sha256,
        digits: 8,
        period_s: 60,
    };
    let name = UserName::new("example.org", "alice");
    vec![
        Change::CreateUser(CreateUser {
            id: user,
            name: name.clone(),
            display_name: "Alice".into(),
            password: password.clone(),
            must_change_password: true,
            foreign_password: true,
        }),
        Change::ChangeUser(ChangeUser {
            user,
            expected,
            name,
            display_name: "".into(),
        }),
        Change::SetPin(SetPin {
            user,
            expected,
            pin: Some(Pin {
                verifier: Sealed::from(vec![21; 6]),
                digits: 4,
            }),
        }),
        Change::SetPassword(SetPassword {
            user,
            expected,
            password,
            must_change_password: false,
        }),
        Change::DisableUser(DisableUser { user, expected: None }),
        Change::EnableUser(EnableUser { user, expected }),
        Change::UnlockUser(UnlockUser { user, expected }),
        Change::DeleteUser(DeleteUser { user, expected }),
        Change::CreateToken(CreateToken {
            id: token,
            user,
            name: "phone".into(),
            kind,
            secret: Sealed::from(vec![1; 7]),
            verified: true,
            counter: 5,
            expires_ms: Some(1_760_011_200_000),
            hint: "\u{b7}\u{b7}\u{b7}67".into(),
        }),
        Change::ChangeToken(ChangeToken {
            token,
            expected,
            name: "old phone".into(),
            expires_ms: None,
        }),
        Change::DisableToken(DisableToken { token, expected }),
        Change::EnableToken(EnableToken { token, expected }),
        Change::DeleteToken(DeleteToken { token, expected }),
        Change::CreateClient(CreateClient {
            id: client,
            settings: settings(),
        }),
        Change::ChangeClient(ChangeClient {
            client,
            expected,
            settings: settings(),
        }),
        Change::DisableClient(DisableClient { client, expected }),
        Change::EnableClient(EnableClient { client, expected }),
        Change::DeleteClient(DeleteClient { client, expected }),
        Change::CreateApplication(CreateApplication {
            id: application,
            settings: ApplicationSettings {
                name: "vpn".into(),
                factors: vec![Factor::Password, Factor::ANY_CODE].into(),
                passthru_until_ms: Some(1_760_011_200_000),
                enrolment: Enrolment::ByPassword,
            },
        }),
        Change::ChangeApplication(ChangeApplication {
            application,
            expected,
            settings: ApplicationSettings {
                name: "vpn".into(),
                factors: vec![Factor::Code([CodeKind::Totp].into_iter().collect())].into(),
                passthru_until_ms: None,
                enrolment: Enrolment::ByRegistrationCode,
            },
        }),
        Change::DisableApplication(DisableApplication { application, expected }),
        Change::EnableApplication(EnableApplication { application, expected }),
        Change::DeleteApplication(DeleteApplication { application, expected }),
        Change::SetPolicy(SetPolicy {
            expected,
            max_code_failures: 5,
            lock_ms: 900_000,
            totp_window: 1,
            challenge_ms: 120_000,
            hotp_look_ahead: 10,
            sent_code_ms: 300_000,
            sends_per_user: 20,
            sends_per_prefix: 10_000,
            pins: Pins::Required,
            passwords: PasswordRules {
                max_age_days: Some(90),
                ..PasswordRules::default()
            },
        }),
        Change::CreateApiToken(CreateApiToken {
            id: ApiTokenId(5),
            name: "script".into(),
            verifier: Sealed::from(vec![2; 8]),
            role: Role::Helpdesk,
        }),
        Change::DeleteApiToken(DeleteApiToken {
            token: ApiTokenId(5),
            expected,
        }),
        Change::SetRetention(SetRetention {
            expected,
            max_age_ms: Some(86_400_000),
            max_bytes: Some(1 << 30),
        }),
        Change::VerifyToken(VerifyToken {
            token,
            expected,
            used: Use::Counter(7),
        }),
        Change::ResyncToken(ResyncToken {
            token,
            expected,
            used: Used::Time {
                last: Some(58_667_040),
                drift: -3,
                lean: 1,
            },
        }),
        Change::LoseToken(LoseToken { token, expected }),
        Change::AssignToken(AssignToken { token, expected, user }),
        Change::CreateDirectory(CreateDirectory {
            id: directory,
            name: "head office".into(),
            domain: "example.org".into(),
            settings: Sealed::from(vec![5; 10]),
            naming: naming(),
            remember_h: 24,
        }),
        Change::ChangeDirectory(ChangeDirectory {
            directory,
            expected,
            name: "head office".into(),
            settings: Sealed::from(vec![6; 10]),
            naming: naming(),
            remember_h: 24,
        }),
        Change::DisableDirectory(DisableDirectory { directory, expected }),
        Change::EnableDirectory(EnableDirectory { directory, expected }),
        Change::DeleteDirectory(DeleteDirectory { directory, expected }),
        Change::SyncPerson(SyncPerson {
            id: user,
            name: UserName::new("example.org", "alice"),
            display_name: "Alice".into(),
            origin: Origin {
                directory,
                unique_id: "6f9619ff-8b86-d011-b42d-00cf4fc964ff".into(),
                mail: "alice@example.org".into(),
                mobile: "+905321234567".into(),
                language: "tr".into(),
                groups: vec!["staff".into(), "vpn".into()].into(),
                active: true,
            },
            addresses: Box::new([SyncedAddress {
                channel: Channel::Sms,
                id: TokenId(77),
                address: Sealed::from(vec![7; 7]),
                hint: "67".into(),
            }]),
        }),
        Change::LeaveDirectory(LeaveDirectory { user, expected }),
        Change::ForgetPasswords(ForgetPasswords { directory, expected }),
        Change::RevokeDevice(RevokeDevice { device: DeviceId(21) }),
        Change::RevokeDevices(RevokeDevices { user, expected }),
        Change::AskDirectory(AskDirectory {
            user,
            expected,
            what: AskedOfDirectory::Contact,
            stage: AskStage::Unknown,
        }),
        Change::CreateGateway(CreateGateway {
            id: gateway,
            settings: gateway_settings(),
        }),
        Change::ChangeGateway(ChangeGateway {
            gateway,
            expected,
            settings: gateway_settings(),
        }),
        Change::DisableGateway(DisableGateway { gateway, expected }),
        Change::EnableGateway(EnableGateway { gateway, expected }),
        Change::DeleteGateway(DeleteGateway { gateway, expected }),
        Change::SetUserAccess(SetUserAccess {
            user,
            expected,
            role: Some(Role::Admin),
            mfa: Some(Mfa::Required),
            trust: Some(Trust::Denied),
        }),
        Change::SetRoleRule(SetRoleRule {
            expected,
            role: Role::Auditor,
            rule: RoleRule {
                mfa_required: true,
                may_trust: false,
                trust_ms: 2_592_000_000,
            },
        }),
        Change::RequirePasswordChange(RequirePasswordChange {
            user,
            expected,
            required: true,
        }),
        Change::CreateRule(CreateRule {
            id: rule,
            settings: rule_settings(),
        }),
        Change::ChangeRule(ChangeRule {
            rule,
            expected,
            settings: RuleSettings {
                then: Then::Refuse,
                ..rule_settings()
            },
        }),
        Change::DisableRule(DisableRule { rule, expected }),
        Change::EnableRule(EnableRule { rule, expected }),
        Change::DeleteRule(DeleteRule { rule, expected }),
        Change::SetLocal(SetLocal {
            user,
            expected,
            local: Local {
                groups: vec!["admins".into(), "staff".into()].into(),
                enrol_by_ms: Some(1_760_011_200_000),
                language: "de".into(),
            },
        }),
        Change::ExportUser(ExportUser { user }),
        Change::ExportPassword(ExportPassword { user }),
        Change::ExportToken(ExportToken { token }),
        Change::SetText(SetText {
            channel: Channel::Email,
            language: "de".into(),
            expected,
            subject: "Ihr Code".into(),
            text: "Der Code ist {code}.".into(),
        }),
        Change::RemoveText(RemoveText {
            channel: Channel::Sms,
            language: "pt-br".into(),
            expected,
        }),
        Change::SetDefaultLanguage(SetDefaultLanguage {
            expected,
            language: "tr".into(),
        }),
    ]
}

fn rule_settings() -> RuleSettings {
    RuleSettings {
        name: "administrators".into(),
        position: 10,
        when: When {
            client: Some(ClientId(3)),
            groups: vec!["admins".into()].into(),
            user: Some("adm-*".into()),
            networks: vec!["198.51.100.0/24".parse().unwrap()].into(),
            attributes: vec![AttributeTest {
                kind: AttributeKind::NasPortType,
                value: "5".into(),
            }]
            .into(),
        },
        then: Then::Application(ApplicationId(4)),
    }
}

fn gateway_settings() -> GatewaySettings {
    GatewaySettings {
        name: "provider".into(),
        channels: vec![Channel::Sms, Channel::Voice].into(),
        priority: 300,
        settings: Sealed::from(vec![6; 10]),
    }
}

fn settings() -> ClientSettings {
    ClientSettings {
        name: "vpn".into(),
        device_type: "firewall".into(),
        networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()].into(),
        nas_identifier: Some("gate".into()),
        secrets: vec![Sealed::from(vec![3; 9]), Sealed::from(vec![4; 9])].into(),
        modes: Modes {
            one_step: true,
            two_step: true,
            passcode_only: false,
        },
        require_message_authenticator: true,
        application: ApplicationId(4),
        retry_timeout_ms: 3_000,
        retry_tries: 3,
        cut: Cut::At(b','),
        entrance: Entrance {
            required_groups: vec!["vpn".into()].into(),
            blocked: vec!["203.0.113.0/24".parse().unwrap()].into(),
            trusted: vec![Trusted {
                network: "198.51.100.0/24".parse().unwrap(),
                waives: FactorKind::Code,
            }]
            .into(),
        },
    }
}

pub fn outcomes() -> Vec<Outcome> {
    let verdict = |verdict| Outcome::Verdict {
        verdict,
        replayed: false,
    };
    let refusals = [
        Refusal::Stale,
        Refusal::TooOld,
        Refusal::ClockAhead,
        Refusal::Conflict,
        Refusal::NotFound,
        Refusal::NotAllowed,
        Refusal::Invalid(Field::Fact),
        Refusal::NameTaken,
        Refusal::IdTaken,
        Refusal::LimitReached,
        Refusal::InUse,
        Refusal::NotFounded,
        Refusal::AlreadyFounded,
        Refusal::Expired,
        Refusal::Spent,
        Refusal::NotYet,
        Refusal::OfDirectory,
        Refusal::SendLimit,
        Refusal::Missing(Permission::ManagePolicy),
        Refusal::AboveRole,
        Refusal::LastSuperAdmin,
        Refusal::PasswordDelayed,
        Refusal::Waits(PendingId(20)),
        Refusal::NotOverdue,
    ];
    let mut outcomes = vec![
        verdict(Verdict::Accept),
        Outcome::Verdict {
            verdict: Verdict::Accept,
            replayed: true,
        },
        Outcome::Done {
            revision: Revision(1_000_000),
        },
        Outcome::ChangeRefused {
            index: 7,
            refusal: Refusal::NameTaken,
        },
        Outcome::Node(NodeId(4)),
        Outcome::Queued { code: CodeId(14) },
    ];
    outcomes.extend(Reason::ALL.map(|reason| verdict(Verdict::Reject(reason))));
    outcomes.extend(refusals.map(Outcome::Refused));
    outcomes
}

/// A state with something in every table.
pub fn state() -> State {
    let mut world = crate::script::World::new();
    for line in [
        "genesis",
        "fill 8192 step=130000",
        "sign 1",
        "admin set-retention age=86400s",
        "admin create-application app ; create-client vpn ; create-api-token script",
        "admin create-user alice password=pw ; create-token phone user=alice",
        "join-token ticket",
        "spend ticket",
        "admin create-token fob kind=hotp ; create-token sheet kind=recovery user=alice ; create-token left kind=temporary user=alice lasts=86400s",
        "admin create-token key kind=yubikey user=alice ; create-token pad kind=static user=alice",
        "admin create-directory hq domain=example.org",
        "admin change-directory hq name=hq aliases=corp remember=24",
        "sync hq carol groups=staff,vpn",
        "remember hq carol pw",
        "admin set-password alice password=pw2 must-change=yes",
        "consume vpn alice phone conversation=talk",
        "fail vpn alice WrongPassword",
        "fail vpn alice WrongCode",
        "admin create-token mobile kind=sms user=alice hint=67 ; create-gateway provider",
        "send-code mobile",
        "admin create-rule admins position=10 then=app groups=admins user=adm-* ; set-local alice groups=staff language=de",
        "admin set-text sms de text=\"Code {code}\" ; set-text email pt-br subject=Code text={code} ; set-default-language tr",
        "admin create-user dan password=pw ; create-token dongle user=dan",
        "consume vpn dan dongle request=entered browser=yes",
        "trust laptop after=entered",
        "wait 30s",
        "consume vpn dan dongle browser=yes",
        "try moved 600s change-rule admins position=5 then=refuse",
        "try fresh 600s create-rule fresh",
        "try weak 600s set-policy failures=9",
        "try elsewhere 600s change-client vpn networks=10.0.0.0/8",
        "try less 600s change-application app factors=password",
        "try down 600s disable-directory hq",
    ] {
        world.run_line(line);
    }
    world.state
}
