//! Tells the gateway where each app is, and every change of that.

use std::collections::HashSet;

use myksc_apps::{Apps, RouteChange};
use myksc_core::AppId;
use myksc_gateway::Gateway;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Gives the gateway all routes; what changes from then on comes by the receiver.
pub(super) fn give_all(apps: &Apps, gateway: &Gateway) -> Receiver<RouteChange> {
    let changes = apps.subscribe_routes();
    for (app, route) in apps.routes() {
        gateway.set_route(app, route);
    }
    changes
}

/// Pushes changes for as long as it is polled.
pub(super) async fn push(apps: Apps, mut changes: Receiver<RouteChange>, gateway: Gateway) {
    let mut known: HashSet<AppId> = apps.routes().into_iter().map(|(app, _)| app).collect();
    loop {
        match changes.recv().await {
            Ok(RouteChange::Set(app, route)) => {
                known.insert(app.clone());
                gateway.set_route(app, route);
            }
            Ok(RouteChange::Remove(app)) => {
                known.remove(&app);
                gateway.remove_route(&app);
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "too many apps changed at once; every route is told anew");
                changes = give_all(&apps, &gateway);
                let now: HashSet<AppId> = apps.routes().into_iter().map(|(app, _)| app).collect();
                known.difference(&now).for_each(|gone| gateway.remove_route(gone));
                known = now;
            }
            Err(RecvError::Closed) => return,
        }
    }
}
