//! What a profile comes to, as a page and as JSON: each field with its value, where it comes from and where it goes.

use serde_json::{Value, json};

use crate::chart::{self, Corrected};
use crate::cluster::Target;
use crate::credentials;
use crate::forecast::{self, Forecast};
use crate::profile::{ChartRef, Profile, Source};
use crate::report;
use crate::secret::{self, Name, Vault};
use crate::units::show_duration;
use crate::yaml::{self, Document};

/// Everything that the page is made from; no cluster, and no secret's text.
pub(crate) struct Page<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a Target,
    /// Where the fields stand in the profile's file.
    pub(crate) places: Document,
    /// What the secrets file holds.
    pub(crate) kept: Vault,
    /// Given as a flag or a variable.
    pub(crate) flagged: Flagged,
    pub(crate) rendered: Rendered,
}

/// Which parts of the target a flag or a variable has decided.
pub(crate) struct Flagged {
    pub(crate) context: bool,
    pub(crate) namespace: bool,
}

/// The objects of the release, and who says so.
pub(crate) enum Rendered {
    ByHelm(Vec<Value>),
    /// Helm is not on PATH.
    ByNames,
    /// The chart is elsewhere, and could not be had.
    Unreached(String),
    /// Helm was asked and refused, with these words.
    Refused(String),
}

/// One field with its way from the file to the cluster.
struct Row {
    path: String,
    value: Value,
    from: Origin,
    passed: Passed,
}

