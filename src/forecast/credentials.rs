//! Which Secrets the broker takes cookie and password from.

use serde_json::Value;

use super::asked::{Asked, list};
use crate::cluster::pod_secrets::{name_of, secrets_of};
use crate::secret::{self, Name};

/// One of both, by the key that charts have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub(super) secret: &'a str,
    pub(super) what: Name,
}

impl<'a> Asked<'a> {
    /// By a variable, by a file that a variable names, or with a whole Secret; in the broker's container and in those that
    /// end before it begins: one beside it may have a password of anything.
    pub(super) fn taken(&self) -> Vec<Taken<'a>> {
        let before = list(self.pod(), "/initContainers").iter().filter(|one| one["restartPolicy"] != "Always");
        before.chain([self.broker()]).flat_map(|container| self.taken_in(container)).collect()
    }

    fn taken_in(&self, container: &'a Value) -> Vec<Taken<'a>> {
        let single = list(container, "/env").iter().flat_map(|variable| self.by_variable(container, variable));
        let whole = list(container, "/envFrom").iter().flat_map(|from| self.whole(&from["secretRef"]["name"]));
        let mounts = list(container, "/volumeMounts").iter().flat_map(|mount| self.secrets_at(mount));
        single.chain(whole).chain(mounts.flat_map(|secret| self.mounted(secret))).collect()
    }

    fn by_variable(&self, container: &'a Value, variable: &'a Value) -> Vec<Taken<'a>> {
        if let Some(reference) = variable.pointer("/valueFrom/secretKeyRef") {
            return self.under(&reference["key"], &reference["name"]).into_iter().collect();
        }
        let path = variable["value"].as_str().and_then(|value| value.rsplit_once('/'));
        let Some((folder, what)) = path.and_then(|(folder, key)| Some((folder, self.known(key)?))) else {
            return Vec::new();
        };
        let at = |mount: &&Value| mount["mountPath"].as_str().is_some_and(|at| at.trim_end_matches('/') == folder);
        let secrets = list(container, "/volumeMounts").iter().filter(at).flat_map(|mount| self.secrets_at(mount));
        secrets.filter_map(|secret| Some(Taken { secret: name_of(secret).as_str()?, what })).collect()
    }

    fn secrets_at(&self, mount: &'a Value) -> impl Iterator<Item = &'a Value> + use<'a> {
        let volumes = list(self.pod(), "/volumes").iter().filter(|volume| volume["name"] == mount["name"]);
        volumes.flat_map(secrets_of)
    }

    /// All of its keys, or those that are picked.
    fn mounted(&self, secret: &'a Value) -> Vec<Taken<'a>> {
        match list(secret, "/items") {
            [] => self.whole(name_of(secret)),
            items => items.iter().filter_map(|item| self.under(&item["key"], name_of(secret))).collect(),
        }
    }

    /// What nobody has rendered is not known, but for mqctl's own, which has both.
    fn whole(&self, name: &'a Value) -> Vec<Taken<'a>> {
        let Some(secret) = name.as_str() else { return Vec::new() };
        if self.secret == Some(secret) {
            return Name::BOTH.map(|what| Taken { secret, what }).to_vec();
        }
        let object = self.object("Secret", secret);
        let keys = ["data", "stringData"].into_iter().filter_map(|data| object[data].as_object()).flatten();
        keys.filter_map(|(key, _)| Some(Taken { secret, what: self.known(key)? })).collect()
    }

    fn under(&self, key: &Value, name: &'a Value) -> Option<Taken<'a>> {
        Some(Taken { secret: name.as_str()?, what: self.known(key.as_str()?)? })
    }

    /// What a chart calls so in a Secret.
    fn known(&self, key: &str) -> Option<Name> {
        let own = self.secret_keys.iter().filter_map(|(key, held)| Some((key.as_str(), held.secret()?)));
        own.chain(secret::KEYS).find(|(known, _)| *known == key).map(|(_, what)| what)
    }
}
