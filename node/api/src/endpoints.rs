//! The whole API, one constant per endpoint.
//!
//! To add one: write its constant here with the shapes it takes and gives, add it to [`visit_all`],
//! give it a handler and a permission in `quorate-web` (a test there fails until it has them), and refresh
//! `docs/openapi.json` (the test that fails says how).

use crate::endpoint::{Endpoint, Method, Nothing, Shape};
use crate::*;

macro_rules! endpoints {
    ($($name:ident: $req:ty => $res:ty = $method:ident $path:literal $id:literal $tag:literal $summary:literal $(.$option:ident $(::<$query:ty>)? ($($argument:expr)?))*;)*) => {
        $(
            #[doc = concat!($summary, ". `", stringify!($method), " ", $path, "`")]
            pub const $name: Endpoint<$req, $res> =
                Endpoint::new(Method::$method, $path, $id, $tag, $summary)$(.$option$(::<$query>)?($($argument)?))*;
        )*

        /// Shows every endpoint to `visitor`, in the order of this file.
        pub fn visit_all(visitor: &mut impl Visitor) {
            $(visitor.visit(&$name);)*
        }
    };
}

/// Something that looks at every endpoint, whatever its shapes.
pub trait Visitor {
    fn visit<Req: Shape, Res: Shape>(&mut self, endpoint: &Endpoint<Req, Res>);
}

