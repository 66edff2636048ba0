//! A profile that is written from answers loads, and means the answers.

use proptest::prelude::*;

use super::*;
use crate::profile::draft::{Answers, Draft, Field, difference};

/// What the profile says of a field, as the answer that it was.
fn said(profile: &Profile, field: Field) -> Option<String> {
    match field {
        Field::Namespace => Some(profile.namespace.to_string()),
        Field::Context => profile.context.clone(),
        Field::Repository => Some(profile.image.repository.clone()),
        Field::Tag => Some(profile.image.tag.clone()),
        Field::Replicas => Some(profile.replicas.to_string()),
        Field::Class => profile.storage.class.clone(),
        Field::Size => Some(profile.storage.size.to_string()),
        Field::Username => Some(profile.credentials.username.clone()),
    }
}

/// Words that YAML readers disagree about are among the valid ones: `no`, `012`, `1e3`.
fn valid(field: Field) -> BoxedStrategy<String> {
    match field {
        Field::Namespace => "no|on|y|012|0x1f|1e3|null|[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?".boxed(),
        Field::Context => "no|~|[!-~]([ -~]{0,20}[!-~])?|\u{e9}[a-z]{1,9}".boxed(),
        Field::Repository => "([a-z0-9]{1,9}(:[0-9]{4})?/)?[a-z0-9]{1,9}([._-][a-z0-9]{1,9})?".boxed(),
        Field::Tag => "4\\.0|012|1e3|[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}".boxed(),
        Field::Replicas => (1_u32..=9).prop_map(|count| count.to_string()).boxed(),
        Field::Class => "no|012|[a-z0-9]{1,9}(\\.[a-z0-9]{1,9})?".boxed(),
        Field::Size => "[1-9][0-9]{0,3}(Gi|Ti|G|T)".boxed(),
        Field::Username => {
            "no|0x1f|[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}".prop_filter("refused", |name| name != "guest").boxed()
        }
    }
}

fn answers(of: fn(Field) -> BoxedStrategy<String>) -> impl Strategy<Value = Vec<(Field, String)>> {
    let one = move |field: Field| prop::option::of(of(field)).prop_map(move |text| Some((field, text?)));
    Field::ALL.map(one).to_vec().prop_map(|answers| answers.into_iter().flatten().collect())
}

fn drafted(answers: &[(Field, String)]) -> Answers {
    answers.iter().fold(Answers::default(), |all, (field, text)| all.with(*field, text.clone()))
}

/// The commented-out lines below the head, switched on.
fn switched_on(text: &str) -> String {
    let (head, fields) = text.split_once("\n\n").unwrap();
    format!("{head}\n\n{}", fields.replace("\n# ", "\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_answers_load_and_mean_what_was_answered(given in answers(valid)) {
        let draft = drafted(&given);
        let Draft { profile, text } =
            draft.draft(Path::new(PATH), &nobody).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for field in Field::ALL {
            let wished = draft.get(field).or(field.default()).map(str::to_owned);
            prop_assert_eq!(said(&profile, field), wished, "{}\n{}", field.path(), text);
        }
        let all = switched_on(&text);
        prop_assert!(read(&all, Path::new(PATH)).is_ok(), "{}", all);
    }

    /// No answer writes a second field, a comment or a line of its own.
    #[test]
    fn any_answers_are_refused_or_meant(given in answers(|_| "\\PC{0,12}|[a-z0-9:#{},'\"\n &*!-]{0,12}".boxed())) {
        let draft = drafted(&given);
        if let Ok(Draft { profile, .. }) = draft.draft(Path::new(PATH), &nobody) {
            for (field, text) in &given {
                let meant = said(&profile, *field);
                let same_number = *field == Field::Replicas && text.parse().ok() == Some(profile.replicas);
                prop_assert!(meant.as_ref() == Some(text) || same_number, "{}: {:?}\n{}", field.path(), meant, text);
            }
        }
    }
}

#[test]
fn answers_that_do_not_fit_are_refused_by_the_reader_s_own_words() {
    let refusal = |field, text| Answers::default().refusal(field, text).unwrap_or_default();
    assert_eq!(refusal(Field::Size, "8 GB"), "expected a size such as 8Gi, found `8 GB`");
    assert_eq!(refusal(Field::Replicas, "many"), "expected a whole number, found `many`");
    assert_eq!(refusal(Field::Username, "shop"), "");
}

#[test]
fn the_difference_is_of_what_is_said() {
    let there = "# mine\nreplicas: 5   # many\nnamespace: rabbitmq\nformat: 1\n";
    let wished = Answers::default().with(Field::Class, "fast").draft(Path::new(PATH), &nobody).unwrap().text;
    let expected = "--- prodmq.yaml\n+++ these answers\n@@ -2,2 +2,3 @@\n namespace: rabbitmq\n-replicas: 5\n+storage:\n+  class: fast";
    assert_eq!(difference(Path::new("prodmq.yaml"), there, &wished), expected);
}
