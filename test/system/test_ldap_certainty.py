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
def with_look_ups(has_syncprov=False, **options):
    """With the socket for look-ups, and LDAP that tells no changes."""
    with running(has_syncprov=has_syncprov, **options) as s:
        assert s.stop() == 0
        s.conf.write_text(s.conf.read_text() + f"listen auth-userdb unix:{s.directory}/auth-userdb;\n")
        s.start()
        wait_until(lambda: (recipient(s, "younes"), recipient(s, "nobody")) == (250, 550), 20, "slapd's answer")
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
        c.say("USER", "1", f"ghost@{DOMAIN}", "service=lmtp")
        assert c.hear() == ["NOTFOUND", "1"]
        s.slapd.freeze()
        try:
            c.say("USER", "2", f"Ghost@{DOMAIN}", "service=lmtp")
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
    with with_look_ups(has_syncprov=True) as s:
        s.slapd.add_user("rival", [f"awa@{DOMAIN}", f"other@{DOMAIN}"], "x")
        wait_until(lambda: s.events("address.taken"), 10, "the claim: all of the entry is left out")
        s.slapd.tool("ldapadd", ldif=f"dn: cn=host,{SUFFIX}\nobjectClass: device\ncn: host\n")
        wait_until(lambda: recipient(s, "other") == 550, 10, "all that there is")
        s.slapd.tool("ldapdelete", f"cn=host,{SUFFIX}")
        wait_until(lambda: recipient(s, "other") == 451, 10, "what is not told")
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


def test_a_reading_in_vain_puts_off_nobody_who_is_added_after_it():
    with with_look_ups(extra="poll 1h;") as s:
        s.slapd.add_user("rival", [f"awa@{DOMAIN}", f"other@{DOMAIN}"], "x")
        assert [recipient(s, name) for name in ("other", "other+0")] == [550, 550]
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
        assert recipient(s, "koffi") == 250


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
