"""`mermoz explain`: what it says is what clients hear, of the embedded directory and of a real slapd."""
import imaplib
import json
import os

import pytest

from conftest import DOMAIN, PASSWORDS, server, wait_until  # noqa: F401: a fixture
from slapd import PROGRAM, SUFFIX
from test_ldap import ldap, recipient, running  # noqa: F401: a fixture

needs_slapd = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="slapd is not installed")


def why(s, *args, code=None):
    """The object of --json; the exit code says whether it was accepted."""
    p = s.cli("explain", *args, "--json", check=False)
    assert p.returncode in (0, 1) and not p.stderr, (p.stdout, p.stderr)
    out = json.loads(p.stdout)
    assert out["accepted"] == (p.returncode == 0)
    assert code is None or p.returncode == code, out
    return out


def steps(out, name):
    return [step for step in out["steps"] if step["step"] == name]


def rcpt_of_a_client(s, address):
    with s.smtp() as c:
        c.ehlo("c.example")
        c.mail("a@b.example")
        code, text = c.rcpt(address)
        return f"{code} {text.decode()}"


def test_the_reply_is_the_one_that_a_client_hears(server):
    server.cli("alias", "add", f"team@{DOMAIN}", f"alice@{DOMAIN}", f"bob@{DOMAIN}")
    server.cli("alias", "add", f"abroad@{DOMAIN}", "someone@afrique.iut")
    for address, decision in [(f"alice@{DOMAIN}", "mailbox"), (f"Alice+x@{DOMAIN.upper()}", "mailbox"), (f"team@{DOMAIN}", "mailbox"),
                              (f"nobody@{DOMAIN}", "unknown"), (f"abroad@{DOMAIN}", "foreign"), ("x@afrique.iut", "foreign"),
                              ("postmaster", "mailbox"), ("bad..x@", "unknown"), (f"bad..x@{DOMAIN}", "unknown"), (f"a b@{DOMAIN}", "unknown"), ("nobody", "unknown"),
                              (f'"alice"@{DOMAIN}', "mailbox"), (f'"a b"@{DOMAIN}', "unknown")]:
        out = why(server, address)
        assert (out["decision"], out["smtp"]) == (decision, rcpt_of_a_client(server, f"<{address}>")), address


def test_who_may_write_elsewhere_is_told_to_how_many_places_it_goes(server):
    assert why(server, "x@afrique.iut", "--as", f"alice@{DOMAIN}", code=0)["elsewhere"] == 1
    assert why(server, "x@afrique.iut", code=1)["elsewhere"] == 0


def test_a_person_reads_each_step(server):
    server.cli("alias", "add", f"sales@{DOMAIN}", f"alice@{DOMAIN}")
    text = server.cli("explain", f"sales+list@{DOMAIN}").stdout.splitlines()
    assert text[0] == f"Mail to sales+list@{DOMAIN} from somebody who did not log in:"
    assert f"  there is no sales+list@{DOMAIN}; without its detail it is sales@{DOMAIN}" in text
    assert f"  sales@{DOMAIN} is an alias (embedded) with 1 target(s)" in text
    assert f"    alice@{DOMAIN} is an account (embedded), mailbox {server.mail}/{DOMAIN}/alice/mailbox" in text
    assert text[-2:] == ["Accepted (mailbox): each of these mailboxes gets the mail.", "SMTP  250 2.1.5 Recipient ok"]


def test_who_may_send_as_what_is_what_mail_from_hears(server):
    with server.submission("alice") as c:
        for address in (f"alice@{DOMAIN}", f"alice+x@{DOMAIN}", f"bob@{DOMAIN}", "x@afrique.iut", f'"alice"@{DOMAIN}'):
            c.ehlo("c.example")
            code, text = c.docmd(f"MAIL FROM:<{address}>")
            out = why(server, "--sender", address, "--as", "alice")
            assert out["accepted"] == (code == 250) and out["smtp"].startswith(f"{code} {text.decode()[:5]}"), address
            c.rset()


