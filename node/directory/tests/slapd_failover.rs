//! Against two slapds: one dies, or hangs, and comes back. And: a directory that hangs harms no other.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{sync::Arc, time::Duration};

use quorate_directories::{Authority, PASSWORD, Slapd};
use quorate_directory::{AuthenticateError, Directory, Failure, Health, Security, Timeouts, Unavailable};
use support::{controller, secret, settings, soon, until};
use tokio::{task::JoinSet, time::Instant};

fn two() -> (Authority, Slapd, Slapd) {
    let authority = Authority::new("Example CA").unwrap();
    let start = || {
        let slapd = Slapd::start(&authority.certify(&["127.0.0.1"]).unwrap()).unwrap();
        slapd.add_people("p", 3).unwrap();
        slapd
    };
    let (first, second) = (start(), start());
    (authority, first, second)
}

async fn log_in(directory: &Directory) {
    directory.authenticate("p1", &secret(PASSWORD), soon()).await.unwrap();
}

fn active(directory: &Directory) -> Option<usize> {
    directory
        .status()
        .controllers
        .iter()
        .position(|controller| controller.is_active)
}

fn is_down(directory: &Directory, at: usize) -> bool {
    matches!(directory.status().controllers[at].health, Health::Down { .. })
}

#[tokio::test]
async fn the_next_controller_answers_when_one_dies_and_the_first_when_it_is_back() {
    let (authority, mut first, second) = two();
    let directory = Directory::new(settings(&authority, &[&first, &second])).unwrap();
    assert_eq!(active(&directory), None);
    assert!(matches!(directory.status().controllers[0].health, Health::Untried));
    log_in(&directory).await;
    assert_eq!(active(&directory), Some(0));
    assert!(
        directory.status().controllers[0].idle_connections > 0,
        "the service connection is kept"
    );

    first.kill();
    log_in(&directory).await;
    assert_eq!(active(&directory), Some(1));
    assert!(is_down(&directory, 0) && !is_down(&directory, 1));
    first.start_again().unwrap();
    until("the first to be well again", || async {
        log_in(&directory).await;
        (active(&directory) == Some(0) && !is_down(&directory, 0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_restarted_controller_costs_nobody_a_login() {
    let (authority, mut first, _) = two();
    let directory = Directory::new(settings(&authority, &[&first])).unwrap();
    log_in(&directory).await;
    for _ in 0..3 {
        first.kill();
        first.start_again().unwrap();
        // The kept connection is dead, which shows only when it is used.
        log_in(&directory).await;
        assert!(!is_down(&directory, 0));
    }
}

#[tokio::test]
async fn a_controller_that_hangs_is_passed_by_within_the_deadline() {
    let (authority, first, second) = two();
    let mut quick = settings(&authority, &[&first, &second]);
    quick.timeouts = Timeouts {
        connect: Duration::from_millis(600),
        operation: Duration::from_millis(600),
    };
    let directory = Directory::new(quick).unwrap();
    log_in(&directory).await;
    first.pause().unwrap();
    log_in(&directory).await;
    assert_eq!(active(&directory), Some(1));
    match &directory.status().controllers[0].health {
        Health::Down {
            reason: Failure::TimedOut(_),
            failures: 1,
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    first.resume().unwrap();
    until("the first to be well again", || async {
        log_in(&directory).await;
        (active(&directory) == Some(0)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_any_controller_everybody_is_told_why_and_soon_after_it_works_again() {
    let (authority, mut first, mut second) = two();
    let directory = Directory::new(settings(&authority, &[&first, &second])).unwrap();
    first.kill();
    second.kill();
    let both = [first.tls_address().to_string(), second.tls_address().to_string()];
    for _ in 0..3 {
        match directory.authenticate("p1", &secret(PASSWORD), soon()).await {
            Err(AuthenticateError::Unavailable(Unavailable::Controllers(failures))) => {
                assert_eq!(failures.len(), 2);
                for ((named, failure), address) in failures.iter().zip(&both) {
                    assert!(
                        named.contains(address) && matches!(failure, Failure::Connect { .. }),
                        "{named}: {failure}"
                    );
                }
            }
            other => panic!("{other:?}"),
        }
    }
    second.start_again().unwrap();
    until("the second to answer", || async {
        directory.authenticate("p1", &secret(PASSWORD), soon()).await.ok()
    })
    .await;
    assert_eq!(active(&directory), Some(1));
}

#[tokio::test]
async fn a_wrong_service_password_is_named_and_not_tried_again_and_again() {
    let (authority, first, second) = two();
    let mut wrong = settings(&authority, &[&first, &second]);
    wrong.account.password = secret("wrong");
    let directory = Directory::new(wrong).unwrap();
    // The policy locks the account after three wrong passwords at a controller.
    for _ in 0..10 {
        match directory.find("p1", soon()).await {
            Err(quorate_directory::FindError::Unavailable(Unavailable::Controllers(failures))) => {
                let said = failures[0].1.to_string();
                assert!(said.contains("cn=quorate,dc=example,dc=org cannot log in"), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
    let right = Directory::new(settings(&authority, &[&first, &second])).unwrap();
    log_in(&right).await;
    assert_eq!(active(&right), Some(0), "the account is not locked");
}

/// The product's promise: a directory that hangs locks nobody out of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_hangs_harms_no_other() {
    let (authority, well, hangs) = two();
    let mut narrow = settings(&authority, &[&hangs]);
    narrow.width = 4;
    narrow.timeouts.operation = Duration::from_secs(8);
    let hung = Arc::new(Directory::new(narrow).unwrap());
    log_in(&hung).await;
    hangs.pause().unwrap();
    let mut wide = settings(&authority, &[&well]);
    wide.width = 32;
    let well = Arc::new(Directory::new(wide).unwrap());

    // Callers come to the one that hangs all the time.
    let mut waiting = JoinSet::new();
    for _ in 0..200 {
        let hung = Arc::clone(&hung);
        waiting.spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(8);
            hung.authenticate("p1", &secret(PASSWORD), deadline).await
        });
    }
    let (mut full, mut late) = (0, 0);
    until("its bulkhead to be full, and callers to be turned away", || async {
        let load = hung.status().load;
        (load.working == 4 && load.waiting == 16 && load.refused_total > 0).then_some(())
    })
    .await;

    let (begun, mut logins) = (Instant::now(), JoinSet::new());
    for number in 0..1_000 {
        let well = Arc::clone(&well);
        logins.spawn(async move {
            well.authenticate(&format!("p{}", 1 + number % 3), &secret(PASSWORD), soon())
                .await
        });
        // As many at once as its own bulkhead takes.
        if logins.len() >= 64 {
            logins.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(login) = logins.join_next().await {
        login.unwrap().unwrap();
    }
    assert_eq!(well.status().load.refused_total, 0);
    println!("1,000 logins beside a directory that hangs: {:?}", begun.elapsed());

    while let Some(answered) = waiting.join_next().await {
        match answered.unwrap() {
            Err(AuthenticateError::Unavailable(Unavailable::Full)) => full += 1,
            Err(AuthenticateError::Unavailable(_)) => late += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(full + late, 200);
    assert!(late >= 20, "four worked and sixteen waited");
    assert_eq!(hung.status().load.refused_total, full);
    hangs.resume().unwrap();
    until("the other to be well again", || async {
        hung.authenticate("p1", &secret(PASSWORD), soon()).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_referral_is_followed_only_where_that_is_wanted() {
    let (authority, first, second) = two();
    second.add_people("far", 1).unwrap();
    let reference = format!(
        "dn: ou=far,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://{}/ou=people,dc=example,dc=org\n",
        second.address()
    );
    first.add(&reference).unwrap();
    let near = Directory::new(settings(&authority, &[&first])).unwrap();
    assert!(near.find("far1", soon()).await.is_err());
    let mut wide = settings(&authority, &[&first]);
    wide.controllers = vec![controller(first.address(), Security::StartTls)];
    wide.referrals = true;
    let wide = Directory::new(wide).unwrap();
    let far = wide.authenticate("far1", &secret(PASSWORD), soon()).await.unwrap();
    assert_eq!(far.name, "far1");
    log_in(&wide).await;
}
