//! Makes inputs out of others: a real text with a few changes gets further into a reader than noise does.

use fastrand::Rng;
use serde_json::{Value, json};

/// Inputs beyond this are cut: what matters is found in small ones, and they are faster.
const LONGEST: usize = 4096;

pub(crate) struct Mutator<'a> {
    random: Rng,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, seeds: &'a [Vec<u8>], words: &'a [&'a str]) -> Self {
        Self { random: Rng::with_seed(seed), seeds, words }
    }

    /// One seed, changed one to six times.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        for _ in 0..self.random.usize(1..=6) {
            match self.random.u8(..10) {
                0 | 1 => self.bytes(&mut input),
                2..=4 => self.words(&mut input),
                5..=7 => self.lines(&mut input),
                _ => self.values(&mut input),
            }
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> &'a [u8] {
        &self.seeds[self.random.usize(..self.seeds.len())]
    }

    fn word(&mut self) -> &'a str {
        self.words[self.random.usize(..self.words.len())]
    }

    /// A place, also the one behind the end.
    fn place(&mut self, length: usize) -> usize {
        self.random.usize(..=length)
    }

    /// Flips, inserts, cuts: also what is no UTF-8.
    fn bytes(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input.len());
        match self.random.u8(..4) {
            0 if at < input.len() => input[at] ^= 1 << self.random.u8(..8),
            1 => input.insert(at, self.random.u8(..)),
            2 => input.truncate(at),
            _ => {
                let end = (at + self.random.usize(..16)).min(input.len());
                input.drain(at..end);
            }
        }
    }

    /// A word of the language somewhere, or in the place of what stands between two blanks.
    fn words(&mut self, input: &mut Vec<u8>) {
        let at = self.place(input.len());
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let rest = input[at..].iter().position(blank).unwrap_or(input.len() - at);
        let end = if self.random.bool() { at } else { at + rest };
        let word = self.word();
        input.splice(at..end, word.bytes());
    }

    /// A line twice, elsewhere, indented, gone, or from another text.
    fn lines(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = input.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        let (from, to) = (self.random.usize(..lines.len()), self.place(lines.len()));
        match self.random.u8(..5) {
            0 => lines.insert(to, lines[from].clone()),
            1 => drop(lines.remove(from)),
            2 => lines[from].splice(0..0, *b"  ").for_each(drop),
            3 => lines.swap(from, to.min(from)),
            _ => {
                let other = self.seed();
                let other: Vec<&[u8]> = other.split_inclusive(|&byte| byte == b'\n').collect();
                if let Some(line) = self.random.choice(other) {
                    lines.insert(to, line.to_vec());
                }
            }
        }
        *input = lines.concat();
    }

    /// Another value somewhere in a JSON text; other texts stay as they are.
    fn values(&mut self, input: &mut Vec<u8>) {
        let Ok(mut json) = serde_json::from_slice::<Value>(input) else { return };
        let mut left = self.random.usize(..count(&json));
        let other = match self.random.u8(..8) {
            0 => Value::Null,
            1 => json!(self.random.bool()),
            2 => json!(self.random.i64(..)),
            3 => json!(u64::MAX),
            4 => json!(self.random.f64() * 1e300),
            5 => json!([]),
            6 => json!({}),
            _ => json!(self.word()),
        };
        replace(&mut json, &mut left, other);
        *input = json.to_string().into_bytes();
    }
}

/// Itself and all values below.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum::<usize>(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The value with this number, in the order of `count`.
fn replace(value: &mut Value, left: &mut usize, other: Value) -> Option<Value> {
    if *left == 0 {
        *value = other;
        return None;
    }
    *left -= 1;
    let below: Vec<&mut Value> = match value {
        Value::Array(list) => list.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    below.into_iter().try_fold(other, |other, value| replace(value, left, other))
}
