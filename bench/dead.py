"""Mail to many destinations half of which are dead: how long the living half takes beside them, and without them.

It happens in a network namespace of its own (as root): the living are at eight addresses with smtp-sink, so that none is called by more at a time than its
backlog holds; the dead at one where nobody listens, at one
whose packets nobody answers, or their names are asked for in vain.
"""
import contextlib
import ctypes
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import measure
import servers

LIVING, REFUSING, HOLE = [f"10.1.0.{n}" for n in range(1, 9)], "10.1.0.100", "10.2.0.1"
WITHIN_S = 60
SHAPES = ("refused", "hole", "no-dns")
NAMESPACE = "mermoz-bench-dead"
CLONE_NEWNET = 0x40000000
CONFIGURATION = """
hostname mail.amerique.iut;
domain amerique.iut;
listen smtp 127.0.0.1:25;
certificate {home}/cert.pem {home}/key.pem;
resolver 127.0.0.1;
run_directory {home}/run;
state_directory {home}/state;
directory embedded {{ file {home}/accounts/accounts.db; }}
mailboxes maildir {home}/mail/%d/%u;
user front {user};
user directory {user};
user store {user};
"""


def is_possible():
    return os.geteuid() == 0 and all(shutil.which(p) for p in ("ip", "smtp-sink"))


def ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True)


@contextlib.contextmanager
def namespace():
    ip("netns", "delete", NAMESPACE, check=False)
    ip("netns", "add", NAMESPACE)
    try:
        for words in (["link", "set", "lo", "up"], ["link", "add", "hole", "type", "veth", "peer", "name", "nobody"], ["link", "set", "nobody", "up"], ["link", "set", "hole", "up"],
                      ["address", "add", "10.2.0.2/24", "dev", "hole"], ["neighbour", "add", HOLE, "lladdr", "02:00:00:00:00:01", "dev", "hole"],
                      *(["address", "add", f"{a}/32", "dev", "lo"] for a in (*LIVING, REFUSING))):
            ip("-n", NAMESPACE, *words)
        yield
    finally:
        ip("netns", "delete", NAMESPACE, check=False)


def enter():
    """For preexec_fn."""
    with open(f"/run/netns/{NAMESPACE}") as there:
        if ctypes.CDLL(None).setns(there.fileno(), CLONE_NEWNET):
            raise OSError("setns")


def answer(query, shape):
    """What the DNS server says: dN.example has no MX record but an address, is alive when N is even; NODATA for all else; None: nothing."""
    end = query.index(0, 12) + 5
    number = re.match(rb"d(\d+)$", query[13:13 + query[12]])
    is_dead = bool(number) and int(number.group(1)) % 2 == 1
    if is_dead and shape == "no-dns":
        return None
    address = {"refused": REFUSING, "hole": HOLE}[shape] if is_dead else LIVING[int(number.group(1)) // 2 % len(LIVING)] if number else ""
    has_address = number and struct.unpack_from(">H", query, end - 4)[0] == 1
    soa = b"\xc0\x0c" + struct.pack(">HHIH", 6, 1, 300, 22) + b"\0\0" + struct.pack(">5I", 1, 3600, 900, 604800, 300)
    body = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + socket.inet_aton(address) if has_address else soa
    return query[:2] + struct.pack(">5H", 0x8180, 1, int(bool(has_address)), int(not has_address), 0) + query[12:end] + body


def serve_names(shape):
    """The main loop of the DNS server, a process of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind(("127.0.0.1", 53))
        print("ready", flush=True)
        while True:
            query, source = s.recvfrom(512)
            said = answer(query, shape)
            if said:
                s.sendto(said, source)


def make_home(mails, has_dead):
    home = servers.WORK / "dead"
    servers.set_aside(home)
    for name in ("run", "state", "mail", "accounts"):
        (home / name).mkdir(parents=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-keyout", home / "key.pem", "-out", home / "cert.pem"], check=True, capture_output=True)
    user = "nobody" if servers.can_reach("nobody", home) else "root"
    (home / "mermoz.conf").write_text(CONFIGURATION.format(home=home, user=user))
    for name in ("mail", "accounts"):
        shutil.chown(home / name, user)
    subprocess.run([servers.ROOT / "build/release/bench/queue_million", "fill", home / "state/queue", str(mails), *([] if has_dead else ["living"])],
                   check=True, capture_output=True)
    subprocess.run(["chown", "-R", user, home / "state/queue"], check=True)
    return home


class Program:
    def __init__(self, command, **more):
        self.process = subprocess.Popen(command, preexec_fn=enter, stdin=subprocess.DEVNULL, **more)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def count(logs):
    return sum(int(counts[-1]) for counts in (re.findall(r"mesg=(\d+)", log.read_text()) for log in logs) if counts)


def deliver(mails, shape, has_dead):
    """Seconds from the queue's start until the living have everything, and what is missing."""
    home, wanted = make_home(mails, has_dead), mails // 2
    logs = [home / f"sink-{address}" for address in LIVING]
    with contextlib.ExitStack() as programs:
        for address, log in zip(LIVING, logs):
            programs.enter_context(Program(["smtp-sink", "-u", "nobody", "-m", "20000", "-c", f"{address}:25", "4096"],
                                           stdout=programs.enter_context(open(log, "wb")), stderr=subprocess.STDOUT))
        names = programs.enter_context(Program([sys.executable, __file__, shape], stdout=subprocess.PIPE))
        names.stdout.readline()
        log = programs.enter_context(open(home / "log", "wb"))
        measure.wait_for_quiet(10)
        began = time.monotonic()
        mermoz = programs.enter_context(Program([servers.ROOT / "build/release/src/mermoz", "serve", "-c", home / "mermoz.conf"], stderr=log))
        while count(logs) < wanted and mermoz.poll() is None and time.monotonic() < began + WITHIN_S:
            time.sleep(0.05)
        took = time.monotonic() - began
    return round(took, 2), wanted - count(logs)


def measure_all(mails):
    results = {}
    with namespace():
        alone, missing = deliver(mails, SHAPES[0], False)
        results["alone_s"], results["missing"] = alone, missing
        for shape in SHAPES:
            beside, missing = deliver(mails, shape, True)
            name = shape.replace("-", "_")
            results[f"{name}_s"], results[f"{name}_ratio"] = beside, round(beside / alone, 2)
            results["missing"] += missing
    return results


if __name__ == "__main__":
    serve_names(sys.argv[1])
