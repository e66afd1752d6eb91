//! One endpoint: a typed constant that a client calls through, a server routes by, and the OpenAPI
//! document is written from.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

/// Everything the API serves is below this.
pub const ROOT: &str = "/api/v1";

/// The HTTP methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it is written in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// No body: an empty one, or `null` where a program must write something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing;

/// The named schemas a document has gathered so far.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A body, or [`Nothing`].
pub trait Shape {
    /// The schema of this body, with every named schema it needs added to `schemas`.
    #[doc(hidden)]
    fn describe(schemas: &mut Vec<(String, RefOr<Schema>)>) -> Option<RefOr<Schema>>;
}

impl Shape for Nothing {
    fn describe(_: &mut Schemas) -> Option<RefOr<Schema>> {
        None
    }
}

impl<T: ToSchema> Shape for T {
    fn describe(schemas: &mut Schemas) -> Option<RefOr<Schema>> {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
        Some(RefOr::Ref(utoipa::openapi::Ref::from_schema_name(T::name())))
    }
}

/// One endpoint that takes a `Req` and answers a `Res`.
pub struct Endpoint<Req, Res> {
    /// The operation id: `createUser`.
    pub id: &'static str,
    pub method: Method,
    /// Below [`ROOT`], with `{names}` for what varies: `/users/{user}`.
    pub path: &'static str,
    /// The heading it stands under.
    pub tag: &'static str,
    pub summary: &'static str,
    /// The status of success.
    pub success: u16,
    /// Whether `If-Match` makes it conditional.
    pub conditional: bool,
    pub(crate) query: Option<fn() -> Vec<Parameter>>,
    shape: PhantomData<fn(Req) -> Res>,
}

impl<Req, Res> Clone for Endpoint<Req, Res> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Req, Res> Copy for Endpoint<Req, Res> {}

impl<Req, Res> Endpoint<Req, Res> {
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        let query = None;
        Self {
            id,
            method,
            path,
            tag,
            summary,
            success: 200,
            conditional: false,
            query,
            shape: PhantomData,
        }
    }

    pub(crate) const fn success(mut self, status: u16) -> Self {
        self.success = status;
        self
    }

    pub(crate) const fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    pub(crate) const fn query<Q: IntoParams>(mut self) -> Self {
        self.query = Some(query_parameters::<Q>);
        self
    }

    /// The path with `segments` put, escaped, in the places of the `{names}`, in order.
    ///
    /// ```
    /// let path = quorate_api::endpoints::SHOW_USER.path_with(&["EXAMPLE\\alice"]);
    /// assert_eq!(path, "/api/v1/users/EXAMPLE%5Calice");
    /// ```
    ///
    /// # Panics
    /// If the number of segments is not the number of names: a mistake in the calling program.
    pub fn path_with(&self, segments: &[&str]) -> String {
        let mut path = ROOT.to_owned();
        let mut segments = segments.iter();
        for part in self.path.split('/').skip(1) {
            path.push('/');
            match part.starts_with('{') {
                true => escape(segments.next().expect("invariant: a segment for each name"), &mut path),
                false => path.push_str(part),
            }
        }
        assert!(segments.next().is_none(), "more segments than names in {}", self.path);
        path
    }
}

fn query_parameters<Q: IntoParams>() -> Vec<Parameter> {
    Q::into_params(|| Some(ParameterIn::Query))
}

/// Percent-encodes all but the unreserved characters of RFC 3986 section 2.3; good for a path
/// segment and for the value of a query parameter alike.
pub fn escape(text: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::endpoints;

    #[test]
    fn a_hostile_name_stays_one_segment() {
        let path = endpoints::DELETE_USER.path_with(&["../clients/x?y#z"]);
        assert_eq!(path, "/api/v1/users/..%2Fclients%2Fx%3Fy%23z");
    }
}
