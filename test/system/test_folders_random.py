"""Mailboxes are made, renamed, deleted and subscribed at random by two sessions, and a model says what there has to be.

RFC 3501 6.3.3 to 6.3.9, and 2.3.1.1: a name and a UIDVALIDITY are of one mailbox for ever.
"""
import random
import re

from test_imap_random import SEEDS, STEPS, Session

NAMES = ["a", "b", "c", "a.b", "a.b.c", "a.c", "b.a", "b.a.c", "c.b", "INBOX.a", "INBOX.a.b", "&AOk-.a", "INBOX"]


def levels_above(name):
    return [name[:n] for n, c in enumerate(name) if c == "."]


class Model:
    def __init__(self, server, seed):
        self.random, self.server, self.says = random.Random(seed), server, [("seed", seed)]
        self.sessions = [Session(server, self.says), Session(server, self.says)]
        for name in reversed(self.listed(self.sessions[0])):
            if name != "INBOX":
                self.say("DELETE", name)
        for name in self.subscribed(self.sessions[0]):
            self.say("UNSUBSCRIBE", name)
        self.messages = {"INBOX": self.status(self.sessions[0], "INBOX")[0]}
        self.subscriptions, self.owner, self.identity = set(), {}, {"INBOX": object()}

    # what the server says
    def say(self, *words):
        s = self.random.choice(self.sessions)
        said, _ = s.finish(s.start(" ".join(words)), " ".join(words))
        assert said.startswith(("OK", "NO")), (words, said)
        return said.startswith("OK")

    @staticmethod
    def names(told, what):
        return {m.group(2): m.group(1).split() for line, _ in told if (m := re.match(rf'\* {what} \((.*?)\) "\." (\S+)$', line))}

    def listed(self, s):
        return self.names(s.do('LIST "" *')[1], "LIST")

    def subscribed(self, s):
        return self.names(s.do('LSUB "" *')[1], "LSUB")

    @staticmethod
    def status(s, name):
        _, told = s.do(f"STATUS {name} (MESSAGES UIDVALIDITY)")
        line = next(line for line, _ in told if line.startswith("* STATUS"))
        return tuple(int(re.search(rf"{what} (\d+)", line).group(1)) for what in ("MESSAGES", "UIDVALIDITY"))

    # what has to be
    def below(self, name):
        return [n for n in self.messages if n.startswith(name + ".")]

    def new(self, name):
        for n in levels_above(name) + [name]:
            if n not in self.messages:
                self.messages[n], self.identity[n] = 0, object()

    def create(self):
        name = self.random.choice(NAMES)
        may = name not in self.messages
        assert self.say("CREATE", name) == may, (name, self.says[-20:])
        if may:
            self.new(name)

    def delete(self):
        name = self.random.choice(NAMES)
        may = name in self.messages and name != "INBOX"
        assert self.say("DELETE", name) == may, (name, self.says[-20:])
        if may:
            del self.messages[name], self.identity[name]

    def rename(self):
        old, new = self.random.choice(NAMES), self.random.choice(NAMES)
        moved = {n: new + n[len(old):] for n in ([old] if old in self.messages else []) + ([] if old == "INBOX" else self.below(old))}
        collides = any(n in self.messages for n in moved.values()) or new in self.messages
        below_itself = old != "INBOX" and new.startswith(old + ".")
        is_done = self.say("RENAME", old, new)
        assert is_done == (bool(moved) and not collides and not below_itself), (old, new, self.says[-20:])
        if not is_done:
            return
        counts = {n: (self.messages.pop(n), self.identity.pop(n)) for n in moved}
        if old == "INBOX":
            self.messages["INBOX"], self.identity["INBOX"] = 0, counts["INBOX"][1]
            counts["INBOX"] = (counts["INBOX"][0], object())
        for n in levels_above(new):
            self.new(n)
        for n, (count, identity) in counts.items():
            self.messages[moved[n]], self.identity[moved[n]] = count, identity

    def append(self):
        name, s = self.random.choice(NAMES), self.random.choice(self.sessions)
        body = b"Subject: x\r\n\r\n" + name.encode()
        said, _ = s.finish(s.start(b"APPEND " + name.encode() + b" {%d+}\r\n" % len(body) + body), "APPEND")
        assert said.startswith("OK" if name in self.messages else "NO [TRYCREATE]"), (name, said, self.says[-20:])
        if name in self.messages:
            self.messages[name] += 1

    def subscribe(self):
        name = self.random.choice(NAMES)
        if self.say("SUBSCRIBE", name):
            self.subscriptions.add(name)

    def unsubscribe(self):
        name = self.random.choice(NAMES)
        assert self.say("UNSUBSCRIBE", name), self.says[-20:]
        self.subscriptions.discard(name)

    def check(self):
        s = self.random.choice(self.sessions)
        parents = {n for name in self.messages for n in levels_above(name)}
        listed = self.listed(s)
        assert set(listed) == set(self.messages) | parents, (sorted(listed), sorted(self.messages), self.says[-20:])
        for name, attributes in listed.items():
            assert ("\\Noselect" in attributes) == (name not in self.messages), (name, attributes, self.says[-20:])
            assert ("\\HasChildren" in attributes) == (name in parents) == ("\\HasNoChildren" not in attributes), (name, attributes)
        assert {n for n, a in self.subscribed(s).items() if "\\Noselect" not in a or n in self.subscriptions} == self.subscriptions
        for name in self.messages:
            count, validity = self.status(s, name)
            assert count == self.messages[name], (name, count, self.messages, self.says[-20:])
            assert self.owner.setdefault((name, validity), self.identity[name]) is self.identity[name], (name, validity, self.says[-30:])

    def run(self, steps):
        for _ in range(steps):
            self.random.choice([self.create] * 4 + [self.delete] * 2 + [self.rename] * 3 + [self.append] * 2 +
                               [self.subscribe, self.unsubscribe, self.check])()

    def come_back(self):
        for s in self.sessions:
            s.close()
        self.sessions = [Session(self.server, self.says), Session(self.server, self.says)]


def test_mailboxes_are_what_the_answers_said_also_after_kill_9_of_the_store(own_server):
    for seed in SEEDS:
        model = Model(own_server, seed)
        model.run(STEPS)
        model.check()
        own_server.kill_role("store")
        model.come_back()
        model.check()
        for s in model.sessions:
            s.close()
