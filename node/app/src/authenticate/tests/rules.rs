//! Rules, as they meet logins on their way, and as they are tried on logins of the past.

use quorate_core::plan::Waiver;

use super::*;
use crate::administer::{ExplainSpec, RuleSpec, WhatIfError, WhatIfSpec};
use crate::audit::AuditReader;
use crate::testing::{Shelf, TestSigner};

fn reader(gateway: &Gateway) -> AuditReader {
    let node = NodeId(1);
    AuditReader::new(
        gateway.world.replica.clone(),
        Arc::<Shelf>::default(),
        Arc::new(TestSigner(node)),
        node,
    )
}

fn everybody(application: &str) -> RuleSpec {
    RuleSpec {
        name: "everybody".to_owned(),
        application: Some(application.to_owned()),
        ..RuleSpec::default()
    }
}

#[tokio::test]
async fn a_rule_that_changes_in_the_midst_of_a_login_ends_it() {
    let gateway = Gateway::new(INTERACTIVE).await;
    gateway.world.application("light", &[Factor::Password]).await;
    let state = gateway.challenge().await;
    let rule = gateway.world.admin.create_rule(ROOT, everybody("light")).await.unwrap();
    let answer = gateway.answer("alice", "123456", &state).await;
    assert_eq!(answer.decision, Decision::Reject(Reason::PlanChanged));
    assert_eq!(gateway.ask("alice", PASSWORD).await, Decision::Accept, "by the rule");
    gateway.world.admin.delete_rule(ROOT, rule.id, None).await.unwrap();
    gateway.challenge().await;
}

#[tokio::test]
async fn what_other_rules_would_change_is_told_by_user_and_client() {
    let gateway = Gateway::new(INTERACTIVE).await;
    for field in ["wrong", "wronger"] {
        gateway.ask("alice", field).await;
    }
    gateway.ask("mallory", "wrong").await;
    let (admin, audit) = (&gateway.world.admin, reader(&gateway));
    let draft = |rules| WhatIfSpec {
        rules,
        ..WhatIfSpec::default()
    };
    let nothing = admin.what_if(&audit, &draft(Vec::new())).await.unwrap();
    assert_eq!((nothing.logins, nothing.changes.len(), nothing.next), (3, 0, None));

    let refuse = RuleSpec {
        name: "no alice".to_owned(),
        user: Some("AL*".to_owned()),
        refuse: true,
        ..RuleSpec::default()
    };
    let told = admin.what_if(&audit, &draft(vec![refuse.clone()])).await.unwrap();
    let changes: Vec<_> = told.changes.iter().collect();
    assert_eq!(changes.len(), 1, "{changes:?}");
    let (rerouted, logins) = changes[0];
    assert_eq!((rerouted.user.as_str(), *logins), ("alice", 2));
    assert_eq!(
        (rerouted.from.as_str(), rerouted.to.as_str()),
        ("vpn (password, code)", "refused_by_rule")
    );

    // The rules that there are do not count for the draft, which is the whole of what would be.
    admin.create_rule(ROOT, refuse.clone()).await.unwrap();
    let same = admin.what_if(&audit, &draft(vec![refuse])).await.unwrap();
    assert_eq!(same.changes.len(), 0);
    let lifted = admin.what_if(&audit, &draft(Vec::new())).await.unwrap();
    assert_eq!(lifted.changes.keys().next().unwrap().to, "vpn (password, code)");

    let bad = admin.what_if(&audit, &draft(vec![everybody("nowhere")])).await;
    assert!(matches!(bad, Err(WhatIfError::Admin(crate::AdminError::Invalid(_)))));
    assert_eq!(
        gateway.world.admin.state().rules().count(),
        1,
        "a draft is nowhere written"
    );
}

#[tokio::test]
async fn explaining_a_login_runs_none() {
    let gateway = Gateway::new(INTERACTIVE).await;
    let spec = ExplainSpec {
        client: "gateway".to_owned(),
        user: "ALICE".to_owned(),
        ..ExplainSpec::default()
    };
    let before = gateway.world.admin.state().digest();
    let explained = gateway.world.admin.explain(&spec).unwrap();
    assert_eq!(gateway.world.admin.state().digest(), before);
    let factors: Vec<(Factor, Option<Waiver>, bool)> = explained.factors;
    assert_eq!(
        factors,
        [(Factor::Password, None, true), (Factor::ANY_CODE, None, true)]
    );
    assert!(explained.refusals.is_empty());
    gateway.disable_alice();
    assert_eq!(
        gateway.world.admin.explain(&spec).unwrap().refusals,
        [Reason::UserDisabled]
    );
}
