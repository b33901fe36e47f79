"""A Mermoz of its own for each test module: real processes, real sockets, a directory of its own.

MERMOZ names the executable (default build/check/src/mermoz, else build/mermoz).
"""
import contextlib
import itertools
import os
import pathlib
import re
import signal
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import pytest

from authority import Authority

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY_S = 70  # what changed in LDAP is in the copy on disk after a minute at most
PASSWORDS = {"alice": "wonderland 1", "bob": "builder\\2\"", "carol": "pässwörd"}
DOMAIN = "amerique.iut"


# Looking for leaks asks for ptrace, which the jail has not.
JAIL_ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


def executable():
    named = os.environ.get("MERMOZ")
    candidates = [named] if named else [ROOT / "build/check/src/mermoz", ROOT / "build/mermoz"]
    for path in candidates:
        if path and pathlib.Path(path).exists():
            return str(path)
    raise RuntimeError("no mermoz executable: build first, or set MERMOZ")


FIRST_PORT = 10000 + os.getpid() % 110 * 200
PORTS = itertools.cycle([*range(FIRST_PORT, 32000), *range(10000, FIRST_PORT)])


def free_port():
    """One that was not given to anybody yet.  Below those that the system gives to clients, and each process of tests begins at another
    place, so that nobody takes it before it is listened on."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


def wait_until(condition, seconds=20, what="the condition"):
    """Asks again and again; the one way in which tests wait."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.01)


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Server:
    services = ("smtp", "submission", "submissions", "imap", "imaps")

    def __init__(self, directory, extra="", limits=""):
        self.directory = pathlib.Path(directory)
        self.ports = {name: free_port() for name in self.services}
        self.process = None
        self.log_path = self.directory / "log"
        self.conf = self.directory / "mermoz.conf"
        self.mail = self.directory / "mail"
        self.extra, self.limits = extra, limits
        (self.directory / "run").mkdir()
        (self.directory / "state").mkdir()
        self.make_certificate()
        self.write_conf()

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.directory / "key.pem",
                        "-out", self.directory / "cert.pem"], check=True, capture_output=True)

    def write_conf(self):
        listens = "\n".join(f"listen {name} 127.0.0.1:{port};" for name, port in self.ports.items())
        self.conf.write_text(f"""
hostname mail.{DOMAIN};
domain {DOMAIN};
{listens}
certificate {self.directory}/cert.pem {self.directory}/key.pem;
plaintext_login loopback;
run_directory {self.directory}/run;
state_directory {self.directory}/state;
{self.users()}
mailboxes maildir {self.mail}/%d/%u/mailbox;
log {{ level debug; }}
limits {{ {self.limits} }}
{self.extra}
""")

    @staticmethod
    def users():
        # As root every role runs as nobody, so that the users of a packaged Mermoz need not exist here.
        return "".join(f"user {role} nobody;\n" for role in ("front", "directory", "store")) if os.geteuid() == 0 else ""

    def mermoz(self, *args, stdin=None, check=True):
        p = subprocess.run([executable(), *args], input=stdin, text=True, capture_output=True, timeout=60)
        assert not check or p.returncode == 0, (args, p.stdout, p.stderr)
        return p

    def cli(self, *args, stdin=None, check=True):
        return self.mermoz(*args, "-c", str(self.conf), stdin=stdin, check=check)

    def add_users(self):
        for name, password in PASSWORDS.items():
            self.cli("user", "add", f"{name}@{DOMAIN}", stdin=password + "\n")

    def start(self):
        self.log = open(self.log_path, "ab")
        self.mark = self.log_path.stat().st_size
        self.process = subprocess.Popen([executable(), "serve", "-c", str(self.conf)], stderr=self.log, stdin=subprocess.DEVNULL,
                                        env=JAIL_ENVIRONMENT)
        try:
            wait_until(self.is_up, 30, "the server's start")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from None
        return self

    def is_up(self):
        assert self.process.poll() is None, self.tail()
        return b" server.started " in self.log_path.read_bytes()[self.mark:]

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def tail(self):
        return self.log_text()[-3000:]

    def events(self, name):
        """The fields of every event of that name, as dictionaries."""
        out = []
        for line in self.log_text().splitlines():
            head = line.split(" ", 3)
            if len(head) > 2 and head[2] == name:
                out.append({k: v.strip('"') for k, v in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)})
        return out

    def role_pids(self, role):
        """Living processes of a role, newest start first."""
        found = []
        for line in self.log_text().splitlines():
            m = re.search(rf" role\.started .*started={role} .*process=(\d+)", line)
            if m:
                found.append(int(m.group(1)))
        return [pid for pid in reversed(found) if lives(pid)]

    def kill_role(self, role):
        pids = self.role_pids(role)
        assert pids, f"no {role} is running\n{self.tail()}"
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: any(p not in pids for p in self.role_pids(role)), 30, f"{role}'s restart")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode if self.process else 0
        self.process = None
        return code

    def end(self):
        """Stops; what there is to say of a server that did not end in order, or ""."""
        code = self.stop()
        died = [line for line in self.log_text().splitlines() if " role.died " in line and "again_in_ms" not in line]
        found = "Sanitizer" in self.log_text()
        if code == 0 and not died and not found:
            return ""
        return "\n".join([f"exit code {code}", *died, self.tail()])

    def kill_all(self):
        """A power cut as far as processes go: every one of them, at once."""
        self.process.kill()
        self.process.wait()
        self.process = None
        pids = set(re.findall(r" role\.started .*process=(\d+)", self.log_text()))
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: not any(lives(pid) for pid in pids), 20, "the roles' end")

    # clients
    def tls(self):
        return ssl.create_default_context(cafile=str(self.directory / "cert.pem"))

    def smtp(self):
        import smtplib
        return smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=30)

    def submission(self, name="alice"):
        import smtplib
        s = smtplib.SMTP("localhost", self.ports["submission"], timeout=30)
        s.starttls(context=self.tls())
        if name:
            s.login(f"{name}@{DOMAIN}", PASSWORDS[name])
        return s

    def imap(self, name="bob"):
        import imaplib
        i = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=30)
        if name:
            login(i, name)
        return i

    def send(self, subject="test", to="bob", body="body\r\n", sender="someone@afrique.iut"):
        with self.smtp() as s:
            return s.sendmail(sender, [f"{to}@{DOMAIN}"], f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{body}".encode())

    def maildir(self, name="bob"):
        return self.mail / DOMAIN / name / "mailbox"

    def files(self, name="bob"):
        return [p for sub in ("new", "cur") for p in (self.maildir(name) / sub).glob("*")]


def login(imap, name):
    """AUTHENTICATE PLAIN, which takes any octets; imaplib's LOGIN is for ASCII."""
    blob = f"\0{name}@{DOMAIN}\0{PASSWORDS[name]}".encode()
    assert imap.authenticate("PLAIN", lambda _: blob)[0] == "OK"


@contextlib.contextmanager
def running_server(extra=""):
    # As root the roles run as another user, who has to come through: pytest's own folders are closed.
    directory = tempfile.mkdtemp(prefix="mermoz-test-")
    os.chmod(directory, 0o755)
    s = Server(directory, extra)
    try:
        s.add_users()
        yield s.start()
    finally:
        died = s.end()
        shutil.rmtree(directory, ignore_errors=True)
    assert not died, died


@pytest.fixture(scope="module")
def server():
    with running_server() as s:
        yield s


@pytest.fixture
def own_server():
    """For tests that stop, break or refill it."""
    with running_server() as s:
        yield s


@pytest.fixture(scope="session")
def authority():
    """Others than root read its file."""
    directory = tempfile.mkdtemp(prefix="mermoz-authority-")
    os.chmod(directory, 0o755)
    yield Authority(f"{directory}/ca")
    shutil.rmtree(directory)
