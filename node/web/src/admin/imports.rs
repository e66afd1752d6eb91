//! Imports: gathered page by page, made by one order.

use data_encoding::HEXLOWER_PERMISSIVE;
use quorate_api::{
    Argon2idHash, CommitImport, Confidential, FieldProblem, ForeignHash, ForeignScheme, GatherRows, GatheredRows,
    Import, ImportRow, ImportedToken, ImportedUser, LeftOut, Nothing, WrongRow, limits,
};
use quorate_app::{Argon2idParts, FieldError, ImportStanding, ImportedPassword, PasswordVerifier, RowVerdict};
use quorate_core::Channel;
use zeroize::Zeroizing;

use super::{field_problem, token_spec};
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;

pub(crate) async fn begin(call: Call<Nothing>) -> Answer<Import> {
    let id = call.site.administrator.begin_import(call.actor)?;
    Ok(Reply::plain(shape(&id, ImportStanding::default())))
}

pub(crate) async fn show(call: Call<Nothing>) -> Answer<Import> {
    let standing = call.site.administrator.import_standing(call.actor, call.name())?;
    Ok(Reply::plain(shape(call.name(), standing)))
}

pub(crate) async fn delete(call: Call<Nothing>) -> Answer<Nothing> {
    call.site.administrator.drop_import(call.actor, call.name())?;
    Ok(Reply::plain(Nothing))
}

pub(crate) async fn commit(call: Call<CommitImport>) -> Answer<Import> {
    let skip_wrong = call.body.skip_wrong;
    let administrator = &call.site.administrator;
    let standing = administrator.commit_import(call.actor, call.name(), skip_wrong).await?;
    Ok(Reply::plain(shape(call.name(), standing)))
}

/// A row that cannot even be read is as wrong as one that cannot be made; the others are judged all the same.
pub(crate) async fn gather(call: Call<GatherRows>) -> Answer<GatheredRows> {
    let import = call.name().to_owned();
    let Call {
        site,
        actor,
        body,
        deadline,
        ..
    } = call;
    if !(1..=limits::IMPORT_MAX).contains(&body.rows.len()) {
        let hint = format!("1 to {}; send more in chunks", limits::IMPORT_MAX);
        return Err(Failure::field("rows", "has the wrong number of entries", hint));
    }
    let mut answer = GatheredRows::default();
    let (mut places, mut rows) = (Vec::new(), Vec::new());
    for (place, row) in (0u32..).zip(body.rows) {
        match read(row) {
            Ok(row) => {
                places.push(place);
                rows.push(row);
            }
            Err(failure) => answer.wrong.push(WrongRow {
                row: place,
                errors: failure.problem.errors,
            }),
        }
    }
    let unreadable = answer.wrong.len() as u64;
    let verdicts = site
        .administrator
        .gather_rows(actor, &import, (rows, unreadable), body.only_look, deadline)
        .await?;
    for (row, verdict) in places.into_iter().zip(verdicts) {
        match verdict {
            RowVerdict::New => (),
            RowVerdict::There => answer.there.push(row),
            RowVerdict::Wrong(errors) => {
                let errors: Vec<FieldProblem> = errors.into_iter().map(named).collect();
                answer.wrong.push(WrongRow { row, errors });
            }
        }
    }
    answer.wrong.sort_by_key(|wrong| wrong.row);
    Ok(Reply::plain(answer))
}

/// The use case knows a seed in bytes; this API, in base32.
fn named(error: FieldError) -> FieldProblem {
    let mut problem = field_problem(error);
    if problem.field == "seed" {
        problem.field = "secret_base32".to_owned();
    }
    problem
}

fn read(row: ImportRow) -> Result<quorate_app::ImportRow, Failure> {
    match row {
        ImportRow::User(user) => Ok(quorate_app::ImportRow::User(read_user(user)?)),
        ImportRow::Token(ImportedToken { owner, token, disabled }) => {
            let spec = token_spec::read(token)?;
            Ok(quorate_app::ImportRow::Token(quorate_app::ImportedToken {
                owner,
                spec,
                disabled,
            }))
        }
    }
}

