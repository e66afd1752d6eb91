//! What a login needs: an application, two RADIUS clients, a user with a password and a token.

use quorate_api::{
    Confidential, CreateApplication, CreateClient, CreateToken, CreateUser, Endpoint, Modes, Way, endpoints,
};
use serde::{Serialize, de::DeserializeOwned};

use super::plan::{Home, Plan};
use crate::cli::{api::Api, exit::Done};

/// Requests from here may use both ways of giving password and code.
pub const BOTH_STEPS_FROM: &str = "127.0.0.1";

/// Requests from here carry the code alone.
pub const PASSCODE_FROM: &str = "127.0.0.2";

const APPLICATION: &str = "demo";

/// Creates them, unless an earlier demo did.
pub async fn create(api: &Api, home: &Home, plan: &mut Plan) -> Done {
    if plan.filled {
        return Ok(());
    }
    super::tell("creating the application, the RADIUS clients, the user and the token");
    let application = CreateApplication {
        name: APPLICATION.to_owned(),
        factors: vec![vec![Way::Password], vec![Way::Code]],
        passthru_until_ms: None,
        enrolment: None,
    };
    make(api, endpoints::CREATE_APPLICATION, &[], &application).await?;
    let both = Modes {
        one_step: true,
        two_step: true,
        passcode_only: false,
    };
    make(
        api,
        endpoints::CREATE_CLIENT,
        &[],
        &client(plan, "demo-gateway", BOTH_STEPS_FROM, both),
    )
    .await?;
    let passcode = Modes {
        one_step: false,
        two_step: false,
        passcode_only: true,
    };
    make(
        api,
        endpoints::CREATE_CLIENT,
        &[],
        &client(plan, "demo-passcode", PASSCODE_FROM, passcode),
    )
    .await?;
    let user = CreateUser {
        name: plan.user.clone(),
        display_name: "Demo User".to_owned(),
        password: Some(Confidential::from(plan.password.as_str())),
        role: None,
        must_change_password: false,
    };
    make(api, endpoints::CREATE_USER, &[], &user).await?;
    token(api, plan).await?;
    plan.filled = true;
    home.remember(plan)
}

fn client(plan: &Plan, name: &str, network: &str, modes: Modes) -> CreateClient {
    CreateClient {
        name: name.to_owned(),
        device_type: "vpn".to_owned(),
        networks: vec![network.to_owned()],
        secret: Some(Confidential::from(plan.secret.as_str())),
        modes,
        require_message_authenticator: true,
        application: APPLICATION.to_owned(),
        ..CreateClient::default()
    }
}

/// Token names need not be unique, so a repeated start looks before it creates.
async fn token(api: &Api, plan: &Plan) -> Done {
    let (tokens, _) = api.list(endpoints::LIST_TOKENS, &[&plan.user], 1).await?;
    if tokens.is_empty() {
        let create = CreateToken {
            name: "demo".to_owned(),
            secret_base32: Some(Confidential::from(plan.seed_base32.as_str())),
            ..CreateToken::default()
        };
        api.tell(endpoints::CREATE_TOKEN, &[&plan.user], &create).await?;
    }
    Ok(())
}

/// Creates something; that it is there already means that an earlier start got this far.
async fn make<B: Serialize, T: DeserializeOwned>(
    api: &Api,
    endpoint: Endpoint<B, T>,
    names: &[&str],
    body: &B,
) -> Done {
    match api.tell(endpoint, names, body).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.conflict => Ok(()),
        Err(failure) => Err(failure),
    }
}
