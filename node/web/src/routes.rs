//! Every route, one table per audience, each with its guard beside it.
//!
//! | audience       | guard                  | what                                              |
//! |----------------|------------------------|---------------------------------------------------|
//! | everybody      | none                   | `/livez`, `/readyz`                               |
//! | scrapers       | [`guard::scrapers`]    | `/metrics`                                        |
//! | administrators | [`guard::administrators`] | `/api/v1/…`, as `quorate_api::endpoints` says  |

use std::future::Future;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on};
use quorate_api::endpoint::ROOT;
use quorate_api::endpoints::*;
use quorate_api::{Endpoint, Method, ProblemKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admin::{
    api_tokens, applications, audit, clients, cluster, directories, import, join_tokens, plans, policy, rules, tokens,
    users,
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
        .at(LIST_USERS, users::list)
        .at(CREATE_USER, users::create)
        .at(SHOW_USER, users::show)
        .at(CHANGE_USER, users::change)
        .at(DELETE_USER, users::delete)
        .at(SET_PASSWORD, users::set_password)
        .at(DISABLE_USER, users::disable)
        .at(ENABLE_USER, users::enable)
        .at(UNLOCK_USER, users::unlock)
        .at(IMPORT_USERS, import::users)
        .at(LIST_TOKENS, tokens::list)
        .at(CREATE_TOKEN, tokens::create)
        .at(SHOW_TOKEN, tokens::show)
        .at(CHANGE_TOKEN, tokens::change)
        .at(DELETE_TOKEN, tokens::delete)
        .at(DISABLE_TOKEN, tokens::disable)
        .at(ENABLE_TOKEN, tokens::enable)
        .at(LOSE_TOKEN, tokens::lose)
        .at(VERIFY_TOKEN, tokens::verify)
        .at(RESYNC_TOKEN, tokens::resync)
        .at(SEND_CODE, tokens::send)
        .at(ASSIGN_TOKEN, tokens::assign)
        .at(LIST_STOCK, tokens::list_stock)
        .at(CREATE_STOCK, tokens::create_stock)
        .at(LIST_CLIENTS, clients::list)
        .at(CREATE_CLIENT, clients::create)
        .at(SHOW_CLIENT, clients::show)
        .at(CHANGE_CLIENT, clients::change)
        .at(DELETE_CLIENT, clients::delete)
        .at(DISABLE_CLIENT, clients::disable)
        .at(ENABLE_CLIENT, clients::enable)
        .at(ROTATE_SECRET, clients::rotate_secret)
        .at(LIST_APPLICATIONS, applications::list)
        .at(CREATE_APPLICATION, applications::create)
        .at(SHOW_APPLICATION, applications::show)
        .at(CHANGE_APPLICATION, applications::change)
        .at(DELETE_APPLICATION, applications::delete)
        .at(DISABLE_APPLICATION, applications::disable)
        .at(ENABLE_APPLICATION, applications::enable)
        .at(LIST_RULES, rules::list)
        .at(CREATE_RULE, rules::create)
        .at(SHOW_RULE, rules::show)
        .at(CHANGE_RULE, rules::change)
        .at(DELETE_RULE, rules::delete)
        .at(DISABLE_RULE, rules::disable)
        .at(ENABLE_RULE, rules::enable)
        .at(EXPLAIN, plans::explain)
        .at(WHAT_IF, plans::what_if)
        .at(SHOW_POLICY, policy::show)
        .at(CHANGE_POLICY, policy::change)
        .at(LIST_DIRECTORIES, directories::list)
        .at(CREATE_DIRECTORY, directories::create)
        .at(SHOW_DIRECTORY, directories::show)
        .at(CHANGE_DIRECTORY, directories::change)
        .at(DELETE_DIRECTORY, directories::delete)
        .at(DISABLE_DIRECTORY, directories::disable)
        .at(ENABLE_DIRECTORY, directories::enable)
        .at(EXAMINE_DIRECTORY, directories::examine)
        .at(SYNC_DIRECTORY, directories::sync)
        .at(LIST_API_TOKENS, api_tokens::list)
        .at(CREATE_API_TOKEN, api_tokens::create)
        .at(SHOW_API_TOKEN, api_tokens::show)
        .at(DELETE_API_TOKEN, api_tokens::delete)
        .at(SHOW_CLUSTER, cluster::show)
        .at(REMOVE_NODE, cluster::remove_node)
        .at(HAND_OVER, cluster::hand_over)
        .at(LIST_JOIN_TOKENS, join_tokens::list)
        .at(CREATE_JOIN_TOKEN, join_tokens::create)
        .at(LIST_AUDIT, audit::list)
        .at(VERIFY_AUDIT, audit::verify)
        .at(AUDIT_STATUS, audit::status)
        .at(SET_RETENTION, audit::set_retention)
        .at(AUDIT_HEADS, audit::heads)
        .at(AUDIT_SEGMENT, audit::segment)
}

/// Routes that answer endpoints of the contract.
#[derive(Default)]
struct Table {
    router: Router<Site>,
    /// The endpoints that have a handler, by operation id.
    listed: Vec<&'static str>,
}

impl Table {
    /// Answers an endpoint with a handler of the same shapes.
    fn at<Req, Res, F, Fut>(mut self, endpoint: Endpoint<Req, Res>, handler: F) -> Self
    where
        Req: DeserializeOwned + Send + 'static,
        Res: Serialize + Send + 'static,
        F: Fn(Call<Req>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answer<Res>> + Send,
    {
        let serve = move |site: State<Site>, request: Request| call::run(endpoint, handler, site, request);
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
