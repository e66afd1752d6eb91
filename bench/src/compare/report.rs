//! What was measured, side by side: on the terminal, and in Markdown.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use cluster_tests::figures::percentile;

use super::{
    Measured, quorate,
    sample::{Sample, median},
};
use crate::{
    ceilings::Ceilings,
    table::{Table, milliseconds, whole},
};

#[derive(Default)]
pub struct Report {
    markdown: String,
}

/// How many times as many as this peer: docs/measurements.md has the targets of the rest.
const TARGETS: [(&str, f64); 3] = [("etcd", 5.0), ("Galera", 6.0), ("privacyIDEA", 1_000.0)];

impl Report {
    pub fn ceilings(&mut self, table: &Table) {
        self.show("Ceilings of this machine", table);
    }

    /// A row for each number of clients, the systems beside each other.
    pub fn rates(&mut self, measured: &[Measured], clients: &[usize]) {
        if measured.iter().all(|system| system.samples.is_empty()) {
            return;
        }
        let mut heads = vec!["clients".to_owned()];
        for system in measured {
            heads.extend([
                format!("{} codes/s", system.name),
                "p50 ms".to_owned(),
                "p99 ms".to_owned(),
            ]);
        }
        let ours = measured.iter().find(|system| system.name == quorate::NAME);
        let peers = || {
            measured
                .iter()
                .filter(|system| system.name != quorate::NAME && ours.is_some())
        };
        heads.extend(peers().map(|peer| format!("× {}", peer.name)));
        let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
        for clients in clients {
            let mut row = vec![whole(*clients as f64)];
            for system in measured {
                row.push(rounded(system.rate(*clients)));
                row.push(decimals(system.median(*clients, |sample| millis(sample.p50))));
                row.push(decimals(system.median(*clients, |sample| millis(sample.p99))));
            }
            row.extend(peers().map(|peer| times(ours.and_then(|ours| ours.rate(*clients)), peer.rate(*clients))));
            table.row(row);
        }
        self.show(
            "Codes consumed, durable before the answer (medians of the turns)",
            &table,
        );
    }

    /// What lies behind the medians.
    pub fn details(&mut self, measured: &[Measured], clients: &[usize]) {
        let mut table = Table::new(&[
            "system",
            "clients",
            "codes/s, turn by turn",
            "stolen %",
            "elsewhere %",
            "one fdatasync ms",
            "µs CPU/code, nodes",
            "µs CPU/code, client",
            "refused",
            "lost",
        ]);
        for system in measured {
            for clients in clients {
                table.row(system.detail(*clients));
            }
        }
        if measured.iter().any(|system| !system.samples.is_empty()) {
            self.show("Behind the medians", &table);
        }
    }

    pub fn gaps(&mut self, measured: &[Measured]) {
        if measured.iter().all(|system| system.killed.gaps.is_empty()) {
            return;
        }
        let mut table = Table::new(&[
            "leader killed with -9",
            "kills",
            "gap p50 ms",
            "p99 ms",
            "maximum ms",
            "p50 × ours",
            "accepted",
            "refused on a later try",
            "given up",
            "stolen %",
        ]);
        let ours = measured.iter().find(|system| system.name == quorate::NAME);
        for system in measured {
            let gaps = system.gaps();
            let part = |part| milliseconds(percentile(&gaps, part));
            table.row(vec![
                system.name.to_owned(),
                gaps.len().to_string(),
                part(0.5),
                part(0.99),
                part(1.0),
                times(
                    Some(millis(percentile(&gaps, 0.5))),
                    ours.map(|ours| millis(percentile(&ours.gaps(), 0.5))),
                ),
                whole(system.killed.accepted as f64),
                system.killed.refused.to_string(),
                system.killed.given_up.to_string(),
                percents(system.stolen.iter().copied()),
            ]);
        }
        self.show("Nobody gets in", &table);
        for system in measured {
            let gaps: Vec<String> = system.gaps().iter().map(|gap| gap.as_millis().to_string()).collect();
            self.say(&format!("{}, every gap in ms: {}.", system.name, gaps.join(" ")));
        }
    }

