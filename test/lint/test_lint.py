"""tools/lint catches a violation of each kind, and lets good code be."""
import pathlib
import subprocess
import sys

import pytest

LINT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "lint"


class Tree:
    """A small source tree of its own."""

    def __init__(self, root):
        self.root = root
        (root / "tools").mkdir()
        self.write("src/base/README.md", "here")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.startswith("src/") and not (path.parent / "README.md").exists():
            (path.parent / "README.md").write_text("here")

    def lint(self):
        p = subprocess.run([sys.executable, LINT, self.root], text=True, capture_output=True)
        found = [line for line in p.stdout.splitlines() if not line.startswith("lint: ")]
        assert p.returncode == (1 if found else 0), p.stdout + p.stderr
        return found


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def lines(count):
    return "\n".join(f"\tx = {i};" for i in range(count))


GOOD = [
    ("src/sys/a.c", '#include "base/buf.h"\n\n#include <unistd.h>\n\nvoid\nf(void)\n{\n\tclose(1);\n}\n'),
    ("src/proto/smtp/a.c", '#include "base/buf.h"\n#include "view/view.h"\n#include <string.h>\n'),
    ("src/role/store/a.c", '#include "journal/journal.h"\n#include "role/role.h"\n#include "role/store/b.h"\n'),
    ("src/role/store/a.c", "void\nf(void)\n{\n\tdisk->close(1); /* not close(1) */ puts(\"open(1)\");\n}\n"),
    ("src/role/roles.c", '#include "role/front/front.h"\n#include "role/store/store.h"\n'),
    ("src/ipc/a.c", "static void\nsend(int x)\n{\n}\n\nvoid\nf(void)\n{\n\tsend(1);\n}\n"),
    ("src/base/a.h", "/* Does a. */\nvoid a(void);\nvoid a_again(void);\n\nstruct b {\n\tvoid (*call)(int x);\n};\n"
                     "#define C(x) d(x)\nextern const struct b b;\ntypedef int (*e)(int);\n"),
    ("src/base/a_internal.h", "void a(void);\n"),
    ("src/base/a.c", "void\nf(void)\n{\n" + lines(70) + "\n}\n"),
    ("src/ipc/a_test.c", "void\nf(void)\n{\n\tclose(1);\n}\n"),
    ("src/main.c", '#include "cli/cli.h"\n#include "role/front/front.h"\n'),
]


@pytest.mark.parametrize("name,text", GOOD)
def test_good_code_is_let_be(tree, name, text):
    tree.write(name, text)
    assert tree.lint() == []


BAD = [
    ("src/base/a.c", '\n#include "sys/disk.h"\n', "src/base/a.c:2: include: base may not know sys/disk.h"),
    ("src/proto/smtp/a.c", '#include "sys/disk.h"\n', "src/proto/smtp/a.c:1: include: proto may not know sys/disk.h"),
    ("src/proto/smtp/a.c", "#include <time.h>\n", "src/proto/smtp/a.c:1: include: proto is pure and may not know <time.h>"),
    ("src/proto/smtp/a.c", "#include <sys/socket.h>\n", "src/proto/smtp/a.c:1: include: proto is pure and may not know <sys/socket.h>"),
    ("src/config/a.c", '#include "role/role.h"\n', "src/config/a.c:1: include: config may not know role/role.h"),
    ("src/role/front/a.c", '#include "role/store/b.h"\n', "src/role/front/a.c:1: include: role may not know role/store/b.h"),
    ("src/role/front/a.c", '#include "cli/cli.h"\n', "src/role/front/a.c:1: include: role may not know cli/cli.h"),
    ("src/elsewhere/a.c", "\n", "src/elsewhere/a.c:1: include: this folder is in no layer; tools/lint names them"),
    ("src/base/a.c", "\tstrcpy(a, b);\n", "src/base/a.c:1: call: strcpy() may not be called anywhere"),
    ("src/ipc/a.c", "\tx = malloc (1);\n", "src/ipc/a.c:1: call: malloc() may not be called outside src/base and src/sys"),
    ("src/ipc/a_test.c", "\tatoi(a);\n", "src/ipc/a_test.c:1: call: atoi() may not be called anywhere"),
    ("src/base/a.h", "\nint a(void);\n", "src/base/a.h:2: contract: a has no comment that says what it does"),
    ("src/base/a.h", "/* A struct. */\nstruct b {\n\tint c;\n};\nvoid put_b(struct b *b,\n\tint d);\n",
     "src/base/a.h:5: contract: put_b has no comment that says what it does"),
    ("src/base/a.h", "/* Does a. */\nvoid a(void);\n\nstruct b *b_new(void) __attribute__((malloc));\n",
     "src/base/a.h:4: contract: b_new has no comment that says what it does"),
    ("src/base/a.c", "void\nf(void)\n{\n" + lines(71) + "\n}\n", "src/base/a.c:3: length: f has 71 lines; 70 is the limit"),
    ("src/base/a.c", "\n" * 601, "src/base/a.c:1: size: the file has 601 lines; 600 is the limit"),
]


@pytest.mark.parametrize("name,text,says", BAD)
def test_a_violation_of_each_kind_is_caught(tree, name, text, says):
    tree.write(name, text)
    assert tree.lint() == [says]


def test_a_folder_without_readme_is_caught(tree):
    tree.write("src/sys/a.c", "")
    (tree.root / "src/sys/README.md").unlink()
    assert tree.lint() == ["src/sys:1: readme: the folder has no README.md"]


@pytest.mark.parametrize("listed,says", [
    (80, []),
    (79, ["src/base/a.c:3: length: f has 80 lines; the exception is for 79"]),
    (81, ["tools/lint-exceptions:2: length: it has 80 lines now: write that"]),
])
def test_an_exception_holds_for_exactly_its_length(tree, listed, says):
    tree.write("src/base/a.c", "void\nf(void)\n{\n" + lines(80) + "\n}\n")
    tree.write("tools/lint-exceptions", f"# why\nlength src/base/a.c f {listed}\n")
    assert tree.lint() == says


def test_an_exception_for_nothing_is_caught(tree):
    tree.write("tools/lint-exceptions", "size src/base/a.c 700\n")
    assert tree.lint() == ["tools/lint-exceptions:1: size: there is nothing so long: drop this exception"]
