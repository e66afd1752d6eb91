//! The load: users who log in through whichever node their NAS asks, NASes that ask again elsewhere, guessers, and an administrator.

use quorate_app::{AccessRequest, Decision, fingerprint};
use quorate_core::{Actor, ClientId, Fingerprint, OtpAlgorithm, TokenKind, UserId, otp};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::clock::BEGIN_MS;
use crate::dice::Dice;
use crate::history::{Act, Administered, Answered, Book, Carries, Code, Login};
use crate::host::Parts;
use crate::world::World;

/// Users, each with one token.
pub const USERS: usize = 8;
/// After this long without an answer a NAS asks again, elsewhere. In ms.
const RETRY_MS: u64 = 900;
const TRIES: u32 = 4;

/// Everybody's password.
pub const PASSWORD: &[u8] = b"correct horse battery staple";

/// The person who administers.
pub const ROOT: Actor = Actor::Root { uid: 0 };

/// A user's seed.
pub fn seed_of(user: usize) -> Vec<u8> {
    format!("seed of user number {user:03}").into_bytes()
}

/// Every other user has a token that counts instead of one that looks at the clock.
pub fn kind_of(user: usize) -> TokenKind {
    match user % 2 {
        0 => TokenKind::DEFAULT,
        _ => TokenKind::Hotp {
            algorithm: OtpAlgorithm::Sha1,
            digits: 6,
        },
    }
}

/// Where tokens that count begin: high enough for codes of before the beginning, which nobody types.
pub const FIRST_COUNTER: u64 = 10;

/// The code that a user types in a timestep: whoever has a token that counts has pressed it once in each since the beginning.
pub fn code_of(user: usize, timestep: u64) -> String {
    let counter = match kind_of(user) {
        TokenKind::Hotp { .. } => timestep + FIRST_COUNTER - timestep_at(0),
        _ => timestep,
    };
    otp::code_text(otp::hotp(OtpAlgorithm::Sha1, &seed_of(user), counter, 6), 6)
}

/// The timestep at a time of the simulation.
pub fn timestep_at(now_ms: u64) -> u64 {
    otp::timestep(BEGIN_MS + now_ms, 30)
}

/// What the clients find in the cluster.
#[derive(Debug, Clone)]
pub struct Population {
    pub users: Vec<UserId>,
    /// Sends codes alone.
    pub gateway: ClientId,
    /// Sends passwords, and answers challenges.
    pub portal: ClientId,
}

/// Who asks, and how often.
pub struct Clients {
    dice: Dice,
    population: Population,
}

impl Clients {
    pub fn new(dice: Dice, population: Population) -> Self {
        Self { dice, population }
    }

    /// One millisecond: perhaps a new login, perhaps an administrative act, and whoever waits long enough asks again.
    pub fn tick(&mut self, world: &World) {
        if self.dice.once_in(20) {
            self.begin_login(world);
        }
        if self.dice.once_in(1_200) {
            self.administer(world);
        }
        self.tick_retries(world);
    }

    fn begin_login(&mut self, world: &World) {
        let now_ms = world.now_ms();
        let user = self.dice.of(0..USERS as u64) as usize;
        let code = self.some_code(user, now_ms);
        if self.dice.once_in(2) {
            let mut answers = vec![code];
            if self.dice.once_in(6) {
                answers.push(self.some_code(user, now_ms));
            }
            let carries = Carries::Password {
                right: !self.dice.once_in(12),
                answers,
                think_ms: self.dice.of(0..1_500),
            };
            self.note(world, user, carries);
        } else {
            self.note(world, user, Carries::Code(code));
        }
    }

    fn some_code(&mut self, user: usize, now_ms: u64) -> Code {
        let current = timestep_at(now_ms);
        let timestep = match self.dice.of(0..100) {
            // A guess.
            0..8 => return self.wrong_code(user, now_ms),
            8..30 => current - 1,
            30..40 => current + 1,
            // Quite often one that was used.
            _ => current,
        };
        right_code(user, timestep)
    }

    /// A login with this code, of its own packet. Returns its number in the history.
    pub fn login(&mut self, world: &World, user: usize, timestep: u64) -> usize {
        self.note(world, user, Carries::Code(right_code(user, timestep)))
    }

    fn note(&mut self, world: &World, user: usize, carries: Carries) -> usize {
        let client = self.client_of(&carries);
        let packet = [self.dice.draw(), self.dice.draw()].map(u64::to_be_bytes).concat();
        let login = Login {
            user,
            carries,
            fingerprint: fingerprint(client, &packet),
            begun_ms: world.now_ms(),
            tries: 0,
            next_try_ms: world.now_ms(),
            heard: false,
        };
        let mut history = world.book.history.lock();
        history.logins.push(login);
        history.logins.len() - 1
    }

    fn client_of(&self, carries: &Carries) -> ClientId {
        match carries {
            Carries::Code(_) => self.population.gateway,
            Carries::Password { .. } | Carries::Answer { .. } => self.population.portal,
        }
    }

    fn wrong_code(&mut self, user: usize, now_ms: u64) -> Code {
        let current = timestep_at(now_ms);
        let right: Vec<String> = (current - 3..current + 14).map(|step| code_of(user, step)).collect();
        loop {
            let text = format!("{:06}", self.dice.of(0..1_000_000));
            if !right.contains(&text) {
                return Code { timestep: None, text };
            }
        }
    }

