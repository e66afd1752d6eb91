//! The request: method, URL, headers and body of the template, with the values of one message.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Uri,
    header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT},
};
use zeroize::Zeroizing;

use super::{body::BodyTemplate, url::Url};
use crate::{
    attempt::Halt,
    escape,
    limits::ENTRIES,
    mask::{basic, spellings},
    message::{Message, Recipient},
    problem::Checker,
    secret::Secret,
    segments::{Alphabet, Segments},
    settings::{self, Http, Proxy},
    template::Template,
    texts::spoken,
};

/// What placeholders of a request may be called, beside the operator's own.
const NAMES: [&str; 12] = [
    "to",
    "to_digits",
    "text",
    "subject",
    "code",
    "code_spoken",
    "user",
    "application",
    "language",
    "reference",
    "coding",
    "text_type",
];

/// Headers that HTTP itself needs, or that would change where a request ends.
const OURS: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
];

/// A request ready to be rendered.
pub(crate) struct RequestTemplate {
    method: Method,
    url: Url,
    headers: Vec<(HeaderName, Template)>,
    body: BodyTemplate,
    parameters: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
}

impl RequestTemplate {
    pub(crate) fn compile(http: &Http, checker: &mut Checker) -> Option<Self> {
        let known = |name: &str| {
            NAMES.contains(&name)
                || name
                    .strip_prefix("parameter.")
                    .is_some_and(|name| http.parameters.contains_key(name))
                || name
                    .strip_prefix("secret.")
                    .is_some_and(|name| http.secrets.contains_key(name))
        };
        let url = Url::parse(&http.url, known).inspect_err(|problem| checker.wrong("url", problem.clone()));
        let headers = headers(&http.headers, &known, checker);
        let body = BodyTemplate::compile(&http.body, &known, checker);
        let bodiless = matches!(http.body, settings::Body::None);
        checker.require(
            bodiless || http.method != settings::Method::Get,
            "body",
            "cannot go with a GET",
        );
        Some(Self {
            method: match http.method {
                settings::Method::Get => Method::GET,
                settings::Method::Post => Method::POST,
                settings::Method::Put => Method::PUT,
            },
            url: url.ok()?,
            headers,
            body,
            parameters: http.parameters.clone(),
            secrets: http.secrets.clone(),
        })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The operator's secrets, in every spelling in which they are sent.
    pub(super) fn secrets(&self) -> Vec<Zeroizing<String>> {
        self.secrets
            .values()
            .flat_map(|secret| spellings(secret.expose()))
            .collect()
    }

    /// The request for `message`; in absolute form for a proxy that reads it.
    pub(super) fn render(
        &self,
        message: &Message,
        authorization: Option<Zeroizing<String>>,
        proxy: Option<&Proxy>,
    ) -> Result<Request<Full<Bytes>>, Halt> {
        let value = |name: &str| self.value(name, message);
        let uri = match proxy {
            None => self.url.relative(value),
            Some(_) => self.url.absolute(value),
        };
        let body = self.body.render(&value);
        let mut request = request(self.method.clone(), &self.url, &uri, body)?;
        let fields = request.headers_mut();
        if let Some(content_type) = self.body.content_type() {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, template) in &self.headers {
            fields.insert(name, sensitive(&template.render(value, escape::header))?);
        }
        if let Some(authorization) = authorization {
            fields.insert(AUTHORIZATION, sensitive(&authorization)?);
        }
        authorize_at_proxy(&mut request, proxy)?;
        Ok(request)
    }

    fn value<'a>(&'a self, name: &str, message: &'a Message) -> Option<Cow<'a, str>> {
        if let Some(name) = name.strip_prefix("parameter.") {
            return self.parameters.get(name).map(Cow::from);
        }
        if let Some(name) = name.strip_prefix("secret.") {
            return self.secrets.get(name).map(|secret| Cow::from(secret.expose()));
        }
        let unicode = || Segments::of(&message.text).alphabet == Alphabet::Ucs2;
        Some(match name {
            "to" => message.to.as_str().into(),
            "to_digits" => match &message.to {
                Recipient::Phone(phone) => phone.digits().into(),
                Recipient::Mail(_) => "".into(),
            },
            "text" => message.text.as_str().into(),
            "subject" => message.subject.as_str().into(),
            "code" => message.code.expose().into(),
            "code_spoken" => spoken(message.code.expose()).into(),
            "user" => message.user.as_str().into(),
            "application" => message.application.as_str().into(),
            "language" => message.language.as_str().into(),
            "reference" => message.reference.as_str().into(),
            "coding" => if unicode() { "2" } else { "0" }.into(),
            "text_type" => if unicode() { "unicode" } else { "text" }.into(),
            _ => return None,
        })
    }
}

fn headers(
    fields: &[settings::Field],
    known: &dyn Fn(&str) -> bool,
    checker: &mut Checker,
) -> Vec<(HeaderName, Template)> {
    checker.require(
        fields.len() <= ENTRIES,
        "headers",
        format!("has more than {ENTRIES} entries"),
    );
    let mut compiled = Vec::new();
    for (index, field) in fields.iter().enumerate().take(ENTRIES) {
        checker.within(&format!("headers[{index}]"), |checker| {
            let name = HeaderName::from_bytes(field.name.as_bytes());
            checker.require(name.is_ok(), "name", "is not the name of a header");
            let ours = OURS.contains(&field.name.to_ascii_lowercase().as_str());
            checker.require(!ours, "name", "is a header that is set by Quorate alone");
            checker.line("value", &field.value, crate::limits::TEMPLATE_BYTES, true);
            match (name, Template::parse(&field.value, known)) {
                (Ok(name), Ok(template)) => compiled.push((name, template)),
                (_, Err(error)) => checker.wrong("value", format!("cannot be used: {error}")),
                (Err(_), _) => {}
            }
        });
    }
    compiled
}

/// A request with the headers that every request has.
pub(super) fn request(
    method: Method,
    url: &Url,
    uri: &str,
    body: Zeroizing<String>,
) -> Result<Request<Full<Bytes>>, Halt> {
    let uri: Uri = uri
        .parse()
        .map_err(|_| Halt::Broken("the values make no URL".to_owned()))?;
    // The bytes are wiped with their last copy here; what the connection buffers is its own.
    let body = Bytes::from_owner(WipedBytes(body));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let fields = request.headers_mut();
    let host = HeaderValue::from_str(url.authority());
    fields.insert(HOST, host.map_err(|_| Halt::Broken("the host is none".to_owned()))?);
    fields.insert(USER_AGENT, HeaderValue::from_static("Quorate"));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// Tells a proxy that reads the request who we are.
pub(super) fn authorize_at_proxy(request: &mut Request<Full<Bytes>>, proxy: Option<&Proxy>) -> Result<(), Halt> {
    if let Some(proxy) = proxy.filter(|proxy| !proxy.user.is_empty()) {
        let credentials = Zeroizing::new(format!(
            "Basic {}",
            basic(&proxy.user, proxy.password.expose()).as_str()
        ));
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, sensitive(&credentials)?);
    }
    Ok(())
}

/// A header value that is left out of debug output.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, Halt> {
    let value = HeaderValue::from_bytes(value.as_bytes());
    let mut value = value.map_err(|_| Halt::Broken("a header has a character that it cannot carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

struct WipedBytes(Zeroizing<String>);

impl AsRef<[u8]> for WipedBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
