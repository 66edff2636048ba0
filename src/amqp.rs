//! The one door to the network: a connection to an exposed broker, as a client's would be. No password is needed for it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

/// The header by which a client of AMQP 0-9-1 begins.
const HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";
/// A method frame's head: type, channel, size, class, method.
const HEAD: usize = 11;
/// Time for each of: finding a name's address, connecting, the broker's answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connects, and where AMQP is spoken says hello: a broker answers with `Connection.Start`.
///
/// # Errors
/// Nobody answers, or somebody else does.
pub(crate) fn greet(host: &str, port: u16, speaks_amqp: bool) -> Result<(), String> {
    let stream = connect(resolve(host, port)?)?;
    if speaks_amqp { hello(stream) } else { Ok(()) }
}

/// The address of a name; the system's resolver knows no limit, so it is asked in a thread of its own.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    std::thread::spawn(move || sender.send((name.as_str(), port).to_socket_addrs().map(|mut found| found.next())));
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(Some(address))) => Ok(address),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(None)) | Err(_) => Err("its name has no address yet".to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "door: the connection that proves an exposed broker to be reachable")]
fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| plain(&error))?;
    let limited = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    limited.map(|()| stream).map_err(|error| plain(&error))
}

fn hello(mut stream: TcpStream) -> Result<(), String> {
    let mut head = [0; HEAD];
    let answered = stream.write_all(HEADER).and_then(|()| stream.read_exact(&mut head));
    answered.map_err(|error| format!("connected, but no broker answers: {}", plain(&error)))?;
    if is_start(&head) { Ok(()) } else { Err("connected, but what answers does not speak AMQP 0-9-1".to_owned()) }
}

/// Method 10 of class 10, on channel 0.
fn is_start(head: &[u8; HEAD]) -> bool {
    head[..3] == [1, 0, 0] && head[7..] == [0, 10, 0, 10]
}

/// `Connection refused`, without the number behind it.
fn plain(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The address of this machine that such a connection leaves by. Nothing is sent for it.
#[expect(clippy::disallowed_methods, reason = "door: asks the system for a route")]
pub(crate) fn own_address(host: &str, port: u16) -> Option<IpAddr> {
    let there = resolve(host, port).ok()?;
    let any = if there.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(there).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server on a port of its own that reads the header and gives one answer.
    fn serving(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut header = [0; 8];
            client.read_exact(&mut header).unwrap();
            assert_eq!(&header, HEADER);
            client.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn a_broker_is_told_from_others_by_its_answer() {
        // What 4.3 begins with: a method frame on channel 0, 527 bytes, Connection.Start.
        let start = b"\x01\0\0\0\0\x02\x0f\0\x0a\0\x0a\0\x09";
        assert_eq!(greet("127.0.0.1", serving(start), true), Ok(()));
        let other = greet("127.0.0.1", serving(b"HTTP/1.1 400 Bad Request\r\n"), true).unwrap_err();
        assert!(other.contains("does not speak AMQP"), "{other}");
        let silent = greet("127.0.0.1", serving(b"AMQP\0\0\x09\x01"), true).unwrap_err();
        assert!(silent.starts_with("connected, but no broker answers: "), "{silent}");
    }

    #[test]
    fn nobody_there_is_said_plainly() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(greet("127.0.0.1", port, true).unwrap_err(), "connection refused");
        assert_eq!(own_address("127.0.0.1", port), Some("127.0.0.1".parse().unwrap()));
    }
}
