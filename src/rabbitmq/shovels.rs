//! Shovels that empty the queues of one cluster into another, of the same names. They run on the cluster that receives.
//!
//! Source of the keys: RabbitMQ documentation, Configuring Dynamic Shovels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::census::Queue;
use crate::process::Part;
use crate::secret::{Hole, Name};

/// As whom they log in on the other side, for as long as they are there.
pub const USER: &str = "mqctl-migrate";

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

/// Makes the user that they log in as, who may do nothing but read the queues of these virtual hosts, and proves that it
/// is let in. One that is there already stays, with this password.
pub fn admit(queues: &[&Queue]) -> Vec<Part> {
    let mut vhosts: Vec<String> = queues.iter().map(|queue| format!("\"{}\"", queue.vhost)).collect();
    vhosts.sort();
    vhosts.dedup();
    let after = format!(
        concat!(
            r#"U = <<"{user}">>, By = <<"mqctl">>, try "#,
            r#"ok = case rabbit_auth_backend_internal:lookup_user(U) of "#,
            r#"{{ok, _}} -> rabbit_auth_backend_internal:change_password(U, Login, By); "#,
            r#"_ -> rabbit_auth_backend_internal:add_user(U, Login, By) end, "#,
            r#"[ok = rabbit_auth_backend_internal:set_permissions(U, base64:decode(V), <<>>, <<>>, <<".*">>, By) || V <- [{vhosts}]], "#,
            r#"{{ok, _}} = rabbit_access_control:check_user_pass_login(U, Login) of _ -> ok "#,
            r#"catch _:_ -> exit(user_of_the_shovels_refused) end."#
        ),
        user = USER,
        vhosts = vhosts.join(",")
    );
    with_login(&after)
}

/// Takes that user away.
pub fn dismiss() -> Vec<Part> {
    let code = format!(
        concat!(
            r#"case rabbit_auth_backend_internal:lookup_user(<<"{user}">>) of "#,
            r#"{{ok, _}} -> ok = rabbit_auth_backend_internal:delete_user(<<"{user}">>, <<"mqctl">>); _ -> ok end."#
        ),
        user = USER
    );
    vec![Part::Text(code)]
}

/// An expression that knows, as `Login`, the password of that user. Brokers of both sides have the same cookie and the
/// same password, and make the same of them: nobody has to carry or to keep it, and nobody learns either one from it.
fn with_login(code: &str) -> Vec<Part> {
    let before = concat!(
        r#"Made = fun(Of) -> iolist_to_binary([io_lib:format("~2.16.0b", [C]) || <<C>> <= crypto:hash(sha256, Of)]) end, "#,
        r#"Login = Made([atom_to_binary(erlang:get_cookie(), utf8), 0, base64:decode(""#
    );
    let between = format!("\"), 0, <<\"{USER}\">>]), ");
    vec![Part::Text(before.to_owned()), Part::Hole(Hole(Name::Password)), Part::Text(between + code)]
}

/// Makes one for each of these queues, unless it is there: whoever makes one anew has what is on its way delivered twice.
///
/// The local end is no connection through the network, and needs no user.
pub fn make(host: &str, queues: &[&Queue]) -> Vec<Part> {
    let list: Vec<String> = queues.iter().map(|q| format!("{{\"{}\",\"{}\"}}", q.vhost, q.name)).collect();
    let code = format!(
        concat!(
            r#"H = fun(B) -> lists:append([io_lib:format("%~2.16.0B", [C]) || <<C>> <= B]) end, "#,
            r#"Make = fun(V, Q) -> N = <<"{prefix}", Q/binary>>, Z = fun(L) -> iolist_to_binary(L) end, "#,
            r#"case rabbit_runtime_parameters:lookup(V, <<"shovel">>, N) of not_found -> "#,
            r#"rabbit_runtime_parameters:set(V, <<"shovel">>, N, [{{<<"src-protocol">>, <<"amqp091">>}}, "#,
            r#"{{<<"src-uri">>, Z(["amqp://{user}:", Login, "@{host}:5672/", H(V)])}}, {{<<"src-queue">>, Q}}, "#,
            r#"{{<<"src-prefetch-count">>, {prefetch}}}, {{<<"src-delete-after">>, <<"never">>}}, "#,
            r#"{{<<"dest-protocol">>, <<"amqp091">>}}, {{<<"dest-uri">>, Z(["amqp:///", H(V)])}}, {{<<"dest-queue">>, Q}}, "#,
            r#"{{<<"ack-mode">>, <<"on-confirm">>}}, {{<<"reconnect-delay">>, 5}}], <<"mqctl">>); _ -> ok end end, "#,
            r#"try [ok = Make(base64:decode(V), base64:decode(Q)) || {{V, Q}} <- [{list}]] of _ -> ok "#,
            r#"catch _:_ -> exit(shovel_refused) end."#
        ),
        prefix = PREFIX,
        user = USER,
        host = host,
        prefetch = PREFETCH,
        list = list.join(",")
    );
    with_login(&code)
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

    fn queue(name: &str) -> Queue {
        Queue { vhost: "Lw==".into(), name: name.into(), kind: "quorum".into(), ..Queue::default() }
    }

    #[test]
    fn the_password_is_a_hole_and_queues_are_named_exactly() {
        let said = Stdin(make("prodmq-rabbitmq.mq.svc", &[&queue("b3JkZXJz")])).to_string();
        assert!(said.contains(r#"0, base64:decode("(password)"), 0"#), "{said}");
        assert!(said.contains(r#"[{"Lw==","b3JkZXJz"}]"#) && said.contains("@prodmq-rabbitmq.mq.svc:5672/"), "{said}");
        assert_eq!(said.matches('{').count(), said.matches('}').count(), "{said}");
    }

    #[test]
    fn both_sides_make_the_same_login_of_the_same_secrets() {
        let [admit, make] = [admit(&[&queue("YQ=="), &queue("Yg==")]), make("old.mq.svc", &[&queue("YQ==")])];
        let head = |parts: &[Part]| Stdin(parts.to_vec()).to_string().split_once("]), ").unwrap().0.to_owned();
        assert_eq!(head(&admit), head(&make));
        let said = Stdin(admit).to_string();
        assert!(said.contains(r#"<<>>, <<>>, <<".*">>, By) || V <- ["Lw=="]"#), "it only reads: {said}");
        assert_eq!(said.matches('{').count(), said.matches('}').count(), "{said}");
    }
}