    pub fn whole_logins(&mut self, measured: &Measured, clients: &[usize]) {
        let mut table = Table::new(&[
            "privacyIDEA, clients",
            "accepted/s",
            "p50 ms",
            "p99 ms",
            "stolen %",
            "elsewhere %",
            "refused",
        ]);
        for clients in clients {
            table.row(vec![
                clients.to_string(),
                decimals(measured.rate(*clients)),
                decimals(measured.median(*clients, |sample| millis(sample.p50))),
                decimals(measured.median(*clients, |sample| millis(sample.p99))),
                percents(measured.with(*clients).map(|sample| sample.stolen)),
                percents(measured.with(*clients).map(|sample| sample.elsewhere)),
                measured
                    .with(*clients)
                    .map(|sample| sample.refused)
                    .sum::<usize>()
                    .to_string(),
            ]);
        }
        self.show("The whole login", &table);
    }

    /// Each system at its best number of clients.
    pub fn targets(&mut self, measured: &[Measured], ceilings: &Ceilings) {
        let best = |name: &str| {
            measured
                .iter()
                .find(|system| system.name == name)
                .and_then(Measured::best)
        };
        let Some(ours) = best(quorate::NAME) else { return };
        let mut table = Table::new(&["each at its best", "codes/s", "Quorate is", "target"]);
        table.row(vec![
            quorate::NAME.to_owned(),
            whole(ours),
            String::new(),
            "≥ 15,000/s".to_owned(),
        ]);
        for (peer, target) in TARGETS {
            if let Some(rate) = best(peer) {
                let target = format!("≥ {} ×", whole(target));
                table.row(vec![
                    peer.to_owned(),
                    decimals(Some(rate)),
                    times(Some(ours), Some(rate)),
                    target,
                ]);
            }
        }
        self.show("Ratios", &table);
        let echoes = ours / ceilings.echoes_per_s * 100.0;
        let sync = milliseconds(ceilings.sync);
        self.say(&format!(
            "Quorate's best is {echoes:.1} % of the UDP echo's rate; one fdatasync took {sync} ms at the start."
        ));
    }

    /// Writes the Markdown.
    pub fn save(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        fs::write(file, &self.markdown).with_context(|| format!("cannot write {}", file.display()))
    }

    fn show(&mut self, title: &str, table: &Table) {
        println!("{title}:");
        table.print();
        self.markdown += &format!("### {title}\n\n{}\n", table.markdown());
    }

    fn say(&mut self, sentence: &str) {
        println!("{sentence}\n");
        self.markdown += &format!("{sentence}\n\n");
    }
}

impl Measured {
    fn with(&self, clients: usize) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.clients == clients)
    }

    fn median(&self, clients: usize, of: impl Fn(&Sample) -> f64) -> Option<f64> {
        median(self.with(clients).map(of).collect())
    }

    fn rate(&self, clients: usize) -> Option<f64> {
        self.median(clients, |sample| sample.rate)
    }

    /// The rate at the number of clients that suits it best.
    fn best(&self) -> Option<f64> {
        let rates = self.samples.iter().filter_map(|sample| self.rate(sample.clients));
        rates.max_by(f64::total_cmp)
    }

    fn gaps(&self) -> Vec<Duration> {
        let mut gaps = self.killed.gaps.clone();
        gaps.sort_unstable();
        gaps
    }

    fn detail(&self, clients: usize) -> Vec<String> {
        let rates: Vec<String> = self.with(clients).map(|sample| whole(sample.rate)).collect();
        let syncs: Vec<String> = self.with(clients).map(|sample| milliseconds(sample.sync)).collect();
        vec![
            self.name.to_owned(),
            whole(clients as f64),
            rates.join(" · "),
            percents(self.with(clients).map(|sample| sample.stolen)),
            percents(self.with(clients).map(|sample| sample.elsewhere)),
            syncs.join(" · "),
            rounded(self.median(clients, |sample| sample.nodes_us)),
            rounded(self.median(clients, |sample| sample.client_us)),
            self.with(clients)
                .map(|sample| sample.refused)
                .sum::<usize>()
                .to_string(),
            self.with(clients).map(|sample| sample.lost).sum::<usize>().to_string(),
        ]
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rounded(value: Option<f64>) -> String {
    value.map(whole).unwrap_or_default()
}

fn decimals(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

fn times(one: Option<f64>, other: Option<f64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if other > 0.0 => format!("{:.1} ×", one / other),
        _ => String::new(),
    }
}

fn percents(parts: impl Iterator<Item = f64>) -> String {
    let parts: Vec<String> = parts.map(|part| format!("{:.0}", part * 100.0)).collect();
    parts.join(" · ")
}
