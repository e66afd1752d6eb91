//! Logins of people whom an OpenLDAP keeps, through three nodes: first login, codes, failover, a directory that hangs, one that people leave.

use anyhow::{Context, Result, ensure};
use cluster_tests::{Cluster, api::Api, limits, otp, people, radclient, wait, with_cluster};
use quorate_directories::{Authority, PASSWORD, SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd};
use quorate_gateways::mail_server;
use serde_json::{Value, json};

/// Logins of local users while a directory hangs.
const UNAFFECTED: usize = 60;

#[test]
fn people_of_a_directory_log_in_through_every_node_and_across_the_death_of_a_controller() {
    with_cluster(3, |cluster| {
        let (authority, mut first, second) = controllers()?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&first, &second])?;
        cluster.converged()?;
        for node in 0..3 {
            let name = format!("p{}@example.org", node + 1);
            let state = challenge(cluster, node, &name, PASSWORD);
            ensure!(state.is_err(), "somebody without a token was challenged: {state:?}");
        }
        // Each was made a user by the login, whichever node it came to, and gets a token.
        let seed = [9; 20];
        for node in 0..3 {
            give_token(&api, &format!("p{}@example.org", node + 1), &seed)?;
        }
        cluster.converged()?;
        for node in 0..3 {
            let name = format!("p{}@example.org", node + 1);
            let state = challenge(cluster, node, &name, PASSWORD)?;
            let other = cluster.nodes[(node + 1) % 3].radius;
            let code = otp::code(&seed, otp::timestep());
            let accepted = radclient::ask(other, &name, &code, Some(&state))?.context("silence")?;
            ensure!(accepted.code == 2, "{name}: {accepted:?}");
        }
        let wrong = radclient::ask(cluster.nodes[0].radius, "p1@example.org", "not it", None)?.context("silence")?;
        ensure!(wrong.code == 3, "a wrong password: {wrong:?}");

        first.kill();
        challenge(cluster, 0, "p2@example.org", PASSWORD).context("with one controller left")?;
        let shown = api.get("/api/v1/directories/office")?;
        ensure!(
            shown["controllers"][0]["well"] == false,
            "who is down is shown: {shown}"
        );
        Ok(())
    });
}

#[test]
fn a_directory_that_hangs_delays_nobody_but_its_own() {
    with_cluster(1, |cluster| {
        let (authority, hung, well) = controllers()?;
        let api = cluster.api()?;
        create(&api, "hung", "hung.example", &authority, &[&hung])?;
        create(&api, "office", "example.org", &authority, &[&well])?;
        let mut locals = people::import(&api, "u", UNAFFECTED)?;
        hung.pause()?;
        // More than its bulkhead holds: none of them is waited for.
        let mut gateway = cluster.gateway();
        for number in 0..200 {
            let request = cluster_tests::wire::Request::access(
                gateway.secret(),
                &format!("p{number}@hung.example"),
                PASSWORD.as_bytes(),
                None,
            );
            gateway.send((), cluster_tests::crowd::Login::once(request, cluster.nodes[0].radius))?;
        }
        let (client, server) = (cluster.passcode_client(), cluster.nodes[0].radius);
        let mut client: cluster_tests::crowd::Crowd<usize> = client;
        for (number, person) in locals.iter_mut().enumerate() {
            let request = person.login(client.secret());
            client.send(number, cluster_tests::crowd::Login::once(request, server))?;
        }
        let ended = client.all_ended()?;
        let accepted = ended
            .iter()
            .filter(|one| one.reply.as_ref().is_some_and(|reply| reply.is_accept()));
        ensure!(
            accepted.count() == UNAFFECTED,
            "local users had to wait for a directory that hangs"
        );
        let other = challenge(cluster, 0, "p1@example.org", PASSWORD);
        let reason = other.expect_err("p1 has no token").to_string();
        ensure!(
            reason.contains("code: 3"),
            "the other directory was asked and its user rejected: {reason}"
        );
        hung.resume()?;
        Ok(())
    });
}