enum Origin {
    Line(usize),
    Flag(&'static str),
    Default,
    Derived(&'static str),
    /// Set against the chart's own default, and why.
    Correction(&'static str),
    Source(String),
}

enum Passed {
    /// As a value of the chart.
    Value(String),
    /// As an argument of helm's.
    Helm(&'static str),
    /// In mqctl's own Secret, of which the chart is told the name.
    Secret,
    /// In mqctl's own Service, beside the release.
    Service,
    /// To the broker, after its first boot.
    Broker,
    /// Not at all: it is mqctl's own.
    Nowhere,
}

impl Origin {
    fn in_words(&self) -> String {
        match self {
            Self::Line(line) => format!("line {line}"),
            Self::Flag(flag) => (*flag).to_owned(),
            Self::Default => "default".to_owned(),
            Self::Derived(from) => format!("derived: {from}"),
            Self::Correction(_) => "mqctl, see below".to_owned(),
            Self::Source(source) => source.clone(),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Line(line) => json!({"kind": "profile", "line": line}),
            Self::Flag(flag) => json!({"kind": "flag", "flag": flag}),
            Self::Default => json!({"kind": "default"}),
            Self::Derived(from) => json!({"kind": "derived", "of": from}),
            Self::Correction(why) => json!({"kind": "correction", "message": why}),
            Self::Source(source) => json!({"kind": "source", "source": source}),
        }
    }
}

impl Passed {
    fn in_words(&self) -> String {
        match self {
            Self::Value(_) => "values".to_owned(),
            Self::Helm(argument) => (*argument).to_owned(),
            Self::Secret => "not passed: Secret".to_owned(),
            Self::Service => "not passed: Service".to_owned(),
            Self::Broker => "not passed: broker".to_owned(),
            Self::Nowhere => "not passed".to_owned(),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Value(path) => json!({"kind": "value", "path": path}),
            Self::Helm(argument) => json!({"kind": "helm", "argument": argument}),
            Self::Secret => json!({"kind": "secret"}),
            Self::Service => json!({"kind": "service"}),
            Self::Broker => json!({"kind": "broker"}),
            Self::Nowhere => json!({"kind": "none"}),
        }
    }
}

/// The rows.
impl Page<'_> {
    fn rows(&self) -> Vec<Row> {
        let p = self.profile;
        let own = |path: &str, value: Value| self.field(path, value, self.passed(path));
        let mut rows = Vec::from(self.whereabouts());
        rows.extend([
            self.field("protected", p.protected.into(), Passed::Nowhere),
            self.field("chart.ref", p.chart.reference().into(), Passed::Helm("chart")),
        ]);
        rows.extend(self.chart_rows());
        rows.extend([
            own("image.repository", p.image.repository.as_str().into()),
            own("image.tag", p.image.tag.as_str().into()),
            own("replicas", p.replicas.into()),
            own("storage.class", p.storage.class.as_deref().unwrap_or("(the cluster's default)").into()),
            own("storage.size", p.storage.size.as_str().into()),
            own("credentials.username", p.credentials.username.as_str().into()),
            self.secret(Name::Password, p.credentials.password.as_ref()),
            self.secret(Name::ErlangCookie, p.credentials.erlang_cookie.as_ref()),
            self.field("timeouts.install", show_duration(p.timeouts.install).into(), Passed::Helm("--timeout")),
            self.field("timeouts.boot", show_duration(p.timeouts.boot).into(), Passed::Nowhere),
        ]);
        rows.extend(self.exposed());
        let definitions = p.definitions.as_ref().map(|file| file.display().to_string());
        rows.push(self.field("definitions", definitions.into(), Passed::Broker));
        rows.extend(self.values());
        rows.extend(self.derived());
        rows
    }

    /// What another chart than the built-in one says of itself, where the profile does not.
    fn chart_rows(&self) -> Vec<Row> {
        let ChartRef::Local(chart) = &self.profile.chart else { return Vec::new() };
        let told = |row: Row| {
            if matches!(row.from, Origin::Default) { Row { from: Origin::Derived("chart"), ..row } } else { row }
        };
        let version = if chart.home.is_remote() { Passed::Helm("--version") } else { Passed::Nowhere };
        vec![
            told(self.field("chart.version", chart.version.as_str().into(), version)),
            told(self.field("chart.dialect", chart.dialect.word().into(), Passed::Nowhere)),
        ]
    }

    /// How a field of the profile comes to the chart.
    fn passed(&self, field: &str) -> Passed {
        let key = match &self.profile.chart {
            ChartRef::Builtin if field == "credentials.username" => return Passed::Secret,
            ChartRef::Builtin => return Passed::Value(field.to_owned()),
            ChartRef::Local(chart) => chart.key(field),
        };
        let otherwise = if field == "credentials.username" { Passed::Secret } else { Passed::Nowhere };
        key.map_or(otherwise, Passed::Value)
    }

    /// A field of the profile.
    fn field(&self, path: &str, value: Value, passed: Passed) -> Row {
        let steps: Vec<&str> = path.split('.').collect();
        let from = self.places.key_place(&steps).map_or(Origin::Default, |(line, _)| Origin::Line(line));
        Row { path: path.to_owned(), value, from, passed }
    }

    /// Release, namespace and context: what decides where everything happens.
    fn whereabouts(&self) -> [Row; 3] {
        let target = self.target;
        let from_else =
            |row: Row, from: Origin| if matches!(row.from, Origin::Default) { Row { from, ..row } } else { row };
        let flagged = |row: Row, given: bool, flag| if given { Row { from: Origin::Flag(flag), ..row } } else { row };
        let release = self.field("release", target.release.as_str().into(), Passed::Helm("release"));
        let space = self.field("namespace", target.namespace.as_str().into(), Passed::Helm("--namespace"));
        let place = self.field("context", target.context.as_deref().into(), Passed::Helm("--kube-context"));
        [
            from_else(release, Origin::Derived("file's name")),
            flagged(space, self.flagged.namespace, "--namespace"),
            flagged(from_else(place, Origin::Derived("kubeconfig")), self.flagged.context, "--context"),
        ]
    }

    /// No source is asked: a command might want a person, and the cluster is not looked at.
    fn secret(&self, name: Name, source: Option<&Source>) -> Row {
        let print = self.kept.get(name).filter(|_| source.is_none()).map(|secret| secret.fingerprint().long());
        let file = secret::file_of(&self.profile.path, &self.profile.name);
        let from = match (source, &print) {
            (Some(source), _) => credentials::in_words(source),
            (None, Some(_)) => file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            (None, None) => "Secret, or generated".to_owned(),
        };
        let path = format!("credentials.{}", name.key());
        let passed = match &self.profile.chart {
            ChartRef::Builtin => None,
            ChartRef::Local(chart) => chart.key(&path).map(Passed::Value),
        };
        Row { value: print.into(), from: Origin::Source(from), passed: passed.unwrap_or(Passed::Secret), path }
    }

    /// The Service outside, if one is wished for; what it does not say does not apply.
    fn exposed(&self) -> Vec<Row> {
        let Some(wish) = &self.profile.expose else {
            return vec![self.field("expose", Value::Null, Passed::Nowhere)];
        };
        let ports: Vec<&str> = wish.ports.iter().map(|port| port.name()).collect();
        let ranges: Vec<String> = wish.source_ranges.iter().map(ToString::to_string).collect();
        let mut fields = vec![("expose.type", json!(wish.kind.name())), ("expose.ports", json!(ports))];
        fields.extend(wish.ip.map(|ip| ("expose.ip", json!(ip))));
        fields.extend((!ranges.is_empty()).then(|| ("expose.sourceRanges", json!(ranges))));
        fields.extend((!wish.annotations.is_empty()).then(|| ("expose.annotations", json!(wish.annotations))));
        fields.into_iter().map(|(path, value)| self.field(path, value, Passed::Service)).collect()
    }

    /// What stands under `values:`, leaf by leaf.
    fn values(&self) -> Vec<Row> {
        let leaves = yaml::leaves("values", &self.profile.values);
        let row = |(path, value): (Vec<String>, Value)| {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            let from = self.places.key_place(&steps).map_or(Origin::Default, |(line, _)| Origin::Line(line));
            Row { path: path.join("."), value, from, passed: Passed::Value(path[1..].join(".")) }
        };
        leaves.into_iter().map(row).collect()
    }

    /// What mqctl adds by itself.
    fn derived(&self) -> Vec<Row> {
        let values = chart::values(self.profile);
        let row = |path: &[&str], of| Row {
            path: path.join("."),
            value: path.iter().fold(&values, |at, key| &at[*key]).clone(),
            from: Origin::Derived(of),
            passed: Passed::Value(path.join(".")),
        };
        match &self.profile.chart {
            ChartRef::Builtin => vec![
                row(&["credentials", "existingSecret"], "release"),
                row(&["annotations", chart::VALUES_DIGEST], "all values"),
            ],
            ChartRef::Local(chart) => {
                let told = chart.told().into_iter();
                told.filter_map(|(path, told)| Some(row(&path, told.derived_from()?)))
                    .filter(|row| !row.value.is_null())
                    .chain(chart::corrections(self.profile, None).iter().map(corrected))
                    .collect()
            }
        }
    }

    /// Kind and name of every object, and who makes it.
    fn objects(&self) -> Vec<(String, String, &'static str)> {
        let names = chart::names(self.profile);
        let helm = match &self.rendered {
            Rendered::ByHelm(documents) => documents.iter().map(kind_and_name).collect(),
            Rendered::ByNames | Rendered::Unreached(_) | Rendered::Refused(_) => chart::objects(self.profile),
        };
        let beside = |kind: &str, names: Vec<String>, by| {
            names.into_iter().map(|name| (kind.to_owned(), name, by)).collect::<Vec<_>>()
        };
        let mut objects: Vec<_> = helm.into_iter().map(|(kind, name)| (kind, name, "helm")).collect();
        objects.extend(beside("Secret", vec![names.secret], "mqctl"));
        let outside = self.profile.expose.as_ref().map(|_| names.external);
        objects.extend(beside("Service", outside.into_iter().collect(), "mqctl"));
        objects.extend(beside("Pod", names.pods, "Kubernetes"));
        objects.extend(beside("PersistentVolumeClaim", names.claims, "Kubernetes"));
        objects
    }
}

fn corrected(corrected: &Corrected) -> Row {
    let path = corrected.path.join(".");
    let from = Origin::Correction(corrected.why);
    Row { path: path.clone(), value: corrected.value.clone(), from, passed: Passed::Value(path) }
}

fn kind_and_name(object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// How it is shown.
impl Page<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let p = self.profile;
        let row = |row: &Row| json!({"path": row.path, "value": row.value, "from": row.from.to_json(), "passedAs": row.passed.to_json()});
        let object = |(kind, name, by): &(String, String, &str)| json!({"kind": kind, "name": name, "madeBy": by});
        json!({
            "apiVersion": "mqctl/v1", "kind": "Inspection", "target": self.target, "profile": p.path,
            "chart": chart::in_json(&p.chart), "image": image(p),
            "fields": self.rows().iter().map(row).collect::<Vec<_>>(), "values": chart::values(p),
            "objects": self.objects().iter().map(object).collect::<Vec<_>>(),
            "rendered": matches!(self.rendered, Rendered::ByHelm(_)),
            "forecast": forecast::to_json(&self.forecast()), "warnings": self.warnings(),
        })
    }

    pub(crate) fn to_text(&self) -> String {
        let p = self.profile;
        let mut lines = vec![self.target.headline(), String::new()];
        lines.extend(self.table());
        let about = [
            vec!["profile".to_owned(), p.path.display().to_string()],
            vec!["chart".to_owned(), self.chart()],
            vec!["image".to_owned(), image(p)],
        ];
        lines.push(String::new());
        lines.extend(report::table(&about));
        lines.extend(self.corrections());
        lines.extend([String::new(), self.who_says_so()]);
        lines.extend(self.object_lines());
        let forecast = forecast::lines(&self.forecast());
        lines.extend((!forecast.is_empty()).then(String::new));
        lines.extend(forecast);
        lines.extend(self.warnings().iter().map(|warning| format!("warning: {warning}")));
        lines.join("\n")
    }

    /// Why mqctl does not leave the chart its defaults.
    fn corrections(&self) -> Vec<String> {
        let corrections = chart::corrections(self.profile, None);
        let head = (!corrections.is_empty())
            .then(|| "\nset against the chart's own defaults, unless `values:` says otherwise".to_owned());
        head.into_iter().chain(chart::in_lines(&corrections)).collect()
    }

    /// What the rendered objects come to.
    fn forecast(&self) -> Vec<Forecast> {
        match &self.rendered {
            Rendered::ByHelm(objects) => forecast::of_profile(self.profile, objects),
            Rendered::ByNames | Rendered::Unreached(_) | Rendered::Refused(_) => Vec::new(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let forecast = self.forecast();
        forecast::unsaid(&self.profile.warnings, &forecast).map(|w| format!("`{}`: {}", w.path, w.text)).collect()
    }

    fn chart(&self) -> String {
        match self.profile.chart {
            ChartRef::Builtin => format!("{}, digest {}", chart::title(self.profile), chart::builtin_digest()),
            ChartRef::Local(_) => chart::title(self.profile),
        }
    }

    fn table(&self) -> Vec<String> {
        let head = ["field", "value", "from", "passed as"].map(str::to_owned).to_vec();
        let row = |row: &Row| {
            vec![row.path.clone(), report::one_line(&row.value), row.from.in_words(), row.passed.in_words()]
        };
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(self.rows().iter().map(row)).collect();
        report::table(&rows)
    }

    fn who_says_so(&self) -> String {
        let by_names = |why: &str| format!("objects, by mqctl's own table of names: {why}");
        match &self.rendered {
            Rendered::ByHelm(_) => "objects, as helm template renders them".to_owned(),
            Rendered::ByNames => by_names("helm is not on PATH"),
            Rendered::Unreached(why) => by_names(why.split("; nothing").next().unwrap_or(why)),
            Rendered::Refused(_) => by_names("helm template refused the values"),
        }
    }

    /// One line a kind and maker.
    fn object_lines(&self) -> Vec<String> {
        let objects = self.objects();
        let same = |a: &(String, String, &str), b: &(String, String, &str)| (&a.0, a.2) == (&b.0, b.2);
        let row = |group: &[(String, String, &str)]| {
            let names: Vec<&str> = group.iter().map(|(_, name, _)| name.as_str()).collect();
            vec![group[0].0.clone(), format!("by {}", group[0].2), names.join(", ")]
        };
        report::table(&objects.chunk_by(same).map(row).collect::<Vec<_>>())
    }
}

fn image(profile: &Profile) -> String {
    format!("{}:{}", profile.image.repository, profile.image.tag)
}
