//! Users with a password and a token, and fresh codes of theirs.
//!
//! A code works once, and a token has one code per 30 seconds. A test that needs many codes therefore takes many
//! users, and of each the code of this timestep and of the next, in this order: both stay valid for 30 seconds.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    api::Api,
    otp,
    wire::{Request, Secret},
};

/// The password of everybody made in bulk.
pub const PASSWORD: &str = "Correct horse, 9 battery staples";

/// Users in one import request: what the API takes at most.
const CHUNK: usize = 500;

#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub seed: [u8; 20],
    /// The last timestep whose code was given out.
    given: u64,
}

impl Person {
    pub fn new(name: impl Into<String>) -> Self {
        let mut seed = [0; 20];
        getrandom::fill(&mut seed).expect("the kernel gives random bytes");
        Self {
            name: name.into(),
            seed,
            given: 0,
        }
    }

    /// A person known from elsewhere (the demo's users.csv).
    pub fn with_seed(name: &str, seed: [u8; 20]) -> Self {
        Self {
            name: name.to_owned(),
            seed,
            given: 0,
        }
    }

    /// A code that nobody used, with its timestep; `None` when both codes that are sure to last were given out.
    pub fn fresh_code(&mut self) -> Option<(u64, String)> {
        let now = otp::timestep();
        let step = now.max(self.given + 1);
        (step <= now + 1).then(|| {
            self.given = step;
            (step, otp::code(&self.seed, step))
        })
    }

    /// How many codes [`Person::fresh_code`] would give now: 0 to 2.
    pub fn fresh_codes(&self) -> usize {
        let now = otp::timestep();
        usize::from(self.given <= now) + usize::from(self.given < now)
    }

    /// The last timestep whose code was given out; 0 for none.
    pub fn last_given(&self) -> u64 {
        self.given
    }

    /// The same, for a test that knows it has not asked this person twice before.
    pub fn code(&mut self) -> String {
        self.fresh_code()
            .expect("the test uses a person at most twice in 30 seconds")
            .1
    }

    /// A passcode-only login with a fresh code.
    pub fn login(&mut self, secret: &Secret) -> Request {
        let code = self.code();
        self.login_with(secret, &code)
    }

    /// A login whose whole password field is `field`.
    pub fn login_with(&self, secret: &Secret, field: &str) -> Request {
        Request::access(secret, &self.name, field.as_bytes(), None)
    }

    pub fn wrong_code(&self, attempt: u32) -> String {
        otp::wrong_code(&self.seed, attempt)
    }
}

/// Makes `count` users, named `stem` and a number, each with [`PASSWORD`] and a token.
pub fn import(api: &Api, stem: &str, count: usize) -> Result<Vec<Person>> {
    let people: Vec<Person> = (1..=count).map(|n| Person::new(format!("{stem}{n:06}"))).collect();
    import_all(api, &people)?;
    Ok(people)
}

pub fn import_all(api: &Api, people: &[Person]) -> Result<()> {
    for chunk in people.chunks(CHUNK) {
        let users: Vec<Value> = chunk
            .iter()
            .map(|person| json!({"name": person.name, "token": {"secret_base32": otp::seed_to_base32(&person.seed)}}))
            .collect();
        api.post(
            "/api/v1/import/users",
            &json!({"shared_password": PASSWORD, "users": users}),
        )
        .context("the import of users")?;
    }
    Ok(())
}

/// Makes a RADIUS client at one address: passcode-only, or two-step and one-step.
pub fn make_client(api: &Api, name: &str, address: IpAddr, secret: &str, passcode_only: bool) -> Result<()> {
    let body = json!({
        "name": name,
        "networks": [address.to_string()],
        "secret": secret,
        "modes": {"one_step": !passcode_only, "two_step": !passcode_only, "passcode_only": passcode_only},
        "application": APPLICATION,
        "retry_timeout_ms": 1000,
        "retry_tries": 4,
    });
    api.post("/api/v1/clients", &body).map(drop)
}

/// The application of every client here: a local password, then a code.
pub const APPLICATION: &str = "gateway";

pub fn make_application(api: &Api) -> Result<()> {
    let body = json!({"name": APPLICATION, "factors": [["password"], ["code"]]});
    api.post("/api/v1/applications", &body).map(drop)
}
