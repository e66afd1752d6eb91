//! A person's record.

use super::entry::Entry;
use crate::{
    dn, fields,
    intake::{RowRefusal, Taken},
    limits,
    model::{ImportedPassword, ImportedUser, UserName},
    password::{self, PasswordScheme},
    report::Wrong,
    text::utf8,
};

const PERSON: [&str; 7] = [
    "inetorgperson",
    "organizationalperson",
    "person",
    "user",
    "posixaccount",
    "account",
    "inetuser",
];

/// The bit of Active Directory's userAccountControl that disables an account.
const ACCOUNT_DISABLED: u64 = 2;

/// How Active Directory and shadow say that an account does not expire.
const NEVER: [&str; 3] = ["0", "9223372036854775807", "-1"];

/// Whether a record is a person's: by its class, or by a uid where it has no class.
pub(crate) fn is_person(entry: &Entry) -> bool {
    let mut classes = entry.values("objectclass").peekable();
    if classes.peek().is_none() {
        return entry.values("uid").next().is_some();
    }
    let (mut person, mut machine) = (false, false);
    for class in classes {
        person |= PERSON.iter().any(|name| class.eq_ignore_ascii_case(name.as_bytes()));
        machine |= class.eq_ignore_ascii_case(b"computer");
    }
    person && !machine
}

pub(crate) fn read(entry: &Entry) -> Result<Taken, RowRefusal> {
    let name = name(entry)?;
    let mut user = ImportedUser::named(name);
    user.display_name = display_name(entry, &user.name)?;
    user.mail = fields::description("mail", entry.text("mail")?)?;
    let mobile = entry.text("mobile")?.or(entry.text("telephonenumber")?);
    user.mobile = fields::description("mobile", mobile)?;
    user.language = fields::description("preferredLanguage", entry.text("preferredlanguage")?)?;
    for group in entry.values("memberof") {
        add_group(&mut user, utf8("memberOf", group)?)?;
    }
    user.password = password(entry)?;
    user.enabled = is_enabled(entry)?;
    Ok(Taken {
        user: Some(user),
        token: None,
        notes: notes(entry)?,
    })
}

fn notes(entry: &Entry) -> Result<Vec<String>, Wrong> {
    let mut notes = Vec::new();
    if entry.values("uid").count() > 1 {
        notes.push("there are several values of uid; the first is the name".to_owned());
    }
    for attribute in ["accountexpires", "shadowexpire"] {
        let expires = entry.text(attribute)?.is_some_and(|at| !NEVER.contains(&at));
        if expires {
            notes.push(format!(
                "{attribute} is not taken over: disable the user if the date has passed"
            ));
        }
    }
    Ok(notes)
}

fn name(entry: &Entry) -> Result<UserName, Wrong> {
    for attribute in ["uid", "samaccountname", "userprincipalname"] {
        if let Some(text) = entry.text(attribute)? {
            return fields::user_name(attribute, text);
        }
    }
    Err(Wrong::new(
        "uid",
        "is missing, and so are sAMAccountName and userPrincipalName",
    ))
}

/// displayName, or the cn where it is another than the name.
fn display_name(entry: &Entry, name: &UserName) -> Result<Option<String>, Wrong> {
    if let Some(text) = entry.text("displayname")? {
        return fields::description("displayName", Some(text));
    }
    let other = entry
        .text("cn")?
        .filter(|cn| *cn != name.name && *cn != name.to_string());
    fields::description("cn", other)
}

fn add_group(user: &mut ImportedUser, text: &str) -> Result<(), Wrong> {
    if user.groups.len() >= limits::GROUPS_PER_USER {
        return Err(Wrong::new(
            "memberOf",
            format!("has more than {} values", limits::GROUPS_PER_USER),
        ));
    }
    let group = dn::first_value(text).unwrap_or_else(|| text.to_owned());
    user.groups.insert(fields::checked_name("memberOf", &group)?.to_owned());
    Ok(())
}

/// The first password that can be checked, or else the first; the NT hash where there is no other.
fn password(entry: &Entry) -> Result<Option<ImportedPassword>, Wrong> {
    let mut best: Option<ImportedPassword> = None;
    for value in entry.values("userpassword") {
        let text = utf8("userPassword", value)?;
        let password = if text.starts_with(['{', '$']) {
            password::hashed("userPassword", text)?
        } else {
            ImportedPassword::Clear(fields::clear_password("userPassword", text)?)
        };
        let better = match (&best, &password) {
            (None, _) => true,
            (Some(ImportedPassword::Hash(best)), ImportedPassword::Hash(hash)) => {
                hash.is_verifiable() && !best.is_verifiable()
            }
            (Some(ImportedPassword::Hash(_)), ImportedPassword::Clear(_)) => true,
            (Some(ImportedPassword::Clear(_)), _) => false,
        };
        if better {
            best = Some(password);
        }
    }
    if let (None, Some(digits)) = (&best, entry.text("sambantpassword")?) {
        return password::checked("sambaNTPassword", PasswordScheme::NtHash, &format!("{{NT}}{digits}")).map(Some);
    }
    Ok(best)
}

fn is_enabled(entry: &Entry) -> Result<bool, Wrong> {
    if let Some(control) = entry.text("useraccountcontrol")?
        && fields::number("userAccountControl", control)? & ACCOUNT_DISABLED != 0
    {
        return Ok(false);
    }
    if let Some(lock) = entry.text("nsaccountlock")?
        && fields::truth("nsAccountLock", lock)?
    {
        return Ok(false);
    }
    // RFC-to-be of password policies: this very time means locked for good; any other is a lockout that ends.
    Ok(entry.text("pwdaccountlockedtime")? != Some("000001010000Z"))
}
