use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::{self, Error},
    encode::{self, Write},
};

/// A kind of code, as applications ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeKind {
    /// Codes from the time.
    Totp,
    /// Codes from a counter.
    Hotp,
    /// Yubico OTP.
    Yubikey,
    /// A sheet of codes.
    Recovery,
    /// The same digits each time.
    Static,
    /// A code for a few days.
    Temporary,
    /// Sent as a text message.
    Sms,
    /// Sent by mail.
    Email,
    /// Read out in a call.
    Voice,
    /// For a first token.
    Registration,
}

impl CodeKind {
    /// Every kind; its place here is its bit in [`CodeKinds`].
    pub const ALL: [CodeKind; 10] = [
        CodeKind::Totp,
        CodeKind::Hotp,
        CodeKind::Yubikey,
        CodeKind::Recovery,
        CodeKind::Static,
        CodeKind::Temporary,
        CodeKind::Sms,
        CodeKind::Email,
        CodeKind::Voice,
        CodeKind::Registration,
    ];

    /// A stable word for the API, the command line and searching.
    pub fn label(self) -> &'static str {
        match self {
            CodeKind::Totp => "totp",
            CodeKind::Hotp => "hotp",
            CodeKind::Yubikey => "yubikey",
            CodeKind::Recovery => "recovery",
            CodeKind::Static => "static",
            CodeKind::Temporary => "temporary",
            CodeKind::Sms => "sms",
            CodeKind::Email => "email",
            CodeKind::Voice => "voice",
            CodeKind::Registration => "registration",
        }
    }

    /// The kind with this label.
    pub fn of_label(label: &str) -> Option<CodeKind> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }
}

/// A set of kinds of code, any of which will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CodeKinds(u32);

impl CodeKinds {
    /// What a user carries or is sent, and what stands in for it when it is lost. Static codes are asked for by name or not at all.
    pub const CARRIED: CodeKinds = CodeKinds(0b1_1110_1111);

    /// What leads to a first token.
    pub const REGISTRATION: CodeKinds = CodeKinds(1 << CodeKind::Registration as u32);

    /// Whether the kind is in it.
    pub fn contains(self, kind: CodeKind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in it.
    pub fn iter(self) -> impl Iterator<Item = CodeKind> {
        CodeKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<CodeKind> for CodeKinds {
    fn from_iter<I: IntoIterator<Item = CodeKind>>(kinds: I) -> Self {
        CodeKinds(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind as u32))
    }
}

impl<C> Encode<C> for CodeKinds {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        encoder.u32(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for CodeKinds {
    /// A bit of no kind is a newer writer's, and is no set of this build.
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bits = decoder.u32()?;
        match bits >> CodeKind::ALL.len() {
            0 => Ok(CodeKinds(bits)),
            _ => Err(Error::message("a kind of code that is not known")),
        }
    }
}