#[test]
fn a_synchronisation_takes_over_four_hundred_people_and_parts_with_who_leaves() {
    with_cluster(1, |cluster| {
        let authority = Authority::new("Example CA")?;
        let slapd = Slapd::start(&authority.certify(&["127.0.0.1"])?)?;
        slapd.add_people("p", 400)?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        let sync = |dry_run: bool| api.post("/api/v1/directories/office/sync", &json!({"dry_run": dry_run}));
        ensure!(sync(true)?["created"] == 400, "a look");
        ensure!(api.get("/api/v1/directories/office")?["enabled"] == true, "still there");
        ensure!(sync(false)?["created"] == 400, "taken over");
        let again = sync(false)?;
        ensure!(
            again["created"] == 0 && again["updated"] == 0 && again["gone"] == 0,
            "nothing new: {again}"
        );
        slapd.modify(&format!("dn: uid=p7,ou=people,{SUFFIX}\nchangetype: delete\n"))?;
        ensure!(sync(false)?["gone"] == 1, "one has left");
        let rejected = radclient::ask(cluster.nodes[0].radius, "p7@example.org", PASSWORD, None)?.context("silence")?;
        ensure!(rejected.code == 3, "who left: {rejected:?}");

        // More than a fifth at once: nobody, until somebody says that it is meant.
        let leave = |number: usize| format!("dn: uid=p{number},ou=people,{SUFFIX}\nchangetype: delete\n\n");
        slapd.modify(&(100..200).map(leave).collect::<String>())?;
        let refused = api.ask("POST", "/api/v1/directories/office/sync", Some(&json!({})))?;
        let detail = refused.body["detail"].as_str().unwrap_or_default();
        ensure!(
            refused.status == 409 && detail.contains("100 of 399"),
            "a hundred at once: {refused:?}"
        );
        let node = &cluster.nodes[0];
        let sync = ["directory", "sync", "office", "--json"];
        ensure!(node.quorate(&sync).is_err(), "the command as well");
        let look = node.json(&["directory", "sync", "office", "--dry-run", "--json"])?;
        ensure!(look["gone"] == 100 && look["gone_allowed"] == 79, "a look: {look}");
        let told = node.json(&[&sync[..], &["--allow-leavers", "100"]].concat())?;
        ensure!(told["gone"] == 100, "{told}");
        Ok(())
    });
}

#[test]
fn what_is_wrong_with_a_directory_is_named() {
    with_cluster(1, |cluster| {
        let authority = Authority::new("Example CA")?;
        let slapd = Slapd::start(&authority.certify(&["127.0.0.1"])?)?;
        slapd.add_people("p", 2)?;
        let api = cluster.api()?;
        let wrong =
            json!({"name": "x", "domain": "a b@", "settings": {"controllers": ["dc1"], "base": "here", "account": ""}});
        let answer = api.ask("POST", "/api/v1/directories", Some(&wrong))?;
        let fields: Vec<&str> = answer.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["field"].as_str())
            .collect();
        for field in ["domain", "settings.controllers[0]", "settings.base", "settings.account"] {
            ensure!(fields.contains(&field), "{field} is not among {fields:?}");
        }
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        let test = |body: Value| api.post("/api/v1/directories/office/test", &body);
        let good = test(json!({"user": "p1", "password": PASSWORD}))?;
        ensure!(steps(&good, "failed").is_empty(), "{good}");
        ensure!(
            !steps(&test(json!({"user": "p1", "password": "not it"}))?, "failed").is_empty(),
            "a wrong password"
        );

        let stranger = Authority::new("Somebody else")?;
        change(&api, settings(&stranger, &[&slapd], SERVICE_PASSWORD))?;
        let said = steps(&test(json!({}))?, "failed").concat();
        ensure!(said.contains("ertificate"), "a wrong authority is named: {said}");
        change(&api, settings(&authority, &[&slapd], "wrong"))?;
        let said = steps(&test(json!({}))?, "failed").concat();
        ensure!(said.contains("password"), "a wrong service password is named: {said}");
        let shown = api.get("/api/v1/directories/office")?.to_string();
        ensure!(!shown.contains("account_password"), "the password is shown: {shown}");
        Ok(())
    });
}

