//! Administrative commands of scripts.

use quorate_core::{
    Actor, ApiTokenId, ApplicationId, Change, Channel, ClientId, CodeKind, CodeKinds, Command, Cut, DirectoryId,
    Enrolment, Factor, Fingerprint, GatewayId, JoinTokenId, Modes, Naming, NodeId, Origin, Pin, Pins, Revision, Role,
    RuleId, Sealed, TokenId, UserId, UserName, change::*, command::*, method,
};

use super::{
    World, devices, passwords, roles, rules, sending, tokens,
    words::{Words, digest, duration_ms, fingerprint, id, sealed},
};

impl World {
    pub fn administer(&mut self, verb: &str, rest: &str) {
        let (line, changes) = if verb == "admin" { ("", rest) } else { (rest, "") };
        let words = Words::parse(line);
        let next = self.next_request();
        let request = fingerprint(words.key("request").unwrap_or(&next));
        let node = NodeId(1);
        let actor = self.actor(&words);
        let name = words.plain.first().cloned().unwrap_or_default();
        let command = match verb {
            "genesis" => Command::Genesis(Genesis {
                cluster_id: digest(&words.or("cluster", "cluster")),
                ca_cert: b"certificate"[..].into(),
                ca_key: sealed("ca key"),
                node,
                node_name: words.or("node", "one").into(),
                site: "".into(),
                key_digest: [1; 32],
            }),
            "admin" => self.changes(changes),
            "sync" | "leave" => self.people(verb, &words, request, node),
            "join-token" => Command::IssueJoinToken(IssueJoinToken {
                request,
                actor,
                node,
                id: JoinTokenId(id(&name)),
                secret: sealed("join secret"),
                expires_ms: self.now_ms + duration_ms(&words.or("lifetime", "3600s")),
            }),
            "spend" => Command::SpendJoinToken(SpendJoinToken {
                token: JoinTokenId(id(&name)),
                by: node,
                name: words.or("node", "two").into(),
                site: words.or("site", "").into(),
                key_digest: [words.number("key", 2) as u8; 32],
            }),
            "remove-node" => Command::RemoveNode(RemoveNode {
                request,
                actor,
                node,
                removed: NodeId(name.parse().unwrap()),
            }),
            "admit-successor" => Command::AdmitSuccessor(AdmitSuccessor {
                damaged: NodeId(name.parse().unwrap()),
                by: node,
                key_digest: [words.number("key", 2) as u8; 32],
            }),
            "complete-replacement" => Command::CompleteReplacement(CompleteReplacement {
                successor: NodeId(name.parse().unwrap()),
                by: node,
            }),
            "summarize" => Command::SummarizeRejects(SummarizeRejects {
                request,
                node,
                client: ClientId(id(&name)),
                source: "192.0.2.1".parse().unwrap(),
                from_ms: self.now_ms - 1_000,
                to_ms: self.now_ms,
                rejects: words.number("rejects", 1),
            }),
            other => unreachable!("{other}"),
        };
        self.apply_and_say(&command);
    }

    /// `sync hq alice uid=7 groups=a,b active=no mobile=+49171 sends=sms,voice language=tr`, `leave hq alice`: what a directory says.
    fn people(&self, verb: &str, words: &Words, request: Fingerprint, node: NodeId) -> Command {
        let directory = DirectoryId(id(&words.plain[0]));
        let name = words.plain[1].as_str();
        let domain = self
            .state
            .directory(directory)
            .map_or("", |directory| &directory.domain);
        let change = match verb {
            "sync" => Change::SyncPerson(SyncPerson {
                id: UserId(id(&words.or("id", name))),
                name: UserName::new(domain, name),
                display_name: words.or("display", "").into(),
                origin: Origin {
                    directory: DirectoryId(id(&words.or("of", &words.plain[0]))),
                    unique_id: words.or("uid", name).into(),
                    mail: words.or("mail", "").into(),
                    mobile: words.or("mobile", "").into(),
                    language: words.or("language", "").into(),
                    groups: words
                        .or("groups", "")
                        .split(',')
                        .filter(|group| !group.is_empty())
                        .map(Into::into)
                        .collect(),
                    active: words.key("active") != Some("no"),
                },
                addresses: words
                    .or("sends", "")
                    .split(',')
                    .filter_map(|label| {
                        let channel = Channel::of_label(label)?;
                        let number = words.or("mobile", "");
                        Some(SyncedAddress {
                            channel,
                            id: TokenId(id(&format!("{name}-{label}-{number}"))),
                            address: number.clone().into_bytes().into(),
                            hint: number.into(),
                        })
                    })
                    .collect(),
            }),
            _ => Change::LeaveDirectory(LeaveDirectory {
                user: UserId(id(name)),
                expected: None,
            }),
        };
        Command::Administer(Administer {
            request,
            actor: Actor::Directory { id: directory },
            node,
            changes: vec![change],
        })
    }

