//! Properties of calls and plans, over many made-up releases.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use mqctl::cluster::{Access, Claim, Existence, Observed, StatefulSet, Target};
use mqctl::credentials::{Found, Origin};
use mqctl::helm::Release;
use mqctl::plan::install::{Given, Offers, Verb, install};
use mqctl::plan::{Danger, Plan, delete};
use mqctl::process::{Call, Program};
use mqctl::profile::{self, Profile};
use mqctl::secret::{self, Name, Vault};

use crate::objects::{COOKIE, PASSWORD, base64};

/// What there may be of a release, made up.
#[expect(clippy::struct_excessive_bools, reason = "each is thrown like a coin")]
#[derive(Clone, Debug)]
struct Made {
    replicas: u32,
    size: u32,
    release: Option<&'static str>,
    set: Option<(u32, u32)>,
    claims: u32,
    namespace: bool,
    in_cluster: bool,
    /// Where cookie and password were found.
    origins: [u8; 2],
    protected: bool,
    purge: bool,
}

prop_compose! {
    fn made()(
        replicas in 1_u32..9, size in 1_u32..99, claims in 0_u32..5, set in prop::option::of((0_u32..5, 0_u32..5)),
        release in prop::option::of(prop::sample::select(vec!["deployed", "failed", "pending-install", "pending-upgrade", "uninstalling"])),
        namespace: bool, in_cluster: bool, origins in [0_u8..4, 0_u8..4], protected: bool, purge: bool,
    ) -> Made {
        Made { replicas, size, release, set, claims, namespace, in_cluster, origins, protected, purge }
    }
}

impl Made {
    fn profile(&self) -> Profile {
        let Self { replicas, size, protected, .. } = self;
        let text = format!(
            "format: 1\nnamespace: mq\nreplicas: {replicas}\nstorage: {{size: {size}Gi}}\nprotected: {protected}\n"
        );
        profile::read(&text, Path::new("profiles/prodmq.yaml")).unwrap()
    }

    fn observed(&self) -> Observed {
        let claim = |n: u32| Claim {
            name: format!("data-prodmq-{n}"),
            created: String::new(),
            size: "8Gi".into(),
            class: "standard".into(),
            phase: "Bound".into(),
            access: Access::OneMachine,
        };
        Observed {
            release: self.release.map(release),
            set: self.set.map(|(replicas, ready)| set(replicas, ready, None)),
            claims: (0..self.claims).map(claim).collect(),
            namespace: if self.namespace { Existence::There } else { Existence::Missing },
            secret: self.in_cluster.then(vault),
            ..Observed::default()
        }
    }

    fn found(&self) -> Found {
        let origin = |n: u8| match n {
            0 => Origin::Profile("$PASSWORD".to_owned()),
            1 => Origin::File,
            2 => Origin::Cluster,
            _ => Origin::Generated,
        };
        let origins = Name::BOTH.into_iter().zip(self.origins.map(origin)).collect();
        Found {
            vault: vault(),
            origins,
            file: PathBuf::from("profiles/prodmq.secrets.yaml"),
            in_cluster: self.in_cluster,
        }
    }

    /// Or the sentence of its refusal.
    fn install(&self) -> Result<Plan, String> {
        planned(&self.profile(), &self.observed(), &self.found())
    }

    /// Whatever can be planned here.
    fn plans(&self) -> Vec<Plan> {
        self.install().into_iter().chain([self.delete()]).collect()
    }

    fn delete(&self) -> Plan {
        delete::delete(&self.profile(), &target(), &self.observed(), self.purge, LIMIT)
    }
}

const LIMIT: Duration = Duration::from_secs(600);

fn target() -> Target {
    Target {
        kubeconfig: None,
        context: Some("test".into()),
        namespace: "mq".into(),
        release: "prodmq".into(),
        stateful_set: "prodmq".into(),
        label: mqctl::chart::INSTANCE.to_owned(),
        pods: String::new(),
        container: mqctl::chart::CONTAINER.to_owned(),
    }
}

fn release(status: &str) -> Release {
    Release {
        name: "q".to_owned(),
        revision: "3".into(),
        status: status.into(),
        chart: "mqctl-rabbitmq-1.0.0".into(),
        updated: String::new(),
    }
}