endpoints! {
    LIST_USERS: Nothing => Page<User> = Get "/users" "listUsers" "Users" "List users by name".query::<UserQuery>();
    CREATE_USER: CreateUser => User = Post "/users" "createUser" "Users" "Create a user".success(201);
    SHOW_USER: Nothing => User = Get "/users/{user}" "showUser" "Users" "Show a user";
    CHANGE_USER: ChangeUser => User = Patch "/users/{user}" "changeUser" "Users" "Change a user".conditional();
    DELETE_USER: Nothing => Nothing = Delete "/users/{user}" "deleteUser" "Users" "Delete a user and the user's tokens".success(204).conditional();
    SET_PASSWORD: SetPassword => User = Put "/users/{user}/password" "setPassword" "Users" "Set or remove a user's password".conditional();
    SET_PIN: SetPin => User = Put "/users/{user}/pin" "setPin" "Users" "Set or remove the PIN in front of a user's codes".conditional();
    CHANGE_OWN_PASSWORD: ChangeOwnPassword => User = Post "/users/{user}/own-password" "changeOwnPassword" "Users" "Replace a user's password by the user's own, the former one being known";
    DISABLE_USER: Nothing => User = Post "/users/{user}/disable" "disableUser" "Users" "Refuse a user everywhere from now on".conditional();
    ENABLE_USER: Nothing => User = Post "/users/{user}/enable" "enableUser" "Users" "Let a user log in again".conditional();
    UNLOCK_USER: Nothing => User = Post "/users/{user}/unlock" "unlockUser" "Users" "End a lockout before its time".conditional();
    CHANGE_ACCESS: ChangeAccess => Previewed<User> = Patch "/users/{user}/access" "changeAccess" "Users" "Change what a user may do, and by how many factors the user gets in".conditional().query::<CareQuery>();
    LIST_DEVICES: Nothing => Page<Device> = Get "/users/{user}/devices" "listDevices" "Users" "List the devices that a user trusts, the oldest first".query::<PageQuery>();
    REVOKE_DEVICES: Nothing => Nothing = Delete "/users/{user}/devices" "revokeDevices" "Users" "Trust no device of a user any more".success(204).conditional();
    REVOKE_DEVICE: Nothing => Nothing = Delete "/devices/{device}" "revokeDevice" "Users" "Trust a device no more".success(204);
    IMPORT_USERS: ImportUsers => ImportedUsers = Post "/import/users" "importUsers" "Users" "Create many users with a token each";
    EXPORT_USERS: ExportUsers => ExportedUsers = Post "/export/users" "exportUsers" "Users" "Take users along; each is audited";
    BEGIN_IMPORT: Nothing => Import = Post "/imports" "beginImport" "Imports" "Begin to gather an import on this node".success(201);
    SHOW_IMPORT: Nothing => Import = Get "/imports/{import}" "showImport" "Imports" "How an import stands";
    GATHER_ROWS: GatherRows => GatheredRows = Post "/imports/{import}/rows" "gatherRows" "Imports" "Judge rows of an import, and keep those that are right";
    COMMIT_IMPORT: CommitImport => Import = Post "/imports/{import}/commit" "commitImport" "Imports" "Make what was gathered; to be repeated while rows wait";
    DROP_IMPORT: Nothing => Nothing = Delete "/imports/{import}" "dropImport" "Imports" "Forget an import".success(204);

    LIST_TOKENS: Nothing => Page<Token> = Get "/users/{user}/tokens" "listTokens" "Tokens" "List the tokens of a user".query::<PageQuery>();
    CREATE_TOKEN: CreateToken => CreatedToken = Post "/users/{user}/tokens" "createToken" "Tokens" "Give a user a token; the answer shows its secret this once".success(201);
    LIST_STOCK: Nothing => Page<Token> = Get "/tokens" "listStock" "Tokens" "List the tokens that are nobody's".query::<PageQuery>();
    CREATE_STOCK: CreateToken => CreatedToken = Post "/tokens" "createStock" "Tokens" "Make a token that is nobody's yet; the answer shows its secret this once".success(201);
    SHOW_TOKEN: Nothing => Token = Get "/tokens/{token}" "showToken" "Tokens" "Show a token";
    CHANGE_TOKEN: ChangeToken => Token = Patch "/tokens/{token}" "changeToken" "Tokens" "Change a token".conditional();
    DELETE_TOKEN: Nothing => Nothing = Delete "/tokens/{token}" "deleteToken" "Tokens" "Delete a token".success(204).conditional();
    DISABLE_TOKEN: Nothing => Token = Post "/tokens/{token}/disable" "disableToken" "Tokens" "Refuse the codes of a token from now on".conditional();
    ENABLE_TOKEN: Nothing => Token = Post "/tokens/{token}/enable" "enableToken" "Tokens" "Accept the codes of a token again".conditional();

    LOSE_TOKEN: Nothing => Token = Post "/tokens/{token}/lose" "loseToken" "Tokens" "Refuse the codes of a token that somebody else may hold".conditional();
    VERIFY_TOKEN: VerifyToken => Token = Post "/tokens/{token}/verify" "verifyToken" "Tokens" "Put a token into use by its first code".conditional();
    RESYNC_TOKEN: ResyncToken => Token = Post "/tokens/{token}/resync" "resyncToken" "Tokens" "Bring a TOTP or HOTP token into step by two codes in a row".conditional();
    SEND_CODE: Nothing => Token = Post "/tokens/{token}/send" "sendCode" "Tokens" "Send a code to the address of a token";
    ASSIGN_TOKEN: AssignToken => Token = Post "/tokens/{token}/assign" "assignToken" "Tokens" "Hand a token to a user, or take it back".conditional();
    EXPORT_TOKENS: ExportTokens => ExportedTokens = Post "/export/tokens" "exportTokens" "Tokens" "Take tokens along with their secrets; each is audited";

    LIST_CLIENTS: Nothing => Page<Client> = Get "/clients" "listClients" "RADIUS clients" "List RADIUS clients by name".query::<PageQuery>();
    CREATE_CLIENT: CreateClient => ShownClient = Post "/clients" "createClient" "RADIUS clients" "Create a RADIUS client".success(201);
    SHOW_CLIENT: Nothing => Client = Get "/clients/{client}" "showClient" "RADIUS clients" "Show a RADIUS client";
    CHANGE_CLIENT: ChangeClient => Previewed<Client> = Patch "/clients/{client}" "changeClient" "RADIUS clients" "Change a RADIUS client".conditional().query::<CareQuery>();
    DELETE_CLIENT: Nothing => Nothing = Delete "/clients/{client}" "deleteClient" "RADIUS clients" "Delete a RADIUS client".success(204).conditional().query::<ConfirmQuery>();
    DISABLE_CLIENT: Nothing => Client = Post "/clients/{client}/disable" "disableClient" "RADIUS clients" "Answer a RADIUS client no more".conditional().query::<ConfirmQuery>();
    ENABLE_CLIENT: Nothing => Client = Post "/clients/{client}/enable" "enableClient" "RADIUS clients" "Answer a RADIUS client again".conditional().query::<ConfirmQuery>();
    ROTATE_SECRET: RotateSecret => ShownClient = Put "/clients/{client}/secret" "rotateSecret" "RADIUS clients" "Replace the shared secret of a RADIUS client".conditional().query::<ConfirmQuery>();

    LIST_APPLICATIONS: Nothing => Page<Application> = Get "/applications" "listApplications" "Applications" "List applications by name".query::<PageQuery>();
    CREATE_APPLICATION: CreateApplication => Application = Post "/applications" "createApplication" "Applications" "Create an application".success(201);
    SHOW_APPLICATION: Nothing => Application = Get "/applications/{application}" "showApplication" "Applications" "Show an application";
    CHANGE_APPLICATION: ChangeApplication => Previewed<Application> = Patch "/applications/{application}" "changeApplication" "Applications" "Change an application".conditional().query::<CareQuery>();
    DELETE_APPLICATION: Nothing => Nothing = Delete "/applications/{application}" "deleteApplication" "Applications" "Delete an application that no client and no rule uses".success(204).conditional().query::<ConfirmQuery>();
    DISABLE_APPLICATION: Nothing => Application = Post "/applications/{application}/disable" "disableApplication" "Applications" "Reject every login through an application".conditional().query::<ConfirmQuery>();
    ENABLE_APPLICATION: Nothing => Application = Post "/applications/{application}/enable" "enableApplication" "Applications" "Allow logins through an application again".conditional().query::<ConfirmQuery>();

    LIST_RULES: Nothing => Page<Rule> = Get "/rules" "listRules" "Rules" "List rules in the order in which they are asked".query::<PageQuery>();
    CREATE_RULE: CreateRule => Previewed<Rule> = Post "/rules" "createRule" "Rules" "Create a rule".success(201).query::<CareQuery>();
    SHOW_RULE: Nothing => Rule = Get "/rules/{rule}" "showRule" "Rules" "Show a rule";
    CHANGE_RULE: ChangeRule => Previewed<Rule> = Patch "/rules/{rule}" "changeRule" "Rules" "Change a rule".conditional().query::<CareQuery>();
    DELETE_RULE: Nothing => Previewed<Nothing> = Delete "/rules/{rule}" "deleteRule" "Rules" "Delete a rule".success(204).conditional().query::<CareQuery>();
    DISABLE_RULE: Nothing => Previewed<Rule> = Post "/rules/{rule}/disable" "disableRule" "Rules" "Pass a rule over".conditional().query::<CareQuery>();
    ENABLE_RULE: Nothing => Previewed<Rule> = Post "/rules/{rule}/enable" "enableRule" "Rules" "Ask a rule again".conditional().query::<CareQuery>();
    EXPLAIN: Explain => Explanation = Post "/explain" "explain" "Rules" "Say what a login would have to prove, and why";
    WHAT_IF: WhatIf => WhatIfAnswer = Post "/what-if" "whatIf" "Rules" "Say which logins of the past other rules would change";

    LIST_DIRECTORIES: Nothing => Page<Directory> = Get "/directories" "listDirectories" "Directories" "List directories".query::<PageQuery>();
    CREATE_DIRECTORY: CreateDirectory => Directory = Post "/directories" "createDirectory" "Directories" "Create a directory".success(201);
    SHOW_DIRECTORY: Nothing => Directory = Get "/directories/{directory}" "showDirectory" "Directories" "Show a directory, and how its controllers stand";
    CHANGE_DIRECTORY: ChangeDirectory => Directory = Patch "/directories/{directory}" "changeDirectory" "Directories" "Change a directory".conditional().query::<ConfirmQuery>();
    DELETE_DIRECTORY: Nothing => Nothing = Delete "/directories/{directory}" "deleteDirectory" "Directories" "Delete a directory that has no users here".success(204).conditional().query::<ConfirmQuery>();
    DISABLE_DIRECTORY: Nothing => Directory = Post "/directories/{directory}/disable" "disableDirectory" "Directories" "Ask a directory no more".conditional().query::<ConfirmQuery>();
    ENABLE_DIRECTORY: Nothing => Directory = Post "/directories/{directory}/enable" "enableDirectory" "Directories" "Ask a directory again".conditional().query::<ConfirmQuery>();
    FORGET_PASSWORDS: Nothing => Directory = Post "/directories/{directory}/forget-passwords" "forgetPasswords" "Directories" "Forget the passwords that are remembered of a directory's people".conditional();
    EXAMINE_DIRECTORY: ExamineDirectory => Examination = Post "/directories/{directory}/test" "testDirectory" "Directories" "Try every step of a login through a directory";
    SYNC_DIRECTORY: SyncDirectory => DirectorySync = Post "/directories/{directory}/sync" "syncDirectory" "Directories" "Bring the users of a directory up to date with it";

    LIST_GATEWAYS: Nothing => Page<Gateway> = Get "/gateways" "listGateways" "Gateways" "List gateways in the order in which they are asked".query::<PageQuery>();
    CREATE_GATEWAY: CreateGateway => Gateway = Post "/gateways" "createGateway" "Gateways" "Create a gateway".success(201);
    SHOW_GATEWAY: Nothing => Gateway = Get "/gateways/{gateway}" "showGateway" "Gateways" "Show a gateway, and how it stands";
    CHANGE_GATEWAY: ChangeGateway => Gateway = Patch "/gateways/{gateway}" "changeGateway" "Gateways" "Change a gateway".conditional();
    DELETE_GATEWAY: Nothing => Nothing = Delete "/gateways/{gateway}" "deleteGateway" "Gateways" "Delete a gateway".success(204).conditional();
    DISABLE_GATEWAY: Nothing => Gateway = Post "/gateways/{gateway}/disable" "disableGateway" "Gateways" "Give a gateway no more messages".conditional();
    ENABLE_GATEWAY: Nothing => Gateway = Post "/gateways/{gateway}/enable" "enableGateway" "Gateways" "Give a gateway messages again".conditional();
    TEST_GATEWAY: TestGateway => Examination = Post "/gateways/{gateway}/test" "testGateway" "Gateways" "Send a message without a code through every server of a gateway";

    LIST_TEXTS: Nothing => Page<MessageText> = Get "/texts" "listTexts" "Texts" "List what messages say, by channel and language".query::<PageQuery>();
    SHOW_TEXT: Nothing => MessageText = Get "/texts/{channel}/{language}" "showText" "Texts" "Show what messages say in a language by a channel";
    SET_TEXT: SetText => MessageText = Put "/texts/{channel}/{language}" "setText" "Texts" "Have messages say something else".conditional();
    REMOVE_TEXT: Nothing => Nothing = Delete "/texts/{channel}/{language}" "removeText" "Texts" "Give back the text that comes with the program".success(204).conditional();
    PREVIEW_TEXT: PreviewText => TextPreview = Post "/texts/preview" "previewText" "Texts" "Show a message with sample values, as it is or as a text would make it";
    SHOW_DEFAULT_LANGUAGE: Nothing => DefaultLanguage = Get "/texts/default-language" "showDefaultLanguage" "Texts" "Show in which language people are written to whose own has no text";
    SET_DEFAULT_LANGUAGE: SetDefaultLanguage => DefaultLanguage = Put "/texts/default-language" "setDefaultLanguage" "Texts" "Say in which language people are written to whose own has no text".conditional();

    SHOW_POLICY: Nothing => Policy = Get "/policy" "showPolicy" "Policy" "Show the policy";
    CHANGE_POLICY: ChangePolicy => Previewed<Policy> = Patch "/policy" "changePolicy" "Policy" "Change the policy".conditional().query::<CareQuery>();

    LIST_ROLES: Nothing => Page<RoleRule> = Get "/roles" "listRoles" "Policy" "List the roles: what each may do, and what the policy says of its users";
    CHANGE_ROLE: ChangeRole => Previewed<RoleRule> = Patch "/roles/{role}" "changeRole" "Policy" "Change what the policy says of the users of a role".conditional().query::<CareQuery>();

    LIST_PENDING_CHANGES: Nothing => Page<PendingChange> = Get "/pending-changes" "listPendingChanges" "Pending changes" "List changes that are taken back unless they are confirmed";
    CONFIRM_CHANGE: Nothing => PendingChange = Post "/pending-changes/{change}/confirm" "confirmChange" "Pending changes" "Keep a change that waits for its confirmation";
    TAKE_BACK_CHANGE: Nothing => PendingChange = Post "/pending-changes/{change}/undo" "takeBackChange" "Pending changes" "Take a change back that waits for its confirmation";

    LIST_API_TOKENS: Nothing => Page<ApiToken> = Get "/api-tokens" "listApiTokens" "API tokens" "List API tokens by name".query::<PageQuery>();
    CREATE_API_TOKEN: CreateApiToken => CreatedApiToken = Post "/api-tokens" "createApiToken" "API tokens" "Create an API token; the answer shows it this once".success(201);
    SHOW_API_TOKEN: Nothing => ApiToken = Get "/api-tokens/{api_token}" "showApiToken" "API tokens" "Show an API token";
    DELETE_API_TOKEN: Nothing => Nothing = Delete "/api-tokens/{api_token}" "deleteApiToken" "API tokens" "Delete an API token; it is refused from now on".success(204).conditional();

    SHOW_CLUSTER: Nothing => ClusterStatus = Get "/cluster" "showCluster" "Cluster" "Show the cluster as this node sees it";
    LIST_JOIN_TOKENS: Nothing => Page<JoinToken> = Get "/join-tokens" "listJoinTokens" "Cluster" "List join tokens".query::<PageQuery>();
    CREATE_JOIN_TOKEN: CreateJoinToken => CreatedJoinToken = Post "/join-tokens" "createJoinToken" "Cluster" "Create a join token; the answer shows the whole line to type this once".success(201);
    REMOVE_NODE: Nothing => Nothing = Delete "/cluster/nodes/{node}" "removeNode" "Cluster" "Remove a node from the cluster for good".success(204);
    HAND_OVER: Nothing => ClusterStatus = Post "/cluster/hand-over" "handOver" "Cluster" "Give leadership to another voter, if this node leads";

    LIST_AUDIT: Nothing => AuditPage = Get "/audit" "listAudit" "Audit" "List audit records, or wait for the next".query::<AuditQuery>();
    AUDIT_STATUS: Nothing => AuditStatus = Get "/audit/status" "auditStatus" "Audit" "How the audit stands on this node: extent, index, signatures, retention";
    SET_RETENTION: SetRetention => Retention = Put "/audit/retention" "setRetention" "Audit" "Say how much of the audit is kept".conditional();
    AUDIT_HEADS: Nothing => AuditHeads = Get "/audit/heads" "auditHeads" "Audit" "The head of this instant and all signed ones, to be kept elsewhere";
    AUDIT_SEGMENT: Nothing => AuditSegment = Get "/audit/segments/{segment}" "auditSegment" "Audit" "One segment as it lies on every node, to be taken along";
    VERIFY_AUDIT: Nothing => AuditVerification = Get "/audit/verify" "verifyAudit" "Audit" "Read the whole chain and compare it with its head".query::<VerifyQuery>();
}
