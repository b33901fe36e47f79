"""What is done to a server, and what comes out: each function returns a dictionary of numbers."""
import json
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import time

import measure
import servers

MESSAGE_OCTETS = 4096
LOG_INS = 20000
SMTP_SOURCE = shutil.which("smtp-source") or "/usr/sbin/smtp-source"


def count_files(server):
    count = 0
    for maildir in server.maildirs():
        for part in ("new", "cur"):
            try:
                with os.scandir(maildir / part) as files:
                    count += sum(1 for _ in files)
            except FileNotFoundError:
                pass
    return count


def send(server, sessions, messages, is_reusing):
    """smtp-source: `messages` to as many aliases of the users in turn; a connection for each unless is_reusing."""
    command = [SMTP_SOURCE, "-4", "-N", "-f", "sender@afrique.iut", "-t", f"box@{servers.DOMAIN}", "-s", str(sessions),
               "-m", str(messages), "-l", str(MESSAGE_OCTETS)]
    subprocess.run(command + (["-d"] if is_reusing else []) + [f"127.0.0.1:{server.smtp}"], check=True, capture_output=True, text=True)


def wait_until_stored(server, count):
    end = time.monotonic() + 600
    while (have := count_files(server)) < count and time.monotonic() < end:
        time.sleep(0.1)
    return have


def stored(server, sessions, messages, is_reusing):
    """Everybody has got mail before: both servers have made the mailboxes by then."""
    if count_files(server) < servers.USERS:
        send(server, 10, servers.USERS, False)
        wait_until_stored(server, servers.USERS)
    other = measure.wait_for_quiet(10)
    before, cpu, began = count_files(server), server.group.cpu_s(), time.monotonic()
    send(server, sessions, messages, is_reusing)
    accepted = time.monotonic()
    # Counting takes time of its own: what is there already was there when the last 250 came.
    have = count_files(server)
    ended = accepted if have >= before + messages else None
    if ended is None:
        have = wait_until_stored(server, before + messages)
        ended = time.monotonic()
    return {
        "stored_per_s": round(messages / (ended - began), 1),
        "accepted_per_s": round(messages / (accepted - began), 1),
        "cpu_ms_per_message": round((server.group.cpu_s() - cpu) / messages * 1e3, 3),
        "messages": messages, "missing": before + messages - have, "other_cores": other,
    }


