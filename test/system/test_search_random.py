"""SEARCH with random keys against what Python finds in the same messages (RFC 3501 6.4.4)."""
import datetime
import random
import re

from test_imap_random import FLAGS, SEEDS, STEPS, Session

WORDS = ["mail", "Atlantic", "sud", "croix", "natal", "dakar"]
EPOCH = datetime.date(2024, 2, 25)


def day(date):
    return f"{date.day}-{date.strftime('%b-%Y')}"


class Message:
    def __init__(self, rng):
        self.flags = set(rng.sample(FLAGS, rng.randint(0, 4)))
        self.came, self.sent = (EPOCH + datetime.timedelta(days=rng.randint(0, 9)) for _ in range(2))
        self.fields = {name: " ".join(rng.sample(WORDS, rng.randint(1, 3))) for name in rng.sample(["Subject", "From", "To", "Cc", "Bcc", "X-Line"], 4)}
        for name in {"From", "To", "Cc", "Bcc"} & set(self.fields):
            self.fields[name] = ", ".join(f"{word}@{name}.example" for word in self.fields[name].split())
        self.body = " ".join(rng.choices(WORDS, k=rng.randint(0, 30))) + "\r\n"
        self.head = "".join(f"{name}: {value}\r\n" for name, value in self.fields.items())
        # A zone in which it is another day already: it is the written one that counts.
        self.head += f"Date: {day(self.sent).replace('-', ' ')} 23:30:00 -0800\r\n"
        self.octets = f"{self.head}\r\n{self.body}".encode()
        self.uid = 0

    def has(self, name, text):
        return name in self.fields and text.lower() in self.fields[name].lower()


class Search:
    def __init__(self, server, seed):
        self.random = random.Random(seed)
        self.session = s = Session(server, [])
        folder = f"search{seed}"
        s.do(f"CREATE {folder}")
        self.messages = [Message(self.random) for _ in range(40)]
        for m in self.messages:
            start = f"APPEND {folder} ({' '.join(m.flags)}) \"{m.came.strftime('%d-%b-%Y')} 12:00:00 +0000\" {{{len(m.octets)}+}}\r\n"
            said, _ = s.do(start.encode() + m.octets)
            m.uid = int(re.search(r"\[APPENDUID \d+ (\d+)\]", said).group(1))
        s.do(f"SELECT {folder}")
        # Gaps, so that numbers and uids differ.
        gone = {m.uid for m in self.messages if "\\Deleted" in m.flags and self.random.random() < 0.5}
        if gone:
            s.do("UID EXPUNGE " + ",".join(map(str, gone)))
        self.messages = [m for m in self.messages if m.uid not in gone]

    def numbers(self, most):
        """A set and what is in it."""
        a, b = self.random.randint(1, most), self.random.randint(1, most)
        return self.random.choice([(f"{a}", {a}), (f"{a}:{b}", set(range(min(a, b), max(a, b) + 1))), (f"{a},{b}", {a, b}),
                                   (f"{a}:*", set(range(a, most + 1)))])

    def leaf(self):
        r, last = self.random, self.messages[-1].uid
        word, date = r.choice(WORDS), EPOCH + datetime.timedelta(days=r.randint(-1, 10))
        word = r.choice([word, word.upper(), word[1:4]])
        size = r.choice(self.messages)
        name = r.choice(["Subject", "From", "To", "Cc", "Bcc"])
        flag = r.choice(["Seen", "Flagged", "Answered", "Draft", "Deleted"])
        keyword = r.choice(["red", "blue"])
        sequence, uids = self.numbers(len(self.messages)), self.numbers(last)
        return r.choice([
            ("ALL", lambda n, m: True),
            (flag.upper(), lambda n, m: "\\" + flag in m.flags),
            ("UN" + flag.upper(), lambda n, m: "\\" + flag not in m.flags),
            (f"KEYWORD {keyword}", lambda n, m: keyword in m.flags),
            (f"UNKEYWORD {keyword}", lambda n, m: keyword not in m.flags),
            (f"BEFORE {day(date)}", lambda n, m: m.came < date),
            (f"ON {day(date)}", lambda n, m: m.came == date),
            (f"SINCE {day(date)}", lambda n, m: m.came >= date),
            (f"SENTBEFORE {day(date)}", lambda n, m: m.sent < date),
            (f"SENTON {day(date)}", lambda n, m: m.sent == date),
            (f"SENTSINCE {day(date)}", lambda n, m: m.sent >= date),
            (f"LARGER {len(size.octets)}", lambda n, m: len(m.octets) > len(size.octets)),
            (f"SMALLER {len(size.octets)}", lambda n, m: len(m.octets) < len(size.octets)),
            (f"{name.upper()} {word}", lambda n, m: m.has(name, word)),
            (f"HEADER X-Line {word}", lambda n, m: m.has("X-Line", word)),
            (f'HEADER {name} ""', lambda n, m: name in m.fields),
            (f'BODY "{word}"', lambda n, m: word.lower() in m.body.lower()),
            (f"TEXT {{{len(word)}+}}\r\n{word}", lambda n, m: word.lower() in (m.head + m.body).lower()),
            (sequence[0], lambda n, m: n in sequence[1]),
            (f"UID {uids[0]}", lambda n, m: m.uid in uids[1]),
        ])

    def key(self, depth):
        r = self.random
        if depth == 0 or r.random() < 0.3:
            return self.leaf()
        parts = [self.key(depth - 1) for _ in range(2)]
        (a, has_a), (b, has_b) = parts
        return r.choice([
            (f"NOT {a}", lambda n, m: not has_a(n, m)),
            (f"OR {a} {b}", lambda n, m: has_a(n, m) or has_b(n, m)),
            (f"({a} {b})", lambda n, m: has_a(n, m) and has_b(n, m)),
        ])

    def step(self):
        text, has = self.key(4)
        by_uid = self.random.random() < 0.5
        wanted = [m.uid if by_uid else n for n, m in enumerate(self.messages, 1) if has(n, m)]
        _, told = self.session.do(("UID " if by_uid else "") + f"SEARCH {text}")
        found = [[int(n) for n in line.split()[2:]] for line, _ in told if line.startswith("* SEARCH")]
        assert found == [wanted], text


def test_search_finds_what_the_keys_say_rfc3501_6_4_4(server):
    for seed in SEEDS:
        search = Search(server, seed)
        for _ in range(STEPS):
            search.step()
        search.session.close()
