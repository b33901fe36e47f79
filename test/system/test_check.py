"""`mermoz check`: what is wrong, with its place, and what should not be so."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from conftest import DOMAIN, Server, executable, running_server, wait_until


@pytest.fixture
def server():
    """Not started."""
    with tempfile.TemporaryDirectory(prefix="mermoz-test-") as directory:
        pathlib.Path(directory).chmod(0o755)
        yield Server(directory)


def test_a_key_that_everybody_can_read_is_warned_of_and_the_exit_code_is_good(server):
    key = server.directory / "key.pem"
    key.chmod(0o600)
    assert server.cli("check").stderr == ""
    key.chmod(0o644)
    line = next(n for n, text in enumerate(server.conf.read_text().splitlines(), 1) if text.startswith("certificate "))
    checked = server.cli("check")
    assert checked.stderr.startswith(f"{server.conf}:{line}:1: warning: ") and str(key) in checked.stderr
    assert checked.stderr.count("\n") == 1
    assert "no errors" in checked.stdout


def test_warnings_stand_beside_errors(server):
    (server.directory / "key.pem").chmod(0o644)
    server.extra = "xyzzy 1;"
    server.write_conf()
    checked = server.cli("check", check=False)
    assert checked.returncode == 1
    assert "xyzzy" in checked.stderr and ": warning: " in checked.stderr


def test_a_domain_is_ours_or_relayed_for_and_not_both(server):
    (server.directory / "key.pem").chmod(0o600)
    server.extra = f"relay_for x.iut any;\nrelay_for {DOMAIN.upper()} any;\n"
    server.write_conf()
    checked = server.cli("check", check=False)
    line = next(n for n, text in enumerate(server.conf.read_text().splitlines(), 1) if text.startswith(f"relay_for {DOMAIN.upper()}"))
    assert checked.returncode == 1
    assert checked.stderr.startswith(f"{server.conf}:{line}:11: relay_for {DOMAIN}: ") and checked.stderr.endswith("\n1 error\n")


def test_check_proves_that_no_stranger_sends_to_others_rfc5321_7_9(server):
    server.extra = "domain away.iut;\nroute away.iut to inner.iut;\nrelay_for x.iut any;\nrelay_for y.iut known;\ntrusted_networks 192.0.2.0/24 10.0.0.0/8;\n"
    server.write_conf()
    text = server.cli("check").stdout
    found = re.search(r"No open relay: of (\d+) addresses that were tried, strangers reach (\d+) on other servers, .*\n  trusted networks (\d+), who logged in (\d+)", text)
    tried, strangers, trusted, accounts = map(int, found.groups())
    assert tried > 100 and 0 < strangers < tried / 10 < trusted == accounts < tried
    assert "Sent on for everybody: all of x.iut (relay_for)." in text
    assert "Sent on for everybody: what the directory has of y.iut (relay_for)." in text
    assert "Without a log-in to the world: 192.0.2.0/24 (trusted_networks)." in text


@pytest.mark.parametrize("users", ["", "user front root;\nuser directory root;\nuser store root;\n"])
def test_the_sandbox_that_check_tells_is_the_one_that_the_roles_are_in(users, monkeypatch):
    if users:
        monkeypatch.setattr(Server, "users", staticmethod(lambda: users))
    with running_server() as server:
        text = server.cli("check").stdout
        head, *rows = re.search(r"Sandbox of each role, here and now:\n((?:  .*\n)*?)(?:  Landlock is|\n|$)", text).group(1).splitlines()
        told = {role: {row.split()[0]: row.split()[1 + i] for row in rows} for i, role in enumerate(head.split())}
        entered = {event.pop("role"): event for event in server.events("role.sandbox")}
        assert told.keys() == entered.keys()
        for role, measures in told.items():
            assert "empty_root" in measures and measures.items() <= entered[role].items(), role


@pytest.mark.parametrize("networks, column", [("10.0.0.0/8 4.0.0.0/6", 29), ("8.0.0.0/8 9.1.0.0/16", 28), ("2000::/8", 18), ("128.0.0.0/9 129.0.0.0/9\n  192.0.2.1", 3)])
def test_whoever_trusts_more_than_anybody_has_would_open_the_server(server, networks, column):
    server.extra = f"trusted_networks {networks};\n"
    server.write_conf()
    last = networks.split()[-1]
    line = next(n for n, text in enumerate(server.conf.read_text().splitlines(), 1) if last in text)
    checked = server.cli("check", check=False)
    assert checked.returncode == 1
    assert f"{server.conf}:{line}:{column}: trusted_networks {last}: " in checked.stderr


@pytest.mark.parametrize(("args", "code", "said"), [
    (("help", "quue"), 2, 'did you mean "queue"?'), (("queue", "lst"), 2, 'there is no "lst"; did you mean "list"?'),
    (("queue", "xyzzy"), 2, "it is mermoz queue list, show,"), (("check", "-c", "/nowhere/m.conf"), 1, "mermoz.conf(5) has a configuration to start from"),
    (("queue", "list", "-c", "/nowhere/m.conf"), 3, "-c FILE names another one"), (("send",), 64, "no recipient is named")])
def test_wrong_calls_say_what_to_do(args, code, said):
    p = subprocess.run([executable(), *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert p.returncode == code and said in p.stderr and not p.stdout, (p.returncode, p.stdout, p.stderr)


def test_the_manual_page_has_every_command():
    page = subprocess.run([executable(), "help", "--man"], capture_output=True, text=True, timeout=60, check=True).stdout
    overview = subprocess.run([executable(), "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    commands = [line.split()[0] for line in overview.splitlines() if line.startswith("  ") and line[2] != " "]
    assert "serve" in commands and "sendmail" in commands
    for command in commands:
        assert f"\n.SS mermoz {command}\n" in page


def test_help_and_the_page_fit_a_terminal_of_80_columns():
    def said(*args):
        return subprocess.run([executable(), *args], capture_output=True, text=True, timeout=60, check=True).stdout

    commands = [line.split()[0] for line in said("--help").splitlines() if line.startswith("  ") and line[2] != " "]
    for command in ("", *commands):
        assert [line for line in said(*command.split(), "--help").splitlines() if len(line) > 80] == []
    # What stands as it is begins behind seven columns of margin, and the lines of a synopsis all begin there.
    page = said("help", "--man")
    blocks = re.findall(r"\n\.EX\n(.*?)\n\.EE\n", page, re.S)
    assert len(blocks) == len(commands) - 1  # that of sendmail is that of send
    for block in blocks:
        block = block.replace(r"\-", "-").replace(r"\e", "\\")
        assert [line for line in block.splitlines() if len(line) > 73] == []
        assert "\n       mermoz" not in block


def test_a_configuration_is_read_from_a_pipe(server):
    server.write_conf()
    for text, code, said in ((server.conf.read_text(), 0, "/dev/stdin: no errors."), ("hostname mail.example.org;\nxyzzy;\n", 1, "/dev/stdin:2:1: ")):
        p = subprocess.run([executable(), "check", "-c", "/dev/stdin"], input=text, capture_output=True, text=True, timeout=30)
        assert p.returncode == code and said in p.stdout + p.stderr, p.stderr


def test_the_journals_take_beforehand_what_a_state_directory_is_said_to_need():
    """src/cli/room_test.c has the same numbers."""
    with running_server() as server:
        journals = [server.directory / "state" / name / "journal" for name in ("store", "queue")]
        wait_until(lambda: [sum(p.stat().st_size for p in j.glob("segment-*[0-9]")) >> 20 for j in journals] == [152, 134], what="the journals")
        assert "warning: its file system" not in server.cli("check").stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_a_state_directory_that_is_too_small_is_warned_of(server):
    state = server.directory / "state"
    state.mkdir(exist_ok=True)
    (server.directory / "key.pem").chmod(0o600)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", state], capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        checked = server.cli("check")
    finally:
        subprocess.run(["umount", state], check=True)
    assert f"state_directory {state}: warning: its file system has 300 MiB free, and 368 are needed" in checked.stderr
    assert "no errors" in checked.stdout
