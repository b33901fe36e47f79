"""Several sessions do random things to one mailbox, and each believes what it is told.

Each session keeps the list that RFC 3501 lets it keep: an entry a message, from EXISTS, EXPUNGE and FETCH alone.  A rule that is broken shows
where it is broken: an EXPUNGE where none may come (7.4.1), a number beyond the list, a uid that is another's, a message with other octets than
were appended.  When all is quiet every list is what a new session finds.  Another program moves files meanwhile.

Where one command runs at a time it is known what there has to be, and still is after kill -9 of the store.
"""
import base64
import collections
import os
import random
import re
import socket

import pytest

from conftest import DOMAIN, PASSWORDS, wait_until

BOX = "INBOX"
SEEDS = [int(s) for s in os.environ.get("MERMOZ_SEEDS", "1 2 3").split()]
STEPS = int(os.environ.get("MERMOZ_STEPS", "150"))
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted", "red", "blue"]


class Session:
    def __init__(self, server, says):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imap"]), 30)
        self.file = self.socket.makefile("rb")
        self.says, self.count, self.list = says, 0, None
        self.file.readline()
        blob = base64.b64encode(f"\0bob@{DOMAIN}\0{PASSWORDS['bob']}".encode()).decode()
        self.do(f"AUTHENTICATE PLAIN {blob}")

    def close(self):
        self.file.close()
        self.socket.close()

    def put(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def response(self):
        """A line with its literals, which stand apart."""
        line, literals = b"", []
        while True:
            part = self.file.readline()
            assert part.endswith(b"\r\n"), (self.says, line, part)
            line += part[:-2]
            m = re.search(rb"\{(\d+)\}$", line)
            if not m:
                return line.decode(), literals
            literals.append(self.file.read(int(m.group(1))))

    def start(self, command):
        self.count += 1
        self.put(f"t{self.count} ".encode() + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return f"t{self.count}"

    def finish(self, tag, command=""):
        """Takes in what comes until the tagged response, which it returns with the untagged ones."""
        told = []
        while True:
            line, literals = self.response()
            self.says.append((id(self) % 1000, command[:60], line[:200]))
            if line.startswith(tag + " "):
                return line[len(tag) + 1:], told
            told.append((line, literals))
            self.believe(line, command)

    def do(self, command, wanted="OK"):
        said, told = self.finish(self.start(command), command if isinstance(command, str) else command[:60].decode())
        assert said.startswith(wanted), (command, said, self.says)
        return said, told

    def believe(self, line, command):
        m = re.match(r"\* (\d+) (EXISTS|EXPUNGE|FETCH)\b(.*)", line)
        if not m or self.list is None:
            return
        number, what = int(m.group(1)), m.group(2)
        if what == "EXISTS":
            assert number >= len(self.list), ("EXISTS shrinks", line, self.says)
            self.list += [{} for _ in range(number - len(self.list))]
            return
        assert 1 <= number <= len(self.list), ("no such number", line, len(self.list), self.says)
        if what == "EXPUNGE":
            # RFC 3501 7.4.1: numbers stay while a command that is sent with numbers runs.
            assert command.split()[0] not in ("FETCH", "STORE", "SEARCH"), (command, line, self.says)
            del self.list[number - 1]
            return
        entry = self.list[number - 1]
        uid = re.search(r"\bUID (\d+)", m.group(3))
        if uid:
            assert entry.setdefault("uid", int(uid.group(1))) == int(uid.group(1)), ("another uid", line, self.says)
        flags = re.search(r"\bFLAGS \(([^)]*)\)", m.group(3))
        if flags:
            entry["flags"] = frozenset(flags.group(1).split()) - {"\\Recent"}

    def select(self):
        self.list = None
        self.put(f"s SELECT {BOX}\r\n")
        self.list = []
        said, _ = self.finish("s", "SELECT")
        assert said.startswith("OK"), said
        self.fetch_all()

    def fetch_all(self):
        if self.list:
            said, _ = self.finish(self.start("FETCH 1:* (UID FLAGS)"), "FETCH")
            # RFC 2180 4.1.2: some may be gone that this session was not told of.
            assert said.startswith(("OK", "NO [EXPUNGEISSUED]")), said

    def chosen(self, numbers):
        found = []
        for part in numbers.replace("*", str(len(self.list))).split(","):
            ends = sorted(int(n) for n in part.split(":"))
            found += self.list[ends[0] - 1:ends[-1]]
        return found

    def change_silently(self, entries, how, flags):
        """RFC 3501 6.4.6: what the server does not tell then."""
        for e in {id(e): e for e in entries if "flags" in e}.values():
            e["flags"] = changed(e["flags"], how, flags)

    def verify(self):
        """What it was not told is as it was, or as it made it itself."""
        self.do("CHECK")
        believed = [e.get("flags") for e in self.list]
        self.fetch_all()
        assert all(flags in (None, e["flags"]) for flags, e in zip(believed, self.list)), (believed, self.list, self.says)

    def state(self):
        """What the list is by now; a message that came meanwhile has uid 0."""
        self.do("NOOP")
        self.fetch_all()
        uids = [e["uid"] for e in self.list if "uid" in e]
        assert uids == sorted(set(uids)), uids
        return [(e.get("uid", 0), e.get("flags")) for e in self.list]


def changed(old, how, flags):
    given = frozenset(flags.split())
    return given if how == "" else old | given if how == "+" else old - given


class Chaos:
    def __init__(self, server, seed):
        self.random = random.Random(seed)
        self.server, self.bodies = server, {}
        self.says = collections.deque([("seed", seed)], maxlen=60)
        self.sessions = [Session(server, self.says) for _ in range(3)]
        for s in self.sessions:
            s.select()
        self.serial = 0

    def some(self, s):
        """A set of numbers that exist, or None."""
        if not s.list:
            return None
        a, b = sorted(self.random.randint(1, len(s.list)) for _ in range(2))
        return self.random.choice([str(a), f"{a}:{b}", f"{b}:{a}", f"{b}:*", f"{a},{b}"])

    def flags(self):
        return " ".join(self.random.sample(FLAGS, self.random.randint(0, 3)))

    def message(self):
        self.serial += 1
        lines = "".join(f"line {n} of {self.serial}\r\n" for n in range(self.random.choice([0, 1, 5, 40])))
        return f"From: a@b.example\r\nSubject: number {self.serial}\r\n\r\n{lines}".encode()

    def append(self, s):
        body = self.message()
        said, _ = s.do(f"APPEND {BOX} ({self.flags()}) {{{len(body)}+}}\r\n".encode() + body)
        uid = int(re.search(r"\[APPENDUID \d+ (\d+)\]", said).group(1))
        assert self.bodies.setdefault(uid, body) == body

    def store(self, s):
        numbers = self.some(s)
        if numbers:
            how, silent, flags = self.random.choice(["", "+", "-"]), self.random.choice(["", ".SILENT"]), self.flags()
            if silent:
                s.change_silently(s.chosen(numbers), how, flags)
            said, _ = s.finish(s.start(f"STORE {numbers} {how}FLAGS{silent} ({flags})"), "STORE")
            assert said.startswith(("OK", "NO")), said

    def body(self, s):
        numbers = self.some(s)
        if not numbers:
            return
        said, told = s.finish(s.start(f"FETCH {numbers} (UID BODY.PEEK[] RFC822.SIZE)"), "FETCH")
        assert said.startswith(("OK", "NO")), said
        for line, literals in told:
            m = re.search(r"UID (\d+)", line)
            if not m or not literals:
                continue
            known = self.bodies.get(int(m.group(1)))
            assert known is None or literals == [known], (line, literals, known)
            assert int(re.search(r"RFC822.SIZE (\d+)", line).group(1)) == len(literals[0])

    def copy(self, s):
        numbers = self.some(s)
        if not numbers:
            return
        command = self.random.choice(["COPY", "MOVE"] if len(s.list) < 100 else ["MOVE"])
        self.learn_copies(*s.finish(s.start(f"{command} {numbers} {BOX}"), command))

    def learn_copies(self, said, told):
        for text in [said] + [line for line, _ in told]:
            m = re.search(r"\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", text)
            if m:
                for a, b in zip(spread(m.group(1)), spread(m.group(2)), strict=True):
                    if a in self.bodies:
                        assert self.bodies.setdefault(b, self.bodies[a]) == self.bodies[a]

    def race(self, _):
        """All at once; who comes first is not known, nor whether a message is still there."""
        begun = []
        for s in self.sessions:
            numbers = self.some(s)
            command = self.random.choice([f"STORE {numbers} +FLAGS ({self.flags()})", f"UID STORE 1:* -FLAGS ({self.flags()})",
                                          f"FETCH {numbers} (UID FLAGS)", f"MOVE {numbers} {BOX}", "EXPUNGE", "NOOP", "UID SEARCH ALL",
                                          f"FETCH {numbers} (BODY.PEEK[HEADER] BODYSTRUCTURE)"]) if numbers else "NOOP"
            begun.append((s, s.start(command), command))
        for s, tag, command in begun:
            said, told = s.finish(tag, command)
            assert said.startswith(("OK", "NO")), (command, said, self.says)
            self.learn_copies(said, told)

    def expunge(self, s):
        s.do("EXPUNGE")

    def uid_expunge(self, s):
        s.do("UID EXPUNGE 1:*")

    def noop(self, s):
        s.do(self.random.choice(["NOOP", "CHECK"]))

    def idle(self, s):
        tag = s.start("IDLE")
        while not (line := s.response()[0]).startswith("+"):
            s.believe(line, "IDLE")
        s.put("DONE\r\n")
        s.finish(tag, "IDLE")

    def search(self, s):
        wanted = self.random.choice(["ALL", "SEEN", "UNSEEN", "NOT DELETED", "KEYWORD red", "OR FLAGGED ANSWERED", "SUBJECT number"])
        _, told = s.do(f"SEARCH {wanted}")
        for line, _ in told:
            if line.startswith("* SEARCH"):
                assert all(1 <= int(n) <= len(s.list) for n in line.split()[2:]), line

    def reselect(self, s):
        s.do(self.random.choice(["UNSELECT", "CLOSE", "NOOP"]))
        s.select()

    def pipeline(self, s):
        """Commands that don't wait for each other; none with numbers follows one that may tell of EXPUNGE (RFC 3501 5.5)."""
        tags = [(s.start(c), c) for c in self.random.choice([
            ("NOOP", "UID FETCH 1:* (FLAGS)", "UID SEARCH ALL"), ("UID STORE 1:* +FLAGS (blue)", "NOOP", "UID SEARCH KEYWORD blue")])]
        for tag, command in tags:
            said, _ = s.finish(tag, command)
            assert said.startswith(("OK", "NO")), said

    def outsider(self, _):
        """What mutt or another MDA does: a file that comes by new/, one that gets another flag, one that goes."""
        home = self.server.maildir()
        self.serial += 1
        if self.random.random() < 0.5:
            name = f"{self.serial}.outsider.host"
            (home / "tmp" / name).write_bytes(self.message().replace(b"\r\n", b"\n"))
            os.rename(home / "tmp" / name, home / "new" / name)
            return
        names = os.listdir(home / "cur")
        if not names:
            return
        name = self.random.choice(names)
        try:
            if self.random.random() < 0.5:
                os.unlink(home / "cur" / name)
            else:
                os.rename(home / "cur" / name, home / "cur" / (name.split(":")[0] + ":2," + self.random.choice(["", "S", "FS", "RT"])))
        except FileNotFoundError:
            pass

    def run(self, steps, with_outsiders):
        things = [self.append] * 4 + [self.store] * 6 + [self.body] * 3 + [self.copy] * 2 + [self.expunge, self.uid_expunge] + \
            [self.noop] * 3 + [self.idle, self.search, self.reselect, self.pipeline] + [self.race] * 5 + [self.outsider] * (3 if with_outsiders else 0)
        for _ in range(steps):
            self.random.choice(things)(self.random.choice(self.sessions))

    def settle(self):
        for s in self.sessions:
            s.verify()

        def all_agree():
            fresh = Session(self.server, self.says)
            fresh.select()
            states = [s.state() for s in self.sessions + [fresh]]
            fresh.close()
            return all(state == states[0] for state in states)
        wait_until(all_agree, 20, f"agreement of all sessions\n{self.says}")


def spread(uids):
    for part in uids.split(","):
        first, _, last = part.partition(":")
        yield from range(int(first), int(last or first) + 1)


@pytest.mark.parametrize("with_outsiders", [False, True])
def test_sessions_that_believe_what_they_are_told_are_never_deceived_rfc3501_7_4_1(own_server, with_outsiders):
    roles = {role: own_server.role_pids(role) for role in ("front", "store")}
    for seed in SEEDS:
        chaos = Chaos(own_server, seed)
        chaos.run(STEPS, with_outsiders)
        chaos.settle()
        for s in chaos.sessions:
            s.close()
    assert {role: own_server.role_pids(role) for role in roles} == roles


class Ledger(Chaos):
    """One command at a time: what was answered OK stands in `truth`, the flags of each uid."""

    def __init__(self, server, seed):
        self.truth = {}
        super().__init__(server, seed)

    def do_empty(self):
        s = self.sessions[0]
        if s.list:
            s.do("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
            s.do("EXPUNGE")

    def uids(self, s, numbers):
        """Those of a set that the session can know of, whether they are still there or not."""
        return {e["uid"] for e in s.chosen(numbers)}

    def chosen(self):
        s = self.random.choice(self.sessions)
        while any("uid" not in e for e in s.list):
            s.state()
        return s, self.some(s)

    def add(self):
        s, _ = self.chosen()
        flags, body = self.flags(), self.message()
        said, _ = s.do(f"APPEND {BOX} ({flags}) {{{len(body)}+}}\r\n".encode() + body)
        uid = int(re.search(r"\[APPENDUID \d+ (\d+)\]", said).group(1))
        assert uid not in self.truth
        self.bodies[uid], self.truth[uid] = body, frozenset(flags.split())

    def mark(self):
        s, numbers = self.chosen()
        if not numbers:
            return
        uids = self.uids(s, numbers)
        how, flags = self.random.choice(["", "+", "-"]), self.flags()
        silent = self.random.choice(["", ".SILENT"])
        by_uid = self.random.random() < 0.5
        which = "UID STORE " + ",".join(map(str, uids)) if by_uid else f"STORE {numbers}"
        if silent:
            s.change_silently([e for e in s.list if e["uid"] in uids], how, flags)
        said, _ = s.finish(s.start(f"{which} {how}FLAGS{silent} ({flags})"), "UID STORE" if by_uid else "STORE")
        assert said.startswith("OK") or (said.startswith("NO") and not uids <= set(self.truth)), (said, self.says)
        for uid in uids & set(self.truth):
            self.truth[uid] = changed(self.truth[uid], how, flags)

    def duplicate(self):
        s, numbers = self.chosen()
        if not numbers:
            return
        uids, command = self.uids(s, numbers), "COPY" if len(s.list) < 60 and self.random.random() < 0.5 else "MOVE"
        said, told = s.finish(s.start(f"{command} {numbers} {BOX}"), command)
        if said.startswith("NO"):
            assert not uids <= set(self.truth), (said, self.says)
            return
        before = dict(self.truth)
        for text in [said] + [line for line, _ in told]:
            m = re.search(r"\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", text)
            for a, b in zip(spread(m.group(1)), spread(m.group(2)), strict=True) if m else ():
                assert b not in before
                self.truth[b], self.bodies[b] = before[a], self.bodies[a]
                if command == "MOVE":
                    del self.truth[a]

    def remove(self):
        s, numbers = self.chosen()
        uids = self.uids(s, numbers) if numbers else set()
        if uids and self.random.random() < 0.5:
            s.do("UID EXPUNGE " + ",".join(map(str, uids)))
        else:
            s.do("EXPUNGE")
            uids = set(self.truth)
        for uid in [u for u in uids & set(self.truth) if "\\Deleted" in self.truth[u]]:
            del self.truth[uid]

    def look(self):
        s, _ = self.chosen()
        self.random.choice([self.noop, self.idle, self.body, self.search])(s)

    def check(self):
        fresh = Session(self.server, self.says)
        fresh.select()
        self.sessions.append(fresh)
        for s in self.sessions:
            s.verify()
            assert dict(s.state()) == self.truth, self.says
            if s.list:
                self.body(s)
        self.sessions.pop(0).close()

    def kill(self):
        self.server.kill_role("store")
        for s in self.sessions:
            s.close()
        self.sessions = []
        for _ in range(3):
            self.sessions.append(Session(self.server, self.says))
            self.sessions[-1].select()

    def run(self, steps, _=None):
        for _ in range(steps):
            self.random.choice([self.add] * 4 + [self.mark] * 6 + [self.duplicate] * 2 + [self.remove, self.look, self.look])()


def test_what_was_answered_ok_is_what_there_is_also_after_kill_9_of_the_store(own_server):
    for seed in SEEDS:
        ledger = Ledger(own_server, seed)
        ledger.do_empty()
        for _ in range(10):
            ledger.run(STEPS // 10)
            ledger.check()
        ledger.kill()
        ledger.check()
        for s in ledger.sessions:
            s.close()
