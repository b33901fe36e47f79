"""Mailboxes in the homes that LDAP names (%h), below the one directory where homes may lie."""
import contextlib
import os

import pytest

from conftest import wait_until
from slapd import PROGRAM, SUFFIX
from test_ldap import log_in, recipient, running

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")


@contextlib.contextmanager
def with_homes(extra="", attribute="homeDirectory"):
    """aby is at home below `homes`, ibou elsewhere, and who else there is has no home."""
    with running(extra=extra, template="%h/Maildir", more="homes {mail};") as s:
        for uid, home in [("aby", s.mail / "staff" / "aby"), ("ibou", s.directory / "elsewhere")]:
            s.slapd.add_user(uid, f"{uid}@amerique.iut", uid, "objectClass: extensibleObject", f"{attribute}: {home}")
        wait_until(lambda: recipient(s, "aby") == 250, 20, "the account")
        yield s


def test_mail_lies_in_the_home_that_ldap_names_and_nowhere_else():
    with with_homes() as s:
        s.send("bonjour", to="aby")
        assert list((s.mail / "staff" / "aby" / "Maildir" / "new").glob("*"))
        i = log_in(s, "aby", "aby")
        assert i.select("INBOX")[1] == [b"1"]
        i.logout()
        # Whose home lies elsewhere, or who has none, has no mailbox: an administrator's mistake, so mail waits and nothing is written.
        assert recipient(s, "ibou") == 451 and recipient(s, "awa") == 451
        assert not (s.directory / "elsewhere").exists()
        said = str(s.events("account.unusable"))
        assert "its home does not lie below" in said and "has no attribute home" in said


def test_another_home_ends_sessions_and_is_where_mail_goes():
    with with_homes() as s:
        i = log_in(s, "aby", "aby")
        s.slapd.set("aby", "homeDirectory", s.mail / "board" / "aby")
        wait_until(lambda: s.events("account.changed"), 10, "the change")
        with pytest.raises((i.abort, i.error, OSError)):
            for _ in range(50):
                i.noop()
        s.send("bonjour", to="aby")
        assert list((s.mail / "board" / "aby" / "Maildir" / "new").glob("*"))


def test_the_attribute_with_the_home_has_another_name():
    with with_homes("home description;", "description") as s:
        s.send("bonjour", to="aby")
        assert list((s.mail / "staff" / "aby" / "Maildir" / "new").glob("*"))
