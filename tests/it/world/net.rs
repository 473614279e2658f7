//! Targets of the world: names resolve to made-up addresses, and connections are pipes to a server that speaks
//! just enough HTTP/1.1, or greets, or fails, by rules.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use rollgate::host::clock::Clock;
use rollgate::host::net::{Net, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::{Received, Rule, World};

pub struct VirtualNet(pub Arc<World>);

impl VirtualNet {
    /// Every target of the rules has an address of its own, in the order of their names.
    fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> = self.0.rules.iter().map(|rule| rule.target.clone()).collect();
        targets.sort();
        targets.dedup();
        targets
    }
}

impl Net for VirtualNet {
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let target = format!("{host}:{port}");
            let rule = self.0.peek(&target, "", self.0.clock.now());
            let unknown = rule.is_none_or(|rule| rule.fault.as_deref() == Some("no_name"));
            let index = self.targets().iter().position(|t| *t == target).filter(|_| !unknown);
            let index = index.ok_or_else(|| io::Error::other("name or service not known"))?;
            let address = Ipv4Addr::new(192, 0, 2, u8::try_from(index + 1).unwrap());
            Ok(vec![SocketAddr::new(IpAddr::V4(address), port)])
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let IpAddr::V4(ip) = address.ip() else { return Err(io::ErrorKind::HostUnreachable.into()) };
            let target = self.targets()[usize::from(ip.octets()[3]) - 1].clone();
            let Some(rule) = self.0.peek(&target, "", self.0.clock.now()) else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            match rule.fault.as_deref() {
                Some("refused") => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some("no_route") => return Err(io::ErrorKind::HostUnreachable.into()),
                Some("hang") => return std::future::pending().await,
                _ => {}
            }
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(serve(self.0.clone(), target, theirs));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

async fn serve(world: Arc<World>, target: String, mut stream: DuplexStream) {
    let now = world.clock.now();
    if let Some(greeting) = world.peek(&target, "", now).and_then(|rule| rule.greeting) {
        let _ = stream.write_all(greeting.as_bytes()).await;
    }
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    world.received.lock().unwrap().push(Received {
        at: world.clock.now(),
        method: method.to_owned(),
        target: target.clone(),
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    });
    let Some(rule) = world.rule(&target, path, now) else { return };
    world.wait(&rule).await;
    if rule.fault.as_deref() == Some("reset") {
        return;
    }
    let _ = stream.write_all(answer(&rule).as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(rule: &Rule) -> String {
    let body = super::http::content(rule);
    let status = rule.status.unwrap_or(200);
    let mut head = format!("HTTP/1.1 {status} OK\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in &rule.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}")
}
