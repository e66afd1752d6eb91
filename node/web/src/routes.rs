//! Every route, one table per audience, each with its guard beside it.
//!
//! | audience       | guard                  | what                                              |
//! |----------------|------------------------|---------------------------------------------------|
//! | everybody      | none                   | `/livez`, `/readyz`                               |
//! | scrapers       | [`guard::scrapers`]    | `/metrics`                                        |
//! | administrators | [`guard::administrators`] | `/api/v1/…`, as `quorate_api::endpoints` says  |
//!
//! Of the administrators, a route lets pass whose role has the permission that it is listed with here; who has which stands
//! in one place (`quorate_core::Permission`) and is asked in one place ([`guard::permit`], by [`call::run`], which every
//! route is served by). A route without a permission does not compile.

use std::future::Future;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use quorate_api::endpoint::ROOT;
use quorate_api::endpoints::*;
use quorate_api::{Endpoint, Method, ProblemKind};
use quorate_core::Permission::{self, *};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin::{
    api_tokens, applications, audit, clients, cluster, devices, directories, exports, gateways, import, imports,
    join_tokens, pending, plans, policy, roles, rules, texts, tokens, users,
};
use crate::call::{self, Answer, Call};
use crate::failure::Failure;
use crate::site::Site;
use crate::{guard, health, metrics, observe};

/// The router that every listener serves.
pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .merge(everybody())
        .merge(scrapers().route_layer(from_fn_with_state(site.clone(), guard::scrapers)))
        .merge(
            administrators()
                .router
                .route_layer(from_fn_with_state(site.clone(), guard::administrators)),
        )
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(site.clone(), observe::observe))
        .with_state(site)
}

fn everybody() -> Router<Site> {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
}

fn scrapers() -> Router<Site> {
    Router::new().route("/metrics", get(metrics::scrape))
}

