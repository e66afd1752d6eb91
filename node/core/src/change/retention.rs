//! The change of the audit's retention rule.

use minicbor::{Decode, Encode};

use crate::{
    audit::Object,
    change::{Effect, expect, require},
    event::Event,
    ids::Revision,
    limits,
    outcome::{Field, Refusal},
    records::Retention,
    state::State,
};

/// Another retention rule; see [`crate::Retention`]. It has a floor: whoever may administer may not wipe out the traces of
/// what was done a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SetRetention {
    /// The revision it is expected to have.
    #[n(0)]
    pub expected: Option<Revision>,
    /// The oldest record to keep, in ms; none keeps any age.
    #[n(1)]
    pub max_age_ms: Option<u64>,
    /// Bytes of closed records to keep; none keeps any number.
    #[n(2)]
    pub max_bytes: Option<u64>,
}

impl SetRetention {
    pub(super) fn decide(&self, state: &State, revision: Revision) -> Result<Effect, Refusal> {
        expect(state.retention().revision, self.expected)?;
        let at_least = |value: Option<u64>, least: u64| value.is_none_or(|value| value >= least);
        require(
            at_least(self.max_age_ms, limits::RETENTION_AGE_MS_MIN),
            Field::RetentionAge,
        )?;
        require(
            at_least(self.max_bytes, limits::RETENTION_BYTES_MIN),
            Field::RetentionBytes,
        )?;
        let retention = Retention {
            max_age_ms: self.max_age_ms,
            max_bytes: self.max_bytes,
            revision,
        };
        Ok(Effect {
            events: vec![Event::RetentionSet(retention)],
            object: Object::Retention,
            name: "retention".into(),
        })
    }
}
