"""The servers that are measured: a Mermoz of our own, and the tuned reference from packages."""
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import time

import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/bench"
OLD = WORK / "old"
DOMAIN = "amerique.iut"
ELSEWHERE, SINK = "afrique.iut", 14926  # where relayed mail goes
USERS = 1000
ALIASES = 100_000
BIG = "user900"  # who has the large mailbox
# "password" with small costs: logging in is not what is measured.
HASH = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"


def alias_format():
    """Where smtp-source -N puts the number: in front with Postfix 3.7 (Debian 12), behind with 3.10 (13)."""
    if not shutil.which("postconf"):
        return "{}box"
    version = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True, check=True).stdout
    return "box{}" if tuple(int(n) for n in version.split(".")[:2]) >= (3, 10) else "{}box"


def can_reach(user, path):
    return subprocess.run(["runuser", "-u", user, "--", "test", "-x", str(path)], capture_output=True).returncode == 0


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            return bool(s.recv(1))
    except OSError:
        return False


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} took more than {seconds} s")
        time.sleep(0.05)


def set_aside(home):
    """What an earlier run left is deleted when all is measured, not before: ext4 without a journal looks at every inode that was
    deleted in the last minutes before it gives out one, which made a message twice as dear for the store."""
    if home.exists():
        OLD.mkdir(exist_ok=True)
        home.rename(OLD / str(time.time_ns()))


def remove_old():
    shutil.rmtree(OLD, ignore_errors=True)


class Mermoz:
    name = "mermoz"
    smtp, imap, imaps = 14025, 14143, 14993

    def __init__(self):
        self.home = WORK / "mermoz"
        self.mail = self.home / "mail"
        self.group = measure.Group("mermoz-bench")
        self.process = None

    def prepare(self):
        set_aside(self.home)
        for name in ("run", "state", "mail"):
            (self.home / name).mkdir(parents=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-keyout", self.home / "key.pem", "-out", self.home / "cert.pem"],
                       check=True, capture_output=True)
        self.user = None
        if os.geteuid() == 0:
            self.user = "nobody" if can_reach("nobody", self.home) else "root"
        users = "".join(f"user {role} {self.user};\n" for role in ("front", "directory", "store")) if self.user else ""
        (self.home / "mermoz.conf").write_text(f"""
hostname mail.{DOMAIN};
domain {DOMAIN};
listen smtp  127.0.0.1:{self.smtp};
listen imap  127.0.0.1:{self.imap};
listen imaps 127.0.0.1:{self.imaps};
certificate {self.home}/cert.pem {self.home}/key.pem;
plaintext_login loopback;
trusted_networks 127.0.0.0/8;
route {ELSEWHERE} to 127.0.0.1:{SINK};
run_directory {self.home}/run;
state_directory {self.home}/state;
{users}
directory embedded {{ file {self.home}/accounts/accounts.db; }}
mailboxes maildir {self.mail}/%d/%u;
limits {{ connections_per_address 1000000; connections 100000; }}
""")
        # The roles make their own places as their own user.
        (self.home / "accounts").mkdir()
        if self.user:
            for name in ("mail", "accounts"):
                shutil.chown(self.home / name, self.user)

    def start(self):
        self.log = open(self.home / "log", "ab")
        self.process = subprocess.Popen([ROOT / "build/release/src/mermoz", "serve", "-c", self.home / "mermoz.conf"],
                                        stdin=subprocess.DEVNULL, stderr=self.log, preexec_fn=self.group.enter)
        self.group.root = self.process.pid
        wait_for(self.is_up, 60, "the server's start")

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"mermoz ended: see {self.home}/log")
        return greets(self.smtp) and greets(self.imap)

    def make_accounts(self):
        """Once the server has made its tables: users, and the aliases that smtp-source -N writes to."""
        path, alias = self.home / "accounts/accounts.db", alias_format()
        self.stop()
        with sqlite3.connect(path) as db:
            db.executemany("INSERT INTO user (address, password) VALUES (?, ?)", ((address(i), HASH) for i in range(USERS)))
            db.executemany("INSERT INTO target (alias, address) VALUES (?, ?)",
                           ((f"{alias.format(n)}@{DOMAIN}", address(n % USERS)) for n in range(ALIASES)))
        db.close()
        if self.user:
            for file in path.parent.iterdir():
                shutil.chown(file, self.user)
        self.start()

    def maildir(self, user):
        return self.mail / DOMAIN / user

    def maildirs(self):
        return (self.maildir(f"user{i:03d}") for i in range(USERS))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.process = None


class Reference:
    """Tuned Postfix, Dovecot and slapd (bench/reference); needs root and Debian's packages."""
    name = "reference"
    smtp, imap, imaps = 15025, 15143, None

    def __init__(self):
        self.home = WORK / "reference"
        self.mail = self.home / "vmail"
        self.group = measure.Group("mermoz-bench-reference")
        self.user = "vmail"

    def start(self):
        subprocess.run([ROOT / "bench/reference", "up", self.home, str(self.smtp), str(self.imap), f"{ELSEWHERE}=smtp:[127.0.0.1]:{SINK}"], check=True, preexec_fn=self.group.enter,
                       stdin=subprocess.DEVNULL)
        wait_for(lambda: greets(self.smtp) and greets(self.imap), 60, "the reference's start")

    def maildir(self, user):
        return self.mail / DOMAIN / user / "mailbox"

    def maildirs(self):
        return (self.maildir(f"user{i:03d}") for i in range(USERS))

    def stop(self):
        subprocess.run([ROOT / "bench/reference", "down", self.home], check=False, stdin=subprocess.DEVNULL)


def address(i):
    return f"user{i:03d}@{DOMAIN}"
