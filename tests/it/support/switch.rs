//! One address that leads to a server, to another one, or nowhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A path to a port of this machine. It goes on as long as the test binary runs.
pub struct Switch {
    pub port: u16,
    path: Arc<Path>,
}

struct Path {
    target: AtomicU16,
    silent: AtomicBool,
    connections: Mutex<Vec<Arc<Pair>>>,
}

struct Pair {
    ends: [TcpStream; 2],
    dead: AtomicBool,
}

impl Switch {
    /// Leads to this port.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let path = Arc::new(Path {
            target: AtomicU16::new(target),
            silent: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&path);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let path = Arc::clone(&accepting);
                std::thread::spawn(move || path.carry(client));
            }
        });
        Self { port, path }
    }

    /// Leads to another port; connections that there are break.
    pub fn turn(&self, target: u16) {
        self.path.target.store(target, Ordering::SeqCst);
        for pair in self.path.connections.lock().unwrap().drain(..) {
            for end in &pair.ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }

    /// Carries nothing any more, and tells nobody: connections stay open.
    pub fn fall_silent(&self) {
        self.path.silent.store(true, Ordering::SeqCst);
        for pair in self.path.connections.lock().unwrap().iter() {
            pair.dead.store(true, Ordering::SeqCst);
        }
    }

    /// Carries new connections again. Those of before stay dead.
    pub fn speak(&self) {
        self.path.silent.store(false, Ordering::SeqCst);
    }
}

impl Path {
    fn carry(&self, client: TcpStream) {
        if self.silent.load(Ordering::SeqCst) {
            // Held open, and never answered.
            std::thread::sleep(Duration::from_secs(120));
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.target.load(Ordering::SeqCst))) else {
            return;
        };
        let pair = Arc::new(Pair {
            ends: [client, server],
            dead: AtomicBool::new(false),
        });
        self.connections.lock().unwrap().push(Arc::clone(&pair));
        let back = Arc::clone(&pair);
        std::thread::spawn(move || back.copy(1, 0));
        pair.copy(0, 1);
    }
}

impl Pair {
    fn copy(&self, from: usize, to: usize) {
        let mut buffer = [0; 16 * 1024];
        let (mut reader, mut writer) = (&self.ends[from], &self.ends[to]);
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if !self.dead.load(Ordering::SeqCst) && writer.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        if !self.dead.load(Ordering::SeqCst) {
            let _ = writer.shutdown(Shutdown::Both);
        }
    }
}
