"""Addresses that entries of a real slapd claim: whose they are, and where groups lead."""
import contextlib
import imaplib
import json
import os
import re
import signal
import smtplib
import time

import pytest

from conftest import COPY_S, wait_until
from test_ldap import ldap, log_in, recipient, refusal, running  # noqa: F401: ldap is a fixture
from slapd import SUFFIX


def files(server, name):
    return [p for sub in ("new", "cur") for p in (server.mail / "amerique.iut" / name / "mailbox" / sub).glob("*")]


def test_an_entry_that_claims_anothers_address_gets_neither_mail_nor_log_ins(ldap):
    ldap.slapd.add_user("mallory", ["younes.bensyed@amerique.iut", "mallory@amerique.iut"], "mine")
    [taken] = wait_until(lambda: ldap.events("address.taken"), 10, "the claim")
    assert taken["kept"] == f"uid=ybensyed,{SUFFIX}" and taken["left_out"] == f"uid=mallory,{SUFFIX}"
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "younes.bensyed", "mine")
    log_in(ldap, "younes.bensyed", "azerty").logout()
    ldap.send("for younes", to="younes.bensyed")
    assert files(ldap, "ybensyed") and not files(ldap, "mallory")
    # The claim outlives a restart, and so does whose the address is.
    assert ldap.stop() == 0
    ldap.start()
    log_in(ldap, "younes.bensyed", "azerty").logout()
    ldap.slapd.delete("ybensyed")
    wait_until(lambda: "AUTHENTICATIONFAILED" not in refusal_or_ok(ldap, "younes.bensyed", "mine"), 10, "the address to be free")


def refusal_or_ok(server, name, password):
    try:
        log_in(server, name, password).logout()
        return ""
    except Exception as e:
        return str(e)


def test_a_further_address_gives_way_to_an_account(ldap):
    ldap.slapd.add_user("mallory", ["mallory@amerique.iut", "younes.bensyed@amerique.iut", "younes@amerique.iut"], "mine")
    wait_until(lambda: recipient(ldap, "mallory") == 250, 10, "the account")
    for name in ("younes.bensyed", "younes"):
        ldap.send("not for mallory", to=name)
    assert len(files(ldap, "ybensyed")) == 2 and not files(ldap, "mallory")
    with smtplib.SMTP("localhost", ldap.ports["submission"], timeout=30) as s:
        s.starttls(context=ldap.tls())
        s.login("mallory@amerique.iut", "mine")
        assert s.mail("younes@amerique.iut")[0] == 553


def test_no_entry_is_given_all_other_addresses_of_a_domain(ldap):
    ldap.slapd.add_user("mallory", ["mallory@amerique.iut", "@amerique.iut"], "mine")
    wait_until(lambda: recipient(ldap, "mallory") == 250, 10, "the account")
    assert recipient(ldap, "nobody") == 550
    assert ldap.events("entry.value")


def test_an_entry_may_be_given_all_other_addresses_of_a_domain_when_that_is_wanted():
    with running(extra="catch_all yes;") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        assert recipient(s, "nobody") == 550
        s.slapd.add_user("rest", ["rest@amerique.iut", "@amerique.iut"], "mine")
        wait_until(lambda: recipient(s, "somebody") == 250, 10, "the address")
        s.send("for the rest", to="whoever")
        s.send("not for the rest", to="younes")
        assert len(files(s, "rest")) == len(files(s, "ybensyed")) == 1
        assert "stands for what the domain has no other name for" in s.cli("explain", "whoever@amerique.iut").stdout


def test_a_value_that_is_too_long_is_left_out_and_the_rest_is_read(ldap):
    ldap.slapd.add_user("long", ["long@amerique.iut", "x" * 70000 + "@amerique.iut"], "x", "description: " + "y" * 70000)
    wait_until(lambda: recipient(ldap, "long") == 250, 10, "the account")
    assert ldap.events("entry.value")[0]["attribute"] == "mail"
    ldap.slapd.add_user("longer", "z" * 70000 + "@amerique.iut", "x")
    ldap.slapd.add_user("last", "last@amerique.iut", "x")
    wait_until(lambda: recipient(ldap, "last") == 250, 10, "the account behind it")
    # each is told once, however often everything is read
    assert len([e for e in ldap.events("entry.value") if e["entry"] == f"uid=long,{SUFFIX}"]) == 1


