//! Directories. Their settings lie sealed in the shape that they have on the wire.

use quorate_api::{
    ChangeDirectory, Confidential, ControllerState, CreateDirectory, Directory, DirectorySettings, DirectorySync,
    Examination, ExamineDirectory, Nothing, Page, PageQuery, ProblemKind, SyncDirectory,
};
use quorate_app::{DirectorySpec, SyncOrder};
use zeroize::Zeroizing;

use super::{examination, paging, pending};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;
use crate::site::Site;

pub(crate) async fn list(call: Call<Nothing>) -> Answer<Page<Directory>> {
    let query: PageQuery = call.query()?;
    let state = call.site.replica.state();
    let after = query.after.as_deref();
    let directories = state
        .directories()
        .skip_while(|one| after.is_some_and(|after| one.id.to_string().as_str() <= after));
    let shaped: Vec<Directory> = directories
        .map(|one| shape(&call.site, one))
        .collect::<Result<_, _>>()?;
    Ok(Reply::plain(paging::cut(
        shaped.into_iter(),
        &query,
        |one| one.clone(),
        |one| one.id.clone(),
    )?))
}

pub(crate) async fn create(call: Call<CreateDirectory>) -> Answer<Directory> {
    let CreateDirectory {
        name,
        domain,
        aliases,
        is_default,
        remember_passwords_h,
        settings,
    } = call.body;
    let spec = DirectorySpec {
        name,
        domain,
        aliases,
        is_default,
        remember_h: remember_passwords_h,
        settings: bytes(&settings)?,
    };
    let made = call.site.administrator.create_directory(call.actor, spec).await?;
    reply(&call.site, &made)
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Directory> {
    reply(&call.site, &*call.site.administrator.find_directory(call.name())?)
}

pub(crate) async fn change(call: Call<ChangeDirectory>) -> Answer<Directory> {
    let administrator = pending::administrator(&call)?;
    let former = call.site.administrator.find_directory(call.name())?;
    let kept = settings(&call.site, &former)?;
    let settings = match call.body.settings {
        None => kept,
        Some(asked) => DirectorySettings {
            account_password: asked.account_password.clone().or(kept.account_password),
            ..asked
        },
    };
    let spec = DirectorySpec {
        name: call.body.name.unwrap_or_else(|| former.name.to_string()),
        domain: former.domain.to_string(),
        aliases: call.body.aliases.unwrap_or_else(|| aliases(&former)),
        is_default: call.body.is_default.unwrap_or(former.naming.is_default),
        remember_h: call.body.remember_passwords_h.unwrap_or(former.memory.hours),
        settings: bytes(&settings)?,
    };
    // What the request leaves out was read just now, so the change is conditional in any case.
    let expected = call.expected.or(Some(former.revision));
    let changed = administrator
        .change_directory(call.actor, former.id, expected, spec)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    let administrator = pending::administrator(&call)?;
    let directory = call.site.administrator.find_directory(call.name())?.id;
    administrator
        .delete_directory(call.actor, directory, call.expected)
        .await?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn disable(call: Call<Nothing>) -> Answer<Directory> {
    let administrator = pending::administrator(&call)?;
    let directory = call.site.administrator.find_directory(call.name())?.id;
    let changed = administrator
        .disable_directory(call.actor, directory, call.expected)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn enable(call: Call<Nothing>) -> Answer<Directory> {
    let administrator = pending::administrator(&call)?;
    let directory = call.site.administrator.find_directory(call.name())?.id;
    let changed = administrator
        .enable_directory(call.actor, directory, call.expected)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn forget_passwords(call: Call<Nothing>) -> Answer<Directory> {
    let directory = call.site.administrator.find_directory(call.name())?.id;
    let changed = call
        .site
        .administrator
        .forget_passwords(call.actor, directory, call.expected)
        .await?;
    reply(&call.site, &changed)
}

pub(crate) async fn examine(call: Call<ExamineDirectory>) -> Answer<Examination> {
    let directory = call.site.administrator.find_directory(call.name())?;
    let password = call.body.password.as_ref().map(secret::clear);
    let person = call.body.user.map(|user| (user, password));
    let steps = call.site.administrator.examine_directory(&directory, person).await;
    Ok(Reply::plain(examination(steps)))
}

pub(crate) async fn sync(call: Call<SyncDirectory>) -> Answer<DirectorySync> {
    let directory = call.site.administrator.find_directory(call.name())?;
    let order = SyncOrder {
        only_look: call.body.dry_run,
        allow_leavers: call.body.allow_leavers,
    };
    let report = call.site.administrator.sync_directory(&directory, order).await?;
    Ok(Reply::plain(DirectorySync {
        seen: report.seen,
        created: report.created,
        updated: report.updated,
        gone: report.gone,
        gone_allowed: report.gone_allowed,
        refused: report.refused.into_iter().map(|(name, why)| [name, why]).collect(),
    }))
}

fn bytes(settings: &DirectorySettings) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let written = serde_json::to_vec(settings).map(Zeroizing::new);
    written.map_err(|error| Failure::new(ProblemKind::Internal).because(error.to_string()))
}

fn settings(site: &Site, directory: &quorate_core::Directory) -> Result<DirectorySettings, Failure> {
    let opened = site.administrator.directory_settings(directory)?;
    serde_json::from_slice(&opened).map_err(|error| {
        Failure::new(ProblemKind::Internal).because(format!("the settings of a directory cannot be read: {error}"))
    })
}

fn aliases(directory: &quorate_core::Directory) -> Vec<String> {
    directory.naming.aliases.iter().map(ToString::to_string).collect()
}

fn reply(site: &Site, directory: &quorate_core::Directory) -> Answer<Directory> {
    Ok(Reply::revised(shape(site, directory)?, directory.revision.0))
}

fn shape(site: &Site, directory: &quorate_core::Directory) -> Result<Directory, Failure> {
    let no_password: Option<Confidential> = None;
    let settings = DirectorySettings {
        account_password: no_password,
        ..settings(site, directory)?
    };
    let standing = site.administrator.directory_standing(directory);
    let controllers = standing.controllers.into_iter();
    Ok(Directory {
        id: directory.id.to_string(),
        name: directory.name.to_string(),
        domain: directory.domain.to_string(),
        aliases: aliases(directory),
        is_default: directory.is_default(),
        remember_passwords_h: directory.memory.hours,
        settings,
        controllers: controllers
            .map(|(controller, well, said)| ControllerState { controller, well, said })
            .collect(),
        enabled: directory.enabled,
        revision: directory.revision.0,
    })
}
