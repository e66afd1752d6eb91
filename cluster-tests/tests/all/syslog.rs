//! Three real nodes and a real rsyslog: every audit record arrives, once while all is well, and at least once whatever is killed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Ground, Person, cluster::audit_of, crowd::Login, limits, people, rsyslog::Rsyslog, wait, with_cluster_on,
};
use serde_json::Value;

#[test]
fn every_record_arrives_whoever_leads_dies_or_is_away() {
    let mut rsyslog = Rsyslog::started().expect("rsyslog");
    let ground = Ground {
        sections: format!("\n[[syslog]]\naddress = \"{}\"\ntransport = \"tcp\"\n", rsyslog.address),
        ..Ground::default()
    };
    with_cluster_on(ground, 3, |cluster| {
        let mut people = people::import(&cluster.api()?, "u", 30)?;
        cluster.converged()?;
        logins(cluster, &mut people[..6])?;
        hostile_login(cluster)?;
        all_arrive(cluster, &rsyslog)?;
        in_ordinary_running_once(&rsyslog)?;
        they_say_what_the_audit_says(cluster, &rsyslog)?;
        counted(cluster)?;

        a_clean_restart_repeats_nothing(cluster, &rsyslog, &mut people[6..9])?;

        let leader = cluster.leader()?;
        logins(cluster, &mut people[9..12])?;
        cluster.nodes[leader].kill()?;
        cluster.leader()?;
        logins(cluster, &mut people[12..18])?;
        cluster.restart(leader)?;
        logins(cluster, &mut people[18..21])?;
        all_arrive(cluster, &rsyslog)?;

        rsyslog.stop()?;
        logins(cluster, &mut people[21..27])?;
        rsyslog.start()?;
        all_arrive(cluster, &rsyslog)?;

        what_a_removed_node_judged_is_sent_again(cluster, &mut rsyslog, &mut people[27..])
    });
}

/// One accepted login and one rejected for each of these people, spread over the nodes that run. All are answered.
fn logins(cluster: &Cluster, people: &mut [Person]) -> Result<()> {
    let running: Vec<usize> = cluster.running().collect();
    let mut client = cluster.passcode_client();
    for (at, person) in people.iter_mut().enumerate() {
        let wrong = person.login_with(client.secret(), &person.wrong_code(0));
        let right = person.login(client.secret());
        for request in [wrong, right] {
            let servers = cluster.servers_from(running[at % running.len()]);
            client.send((), Login::with_retries(request, servers))?;
            let ended = client.all_ended()?;
            ensure!(
                ended.iter().all(|ended| ended.reply.is_some()),
                "a login was not answered"
            );
        }
    }
    Ok(())
}

/// Somebody would like to write into the log.
fn hostile_login(cluster: &Cluster) -> Result<()> {
    let mallory = Person::new("mallory\" forged=\"1\"]\n<86>1 - forged - - - -");
    let mut client = cluster.passcode_client();
    let request = mallory.login_with(client.secret(), "123456");
    let reply = cluster.ask(&mut client, 1, request)?.context("silence")?;
    ensure!(reply.is_reject());
    Ok(())
}

/// The numbers of all records that should arrive. What was before the first node ran the first time is nobody's to send.
fn expected(cluster: &Cluster) -> Result<BTreeSet<u64>> {
    let records = audit_of(&cluster.api()?, "since_ms=0")?;
    let seqs = records.iter().filter_map(|record| record["seq"].as_u64());
    Ok(seqs.filter(|seq| *seq > 0).collect())
}

fn seq(message: &Value) -> Option<u64> {
    message["data"]["seq"].as_str()?.parse().ok()
}

/// How often each record arrived, as the node that judged it sent it.
fn arrivals(rsyslog: &Rsyslog) -> Result<BTreeMap<u64, usize>> {
    let mut arrivals = BTreeMap::new();
    for message in rsyslog.arrived()? {
        if message["data"]["for_node"].is_null() {
            *arrivals.entry(seq(&message).context("a number")?).or_default() += 1;
        }
    }
    Ok(arrivals)
}

fn all_arrive(cluster: &Cluster, rsyslog: &Rsyslog) -> Result<()> {
    cluster.converged()?;
    let expected = expected(cluster)?;
    wait::until_ok("every record to arrive at rsyslog", limits::VOTER, || {
        let arrived: BTreeSet<u64> = arrivals(rsyslog)?.into_keys().collect();
        let missing: Vec<&u64> = expected.difference(&arrived).collect();
        ensure!(
            missing.is_empty(),
            "{} of {} are missing: {missing:?}",
            missing.len(),
            expected.len()
        );
        Ok(())
    })?;
    let arrivals = arrivals(rsyslog)?;
    println!(
        "{} records, {} arrivals",
        expected.len(),
        arrivals.values().sum::<usize>()
    );
    Ok(())
}

fn in_ordinary_running_once(rsyslog: &Rsyslog) -> Result<()> {
    let twice: Vec<(u64, usize)> = arrivals(rsyslog)?.into_iter().filter(|(_, times)| *times > 1).collect();
    ensure!(twice.is_empty(), "{twice:?}");
    Ok(())
}