@pytest.mark.parametrize("schema, classes, attribute", [("openldap", "inetLocalMailRecipient", "mailLocalAddress"),
                                                        ("inetorgperson; aliases mailLocalAddress", "inetLocalMailRecipient", "mailLocalAddress"),
                                                        ("posix; aliases departmentNumber", "", "departmentNumber")])
def test_a_schema_names_the_attributes_and_directives_name_others(schema, classes, attribute):
    with running(extra=f"schema {schema};") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        s.slapd.add_user("koffi", "koffi@amerique.iut", "un", *([f"objectClass: {classes}"] if classes else []),
                         f"{attribute}: kk@amerique.iut")
        wait_until(lambda: recipient(s, "kk") == 250, 10, "the alias")
        s.send("to the alias", to="kk")
        assert files(s, "koffi")


def test_the_schema_of_active_directory():
    with running(extra="schema activedirectory; password userPassword; login_name account; groups (sAMAccountName=sales);") as s:
        more = ["objectClass: extensibleObject", "userAccountControl: 512", "sAMAccountName: KKOFFI", "displayName: Koffi K."]
        s.slapd.add_user("koffi", "koffi@amerique.iut", "un", *more, "proxyAddresses: SMTP:Koffi@amerique.iut", "proxyAddresses: smtp:kk@amerique.iut",
                         "proxyAddresses: x500:/o=amerique/cn=koffi@amerique.iut", "proxyAddresses: SIP:sip@amerique.iut")
        s.slapd.add_group("sales", "groupOfNames extensibleObject", "sAMAccountName: sales", "mail: sales@amerique.iut",
                          "proxyAddresses: smtp:vente@amerique.iut", f"member: {dn('koffi')}")
        wait_until(lambda: recipient(s, "vente") == 250, 20, "the reading")
        for to in ("koffi", "kk", "sales", "vente"):
            s.send(f"to {to}", to=to)
        assert len(files(s, "koffi")) == 4 and recipient(s, "sip") == 550
        assert "koffi@amerique.iut  Koffi K." in s.cli("user", "list").stdout
        assert not s.events("entry.value")
        imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30).login("kkoffi", "un")
        s.slapd.set("koffi", "userAccountControl", "514")
        wait_until(lambda: [c for c in s.events("account.changed") if c["what"] == "disabled"], 10, "the end of koffi")
        assert refusal_or_ok(s, "koffi", "un")


def test_the_schema_of_qmail():
    with running(extra="schema qmail; groups (mgrpRFC822MailMember=*);") as s:
        def add(name, *lines):
            s.slapd.add_user(name, f"{name}@amerique.iut", "un", "objectClass: extensibleObject", *lines)
        add("koffi", "mailAlternateAddress: kk@amerique.iut", "accountStatus: active")
        add("both", "mailForwardingAddress: koffi@amerique.iut")
        add("gone", "mailForwardingAddress: koffi@amerique.iut", "deliveryMode: nolocal", "accountStatus: disabled")
        add("home", "mailForwardingAddress: koffi@amerique.iut", "deliveryMode: noforward")
        s.slapd.add_group("team", "device extensibleObject", "mail: team@amerique.iut", "mgrpRFC822MailMember: both@amerique.iut",
                          "mgrpRFC822MailMember: home@amerique.iut")
        wait_until(lambda: recipient(s, "team") == 250, 20, "the reading")
        count = {"koffi": 0, "both": 0, "gone": 0, "home": 0}
        for to, gets in (("kk", ["koffi"]), ("both", ["both", "koffi"]), ("gone", ["koffi"]), ("home", ["home"]), ("team", ["both", "koffi", "home"])):
            s.send(f"to {to}", to=to)
            for name in gets:
                count[name] += 1
            assert {name: len(files(s, name)) for name in count} == count, to
        assert refusal_or_ok(s, "gone", "un") and not refusal_or_ok(s, "both", "un")


