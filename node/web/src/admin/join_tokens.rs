//! Join tokens.

use std::time::Duration;

use quorate_api::{Confidential, CreateJoinToken, CreatedJoinToken, JoinToken, Nothing, Page, PageQuery, limits};
use quorate_core::JoinTokenId;

use super::paging;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<JoinToken>> {
    let query: PageQuery = call.query()?;
    let after: Option<JoinTokenId> = match &query.after {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Failure::field("after", "is no join token", "the `next` of the page before"))?,
        ),
        None => None,
    };
    let state = call.site.replica.state();
    let tokens = state
        .join_tokens()
        .skip_while(|token| after.is_some_and(|after| token.id <= after));
    Ok(Reply::plain(paging::cut(
        tokens,
        &query,
        |token| shape(token),
        |token| token.id.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateJoinToken>) -> Answer<CreatedJoinToken> {
    let address = match call.body.address {
        Some(address) => checked(address)?,
        None => call.site.join_address.clone(),
    };
    let lifetime = Duration::from_secs(call.body.lifetime_s.unwrap_or(limits::JOIN_TOKEN_LIFETIME_S));
    let issued = call
        .site
        .administrator
        .issue_join_token(call.actor, lifetime)
        .await
        .map_err(lifetime_field)?;
    let token = (call.site.write_join_token)(&issued);
    let created = CreatedJoinToken {
        join_token: JoinToken {
            id: issued.id.to_string(),
            expires_ms: issued.expires_ms,
            spent_by: None,
        },
        command: Confidential::new(format!("quorate join {address} --token {}", token.as_str())),
        token: secret::shown(&token),
    };
    Ok(Reply::plain(created))
}

/// The address goes into a line that somebody pastes into a root shell.
fn checked(address: String) -> Result<String, Failure> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let port = address
        .rsplit_once(':')
        .map(|(_, port)| port.parse::<u16>().is_ok_and(|port| port != 0));
    match address.chars().all(harmless) && !address.starts_with(['-', ':']) && port == Some(true) {
        true => Ok(address),
        false => Err(Failure::field(
            "address",
            "is not HOST:PORT",
            "such as node1.example.org:7443 or [2001:db8::1]:7443",
        )),
    }
}

fn lifetime_field(error: quorate_app::AdminError) -> Failure {
    let mut failure = Failure::from(error);
    for error in failure
        .problem
        .errors
        .iter_mut()
        .filter(|error| error.field == "lifetime")
    {
        error.field = "lifetime_s".to_owned();
    }
    failure
}

fn shape(token: &quorate_core::JoinToken) -> JoinToken {
    JoinToken {
        id: token.id.to_string(),
        expires_ms: token.expires_ms,
        spent_by: token.spent_by.map(|node| node.0),
    }
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn an_address_cannot_smuggle_a_command() {
        for good in [
            "node1:7443",
            "node1.example.org:7443",
            "192.0.2.1:7443",
            "[2001:db8::1]:7443",
        ] {
            assert!(checked(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "node1",
            "node1:0",
            ":7443",
            "-x:7443",
            "a:1; rm -rf /:7443",
            "$(id):7443",
            "a b:7443",
            "node1:70000",
        ] {
            assert!(checked(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
