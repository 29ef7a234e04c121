//! Which machine a name leads to, asked once for each connection: the address that was judged is the one that is
//! connected to, so that a name whose answer changes gains nothing.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use domain::notification::endpoint::is_public;
use futures_util::{FutureExt, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Finds machines of the public internet by name, and those of the shop's own that an operator named.
pub(super) struct PublicNames {
    own: Arc<[String]>,
    lookup: Arc<Lookup>,
}

/// A name leads into our own network, or nowhere.
#[derive(Debug, thiserror::Error)]
#[error("the name of the push service leads to no public address")]
pub(super) struct NotPublic;

impl PublicNames {
    /// The names that the system knows, whatever addresses those of `own` have.
    pub(super) fn new(own: Vec<String>) -> Self {
        Self::looked_up(own, |name| {
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) }
                .boxed()
        })
    }

    /// The same by another directory.
    pub(super) fn looked_up(
        own: Vec<String>,
        lookup: impl Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync + 'static,
    ) -> Self {
        Self { own: own.into(), lookup: Arc::new(lookup) }
    }
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (own, lookup) = (Arc::clone(&self.own), Arc::clone(&self.lookup));
        let name = name.as_str().to_owned();
        async move {
            let is_own = own.contains(&name);
            let found = lookup(name).await?;
            let public: Vec<_> = found.into_iter().filter(|address| is_own || is_public(*address)).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            // The port is that of the address that is asked for.
            Ok(Box::new(public.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        }
        .boxed()
    }
}

impl fmt::Debug for PublicNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicNames")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_name_whose_answer_changes_is_judged_each_time() {
        let public = IpAddr::from(Ipv4Addr::new(8, 8, 8, 8));
        let private = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        let asked = AtomicUsize::new(0);
        let names = PublicNames::looked_up(vec!["own.example".into()], move |_| {
            let found = match asked.fetch_add(1, Ordering::Relaxed) {
                0 => vec![public],
                1 => vec![private, public],
                _ => vec![private],
            };
            async move { Ok(found) }.boxed()
        });
        let found = |name: &str| {
            let found = names.resolve(name.parse().unwrap());
            async move { found.await.map(|found| found.map(|found| found.ip()).collect::<Vec<_>>()) }
        };
        assert_eq!(found("push.example").await.unwrap(), [public]);
        assert_eq!(found("push.example").await.unwrap(), [public], "the other is left out");
        assert!(found("push.example").await.unwrap_err().is::<NotPublic>());
        assert_eq!(found("own.example").await.unwrap(), [private]);
    }
}