#[test]
fn codes_go_to_the_addresses_that_a_directory_says_in_its_peoples_language() {
    with_cluster(1, |cluster| {
        let (authority, slapd, _) = controllers()?;
        let (api, mailbox) = (cluster.api()?, mail_server(&[], None));
        let mail = json!({"name": "mail", "settings": {"kind": {"smtp": {
            "servers": [{"host": "127.0.0.1", "port": mailbox.port("port"), "tls": "none"}], "from": "quorate@example.org",
        }}}});
        api.post("/api/v1/gateways", &mail)?;
        let mut settings = settings(&authority, &[&slapd], SERVICE_PASSWORD);
        settings["send_codes_to"] = json!(["email", "pigeon"]);
        let directory = |settings: &Value| json!({"name": "office", "domain": "example.org", "settings": settings});
        let wrong = api.ask("POST", "/api/v1/directories", Some(&directory(&settings)))?;
        ensure!(
            wrong.body["errors"][0]["field"] == "settings.send_codes_to[1]",
            "{}",
            wrong.body
        );
        settings["send_codes_to"] = json!(["email"]);
        api.post("/api/v1/directories", &directory(&settings))?;

        // Nobody has made a user of p1, nor given them a token.
        let state = challenge(cluster, 0, "p1@example.org", PASSWORD)?;
        let letter = mailbox.wait_for(1)[0].clone();
        ensure!(letter["to"] == json!(["p1@example.org"]), "{letter}");
        let text = letter["content"].as_str().context("a text")?;
        ensure!(text.contains("Subject: Ihr Anmeldecode"), "{text}");
        let path = "/api/v1/users/p1@example.org";
        ensure!(api.get(path)?["language"] == "de", "{}", api.get(path)?);
        let kept_here = api.ask("PATCH", path, Some(&json!({"language": "fr"})))?;
        ensure!(
            kept_here.status == 422 && kept_here.body["errors"][0]["field"] == "language",
            "what the directory says is changed there: {kept_here:?}"
        );
        let (_, code) = text.split_once("\r\n    ").context("a code")?;
        let accepted = radclient::ask(cluster.nodes[0].radius, "p1@example.org", &code[..6], Some(&state))?;
        let accepted = accepted.context("silence")?;
        ensure!(accepted.code == 2, "{accepted:?}");
        Ok(())
    });
}

#[test]
fn names_without_domain_and_further_names_of_a_domain_mean_people_of_a_directory() {
    with_cluster(3, |cluster| {
        let (authority, slapd, _) = controllers()?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        give_token(&api, &first_login(cluster, "p1@example.org")?, &[9; 20])?;
        cluster.converged()?;
        ensure!(
            challenge(cluster, 1, "CORP\\\\p1", PASSWORD).is_err(),
            "nobody is called so yet"
        );
        let node = &cluster.nodes[0];
        node.quorate(&[
            "directory",
            "names",
            "office",
            "--alias",
            "CORP",
            "--alias",
            "corp.example",
            "--default",
        ])?;
        cluster.converged()?;
        for (node, name) in ["CORP\\\\p1", "P1@corp.example", "p1"].into_iter().enumerate() {
            challenge(cluster, node, name, PASSWORD).with_context(|| name.to_owned())?;
        }
        // A local user of that name comes first.
        let local = json!({"name": "p1", "password": "Mine is 4 this"});
        api.post("/api/v1/users", &local)?;
        cluster.converged()?;
        ensure!(
            challenge(cluster, 2, "p1", PASSWORD).is_err(),
            "the local user is meant"
        );
        challenge(cluster, 2, "CORP\\\\p1", PASSWORD)?;
        let taken =
            json!({"name": "other", "domain": "corp", "settings": settings(&authority, &[&slapd], SERVICE_PASSWORD)});
        let refused = api.ask("POST", "/api/v1/directories", Some(&taken))?;
        ensure!(refused.status == 409, "{refused:?}");
        Ok(())
    });
}

