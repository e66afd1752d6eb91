//! Users by the thousand, for load tests: `u000001`, `u000002`, … with one TOTP token each.
//!
//! `users.csv` is written first and is the truth; what the cluster does not have yet is imported
//! from it; users that are there already are left as they are. All of them share one password, hashed once: at 30 ms of a core each, a million hashes
//! would take eight hours.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
};

use data_encoding::BASE32_NOPAD;
use quorate_api::{Algorithm, Confidential, ImportToken, ImportUser, ImportUsers, endpoints, limits::IMPORT_MAX};

use super::plan::{Home, Plan, random};
use crate::cli::{
    api::Api,
    exit::{Done, Failure},
};

const HEADER: &str = "username,password,seed_base32";

/// Creates users until there are `wanted`. More than that from an earlier start stay.
pub async fn create(api: &Api, home: &Home, plan: &mut Plan, wanted: u32) -> Done {
    if wanted <= plan.crowd {
        return Ok(());
    }
    let rows = rows(home, plan, wanted)?;
    super::tell(&format!(
        "importing {} users; they share one password and one precomputed hash of it",
        wanted - plan.crowd
    ));
    for chunk in rows[plan.crowd as usize..].chunks(IMPORT_MAX) {
        let import = ImportUsers {
            shared_password: Some(Confidential::from(plan.password.as_str())),
            users: chunk.iter().map(user).collect(),
        };
        api.tell(endpoints::IMPORT_USERS, &[], &import).await?;
        plan.crowd += u32::try_from(chunk.len()).expect("invariant: a chunk is at most IMPORT_MAX");
        home.remember(plan)?;
    }
    Ok(())
}

/// A name and a seed.
struct Row {
    name: String,
    seed_base32: String,
}

fn user(row: &Row) -> ImportUser {
    ImportUser {
        name: row.name.clone(),
        token: ImportToken {
            algorithm: Algorithm::Sha1,
            digits: None,
            period_s: None,
            secret_base32: Confidential::from(row.seed_base32.as_str()),
        },
    }
}

/// Exactly `wanted` rows: those that are in the file, and new ones that are added to it.
fn rows(home: &Home, plan: &Plan, wanted: u32) -> Done<Vec<Row>> {
    let file = home.users_file();
    let cannot = |e: std::io::Error| Failure::system(format!("cannot use {}", file.display()), e);
    let mut rows = read(home, plan.crowd)?;
    let new = home.path().join("users.csv.new");
    let out = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&new)
        .map_err(cannot)?;
    let mut out = BufWriter::new(out);
    while rows.len() < wanted as usize {
        let name = format!("u{:06}", rows.len() + 1);
        rows.push(Row {
            name,
            seed_base32: BASE32_NOPAD.encode(&random::<20>()?),
        });
    }
    writeln!(out, "{HEADER}").map_err(cannot)?;
    for row in &rows {
        writeln!(out, "{},{},{}", row.name, plan.password, row.seed_base32).map_err(cannot)?;
    }
    out.into_inner()
        .map_err(|e| cannot(e.into_error()))?
        .sync_all()
        .map_err(cannot)?;
    std::fs::rename(new, &file).map_err(cannot)?;
    Ok(rows)
}

fn read(home: &Home, at_least: u32) -> Done<Vec<Row>> {
    let broken = || {
        Failure::new(
            crate::cli::exit::Exit::Failed,
            format!("{} was changed or is incomplete", home.users_file().display()),
        )
        .advise("start over with --fresh")
    };
    let Ok(file) = File::open(home.users_file()) else {
        return match at_least {
            0 => Ok(Vec::new()),
            _ => Err(broken()),
        };
    };
    let mut rows = Vec::new();
    for line in BufReader::new(file).lines().skip(1) {
        let line = line.map_err(|e| Failure::system("cannot read users.csv", e))?;
        let mut cells = line.split(',');
        let (Some(name), Some(_), Some(seed)) = (cells.next(), cells.next(), cells.next()) else {
            return Err(broken());
        };
        rows.push(Row {
            name: name.to_owned(),
            seed_base32: seed.to_owned(),
        });
    }
    match rows.len() >= at_least as usize {
        true => Ok(rows),
        false => Err(broken()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stay_when_users_are_added() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let home = Home::open(Some(dir.path().to_owned()), false).expect("opens");
        let plan = home.plan().expect("plans");
        let few: Vec<String> = rows(&home, &plan, 2)
            .expect("writes")
            .into_iter()
            .map(|r| r.seed_base32)
            .collect();
        let more = rows(&home, &plan, 5).expect("writes");
        assert_eq!(more.len(), 5);
        assert_eq!(few, [more[0].seed_base32.clone(), more[1].seed_base32.clone()]);
        let text = std::fs::read_to_string(home.users_file()).expect("is there");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), (HEADER, 6));
        assert!(lines[5].starts_with(&format!("u000005,{},", plan.password)));
    }
}
