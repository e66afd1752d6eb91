//! A cluster's first steps: founded by one node, entered by the others, filled with what clients need.

use std::time::Duration;

use anyhow::Result;
use argon2::{Algorithm, Argon2, Params, Version};
use quorate_app::{
    ApplicationSpec, ClientSpec, Entropy, FoundingNode, Material, NewUser, Replica, TokenSpec, found_cluster,
};
use quorate_core::change::SetPassword;
use quorate_core::command::Administer;
use quorate_core::{Change, Command, Enrolment, Factor, Fingerprint, Modes, NodeId, TokenKind, UserId};
use quorate_seal::limits::{PASSWORD_HASH_LEN, SALT_LEN};
use quorate_seal::{Aad, Field, KeyId, KeyRing, NONCE_LEN};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::clients::{FIRST_COUNTER, PASSWORD, Population, ROOT, kind_of, seed_of};
use crate::clock::NodeEntropy;
use crate::host::{CLUSTER, Parts, info};

/// The first node founds the cluster.
///
/// # Errors
/// When it could not.
pub async fn found(parts: &Parts, entropy: &NodeEntropy) -> Result<()> {
    parts.raft.bootstrap().await?;
    let keys = KeyRing::new(KeyId(1), Zeroizing::new([42; 32]));
    let mut key_digest = [0; 32];
    entropy.fill(&mut key_digest);
    let genesis = found_cluster(
        &keys,
        entropy,
        &FoundingNode {
            cluster_id: CLUSTER,
            ca_certificate_der: b"certificate",
            ca_key_der: b"private key",
            node: NodeId(1),
            name: "node-1",
            site: "",
            key_digest,
        },
    );
    parts.replica.propose(&genesis, in_a_while()).await?;
    Ok(())
}

/// Another node enters.
///
/// # Errors
/// When it could not.
pub async fn enter(parts: &Parts) -> Result<()> {
    let known = [(1, info(1))].into();
    parts.raft.enter(known, in_a_while(), &mut |_| {}).await?;
    Ok(())
}

/// So many users, and the two clients they come through.
///
/// # Errors
/// When it could not be created.
pub async fn populate(parts: &Parts, count: usize) -> Result<Population> {
    let factors = vec![Factor::Password, Factor::ANY_CODE];
    let spec = ApplicationSpec {
        name: "vpn".to_owned(),
        factors,
        passthru_until_ms: None,
        enrolment: Enrolment::Off,
    };
    let application = parts.admin.create_application(ROOT, spec).await?.id;
    let gateway = ClientSpec {
        modes: Modes {
            one_step: false,
            two_step: false,
            passcode_only: true,
        },
        ..ClientSpec::new("gateway", vec!["192.0.2.0/24".to_owned()], application)
    };
    let portal = ClientSpec {
        modes: Modes {
            one_step: false,
            two_step: true,
            passcode_only: false,
        },
        ..ClientSpec::new("portal", vec!["198.51.100.0/24".to_owned()], application)
    };
    let (gateway, _) = parts.admin.create_client(ROOT, gateway, None).await?;
    let (portal, _) = parts.admin.create_client(ROOT, portal, None).await?;
    let mut users = Vec::new();
    for user in 0..count {
        let new = NewUser {
            name: format!("u{user}"),
            token: Some(TokenSpec {
                kind: kind_of(user),
                counter: match kind_of(user) {
                    // The code of the timestep before the beginning is typed too.
                    TokenKind::Hotp { .. } => FIRST_COUNTER - 1,
                    _ => 0,
                },
                material: Material::Seed(Zeroizing::new(seed_of(user))),
                ..TokenSpec::default()
            }),
            ..NewUser::default()
        };
        let (user, _) = parts.admin.create_user(ROOT, new).await?;
        set_password(parts, user.id).await?;
        users.push(user.id);
    }
    Ok(Population {
        users,
        gateway: gateway.id,
        portal: portal.id,
    })
}

/// Everybody's password, under a verifier that costs next to nothing: a simulation has no time for Argon2id as it should be.
async fn set_password(parts: &Parts, user: UserId) -> Result<()> {
    let (salt, params) = ([7; SALT_LEN], Params::new(8, 1, 1, Some(PASSWORD_HASH_LEN)));
    let params = params.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut verifier = vec![1, 0, 0, 0, 8, 0, 1, 1];
    verifier.extend(salt);
    let mut hash = [0; PASSWORD_HASH_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(PASSWORD, &salt, &mut hash)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    verifier.extend(hash);
    let aad = Aad {
        field: Field::UserPassword,
        record: user.0,
    };
    let keys = KeyRing::new(KeyId(1), Zeroizing::new([42; 32]));
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&user.0.to_be_bytes());
    let mut request = [0; 16];
    request[..8].copy_from_slice(&user.0.to_be_bytes());
    let change = SetPassword {
        user,
        expected: None,
        password: Some(keys.seal(nonce, aad, &verifier).into()),
        must_change_password: false,
    };
    let command = Command::Administer(Administer {
        request: Fingerprint(request),
        actor: ROOT,
        node: NodeId(1),
        changes: vec![Change::SetPassword(change)],
    });
    parts.replica.propose(&command, in_a_while()).await?;
    Ok(())
}

fn in_a_while() -> Instant {
    Instant::now() + Duration::from_secs(30)
}
