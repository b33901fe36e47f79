"""The scripts of test/dialog against the real server."""
import sys

import pytest

from conftest import DOMAIN, PASSWORDS, ROOT

sys.path.insert(0, str(ROOT / "test" / "dialog"))
import play  # noqa: E402


@pytest.fixture(scope="module")
def places():
    return play.make_places(hostname=f"mail.{DOMAIN}", alice=f"alice@{DOMAIN}", password=PASSWORDS["alice"],
                            bob=f"bob@{DOMAIN}", unknown=f"nobody@{DOMAIN}", foreign="someone@elsewhere.example")


@pytest.mark.parametrize("script", play.scripts("smtp"), ids=lambda script: script.path.stem)
def test_smtp_dialog(server, places, script):
    def connect(service, tls):
        return play.Wire("localhost", server.ports[service], server.tls(), tls == "on")

    play.play(script, connect, places)
