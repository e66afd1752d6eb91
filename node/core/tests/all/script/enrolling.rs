//! First tokens in scripts: the shell always makes the same key, and `{enrol}` is its code.

use quorate_core::{
    OtpAlgorithm, Sealed, TokenId,
    login::{EnrolToken, Step},
    otp,
};

use super::{World, words::id};

pub const KEY: [u8; 20] = *b"twenty bytes of key!";

pub fn first_code(now_ms: u64) -> String {
    let code = otp::hotp(OtpAlgorithm::Sha1, &KEY, otp::timestep(now_ms, 30), 6);
    otp::code_text(code, 6)
}

impl World {
    /// The token is called `first`, or by the place of the login if there is one of that name.
    pub fn enrol_token(&mut self, enrol: EnrolToken) -> Step {
        let mut names = std::iter::once("first".to_owned()).chain((2..).map(|number| format!("first{number}")));
        let free = |name: &String| self.state.token(TokenId(id(name))).is_none();
        let token = TokenId(id(&names.find(free).unwrap()));
        self.say(format_args!(
            "enrol token: {}",
            if enrol.is_right() { "right" } else { "wrong" }
        ));
        let key = Sealed::from(enrol.key().to_vec());
        enrol.right(token, key)
    }
}
