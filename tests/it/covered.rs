//! The list of bad input and bad luck: what may go wrong before mqctl has changed anything, or while it waits, and the
//! tests that show the sentence, the exit code, and that nothing was changed. Each name is a test, or this one fails.

use std::collections::HashSet;
use std::path::Path;

use syn::visit::{self, Visit};

/// What goes wrong, and what proves that it goes no further.
const LIST: &[(&str, &[&str])] = &[
    ("profile: not there (places looked at, names there, did-you-mean)", &["a_profile_that_is_not_there"]),
    ("profile: a folder, not readable", &["a_profile_that_cannot_be_read"]),
    ("profile: empty, only comments", &["files_that_are_no_utf8_yaml", "who_has_nothing_yet_is_told_where_to_begin"]),
    ("profile: not YAML, another format (TOML, XML)", &["files_that_are_no_utf8_yaml"]),
    ("profile: JSON, CRLF: read as what they say", &["other_ways_to_write_the_same"]),
    ("profile: byte order mark, UTF-16, Latin-1", &["files_that_are_no_utf8_yaml"]),
    ("profile: tabs", &["files_that_are_no_utf8_yaml"]),
    ("profile: anchors, aliases, merge keys, tags", &["features_that_hide_what_a_profile_says"]),
    ("profile: `format: 2`", &["features_that_hide_what_a_profile_says"]),
    (
        "profile: unknown key, duplicate key",
        &["all_mistakes_of_a_profile_at_once", "profiles_that_are_broken_in_other_ways"],
    ),
    ("profile: missing key", &["names_that_are_too_long_or_impossible", "required_keys_stand_at_the_top"]),
    ("profile: wrong type", &["names_that_are_too_long_or_impossible", "wrong_types"]),
    ("profile: impossible value", &["names_that_are_too_long_or_impossible", "impossible_values"]),
    ("profile: an even number of nodes is a warning", &["an_even_number_of_nodes_is_a_warning"]),
    ("profile: names too long for DNS and Erlang's node name", &["names_that_are_too_long_or_impossible"]),
    (
        "profile: a key of `values` that mqctl sets",
        &["all_mistakes_of_a_profile_at_once", "values_leave_alone_what_mqctl_sets"],
    ),
    ("profile: all of that, made up at random", &["any_text_is_a_profile_or_has_mistakes"]),
    ("profile: a chart whose reference is none, a range of versions", &["references_and_versions_that_are_none"]),
    (
        "profile: the description of a chart of one's own",
        &["all_mistakes_of_a_description_at_once", "what_is_needed_is_named"],
    ),
    ("chart: helm knows no such repository, chart or version", &["what_helm_does_not_find_is_told_in_its_words"]),
    ("chart: nobody can tell whose keys it has", &["in_doubt_a_pipeline_stops", "in_doubt_a_person_is_asked"]),
    ("chart: it is another version than the profile says", &["what_is_in_a_packed_chart_helm_says"]),
    ("chart: a rotation does not reach secrets in values", &["a_rotation_does_not_reach_such_a_chart"]),
    ("secrets file: readable by others", &["a_secrets_file_that_others_can_read"]),
    ("secrets file: tracked by git", &["all_that_is_wrong_is_told_at_once"]),
    ("secrets file: mistakes, never shown", &["a_secrets_file_with_mistakes_never_shows_them"]),
    ("secret: an empty cookie, one that Erlang or a shell changes", &["a_cookie_that_erlang_or_a_shell_changes"]),
    ("secret: the same from a source", &["a_source_whose_cookie_erlang_would_change"]),
    ("secret: a line break at its end is no part of it", &["a_line_break_at_the_end_is_no_part_of_a_secret"]),
    ("source: fails, is missing, prints nothing", &["sources_that_give_no_secret", "an_empty_file_is_no_secret"]),
    ("source: hangs, is killed", &["a_source_command_that_hangs_or_is_killed"]),
    ("source: a Secret that is not there", &["a_secret_in_the_cluster_that_is_not_there"]),
    ("source: what `profile check` finds", &["sources_are_tried_and_never_shown"]),
    (
        "chart: not there, another version, keys that nobody knows",
        &[
            "what_does_not_fit_the_chart_is_a_mistake",
            "the_dialect_is_said_where_it_cannot_be_told",
            "a_version_that_nobody_has_read_is_a_mistake",
        ],
    ),
    ("chart: a key that it would take and not read", &["what_a_chart_would_take_and_not_read_is_a_mistake"]),
    ("chart: a key that mqctl goes by", &["what_mqctl_goes_by_stays_as_the_chart_has_it"]),
    ("chart: a new cookie that reaches no node", &["a_cookie_that_would_reach_no_node_is_not_rotated"]),
    (
        "chart: a force boot of its own that helps nobody",
        &["a_force_boot_by_the_chart_is_refused_where_it_cannot_help"],
    ),
    (
        "chart: the StatefulSet is Parallel, the profile does not say so",
        &["an_upgrade_that_would_be_refused_half_way_is_refused_before"],
    ),
    ("chart: does not render with these values", &["what_does_not_render_is_refused_before_anything_changes"]),
    ("release: the name is taken by another chart", &["a_release_name_that_another_chart_has"]),
    ("release: another user, version, fewer nodes", &["what_is_no_install_on_volumes_that_are_there"]),
    ("release of plain helm: not there, uninstalled", &["there_is_no_such_release", "nothing_of_it_is_deployed"]),
    ("release of plain helm: no RabbitMQ, the operator's", &["it_is_no_rabbitmq", "it_was_made_by_the_operator"]),
    (
        "release of plain helm: a helm is at work, its last revision has failed",
        &["a_helm_may_be_at_work_on_it", "a_revision_that_failed_is_not_what_is_taken_over"],
    ),
    (
        "release of plain helm: another chart, another user, other names",
        &["the_chart_is_not_given_or_another", "the_user_is_another", "mqctl_would_look_for_another_stateful_set"],
    ),
    ("release of plain helm: a profile is there", &["a_profile_that_says_something_else_is_there"]),
    (
        "release of plain helm: its secrets are not what the brokers take, or nobody can prove them",
        &[
            "no_password_that_is_known_lets_anybody_in",
            "a_node_that_runs_and_does_not_answer",
            "no_broker_runs_and_nobody_knows",
            "what_no_broker_can_prove_is_said",
        ],
    ),
    (
        "release of plain helm: other secrets among its values",
        &["other_secrets_among_the_values_are_left_out_and_named"],
    ),
    (
        "upgrade of such a release: killed while its own Secret is kept",
        &["an_upgrade_that_was_cut_short_lets_it_go_in_the_end"],
    ),
    ("volumes: secrets that nobody knows", &["volumes_whose_secrets_nobody_knows_are_not_given_new_ones"]),
    ("volumes: smaller than the profile, after a delete", &["volumes_that_are_smaller_than_the_profile"]),
    ("volumes: larger than the profile, after a delete", &["volumes_that_are_larger_than_the_profile"]),
    ("volumes: another class, after a delete", &["volumes_of_another_class_than_the_profile"]),
    ("volumes: those that fit are used again", &["volumes_that_fit_are_used_again_and_the_plan_says_so"]),
    ("volumes: of a StatefulSet that is there", &["the_storage_of_a_statefulset_that_is_there"]),
    (
        "volumes: smaller, or of another class, than a release has",
        &["what_volumes_cannot_become_is_refused_with_the_way_out"],
    ),
    (
        "StatefulSet: a field that never changes",
        &["what_can_be_made_anew_is_offered", "what_would_not_be_the_same_pods_or_volumes_is_not_made_anew"],
    ),
    (
        "StatefulSet: killed while it is made anew",
        &[
            "killed_at_any_call_it_is_finished_by_the_same_command",
            "helm_cut_short_in_it_does_not_go_back_to_the_old_one",
        ],
    ),
    (
        "helm: a record with an API that is gone",
        &[
            "a_record_with_an_api_that_is_gone_is_refused_before_helm_is_run",
            "a_repair_killed_at_any_call_is_finished_by_the_same_command",
            "a_record_that_somebody_changes_meanwhile_is_left_alone",
        ],
    ),
    (
        "helm: an object that is not its own",
        &["an_object_that_is_there_is_found_before_helm_is_run", "what_the_chart_s_object_does_not_fit_is_not_taken"],
    ),
    (
        "helm: PASSWORDS ERROR",
        &[
            "a_secret_that_is_not_there_is_told_and_where_to_get_it",
            "a_helm_that_cannot_look_is_too_old_for_such_a_chart",
        ],
    ),
    (
        "helm: an API that the new revision names and that is gone",
        &["an_api_that_the_new_revision_names_and_that_is_gone_is_refused"],
    ),
    ("StorageClass: does not exist", &["a_storage_class_that_does_not_exist"]),
    ("migration: no chart to go to, another profile or secrets in its place", &["what_is_not_begun"]),
    (
        "migration: brokers that cannot be counted, before it begins or before a delete",
        &["brokers_that_cannot_be_counted_are_not_left", "what_nobody_can_count_is_not_deleted_unasked"],
    ),
    (
        "migration: clients or messages are left",
        &[
            "as_long_as_clients_are_connected_the_shovels_stay",
            "the_wait_for_the_last_message_has_an_end",
            "what_is_not_retired",
            "a_plain_delete_is_refused_while_messages_are_left",
        ],
    ),
    ("migration: something is missing on the new side", &["what_is_missing_on_the_new_side_is_partly_done"]),
    ("migration: killed", &["a_run_that_was_killed_is_finished_by_the_next", "a_retirement_that_was_killed_goes_on"]),
    ("definitions: no export, not there", &["a_file_that_cannot_be_imported_is_refused_before_anything_changes"]),
    ("definitions: partly imported", &["what_the_import_left_out_is_an_error_and_the_next_run_imports_again"]),
    ("clocks: disagree", &["clocks_that_disagree_change_nothing"]),
    ("namespace: being deleted", &["a_namespace_that_is_being_deleted", "init_says_that_the_namespace_goes_away"]),
    ("namespace: deleted in the middle", &["a_namespace_that_is_deleted_in_the_middle"]),
    ("quota: refuses the chart's objects", &["a_quota_that_refuses_the_chart_s_objects"]),
    ("quota: refuses the pods", &["a_quota_that_refuses_the_pods"]),
    ("policy: refuses the chart's objects", &["a_policy_that_refuses_says_all_that_it_wants"]),
    ("policy: refuses the pods", &["a_policy_that_refuses_the_pods_is_told_to_its_last_line"]),
    ("policy: repeats a secret", &["a_policy_that_repeats_the_secret_is_masked"]),
    ("API server: away from the start", &["a_cluster_that_does_not_answer"]),
    ("API server: goes away in a wait and comes back", &["an_api_server_that_comes_back_ends_no_wait"]),
    ("API server: goes away while pods stop", &["an_api_server_that_goes_away_while_pods_stop"]),
    ("API server: stays away", &["an_api_server_that_stays_away_ends_the_wait_at_its_limit"]),
    ("rights: missing", &["rights_that_are_missing_are_named_with_verb_and_resource", "secrets_that_may_not_be_read"]),
    ("flags: a time that cannot be meant", &["times_that_cannot_be_meant"]),
    ("flags: others", &["command_lines_that_cannot_be_meant"]),
    ("variables: values that cannot be meant", &["variables_with_values_that_cannot_be_meant"]),
    ("variables: set to nothing", &["a_variable_that_is_set_to_nothing_is_not_set"]),
    ("kubeconfig: missing", &["no_kubeconfig"]),
    ("kubeconfig: broken", &["a_kubeconfig_that_cannot_be_read"]),
    (
        "kubeconfig: without a context, of another one",
        &["a_kubeconfig_without_a_context", "a_context_that_the_kubeconfig_has_not"],
    ),
    ("kube context: not the profile's", &["a_context_that_the_profile_is_not_for"]),
    ("helm, kubectl: missing", &["no_helm_and_no_kubectl"]),
    ("helm, kubectl: too old", &["helm_2", "programs_that_are_too_old", "versions_that_are_too_old_are_told"]),
    ("consent: nobody to ask, another name typed", &["nobody_to_ask", "a_purge_wants_the_release_s_name"]),
    (
        "recovery: what the evidence speaks against",
        &["what_the_evidence_speaks_against_is_refused", "a_force_boot_that_cannot_help_is_refused"],
    ),
    (
        "recovery: nothing is known, nobody to ask",
        &["nothing_is_proposed_where_nothing_is_known", "without_anybody_to_ask_the_ladder_is_shown_and_nothing_done"],
    ),
    (
        "recovery: killed at each step",
        &[
            "killed_at_each_step_of_newest_first",
            "killed_while_there_is_no_stateful_set",
            "killed_at_each_step_of_a_repair",
        ],
    ),
    (
        "recovery: metadata taken away by a refused step to 4.3",
        &["everything_else_would_make_it_worse", "what_looks_like_a_refused_step_and_is_none_is_left_alone"],
    ),
    (
        "recovery: a person leaves, declines, types another name",
        &["ctrl_c_at_each_prompt_of_a_recovery", "who_quits_changes_nothing", "another_name_recovers_nothing"],
    ),
    (
        "recovery: a force boot by the chart is killed, helm's revision is cut short",
        &["a_force_boot_by_the_chart_that_was_cut_short_is_finished", "a_revision_that_was_cut_short_is_forgotten"],
    ),
    ("a killed export: its half is cleared away", &["what_a_killed_export_left_is_cleared"]),
];

