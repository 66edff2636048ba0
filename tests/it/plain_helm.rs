//! Releases that plain helm made, of two families of charts: what helm says of them, and their objects.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::dialects::{CHARTS, release};
use crate::objects::{self, COOKIE, PASSWORD, base64};
use crate::world::{SECRETS_FILE, World};

pub const FILE: &str = "work/profiles/prodmq.yaml";
pub const SECRET: &str = "cluster/secret.prodmq-mqctl-credentials";
/// The namespace comes from the question's default.
pub const STABLE: [&str; 7] =
    ["init", "prodmq", "--from-release", "prodmq", "--chart", "./charts/stable-like", "--yes"];

/// What differs between the two families.
pub struct Family {
    pub chart: &'static str,
    pub version: &'static str,
    password: &'static str,
    cookie: &'static str,
    /// What `helm install --set` was given.
    pub given: Value,
}

pub fn stable() -> Family {
    Family {
        chart: "stable",
        version: "6.18.2",
        password: "RABBITMQ_DEFAULT_PASS",
        cookie: "RABBITMQ_ERL_COOKIE",
        given: json!({
            "fullnameOverride": "prodmq", "replicas": 3, "image": {"tag": "4.3.6-management", "debug": true},
            "rabbitmq": {"password": PASSWORD, "erlangCookie": COOKIE, "plugins": "rabbitmq_management"},
            "persistence": {"size": "8Gi"}, "service": {"type": "LoadBalancer"},
        }),
    }
}

pub fn bitnami() -> Family {
    Family {
        chart: "bitnami",
        version: "16.0.16",
        password: "RABBITMQ_PASSWORD",
        cookie: "RABBITMQ_ERL_COOKIE",
        given: json!({
            "fullnameOverride": "prodmq", "replicaCount": 3, "global": {"security": {"allowInsecureImages": true}},
            "auth": {"username": "user", "password": PASSWORD, "erlangCookie": COOKIE, "updatePassword": false},
            "persistence": {"storageClass": "standard"}, "extraConfiguration": "heartbeat = 60\nvm = 1\n",
        }),
    }
}

/// It takes all three as values, or the user not at all, and has no Secret.
pub fn groundhog2k(user: &Value) -> Family {
    Family {
        chart: "groundhog2k",
        version: "2.3.6",
        password: "RABBITMQ_DEFAULT_PASS",
        cookie: "ERLANG_COOKIE",
        given: json!({
            "fullnameOverride": "prodmq", "replicaCount": 3, "k8sPeerDiscoveryPlugin": {"enabled": true},
            "authentication": {"user": user, "password": {"value": PASSWORD}, "erlangCookie": {"value": COOKIE}},
            "storage": {"requestedSize": "8Gi"},
        }),
    }
}

impl Family {
    /// With the chart's defaults, as far as they matter.
    fn all(&self) -> Value {
        let mut all = self.given.clone();
        match self.chart {
            "stable" => all["rabbitmq"]["username"] = "user".into(),
            "groundhog2k" => {}
            _ => all["clustering"] = json!({"forceBoot": false}),
        }
        all
    }

    /// The template takes both from this Secret.
    pub fn template(&self, secret: &str) -> Value {
        let taken =
            |name: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
        let env = [taken(self.password, "rabbitmq-password"), taken(self.cookie, "rabbitmq-erlang-cookie")];
        json!({"spec": {"containers": [{"name": "rabbitmq", "image": "docker.io/library/rabbitmq:4.3.6-management", "env": env}]}})
    }

    /// As helm renders it.
    pub fn stateful_set(&self, secret: &str) -> Value {
        let volume = if self.chart == "groundhog2k" { "rabbitmq-volume" } else { "data" };
        let mut claim = json!({"metadata": {"name": volume}, "spec": {"resources": {"requests": {"storage": "8Gi"}}}});
        if self.chart == "bitnami" {
            claim["spec"]["storageClassName"] = "standard".into();
        }
        json!({
            "kind": "StatefulSet", "metadata": {"name": "prodmq"},
            "spec": {"replicas": 3, "podManagementPolicy": "OrderedReady", "template": self.template(secret), "volumeClaimTemplates": [claim]},
        })
    }

    fn own_secret() -> Value {
        let data = json!({"rabbitmq-password": base64(PASSWORD), "rabbitmq-erlang-cookie": base64(COOKIE)});
        let metadata = json!({"name": "prodmq", "annotations": {"meta.helm.sh/release-name": "prodmq"}});
        json!({"kind": "Secret", "metadata": metadata, "data": data})
    }

    /// The manifest of a revision whose pods take both from this Secret, with the chart's own where that is it.
    pub fn manifest(&self, secret: &str) -> String {
        let own = (secret == "prodmq").then(Self::own_secret);
        let objects = own.into_iter().chain([self.stateful_set(secret)]);
        objects.map(|object| format!("---\n{object}\n")).collect::<Vec<_>>().concat()
    }
}

pub fn history(revisions: &[(&str, &str)]) -> String {
    let one = |(n, (status, chart)): (usize, &(&str, &str))| json!({"revision": n + 1, "updated": "2026-11-22T08:57:17Z", "status": status, "chart": chart, "description": "x"});
    Value::from(revisions.iter().enumerate().map(one).collect::<Vec<_>>()).to_string()
}

/// What helm answers of this release; other answers may be given before.
pub fn answers(world: &World, family: &Family, history: &str) {
    world.rule("helm history prodmq *", 0, history, "");
    world.rule("helm get values * --all *", 0, &family.all().to_string(), "");
    world.rule("helm get values *", 0, &family.given.to_string(), "");
    world.write("cluster/manifest", &family.manifest("prodmq"));
}

/// Without what helm answers: three nodes run with the canaries, which the chart's own Secret has.
pub fn bare(family: &Family) -> World {
    let world = World::installed();
    [FILE, SECRETS_FILE, SECRET].iter().for_each(|file| world.remove(file));
    symlink(CHARTS, world.path("work/charts")).unwrap();
    world.object("release", &release(family.version));
    world.object("secret.prodmq", &Family::own_secret());
    world.object("runs-with", &objects::runs_with(Some(COOKIE), PASSWORD, PASSWORD));
    let mut set = family.stateful_set("prodmq");
    set["metadata"]["generation"] = 1.into();
    set["status"] = json!({"observedGeneration": 1, "updatedReplicas": 3, "readyReplicas": 3});
    world.object("statefulset.prodmq", &set);
    world
}

pub fn plain(family: &Family) -> World {
    let world = bare(family);
    answers(&world, family, &history(&[("deployed", &format!("rabbitmq-{}", family.version))]));
    world
}

pub fn text(world: &World, file: &str) -> String {
    fs::read_to_string(world.path(file)).unwrap()
}