def test_mail_of_an_account_that_forwards_goes_there_instead():
    with running(extra="forward departmentNumber; disabled employeeType; name description; address l;") as s:
        for uid, forwards in (("a", []), ("b", ["a@amerique.iut"]), ("c", ["a@amerique.iut", "c@amerique.iut"]), ("d", ["x@afrique.iut"])):
            s.slapd.add_user(uid, f"{uid}@elsewhere.iut", "pw", f"l: {uid}@amerique.iut", *(f"departmentNumber: {f}" for f in forwards))
        wait_until(lambda: recipient(s, "c") == 250, 20, "the reading")
        assert recipient(s, "d") == 250  # the queue takes it out
        assert recipient(s, "younes") == 550  # whose address is in another attribute
        for to, counts in (("b", (1, 0, 0)), ("c", (2, 0, 1))):
            s.send("forwarded", to=to)
            assert tuple(len(files(s, n)) for n in "abc") == counts
        with smtplib.SMTP("localhost", s.ports["submission"], timeout=30) as c:
            c.starttls(context=s.tls())
            c.login("a@amerique.iut", "pw")
            assert c.mail("b@amerique.iut")[0] == 553
        log_in(s, "b", "pw").logout()
        s.slapd.set("b", "employeeType", "TRUE")
        wait_until(lambda: "AUTHENTICATIONFAILED" in refusal_or_ok(s, "b", "pw") or "disabled" in refusal_or_ok(s, "b", "pw"), 10, "the end of b")


GROUPS = "groups (|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=nisMailAlias));"


def dn(name):
    return f"{'uid' if name in ('ybensyed', 'awa', 'koffi') else 'cn'}={name},{SUFFIX}"


@contextlib.contextmanager
def with_groups(extra=""):
    """younes and awa stand in groups of every kind; koffi in none."""
    with running(extra=GROUPS + extra) as s:
        d = s.slapd
        d.add_user("koffi", "koffi@amerique.iut", "un")
        d.add_group("bare", "groupOfNames", f"member: {dn('awa')}", f"member: {dn('gone')}")
        d.add_group("names", "groupOfNames extensibleObject", "mail: names@amerique.iut", f"member: {dn('ybensyed')}", f"member: {dn('bare')}")
        d.add_group("unique", "groupOfUniqueNames extensibleObject", "mail: unique@amerique.iut", "mail: unique2@amerique.iut",
                    f"uniqueMember: {dn('ybensyed')}", f"uniqueMember: {dn('names')}")
        d.add_group("unix", "posixGroup extensibleObject", "gidNumber: 7", "mail: unix@amerique.iut", "memberUid: ybensyed", "memberUid: nobody")
        d.add_group("list", "nisMailAlias extensibleObject", "mail: list@amerique.iut", "rfc822MailMember: awa@amerique.iut",
                    "rfc822MailMember: unix@amerique.iut")
        d.add_group("loop", "groupOfNames extensibleObject", "mail: loop@amerique.iut", f"member: {dn('loop')}", f"member: {dn('unique')}")
        d.add_group("out", "nisMailAlias extensibleObject", "mail: out@amerique.iut", "rfc822MailMember: x@afrique.iut")
        wait_until(lambda: recipient(s, "koffi") == 250, 20, "the reading")
        names = {f"{name}@amerique.iut" for name in ("names", "unique", "unique2", "unix", "list", "loop", "out")}
        wait_until(lambda: names <= {a["address"] for a in json.loads(s.cli("alias", "list", "--json").stdout)}, COPY_S, "the groups")
        yield s


def boxes(server):
    return tuple(len(files(server, name)) for name in ("ybensyed", "awa", "koffi"))


def test_mail_to_a_group_goes_to_each_member_once():
    with with_groups() as s:
        before = boxes(s)
        for to, gets in (("names", (1, 1, 0)), ("unique", (1, 1, 0)), ("unique2", (1, 1, 0)), ("unix", (1, 0, 0)), ("list", (1, 1, 0)), ("loop", (1, 1, 0))):
            s.send(f"to {to}", to=to)
            assert boxes(s) == tuple(a + b for a, b in zip(before, gets)), to
            before = boxes(s)
        with s.smtp() as c:
            c.sendmail("a@b.example", [f"{n}@amerique.iut" for n in ("names", "list", "younes", "koffi")], "Subject: once\r\n\r\n")
        assert boxes(s) == tuple(a + 1 for a in before)
        assert recipient(s, "out") == 250
        # members follow, and a group that loses them all is not called unknown
        s.slapd.tool("ldapmodify", ldif=f"dn: {dn('unix')}\nchangetype: modify\nreplace: memberUid\nmemberUid: koffi\n")
        wait_until(lambda: s.send("to koffi", to="unix") or boxes(s)[2] > before[2] + 1, 10, "the new member")
        s.slapd.tool("ldapmodify", ldif=f"dn: {dn('unix')}\nchangetype: modify\ndelete: memberUid\n")
        wait_until(lambda: recipient(s, "unix") == 451, 10, "the last member's end")


