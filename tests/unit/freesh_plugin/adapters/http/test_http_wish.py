"""Headers that ask for a service level: who is believed, and what cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.wish import client_of, read_wish
from freesh_plugin.core.generation import ServiceWish

TOKEN = "a-token-of-the-gateway"
NAMES = (b"deadline-ms", b"class", b"tier", b"client", b"predicted-tokens")


def test_nothing_asked_is_nothing_wished() -> None:
    assert read_wish({}, TOKEN) == ServiceWish()


def test_without_a_gateway_nobody_is_believed() -> None:
    headers = {b"x-freesh-token": b"", b"x-freesh-class": b"SS", b"x-freesh-deadline-ms": b"100"}
    assert read_wish(headers, None) == ServiceWish(deadline_s=0.1)


@pytest.mark.parametrize("value", [b"", b"0", b"-5", b"1.5", b"1e3", b"soon", b"9" * 13, b"86400001", b"\xb2"])
def test_values_that_cannot_be_read_are_as_if_absent(value: bytes) -> None:
    headers = {b"x-freesh-token": TOKEN.encode(), b"x-freesh-deadline-ms": value}
    assert read_wish(headers, TOKEN) == ServiceWish(trusted=True)


@pytest.mark.parametrize("name", [b"", b" ", b"x" * 129, b"a\x07"])
def test_names_that_cannot_be_names_are_as_if_absent(name: bytes) -> None:
    headers = {b"x-freesh-token": TOKEN.encode(), b"x-freesh-class": name, b"x-freesh-tier": name}
    assert read_wish(headers, TOKEN) == ServiceWish(trusted=True)


def test_clients_differ_by_their_keys_and_keys_do_not_show() -> None:
    one, other = client_of(b"Bearer one"), client_of(b"Bearer other")
    assert one != other
    assert "one" not in one
    assert client_of(b"") == ""


def test_one_key_is_one_client_however_its_scheme_is_written() -> None:
    assert client_of(b"Bearer key") == client_of(b"bEARER  key ") == client_of(b"Token key")


@given(st.dictionaries(st.sampled_from([b"x-freesh-" + name for name in NAMES]), st.binary(max_size=20)), st.binary())
def test_no_header_raises_and_no_forged_token_is_believed(headers: dict[bytes, bytes], token: bytes) -> None:
    assert not read_wish({**headers, b"x-freesh-token": token}, TOKEN).trusted
    assert read_wish({**headers, b"x-freesh-token": TOKEN.encode()}, TOKEN).trusted
