//! SHA-256, cut to as many hexadecimal digits as a comparison needs.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The first `digits` hexadecimal digits of the SHA-256 of these pieces, one after the other.
pub(crate) fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, digits: usize) -> String {
    let mut hash = Sha256::new();
    pieces.into_iter().for_each(|piece| hash.update(piece));
    let mut text = String::new();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").ok();
    }
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_sha256() {
        // printf abc | sha256sum
        assert_eq!(super::of([&b"a"[..], b"bc"], 12), "ba7816bf8f01");
    }
}