    /// `remember hq alice pw [judged-at=REVISION]`: the directory said that this is right.
    pub fn remember(&mut self, words: &Words) {
        let (directory, user) = (DirectoryId(id(&words.plain[0])), UserId(id(&words.plain[1])));
        let found = self
            .state
            .directory(directory)
            .map_or(Revision(0), |found| found.revision);
        let command = Command::RememberPassword(RememberPassword {
            user,
            password_revision: self.state.user(user).map_or(Revision(0), |user| user.password_revision),
            directory,
            directory_revision: words
                .key("judged-at")
                .map_or(found, |revision| Revision(revision.parse().unwrap())),
            verifier: sealed(&words.plain[2]),
        });
        self.apply_and_say(&command);
    }

    pub(super) fn actor(&self, words: &Words) -> Actor {
        match words.key("by") {
            None => Actor::Root { uid: 0 },
            Some(token) => {
                let id = ApiTokenId(id(token));
                let revision = self.state.api_token(id).map_or(Revision(0), |token| token.revision);
                Actor::ApiToken {
                    id,
                    revision,
                    source: "192.0.2.9".parse().unwrap(),
                }
            }
        }
    }

    /// Changes separated by ` ; `. `by=` and `request=` may stand in any of them.
    pub fn changes(&mut self, text: &str) -> Command {
        let lines: Vec<Words> = text.split(" ; ").map(Words::parse).collect();
        let next = self.next_request();
        let request = lines.iter().find_map(|words| words.key("request")).unwrap_or(&next);
        let by = lines
            .iter()
            .find(|words| words.key("by").is_some())
            .unwrap_or(&lines[0]);
        Command::Administer(Administer {
            request: fingerprint(request),
            actor: self.actor(by),
            node: NodeId(1),
            changes: lines.iter().map(|words| change(self, words)).collect(),
        })
    }
}

/// `aliases=corp,corp.local default=yes`.
fn naming(words: &Words) -> Naming {
    let aliases = words.or("aliases", "");
    Naming {
        aliases: aliases
            .split(',')
            .filter(|alias| !alias.is_empty())
            .map(Into::into)
            .collect(),
        is_default: words.key("default") == Some("yes"),
    }
}

