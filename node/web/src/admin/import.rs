//! Many users at once.

use std::collections::BTreeSet;

use quorate_api::{FieldProblem, ImportUser, ImportUsers, ImportedUsers, limits};
use quorate_app::{Administrator, BrokenRule, BulkUser, Names};
use quorate_core::UserName;

use super::token_spec;
use crate::call::{Answer, Call, Reply};
use crate::failure::Failure;
use crate::secret;

pub(crate) async fn users(call: Call<ImportUsers>) -> Answer<ImportedUsers> {
    let ImportUsers { shared_password, users } = call.body;
    let password = shared_password.as_ref().map(secret::clear);
    let users = check(
        &call.site.administrator,
        password.as_ref().map(|text| text.as_str()),
        users,
    )?;
    let done = call
        .site
        .administrator
        .create_users_in_bulk(call.actor, password, users, |_| ())
        .await?;
    Ok(Reply::plain(ImportedUsers {
        created: done.created,
        existing: done.existing,
    }))
}

/// Checks all of them, because they become several commands, and a mistake in the last must stop
/// the first.
fn check(
    administrator: &Administrator,
    password: Option<&str>,
    users: Vec<ImportUser>,
) -> Result<Vec<BulkUser>, Failure> {
    let names = administrator.names();
    if !(1..=limits::IMPORT_MAX).contains(&users.len()) {
        return Err(Failure::field(
            "users",
            "has the wrong number of entries",
            format!("1 to {}; send more in chunks", limits::IMPORT_MAX),
        ));
    }
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut checked = Vec::with_capacity(users.len());
    for (place, user) in users.into_iter().enumerate() {
        wrong.extend(name_problem(names, &user.name, &mut seen).map(|problem| field(place, "name", problem)));
        wrong.extend(password_problems(administrator, place, &user.name, password));
        match secret::seed(
            &format!("users[{place}].token.secret_base32"),
            &user.token.secret_base32,
        ) {
            Ok(seed) => {
                let token = token_spec::totp(user.token.algorithm, user.token.digits, user.token.period_s);
                checked.push(BulkUser {
                    name: user.name,
                    token,
                    seed,
                });
            }
            Err(failure) => wrong.extend(failure.problem.errors),
        }
    }
    if wrong.is_empty() {
        Ok(checked)
    } else {
        Err(Failure::invalid(wrong))
    }
}

/// Each row has a name of its own that the password may not have in it.
fn password_problems(
    administrator: &Administrator,
    place: usize,
    name: &str,
    password: Option<&str>,
) -> Vec<FieldProblem> {
    let (Some(password), Ok(name)) = (password, administrator.names().fold(name)) else {
        return Vec::new();
    };
    let problem = |rule: BrokenRule| FieldProblem {
        field: format!("users[{place}].password"),
        problem: rule.problem(),
        hint: rule.hint(),
    };
    administrator
        .broken_rules(&name, password)
        .into_iter()
        .map(problem)
        .collect()
}

fn name_problem(names: &Names, name: &str, seen: &mut BTreeSet<UserName>) -> Option<String> {
    match names.fold(name) {
        Ok(name) if seen.contains(&name) => Some("is there twice in this request".to_owned()),
        Ok(name) => {
            seen.insert(name);
            None
        }
        Err(problem) => Some(problem.to_string()),
    }
}

fn field(place: usize, member: &str, problem: String) -> FieldProblem {
    FieldProblem {
        field: format!("users[{place}].{member}"),
        problem,
        hint: "name, DOMAIN\\name or name@domain".into(),
    }
}
