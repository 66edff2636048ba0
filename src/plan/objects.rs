//! What a new revision does to objects and pods, in the words of a plan. Pure.

use crate::changes::{Change, Changes, Field, What};
use crate::cluster::preview::Foreign;

/// Lines that a plan shows of one object; the rest is in its JSON.
const FIELDS: usize = 12;

/// `2 of 6 objects change`, `1 object is created`
pub(super) fn in_words(changes: &Changes) -> String {
    let count = |what| changes.objects.iter().filter(|c| c.what == what).count();
    let words = [(What::Changed, "changed"), (What::Created, "created"), (What::Removed, "removed")];
    let parts: Vec<String> = words
        .into_iter()
        .filter(|(what, _)| count(*what) > 0)
        .map(|(what, word)| format!("{} object{} {word}", count(what), if count(what) == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() { "no object changes".to_owned() } else { parts.join(", ") }
}

/// The differences, a line each.
pub(super) fn notes(changes: &Changes) -> Vec<String> {
    changes.objects.iter().flat_map(of_object).collect()
}

fn of_object(change: &Change) -> Vec<String> {
    match change.what {
        What::Created => vec![format!("+ {}", change.object)],
        What::Removed => vec![format!("- {}", change.object)],
        What::Changed => {
            let mut lines = vec![format!("~ {}", change.object)];
            lines.extend(change.fields.iter().take(FIELDS).map(|field| format!("    {}", of_field(field))));
            let more = change.fields.len().saturating_sub(FIELDS);
            if more > 0 {
                lines.push(format!("    and {more} more (-o json shows all)"));
            }
            lines
        }
    }
}

fn of_field(field: &Field) -> String {
    let path = &field.path;
    match (&field.from, &field.to) {
        (Some(from), Some(to)) => format!("{path}: {from} -> {to}"),
        (None, Some(to)) => format!("{path}: + {to}"),
        (Some(from), None) => format!("{path}: - {from}"),
        (None, None) => path.clone(),
    }
}

/// Who changed what beside helm.
pub(super) fn foreign(fields: &[Foreign]) -> Vec<String> {
    fields.iter().map(|f| format!("{}  (changed by {})", f.field, f.manager)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "kind: ConfigMap\nmetadata: {name: q}\ndata:\n  a.conf: |\n    x = 1\n    ldap.password = old\n---\nkind: StatefulSet\nmetadata: {name: q, annotations: {mqctl/values: one}}\nspec:\n  replicas: 3\n  serviceName: q\n  template: {spec: {containers: [{name: b, env: [{name: MY_TOKEN, value: t}]}, {name: a, image: x:1}]}}\n---\nkind: Service\nmetadata: {name: gone}\n";

    fn lines(new: &str) -> Vec<String> {
        notes(&Changes::between(OLD, new))
    }

    #[test]
    fn the_same_manifest_changes_nothing() {
        let new = OLD.replace("mqctl/values: one", "mqctl/values: two");
        assert_eq!(Changes::between(OLD, &new), Changes::default(), "the digest stands for what is shown itself");
    }

    #[test]
    fn fields_lines_and_objects_and_no_secret() {
        let new = OLD.replace("x = 1", "x = 2").replace("= old", "= new").replace("replicas: 3", "replicas: 5");
        let new = new.replace("x:1", "x:2").replace("value: t", "value: u").replace("Service", "ServiceAccount");
        assert_eq!(
            lines(&new),
            [
                "~ ConfigMap/q",
                "    data.a.conf: - x = 1",
                "    data.a.conf: - ldap.password = (masked)",
                "    data.a.conf: + x = 2",
                "    data.a.conf: + ldap.password = (masked)",
                "~ StatefulSet/q",
                "    spec.replicas: 3 -> 5",
                "    spec.template.spec.containers[b].env[MY_TOKEN].value: (masked) -> (masked)",
                "    spec.template.spec.containers[a].image: x:1 -> x:2",
                "+ ServiceAccount/gone",
                "- Service/gone",
            ]
        );
        let changes = Changes::between(OLD, &new);
        assert!(changes.restarts && changes.immutable.is_empty());
        assert_eq!(in_words(&changes), "2 objects changed, 1 object created, 1 object removed");
    }

    #[test]
    fn what_the_api_server_fills_in_by_itself_is_no_difference() {
        let old = "kind: StatefulSet\nmetadata: {name: q}\nspec: {volumeClaimTemplates: [{metadata: {name: d}}]}\n";
        let new =
            old.replace("{metadata: {name: d}", "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}");
        assert_eq!(Changes::between(old, &new), Changes::default());
    }

    #[test]
    fn a_secret_object_is_masked_whole() {
        let secret = |data: &str| format!("kind: Secret\nmetadata: {{name: s}}\ndata: {{x: {data}}}\n");
        let changes = Changes::between(&secret("b2xk"), &secret("bmV3"));
        assert_eq!(notes(&changes), ["~ Secret/s", "    data.x: (masked) -> (masked)"]);
    }

    #[test]
    fn what_a_stateful_set_never_changes_is_named() {
        let new = OLD.replace("serviceName: q", "serviceName: r\n  volumeClaimTemplates: [{name: d}]");
        let changes = Changes::between(OLD, &new);
        assert_eq!(changes.immutable, ["spec.serviceName", "spec.volumeClaimTemplates"]);
        assert!(!changes.restarts);
    }
}
