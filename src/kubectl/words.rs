//! What the words of a failed child mean: the exit code, the advice, and which of the words are told.

use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::process::Reply;

/// What a program complains about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complaint {
    /// A namespace that is being deleted takes nothing new; it says so with the word of a missing right.
    NamespaceEnds,
    /// A quota or a policy of the cluster, which says so with the word of a missing right, too.
    Admission,
    Rights,
    Context,
    /// Without a kube context kubectl asks this machine.
    NoContext,
    Unreachable,
    /// A program that does not know a flag is too old for mqctl.
    TooOld,
    Other,
}

/// In this order: each is told by words that the next ones have as well.
const WORDS: [(Complaint, &[&str]); 7] = [
    (Complaint::NamespaceEnds, &["because it is being terminated"]),
    (
        Complaint::Admission,
        &[
            "exceeded quota",
            "failed quota",
            "admission webhook",
            "denied the request",
            "denied request",
            "violates podsecurity",
            " usage per ",
        ],
    ),
    (Complaint::Rights, &["is forbidden", "forbidden:", "unauthorized", "must be logged in"]),
    (Complaint::NoContext, &["localhost:8080"]),
    (Complaint::Context, &["no context exists", "context was not found"]),
    (
        Complaint::Unreachable,
        &[
            "unable to connect to the server",
            "cluster unreachable",
            "connection refused",
            "no such host",
            "i/o timeout",
            "was refused - did you specify",
            "no route to host",
            "tls handshake",
            "certificate signed by unknown",
            "unexpected eof",
            "connection reset",
        ],
    ),
    (Complaint::TooOld, &["unknown flag: ", "unknown shorthand flag"]),
];

impl Complaint {
    fn of(stderr: &str) -> Self {
        let said = stderr.to_lowercase();
        // `context "prod" does not exist`: the name stands in between.
        if said.contains("context \"") && said.contains("\" does not exist") {
            return Self::Context;
        }
        let has = |(_, words): &&(Self, &[&str])| words.iter().any(|word| said.contains(word));
        WORDS.iter().find(has).map_or(Self::Other, |(complaint, _)| *complaint)
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::NamespaceEnds => Outcome::TimedOut,
            Self::Admission | Self::Context => Outcome::Contradiction,
            Self::Rights => Outcome::NotPermitted,
            Self::NoContext | Self::Unreachable | Self::TooOld => Outcome::Unreachable,
            Self::Other => Outcome::Failed,
        }
    }

    fn advise(self, failure: Failure) -> Failure {
        match self {
            Self::NamespaceEnds => {
                failure.hint("run the same command again when the namespace is gone").code(Code::Namespace)
            }
            Self::Admission => failure
                .hint("ask for room, or change the profile until it fits; then run the same command again")
                .code(Code::Admission),
            Self::Rights => {
                failure.hint("ask for this right in the namespace, or use another --context").code(Code::Rights)
            }
            Self::Context => failure.hint("kubectl config get-contexts").code(Code::Context),
            Self::NoContext => failure
                .hint("kubectl config use-context NAME   # without a context, kubectl asks this machine")
                .code(Code::Unreachable),
            Self::Unreachable => {
                failure.hint("kubectl cluster-info   # does the API server answer?").code(Code::Unreachable)
            }
            Self::TooOld => failure.hint("mqctl needs helm 3.8 or later and kubectl 1.22 or later: mqctl version"),
            Self::Other => failure,
        }
    }
}

/// What a failed call means, in the words of the program that failed.
pub fn failure(what: &str, reply: &Reply) -> Failure {
    if reply.timed_out {
        return Failure::new(Outcome::TimedOut, format!("`{what}` did not answer in time"));
    }
    let complaint = Complaint::of(&reply.stderr);
    let said = match complaint {
        Complaint::Admission => whole(&reply.stderr),
        _ => last_words(reply),
    };
    complaint.advise(Failure::new(complaint.outcome(), format!("`{what}`: {said}")))
}

/// The exit code that a child's words ask for.
pub fn outcome_of(stderr: &str) -> Outcome {
    Complaint::of(stderr).outcome()
}

/// The last line that a program said, without its `Error:`; never more than one, so that nothing secret is swept along.
pub fn last_words(reply: &Reply) -> String {
    if reply.timed_out {
        return "it did not answer in time".to_owned();
    }
    let line = reply.stderr.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it failed and said nothing");
    bare(line).to_owned()
}

/// From the refusal on: what a policy wants may be said in many lines. The process door has masked known secrets.
fn whole(stderr: &str) -> String {
    let refusal = |line: &&str| Complaint::of(line) == Complaint::Admission;
    let before = stderr.lines().take_while(|line| !refusal(line)).count();
    let lines: Vec<&str> = stderr.lines().skip(before).filter(|line| !line.trim().is_empty()).collect();
    let rest = lines.iter().skip(1).map(|line| format!("\n  {}", line.trim_end()));
    rest.fold(lines.first().map_or("", |line| bare(line)).to_owned(), |text, line| text + &line)
}

/// Without the words that stand before every error.
fn bare(line: &str) -> &str {
    let prefixes = [
        "Error: ",
        "error: ",
        "Error from server: ",
        "Error from server (Forbidden): ",
        "Error from server (NotFound): ",
        "Error from server (BadRequest): ",
        "Error from server ",
        "* ",
    ];
    prefixes.iter().fold(line.trim(), |l, p| l.strip_prefix(p).unwrap_or(l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn what_children_say_becomes_an_exit_code() {
        let cases = [
            (
                "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
                Outcome::Unreachable,
            ),
            (
                "Error: Kubernetes cluster unreachable: Get \"https://x\": dial tcp: lookup x: no such host",
                Outcome::Unreachable,
            ),
            (
                "Error from server (Forbidden): secrets is forbidden: User \"ci\" cannot list resource \"secrets\"",
                Outcome::NotPermitted,
            ),
            ("error: context \"prod\" does not exist", Outcome::Contradiction),
            ("Error: kube context \"prod\" does not exist", Outcome::Contradiction),
            ("error: unknown flag: --server-side", Outcome::Unreachable),
            (
                "Error: services \"q\" is forbidden: unable to create new content in namespace mq because it is being terminated",
                Outcome::TimedOut,
            ),
            ("Error: pods \"q\" is forbidden: exceeded quota: small, requested: pods=1", Outcome::Contradiction),
            ("Error: pods \"q\" is forbidden: violates PodSecurity \"restricted:latest\"", Outcome::Contradiction),
            (
                "Error: services \"q\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
                Outcome::Contradiction,
            ),
            ("Error: something else", Outcome::Failed),
        ];
        for (words, outcome) in cases {
            assert_eq!(outcome_of(words), outcome, "{words}");
        }
    }

    #[test]
    fn what_a_policy_says_is_told_whole_and_nothing_before_it() {
        let said = "Warning: old\nError from server: admission webhook \"p\" denied the request: \n\nlabels:\n  team: wanted\n";
        let text = failure("kubectl apply", &reply(1, "", said)).text;
        assert_eq!(text, "`kubectl apply`: admission webhook \"p\" denied the request:\n  labels:\n    team: wanted");
    }
}
