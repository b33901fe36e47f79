"""`mermoz check`: what is wrong, with its place, and what should not be so."""
import pathlib
import tempfile

import pytest

from conftest import DOMAIN, Server


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
    assert checked.stderr.startswith(f"{server.conf}:{line}:11: relay_for {DOMAIN.upper()}: ") and checked.stderr.endswith("\n1 error\n")
