"""Under which host names the page answers, and which forms are of it."""

import socket
import types

import pytest

from supervisor_zerg.web.origin import FormToken, Hosts

SERVERS = [{"host": "10.1.2.3", "port": 9001}, {"host": "Admin.Example"}, {"file": "/run/x.sock"}]


def a_request(**headers):
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return types.SimpleNamespace(header=lines)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:9001",
        "LocalHost",
        "127.0.0.1:9001",
        "192.0.2.7",
        "[::1]:9001",
        "admin.example",
        "admin.example.:9001",
        "zerg.example:80",
        socket.gethostname(),
    ],
)
def test_a_host_of_ours_is_accepted(host):
    assert not Hosts(["zerg.example", " "], SERVERS).refusal(a_request(Host=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:9001",
        "evil@localhost.example",
        "[bad",
        "",
        "1",
    ],
)
def test_the_host_of_another_site_is_refused_with_what_to_do(host):
    refusal = Hosts(["zerg.example", ""], SERVERS).refusal(a_request(Host=host))
    assert "add it to 'hosts' in [rpcinterface:zerg]" in refusal


def test_a_request_without_a_host_is_of_no_browser():
    assert not Hosts([], []).refusal(a_request())


def test_a_form_needs_the_token_of_this_supervisord():
    token = FormToken()
    assert not token.refusal(a_request(Host="x"), {"token": token.value})
    assert "open the page again" in token.refusal(a_request(Host="x"), {"token": FormToken().value})
    assert "open the page again" in token.refusal(a_request(Host="x"), {})


def test_a_form_of_another_site_is_refused_though_it_has_the_token():
    token = FormToken()
    fields = {"token": token.value}
    same = a_request(Host="x:9001", Origin="http://x:9001", Referer="http://x:9001/zerg.html")
    assert not token.refusal(same, fields)
    for headers in ({"Origin": "http://evil"}, {"Referer": "http://evil/"}, {"Origin": "null"}):
        assert token.refusal(a_request(Host="x:9001", **headers), fields)