def test_mail_to_a_group_of_a_whole_school_comes_to_everybody_once():
    """More than a message between roles has room for, and than are on their way to the store at once."""
    uids = [f"etudiant-{i:04}-de-la-promotion-2026" for i in range(1200)]
    with running(extra=GROUPS) as s:
        s.slapd.add_users(uids)
        s.slapd.add_group("tous", "groupOfNames extensibleObject", "mail: tous@amerique.iut", *(f"member: uid={uid},{SUFFIX}" for uid in uids))
        wait_until(lambda: recipient(s, "tous") == 250, 60, "the group")
        wait_until(lambda: recipient(s, uids[-1]) == 250, 60, "the last member")
        with s.smtp() as c:
            c.sendmail("a@b.example", ["tous@amerique.iut", f"{uids[7]}@amerique.iut"], "Subject: to all\r\n\r\n" + "x" * 70 + "\r\n")
        assert [len(files(s, uid)) for uid in uids] == [1] * len(uids)
        # Who reads it: what the last of them has is the whole message.
        assert b"x" * 70 in files(s, uids[-1])[0].read_bytes()


def submit(server, name, password, sender, to):
    with smtplib.SMTP("localhost", server.ports["submission"], timeout=30) as c:
        c.starttls(context=server.tls())
        c.login(f"{name}@amerique.iut", password)
        return c.mail(f"{sender}@amerique.iut")[0], c.rcpt(f"{to}@amerique.iut")


def test_who_may_write_to_a_group_and_send_as_it_is_configured():
    with with_groups("group_posting members; group_sending members;") as s:
        assert recipient(s, "unix") == 550 and recipient(s, "koffi") == 250
        code, (refused, text) = submit(s, "koffi", "un", "koffi", "unix")
        assert (code, refused) == (250, 550) and b"5.7.1" in text
        assert submit(s, "younes.bensyed", "azerty", "unix", "unix")[0] == 250
        assert submit(s, "younes.bensyed", "azerty", "younes", "unix")[1][0] == 250
        assert submit(s, "koffi", "un", "unix", "koffi")[0] == 553
        # whoever is of the domain, and nobody as the group
        s.conf.write_text(s.conf.read_text().replace("group_posting members; group_sending members;", "group_posting domain;"))
        s.process.send_signal(signal.SIGHUP)
        wait_until(lambda: s.events("config.reloaded"), 20, "the reload")
        assert recipient(s, "unix") == 550
        assert submit(s, "koffi", "un", "koffi", "unix")[1][0] == 250
        assert submit(s, "younes.bensyed", "azerty", "unix", "unix")[0] == 553


def test_the_command_line_lists_what_ldap_holds_and_changes_none_of_it():
    with with_groups() as s:
        users = {u["address"]: u for u in json.loads(s.cli("user", "list", "--json").stdout)}
        assert users["younes.bensyed@amerique.iut"]["entry"] == dn("ybensyed")
        assert sorted(users["younes.bensyed@amerique.iut"]["aliases"])[-1] == "younes@amerique.iut"
        assert users["younes.bensyed@amerique.iut"]["mailbox"].endswith("/ybensyed/mailbox") and "azerty" not in json.dumps(users)
        assert "koffi@amerique.iut  koffi  (LDAP)" in s.cli("user", "list").stdout
        assert dn("koffi") in s.cli("user", "show", "koffi@amerique.iut").stdout
        aliases = {a["address"]: a for a in json.loads(s.cli("alias", "list", "--json").stdout)}
        assert aliases["names@amerique.iut"]["targets"] == ["younes.bensyed@amerique.iut", "awa@amerique.iut"]
        assert json.loads(s.cli("domain", "list", "--json").stdout)[0]["accounts"] == 3
        for change in (("user", "remove", "koffi@amerique.iut"), ("user", "password", "koffi@amerique.iut"), ("user", "disable", "koffi@amerique.iut"),
                       ("user", "add", "koffi@amerique.iut"), ("alias", "remove", "names@amerique.iut")):
            p = s.cli(*change, stdin="x\n", check=False)
            assert p.returncode == 1 and "change it there" in p.stderr, change
        # an alias of our own may lead to an account of LDAP
        s.cli("alias", "add", "boss@amerique.iut", "koffi@amerique.iut")
        s.send("to the boss", to="boss")
        assert boxes(s) == (0, 0, 1)
        # without a server the last copy is shown, and without one it is said
        assert s.stop() == 0
        assert "koffi@amerique.iut" in s.cli("user", "list").stdout
        [copy] = (s.directory / "state").rglob("ldap.snapshot")
        copy.unlink()
        p = s.cli("user", "list", check=False)
        assert p.returncode == 1 and "LDAP" in p.stderr and "koffi" not in p.stdout
        s.start()


