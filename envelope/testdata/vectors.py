#!/usr/bin/env python3
"""Check vectors.json against docs/FORMAT.md, without any of pgveil's code.

Needs the package `cryptography`. Run it here, after a vector was added."""

import base64
import json
import struct

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def lp(x):
    return struct.pack(">I", len(x)) + x


def base64url(x):
    return base64.urlsafe_b64encode(x).rstrip(b"=").decode()


def cmac(key, message):
    c = CMAC(AES(key))
    c.update(message)
    return c.finalize()


def derived_key(key, prefix):
    return cmac(key, b"\0\1X\0" + prefix) + cmac(key, b"\0\2X\0" + prefix)


def seal(key, nonce, plaintext, associated):
    return AESGCM(derived_key(key, nonce[:12])).encrypt(nonce[12:], plaintext, associated)


def check_envelope(v):
    names = {k: v[k].encode() for k in ("keyset", "domain")}
    b = {k: bytes.fromhex(v[k]) for k in ("data_key", "plaintext", "nonce")}
    fields = v["envelope"].split(".")
    if "epoch" in v:
        info = lp(b"pgveil term pv1") + lp(names["keyset"]) + lp(names["domain"]) + lp(b"equality")
        term_key = HKDF(hashes.SHA256(), 32, None, info).derive(bytes.fromhex(v["index_key"]))
        mac = hmac.HMAC(term_key, hashes.SHA256())
        mac.update(bytes.fromhex(v["equality_form"]))
        assert base64url(mac.finalize()[:16]) == v["term"] == fields[4 if v["epoch"] % 2 else 1]
    padded = b["plaintext"] + b"\x80"
    if v["pad"] > 1:
        padded += b"\0" * (-len(padded) % v["pad"])
    version = struct.pack(">I", v["version"])
    associated = lp(b"pv1") + lp(names["keyset"]) + lp(names["domain"]) + version
    associated += b"".join(lp(f.encode()) for f in fields[1:7])
    assert associated.hex() == v["associated_data"]
    assert derived_key(b["data_key"], b["nonce"][:12]).hex() == v["derived_key"]
    body = version + b["nonce"] + seal(b["data_key"], b["nonce"], padded, associated)
    assert fields[0] == "pv1" and len(fields) == 8 and fields[7] == base64url(body)


def main():
    with open("vectors.json", encoding="utf-8") as f:
        vectors = json.load(f)
    for v in vectors["xaes256gcm"]:
        b = [bytes.fromhex(v[k]) for k in ("key", "nonce", "plaintext", "associated_data")]
        assert seal(*b).hex() == v["ciphertext"], v["source"]
    for v in vectors["envelopes"]:
        try:
            check_envelope(v)
        except AssertionError as e:
            raise SystemExit(f"{v['name']}: does not agree") from e
    print(len(vectors["envelopes"]), "envelopes agree")


if __name__ == "__main__":
    main()
