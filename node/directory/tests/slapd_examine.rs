//! Against OpenLDAP: what the operator is told, step by step, when something is wrong and when nothing is.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use quorate_directories::{Authority, PASSWORD, Slapd, person};
use quorate_directory::{Directory, NotUsable, Outcome, Security, Settings, Step, StepReport, Trust};
use support::{controller, secret, settings, slapd, soon};

async fn examine(settings: Settings, name: Option<&str>, password: Option<&str>) -> Vec<StepReport> {
    let password = password.map(secret);
    let reports = Directory::new(settings)
        .unwrap()
        .examine(name, password.as_ref(), soon())
        .await;
    for report in &reports {
        println!("{} {:?} {:?} {}", report.step, report.outcome, report.took, report.says);
    }
    reports
}

/// Every step but the last passed; the last failed, at this step, and says all of this.
fn assert_fails(reports: &[StepReport], step: Step, says: &[&str]) {
    let (last, before) = reports.split_last().unwrap();
    assert!(
        before.iter().all(|report| report.outcome == Outcome::Passed),
        "{before:?}"
    );
    assert_eq!((last.step, last.outcome), (step, Outcome::Failed), "{last:?}");
    for part in says {
        assert!(last.says.contains(part), "{part:?} is not in {:?}", last.says);
    }
}

#[tokio::test]
async fn everything_that_works_is_said_to_work() {
    let (authority, slapd) = slapd();
    let manager = "manager: cn=quorate,dc=example,dc=org\n";
    slapd.add(&person("alice", manager)).unwrap();
    slapd
        .add("dn: cn=staff,ou=groups,dc=example,dc=org\nobjectClass: groupOfNames\nmember: uid=alice,ou=people,dc=example,dc=org\n")
        .unwrap();
    let reports = examine(settings(&authority, &[&slapd]), Some("alice"), Some(PASSWORD)).await;
    let steps: Vec<Step> = reports.iter().map(|report| report.step).collect();
    let all = [
        Step::Resolve,
        Step::Connect,
        Step::Tls,
        Step::ServiceAccount,
        Step::Base,
        Step::Search,
        Step::Attributes,
        Step::Groups,
        Step::Password,
    ];
    assert_eq!(steps, all);
    assert!(
        reports.iter().all(|report| report.outcome == Outcome::Passed),
        "{reports:?}"
    );
    assert!(
        reports[2].says.contains("issued by CN=Example CA"),
        "{}",
        reports[2].says
    );
    assert!(reports[7].says.contains("1 groups: staff"), "{}", reports[7].says);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let reports = examine(settings(&authority, &[&slapd]), Some("p1"), Some("wrong")).await;
    let said = |step| reports.iter().find(|report| report.step == step).unwrap();
    assert_eq!(said(Step::Attributes).outcome, Outcome::Warning);
    assert!(
        said(Step::Attributes).says.contains("has no manager"),
        "{}",
        said(Step::Attributes).says
    );
    assert_eq!(said(Step::Groups).outcome, Outcome::Warning);
    assert_eq!(
        (said(Step::Password).outcome, &said(Step::Password).says[..]),
        (Outcome::Failed, "wrong password")
    );
    let reports = examine(settings(&authority, &[&slapd]), None, None).await;
    let skipped = reports
        .iter()
        .filter(|report| report.outcome == Outcome::Skipped)
        .count();
    assert_eq!((skipped, reports.len()), (3, 9));
    let reports = examine(settings(&authority, &[&slapd]), Some("nobody"), None).await;
    assert_fails(
        &reports,
        Step::Search,
        &["(uid=nobody)", "finds nobody under dc=example,dc=org"],
    );
}

