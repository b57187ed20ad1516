//! Events of pods, followed in a namespace only while a launch there is in progress: a cluster makes many.

use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::runtime::watcher::Config;

use super::super::records::PodRecord;
use super::{Keeper, Seen, spawn_following};

/// Events of one namespace.
pub(super) struct Events(pub(super) Arc<Seen>);

impl Seen {
    /// Follows events where a pod is on its way, and nowhere else; forgets what was told of pods that are not.
    pub(super) fn follow_events(self: &Arc<Self>) {
        let mut tables = self.lock();
        let on_their_way = || tables.pods.values().flatten().filter(|pod| is_on_its_way(pod));
        let places: HashSet<String> = on_their_way().map(|pod| pod.namespace.clone()).collect();
        let pods: HashSet<String> = on_their_way().map(|pod| pod.uid.clone()).collect();
        tables.news.retain(|pod, _| pods.contains(pod));
        tables.events_followed.retain(|namespace, task| {
            let stays = places.contains(namespace);
            if !stays {
                task.abort();
            }
            stays
        });
        for namespace in places {
            tables.events_followed.entry(namespace.clone()).or_insert_with(|| {
                let api = Api::<Event>::namespaced(self.client.0.clone(), &namespace);
                let of_pods = Config::default().fields("involvedObject.kind=Pod");
                spawn_following(api, of_pods, Events(Arc::clone(self)))
            });
        }
    }
}

/// Whether a node has it and its app was not started yet.
fn is_on_its_way(pod: &PodRecord) -> bool {
    !pod.is_going && pod.placed_at.is_some() && !pod.container.was_started()
}

impl Events {
    /// Takes note of an event of a pod that is on its way.
    async fn take(&self, event: &Event) {
        let Some(uid) = event.involved_object.uid.as_deref() else { return };
        let app = {
            let mut tables = self.0.lock();
            let mut pods = tables.pods.values().flatten();
            let Some(app) = pods.find(|pod| pod.uid == uid).map(|pod| pod.app.clone()) else { return };
            tables.news.entry(uid.to_owned()).or_default().take(event).then_some(app)
        };
        if let Some(app) = app {
            self.0.tell(app).await;
        }
    }
}

impl Keeper<Event> for Events {
    async fn changed(&self, object: Event) {
        self.take(&object).await;
    }

    /// Events go after an hour; what they told stays.
    async fn gone(&self, _: Event) {}

    async fn listed(&self, mut objects: Vec<Event>) {
        objects.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        for object in objects {
            self.take(&object).await;
        }
    }
}
