"""Who is called unknown, and who is not, while the source that may have them can't be asked, or need not be."""
import contextlib
import os
import time

import pytest

from conftest import DOMAIN, wait_until
from slapd import PROGRAM, SUFFIX
from test_auth import userdb_client
from test_ldap import recipient, running

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")
GROUPS = "groups (objectClass=groupOfNames);"


@contextlib.contextmanager
def with_look_ups(**options):
    """A server that nothing tells of changes, with the socket for look-ups."""
    with running(has_syncprov=False, **options) as s:
        assert s.stop() == 0
        s.conf.write_text(s.conf.read_text() + f"listen auth-userdb unix:{s.directory}/auth-userdb;\n")
        s.start()
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        yield s


def test_a_look_up_of_a_name_that_is_known_and_is_no_account_asks_ldap_for_nothing(tmp_path):
    aliases = tmp_path / "aliases"
    aliases.write_text("boss: awa\n")
    with with_look_ups(extra=f"poll 1h; {GROUPS}", more=f"aliases {aliases};") as s:
        s.slapd.add_group("all", "groupOfNames extensibleObject", f"mail: all@{DOMAIN}", f"member: uid=awa,{SUFFIX}")
        assert recipient(s, "all") == 250
        c = userdb_client(s)
        for n, name in enumerate(["all", "awa+detail", "boss"] * 2):
            c.say("USER", str(n), f"{name}@{DOMAIN}", "service=lmtp")
            assert c.hear() == ["NOTFOUND", str(n)]


def test_a_look_up_of_a_name_that_was_looked_for_a_moment_ago_asks_ldap_for_nothing():
    with with_look_ups(extra="poll 1h;") as s:
        c = userdb_client(s)
        c.say("USER", "1", f"nobody@{DOMAIN}", "service=lmtp")
        assert c.hear() == ["NOTFOUND", "1"]
        s.slapd.freeze()
        try:
            c.say("USER", "2", f"Nobody@{DOMAIN}", "service=lmtp")
            assert c.hear() == ["NOTFOUND", "2"]
        finally:
            s.slapd.thaw()


def test_while_the_embedded_directory_cannot_be_read_nobody_is_unknown():
    with with_look_ups(extra="poll 1h;") as s:
        assert recipient(s, "nobody") == 550
        database = s.directory / "state/directory/accounts.db"
        aside = database.rename(database.with_suffix(".aside"))
        database.write_bytes(b"no database" * 1000)
        s.slapd.add_users([f"user{n}" for n in range(20)])
        assert recipient(s, "user7") == 451
        c = userdb_client(s)
        c.say("USER", "1", f"user7@{DOMAIN}", "service=lmtp")
        assert c.hear()[:3] == ["FAIL", "1", "code=temp_fail"]
        aside.rename(database)
        wait_until(lambda: recipient(s, "user7") == 250, 40, "the accounts")
        assert recipient(s, "nobody") == 550


def test_an_address_that_can_not_be_decided_now_holds_back_no_other_that_is_asked_for_at_the_same_time():
    with with_look_ups(extra="poll 1h;") as s:
        s.slapd.add_user("rival", [f"awa@{DOMAIN}", f"other@{DOMAIN}"], "x")
        assert recipient(s, "other") == 550, "its own address is another's: all of it is left out"
        assert recipient(s, "other+0") == 550, "read in vain: not again for five seconds"
        clients = [userdb_client(s) for _ in range(4)]
        s.slapd.freeze()
        try:
            # The first one's look is under way; the others wait for the next.
            for c, name in zip(clients, ["nobody", "other+1", "nobody2", "younes"]):
                c.say("USER", "1", f"{name}@{DOMAIN}", "service=lmtp")
            assert clients[3].hear()[:2] == ["USER", "1"]
        finally:
            s.slapd.thaw()
        assert [c.hear()[0] for c in clients[:3]] == ["NOTFOUND", "FAIL", "NOTFOUND"]


def test_who_asks_again_and_again_puts_off_nobody_for_longer():
    with with_look_ups(extra="poll 1h;") as s:
        s.slapd.add_user("rival", [f"awa@{DOMAIN}", f"other@{DOMAIN}"], "x")
        assert [recipient(s, name) for name in ("other", "other+0")] == [550, 550]
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
        wait_until(lambda: recipient(s, "koffi") == 250, 10, "the next reading, five seconds after the last in vain")


def test_a_group_that_was_added_before_an_account_changed_is_found_too():
    with with_look_ups(extra=f"poll 1h; {GROUPS}") as s:
        for n in range(2):
            s.slapd.add_group(f"group{n}", "groupOfNames extensibleObject", f"mail: group{n}@{DOMAIN}", f"member: uid=awa,{SUFFIX}")
            # The server's times are of whole seconds.
            second = int(time.time())
            wait_until(lambda: int(time.time()) > second)
            s.slapd.set("awa", "description", f"changed {n} times")
            assert recipient(s, f"group{n}") == 250


def test_an_account_that_another_master_added_earlier_is_found_too():
    with with_look_ups(extra="poll 1h;") as s:
        s.slapd.tool("ldapadd", "-e", "relax", ldif=f"dn: uid=koffi,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: koffi\ncn: koffi\nsn: koffi\n"
                     f"mail: koffi@{DOMAIN}\nuserPassword: x\nmodifyTimestamp: 20200101000000Z\n")
        assert "modifyTimestamp: 2020" in s.slapd.tool("ldapsearch", "-LLL", "-b", SUFFIX, "(uid=koffi)", "modifyTimestamp").stdout
        assert recipient(s, "koffi") == 250