fn read_user(user: ImportedUser) -> Result<quorate_app::ImportedUser, Failure> {
    let password = match (&user.password, &user.password_hash, &user.foreign_hash) {
        (None, None, None) => None,
        (Some(clear), None, None) => Some(ImportedPassword::Clear(secret::clear(clear))),
        (None, Some(hash), None) => Some(ImportedPassword::Verifier(verifier(hash)?)),
        (None, None, Some(hash)) => Some(ImportedPassword::Foreign(foreign(hash)?)),
        (_, _, _) => return Err(Failure::field("password", "is there beside its hash", "leave one out")),
    };
    let said = [
        (Channel::Sms, &user.sms),
        (Channel::Voice, &user.voice),
        (Channel::Email, &user.email),
    ];
    let addresses = said
        .into_iter()
        .filter_map(|(channel, address)| Some((channel, secret::clear(address.as_ref()?))));
    Ok(quorate_app::ImportedUser {
        password,
        addresses: addresses.collect(),
        name: user.name,
        display_name: user.display_name,
        groups: user.groups,
        language: user.language,
        disabled: user.disabled,
    })
}

fn verifier(hash: &Argon2idHash) -> Result<PasswordVerifier, Failure> {
    let wrong = || {
        let hint = "Argon2id, version 19, 16 bytes of salt, 32 of hash, 64 MiB and 16 passes at most";
        Failure::field("password_hash", "cannot be verified", hint)
    };
    let (salt, tag) = (hex(&hash.salt).ok_or_else(wrong)?, hex(&hash.hash).ok_or_else(wrong)?);
    let parts = Argon2idParts {
        memory_kib: hash.memory_kib,
        passes: hash.passes,
        lanes: hash.lanes,
        salt: salt[..].try_into().map_err(|_| wrong())?,
        hash: Zeroizing::new(tag[..].try_into().map_err(|_| wrong())?),
    };
    PasswordVerifier::from_parts(parts).map_err(|_| wrong())
}

fn foreign(hash: &ForeignHash) -> Result<quorate_app::ForeignHash, Failure> {
    let wrong = || {
        let hint = "the digest's own length, and cost and salt within the limits of the scheme";
        Failure::field("foreign_hash", "cannot be verified", hint)
    };
    let salt = match &hash.salt {
        Some(salt) => hex(salt).ok_or_else(wrong)?,
        None => Zeroizing::default(),
    };
    let digest = hex(&hash.hash).ok_or_else(wrong)?;
    quorate_app::ForeignHash::new(scheme(hash.scheme), hash.cost, &salt, digest).map_err(|_| wrong())
}

const fn scheme(scheme: ForeignScheme) -> quorate_app::ForeignScheme {
    use quorate_app::ForeignScheme as Verified;
    match scheme {
        ForeignScheme::Md5 => Verified::Md5,
        ForeignScheme::Sha1 => Verified::Sha1,
        ForeignScheme::Sha256 => Verified::Sha256,
        ForeignScheme::Sha384 => Verified::Sha384,
        ForeignScheme::Sha512 => Verified::Sha512,
        ForeignScheme::Nt => Verified::Nt,
        ForeignScheme::Pbkdf2Sha1 => Verified::Pbkdf2Sha1,
        ForeignScheme::Pbkdf2Sha256 => Verified::Pbkdf2Sha256,
        ForeignScheme::Pbkdf2Sha512 => Verified::Pbkdf2Sha512,
        ForeignScheme::Sha256Crypt => Verified::Sha256Crypt,
        ForeignScheme::Sha512Crypt => Verified::Sha512Crypt,
        ForeignScheme::Bcrypt => Verified::Bcrypt,
        ForeignScheme::Yescrypt => Verified::Yescrypt,
    }
}

fn hex(text: &Confidential) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.expose().as_bytes());
    bytes.ok().map(Zeroizing::new)
}

fn shape(id: &str, standing: ImportStanding) -> Import {
    let left_out = standing.first_left_out.into_iter();
    Import {
        id: id.to_owned(),
        waiting: standing.waiting,
        wrong: standing.wrong,
        users_created: standing.users_created,
        users_there: standing.users_there,
        tokens_created: standing.tokens_created,
        tokens_there: standing.tokens_there,
        left_out: standing.left_out,
        first_left_out: left_out.map(|(subject, why)| LeftOut { subject, why }).collect(),
    }
}
