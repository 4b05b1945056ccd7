//! The user pool that the broker asks, as far as the document makes it: whether people may sign up to it, and whether it can
//! be deleted; its app clients, its web ACL and what the broker sends to it in the modules below.
//!
//! Part of the reading, after the API. The broker's pool is one with an app client for machines; without such a one it is
//! the only pool beside a broker. Another pool, of people, is no matter of this check.

mod app_client;
mod statement;
mod upstream;
mod web_acl;

use restapi::RestApi;

use super::at;
use super::block::{Block, Seen};
use super::broker::Bound;
use super::document::Instance;
use super::front::Reader;
use crate::rule::broker::{NOBODY_SIGNS_UP, POOL_STAYS};

pub(crate) use app_client::AppClient;

impl<'a> Reader<'a> {
    /// Looks at the broker's pools and app clients. None if the document makes neither.
    pub(super) fn check_pools(&mut self, api: &RestApi, bound: &[Bound]) -> Option<Vec<AppClient>> {
        let clients = self.app_clients();
        let machines: Vec<_> =
            clients.iter().filter(|client| app_client::is_for_machines(client)).cloned().collect();
        let mut pools: Vec<&'a Instance> =
            machines.iter().filter_map(|client| self.pool_of(client)).collect();
        pools.sort_by_key(|pool| &pool.address);
        pools.dedup_by(|a, b| std::ptr::eq(*a, *b));
        if let ([], true, [only]) =
            (machines.as_slice(), self.makes_the_broker(api), self.graph.of_kind(POOL))
        {
            pools.push(only);
        }
        for pool in &pools {
            self.check_pool(&self.graph.block(pool));
            self.check_web_acls(pool, bound);
        }
        self.check_upstream(&pools, bound);
        // What else is in these pools gets the same tokens.
        let is_theirs = |client: &Block<'a>| {
            self.pool_of(client).is_some_and(|own| pools.iter().any(|pool| std::ptr::eq(*pool, own)))
        };
        let of_broker: Vec<_> = clients
            .into_iter()
            .filter(|client| app_client::is_for_machines(client) || is_theirs(client))
            .collect();
        if pools.is_empty() && of_broker.is_empty() {
            return None;
        }
        Some(of_broker.iter().map(|client| self.check_app_client(client)).collect())
    }

    fn pool_of(&self, client: &Block<'a>) -> Option<&'a Instance> {
        self.graph.link(client, "user_pool_id", POOL).found()
    }

    fn check_pool(&mut self, pool: &Block<'a>) {
        let address = &pool.instance.address;
        let place = at(&["userPools", &pool.text_or_placeholder("name").unwrap_or_default()]);
        let by_admin = pool.blocks("admin_create_user_config");
        let by_admin =
            by_admin.first().map_or(Seen::Unset, |block| block.flag("allow_admin_create_user_only"));
        let sign_up = match by_admin {
            Seen::Known(true) => None,
            _ if pool.hides_blocks("admin_create_user_config") => Some(UNSEEN_SIGN_UP),
            Seen::Known(false) | Seen::Unset => Some("everybody may sign up to the pool"),
            Seen::Unknown => Some(UNSEEN_SIGN_UP),
        };
        if let Some(detail) = sign_up {
            self.notes.add(NOBODY_SIGNS_UP, address, &place, detail);
        }
        let deletion = match pool.text("deletion_protection") {
            Seen::Known("ACTIVE") => return,
            Seen::Known(_) | Seen::Unset => "the pool is not protected from deletion",
            Seen::Unknown => "whether the pool is protected from deletion cannot be seen",
        };
        self.notes.add(POOL_STAYS, address, &place, deletion);
    }
}

const UNSEEN_SIGN_UP: &str = "whether people may sign up to the pool cannot be seen";

pub(super) const POOL: &str = "aws_cognito_user_pool";
