//! Applications.

use quorate_api::{Application, ChangeApplication, CreateApplication, Factor, Nothing, Page, PageQuery};
use quorate_app::ApplicationSpec;

use super::paging;
use crate::call::{Answer, Call, Reply};

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Application>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let after = query.after.as_deref();
    let applications = state
        .applications()
        .skip_while(|one| after.is_some_and(|after| &*one.name <= after));
    Ok(Reply::plain(paging::cut(
        applications,
        &query,
        |one| shape(one),
        |one| one.name.to_string(),
    )?))
}

pub(crate) async fn create(call: Call<CreateApplication>) -> Answer<Application> {
    let spec = ApplicationSpec {
        name: call.body.name,
        factors: call.body.factors.into_iter().map(core_factor).collect(),
    };
    Ok(reply(
        &*call.site.administrator.create_application(call.actor, spec).await?,
    ))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Application> {
    Ok(reply(&*call.site.administrator.find_application(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeApplication>) -> Answer<Application> {
    let former = call.site.administrator.find_application(call.name())?;
    let factors = call
        .body
        .factors
        .map(|factors| factors.into_iter().map(core_factor).collect());
    let spec = ApplicationSpec {
        name: call.body.name.unwrap_or_else(|| former.name.to_string()),
        factors: factors.unwrap_or_else(|| former.factors.to_vec()),
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    Ok(reply(
        &*call
            .site
            .administrator
            .change_application(call.actor, former.id, expected, spec)
            .await?,
    ))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let application = call.site.administrator.find_application(call.name())?.id;
    call.site
        .administrator
        .delete_application(call.actor, application, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Application> {
    let application = call.site.administrator.find_application(call.name())?.id;
    Ok(reply(
        &*call
            .site
            .administrator
            .disable_application(call.actor, application, call.expected)
            .await?,
    ))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Application> {
    let application = call.site.administrator.find_application(call.name())?.id;
    Ok(reply(
        &*call
            .site
            .administrator
            .enable_application(call.actor, application, call.expected)
            .await?,
    ))
}

fn reply(application: &quorate_core::Application) -> Reply<Application> {
    Reply::revised(shape(application), application.revision.0)
}

fn shape(application: &quorate_core::Application) -> Application {
    Application {
        id: application.id.to_string(),
        name: application.name.to_string(),
        factors: application.factors.iter().map(api_factor).collect(),
        enabled: application.enabled,
        revision: application.revision.0,
    }
}

fn core_factor(factor: Factor) -> quorate_core::Factor {
    match factor {
        Factor::LocalPassword => quorate_core::Factor::LocalPassword,
        Factor::Totp => quorate_core::Factor::Totp,
    }
}

fn api_factor(factor: &quorate_core::Factor) -> Factor {
    match factor {
        quorate_core::Factor::LocalPassword => Factor::LocalPassword,
        quorate_core::Factor::Totp => Factor::Totp,
    }
}
