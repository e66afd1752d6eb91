//! The OpenAPI document, made from [`crate::endpoints`] and committed as `docs/openapi.json`.
//!
//! Nothing in it is written by hand twice: paths, parameters and shapes come from the constants and
//! the derived schemas, descriptions from the doc comments.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr,
    Required, Response, ResponseBuilder, Schema, SecurityRequirement,
};

use crate::endpoint::{Endpoint, Method, ROOT, Schemas, Shape};
use crate::endpoints::{Visitor, visit_all};
use crate::problem::{self, Problem};

const BEARER: &str = "bearer";

/// The document as it is committed: pretty JSON with a final line end.
pub fn document() -> String {
    let mut text = serde_json::to_string_pretty(&describe()).expect("invariant: the document is plain data");
    text.push('\n');
    text
}

/// The document as a value.
pub fn describe() -> OpenApi {
    let mut gathered = Gathered {
        paths: Paths::new(),
        schemas: Vec::new(),
    };
    Problem::describe(&mut gathered.schemas);
    visit_all(&mut gathered);
    let schemas: BTreeMap<String, RefOr<Schema>> = gathered.schemas.into_iter().collect();
    OpenApiBuilder::new()
        .info(info())
        .paths(gathered.paths)
        .components(Some(
            ComponentsBuilder::new()
                .schemas_from_iter(schemas)
                .security_scheme(BEARER, bearer())
                .response("Problem", problem_response())
                .build(),
        ))
        .security(Some([SecurityRequirement::new(BEARER, Vec::<String>::new())]))
        .build()
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("Quorate")
        .version("1")
        .description(Some(
            "Administration of a Quorate cluster. Every node answers; a change is acknowledged once a \
             quorum has it on disk. The same API is served over TLS with a bearer token, and to root \
             over a Unix socket without one.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").build()))
        .build()
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token. Not needed on the root-only Unix socket."))
        .build();
    SecurityScheme::Http(scheme)
}

fn problem_response() -> Response {
    ResponseBuilder::new()
        .description("What went wrong (RFC 9457).")
        .content(
            problem::CONTENT_TYPE,
            content(Some(Ref::from_schema_name(Problem::name()).into())),
        )
        .build()
}

struct Gathered {
    paths: Paths,
    schemas: Schemas,
}

impl Visitor for Gathered {
    fn visit<Req: Shape, Res: Shape>(&mut self, endpoint: &Endpoint<Req, Res>) {
        let path = format!("{ROOT}{}", endpoint.path);
        let operation = operation(endpoint, &mut self.schemas);
        self.paths
            .add_path_operation(path, vec![http_method(endpoint.method)], operation);
    }
}

fn operation<Req: Shape, Res: Shape>(endpoint: &Endpoint<Req, Res>, schemas: &mut Schemas) -> Operation {
    let body = Req::describe(schemas).map(|schema| {
        RequestBodyBuilder::new()
            .content(JSON, content(Some(schema)))
            .required(Some(Required::True))
            .build()
    });
    let success = success(endpoint, Res::describe(schemas));
    let operation = OperationBuilder::new()
        .operation_id(Some(endpoint.id))
        .tag(endpoint.tag)
        .summary(Some(endpoint.summary))
        .parameters(Some(parameters(endpoint)))
        .request_body(body)
        .response("default", Ref::from_response_name("Problem"));
    // Of what leaves nothing behind, there is something to tell only where it was asked what would come of it.
    let operation = match endpoint.success == 204 && !success.content.is_empty() {
        true => {
            let done = ResponseBuilder::new().description("Done.").build();
            operation.response("200", success).response("204", done)
        }
        false => operation.response(endpoint.success.to_string(), success),
    };
    operation.build()
}

const JSON: &str = "application/json";

fn content(schema: Option<RefOr<Schema>>) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(schema).build()
}

fn success<Req, Res>(endpoint: &Endpoint<Req, Res>, schema: Option<RefOr<Schema>>) -> Response {
    let response = ResponseBuilder::new().description("Done.");
    let response = match schema {
        Some(schema) => response.content(JSON, content(Some(schema))),
        None => response,
    };
    match endpoint.conditional && endpoint.success != 204 {
        true => response.header(
            "ETag",
            HeaderBuilder::new().description(Some("The revision, quoted.")).build(),
        ),
        false => response,
    }
    .build()
}

fn parameters<Req, Res>(endpoint: &Endpoint<Req, Res>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = endpoint.path.split('/').filter_map(path_parameter).collect();
    if endpoint.conditional {
        parameters.push(if_match());
    }
    parameters.extend(endpoint.query.map(|of| of()).unwrap_or_default());
    parameters
}

fn path_parameter(segment: &str) -> Option<Parameter> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    let what = match name {
        "node" => "The number of the node.",
        "token" => "The id of the token.",
        "device" => "The id of the device.",
        "change" => "The id of the change that waits.",
        "directory" => "The name or the id of the directory.",
        "channel" => "`sms`, `email` or `voice`.",
        "language" => "A tag such as `de` or `pt-BR`.",
        "gateway" => "The name or the id of the gateway.",
        _ => "The id or the name.",
    };
    Some(parameter(name, ParameterIn::Path, Required::True, what))
}

fn if_match() -> Parameter {
    let what = "The revision that the object must still have, quoted. Without it the change is unconditional.";
    parameter("If-Match", ParameterIn::Header, Required::False, what)
}

fn parameter(name: &str, place: ParameterIn, required: Required, what: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(what))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}