#[tokio::test]
async fn every_mistake_is_named() {
    let (authority, slapd) = slapd();
    slapd.add_people("p", 1).unwrap();
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&authority, &[&slapd]);
        change(&mut settings);
        settings
    };
    let other = Authority::new("Another CA").unwrap();
    let wrong_authority = with(&|settings| settings.trust = Trust::Authority(other.pem.clone()));
    assert_fails(
        &examine(wrong_authority, None, None).await,
        Step::Tls,
        &["issuer is none of the authorities", "CN=Example CA"],
    );
    let pinned = with(&|settings| settings.trust = Trust::Pinned(vec![[7; 32]]));
    assert_fails(
        &examine(pinned, None, None).await,
        Step::Tls,
        &["not the pinned certificate", "SHA-256"],
    );
    let wrong_name = with(&|settings| settings.controllers[0].host = "localhost".to_owned());
    assert_fails(
        &examine(wrong_name, None, None).await,
        Step::Tls,
        &["it is not for localhost", "for 127.0.0.1"],
    );
    let no_name = with(&|settings| settings.controllers[0].host = "nobody.invalid".to_owned());
    assert_fails(
        &examine(no_name, None, None).await,
        Step::Resolve,
        &["nobody.invalid cannot be resolved"],
    );
    let wrong_port = with(&|settings| settings.controllers[0].port = 1);
    assert_fails(
        &examine(wrong_port, None, None).await,
        Step::Connect,
        &["refused", "look at the port"],
    );
    let no_tls = with(&|settings| settings.controllers = vec![controller(slapd.address(), Security::Ldaps)]);
    assert_fails(
        &examine(no_tls, None, None).await,
        Step::Tls,
        &["the port may not speak TLS"],
    );
    let wrong_password = with(&|settings| settings.account.password = secret("wrong"));
    assert_fails(
        &examine(wrong_password, None, None).await,
        Step::ServiceAccount,
        &["cn=quorate", "invalidCredentials (49)"],
    );
    let wrong_base = with(&|settings| settings.base = "ou=nowhere,dc=example,dc=org".to_owned());
    let says = &["ou=nowhere,dc=example,dc=org does not exist; what exists is dc=example,dc=org"];
    assert_fails(&examine(wrong_base, None, None).await, Step::Base, says);
}

#[tokio::test]
async fn an_expired_certificate_is_said_to_be_one() {
    let authority = Authority::new("Example CA").unwrap();
    let slapd = Slapd::start(&authority.certify_expired(&["127.0.0.1"]).unwrap()).unwrap();
    let reports = examine(settings(&authority, &[&slapd]), None, None).await;
    assert_fails(&reports, Step::Tls, &["it has expired"]);
}

#[tokio::test]
async fn every_controller_is_examined() {
    let (authority, first) = slapd();
    let (_, second) = slapd();
    first.add_people("p", 1).unwrap();
    let mut three = settings(&authority, &[&second, &first, &first]);
    three.controllers[2].host = "localhost".to_owned();
    let reports = examine(three, Some("p1"), Some(PASSWORD)).await;
    let failed: Vec<Step> = reports
        .iter()
        .filter(|report| report.outcome == Outcome::Failed)
        .map(|report| report.step)
        .collect();
    assert_eq!(failed, [Step::Tls, Step::Tls], "another authority, another name");
    let last = reports.iter().find(|report| report.step == Step::Password).unwrap();
    assert_eq!(last.outcome, Outcome::Passed);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let authority = Authority::new("Example CA").unwrap();
    let mut wrong = settings(&authority, &[]);
    wrong.name = String::new();
    wrong.base = "example.org".to_owned();
    wrong.user_filter = "(&(uid=alice)".to_owned();
    wrong.member_filter = Some("(x={name})".to_owned());
    wrong.trust = Trust::Authority("no certificate".to_owned());
    wrong.account.password = secret("");
    wrong.attributes.mail = Some("e mail".to_owned());
    wrong.width = 0;
    wrong.controllers = vec![controller("127.0.0.1:636".parse().unwrap(), Security::Ldaps); 2];
    wrong.controllers[1].port = 0;
    let problems = wrong.check().unwrap_err();
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "name",
        "controllers[1].port",
        "trust",
        "account.password",
        "base",
        "user_filter",
        "user_filter",
        "member_filter",
        "attributes.mail",
        "width",
    ];
    assert_eq!(fields, expected, "{problems:?}");
    let Err(NotUsable::Settings(refused)) = Directory::new(wrong) else {
        panic!("it was taken")
    };
    assert_eq!(refused, problems);
}
