//! A door between one test's mqctl and the API server, which the test can shut: no other test notices.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Namespace;

/// Between two looks whether somebody knocks, or the door was shut.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) struct Door {
    /// What mqctl is given.
    pub(crate) kubeconfig: PathBuf,
    shut: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Door {
    /// A port of this machine behind which the API server of the suite's kubeconfig stands.
    pub(crate) fn open(namespace: &Namespace, folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("its number");
        let text = namespace.kubectl(&["config", "view", "--raw", "--minify", "--output", "json"]);
        let mut config: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        let cluster = &mut config["clusters"][0]["cluster"];
        let url = cluster["server"].as_str().expect("a server").trim_start_matches("https://").to_owned();
        let (server, path) = url.split_once('/').unwrap_or((&url, ""));
        if cluster["tls-server-name"].is_null() {
            // The certificate is that of the server, whatever the port that leads to it.
            cluster["tls-server-name"] = server.rsplit_once(':').map_or(server, |(host, _)| host).into();
        }
        cluster["server"] = format!("https://{own}/{path}").trim_end_matches('/').into();
        let kubeconfig = folder.join("kubeconfig-through-a-door");
        std::fs::write(&kubeconfig, config.to_string()).expect("a kubeconfig");
        let door = Self { kubeconfig, shut: Arc::default(), over: Arc::default() };
        let (shut, over) = (Arc::clone(&door.shut), Arc::clone(&door.over));
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:443") };
        std::thread::spawn(move || keep(listener, own, &server, &shut, &over));
        door
    }

    /// Every connection ends, and new ones are refused, for this long.
    pub(crate) fn shut_for(&self, time: Duration) {
        self.shut.store(true, Ordering::SeqCst);
        std::thread::sleep(time);
        self.shut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn keep(mut listener: TcpListener, own: SocketAddr, server: &str, shut: &AtomicBool, over: &AtomicBool) {
    let mut passing: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::SeqCst) {
        if shut.load(Ordering::SeqCst) {
            drop(listener);
            for stream in std::mem::take(&mut passing) {
                stream.shutdown(Shutdown::Both).ok();
            }
            while shut.load(Ordering::SeqCst) && !over.load(Ordering::SeqCst) {
                std::thread::sleep(PAUSE);
            }
            listener = TcpListener::bind(own).expect("the same port again");
        }
        listener.set_nonblocking(true).expect("a listener that does not wait");
        match listener.accept() {
            Ok((client, _)) => passing.extend(pass(&client, server)),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Carries bytes both ways until one side ends; both streams, for who wants to end them.
fn pass(client: &TcpStream, server: &str) -> Vec<TcpStream> {
    let Ok(server) = TcpStream::connect(server) else { return Vec::new() };
    client.set_nonblocking(false).expect("a stream that waits");
    let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    for (mut from, mut to) in [(copy(client), copy(&server)), (copy(&server), copy(client))] {
        std::thread::spawn(move || {
            io::copy(&mut from, &mut to).ok();
            to.shutdown(Shutdown::Both).ok();
        });
    }
    vec![copy(client), server]
}
