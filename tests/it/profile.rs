//! `mqctl profile`: checked, listed and described, all without a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use serde_json::Value;

use crate::objects::{COOKIE, PASSWORD};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

const CHECK: [&str; 3] = ["profile", "check", "prodmq"];

/// No cluster was asked, and nothing shows a secret.
#[track_caller]
fn offline(run: Transcript) -> Transcript {
    run.changed_nothing();
    assert!(run.calls.iter().all(|call| call.program == "git"), "{run}");
    assert!(!run.to_string().contains(COOKIE) && !run.to_string().contains(PASSWORD), "{run}");
    run
}

#[test]
fn a_good_profile_is_ok() {
    let run = offline(World::with_secrets().run(&CHECK)).ended(0);
    assert!(run.calls.is_empty(), "without a git on PATH nobody is started: {run}");
    assert_snapshot!(run.words(), @"
    $ mqctl profile check prodmq   [exit 0]
    profiles/prodmq.yaml           ok
    profiles/prodmq.secrets.yaml   ok: Erlang cookie and password
    ");
    assert_snapshot!(offline(World::new().run(&CHECK)).ended(0).words(), @"
    $ mqctl profile check prodmq   [exit 0]
    profiles/prodmq.yaml           ok
    profiles/prodmq.secrets.yaml   no secret in it yet
    ");
}

#[test]
fn a_file_is_checked_by_its_path() {
    let world = World::new();
    world.write("work/shop.yaml", &format!("{PROFILE}replicas: 4\n"));
    assert_snapshot!(offline(world.run(&["profile", "check", "--profile", "shop.yaml"])).ended(0).words(), @"
    $ mqctl profile check --profile shop.yaml   [exit 0]
    shop.yaml           ok
    shop.secrets.yaml   no secret in it yet
    warning: `replicas`: 4 nodes survive no more failures than 3; take an odd number
    ");
    let run = offline(world.run(&["profile", "check"])).ended(64);
    assert!(run.stderr.contains("which profile?"), "{run}");
    let run = offline(world.run(&["profile", "check", "prodmp"])).ended(65);
    assert!(run.stderr.contains("did you mean `prodmq`?"), "{run}");
}

/// Wrong in both files, with a git that knows the secrets file.
fn mistaken() -> World {
    let world = World::with_secrets();
    world.profile("prodmq", "format: 1\nnamespace: rabbitmq\nreplica: 3\nstorage: {size: 8 GB}\n");
    fs::set_permissions(world.path(SECRETS_FILE), fs::Permissions::from_mode(0o644)).unwrap();
    world.program("git");
    world.rule("git *", 0, "prodmq.secrets.yaml", "");
    world
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let run = offline(mistaken().run(&CHECK)).ended(65);
    assert_snapshot!(run, @"
    $ mqctl profile check prodmq   [exit 65]
    stderr | error: `profiles/prodmq.secrets.yaml` can be read by others
    stderr | `profiles/prodmq.secrets.yaml` is under version control: whoever reads the repository has the secrets
    stderr | profiles/prodmq.yaml has 2 mistakes
    stderr |   3:1   `replica`        unknown key; did you mean `replicas`?
    stderr |   4:17  `storage.size`   expected a size such as 8Gi, found `8 GB`
    stderr | hint: chmod 600 profiles/prodmq.secrets.yaml
    stderr | hint: git rm --cached profiles/prodmq.secrets.yaml && echo '*.secrets.yaml' >> .gitignore
    1. reads git -C profiles ls-files -- prodmq.secrets.yaml
    ");
}

#[test]
fn all_that_is_wrong_as_json() {
    let run = offline(mistaken().run(&[&CHECK[..], &["-o", "json"]].concat())).ended(65);
    assert!(run.stderr.starts_with("error: "), "{run}");
    assert_snapshot!(run.stdout, @r#"
    {
      "apiVersion": "mqctl/v1",
      "definitions": null,
      "kind": "ProfileCheck",
      "mistakes": [
        {
          "column": 1,
          "line": 3,
          "message": "unknown key; did you mean `replicas`?",
          "path": "replica"
        },
        {
          "column": 17,
          "line": 4,
          "message": "expected a size such as 8Gi, found `8 GB`",
          "path": "storage.size"
        }
      ],
      "ok": false,
      "path": "profiles/prodmq.yaml",
      "secretsFile": {
        "holds": [],
        "message": "`profiles/prodmq.secrets.yaml` can be read by others",
        "path": "profiles/prodmq.secrets.yaml",
        "tracked": true
      },
      "sources": [],
      "warnings": []
    }
    "#);
    let good = offline(World::with_secrets().run(&[&CHECK[..], &["-o", "json"]].concat())).ended(0).json();
    assert!(good["ok"] == true && good["secretsFile"]["tracked"].is_null(), "{good}");
    assert_eq!(good["secretsFile"]["holds"], serde_json::json!(["erlangCookie", "password"]));
}

#[test]
fn what_git_says_of_the_secrets_file() {
    for (code, said, words) in [
        (0, "", "ok: Erlang cookie and password, not under version control\n"),
        (128, "", "ok: Erlang cookie and password\n"),
    ] {
        let world = World::with_secrets();
        world.program("git");
        world.rule("git *", code, said, "fatal: not a git repository (or any of the parent directories): .git");
        let run = offline(world.run(&CHECK)).ended(0);
        assert!(run.stdout.ends_with(words) && run.stderr.is_empty(), "{run}");
        assert_eq!(run.calls[0].to_string(), "git -C profiles ls-files -- prodmq.secrets.yaml");
    }
}

#[test]
fn a_mistake_in_the_secrets_file_never_shows_the_secret() {
    let world = World::with_secrets();
    world.write(SECRETS_FILE, &format!("passwort: {PASSWORD}\n"));
    let run = offline(world.run(&CHECK)).ended(65);
    assert!(run.stderr.contains("prodmq.secrets.yaml`: 1:11 unknown key; one of `erlangCookie`, `password`"), "{run}");
}

/// A profile with two sources: one works, one does not.
fn with_sources() -> World {
    let world = World::new();
    let command = format!("[/bin/sh, -c, 'echo ran >ran; echo {COOKIE}']");
    let sources = format!("{{password: {{file: none.txt}}, erlangCookie: {{command: {command}}}}}");
    world.profile("prodmq", &format!("{PROFILE}credentials: {sources}\n"));
    world
}

#[test]
fn sources_are_tried_and_never_shown() {
    let world = with_sources();
    let run = world.run(&CHECK).ended(65);
    assert!(run.calls.is_empty() && !run.to_string().contains(COOKIE), "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl profile check prodmq   [exit 65]
    error: `credentials.password`: failed to open file `profiles/none.txt`: No such file or directory (os error 2)
    ");
    world.write("work/profiles/none.txt", PASSWORD);
    let run = world.run(&CHECK).ended(0);
    assert!(!run.to_string().contains(COOKIE) && !run.to_string().contains(PASSWORD), "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl profile check prodmq   [exit 0]
    profiles/prodmq.yaml           ok
    profiles/prodmq.secrets.yaml   no secret in it yet
    credentials.erlangCookie       command `/bin/sh`: gives a usable value
    credentials.password           profiles/none.txt: gives a usable value
    ");
    let sources = world.run(&[&CHECK[..], &["-o", "json"]].concat()).ended(0).json()["sources"].clone();
    assert_eq!(sources[0]["source"], "command `/bin/sh`");
    assert!(sources[1]["usable"] == true && sources[1]["message"].is_null(), "{sources}");
}

#[test]
fn without_sources_nothing_that_the_profile_names_is_run() {
    let world = with_sources();
    let run = offline(world.run(&[&CHECK[..], &["--no-sources"]].concat())).ended(0);
    assert!(!world.path("work/ran").exists(), "{run}");
    world.profile("prodmq", &format!("{PROFILE}credentials: {{password: {{secret: {{name: vault, key: pass}}}}}}\n"));
    let run = offline(world.run(&CHECK)).ended(0);
    assert!(
        run.stdout.ends_with("credentials.password           Secret vault: in the cluster, which was not asked\n"),
        "{run}"
    );
}

/// Profiles in two places, one hidden, one with a mistake.
fn places() -> World {
    let world = World::with_secrets();
    fs::create_dir(world.path("work/more")).unwrap();
    world.write("work/more/prodmq.yaml", PROFILE);
    world.write("work/more/shop.yaml", "format: 1\nnamespace: shop\nrelease: shopmq\n");
    world.write("work/more/dev.yaml", "format: 1\n");
    world
}

const LIST: [&str; 2] = ["profile", "list"];

#[test]
fn the_profiles_of_all_places() {
    let run = offline(places().run_with(("MQCTL_PROFILES", "more"), &LIST)).ended(0);
    assert_snapshot!(run.words(), @"
    $ mqctl profile list   [exit 0]
    profile   namespace   release   chart     file
    prodmq    rabbitmq    prodmq    builtin   profiles/prodmq.yaml
    dev       -           -         -         more/dev.yaml          has mistakes: mqctl profile check dev
    prodmq    rabbitmq    prodmq    builtin   more/prodmq.yaml       hidden by profiles/prodmq.yaml
    shop      shop        shopmq    builtin   more/shop.yaml
    ");
    let same = offline(World::new().run_with(("MQCTL_PROFILES", "profiles"), &LIST)).ended(0);
    assert_eq!(same.stdout.lines().count(), 2, "a folder that is two places is listed once: {same}");
}

#[test]
fn the_list_as_json() {
    let world = places();
    fs::create_dir_all(world.path("home/.config/mqctl/profiles")).unwrap();
    world.write("home/.config/mqctl/profiles/own.yaml", PROFILE);
    let list = world.run_with(("MQCTL_PROFILES", "more"), &[&LIST[..], &["-o", "json"]].concat()).ended(0).json();
    let of = |key: &str| list["profiles"].as_array().unwrap().iter().map(|p| p[key].clone()).collect::<Vec<Value>>();
    assert_eq!(list["kind"], "ProfileList");
    assert_eq!(of("name"), ["prodmq", "dev", "prodmq", "shop", "own"]);
    assert_eq!(of("release"), [Value::from("prodmq"), Value::Null, "prodmq".into(), "shopmq".into(), "own".into()]);
    assert_eq!(of("hiddenBy"), [Value::Null, Value::Null, "profiles/prodmq.yaml".into(), Value::Null, Value::Null]);
    assert_eq!(of("valid"), [true, false, true, true, true]);
}

#[test]
fn no_profile_at_all() {
    let world = World::new();
    world.remove("work/profiles/prodmq.yaml");
    assert_snapshot!(offline(world.run(&LIST)).ended(0).words(), @"
    $ mqctl profile list   [exit 0]
    no profile in profiles, ~/home/.config/mqctl/profiles
    ");
}

#[test]
fn the_schema_says_what_the_table_of_the_readme_says() {
    let run = offline(World::new().run(&["profile", "schema"])).ended(0);
    let schema = run.json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rows: Vec<(&str, &str)> = readme.lines().filter_map(field_row).collect();
    assert!(rows.len() > 15, "the table of the README was not found: {rows:?}");
    for (field, default) in rows {
        let pointer = format!("/properties/{}", field.replace('.', "/properties/"));
        let found = schema.pointer(&pointer).unwrap_or_else(|| panic!("the schema has no `{field}`"));
        assert!(found["description"].is_string() && found["examples"].is_array(), "{field}: {found}");
        let kind = ["type", "const"].iter().any(|key| !found[key].is_null());
        assert!(
            kind && (found["type"] != "string" || found.get("pattern").or(found.get("enum")).is_some()),
            "{field}: {found}"
        );
        let required = schema["required"].as_array().unwrap().iter().any(|key| key == field);
        assert_eq!(required, default == "required", "{field}");
        let shown = found.get("default").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        assert_eq!(shown.as_deref(), default.strip_prefix('`').and_then(|text| text.strip_suffix('`')), "{field}");
    }
}

/// Field and default out of `` | `replicas` | 1 to 9 | `3` | … | ``, in the table of the profile's fields.
fn field_row(line: &str) -> Option<(&str, &str)> {
    let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | ").collect();
    let [field, _, default, _] = cells[..] else { return None };
    Some((field.strip_suffix('`')?, default))
}
