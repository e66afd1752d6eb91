//! Passwords of an import, judged row by row before anything is sent.

use quorate_api::endpoints;
use quorate_app::{BrokenRule, Names, broken_rules};
use quorate_core::PasswordRules;
use quorate_import::{Import, ImportedPassword, ImportedUser};

use crate::cli::api::Api;
use crate::cli::exit::Done;

use super::{import_rows, password_rules};

/// The rules of the cluster.
///
/// # Errors
/// No node answers.
pub async fn rules_of(api: &Api) -> Done<PasswordRules> {
    let policy = api.ask(endpoints::SHOW_POLICY, &[]).await?;
    Ok(password_rules::record(&policy.passwords))
}

/// Makes every row wrong whose password breaks a rule, and leaves its user out. Whether the name of a user is in it is looked for in
/// the name as it is written; a node, which knows the site's domains, looks again.
pub fn judge(import: &mut Import, rules: &PasswordRules) {
    let mut rows = import.user_rows.iter();
    let (mut kept, report) = (Vec::new(), &mut import.report);
    import.users.retain(|user| {
        let row = rows.next().copied().unwrap_or_default();
        let broken = broken_by(user, rules);
        if broken.is_empty() {
            kept.push(row);
            return true;
        }
        let problems: Vec<String> = broken.into_iter().map(BrokenRule::problem).collect();
        import_rows::make_wrong(report, row, "password", &problems.join(", "));
        false
    });
    import.user_rows = kept;
}

fn broken_by(user: &ImportedUser, rules: &PasswordRules) -> Vec<BrokenRule> {
    match (&user.password, Names::default().fold(&user.name.to_string())) {
        (Some(ImportedPassword::Clear(password)), Ok(name)) => broken_rules(rules, &name, password),
        // A name that cannot be is refused by the node.
        (_, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use quorate_import::Outcome;

    use super::*;

    #[test]
    fn a_row_whose_password_breaks_a_rule_is_wrong_and_says_which() {
        let file = b"name,password\nalice,Correct 9 horse\nbob,bob\ncarol,\n";
        let mut import = quorate_import::read(file, &quorate_import::Options::default()).expect("a CSV of users");
        judge(&mut import, &PasswordRules::default());
        let names: Vec<String> = import.users.iter().map(|user| user.name.to_string()).collect();
        assert_eq!(names, ["alice", "carol"]);
        assert_eq!(import.user_rows, [1, 3]);
        let wrong: Vec<(String, String)> = import
            .report
            .wrong()
            .map(|row| match &row.outcome {
                Outcome::Wrong { sentence, .. } => (row.subject.clone(), sentence.clone()),
                _ => unreachable!("a row that is wrong"),
            })
            .collect();
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].0, "bob");
        assert!(
            wrong[0].1.contains("is too short") && wrong[0].1.contains("has no digit"),
            "{wrong:?}"
        );
    }
}