    /// Whoever has waited long enough asks again, elsewhere.
    pub fn tick_retries(&mut self, world: &World) {
        let now_ms = world.now_ms();
        let due: Vec<(usize, Login)> = {
            let mut history = world.book.history.lock();
            let waiting = history.logins.iter_mut().enumerate().rev().take(400);
            let due = waiting.filter(|(_, login)| !login.heard && login.tries < TRIES && login.next_try_ms <= now_ms);
            due.map(|(number, login)| {
                login.tries += 1;
                login.next_try_ms = now_ms + RETRY_MS;
                (number, login.clone())
            })
            .collect()
        };
        for (mut number, mut login) in due.into_iter().rev() {
            // A NAS that has failed over signs the answer to a challenge anew.
            if login.tries > 1 && matches!(login.carries, Carries::Answer { .. }) && self.dice.once_in(3) {
                world.book.history.lock().logins[number].heard = true;
                number = self.note(world, login.user, login.carries.clone());
                let mut history = world.book.history.lock();
                history.logins[number].tries = login.tries;
                history.logins[number].next_try_ms = login.next_try_ms;
                login = history.logins[number].clone();
            }
            // Now and then to all nodes at once.
            if self.dice.once_in(12) {
                for host in &world.hosts {
                    self.ask(world, host.id, number, &login);
                }
            } else {
                let host = self.dice.pick(&world.hosts).id;
                self.ask(world, host, number, &login);
            }
        }
    }

    /// Sends a login to this node now.
    pub fn send_to(&mut self, world: &World, host: u64, number: usize) {
        let login = world.book.history.lock().logins[number].clone();
        self.ask(world, host, number, &login);
    }

    fn ask(&mut self, world: &World, host: u64, number: usize, login: &Login) {
        let reply_is_lost = self.dice.once_in(8);
        let client = self.client_of(&login.carries);
        let (book, login) = (world.book.clone(), login.clone());
        let answers_as = [self.dice.draw(), self.dice.draw()].map(|drawn| fingerprint(client, &drawn.to_be_bytes()));
        let asked_ms = world.now_ms();
        world.spawn(host, move |parts| async move {
            let Some(client) = parts.published.state().client(client).cloned() else {
                return;
            };
            let (password, state) = match &login.carries {
                Carries::Code(code) => (code.text.clone().into_bytes(), None),
                Carries::Password { right: true, .. } => (PASSWORD.to_vec(), None),
                Carries::Password { right: false, .. } => (b"swordfish".to_vec(), None),
                Carries::Answer { state, code, .. } => (code.text.clone().into_bytes(), Some(state.clone())),
            };
            let access = AccessRequest {
                client,
                user_name: format!("u{}", login.user).into_bytes(),
                password: Zeroizing::new(password),
                state,
                source: [192, 0, 2, 1].into(),
                calling_station_id: None,
                nas_identifier: None,
                attributes: Vec::new(),
                fingerprint: login.fingerprint,
                received: Instant::now(),
                received_ms: quorate_app::Clock::now_ms(&parts.clock),
                browser: None,
            };
            let answer = parts.logins.authenticate(access).await;
            if let Decision::Silent(_) = answer.decision {
                return;
            }
            if let Decision::Challenge { state, .. } = &answer.decision
                && !reply_is_lost
            {
                answer_challenge(&book, number, state, answers_as);
            }
            let mut history = book.history.lock();
            history.answers.push(Answered {
                login: number,
                host,
                asked_ms,
                at_ms: book.now_ms(),
                decision: answer.decision,
                replayed: answer.replayed,
            });
            history.logins[number].heard |= !reply_is_lost;
        });
    }

    fn administer(&mut self, world: &World) {
        let user = self.dice.of(0..USERS as u64) as usize;
        let act = *self
            .dice
            .pick(&[Act::Disable, Act::Enable, Act::Enable, Act::Unlock, Act::Unlock]);
        let host = self.dice.pick(&world.hosts).id;
        self.act(world, host, user, act);
    }

    /// An administrative act through a node.
    pub fn act(&self, world: &World, host: u64, user: usize, act: Act) {
        let (book, id) = (world.book.clone(), self.population.users[user]);
        let number = {
            let mut history = book.history.lock();
            history.acts.push(Administered {
                act,
                user,
                asked_ms: world.now_ms(),
                acknowledged_ms: None,
            });
            history.acts.len() - 1
        };
        world.spawn(host, move |parts: Parts| async move {
            let done = match act {
                Act::Disable => parts.admin.disable_user(ROOT, id, None).await.is_ok(),
                Act::Enable => parts.admin.enable_user(ROOT, id, None).await.is_ok(),
                Act::Unlock => parts.admin.unlock_user(ROOT, id, None).await.is_ok(),
            };
            if done {
                book.history.lock().acts[number].acknowledged_ms = Some(book.now_ms());
            }
        });
    }
}

fn right_code(user: usize, timestep: u64) -> Code {
    Code {
        timestep: Some(timestep),
        text: code_of(user, timestep),
    }
}

/// The user types what was meant to be typed, in packets of their own, unless another copy of the challenge was there before.
fn answer_challenge(book: &Book, challenged: usize, state: &[u8], packets: [Fingerprint; 2]) {
    let mut history = book.history.lock();
    let login = history.logins[challenged].clone();
    let Carries::Password { answers, think_ms, .. } = login.carries else {
        return;
    };
    if login.heard {
        return;
    }
    for (code, fingerprint) in answers.into_iter().zip(packets) {
        let carries = Carries::Answer {
            to: challenged,
            state: state.to_vec(),
            code,
        };
        history.logins.push(Login {
            user: login.user,
            carries,
            fingerprint,
            begun_ms: book.now_ms() + think_ms,
            tries: 0,
            next_try_ms: book.now_ms() + think_ms,
            heard: false,
        });
    }
}
