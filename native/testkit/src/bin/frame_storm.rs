// SPDX-License-Identifier: Apache-2.0
//! Makes interfaces that speak from their first instant. For each one: make it, bring it up, send numbered frames at
//! once; then print one JSON line. Everything is deleted when standard input ends.
//!
//! ```text
//! frame_storm --kind=veth|tap|moved --prefix=fp --count=1000 [--burst=1] [--frames=200] [--interval-us=100]
//!             [--side=rx|tx] [--created-up] [--remove]
//! ```
//! The watched interface is PREFIXn. `rx`: its veth peer zPREFIXn sends, or the
//! tap's descriptor is written to; `tx`: frames are sent through the watched interface itself. `moved`: the watched end
//! is moved into a namespace just made, PREFIXn as well, and sends (or receives) there. `--created-up`: the watched end of a veth is up from the start,
//! so that its first link message says so already. `--remove`: each interface is
//! deleted as soon as it has spoken.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;

use netsonde_testkit::frames::{now_ns, numbered, Sender};
use netsonde_testkit::links::{ifindex, Links};
use netsonde_testkit::namespace::Namespace;
use netsonde_testkit::tap;

/// Frames sent back to back before the next interface of a burst is made.
const OPENING: u32 = 10;

/// Threads that close sockets in the end.
const CLOSERS: usize = 32;

struct Plan {
    kind: String,
    prefix: String,
    count: u32,
    burst: u32,
    frames: u32,
    interval_ns: i64,
    from_peer: bool,
    created_up: bool,
    remove: bool,
}

enum Mouth {
    Socket(Sender),
    Tap(File),
}

impl Mouth {
    fn send(&self, frame: &[u8]) -> io::Result<()> {
        match self {
            Self::Socket(sender) => sender.send(frame),
            Self::Tap(file) => (&mut &*file).write(frame).map(drop),
        }
    }
}

struct Speaker {
    name: String,
    ifindex: u32,
    netns: u64,
    sender: u32,
    mouth: Mouth,
    _namespace: Option<Namespace>,
    up_ns: i64,
    first_ns: i64,
    sent: u32,
    refused: u32,
}

impl Speaker {
    fn new(
        name: String,
        sender: u32,
        mouth: Mouth,
        namespace: Option<Namespace>,
    ) -> io::Result<Self> {
        let (index, netns) = match &namespace {
            Some(namespace) => (
                namespace.within(|| ifindex(&name))?,
                namespace.file.metadata()?.st_ino(),
            ),
            None => (
                ifindex(&name)?,
                std::fs::metadata("/proc/thread-self/ns/net")?.st_ino(),
            ),
        };
        Ok(Self {
            name,
            ifindex: index,
            netns,
            sender,
            mouth,
            _namespace: namespace,
            up_ns: 0,
            first_ns: 0,
            sent: 0,
            refused: 0,
        })
    }

    /// Send one frame. What the kernel refuses was never on the interface and does not use up a number.
    fn speak(&mut self) {
        match self.mouth.send(&numbered(self.sender, self.sent)) {
            Ok(()) => {
                if self.sent == 0 {
                    self.first_ns = now_ns();
                }
                self.sent += 1;
            }
            Err(_) => self.refused += 1,
        }
    }

    fn json(&self) -> String {
        format!(
            r#"{{"name": "{}", "ifindex": {}, "netns": {}, "sender": {}, "sent": {}, "refused": {}, "first_frame_us": {}, "first_ns": {}}}"#,
            self.name,
            self.ifindex,
            self.netns,
            self.sender,
            self.sent,
            self.refused,
            (self.first_ns - self.up_ns) / 1000,
            self.first_ns
        )
    }
}

fn make(plan: &Plan, links: &Links, number: u32) -> io::Result<Speaker> {
    let name = format!("{}{number}", plan.prefix);
    match plan.kind.as_str() {
        "tap" => {
            let mouth = Mouth::Tap(tap::open(&name, true)?);
            let mut speaker = Speaker::new(name, number, mouth, None)?;
            links.up(speaker.ifindex)?;
            speaker.up_ns = now_ns();
            Ok(speaker)
        }
        "moved" => make_moved(plan, links, name, number),
        _ => make_veth(plan, links, name, number),
    }
}

fn make_veth(plan: &Plan, links: &Links, name: String, number: u32) -> io::Result<Speaker> {
    let peer = format!("z{name}");
    links.add_veth(&name, &peer, plan.created_up)?;
    let (watched, other) = (ifindex(&name)?, ifindex(&peer)?);
    let mouth = Mouth::Socket(Sender::open(if plan.from_peer { other } else { watched })?);
    let mut speaker = Speaker::new(name, number, mouth, None)?;
    // The end that sends comes last: it has a carrier, and may send, once both are up.
    match (plan.created_up, plan.from_peer) {
        (true, _) => links.up(other)?,
        (false, true) => (links.up(watched)?, links.up(other)?).1,
        (false, false) => (links.up(other)?, links.up(watched)?).1,
    }
    speaker.up_ns = now_ns();
    Ok(speaker)
}