def test_a_log_in_is_told_of_without_any_password(server):
    out = why(server, "--login", "alice", code=0)
    assert steps(out, "account")[0]["mailbox"] == f"{server.mail}/{DOMAIN}/alice/mailbox"
    assert steps(out, "password") == [{"step": "password", "scheme": "ARGON2ID", "how": "on a thread"}]
    assert why(server, "--login", "nobody", code=1)["imap"].startswith("NO [AUTHENTICATIONFAILED]")
    server.cli("user", "disable", f"carol@{DOMAIN}")
    out = why(server, "--login", "carol", code=1)
    assert steps(out, "disabled_by")[0]["by"] == "`mermoz user disable`"
    with pytest.raises(imaplib.IMAP4.error) as refused:
        server.imap("carol")
    assert str(refused.value).startswith(out["imap"].removeprefix("NO ")[:14])
    server.cli("user", "enable", f"carol@{DOMAIN}")
    everything = server.cli("explain", "--login", "alice").stdout + json.dumps(out)
    assert not any(secret in everything for secret in ("argon2id$", *PASSWORDS.values()))


def test_nothing_is_left_behind_by_a_question(server):
    before = len(server.log_text())
    for name in ("bob", "nobody", "team"):
        why(server, f"{name}@{DOMAIN}")
    said = server.log_text()[before:]
    assert not any(f"{name}@{DOMAIN}" in said for name in ("bob", "nobody", "team")), said
    assert not server.maildir("bob").exists()


def test_a_question_that_is_none_is_told_from_one_that_was_not_answered(server, tmp_path):
    assert server.cli("explain", check=False).returncode == 2
    assert server.cli("explain", "--sender", f"alice@{DOMAIN}", check=False).returncode == 2
    assert server.cli("explain", "a@b.example", "c@d.example", "e@f.example", check=False).returncode == 2
    assert server.cli("explain", "a@b.example", "--as", "alice", "--from", "192.0.2.1", check=False).returncode == 2
    p = server.cli("explain", f"alice@{DOMAIN}", "--as", "nobody", check=False)
    assert p.returncode == 3 and "no account of the name" in p.stderr
    text = server.conf.read_text().replace(f"{server.directory}/run;", f"{tmp_path};")
    (tmp_path / "other.conf").write_text(text)
    p = server.mermoz("explain", f"alice@{DOMAIN}", "-c", str(tmp_path / "other.conf"), check=False)
    assert p.returncode == 3 and "no server runs" in p.stderr and not p.stdout
    assert "mermoz explain --login NAME" in server.mermoz("explain", "--help").stdout


def test_only_who_may_use_the_control_socket_may_ask(server):
    mode = os.stat(server.directory / "run" / "directory.sock").st_mode
    assert mode & 0o077 == 0


@needs_slapd
def test_an_address_of_ldap_is_told_with_its_entry_its_filter_and_the_age_of_the_copy(ldap):
    out = why(ldap, f"Younes+x@{DOMAIN}", code=0)
    assert steps(out, "further_address")[0]["source"] == "LDAP"
    assert steps(out, "account")[0]["mailbox"] == f"{ldap.mail}/{DOMAIN}/ybensyed/mailbox"
    assert {step["entry"] for step in steps(out, "entry")} == {f"uid=ybensyed,{SUFFIX}"}
    [asked] = steps(out, "filter")
    assert f"LDAP would be asked for it with {asked['filter']}" in ldap.cli("explain", f"younes+x@{DOMAIN}").stdout
    assert ldap.slapd.search(asked["filter"]).stdout.startswith(f"dn: uid=ybensyed,{SUFFIX}\n"), "the filter is one that LDAP takes"
    [copy] = steps(out, "copy")
    assert copy["up"] and copy["tells_changes"] and 0 <= copy["confirmed_s"] <= 60 and copy["read_s"] >= 0


@needs_slapd
def test_an_address_that_ldap_has_since_a_moment_is_found(ldap):
    assert why(ldap, f"nobody@{DOMAIN}", code=1)["decision"] == "unknown"
    ldap.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
    out = why(ldap, f"koffi@{DOMAIN}", code=0)
    if steps(out, "looked"):
        assert steps(out, "looked")[0]["result"] == "it was answered"
    assert steps(out, "entry")[0]["entry"] == f"uid=koffi,{SUFFIX}"


@needs_slapd
def test_a_question_does_not_make_an_address_unknown_to_a_client(ldap):
    """What was looked for in vain is remembered for a client, never for somebody who asks why."""
    for n in range(3):
        assert why(ldap, f"new{n}@{DOMAIN}")["decision"] == "unknown"
        ldap.slapd.add_user(f"new{n}", f"new{n}@{DOMAIN}", "x")
        assert recipient(ldap, f"new{n}") == 250


