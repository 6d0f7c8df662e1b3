"""Who may act by the page of a real supervisord, and what is refused."""

from urllib.parse import urlencode

import pytest

from .browser import Browser, raw, serving


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9", "x" * 1000])
def test_without_the_token_nothing_is_done(stack, browser, token):
    before = serving(stack)
    status, _, text = browser.post("swap", token=token)
    assert status == 403 and "open the page again" in text and serving(stack) == before


@pytest.mark.parametrize("header", ["Origin", "Referer"])
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://[bad",
        "http://{host}.evil.example/",
        "",
    ],
)
def test_a_foreign_page_may_not_act_even_with_the_token(stack, browser, header, url):
    before = serving(stack)
    status, _, text = browser.post("swap", {header: url.format(host=f"127.0.0.1:{stack.port}")})
    assert status == 403 and "another site" in text and serving(stack) == before


def test_our_own_page_may(stack, browser):
    home = f"http://127.0.0.1:{stack.port}"
    assert browser.post("reconcile", {"Origin": home, "Referer": f"{home}/zerg.html"})[0] == 303


def test_a_page_under_a_foreign_host_name_may_neither_read_nor_act(stack, browser):
    before = serving(stack)
    host = f"evil.example:{stack.port}"
    rebound = Browser(stack.port, Host=host)
    for path in ("/zerg.html", "/zerg.json"):
        status, _, text = rebound.get(path)
        assert status == 403 and "hosts" in text and "token" not in text
    body = urlencode({"token": browser.token(), "pair": "pybossa"})
    status, _, text = rebound.ask("POST", "/zerg/swap", body, Origin=f"http://{host}")
    assert status == 403 and "hosts" in text and serving(stack) == before
    assert rebound.get("/zerg/metrics")[0] == 200, "Prometheus may know us by another name"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST."])
def test_the_page_answers_under_names_of_this_machine(stack, name):
    assert Browser(stack.port, Host=f"{name}:{stack.port}").get()[0] == 200


def test_what_is_not_so_meant_is_refused_with_a_reason(stack, browser):
    before = serving(stack)
    status, headers, _ = browser.get("/zerg/swap?token=x")
    assert (status, headers["Allow"]) == (405, "POST")
    assert browser.ask("HEAD", "/zerg/swap")[0] == 405
    assert browser.get("/zerg/nosuch")[0] == 404
    assert Browser(stack.port).ask("POST", "/zerg/nosuch", "x=1")[0] == 404
    assert Browser(stack.port).ask("POST", "/zerg.json", "x=1")[0] == 405
    assert Browser(stack.port).ask("DELETE", "/zerg.html")[0] == 405
    assert (
        Browser(stack.port).ask("POST", "/zerg/swap", "&".join(f"a{n}=1" for n in range(99)))[0]
        == 400
    )
    assert serving(stack) == before


@pytest.mark.parametrize(
    "lines, status",
    [
        ("Content-Length: 0", b"403"),
        ("X: y", b"411"),
        ("Transfer-Encoding: chunked", b"411"),
        ("Content-Length: -5", b"400"),
        ("Content-Length: many", b"400"),
        ("Content-Length: 65537", b"413"),
        ("Content-Length: 99999999999999999999999", b"413"),
    ],
)
def test_a_body_of_any_length_is_answered_at_once(stack, lines, status):
    answer = raw(
        stack, b"POST /zerg/swap HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % lines.encode()
    )
    assert answer.split()[1] == status


def test_a_huge_body_is_refused_and_the_client_reads_why(stack):
    status, headers, text = Browser(stack.port).ask("POST", "/zerg/swap", "x" * (3 << 20))
    assert status == 413 and "65536" in text and headers["Connection"] == "close"