#[rustfmt::skip]
fn administrators() -> Table {
    Table::default()
        .at(ReadUsers, LIST_USERS, users::list)
        .at(ManageUsers, CREATE_USER, users::create)
        .at(ReadUsers, SHOW_USER, users::show)
        .at(ManageUsers, CHANGE_USER, users::change)
        .at(ManageUsers, DELETE_USER, users::delete)
        .at(ManageUsers, SET_PASSWORD, users::set_password)
        .at(ManageTokens, SET_PIN, users::set_pin)
        .at(ManageUsers, CHANGE_OWN_PASSWORD, users::change_own_password)
        .at(DisableUsers, DISABLE_USER, users::disable)
        .at(ManageUsers, ENABLE_USER, users::enable)
        .at(UnlockUsers, UNLOCK_USER, users::unlock)
        .at(AssignRoles, CHANGE_ACCESS, roles::change_access)
        .at(ReadUsers, LIST_DEVICES, devices::list)
        .at(RevokeDevices, REVOKE_DEVICES, devices::revoke_all)
        .at(RevokeDevices, REVOKE_DEVICE, devices::revoke)
        .at(ManageUsers, IMPORT_USERS, import::users)
        .at(ExportUsers, EXPORT_USERS, exports::users)
        .at(ManageUsers, BEGIN_IMPORT, imports::begin)
        .at(ManageUsers, SHOW_IMPORT, imports::show)
        .at(ManageUsers, GATHER_ROWS, imports::gather)
        .at(ManageUsers, COMMIT_IMPORT, imports::commit)
        .at(ManageUsers, DROP_IMPORT, imports::delete)
        .at(ReadUsers, LIST_TOKENS, tokens::list)
        .at(GiveTemporaryCodes, CREATE_TOKEN, tokens::create)
        .at(ReadUsers, SHOW_TOKEN, tokens::show)
        .at(ManageTokens, CHANGE_TOKEN, tokens::change)
        .at(ManageTokens, DELETE_TOKEN, tokens::delete)
        .at(WithdrawTokens, DISABLE_TOKEN, tokens::disable)
        .at(ManageTokens, ENABLE_TOKEN, tokens::enable)
        .at(WithdrawTokens, LOSE_TOKEN, tokens::lose)
        .at(VerifyTokens, VERIFY_TOKEN, tokens::verify)
        .at(VerifyTokens, RESYNC_TOKEN, tokens::resync)
        .at(SendCodes, SEND_CODE, tokens::send)
        .at(ManageTokens, ASSIGN_TOKEN, tokens::assign)
        .at(ExportSecrets, EXPORT_TOKENS, exports::tokens)
        .at(ReadUsers, LIST_STOCK, tokens::list_stock)
        .at(ManageTokens, CREATE_STOCK, tokens::create_stock)
        .at(ReadConfiguration, LIST_CLIENTS, clients::list)
        .at(ManageClients, CREATE_CLIENT, clients::create)
        .at(ReadConfiguration, SHOW_CLIENT, clients::show)
        .at(ManageClients, CHANGE_CLIENT, clients::change)
        .at(ManageClients, DELETE_CLIENT, clients::delete)
        .at(ManageClients, DISABLE_CLIENT, clients::disable)
        .at(ManageClients, ENABLE_CLIENT, clients::enable)
        .at(ManageClients, ROTATE_SECRET, clients::rotate_secret)
        .at(ReadConfiguration, LIST_APPLICATIONS, applications::list)
        .at(ManageApplications, CREATE_APPLICATION, applications::create)
        .at(ReadConfiguration, SHOW_APPLICATION, applications::show)
        .at(ManageApplications, CHANGE_APPLICATION, applications::change)
        .at(ManageApplications, DELETE_APPLICATION, applications::delete)
        .at(ManageApplications, DISABLE_APPLICATION, applications::disable)
        .at(ManageApplications, ENABLE_APPLICATION, applications::enable)
        .at(ReadConfiguration, SHOW_POLICY, policy::show)
        .at(ManagePolicy, CHANGE_POLICY, policy::change)
        .at(ReadConfiguration, LIST_ROLES, roles::list)
        .at(ManagePolicy, CHANGE_ROLE, roles::change)
        .at(ReadConfiguration, LIST_PENDING_CHANGES, pending::list)
        .at(SettleChanges, CONFIRM_CHANGE, pending::confirm)
        .at(SettleChanges, TAKE_BACK_CHANGE, pending::take_back)
        .at(ReadConfiguration, LIST_RULES, rules::list)
        .at(ManageApplications, CREATE_RULE, rules::create)
        .at(ReadConfiguration, SHOW_RULE, rules::show)
        .at(ManageApplications, CHANGE_RULE, rules::change)
        .at(ManageApplications, DELETE_RULE, rules::delete)
        .at(ManageApplications, DISABLE_RULE, rules::disable)
        .at(ManageApplications, ENABLE_RULE, rules::enable)
        .at(ReadConfiguration, EXPLAIN, plans::explain)
        .at(ReadAudit, WHAT_IF, plans::what_if)
        .at(ReadConfiguration, LIST_DIRECTORIES, directories::list)
        .at(ManageDirectories, CREATE_DIRECTORY, directories::create)
        .at(ReadConfiguration, SHOW_DIRECTORY, directories::show)
        .at(ManageDirectories, CHANGE_DIRECTORY, directories::change)
        .at(ManageDirectories, DELETE_DIRECTORY, directories::delete)
        .at(ManageDirectories, DISABLE_DIRECTORY, directories::disable)
        .at(ManageDirectories, ENABLE_DIRECTORY, directories::enable)
        .at(ManageDirectories, FORGET_PASSWORDS, directories::forget_passwords)
        .at(ManageDirectories, EXAMINE_DIRECTORY, directories::examine)
        .at(ManageDirectories, SYNC_DIRECTORY, directories::sync)
        .at(ReadConfiguration, LIST_GATEWAYS, gateways::list)
        .at(ManageGateways, CREATE_GATEWAY, gateways::create)
        .at(ReadConfiguration, SHOW_GATEWAY, gateways::show)
        .at(ManageGateways, CHANGE_GATEWAY, gateways::change)
        .at(ManageGateways, DELETE_GATEWAY, gateways::delete)
        .at(ManageGateways, DISABLE_GATEWAY, gateways::disable)
        .at(ManageGateways, ENABLE_GATEWAY, gateways::enable)
        .at(ManageGateways, TEST_GATEWAY, gateways::test)
        .at(ReadConfiguration, LIST_TEXTS, texts::list)
        .at(ReadConfiguration, SHOW_TEXT, texts::show)
        .at(ManageGateways, SET_TEXT, texts::set)
        .at(ManageGateways, REMOVE_TEXT, texts::remove)
        .at(ReadConfiguration, PREVIEW_TEXT, texts::preview)
        .at(ReadConfiguration, SHOW_DEFAULT_LANGUAGE, texts::show_default_language)
        .at(ManageGateways, SET_DEFAULT_LANGUAGE, texts::set_default_language)
        .at(ReadApiTokens, LIST_API_TOKENS, api_tokens::list)
        .at(ManageApiTokens, CREATE_API_TOKEN, api_tokens::create)
        .at(ReadApiTokens, SHOW_API_TOKEN, api_tokens::show)
        .at(ManageApiTokens, DELETE_API_TOKEN, api_tokens::delete)
        .at(ReadCluster, SHOW_CLUSTER, cluster::show)
        .at(ManageCluster, REMOVE_NODE, cluster::remove_node)
        .at(ManageCluster, HAND_OVER, cluster::hand_over)
        .at(ReadCluster, LIST_JOIN_TOKENS, join_tokens::list)
        .at(ManageCluster, CREATE_JOIN_TOKEN, join_tokens::create)
        .at(ReadAudit, LIST_AUDIT, audit::list)
        .at(ReadAudit, VERIFY_AUDIT, audit::verify)
        .at(ReadAudit, AUDIT_STATUS, audit::status)
        .at(ManageAudit, SET_RETENTION, audit::set_retention)
        .at(ReadAudit, AUDIT_HEADS, audit::heads)
        .at(ReadAudit, AUDIT_SEGMENT, audit::segment)
}