def test_the_command_line_lists_ldap_as_the_running_server_has_it_and_says_when_none_runs():
    with running() as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        for n in range(8):
            s.slapd.add_user(f"new{n}", [f"new{n}@amerique.iut", f"other{n}@amerique.iut"], "x")
            assert recipient(s, f"new{n}") == 250
            p = s.cli("user", "list")
            assert f"new{n}@amerique.iut" in p.stdout.split() and p.stderr == ""
            assert f"other{n}@amerique.iut new{n}@amerique.iut" in s.cli("alias", "list").stdout
        s.slapd.set("new0", "cn", "Another")
        wait_until(lambda: "Another" in s.cli("user", "show", "new0@amerique.iut").stdout, 10, "the name")
        # also of a change that is not written down when LDAP goes away
        s.slapd.add_user("last", "last@amerique.iut", "x")
        assert recipient(s, "last") == 250
        s.slapd.stop()
        p = s.cli("user", "list")
        assert "last@amerique.iut" in p.stdout and p.stderr == ""
        s.slapd.start()
        wait_until(lambda: s.events("ldap.back"), 20, "ldap.back")
        assert {u["copy_age_s"] for u in json.loads(s.cli("user", "list", "--json").stdout)} == {0}
        assert s.stop() == 0
        [copy] = (s.directory / "state").rglob("ldap.snapshot")
        os.utime(copy, (1, time.time() - 7200))
        said = r"What is of LDAP is from the copy on disk, 72\d\d s old: no server runs with this configuration\n"
        for command in (("user", "list"), ("user", "show", "new1@amerique.iut"), ("alias", "list"), ("alias", "show", "other1@amerique.iut")):
            p = s.cli(*command)
            assert re.fullmatch(said, p.stderr) and "new1@amerique.iut" in p.stdout, command
        assert 7200 <= json.loads(s.cli("user", "show", "new1@amerique.iut", "--json").stdout)["copy_age_s"] < 7300
        s.start()


def test_users_log_in_with_any_address_of_their_entry_and_are_one_account(ldap):
    i = log_in(ldap, "younes", "azerty")
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "younes", "secret")
    assert submit(ldap, "younes", "azerty", "younes.bensyed", "awa")[0] == 250
    assert {event["user"] for event in ldap.events("login")} == {"younes.bensyed@amerique.iut"}
    out = json.loads(ldap.cli("explain", "--login", "younes", "--json").stdout)
    assert out["accepted"] and {"first_domain", "further_address", "account"} <= {step["step"] for step in out["steps"]}
    # by whatever name he came, he is out when his password is another
    ldap.slapd.set("ybensyed", "userPassword", "new")
    with pytest.raises((i.abort, i.error, OSError)):
        wait_until(lambda: i.noop() and False, 10, "the session's end")
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "younes", "azerty")
    # an alias of ours is nobody's name
    ldap.cli("alias", "add", "boss@amerique.iut", "awa@amerique.iut")
    assert "AUTHENTICATIONFAILED" in refusal(ldap, "boss", "secret")


def test_users_log_in_with_the_name_of_the_account_when_configured():
    with running(extra="login_name account;") as s:
        wait_until(lambda: recipient(s, "younes") == 250, 20, "the first reading")
        for name in ("ybensyed", "YBensyed", "younes.bensyed@amerique.iut", "younes.bensyed"):
            i = imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30)
            assert i.login(name, "azerty")[0] == "OK"
            i.logout()
        # a name is nobody's address, and an account's address counts before another's name
        assert recipient(s, "ybensyed") == 550
        assert "AUTHENTICATIONFAILED" in refusal(s, "ybensyed", "azerty")
        s.slapd.add_user("younes.bensyed", "mallory@amerique.iut", "mine")
        wait_until(lambda: recipient(s, "mallory") == 250, 10, "the account")
        i = imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30)
        with pytest.raises(imaplib.IMAP4.error):
            i.login("younes.bensyed", "mine")
        s.slapd.delete("ybensyed")
        wait_until(lambda: recipient(s, "younes") == 550, 10, "the deletion")
        with pytest.raises(imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", s.ports["imap"], timeout=30).login("ybensyed", "azerty")
