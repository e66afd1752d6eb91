//! Every kind of code through every kind of client in every situation, as one table: `matrix/logins.txt`. A line is one login of a world
//! made for it, and says what its last packet was answered.
//!
//! `QUORATE_GOLDEN=write cargo test -p quorate-core --test all matrix` writes the table anew; read the difference.

use crate::script;
use std::fmt::Write;

use script::World;

const KINDS: [&str; 9] = [
    "totp",
    "hotp",
    "yubikey",
    "recovery",
    "static",
    "temporary",
    "sms",
    "email",
    "voice",
];

/// How a code comes to the node.
#[derive(Clone, Copy)]
enum Way {
    /// The client has checked the password.
    Passcode,
    /// Password and code in one field.
    OneStep,
    /// The code in answer to a challenge.
    TwoStep,
    /// Code and password in one field.
    CodeFirst,
    /// The password in answer to a challenge.
    PasswordLast,
}

impl Way {
    fn is_two_step(self) -> bool {
        matches!(self, Way::TwoStep | Way::PasswordLast)
    }

    /// What is typed in each packet.
    fn fields(self, password: &str, code: &str) -> Vec<String> {
        match self {
            Way::Passcode => vec![code.to_owned()],
            Way::OneStep => vec![format!("{password}{code}")],
            Way::CodeFirst => vec![format!("{code}{password}")],
            Way::TwoStep => vec![password.to_owned(), code.to_owned()],
            Way::PasswordLast => vec![code.to_owned(), password.to_owned()],
        }
    }
}

const WAYS: [(Way, &str); 5] = [
    (Way::Passcode, "passcode"),
    (Way::OneStep, "one-step"),
    (Way::TwoStep, "two-step"),
    (Way::CodeFirst, "one-step, the password last"),
    (Way::PasswordLast, "two-step, the password last"),
];

/// What is done before the login, what the login differs in, and its name in the table.
struct Situation {
    name: &'static str,
    before: &'static [&'static str],
    login: Login,
}

#[derive(Clone, Copy, PartialEq)]
enum Login {
    Plain,
    WrongCode,
    WrongPassword,
    /// A right login, and then the same code in a new one.
    Twice,
    /// A right login, and then the identical packet at another node.
    Repeated,
    /// A code of somebody else's token.
    OfAnother,
    /// Somebody whom nobody knows.
    Stranger,
}

const SITUATIONS: [Situation; 17] = [
    of("right", &[], Login::Plain),
    of("wrong code", &[], Login::WrongCode),
    of("wrong password", &[], Login::WrongPassword),
    of("the code a second time", &[], Login::Twice),
    of("the packet a second time", &[], Login::Repeated),
    of("somebody else's code", &[], Login::OfAnother),
    of("nobody of that name", &[], Login::Stranger),
    of("user disabled", &["admin disable-user alice"], Login::Plain),
    of("user locked", &["lock"], Login::Plain),
    of("token disabled", &["admin disable-token key"], Login::Plain),
    of("token lost", &["admin lose-token key"], Login::Plain),
    of("token not verified", &["unverified"], Login::Plain),
    of("token expired", &["wait 90000s"], Login::Plain),
    of("token deleted", &["admin delete-token key"], Login::Plain),
    of(
        "a temporary code instead",
        &["admin create-token spare kind=temporary user=alice suspends=yes lasts=3600s code=99887766"],
        Login::Plain,
    ),
    of("client disabled", &["admin disable-client gate"], Login::Plain),
    of("application disabled", &["admin disable-application app"], Login::Plain),
];