/// The functions of a file that are tests.
#[derive(Default)]
pub struct Tests(pub HashSet<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if item.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
            self.0.insert(item.sig.ident.to_string());
        }
        visit::visit_item_fn(self, item);
    }

    /// Those of proptest.
    fn visit_macro(&mut self, makes: &'ast syn::Macro) {
        let words: Vec<String> = makes.tokens.clone().into_iter().map(|token| token.to_string()).collect();
        let functions = words.windows(2).filter(|two| two[0] == "fn").map(|two| two[1].clone());
        self.0.extend(functions.filter(|_| makes.path.is_ident("proptest")));
    }
}

pub fn tests_below(folder: &Path, tests: &mut Tests) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            tests_below(&path, tests);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            tests.visit_file(&syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
}

#[test]
fn every_point_of_the_list_has_its_tests() {
    let mut tests = Tests::default();
    ["src", "tests/it"].iter().for_each(|folder| {
        tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut tests);
    });
    for (point, names) in LIST {
        let missing: Vec<_> = names.iter().filter(|name| !tests.0.contains(**name)).collect();
        assert!(!names.is_empty() && missing.is_empty(), "{point}: there is no test {missing:?}");
    }
    let points: HashSet<&str> = LIST.iter().map(|(point, _)| *point).collect();
    assert_eq!(points.len(), LIST.len(), "a point stands here twice");
}