/// Both canaries, read as mqctl reads them.
fn vault() -> Vault {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "erlangCookie: \"{COOKIE}\"\npassword: \"{PASSWORD}\"\n").unwrap();
    secret::read_file(file.path()).unwrap()
}

fn set(replicas: u32, ready: u32, values_digest: Option<String>) -> StatefulSet {
    StatefulSet {
        replicas,
        ready,
        created: String::new(),
        settled: true,
        values_digest,
        pod_spec: serde_json::Value::Null,
        parallel: true,
        recovery: None,
        migration: None,
        manifest: serde_json::Value::Null,
    }
}

fn planned(profile: &Profile, observed: &Observed, found: &Found) -> Result<Plan, String> {
    let (chart, target) = (mqctl::chart::Located { at: "/chart".into(), version: None }, target());
    let given = Given {
        profile,
        target: &target,
        observed,
        found,
        chart,
        limit: LIMIT,
        address_limit: LIMIT,
        next: None,
        import: None,
        forecast: &[],
        drift: &[],
        verb: Verb::Install,
        offers: Offers::default(),
    };
    install(&given).map_err(|error| mqctl::error::render(&error))
}

/// The cluster as an install of this profile leaves it.
fn installed(profile: &Profile) -> Observed {
    let values = mqctl::chart::values(profile);
    let digest = values["annotations"]["mqctl/values"].as_str().map(str::to_owned);
    let replicas = profile.replicas;
    let mut observed = Observed {
        release: Some(release("deployed")),
        set: Some(set(replicas, replicas, digest)),
        services: mqctl::chart::names(profile).services,
        namespace: Existence::There,
        ..Observed::default()
    };
    observed.noted.tag = Some(profile.image.tag.clone());
    observed.noted.booted = Some(profile.image.tag.clone());
    observed.noted.username = Some(profile.credentials.username.clone());
    observed
}

fn shows_a_secret(text: &str) -> bool {
    [COOKIE, PASSWORD].iter().any(|secret| text.contains(*secret) || text.contains(&base64(secret)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_call_splits_back_into_its_arguments(args: Vec<String>) {
        let call = Call::new(Program::Kubectl, args.clone());
        let split = shell_words::split(&call.to_string()).unwrap();
        prop_assert_eq!(&split[0], "kubectl");
        prop_assert_eq!(&split[1..], &args[..]);
    }

    #[test]
    fn no_plan_shows_a_secret(made in made()) {
        for plan in made.plans() {
            for text in [plan.to_text(), plan.to_json().to_string(), format!("{plan:?}")] {
                prop_assert!(!shows_a_secret(&text), "{}", text);
            }
        }
        let refusal = made.install().err().unwrap_or_default();
        prop_assert!(!shows_a_secret(&refusal), "{}", refusal);
        let seen = format!("{:?}", (made.found(), made.observed()));
        prop_assert!(!shows_a_secret(&seen), "{}", seen);
    }

    #[test]
    fn the_plan_of_a_plan_s_result_is_empty(made in made()) {
        let profile = made.profile();
        let found = Found { in_cluster: true, ..Made { origins: [1, 1], ..made }.found() };
        let again = planned(&profile, &installed(&profile), &found).map_err(TestCaseError::fail)?;
        prop_assert!(again.steps.is_empty() && !again.changes(), "{}", again.to_text());
    }

    #[test]
    fn danger_never_falls_when_steps_are_added(made in made()) {
        for plan in made.plans() {
            let mut before = Danger::Reads;
            for length in 0..=plan.steps.len() {
                let shorter = Plan { steps: plan.steps[..length].to_vec(), ..plan.clone() };
                prop_assert!(shorter.danger() >= before);
                before = shorter.danger();
            }
            prop_assert_eq!(Some(before), plan.steps.iter().map(|step| step.danger).max().or(Some(Danger::Reads)));
        }
    }

    #[test]
    fn nothing_but_a_purge_destroys(made in made()) {
        prop_assert!(made.install().map_or(true, |plan| plan.count(Danger::Destroys) == 0));
        let plan = made.delete();
        prop_assert!(made.purge || plan.count(Danger::Destroys) == 0, "{}", plan.to_text());
    }
}