const fn of(name: &'static str, before: &'static [&'static str], login: Login) -> Situation {
    Situation { name, before, login }
}

#[test]
fn every_kind_of_code_in_every_way_and_situation_is_answered_as_the_table_says() {
    let mut table = String::from("# Kind, way and situation of a login, and the answer to its last packet.\n");
    for kind in KINDS {
        for (way, way_name) in WAYS {
            writeln!(table, "\n## {kind}, {way_name}").unwrap();
            for situation in &SITUATIONS {
                let answer = answer(kind, way, situation);
                writeln!(table, "{:<26}{answer}", situation.name).unwrap();
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/logins.txt");
    if std::env::var("QUORATE_GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(path, &table).unwrap();
    }
    let said = std::fs::read_to_string(path).unwrap();
    let differs = said.lines().zip(table.lines()).find(|(said, came)| said != came);
    assert!(said == table, "the table says and it came: {differs:#?}");
}

/// The same code is never good twice, whatever the kind, unless it may be used again; this is read from the table's own words.
#[test]
fn nothing_but_what_is_right_is_accepted() {
    for kind in KINDS {
        for (way, _) in WAYS {
            for situation in &SITUATIONS {
                let accepted = answer(kind, way, situation) == "accept";
                let reusable = matches!(kind, "static" | "temporary");
                let may = match situation.login {
                    // A recovery sheet is for the day on which everything else is put aside.
                    Login::Plain => {
                        situation.before.is_empty() || (kind == "recovery" && situation.name.starts_with("a temporary"))
                    }
                    // The client has checked the password: what it was, nobody here knows.
                    Login::WrongPassword => matches!(way, Way::Passcode),
                    Login::Twice => reusable,
                    Login::Repeated => true,
                    Login::WrongCode | Login::OfAnother | Login::Stranger => false,
                };
                assert!(may || !accepted, "{kind}: {}", situation.name);
            }
        }
    }
}

fn answer(kind: &str, way: Way, situation: &Situation) -> String {
    let mut world = World::new();
    let (modes, factors) = match way {
        Way::Passcode => ("passcode", kind.to_owned()),
        Way::OneStep => ("one", format!("password,{kind}")),
        Way::TwoStep => ("two", format!("password,{kind}")),
        Way::CodeFirst => ("one", format!("{kind},password")),
        Way::PasswordLast => ("two", format!("{kind},password")),
    };
    let verified = match situation.before.contains(&"unverified") {
        true => "verified=no",
        false => "verified=yes",
    };
    world.run_line("genesis");
    world.run_line(&format!(
        "admin create-application app factors={factors} ; create-client gate modes={modes}"
    ));
    // Those that are written down are the same for everybody in scripts, unless something is said.
    let (others, others_typed) = match kind {
        "static" => ("code=445566", "445566"),
        "temporary" => ("code=44556677", "44556677"),
        _ => ("", "{other}"),
    };
    for (user, token, more) in [("alice", "key", ""), ("bob", "other", others)] {
        let created = format!(
            "admin create-user {user} password=pw ; create-token {token} kind={kind} user={user} lasts=86400s {verified} {more}"
        );
        world.run_line(&created);
    }
    for line in situation.before {
        match *line {
            "unverified" => {}
            "lock" => (0..10).for_each(|_| world.run_line("fail gate alice WrongCode")),
            line => world.run_line(line),
        }
    }
    match situation.login {
        Login::Plain => log_in(&mut world, kind, way, &Packet::of("alice", "key")),
        Login::WrongCode => log_in(
            &mut world,
            kind,
            way,
            &Packet {
                code: "{!key}",
                ..Packet::of("alice", "key")
            },
        ),
        Login::WrongPassword => log_in(
            &mut world,
            kind,
            way,
            &Packet {
                password: "no",
                ..Packet::of("alice", "key")
            },
        ),
        Login::OfAnother => log_in(
            &mut world,
            kind,
            way,
            &Packet {
                code: others_typed,
                ..Packet::of("alice", "other")
            },
        ),
        Login::Stranger => log_in(&mut world, kind, way, &Packet::of("nobody", "key")),
        Login::Twice | Login::Repeated => {
            let fields = log_in(&mut world, kind, way, &Packet::of("alice", "key"));
            let (again, request) = match situation.login {
                Login::Repeated => (&fields[fields.len() - 1..], "request=last node=2"),
                _ => (&fields[..], "request=another"),
            };
            let conversation = match situation.login {
                Login::Repeated => "asked",
                _ => "again",
            };
            if let [first, _] = again {
                world.run_line(&format!("login gate alice \"{first}\" save=again"));
            }
            let state = match way.is_two_step() {
                true => format!("state={conversation}"),
                false => String::new(),
            };
            let last = &again[again.len() - 1];
            world.run_line(&format!("login gate alice \"{last}\" {state} {request}"));
            fields
        }
    };
    short(world.last_words())
}

/// What is typed.
struct Packet<'a> {
    user: &'a str,
    password: &'a str,
    code: &'a str,
    /// Whose code is sent, where codes are.
    token: &'a str,
}

impl<'a> Packet<'a> {
    fn of(user: &'a str, token: &'a str) -> Self {
        let code = "{key}";
        Packet {
            user,
            password: "pw",
            code,
            token,
        }
    }
}

/// Logs in, and gives what was typed in each packet.
fn log_in(world: &mut World, kind: &str, way: Way, packet: &Packet<'_>) -> Vec<String> {
    let Packet {
        user,
        password,
        code,
        token,
    } = packet;
    let is_sent = matches!(kind, "sms" | "email" | "voice");
    let challenged = |world: &World| world.last_words().starts_with("=> Access-Challenge");
    // Before the code, for it may be sent then.
    let is_asked = matches!(way, Way::TwoStep);
    if is_asked {
        world.run_line(&format!("login gate {user} {password} save=asked"));
        if !challenged(world) {
            return Vec::new();
        }
    }
    if is_sent && (!is_asked || *token == "other") {
        world.run_line(&format!("send-code {token}"));
    }
    let known = world.holds(token) && (!is_sent || world.has_sent(token));
    let code = match known {
        true => world.fill_in_codes(code),
        // Whoever has no token guesses.
        false => "123456".to_owned(),
    };
    let fields = way.fields(password, &code);
    if let ([first, _], false) = (&fields[..], is_asked) {
        world.run_line(&format!("login gate {user} \"{first}\" save=asked"));
        if !challenged(world) {
            return Vec::new();
        }
    }
    let state = if way.is_two_step() { "state=asked" } else { "" };
    world.run_line(&format!(
        "login gate {user} \"{}\" {state} request=last",
        fields[fields.len() - 1]
    ));
    fields
}

/// `=> Access-Reject "Login failed." (wrong_code)` as `reject wrong_code`.
fn short(said: &str) -> String {
    let Some(decision) = said.strip_prefix("=> Access-") else {
        return said.trim_start_matches("=> ").to_owned();
    };
    let (verb, rest) = decision.split_once(' ').unwrap_or((decision, ""));
    let reason = rest
        .rsplit_once('(')
        .map_or("", |(_, reason)| reason.trim_end_matches(')'));
    let reason = if verb == "Challenge" { "" } else { reason };
    format!("{} {reason}", verb.to_lowercase()).trim_end().to_owned()
}
