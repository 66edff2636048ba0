//! mqctl's own Secret as text with holes: outside the release, so that uninstall cannot take it. Pure.

use serde_json::json;

use crate::chart::{self, Held, Names};
use crate::cluster::{IMAGE_TAG, ROTATING, Target};
use crate::process::Part;
use crate::profile::Profile;
use crate::secret::{Hole, KEYS, Name};

/// What the Secret is made from.
pub(super) struct Object<'a> {
    pub(super) profile: &'a Profile,
    pub(super) target: &'a Target,
    pub(super) names: &'a Names,
    /// The image that the volumes are for.
    pub(super) tag: &'a str,
    /// What a rotation keeps here until it is done.
    pub(super) next: Option<Name>,
    /// The pods get it from now on: those that were there before, by their uids, are noted until it is done.
    pub(super) ahead: Option<&'a [String]>,
}

impl Object<'_> {
    pub(super) fn manifest(&self) -> Vec<Part> {
        let mut metadata = json!({"name": self.names.secret, "namespace": self.target.namespace, "labels": self.target.own_labels(), "annotations": {IMAGE_TAG: self.tag}});
        if let Some(pods) = self.ahead {
            metadata["annotations"][ROTATING] = pods.join(",").into();
        }
        let user = base64_text(&self.profile.credentials.username);
        let secret = format!(
            r#"{{"apiVersion":"v1","kind":"Secret","type":"Opaque","metadata":{metadata},"data":{{"username":"{user}""#
        );
        let mut parts = vec![Part::Text(secret)];
        let next = self.next.map(|name| (name.secret_key(), name));
        let own = chart::secret_keys(self.profile);
        for key in own.iter().filter(|(_, held)| *held == Held::Username).map(|(key, _)| key) {
            parts.push(Part::Text(format!(r#","{key}":"{user}""#)));
        }
        let own = own.iter().filter_map(|(key, held)| Some((key.as_str(), held.secret()?)));
        let ahead = self.next.filter(|_| self.ahead.is_some());
        for (key, name) in KEYS.into_iter().chain(next).chain(own) {
            let name = ahead.filter(|next| *next == name.next()).unwrap_or(name);
            parts.extend([Part::Text(format!(r#","{key}":""#)), Part::Hole(Hole(name)), Part::Text("\"".to_owned())]);
        }
        parts.push(Part::Text("}}".to_owned()));
        parts
    }
}

fn base64_text(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
