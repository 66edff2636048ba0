//! No text makes the reader panic.

use proptest::prelude::*;

use super::*;

/// Pieces that profiles and YAML are made of.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "format: 1\n",
        "namespace: a\n",
        "storage:",
        "  size: ",
        "8Gi",
        "credentials:",
        " {",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "\n",
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "? ",
        "| \n",
        "> \n",
        "\t",
        "'",
        "\"",
        "#",
        "---\n",
        "%",
        "~",
        "no",
        "012",
        ".nan",
        "1e3",
        "values:",
        "é",
        "\u{85}",
        "\r\n",
        ",",
        "password: ",
        "{env: A}",
        "@",
        "`",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

proptest! {
    #[test]
    fn any_text_is_a_profile_or_has_mistakes(pieces in prop::collection::vec(piece(), 0..130), valid in any::<bool>()) {
        let text: String = pieces.concat().chars().take(400).collect();
        let text = if valid { format!("{GOOD}{text}") } else { text };
        match read(&text, Path::new(PATH)) {
            Ok(profile) => {
                prop_assert!((1..=9).contains(&profile.replicas));
                prop_assert_eq!(described::refusal(&text), None);
            }
            Err(error) => prop_assert!(!error.mistakes.is_empty() && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_characters_are_a_profile_or_have_mistakes(text in "\\PC{0,400}") {
        if let Err(error) = read(&text, Path::new(PATH)) {
            prop_assert!(!error.mistakes.is_empty());
        }
    }
}