fn make_moved(plan: &Plan, links: &Links, name: String, number: u32) -> io::Result<Speaker> {
    let peer = format!("z{name}");
    links.add_veth(&name, &peer, false)?;
    let (watched, outer) = (ifindex(&name)?, ifindex(&peer)?);
    let namespace = Namespace::new(&name)?;
    links.move_to(watched, namespace.file.as_raw_fd())?;
    // Raised last is the end that sends: the other way round its queue opens some milliseconds after its carrier is
    // there, and the kernel drops what is sent meanwhile without a word.
    if !plan.from_peer {
        links.up(outer)?;
    }
    let inner = namespace.within(|| {
        let inside = Links::open()?;
        let index = ifindex(&name)?;
        let sender = Sender::open(index)?;
        inside.up(index)?;
        Ok(sender)
    })?;
    if plan.from_peer {
        links.up(outer)?;
    }
    let up_ns = now_ns();
    let mouth = Mouth::Socket(if plan.from_peer {
        Sender::open(outer)?
    } else {
        inner
    });
    let mut speaker = Speaker::new(name, number, mouth, Some(namespace))?;
    speaker.up_ns = up_ns;
    Ok(speaker)
}

fn wait_until(deadline_ns: i64) {
    while now_ns() < deadline_ns {
        std::hint::spin_loop();
    }
}

/// One burst: every interface speaks as soon as it is up, then all go on in turn.
fn storm(plan: &Plan, links: &Links, numbers: std::ops::Range<u32>) -> io::Result<Vec<Speaker>> {
    let mut speakers = Vec::new();
    for number in numbers {
        let mut speaker = make(plan, links, number)?;
        let opening = if plan.burst == 1 {
            1
        } else {
            OPENING.min(plan.frames)
        };
        (0..opening).for_each(|_| speaker.speak());
        speakers.push(speaker);
    }
    let mut next = now_ns();
    while speakers
        .iter()
        .any(|speaker| speaker.sent + speaker.refused < plan.frames)
    {
        next += plan.interval_ns;
        wait_until(next);
        speakers
            .iter_mut()
            .filter(|s| s.sent + s.refused < plan.frames)
            .for_each(Speaker::speak);
    }
    Ok(speakers)
}

fn run(plan: &Plan) -> io::Result<()> {
    let links = Links::open()?;
    let mut output = io::stdout().lock();
    let mut alive = Vec::new();
    let mut result = Ok(());
    for start in (0..plan.count).step_by(plan.burst as usize) {
        let speakers = match storm(plan, &links, start..(start + plan.burst).min(plan.count)) {
            Ok(speakers) => speakers,
            Err(error) => {
                result = Err(error);
                break;
            }
        };
        for speaker in &speakers {
            writeln!(output, "{}", speaker.json())?;
        }
        output.flush()?;
        if plan.remove {
            clear(plan, &links, speakers);
        } else {
            alive.extend(speakers);
        }
    }
    writeln!(output, r#"{{"done": {}}}"#, result.is_ok())?;
    output.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    clear(plan, &links, alive);
    result
}

fn clear(plan: &Plan, links: &Links, speakers: Vec<Speaker>) {
    let names = speakers.iter().map(|speaker| match plan.kind.as_str() {
        "tap" => speaker.name.clone(),
        _ => format!("z{}", speaker.name),
    });
    if plan.remove {
        names.for_each(|name| drop(links.delete(&name)));
        return;
    }
    let group = std::process::id();
    names.for_each(|name| drop(links.set_group(&name, group)));
    drop(links.delete_group(group));
    drop_together(speakers);
}

/// Close the sockets side by side: each waits for a grace period of its own, 10 ms and more.
fn drop_together(mut speakers: Vec<Speaker>) {
    let share = speakers.len().div_ceil(CLOSERS).max(1);
    std::thread::scope(|scope| {
        while !speakers.is_empty() {
            let some = speakers.split_off(speakers.len().saturating_sub(share));
            scope.spawn(move || drop(some));
        }
    });
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan {
        kind: "veth".to_owned(),
        prefix: "fp".to_owned(),
        count: 1,
        burst: 1,
        frames: 200,
        interval_ns: 100_000,
        from_peer: true,
        created_up: false,
        remove: false,
    };
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("{name} needs a number"))
        };
        match name {
            "--kind" => plan.kind = value.to_owned(),
            "--prefix" => plan.prefix = value.to_owned(),
            "--count" => plan.count = number()?,
            "--burst" => plan.burst = number()?.max(1),
            "--frames" => plan.frames = number()?,
            "--interval-us" => plan.interval_ns = i64::from(number()?) * 1000,
            "--side" => plan.from_peer = value == "rx",
            "--created-up" => plan.created_up = true,
            "--remove" => plan.remove = true,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(plan)
}

fn main() -> std::process::ExitCode {
    let result =
        parse(std::env::args().skip(1)).and_then(|plan| run(&plan).map_err(|e| e.to_string()));
    if let Err(message) = result {
        drop(writeln!(io::stderr(), "frame_storm: {message}"));
        return std::process::ExitCode::FAILURE;
    }
    std::process::ExitCode::SUCCESS
}
