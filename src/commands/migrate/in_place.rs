//! The volumes may stay: why, how, what it costs, and the way back. Nothing is changed by that: the profile is its owner's.

use serde_json::{Map, Value, json};

use super::Old;
use crate::chart::exodus::{self, Row};
use crate::chart::{self, Home};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::profile::{ChartRef, Profile, beside};
use crate::program;
use crate::report;

pub(super) fn told(cx: &Context, old: &Old<'_>, (new, named): (&Profile, &str), rows: &[Row]) -> Outcome {
    let profile = exodus::in_place(old.profile, &new.chart);
    let fields = json!({"chart": chart(old.profile, new, named), "values": values(old, &profile)});
    if cx.json() {
        let row = |row: &Row| json!({"what": row.what, "old": row.old, "new": row.new});
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let answer = json!({"apiVersion": "mqctl/v1", "kind": "Fit", "inPlace": true, "rows": rows, "profile": fields});
        report::answer(&report::pretty(&answer));
        return Outcome::Done;
    }
    for line in page(old, &profile, new, (rows, &fields)) {
        report::answer(&program::said(&line));
    }
    Outcome::Done
}

fn page(old: &Old<'_>, profile: &Profile, new: &Profile, (rows, fields): (&[Row], &Value)) -> Vec<String> {
    let (name, path) = (&old.profile.name, old.profile.path.display());
    let [was, is] = [old.profile, profile].map(chart::title);
    let [from, to] = [old.profile, profile].map(|profile| chart::names(profile).client().to_owned());
    let address =
        if from == to { "at the same address".to_owned() } else { format!("at Service {to}, no longer {from}") };
    let mut lines = vec![format!("{name} can change its chart in place: {was} -> {is}; nothing was changed")];
    lines.extend(rows.iter().map(|row| format!("  √ {:<20} {}", row.what, row.old)));
    lines.extend([
        "each node finds its data where they are, so no message has to move:".to_owned(),
        format!("  1  mqctl delete {name}      # volumes and Secret stay; no client is served from here on"),
        format!("  2  in {path}, in the place of `chart` and of the old chart's `values`:"),
        format!("     chart: {}", fields["chart"]),
        format!("     values: {}", fields["values"]),
        format!("  3  mqctl install {name}     # on the same volumes; clients are served again, {address}"),
        "it costs the time of a stop and a boot. The way back: the old `chart` and `values`, and the same three lines"
            .to_owned(),
        format!("with clients served all the while, beside it: the same command with --as {}", new.name),
    ]);
    lines
}

/// As the old profile has to name it: a path is seen from where that is.
fn chart(old: &Profile, new: &Profile, named: &str) -> Value {
    let named = beside(&old.path, named);
    match &new.chart {
        ChartRef::Local(chart) if matches!(chart.home, Home::Remote(_)) => {
            json!({"ref": named, "version": chart.version})
        }
        _ => json!({"ref": named}),
    }
}

/// By which it calls things as they are called now, and runs the plugins that clients may need.
fn values(old: &Old<'_>, profile: &Profile) -> Map<String, Value> {
    let plugins = exodus::needed(&old.census.plugins);
    let plugins = (!plugins.is_empty()).then(|| exodus::with_plugins(&profile.chart, &plugins));
    profile.values.clone().into_iter().chain(plugins.into_iter().flatten()).collect()
}
