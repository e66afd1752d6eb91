//! Whom a change would lock out: asked for before it is made, or said where it was not.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::endpoint::{Nothing, Schemas, Shape};

/// How a change that could lock somebody out is made. Without either, it is refused if it would.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CareQuery {
    /// `1`: change nothing, and say whom the change would lock out.
    #[serde(default, deserialize_with = "flag", skip_serializing_if = "std::ops::Not::not")]
    #[param(value_type = Option<u8>)]
    pub preview: bool,
    /// `1`: make the change whomever it locks out.
    #[serde(default, deserialize_with = "flag", skip_serializing_if = "std::ops::Not::not")]
    #[param(value_type = Option<u8>)]
    pub allow_lockout: bool,
    /// Make the change for so long, in ms; see the same parameter of other changes. Not of a user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within_ms: Option<u64>,
}

/// `1` and `true`, `0` and `false`.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Cow::<str>::deserialize(deserializer)?.as_ref() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(serde::de::Error::custom("is neither 1 nor 0")),
    }
}

/// Whom a change would lock out: users who can log in somewhere now, and could not after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Lockouts {
    /// How many users.
    pub would_lock_out: u64,
    /// The first of them by name.
    pub first: Vec<Lockout>,
}

/// A user who would be locked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lockout {
    /// The user's name.
    pub user: String,
    /// An application that the user can use now, and could not after the change.
    pub application: String,
}

/// What came of a change: the object as it is now, or whom the change would lock out, where that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Previewed<T> {
    Preview(Lockouts),
    Made(T),
}

impl Shape for Previewed<Nothing> {
    fn describe(schemas: &mut Schemas) -> Option<RefOr<Schema>> {
        Lockouts::describe(schemas)
    }
}

impl<T: ToSchema> ToSchema for Previewed<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}OrLockouts", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
        schemas.push((Lockouts::name().into_owned(), Lockouts::schema()));
        Lockouts::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Previewed<T> {
    fn schema() -> RefOr<Schema> {
        let either = OneOfBuilder::new()
            .item(Ref::from_schema_name(T::name()))
            .item(Ref::from_schema_name(Lockouts::name()));
        RefOr::T(Schema::OneOf(either.build()))
    }
}
