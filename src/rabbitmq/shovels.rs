//! Shovels that empty the queues of one cluster into another, of the same names. They run on the cluster that receives.
//!
//! Source of the keys: RabbitMQ documentation, Configuring Dynamic Shovels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::census::Queue;
use crate::process::Part;
use crate::secret::{Hole, Name};

/// Shovels of a migration are called so, and the queue's name follows; their connections are named after them.
pub const PREFIX: &str = "mqctl-migrate-";

/// The plugin that has to run where they do.
pub const PLUGIN: &str = "rabbitmq_shovel";

/// Messages on their way of each queue. Each is acknowledged at its source when its new home has confirmed it.
const PREFETCH: u32 = 500;

/// Of the one that empties this queue, as base64 like the queue's.
pub fn name(queue: &Queue) -> String {
    let queue = STANDARD.decode(&queue.name).unwrap_or_default();
    STANDARD.encode([PREFIX.as_bytes(), &queue].concat())
}

/// Makes one for each of these queues, unless it is there: whoever makes one anew has what is on its way delivered twice.
///
/// The password stands percent-encoded in the source's address, which is fed over stdin; whatever goes wrong is told
/// without it. The local end is no connection through the network, and needs no user.
pub fn make(host: &str, user: &str, queues: &[&Queue]) -> Vec<Part> {
    let list: Vec<String> = queues.iter().map(|q| format!("{{\"{}\",\"{}\"}}", q.vhost, q.name)).collect();
    let user = STANDARD.encode(user);
    let before = format!(
        concat!(
            r#"H = fun(B) -> lists:append([io_lib:format("%~2.16.0B", [C]) || <<C>> <= B]) end, "#,
            r#"Login = [H(base64:decode("{user}")), ":", H(base64:decode(""#
        ),
        user = user
    );
    let after = format!(
        concat!(
            r#""))], Make = fun(V, Q) -> N = <<"{prefix}", Q/binary>>, Z = fun(L) -> iolist_to_binary(L) end, "#,
            r#"case rabbit_runtime_parameters:lookup(V, <<"shovel">>, N) of not_found -> "#,
            r#"rabbit_runtime_parameters:set(V, <<"shovel">>, N, [{{<<"src-protocol">>, <<"amqp091">>}}, "#,
            r#"{{<<"src-uri">>, Z(["amqp://", Login, "@{host}:5672/", H(V)])}}, {{<<"src-queue">>, Q}}, "#,
            r#"{{<<"src-prefetch-count">>, {prefetch}}}, {{<<"src-delete-after">>, <<"never">>}}, "#,
            r#"{{<<"dest-protocol">>, <<"amqp091">>}}, {{<<"dest-uri">>, Z(["amqp:///", H(V)])}}, {{<<"dest-queue">>, Q}}, "#,
            r#"{{<<"ack-mode">>, <<"on-confirm">>}}, {{<<"reconnect-delay">>, 5}}], <<"mqctl">>); _ -> ok end end, "#,
            r#"try [ok = Make(base64:decode(V), base64:decode(Q)) || {{V, Q}} <- [{list}]] of _ -> ok "#,
            r#"catch _:_ -> exit(shovel_refused) end."#
        ),
        prefix = PREFIX,
        host = host,
        prefetch = PREFETCH,
        list = list.join(",")
    );
    vec![Part::Text(before), Part::Hole(Hole(Name::Password)), Part::Text(after)]
}

/// Takes all of them away.
pub fn take_away() -> Vec<Part> {
    let code = format!(
        concat!(
            r#"[rabbit_runtime_parameters:clear(proplists:get_value(vhost, P), <<"shovel">>, proplists:get_value(name, P), <<"mqctl">>) "#,
            r#"|| P <- rabbit_runtime_parameters:list_component(<<"shovel">>), "#,
            r#"binary:match(proplists:get_value(name, P), <<"{prefix}">>) =/= nomatch]."#
        ),
        prefix = PREFIX
    );
    vec![Part::Text(code)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Stdin;

    #[test]
    fn the_password_is_a_hole_and_queues_are_named_exactly() {
        let queue = Queue { vhost: "Lw==".into(), name: "b3JkZXJz".into(), kind: "quorum".into(), ..Queue::default() };
        let said = Stdin(make("prodmq-rabbitmq.mq.svc", "user", &[&queue])).to_string();
        assert!(said.contains(r#"H(base64:decode("(password)"))"#), "{said}");
        assert!(said.contains(r#"[{"Lw==","b3JkZXJz"}]"#) && said.contains("@prodmq-rabbitmq.mq.svc:5672/"), "{said}");
        assert_eq!(said.matches('{').count(), said.matches('}').count(), "{said}");
    }
}
