//! URLs with placeholders in path and query. Scheme, host and port are the operator's alone: a placeholder there could send a code,
//! and the password with it, to a host of somebody else's choosing.

use std::borrow::Cow;

use hyper::{Uri, http::uri::Authority};
use zeroize::Zeroizing;

use crate::{escape, template::Template};

/// A URL whose path and query are templates.
pub(crate) struct Url {
    /// Whether it is https.
    pub(crate) secure: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Host and port as they stand in the URL.
    authority: String,
    path: Template,
    query: Option<Template>,
}

/// Names that may stand in a path: what the operator or this crate chose, but nothing that a user could choose.
const IN_PATH: [&str; 3] = ["to", "to_digits", "reference"];

impl Url {
    /// Parses `text`, in which only names may stand that are `known`.
    ///
    /// # Errors
    ///
    /// What is wrong, as the rest of a sentence.
    pub(crate) fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, String> {
        let (secure, rest) = scheme(text)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = host_and_port(authority)?;
        let (path, query) = match rest.split_once('?') {
            None => (rest, None),
            Some((path, query)) => (path, Some(query)),
        };
        let in_path = |name: &str| {
            known(name) && (IN_PATH.contains(&name) || name.starts_with("parameter.") || name.starts_with("secret."))
        };
        let template = |error| format!("cannot be used: {error}");
        let url = Self {
            secure,
            host,
            port: port.unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.to_owned(),
            path: Template::parse(if path.is_empty() { "/" } else { path }, in_path).map_err(template)?,
            query: query
                .map(|query| Template::parse(query, known))
                .transpose()
                .map_err(template)?,
        };
        let sample = url.absolute(|_| Some(Cow::from("x")));
        match sample.parse::<Uri>() {
            Ok(_) if sample.contains('#') => Err("has a fragment (#…), which is never sent".to_owned()),
            Ok(_) => Ok(url),
            Err(error) => Err(format!("is not a URL: {error}")),
        }
    }

    /// Parses a URL without placeholders.
    pub(crate) fn parse_plain(text: &str) -> Result<Self, String> {
        Self::parse(text, |_| false)
    }

    /// Host, and port unless it is the usual one, for the Host header.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub(crate) fn relative<'a>(&self, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> Zeroizing<String> {
        let mut relative = self.path.render(&value, escape::url);
        if let Some(query) = &self.query {
            relative.push('?');
            relative.push_str(&query.render(&value, escape::url));
        }
        relative
    }

    /// All of it, as a proxy wants it.
    pub(crate) fn absolute<'a>(&self, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> Zeroizing<String> {
        let scheme = if self.secure { "https" } else { "http" };
        Zeroizing::new(format!(
            "{scheme}://{}{}",
            self.authority,
            self.relative(value).as_str()
        ))
    }
}

fn scheme(text: &str) -> Result<(bool, &str), String> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("does not begin with https:// or http://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok((true, rest)),
        "http" => Ok((false, rest)),
        _ => Err("does not begin with https:// or http://".to_owned()),
    }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    if authority.contains(['{', '}', '%', '<']) {
        return Err("has a placeholder in its host, which has to be fixed".to_owned());
    }
    if authority.contains('@') {
        return Err("has a user or a password in it; they belong in authentication".to_owned());
    }
    let parsed: Authority = authority.parse().map_err(|_| "has no host".to_owned())?;
    let port = parsed.port_u16();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    if parsed.host().is_empty() || (has_port && port.is_none_or(|port| port == 0)) {
        return Err("has no host, or a port that is none".to_owned());
    }
    let host = parsed.host().trim_matches(['[', ']']).to_ascii_lowercase();
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> bool {
        ["user", "to_digits", "text", "parameter.sid"].contains(&name)
    }

    #[test]
    fn only_path_and_query_have_placeholders() {
        let url = Url::parse(
            "https://API.example:8443/v1/{parameter.sid}/x?to={to_digits}&text={text}",
            known,
        )
        .unwrap();
        assert_eq!((url.host.as_str(), url.port, url.secure), ("api.example", 8443, true));
        let value = |name: &str| Some(Cow::from(format!("<{name}>")));
        assert_eq!(
            url.relative(value).as_str(),
            "/v1/%3Cparameter.sid%3E/x?to=%3Cto_digits%3E&text=%3Ctext%3E"
        );
        for (text, wanted) in [
            ("ftp://a/", "does not begin with https:// or http://"),
            ("//a/", "does not begin with https:// or http://"),
            (
                "https://{user}.example/",
                "has a placeholder in its host, which has to be fixed",
            ),
            (
                "https://u:p@a/",
                "has a user or a password in it; they belong in authentication",
            ),
            ("https:///x", "has no host"),
            ("https://a:b/", "has no host, or a port that is none"),
            ("https://a:0/", "has no host, or a port that is none"),
            (
                "https://a/{user}",
                "cannot be used: line 1, column 2: nothing is called {user} here",
            ),
            (
                "https://a/?x={pin}",
                "cannot be used: line 1, column 3: nothing is called {pin} here",
            ),
            ("https://a/ b", "is not a URL: invalid uri character"),
            ("https://a/\r\nHost: b", "is not a URL: invalid uri character"),
        ] {
            assert_eq!(Url::parse(text, known).err().as_deref(), Some(wanted), "{text}");
        }
        assert!(Url::parse("https://a/#x", known).is_err());
        let bare = Url::parse("http://[::1]:81?a={user}", known).unwrap();
        assert_eq!((bare.host.as_str(), bare.port), ("::1", 81));
        assert_eq!(
            bare.absolute(|_| Some(Cow::from("b&c"))).as_str(),
            "http://[::1]:81/?a=b%26c"
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*", rest in "[a-z:/?#{}@%.0-9\\[\\]]{0,30}") {
            let _ = Url::parse(&text, known);
            let _ = Url::parse(&format!("https://{rest}"), known);
        }

        #[test]
        fn a_value_stays_in_its_parameter(value in any::<String>()) {
            let url = Url::parse("https://a.example/p?user={user}&last=1", known).unwrap();
            let uri: Uri = url.absolute(|_| Some(Cow::from(value.as_str()))).parse().unwrap();
            prop_assert_eq!((uri.host(), uri.path()), (Some("a.example"), "/p"));
            let pairs: Vec<_> = form_urlencoded::parse(uri.query().unwrap().as_bytes()).into_owned().collect();
            prop_assert_eq!(pairs, [("user".to_owned(), value), ("last".to_owned(), "1".to_owned())]);
        }
    }
}