/// Routes that answer endpoints of the contract.
#[derive(Default)]
struct Table {
    router: Router<Site>,
    /// The endpoints that have a handler, by operation id.
    listed: Vec<&'static str>,
}

impl Table {
    /// Answers an endpoint with a handler of the same shapes, for those who have the permission.
    fn at<Req, Res, F, Fut>(mut self, permission: Permission, endpoint: Endpoint<Req, Res>, handler: F) -> Self
    where
        Req: DeserializeOwned + Send + 'static,
        Res: Serialize + Send + 'static,
        F: Fn(Call<Req>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answer<Res>> + Send + 'static,
    {
        let serve = move |site: State<Site>, request: Request| call::run(permission, endpoint, handler, site, request);
        let route: MethodRouter<Site> = on(filter(endpoint.method), serve);
        self.router = self.router.route(&format!("{ROOT}{}", endpoint.path), route);
        self.listed.push(endpoint.id);
        self
    }
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

async fn no_such_path() -> Response {
    Failure::new(ProblemKind::NotFound).into_response()
}

async fn no_such_method() -> Response {
    Failure::new(ProblemKind::MethodNotAllowed).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quorate_api::endpoint::Shape;
    use quorate_api::endpoints::{Visitor, visit_all};

    use super::*;

    struct Ids(BTreeSet<&'static str>);

    impl Visitor for Ids {
        fn visit<Req: Shape, Res: Shape>(&mut self, endpoint: &Endpoint<Req, Res>) {
            self.0.insert(endpoint.id);
        }
    }

    #[test]
    fn every_endpoint_of_the_contract_has_one_handler() {
        let mut contract = Ids(BTreeSet::new());
        visit_all(&mut contract);
        let listed = administrators().listed;
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), contract.0);
        assert_eq!(listed.len(), contract.0.len(), "none twice");
    }
}