pub(super) fn change(world: &World, words: &Words) -> Change {
    let (verb, name) = (words.plain[0].as_str(), words.plain.get(1).map_or("", String::as_str));
    let expected = words
        .key("expected")
        .map(|revision| Revision(revision.parse().unwrap()));
    let (user, token, client, application) = (
        UserId(id(name)),
        TokenId(id(name)),
        ClientId(id(name)),
        ApplicationId(id(name)),
    );
    let directory = DirectoryId(id(name));
    let password = words.key("password").map(sealed);
    let display_name: Box<str> = words.or("display", "").into();
    let renamed: Box<str> = words.or("name", name).into();
    match verb {
        "create-user" => {
            let name = UserName::new(&words.or("domain", ""), &renamed);
            Change::CreateUser(CreateUser {
                id: user,
                name,
                display_name,
                password,
                must_change_password: words.key("must-change").is_some(),
                foreign_password: words.key("foreign").is_some(),
            })
        }
        "change-user" => {
            let name = UserName::new(&words.or("domain", ""), &renamed);
            Change::ChangeUser(ChangeUser {
                user,
                expected,
                name,
                display_name,
            })
        }
        "set-pin" => Change::SetPin(SetPin {
            user,
            expected,
            pin: words.key("pin").map(|pin| Pin {
                verifier: Sealed::from(method::verifiers([7; 16], [pin.as_bytes()])),
                digits: pin.len() as u8,
            }),
        }),
        "set-password" => Change::SetPassword(SetPassword {
            user,
            expected,
            password,
            must_change_password: words.key("must-change").is_some(),
        }),
        "require-password-change" => Change::RequirePasswordChange(RequirePasswordChange {
            user,
            expected,
            required: words.key("required") != Some("no"),
        }),
        "disable-user" => Change::DisableUser(DisableUser { user, expected }),
        "enable-user" => Change::EnableUser(EnableUser { user, expected }),
        "unlock-user" => Change::UnlockUser(UnlockUser { user, expected }),
        "delete-user" => Change::DeleteUser(DeleteUser { user, expected }),
        "create-token" => tokens::create(words, name, world.now_ms),
        "verify-token" => tokens::verify(world, words, token),
        "resync-token" => tokens::resync(world, words, token),
        "assign-token" => tokens::assign(words, token),
        "lose-token" => Change::LoseToken(LoseToken { token, expected }),
        "change-token" => Change::ChangeToken(ChangeToken {
            token,
            expected,
            name: renamed,
            expires_ms: words.key("lasts").map(|lasts| world.now_ms + duration_ms(lasts)),
        }),
        "disable-token" => Change::DisableToken(DisableToken { token, expected }),
        "enable-token" => Change::EnableToken(EnableToken { token, expected }),
        "delete-token" => Change::DeleteToken(DeleteToken { token, expected }),
        "export-user" => Change::ExportUser(ExportUser { user }),
        "export-password" => Change::ExportPassword(ExportPassword { user }),
        "export-token" => Change::ExportToken(ExportToken { token }),
        "create-directory" => Change::CreateDirectory(CreateDirectory {
            id: directory,
            name: renamed,
            domain: words.or("domain", "").into(),
            settings: sealed("settings"),
            naming: naming(words),
            remember_h: words.number("remember", 0) as u16,
        }),
        "change-directory" => Change::ChangeDirectory(ChangeDirectory {
            directory,
            expected,
            name: renamed,
            settings: sealed("other settings"),
            naming: naming(words),
            remember_h: words.number("remember", 0) as u16,
        }),
        "disable-directory" => Change::DisableDirectory(DisableDirectory { directory, expected }),
        "enable-directory" => Change::EnableDirectory(EnableDirectory { directory, expected }),
        "delete-directory" => Change::DeleteDirectory(DeleteDirectory { directory, expected }),
        "ask-directory" => Change::AskDirectory(AskDirectory {
            user,
            expected,
            what: match words.key("for") {
                Some("contact") => AskedOfDirectory::Contact,
                _ => AskedOfDirectory::Password,
            },
            stage: match words.key("stage") {
                Some("done") => AskStage::Done,
                Some("refused") => AskStage::Refused,
                Some("unknown") => AskStage::Unknown,
                _ => AskStage::Ordered,
            },
        }),
        "revoke-device" | "revoke-devices" => devices::revoke(&words.plain[0], &words.plain[1], expected),
        "forget-passwords" => Change::ForgetPasswords(ForgetPasswords { directory, expected }),
        "leave-directory" => Change::LeaveDirectory(LeaveDirectory { user, expected }),
        "create-client" => Change::CreateClient(CreateClient {
            id: client,
            settings: settings(words, renamed),
        }),
        "change-client" => Change::ChangeClient(ChangeClient {
            client,
            expected,
            settings: settings(words, renamed),
        }),
        "disable-client" => Change::DisableClient(DisableClient { client, expected }),
        "enable-client" => Change::EnableClient(EnableClient { client, expected }),
        "delete-client" => Change::DeleteClient(DeleteClient { client, expected }),
        "create-application" => Change::CreateApplication(CreateApplication {
            id: application,
            settings: application_settings(world, words, renamed),
        }),
        "change-application" => Change::ChangeApplication(ChangeApplication {
            application,
            expected,
            settings: application_settings(world, words, renamed),
        }),
        "disable-application" => Change::DisableApplication(DisableApplication { application, expected }),
        "enable-application" => Change::EnableApplication(EnableApplication { application, expected }),
        "delete-application" => Change::DeleteApplication(DeleteApplication { application, expected }),
        "set-policy" => Change::SetPolicy(SetPolicy {
            expected,
            max_code_failures: words.number("failures", 5) as u32,
            lock_ms: duration_ms(&words.or("lock", "900s")),
            totp_window: words.number("window", 1) as u8,
            challenge_ms: duration_ms(&words.or("challenge", "120s")),
            hotp_look_ahead: words.number("ahead", 10) as u8,
            sent_code_ms: duration_ms(&words.or("sent", "300s")),
            sends_per_user: words.number("per-user", 20) as u32,
            sends_per_prefix: words.number("per-prefix", 10_000) as u32,
            pins: Pins::of_label(&words.or("pins", "if_set")).unwrap(),
            passwords: passwords::rules(words),
        }),
        "create-api-token" => Change::CreateApiToken(CreateApiToken {
            id: ApiTokenId(id(name)),
            name: renamed,
            verifier: sealed("digest"),
            role: roles::role(words).unwrap_or(Role::Admin),
        }),
        "delete-api-token" => Change::DeleteApiToken(DeleteApiToken {
            token: ApiTokenId(id(name)),
            expected,
        }),
        "create-gateway" => Change::CreateGateway(CreateGateway {
            id: GatewayId(id(name)),
            settings: sending::gateway(words, renamed),
        }),
        "change-gateway" => Change::ChangeGateway(ChangeGateway {
            gateway: GatewayId(id(name)),
            expected,
            settings: sending::gateway(words, renamed),
        }),
        "disable-gateway" => Change::DisableGateway(DisableGateway {
            gateway: GatewayId(id(name)),
            expected,
        }),
        "enable-gateway" => Change::EnableGateway(EnableGateway {
            gateway: GatewayId(id(name)),
            expected,
        }),
        "delete-gateway" => Change::DeleteGateway(DeleteGateway {
            gateway: GatewayId(id(name)),
            expected,
        }),
        "set-access" => roles::access(words, user, expected),
        "set-role-rule" => roles::rule(words, expected),
        "create-rule" => Change::CreateRule(CreateRule {
            id: RuleId(id(name)),
            settings: rules::settings(words, renamed),
        }),
        "change-rule" => Change::ChangeRule(ChangeRule {
            rule: RuleId(id(name)),
            expected,
            settings: rules::settings(words, renamed),
        }),
        "disable-rule" => Change::DisableRule(DisableRule {
            rule: RuleId(id(name)),
            expected,
        }),
        "enable-rule" => Change::EnableRule(EnableRule {
            rule: RuleId(id(name)),
            expected,
        }),
        "delete-rule" => Change::DeleteRule(DeleteRule {
            rule: RuleId(id(name)),
            expected,
        }),
        "set-local" => rules::local(world, words, user, expected),
        "set-text" => Change::SetText(SetText {
            channel: Channel::of_label(name).unwrap(),
            language: words.plain[2].as_str().into(),
            expected,
            subject: words.or("subject", "").into(),
            text: words.or("text", "Code {code}").into(),
        }),
        "remove-text" => Change::RemoveText(RemoveText {
            channel: Channel::of_label(name).unwrap(),
            language: words.plain[2].as_str().into(),
            expected,
        }),
        "set-default-language" => Change::SetDefaultLanguage(SetDefaultLanguage {
            expected,
            language: name.into(),
        }),
        "set-retention" => Change::SetRetention(SetRetention {
            expected,
            max_age_ms: words.key("age").map(duration_ms),
            max_bytes: words.key("bytes").map(|bytes| bytes.parse().unwrap()),
        }),
        other => panic!("no such change in golden scripts: {other}"),
    }
}

