"""Who asks a server that runs is answered, whatever became of its configuration on disk."""
import json
import os
import subprocess

import pytest

from conftest import DOMAIN, executable, running_server

USERS = [f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol")]


@pytest.fixture(scope="module")
def server():
    with running_server() as s:
        yield s


@pytest.fixture
def broken(server):
    """Its aliases have a bad line, a secret is missing and a directive has no such value; the server has read none of that."""
    aliases = server.directory / "aliases"
    aliases.write_text("good: alice\nthis is no alias\n")
    good = server.conf.read_text()
    server.conf.write_text(good.replace("hostname", f"aliases {aliases};\nsrs file:/nowhere;\nplaintext_login sometimes;\nhostname", 1)
                           .replace("plaintext_login loopback;\n", ""))
    assert server.cli("check", check=False).returncode == 1
    yield server
    server.conf.write_text(good)


@pytest.mark.parametrize("args", [("queue", "list"), ("queue", "stats"), ("explain", USERS[0]), ("directory", "status")])
def test_what_the_running_server_says_needs_no_good_configuration(broken, args):
    p = broken.cli(*args)
    assert p.stdout and p.stderr.count("\n") == 1 and f"{broken.conf}:4:17: warning: plaintext_login is one of" in p.stderr, p.stderr


def test_what_the_directory_has_is_listed_and_nothing_of_it_changed(broken):
    p = broken.cli("user", "list", "--json")
    assert [user["address"] for user in json.loads(p.stdout)] == USERS and "/nowhere" not in p.stderr
    assert DOMAIN in broken.cli("domain", "list").stdout and "alice" in broken.cli("user", "show", USERS[0]).stdout
    p = broken.cli("user", "disable", USERS[0], check=False)
    assert p.returncode == 1 and "/nowhere" in p.stderr and "warning" not in p.stderr  # what changes has to know all of it


@pytest.mark.parametrize("args", [("hold", "--all"), ("remove", "--all"), ("reroute", "--all", "--to", "default")])
def test_nothing_of_a_queue_changes_that_may_be_another_server_s(broken, args):
    # Without its name the run directory is the one that every server has that names none.
    broken.conf.write_text(broken.conf.read_text().replace("run_directory", "run_directroy"))
    p = broken.cli("queue", *args, check=False)
    assert p.returncode == 3 and "run_directroy" in p.stderr and "warning" not in p.stderr and p.stdout == ""


def test_without_the_file_there_is_nothing_to_go_by(server):
    p = server.mermoz("queue", "list", "-c", "/nowhere/mermoz.conf", check=False)
    assert p.returncode == 3 and "can't read /nowhere/mermoz.conf" in p.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs programs as other users")
def test_other_users_are_told_that_the_socket_is_closed_to_them_and_not_of_secrets(server):
    key = server.directory / "key.pem"
    key.chmod(0o600)
    p = subprocess.run([executable(), "queue", "list", "-c", server.conf], capture_output=True, text=True, user="daemon")
    assert p.returncode == 3 and "queue.sock: Permission denied" in p.stderr and "key.pem" not in p.stderr
