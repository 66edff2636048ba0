//! What is refused, unless it is asked for. Pure.

/// Ways out of what is refused otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Helm's own record is put right where it names an API that is not served.
    pub repair_record: bool,
    /// A StatefulSet is made anew around its pods, for what Kubernetes changes in none that exists.
    pub recreate: bool,
    /// Objects that are there, and are not helm's, become the release's.
    pub adopt: bool,
}