/// `factors=password,code passthru=3600s enrol=password` or `enrol=code`.
fn application_settings(world: &World, words: &Words, name: Box<str>) -> ApplicationSettings {
    ApplicationSettings {
        name,
        factors: factors(words),
        passthru_until_ms: words.key("passthru").map(|lasts| world.now_ms + duration_ms(lasts)),
        enrolment: match words.key("enrol") {
            None => Enrolment::Off,
            Some("code") => Enrolment::ByRegistrationCode,
            Some(_) => Enrolment::ByPassword,
        },
    }
}

fn factors(words: &Words) -> Box<[Factor]> {
    let factor = |name: &str| match name {
        "password" => Factor::Password,
        "code" => Factor::ANY_CODE,
        "nothing" => Factor::Code(CodeKinds::default()),
        kinds => Factor::Code(kinds.split('|').map(|kind| CodeKind::of_label(kind).unwrap()).collect()),
    };
    words
        .or("factors", "password,code")
        .split(',')
        .filter(|name| !name.is_empty())
        .map(factor)
        .collect()
}

fn settings(words: &Words, name: Box<str>) -> ClientSettings {
    let modes = words.or("modes", "two");
    let has = |mode| modes.split(',').any(|word| word == mode);
    ClientSettings {
        name,
        device_type: words.or("device", "vpn").into(),
        networks: words
            .or("networks", "192.0.2.0/24")
            .split(',')
            .map(|text| text.parse().unwrap())
            .collect(),
        nas_identifier: words.key("nas").map(Into::into),
        secrets: words.or("secrets", "secret").split(',').map(sealed).collect(),
        modes: Modes {
            one_step: has("one"),
            two_step: has("two"),
            passcode_only: has("passcode"),
        },
        require_message_authenticator: true,
        application: ApplicationId(id(&words.or("application", "app"))),
        retry_timeout_ms: words.number("timeout", 3_000) as u32,
        retry_tries: words.number("tries", 3) as u8,
        entrance: rules::entrance(words),
        cut: match (words.key("at"), words.key("length")) {
            (Some(character), _) => Cut::At(character.as_bytes()[0]),
            (None, Some(length)) => Cut::Length(length.parse().unwrap()),
            (None, None) => Cut::ByToken,
        },
    }
}