@needs_slapd
def test_while_ldap_is_away_an_unknown_address_is_later_and_a_known_one_is_there(ldap):
    ldap.slapd.stop()
    wait_until(lambda: ldap.events("ldap.away"), 20, "ldap.away")
    out = why(ldap, f"nobody@{DOMAIN}", code=1)
    assert out["decision"] == "later" and out["smtp"].startswith("451 4.3.0") and steps(out, "looked")[0]["result"] == "no server answered"
    assert steps(out, "copy")[0]["up"] is False
    assert why(ldap, f"awa@{DOMAIN}", code=0)["decision"] == "mailbox"
    out = why(ldap, "--login", f"nobody@{DOMAIN}", code=1)
    assert out["decision"] == "later" and out["imap"].startswith("NO [UNAVAILABLE]")


@needs_slapd
def test_several_entries_that_claim_an_address_are_all_named(ldap):
    ldap.slapd.add_user("mallory", [f"younes.bensyed@{DOMAIN}", f"other@{DOMAIN}"], "mine")
    wait_until(lambda: ldap.events("address.taken"), 10, "the claim")
    claims = wait_until(lambda: steps(why(ldap, f"younes.bensyed@{DOMAIN}", code=0), "claim"), 10, "the claim in force")
    assert claims == [{"step": "claim", "address": f"younes.bensyed@{DOMAIN}", "entry": f"uid=mallory,{SUFFIX}", "kept": f"uid=ybensyed,{SUFFIX}"}]
    out = why(ldap, f"other@{DOMAIN}", code=1)
    assert out["decision"] == "unknown" and steps(out, "left_out")[0]["entry"] == f"uid=mallory,{SUFFIX}"
    ldap.cli("user", "add", f"koffi@{DOMAIN}", "--attribute", "uid=koffi", stdin="x\n")
    ldap.slapd.add_user("koffi", f"koffi@{DOMAIN}", "x")
    out = wait_until(lambda: (found := why(ldap, f"koffi@{DOMAIN}", code=0)) and steps(found, "claim") and found, 10, "the reading")
    assert steps(out, "account")[0]["source"] == "embedded" and not steps(out, "entry")
    assert steps(out, "claim")[0]["kept"] == "the embedded directory"


@needs_slapd
def test_groups_forwards_and_disabled_accounts_of_ldap():
    extra = "groups (objectClass=groupOfNames); group_posting members; group_sending members; forward description; disabled employeeType; login_name account;"
    with running(extra=extra) as s:
        s.slapd.add_group("team", "groupOfNames extensibleObject", f"mail: team@{DOMAIN}", f"member: uid=awa,{SUFFIX}", f"member: uid=ybensyed,{SUFFIX}")
        s.slapd.add_user("koffi", f"koffi@{DOMAIN}", "un", f"description: awa@{DOMAIN}", "employeeType: locked")
        wait_until(lambda: recipient(s, "koffi") == 250 and recipient(s, "team") == 550, 20, "the first reading")
        out = why(s, f"team@{DOMAIN}", code=1)
        assert out["decision"] == "denied" and out["smtp"].startswith("550 5.7.1") and steps(out, "group")[0]["targets"] == 2
        assert "members" in steps(out, "posting")[0]["who"]
        assert {step["address"] for step in steps(out, "account")} == {f"awa@{DOMAIN}", f"younes.bensyed@{DOMAIN}"}
        assert why(s, f"team@{DOMAIN}", "--as", "awa", code=0)["decision"] == "mailbox"
        assert why(s, "--sender", f"team@{DOMAIN}", "--as", f"awa@{DOMAIN}", code=0)["decision"] == "own"
        out = why(s, f"koffi@{DOMAIN}", code=0)
        assert steps(out, "forward")[0]["targets"] == 1 and steps(out, "account")[0]["address"] == f"awa@{DOMAIN}"
        out = why(s, "--login", "koffi", code=1)
        assert steps(out, "first_domain"), "an address counts before a name"
        assert steps(out, "disabled_by")[0]["by"] == "the attribute employeeType" and out["smtp"].startswith("535 5.7.13")
        out = why(s, "--login", "ybensyed", code=0)
        assert steps(out, "login_name")[0]["address"] == f"younes.bensyed@{DOMAIN}"
        assert steps(out, "password")[0]["scheme"] == "PLAIN"
