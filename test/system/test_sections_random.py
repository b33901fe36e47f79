"""FETCH of the sections of random MIME trees against the octets that they were made of (RFC 3501 6.4.5)."""
import random

from test_imap_random import SEEDS, STEPS, Session


class Part:
    """A header that ends with its empty line, and a body: of octets, of parts, or a message."""

    def __init__(self, rng, depth, is_message=False):
        self.parts, self.message = [], None
        fields = [f"Content-Description: {rng.random()}"] + (["Subject: " + "x" * rng.randint(0, 70)] if is_message else [])
        kind = rng.choice(["leaf", "leaf", "multipart", "multipart", "message"]) if depth else "leaf"
        if kind == "multipart":
            boundary = f"b{rng.getrandbits(64):x}"
            fields.append(f'Content-Type: multipart/{rng.choice(["mixed", "alternative", "related"])};\r\n boundary="{boundary}"')
            self.parts = [Part(rng, depth - 1) for _ in range(rng.randint(1, 4))]
            inside = "".join(f"--{boundary}\r\n{p.header}{p.body}\r\n" for p in self.parts)
            self.body = rng.choice(["", "preamble\r\n", "\r\n"]) + inside + f"--{boundary}--" + rng.choice(["", "\r\n", "\r\nepilogue\r\n"])
        elif kind == "message":
            fields.append("Content-Type: message/rfc822")
            self.message = Part(rng, depth - 1, True)
            self.body = self.message.header + self.message.body
        else:
            fields += rng.choice([[], ["Content-Type: text/plain; charset=utf-8"], ["Content-Type: application/octet-stream",
                                                                                  "Content-Transfer-Encoding: base64"]])
            self.body = "".join(rng.choice(["line\r\n", "\r\n", "-- \r\n", "--\r\n", "é" * rng.randint(0, 9)]) for _ in range(rng.randint(0, 6)))
        rng.shuffle(fields)
        self.fields = fields
        self.header = "".join(field + "\r\n" for field in fields) + "\r\n"

    def sections_of_message(self, prefix):
        """What is below a message, whose own section is `prefix` ("" at the top)."""
        yield prefix + "HEADER", self.header
        yield prefix + "TEXT", self.body
        subject = "".join(field + "\r\n" for field in self.fields if field.startswith("Subject"))
        yield prefix + "HEADER.FIELDS (SUBJECT)", subject + "\r\n"
        yield prefix + "HEADER.FIELDS.NOT (SUBJECT)", self.header.replace(subject, "")
        if not self.parts:
            yield from self.sections(prefix + "1")
        yield from self.sections_of_parts(prefix)

    def sections_of_parts(self, prefix):
        for n, part in enumerate(self.parts, 1):
            yield from part.sections(f"{prefix}{n}")
        yield f"{prefix}{max(len(self.parts), 1) + 1}", None

    def sections(self, at):
        yield at, self.body
        yield at + ".MIME", self.header
        if self.message:
            yield from self.message.sections_of_message(at + ".")
        elif self.parts:
            yield from self.sections_of_parts(at + ".")
        else:
            yield at + ".HEADER", None


def test_sections_are_the_octets_that_a_message_was_made_of_rfc3501_6_4_5(server):
    for seed in SEEDS:
        rng, s = random.Random(seed), Session(server, [])
        folder = f"sections{seed}"
        s.do(f"CREATE {folder}")
        s.do(f"SELECT {folder}")
        for n in range(1, STEPS // 10 + 1):
            whole = Part(rng, 4, True)
            octets = (whole.header + whole.body).encode()
            s.do(f"APPEND {folder} {{{len(octets)}+}}\r\n".encode() + octets)
            for section, text in [("", whole.header + whole.body), *whole.sections_of_message("")]:
                wanted, partial = None if text is None else text.encode(), ""
                if rng.random() < 0.3:
                    at, length = rng.randint(0, 200), rng.randint(1, 200)
                    partial = f"<{at}.{length}>"
                    wanted = None if text is None else wanted[at:at + length]
                _, told = s.do(f"FETCH {n} BODY.PEEK[{section}]{partial}")
                (line, literals), = [t for t in told if f"* {n} FETCH" in t[0]]
                assert line.endswith(" NIL)") == (wanted is None), (octets, section, partial)
                assert literals == ([] if wanted is None else [wanted]), (octets, section, partial)
        s.close()
