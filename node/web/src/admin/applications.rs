//! Applications.

use quorate_api::{
    Application, ChangeApplication, CreateApplication, Enrolment, Factor, Nothing, Page, PageQuery, Previewed, Way,
};
use quorate_app::ApplicationSpec;
use quorate_core::{CodeKind, CodeKinds};

use super::{care, paging, pending};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;

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
        factors: core_factors(&call.body.factors)?,
        passthru_until_ms: call.body.passthru_until_ms.filter(|at_ms| *at_ms > 0),
        enrolment: core_enrolment(call.body.enrolment.unwrap_or_default()),
    };
    Ok(reply(
        &*call.site.administrator.create_application(call.actor, spec).await?,
    ))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Application> {
    Ok(reply(&*call.site.administrator.find_application(call.name())?))
}

pub(crate) async fn change(call: Call<ChangeApplication>) -> Answer<Previewed<Application>> {
    let administrator = care::asked(&call)?;
    let former = call.site.administrator.find_application(call.name())?;
    let factors = call.body.factors.as_deref().map(core_factors).transpose()?;
    let spec = ApplicationSpec {
        name: call.body.name.unwrap_or_else(|| former.name.to_string()),
        factors: factors.unwrap_or_else(|| former.factors.to_vec()),
        passthru_until_ms: call
            .body
            .passthru_until_ms
            .or(former.passthru_until_ms)
            .filter(|at_ms| *at_ms > 0),
        enrolment: call.body.enrolment.map_or(former.enrolment, core_enrolment),
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let state = call.site.replica.state();
    let changed = administrator
        .change_application(call.actor, former.id, expected, spec)
        .await;
    care::reply(&state, changed, |one| reply(&one))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let administrator = pending::administrator(&call)?;
    let application = call.site.administrator.find_application(call.name())?.id;
    administrator
        .delete_application(call.actor, application, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Application> {
    let administrator = pending::administrator(&call)?;
    let application = call.site.administrator.find_application(call.name())?.id;
    Ok(reply(
        &*administrator
            .disable_application(call.actor, application, call.expected)
            .await?,
    ))
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Application> {
    let administrator = pending::administrator(&call)?;
    let application = call.site.administrator.find_application(call.name())?.id;
    Ok(reply(
        &*administrator
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
        passthru_until_ms: application.passthru_until_ms,
        enrolment: match application.enrolment {
            quorate_core::Enrolment::Off => Enrolment::Off,
            quorate_core::Enrolment::ByPassword => Enrolment::Password,
            quorate_core::Enrolment::ByRegistrationCode => Enrolment::RegistrationCode,
        },
        enabled: application.enabled,
        revision: application.revision.0,
    }
}

const fn core_enrolment(way: Enrolment) -> quorate_core::Enrolment {
    match way {
        Enrolment::Off => quorate_core::Enrolment::Off,
        Enrolment::Password => quorate_core::Enrolment::ByPassword,
        Enrolment::RegistrationCode => quorate_core::Enrolment::ByRegistrationCode,
    }
}

fn core_factors(factors: &[Factor]) -> Result<Vec<quorate_core::Factor>, Failure> {
    factors
        .iter()
        .enumerate()
        .map(|(place, ways)| core_factor(ways).ok_or_else(|| mixed(place)))
        .collect()
}

fn mixed(place: usize) -> Failure {
    Failure::field(
        format!("factors[{place}]"),
        "is empty, or mixes a password with codes",
        "[\"password\"], or any of code, totp, hotp, yubikey, recovery, temporary, static",
    )
}

fn core_factor(ways: &[Way]) -> Option<quorate_core::Factor> {
    match ways {
        [] => None,
        [Way::Password] => Some(quorate_core::Factor::Password),
        ways => {
            let kinds: Option<Vec<Vec<CodeKind>>> = ways.iter().map(code_kinds).collect();
            Some(quorate_core::Factor::Code(kinds?.into_iter().flatten().collect()))
        }
    }
}

fn code_kinds(way: &Way) -> Option<Vec<CodeKind>> {
    let kind = match way {
        Way::Password => return None,
        Way::Code => return Some(CodeKinds::CARRIED.iter().collect()),
        Way::Totp => CodeKind::Totp,
        Way::Hotp => CodeKind::Hotp,
        Way::Yubikey => CodeKind::Yubikey,
        Way::Recovery => CodeKind::Recovery,
        Way::Temporary => CodeKind::Temporary,
        Way::Sms => CodeKind::Sms,
        Way::Email => CodeKind::Email,
        Way::Voice => CodeKind::Voice,
        Way::Static => CodeKind::Static,
        Way::Registration => CodeKind::Registration,
    };
    Some(vec![kind])
}

pub(super) fn api_factor(factor: &quorate_core::Factor) -> Factor {
    match factor {
        quorate_core::Factor::Password => vec![Way::Password],
        quorate_core::Factor::Code(CodeKinds::CARRIED) => vec![Way::Code],
        quorate_core::Factor::Code(kinds) => kinds.iter().map(api_way).collect(),
    }
}

const fn api_way(kind: CodeKind) -> Way {
    match kind {
        CodeKind::Totp => Way::Totp,
        CodeKind::Hotp => Way::Hotp,
        CodeKind::Yubikey => Way::Yubikey,
        CodeKind::Recovery => Way::Recovery,
        CodeKind::Temporary => Way::Temporary,
        CodeKind::Sms => Way::Sms,
        CodeKind::Email => Way::Email,
        CodeKind::Voice => Way::Voice,
        CodeKind::Static => Way::Static,
        CodeKind::Registration => Way::Registration,
    }
}
