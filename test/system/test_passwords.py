"""Passwords that other directories made, in the jail that the role runs in ("correct horse", by slappasswd, doveadm pw, libxcrypt)."""
import imaplib
import sqlite3

from conftest import DOMAIN, wait_until

STORED = {
    "bare": "correct horse",
    "ssha": "{SSHA}Z2Z0TknuLZbDuIGngYVvNyBC/q6FoJ8r",
    "md5": "{MD5}PLTnMmMfR+brlh80VUt83g==",
    "bcrypt": "{CRYPT}$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "sha512crypt": "{CRYPT}$6$rounds=1000$saltsalt$4GMtaIz3E1AdDi2SmCokEW0ehi.HdxNDcL3fGE1XXuzvo6kbx7UOloZKONqEk5H3JrQA4NOfU8BmqFPrpGqwA1",
    "scrypt": "{CRYPT}$7$CU..../....abcdefgh$zsdaqwx89mPOv8.UAUJOC7yCeca1WUSV.qqzsN2U1JA",
    "yescrypt": "{CRYPT}$y$j9T$abcdefghijklmnop/.$YDASnMxy5jAEWGfDMn..GelsoHfLyxU8NbEH7Vb/FQ9",
    "argon2i": "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$/94ryduZVwgSdY3dPX2EKg$9JPiMobU5MtPDyRFLyFrwXd02CCS9V//OXDhYpIydGo",
    "pbkdf2": "{PBKDF2-SHA256}10000$8PHy8/T19vf4.fr7/P3./w$cJYs3G8FC0/oJUBVk9pSYC7DRxRJqCzrN83ZNG1s2vs",
    "scram": "{SCRAM-SHA-256}4096,p6HIVxxB5XUq2/EYtWw0xg==,BerYYEjoflqh08zoPORoyROM2U0a6F+XTawPuu4TlqA=,"
             "3GZGxxZrFhd7V7rkpPXimIMmvm+APkQgdQ8Lnx210IE=",
    "kerberos": "{KERBEROS}correct horse",
}


def try_login(server, name, password):
    i = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=60)
    try:
        i.login(f"{name}@{DOMAIN}", password)
        return "OK"
    except imaplib.IMAP4.error as e:
        return str(e)
    finally:
        i.shutdown()


def test_stored_passwords_of_other_directories_log_in(server):
    before = len(server.events("directory.loaded"))
    with sqlite3.connect(server.directory / "state/directory/accounts.db") as db:
        db.executemany("INSERT INTO user (address, name, password, is_enabled) VALUES (?, '', ?, 1)",
                       [(f"{name}@{DOMAIN}", stored) for name, stored in STORED.items()])
    server.cli("user", "add", f"last@{DOMAIN}", stdin="x\n")
    wait_until(lambda: len(server.events("directory.loaded")) > before, 20, "the new accounts")
    for name in STORED:
        assert "AUTHENTICATIONFAILED" in try_login(server, name, "korrect horse"), name
        said = try_login(server, name, "correct horse")
        assert ("AUTHENTICATIONFAILED" in said) if name == "kerberos" else said == "OK", (name, said)
    (unusable,) = {(e["account"], e["scheme"], e["reason"]) for e in server.events("password.unusable")}
    assert unusable == (f"kerberos@{DOMAIN}", "KERBEROS", "the scheme is unknown")
    assert not server.events("role.died")
