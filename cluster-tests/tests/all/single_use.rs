//! A code is accepted once in the whole cluster, however many nodes it is sent to and whoever dies meanwhile.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use cluster_tests::{
    Cluster, Person,
    crowd::{Crowd, Ended, Login},
    limits, people, with_cluster,
};

const ROUNDS: usize = 500;
const KILLS: usize = 5;

/// Requests in flight at most: those to a node that was killed stay unanswered for a while.
const IN_FLIGHT: usize = 240;

/// One code: whose, and of which timestep.
type Code = (String, u64);

#[test]
fn the_same_code_at_three_nodes_at_once_is_accepted_at_most_once_while_leaders_die() {
    with_cluster(3, |cluster| {
        // Each round takes a code of one person and, between, a code of another.
        let mut people = people::import(&cluster.api()?, "u", ROUNDS * 2)?;
        cluster.converged()?;
        let mut oracle = Oracle::default();
        let mut client = cluster.passcode_client();
        let mut dead: Option<(usize, usize)> = None;
        let (racers, others) = people.split_at_mut(ROUNDS);
        for round in 0..ROUNDS {
            if round % (ROUNDS / KILLS) == ROUNDS / KILLS / 4 {
                // Two of three are a quorum: the one killed before has to be back.
                cluster.running().try_for_each(|node| cluster.nodes[node].ready())?;
                let leader = cluster.leader()?;
                cluster.nodes[leader].kill()?;
                dead = Some((leader, round));
            }
            if let Some((node, since)) = dead
                && round >= since + 30
            {
                cluster.nodes[node].start()?;
                dead = None;
            }
            everywhere(cluster, &mut client, &mut racers[round], round)?;
            once(cluster, &mut client, &mut others[round], round)?;
            // No faster than the cluster answers, but without waiting for what a dead node was asked.
            let mut ended = client.ended(Duration::from_millis(5))?;
            while client.in_flight() > IN_FLIGHT {
                ended.extend(client.ended(limits::LAST_REPLY)?);
            }
            oracle.note(ended);
        }
        oracle.note(client.all_ended()?);
        oracle.judge()
    });
}

/// Sends one code to all nodes, in a request of its own each: nothing but the code is the same.
fn everywhere(cluster: &Cluster, client: &mut Crowd<Code>, person: &mut Person, round: usize) -> Result<()> {
    let (step, code) = person.fresh_code().context("a code for the round")?;
    for node in 0..3 {
        let request = person.login_with(client.secret(), &code);
        let server = cluster.nodes[(round + node) % 3].radius;
        client.send((person.name.clone(), step), Login::once(request, server))?;
    }
    Ok(())
}

fn once(cluster: &Cluster, client: &mut Crowd<Code>, person: &mut Person, round: usize) -> Result<()> {
    let (step, code) = person.fresh_code().context("a code for the round")?;
    let request = person.login_with(client.secret(), &code);
    client.send(
        (person.name.clone(), step),
        Login::once(request, cluster.nodes[round % 3].radius),
    )
}

/// Counts accepts per code.
#[derive(Default)]
struct Oracle {
    accepts: BTreeMap<Code, u32>,
    answered: u32,
    silent: u32,
    begun: Option<Instant>,
}

impl Oracle {
    fn note(&mut self, ended: Vec<Ended<Code>>) {
        self.begun.get_or_insert_with(Instant::now);
        for request in ended {
            let accepts = self.accepts.entry(request.tag).or_default();
            match request.reply {
                Some(reply) => {
                    self.answered += 1;
                    *accepts += u32::from(reply.is_accept());
                }
                None => self.silent += 1,
            }
        }
    }

    fn judge(&self) -> Result<()> {
        let twice: Vec<_> = self.accepts.iter().filter(|(_, accepts)| **accepts > 1).collect();
        ensure!(twice.is_empty(), "accepted more than once: {twice:?}");
        let accepted = self.accepts.values().filter(|accepts| **accepts == 1).count();
        println!(
            "{ROUNDS} rounds, {KILLS} leaders killed, {:?}: {} codes, {accepted} accepted once, {} requests answered, {} silent",
            self.begun.map(|begun| begun.elapsed()).unwrap_or_default(),
            self.accepts.len(),
            self.answered,
            self.silent,
        );
        // A cluster that accepts nothing would pass everything above. What is missing died with a leader.
        let codes = self.accepts.len();
        ensure!(
            accepted * 10 >= codes * 8,
            "only {accepted} of {codes} right codes were accepted"
        );
        Ok(())
    }
}
