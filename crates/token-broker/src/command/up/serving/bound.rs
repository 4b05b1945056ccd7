//! The sockets that are listened on: those that were passed, and new ones for the rest.

use std::net::SocketAddr;

use anyhow::Context as _;
use config::UserPool as PoolHome;
use tokio::net::{TcpListener, UnixListener};

use super::super::{Endpoints, Setup};
use crate::activation::Passed;
use crate::certificates::Certificates;
use crate::control;

/// All of them.
pub(super) struct Bound {
    pub(super) front_door: TcpListener,
    pub(super) admin: TcpListener,
    pub(super) pool: Option<TcpListener>,
    pub(super) control: UnixListener,
}

impl Bound {
    pub(super) async fn listen(setup: &Setup<'_>, passed: Passed) -> anyhow::Result<Self> {
        let local = &setup.definition.local;
        let Passed { front_door, admin, user_pool } = passed;
        let front_door = match setup.options.front_door {
            Some(address) => bind(front_door, address, "--front-door").await?,
            None => bind(front_door, local.front_door, "homes.local.front_door").await?,
        };
        let admin = bind(admin, local.admin, "homes.local.admin").await?;
        let pool = match &local.user_pool {
            PoolHome::Embedded { listen } => {
                Some(bind(user_pool, *listen, "homes.local.user_pool_listen").await?)
            }
            PoolHome::External { .. } | PoolHome::OfTheFunction => None,
        };
        let control = UnixListener::from_std(control::bind(&setup.state)?)?;
        Ok(Self { front_door, admin, pool, control })
    }

    pub(super) fn endpoints(
        &self,
        setup: &Setup<'_>,
        issuer: Option<String>,
        certificates: Option<&Certificates>,
    ) -> anyhow::Result<Endpoints> {
        let scheme = if certificates.is_some() { "https" } else { "http" };
        let certificate = certificates.map(|certificates| std::path::absolute(certificates.file()));
        let stage = &setup.definition.local.stage;
        Ok(Endpoints {
            invoke_url: format!("{scheme}://{}/{stage}/oauth2/token", self.front_door.local_addr()?),
            certificate: certificate.transpose()?,
            admin: format!("http://{}", self.admin.local_addr()?),
            jwks_uri: issuer.as_ref().map(|issuer| format!("{issuer}/.well-known/jwks.json")),
            issuer,
            pid: std::process::id(),
        })
    }
}

/// The socket that was passed, or one at `address`.
async fn bind(
    passed: Option<std::net::TcpListener>,
    address: SocketAddr,
    field: &str,
) -> anyhow::Result<TcpListener> {
    if let Some(passed) = passed {
        return Ok(TcpListener::from_std(passed)?);
    }
    TcpListener::bind(address).await.with_context(|| {
        format!("`{field}` cannot listen on {address}; stop what listens there, or name another address")
    })
}