class Sink:
    """smtp-sink, the server that relayed mail goes to; it counts."""

    def __init__(self):
        self.log = open(servers.WORK / "sink.log", "w+")
        self.process = subprocess.Popen(["smtp-sink", *(["-u", "nobody"] if os.geteuid() == 0 else []), "-c", f"127.0.0.1:{servers.SINK}", "1000"],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        servers.wait_for(lambda: servers.greets(servers.SINK), 20, "the sink's start")

    def count(self):
        self.log.seek(0)
        counts = re.findall(r"mesg=(\d+)", self.log.read())
        return int(counts[-1]) if counts else 0

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def send_elsewhere(server, sessions, messages):
    subprocess.run([SMTP_SOURCE, "-4", "-d", "-f", f"user000@{servers.DOMAIN}", "-t", f"box@{servers.ELSEWHERE}", "-s", str(sessions),
                    "-m", str(messages), "-l", str(MESSAGE_OCTETS), f"127.0.0.1:{server.smtp}"], check=True, capture_output=True)


def wait_until_relayed(sink, messages):
    end = time.monotonic() + 600
    while (have := sink.count()) < messages and time.monotonic() < end:
        time.sleep(0.02)
    return have


def relayed(server, sessions, messages):
    """From a trusted network, through the queue, to another server: until the last one is there."""
    sink = Sink()
    try:
        other = measure.wait_for_quiet(10)
        cpu, began = server.group.cpu_s(), time.monotonic()
        send_elsewhere(server, sessions, messages)
        accepted = time.monotonic()
        have = wait_until_relayed(sink, messages)
        ended = time.monotonic()
    finally:
        sink.stop()
    return {
        "relayed_per_s": round(messages / (ended - began), 1), "accepted_per_s": round(messages / (accepted - began), 1),
        "cpu_ms_per_message": round((server.group.cpu_s() - cpu) / messages * 1e3, 3), "messages": messages, "missing": messages - have,
        "other_cores": other,
    }


def queue_million(mails):
    """The start of the queue on a spool that somebody filled."""
    spool = servers.WORK / "queue-million"
    shutil.rmtree(spool, ignore_errors=True)
    measure.wait_for_quiet(10)
    try:
        out = subprocess.run([servers.ROOT / "build/release/bench/queue_million", spool, str(mails)], check=True, capture_output=True, text=True)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    return {**json.loads(out.stdout), "mails": mails}


def syscalls(server, sessions, messages, is_reusing):
    before = count_files(server)

    def workload():
        send(server, sessions, messages, is_reusing)
        wait_until_stored(server, before + messages)
    return calls_per_message(measure.trace(server.group, workload), messages)


def relayed_syscalls(server, sessions, messages):
    sink = Sink()

    def workload():
        send_elsewhere(server, sessions, messages)
        wait_until_relayed(sink, messages)
    try:
        return calls_per_message(measure.trace(server.group, workload), messages)
    finally:
        sink.stop()


def calls_per_message(calls, messages):
    if not calls:
        return {}
    top = sorted(calls.items(), key=lambda item: -item[1])[:15]
    return {
        "calls_per_message": round(sum(calls.values()) / messages, 1),
        "syncs_per_message": round(sum(n for name, n in calls.items() if name in measure.SYNCS) / messages, 3),
        "starts_per_message": round(sum(n for name, n in calls.items() if name in measure.STARTS) / messages, 3),
        "messages": messages, "top": {name: round(n / messages, 2) for name, n in top},
    }


def client(*args):
    return [str(servers.WORK / "client"), *(str(a) for a in args)]


def idle(server, sessions, is_tls):
    """Memory of sessions in IDLE on their INBOX, above what the server takes with every account logged in once."""
    port = server.imaps if is_tls else server.imap
    first = subprocess.Popen(client("idle", "127.0.0.1", port, servers.USERS, servers.USERS, *(["tls"] if is_tls else [])),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    first.stdout.readline()
    first.communicate("")
    time.sleep(2)
    before = server.group.pss_kib()
    held = subprocess.Popen(client("idle", "127.0.0.1", port, sessions, servers.USERS, *(["tls"] if is_tls else [])),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = held.stdout.readline()
    if not line:
        raise RuntimeError(held.communicate()[1].strip())
    time.sleep(3)
    cpu, began = server.group.cpu_s(), time.monotonic()
    time.sleep(5)
    idle_cores = (server.group.cpu_s() - cpu) / (time.monotonic() - began)
    after = server.group.pss_kib()
    held.communicate("")
    return {"kib_per_session": round((after - before) / sessions, 2), "pss_kib_before": before, "pss_kib": after,
            "log_ins_per_s": round(sessions / json.loads(line)["seconds"]), "idle_cores": round(idle_cores, 4)}


def logins(server, count):
    """A connection, LOGIN and its end, 8 at a time; passwords are {SSHA} in LDAP.  Everybody has logged in once before: both servers have made the
    mailboxes of who is new by then, and the reference has filled its cache."""
    subprocess.run(client("logins", "127.0.0.1", server.imap, servers.USERS, servers.USERS), check=True, capture_output=True)
    other = measure.wait_for_quiet(10)
    cpu = server.group.cpu_s()
    out = json.loads(subprocess.run(client("logins", "127.0.0.1", server.imap, count, servers.USERS), check=True, capture_output=True, text=True).stdout)
    return {"log_ins_per_s": round(count / out["seconds"]), "cpu_ms_per_log_in": round((server.group.cpu_s() - cpu) / count * 1e3, 3),
            "count": count, "other_cores": other}


def fill_maildir(server, count):
    """As another program would have left it; 100 files with many names each."""
    maildir = server.maildir(servers.BIG)
    shutil.rmtree(maildir, ignore_errors=True)
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)
    body = b"From: a@afrique.iut\nTo: b@amerique.iut\nSubject: big\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\n" + b"x" * 300 + b"\n"
    for i in range(count):
        name = maildir / "cur" / f"{1767225600 + i // 100}.M{i:06d}P1.bench,S={len(body)}:2,{'S' if i % 3 else ''}"
        if i < 100:
            name.write_bytes(body)
            sources = sources + [name] if i else [name]
        else:
            os.link(sources[i % 100], name)
    if server.user:
        subprocess.run(["chown", "-R", server.user, str(maildir if server.name == "mermoz" else maildir.parent)], check=True)


def big(server, count, repeat):
    fill_maildir(server, count)
    user = f"{servers.BIG}@{servers.DOMAIN}"
    first = json.loads(subprocess.run(client("time", "127.0.0.1", server.imap, user, 1, "SELECT INBOX"), check=True, capture_output=True,
                                      text=True, timeout=600).stdout)
    time.sleep(2)
    out = json.loads(subprocess.run(client("time", "127.0.0.1", server.imap, user, repeat, "SELECT INBOX", "FETCH 1:* (FLAGS)"), check=True,
                                    capture_output=True, text=True, timeout=600).stdout)
    return {"take_over_ms": round(first["SELECT INBOX"][0], 1), "select_ms": round(statistics.median(out["SELECT INBOX"]), 3),
            "fetch_flags_ms": round(statistics.median(out["FETCH 1:* (FLAGS)"]), 2), "messages": count, "repeat": repeat}


class Lines:
    """A connection that speaks in lines."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, text):
        self.socket.sendall(text.encode())

    def lines(self):
        """The lines that one read completes."""
        got = self.socket.recv(65536)
        if not got:
            raise RuntimeError("the server closed the connection")
        *whole, self.rest = (self.rest + got).split(b"\n")
        return whole

    def wait(self, pattern):
        while True:
            for line in self.lines():
                if re.match(pattern, line):
                    return

    def ask(self, text, pattern):
        self.send(text)
        self.wait(pattern)


def push(server, count):
    """Milliseconds from the 250 to EXISTS in the IDLE of another session; below 0 when EXISTS was first."""
    user = f"user901@{servers.DOMAIN}"
    imap, smtp = Lines(server.imap), Lines(server.smtp)
    imap.wait(rb"\* OK")
    imap.ask(f"a LOGIN {user} password\r\n", rb"a OK")
    imap.ask("b SELECT INBOX\r\n", rb"b OK")
    smtp.wait(rb"220 ")
    smtp.ask("EHLO bench\r\n", rb"250 ")
    selector = selectors.DefaultSelector()
    selector.register(imap.socket, selectors.EVENT_READ, (imap, rb"\* \d+ EXISTS"))
    selector.register(smtp.socket, selectors.EVENT_READ, (smtp, rb"250 "))
    took = []
    for _ in range(count):
        imap.ask("c IDLE\r\n", rb"\+")
        smtp.ask("MAIL FROM:<sender@afrique.iut>\r\n", rb"250 ")
        smtp.ask(f"RCPT TO:<{user}>\r\n", rb"250 ")
        smtp.ask("DATA\r\n", rb"354 ")
        smtp.send("Subject: push\r\n\r\nhello\r\n.\r\n")
        seen = {}
        while len(seen) < 2:
            for key, _ in selector.select(30):
                lines, pattern = key.data
                now = time.monotonic()
                if any(re.match(pattern, line) for line in lines.lines()):
                    seen.setdefault(lines, now)
        took.append((seen[imap] - seen[smtp]) * 1e3)
        imap.ask("DONE\r\n", rb"c OK")
    took.sort()
    return {"median_ms": round(statistics.median(took), 3), "p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 3), "count": count}