#[test]
fn passwords_and_contacts_are_changed_in_a_directory_that_allows_it() {
    with_cluster(3, |cluster| {
        let (authority, slapd, _) = controllers()?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        let p1 = first_login(cluster, "p1@example.org")?;
        give_token(&api, &p1, &[9; 20])?;
        let put = |path: &str, body: Value| api.ask("PUT", &format!("/api/v1/users/{p1}/{path}"), Some(&body));
        let new = json!({"password": "another-Passw0rd"});
        ensure!(
            put("password", new.clone())?.status == 409,
            "not unless the settings allow it"
        );

        let mut settings = settings(&authority, &[&slapd], SERVICE_PASSWORD);
        for allowed in ["reset_passwords", "change_passwords", "write_contacts"] {
            settings[allowed] = json!(true);
        }
        change(&api, settings)?;
        let begun = challenge(cluster, 0, "p1@example.org", PASSWORD)?;
        let done = put("password", new)?;
        ensure!(done.status == 200, "{done:?}");
        cluster.converged()?;
        ensure!(
            challenge(cluster, 1, "p1@example.org", PASSWORD).is_err(),
            "the former password"
        );
        challenge(cluster, 1, "p1@example.org", "another-Passw0rd")?;
        let code = otp::code(&[9; 20], otp::timestep());
        let void =
            radclient::ask(cluster.nodes[2].radius, "p1@example.org", &code, Some(&begun))?.context("silence")?;
        ensure!(void.code == 3, "what was proven by the former password: {void:?}");
        let short = put("password", json!({"password": "short"}))?;
        ensure!(short.body["errors"][0]["problem"] == "is too short", "{short:?}");

        let node = &cluster.nodes[1];
        let own = |old: &str| {
            let change = json!({"old_password": old, "new_password": "third-Passw0rd"});
            api.ask("POST", &format!("/api/v1/users/{p1}/own-password"), Some(&change))
        };
        ensure!(own("not it")?.status == 422, "a wrong one");
        ensure!(own("another-Passw0rd")?.status == 200, "the right one");
        cluster.converged()?;
        challenge(cluster, 2, "p1@example.org", "third-Passw0rd")?;

        node.quorate(&[
            "user",
            "change",
            "p1@example.org",
            "--mobile",
            "+49 151 2",
            "--mail",
            "new@example.org",
        ])?;
        let found = api.post("/api/v1/directories/office/sync", &json!({}))?;
        ensure!(found["updated"] == 0, "it was taken over already: {found}");
        let kinds = audited(&api)?;
        for kind in [
            "order_directory_password",
            "directory_password_set",
            "directory_password_refused",
            "own_password_wrong",
            "change_own_password",
            "directory_contact_written",
        ] {
            ensure!(
                kinds.iter().any(|one| one == kind),
                "{kind} is not in the audit: {kinds:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_password_that_is_due_in_a_directory_is_changed_there_in_a_dialogue_with_three_nodes() {
    const NEW: &str = "another-Passw0rd";
    with_cluster(3, |cluster| {
        let (authority, slapd, _) = controllers()?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        let mut settings = settings(&authority, &[&slapd], SERVICE_PASSWORD);
        settings["change_passwords"] = json!(true);
        change(&api, settings)?;
        slapd.modify(&format!(
            "dn: uid=p1,ou=people,{SUFFIX}\nchangetype: modify\nreplace: pwdReset\npwdReset: TRUE\n"
        ))?;
        cluster.converged()?;
        let name = "p1@example.org";
        // She becomes a user by the attempt, and has no token yet.
        let unknown = radclient::ask(cluster.nodes[0].radius, name, PASSWORD, None)?.context("silence")?;
        ensure!(unknown.code == 3, "without a token: {unknown:?}");
        let p1 = api.get(&format!("/api/v1/users/{name}"))?;
        give_token(&api, p1["id"].as_str().context("an id")?, &[9; 20])?;
        cluster.converged()?;
        let mut reply = radclient::ask(cluster.nodes[0].radius, name, PASSWORD, None)?.context("silence")?;
        // Too short for the directory, and then one that it takes.
        for (node, typed) in [(1, "short"), (2, "short"), (0, NEW), (1, NEW)] {
            ensure!(reply.code == 11, "before {typed} at n{}: {reply:?}", node + 1);
            let state = reply.attribute("State").context("a challenge has a State")?.to_owned();
            reply = radclient::ask(cluster.nodes[node].radius, name, typed, Some(&state))?.context("silence")?;
            cluster.converged()?;
        }
        ensure!(
            reply.code == 11,
            "the code is asked for after the new password: {reply:?}"
        );
        let state = reply.attribute("State").context("a challenge has a State")?.to_owned();
        let code = otp::code(&[9; 20], otp::timestep());
        let accepted = radclient::ask(cluster.nodes[0].radius, name, &code, Some(&state))?.context("silence")?;
        ensure!(accepted.code == 2, "{accepted:?}");
        ensure!(challenge(cluster, 2, name, PASSWORD).is_err(), "the former password");
        challenge(cluster, 2, name, NEW)?;
        let kinds = audited(&api)?;
        for kind in [
            "order_directory_password",
            "directory_password_refused",
            "change_own_password",
        ] {
            ensure!(
                kinds.iter().any(|one| one == kind),
                "{kind} is not in the audit: {kinds:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_password_is_remembered_while_no_controller_answers_and_until_it_is_forgotten() {
    with_cluster(3, |cluster| {
        let authority = Authority::new("Example CA")?;
        let mut slapd = Slapd::start(&authority.certify(&["127.0.0.1"])?)?;
        slapd.add_people("p", 2)?;
        let api = cluster.api()?;
        create(&api, "office", "example.org", &authority, &[&slapd])?;
        let quorate = |arguments: &[&str]| cluster.nodes[0].quorate(arguments);
        quorate(&["directory", "remember-passwords", "office", "--hours", "8"])?;
        for name in ["p1@example.org", "p2@example.org"] {
            give_token(&api, &first_login(cluster, name)?, &[9; 20])?;
        }
        cluster.converged()?;
        challenge(cluster, 0, "p1@example.org", PASSWORD)?;
        cluster.converged()?;
        slapd.kill();
        // Another node than the one that was told, through challenge and code.
        let state = challenge(cluster, 1, "p1@example.org", PASSWORD)?;
        let code = otp::code(&[9; 20], otp::timestep());
        let accepted = radclient::ask(cluster.nodes[2].radius, "p1@example.org", &code, Some(&state))?;
        ensure!(accepted.context("silence")?.code == 2, "by what is remembered");
        let login = api.get("/api/v1/audit?limit=1000&kind=login_accepted")?;
        ensure!(login.to_string().contains("remembered"), "the audit says so: {login}");
        let wrong = radclient::ask(cluster.nodes[1].radius, "p1@example.org", "not it", None)?.context("silence")?;
        ensure!(wrong.code == 3, "{wrong:?}");
        quorate(&["directory", "forget-passwords", "office"])?;
        cluster.converged()?;
        let silent = radclient::ask(cluster.nodes[1].radius, "p1@example.org", PASSWORD, None)?;
        ensure!(silent.is_none(), "nothing is remembered any more: {silent:?}");
        Ok(())
    });
}

#[test]
fn a_directory_that_is_told_to_is_synchronised_by_itself() {
    with_cluster(3, |cluster| {
        let (authority, slapd, _) = controllers()?;
        let api = cluster.api()?;
        let mut settings = settings(&authority, &[&slapd], SERVICE_PASSWORD);
        settings["sync_every_s"] = json!(60);
        api.post(
            "/api/v1/directories",
            &json!({"name": "office", "domain": "example.org", "settings": settings}),
        )?;
        wait::until_ok("people of the directory", limits::VOTER, || {
            for node in &cluster.nodes {
                let user = node.api().get("/api/v1/users/p3@example.org")?;
                ensure!(user["enabled"] == true, "{user}");
            }
            Ok(())
        })
    });
}

fn controllers() -> Result<(Authority, Slapd, Slapd)> {
    let authority = Authority::new("Example CA")?;
    let certified = authority.certify(&["127.0.0.1"])?;
    let (first, second) = (Slapd::start(&certified)?, Slapd::start(&certified)?);
    first.add_people("p", 3)?;
    second.add_people("p", 3)?;
    Ok((authority, first, second))
}

fn settings(authority: &Authority, slapds: &[&Slapd], password: &str) -> Value {
    let controllers: Vec<String> = slapds
        .iter()
        .map(|slapd| format!("ldaps://{}", slapd.tls_address()))
        .collect();
    json!({
        "kind": "ldap", "controllers": controllers, "base": SUFFIX, "account": SERVICE, "account_password": password,
        "ca_pem": authority.pem, "user_filter": "(&(objectClass=inetOrgPerson)(uid={name}))", "groups": {},
        // The two are filled apart, so that entryUUID, which replicas have in common, is another on each.
        "attributes": {"unique_id": "uid"},
    })
}

fn create(api: &Api, name: &str, domain: &str, authority: &Authority, slapds: &[&Slapd]) -> Result<Value> {
    let settings = settings(authority, slapds, SERVICE_PASSWORD);
    api.post(
        "/api/v1/directories",
        &json!({"name": name, "domain": domain, "settings": settings}),
    )
}

fn change(api: &Api, settings: Value) -> Result<Value> {
    api.patch("/api/v1/directories/office", &json!({"settings": settings}))
}

fn give_token(api: &Api, user: &str, seed: &[u8; 20]) -> Result<Value> {
    let token = json!({"secret_base32": otp::seed_to_base32(seed)});
    api.post(&format!("/api/v1/users/{user}/tokens"), &token)
}

fn challenge(cluster: &Cluster, node: usize, name: &str, password: &str) -> Result<String> {
    let answer = radclient::ask(cluster.nodes[node].radius, name, password, None)?;
    let answer = answer.with_context(|| format!("n{} was silent", node + 1))?;
    ensure!(answer.code == 11, "no challenge but {answer:?}");
    Ok(answer.attribute("State").context("a challenge has a State")?.to_owned())
}

/// Somebody without a token, made a user by logging in.
fn first_login(cluster: &Cluster, name: &str) -> Result<String> {
    let answer = radclient::ask(cluster.nodes[0].radius, name, PASSWORD, None)?.context("silence")?;
    ensure!(answer.code == 3, "{name} has no token: {answer:?}");
    Ok(name.to_owned())
}

/// What the audit says was done.
fn audited(api: &Api) -> Result<Vec<String>> {
    let page = api.get("/api/v1/audit?limit=1000")?;
    let records = page["items"].as_array().into_iter().flatten();
    Ok(records
        .filter_map(|record| Some(record["kind"].as_str()?.to_owned()))
        .collect())
}

fn steps(examined: &Value, outcome: &str) -> Vec<String> {
    let steps = examined["steps"].as_array().into_iter().flatten();
    let wanted = steps.filter(|step| step["outcome"] == outcome);
    wanted
        .map(|step| format!("{} {}", step["step"], step["said"]))
        .collect()
}