/// Field by field against the API, for every login and change; nodes send what they judged themselves.
fn they_say_what_the_audit_says(cluster: &Cluster, rsyslog: &Rsyslog) -> Result<()> {
    let records = audit_of(&cluster.api()?, "since_ms=0")?;
    let by_seq: BTreeMap<u64, &Value> = records
        .iter()
        .filter_map(|record| Some((record["seq"].as_u64()?, record)))
        .collect();
    let mut judges = BTreeSet::new();
    for message in rsyslog.arrived()? {
        let data = &message["data"];
        let record = by_seq[&seq(&message).context("a number")?];
        for field in ["user", "client", "reason", "source", "actor"] {
            ensure!(data[field] == record[field], "{field}: {message} for {record}");
        }
        for detail in ["method", "name", "object", "request"] {
            ensure!(
                data[detail] == record["details"][detail],
                "{detail}: {message} for {record}"
            );
        }
        let judge = record["node"].as_u64().context("a node")?;
        ensure!(data["node"].as_str() == Some(&judge.to_string()), "{message}");
        ensure!(message["host"] == format!("n{judge}"), "sent by another: {message}");
        ensure!(message["id"] == record["kind"], "{message}");
        let (result, pri) = match record["kind"].as_str() {
            Some("login_accepted") => (Value::from("accepted"), "86"),
            Some("login_rejected") => (Value::from("rejected"), "85"),
            Some(kind) if kind.starts_with("create_") => (Value::Null, "109"),
            _ => continue,
        };
        ensure!(data["result"] == result && message["pri"] == pri, "{message}");
        if result == "accepted" {
            judges.insert(judge);
        }
    }
    ensure!(judges == BTreeSet::from([1, 2, 3]), "logins were judged by {judges:?}");
    let forged = "mallory\" forged=\"1\"]\u{fffd}<86>1 - forged - - - -";
    let arrived = rsyslog.arrived()?;
    let hostile = arrived
        .iter()
        .filter(|message| message["data"]["user"] == forged)
        .count();
    ensure!(
        hostile == 1 && arrived.iter().all(|message| message["host"] != "forged"),
        "{arrived:?}"
    );
    Ok(())
}

fn counted(cluster: &Cluster) -> Result<()> {
    for node in &cluster.nodes {
        let metric = |name: &str| node.metric(&format!("quorate_syslog_{name}"));
        ensure!(
            metric("connected")? == 1.0 && metric("lost_total")? == 0.0,
            "{}",
            node.name
        );
        ensure!(
            metric("sent_total")? > 0.0 && metric("repeated_total")? == 0.0,
            "{}",
            node.name
        );
        wait::until_ok("nothing to be unsettled", limits::VOTER, || {
            ensure!(metric("behind_records")? == 0.0 && metric("queued")? == 0.0);
            Ok(())
        })?;
    }
    Ok(())
}

fn a_clean_restart_repeats_nothing(cluster: &mut Cluster, rsyslog: &Rsyslog, people: &mut [Person]) -> Result<()> {
    logins(cluster, people)?;
    for node in 0..cluster.nodes.len() {
        cluster.nodes[node].stop()?;
        cluster.restart(node)?;
    }
    all_arrive(cluster, rsyslog)?;
    in_ordinary_running_once(rsyslog)
}

/// A node judges while rsyslog is away, dies, and never comes back: whoever removes it sends what it judged.
fn what_a_removed_node_judged_is_sent_again(
    cluster: &mut Cluster,
    rsyslog: &mut Rsyslog,
    people: &mut [Person],
) -> Result<()> {
    rsyslog.stop()?;
    let gone = cluster.follower()?;
    let id = cluster.nodes[gone].id()?;
    let mut client = cluster.passcode_client();
    for person in people {
        let request = person.login(client.secret());
        let reply = cluster.ask(&mut client, gone, request)?.context("silence")?;
        ensure!(reply.is_accept());
    }
    cluster.nodes[gone].kill()?;
    let remover = cluster.leader()?;
    cluster.nodes[remover].quorate(&["remove", &id.to_string(), "--yes"])?;
    rsyslog.start()?;
    let judged = audit_of(&cluster.nodes[remover].api(), "kind=login_accepted")?;
    let judged: BTreeSet<u64> = judged
        .iter()
        .filter(|record| record["node"] == id)
        .filter_map(|record| record["seq"].as_u64())
        .collect();
    wait::until_ok("what the removed node judged", limits::VOTER, || {
        let arrived: BTreeSet<u64> = rsyslog.arrived()?.iter().filter_map(seq).collect();
        let missing: Vec<&u64> = judged.difference(&arrived).collect();
        ensure!(missing.is_empty(), "{missing:?} of {judged:?}");
        Ok(())
    })?;
    let arrived = rsyslog.arrived()?;
    let for_it = arrived
        .iter()
        .filter(|message| message["data"]["for_node"].as_str() == Some(&id.to_string()));
    ensure!(for_it.count() >= judged.len());
    Ok(())
}
