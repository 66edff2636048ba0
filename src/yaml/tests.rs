use super::*;

/// `line:column path text`, one for each mistake.
fn mistakes(text: &str) -> Vec<String> {
    read(text).err().unwrap_or_default().iter().map(line).collect()
}

fn line(mistake: &Mistake) -> String {
    let place = mistake.place.map(|(line, column)| format!("{line}:{column} ")).unwrap_or_default();
    let gap = if mistake.path.is_empty() { "" } else { " " };
    format!("{place}{}{gap}{}", mistake.path, mistake.text)
}

const SECOND: &str = "a second document begins; one file holds one";
const BOM: &str = "1:1 byte order mark; save the file as UTF-8 without one";

#[test]
fn what_is_no_mapping() {
    for (text, expected) in [
        ("", "1:1 the file is empty"),
        ("\n# nothing\n", "1:1 the file is empty"),
        ("---\n", "2:1 expected `key: value` lines, found nothing"),
        ("~\n", "1:1 expected `key: value` lines, found nothing"),
        ("- a\n", "1:1 expected `key: value` lines, found a list"),
        ("\n  hunter2\n", "2:3 expected `key: value` lines, found a single value"),
        ("\u{feff}a: 1\n", BOM),
        ("a: 1\nb: \u{7}\n", "2:4 control character U+0007"),
        ("a: 1\nb: \0\n", "2:4 control character U+0000; if the file is UTF-16, save it as UTF-8"),
        ("a: 1\n---\nb: 1\n", &format!("2:1 {SECOND}")),
    ] {
        assert_eq!(mistakes(text), [expected], "{text:?}");
    }
    assert_eq!(mistakes(&"#".repeat(LARGEST + 1)), ["larger than 1 MiB"]);
}

#[test]
fn broken_syntax_is_placed_and_never_quoted() {
    for (text, expected) in [
        ("a: 0x112233445566778899\n", "1:4 cannot be read as YAML"),
        ("a:\n\tb: hunter2\n", "2:2 tabs disallowed within this context (block indentation)"),
        ("a: b: hunter2\n", "1:5 mapping values are not allowed in this context"),
        ("a: @hunter2\n", "1:4 a value cannot begin so; quote it"),
        ("a: \"hunter2\n", "1:4 while scanning a quoted scalar, found unexpected end of stream"),
        ("a: [1,\n", "2:1 while parsing a node, did not find expected node content"),
        ("%FOO\n---\na: 1\n", "1:5 found unknown directive name"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text:?}");
    }
}

#[test]
fn features_that_hide_what_a_file_says() {
    for (text, expected) in [
        ("a: &x 1\n", "1:4 a anchors (`&name`) are not supported"),
        ("a: !x 1\n", "1:4 a tags (`!name`) are not supported"),
        ("a: !!str 1\n", "1:4 a tags (`!name`) are not supported"),
        ("a:\n  <<: {b: 1}\n", "2:3 a.<< merge keys are not supported; write the keys out"),
        ("a: 1\nb: 2\na: 3\n", "3:1 a duplicate key; it stands in line 1 too"),
        ("a:\n  b: [{c: 1, c: 2}]\n", "2:14 a.b.0.c duplicate key; it stands in line 2 too"),
        ("? [a]\n: b\n", "1:3 a key must be text"),
        ("a:\n  1: b\n", "2:3 a.1 a key must be text; quote it"),
        ("a: {~: b}\n", "1:5 a.~ a key must be text; quote it"),
        ("a: .inf\n", "1:4 a neither an infinity nor NaN can be passed on"),
        ("a: [0, .nan]\n", "1:8 a.1 neither an infinity nor NaN can be passed on"),
        ("a: 99999999999999999999\n", "1:4 a too large for a number; quote it if it is text"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text:?}");
    }
}

#[test]
fn several_are_found_at_once() {
    assert_eq!(mistakes("a: &x 1\nb: *x\nb: !t 2\n").len(), 4);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(mistakes(&nested(64)), [] as [&str; 0]);
    assert_eq!(mistakes(&nested(65)), ["1:68 nested too deeply"]);
    assert_eq!(mistakes(&nested(100_000)), ["1:259 recursion limit exceeded"]);
}

#[test]
fn everything_has_its_place() {
    let text = "a:\n  b: x\nc: [1, {d: 012}]\ne:\n\"f\": 'g'\n";
    let document = read(text).unwrap();
    assert_eq!(document.value, serde_json::json!({"a": {"b": "x"}, "c": [1, {"d": "012"}], "e": null, "f": "g"}));
    for (path, place, plain) in [
        (&["a"][..], Some((2, 3)), None),
        (&["a", "b"], Some((2, 6)), Some("x")),
        (&["c", "1", "d"], Some((3, 12)), Some("012")),
        (&["e"], Some((4, 1)), Some("")),
        (&["f"], Some((5, 6)), None),
        (&["a", "x"], None, None),
        (&["c", "2"], None, None),
    ] {
        assert_eq!((document.place(path), document.plain(path)), (place, plain), "{path:?}");
    }
    assert_eq!(document.key_place(&["c", "1", "d"]), Some((3, 9)));
    assert_eq!(document.nearest_place(&["a", "x", "y"]), (2, 3));
    assert_eq!(document.nearest_place(&["x"]), (1, 1));
}

#[test]
fn numbers_stay_what_they_are() {
    let text = "a: 9223372036854775807\nb: -5\nc: 0.1\nd: 18446744073709551615\ne: 0x1F\n";
    let numbers = serde_json::json!({"a": i64::MAX, "b": -5, "c": 0.1, "e": 31});
    assert_eq!(mistakes(text), ["4:4 d too large for a number; quote it if it is text"]);
    assert_eq!(read(&text.replace("d: 18446744073709551615\n", "")).unwrap().value, numbers);
}

#[test]
fn ambiguous_words_are_found_with_their_keys() {
    let document = read("a: [no, 'no', none]\non: {b: 012}\n\"off\": \"1e3\"\n").unwrap();
    let found: Vec<String> = document.ambiguous().iter().map(line).collect();
    assert_eq!(
        found,
        [
            "1:5 a.0 quote it; some YAML readers take it for true or false",
            "2:1 on quote it; some YAML readers take it for true or false",
            "2:9 on.b quote it; some YAML readers take it for another number",
        ]
    );
}

#[test]
fn a_document_shows_nothing_of_its_content() {
    assert_eq!(format!("{:?}", read("password: hunter2\n").unwrap()), "Document { .. }");
}

#[test]
fn shown_texts_are_short_and_harmless() {
    assert_eq!(shown("8 GB"), "8 GB");
    assert_eq!(shown("a\u{1b}[31m\nb\u{202e}"), "a\u{fffd}[31m\u{fffd}b\u{fffd}");
    assert_eq!(shown(&"a".repeat(41)), format!("{}…", "a".repeat(40)));
}

#[test]
fn every_text_that_is_written_is_read_back() {
    for text in ["plain", "no", "a: b", "two\nlines", "a\u{85}b", "\u{feff}a", "\u{7f}", "\u{9b}31m"] {
        let written = format!("text: {}\n", scalar(text));
        assert_eq!(read(&written).unwrap().value["text"], text, "{written:?}");
    }
}

#[test]
fn a_line_break_of_old_readers_is_refused() {
    let mistakes = read("a: 1\u{85}b: 2\n").unwrap_err();
    assert_eq!(mistakes[0].text, "control character U+0085");
}
