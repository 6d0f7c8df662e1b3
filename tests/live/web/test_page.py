"""The page, its JSON and its metrics in a real supervisord."""

import os
import re
import signal
import time

from .browser import serving


def test_the_page_and_its_files_come_with_what_protects_them(browser):
    for path, kind in (
        ("/zerg.html", "text/html"),
        ("/zerg.json", "application/json"),
        ("/zerg.js", "text/javascript"),
        ("/zerg.css", "text/css"),
        ("/zerg/metrics", "text/plain"),
    ):
        status, headers, text = browser.get(path)
        assert status == 200 and headers["Content-Type"].startswith(kind) and text, path
        assert (
            headers["X-Content-Type-Options"] == "nosniff"
            and headers["Cache-Control"] == "no-store"
        )
        policy = headers["Content-Security-Policy"]
        assert (
            "frame-ancestors 'none'" in policy
            and "script-src 'self'" in policy
            and "unsafe" not in policy
        )
        status, headers, nothing = browser.ask("HEAD", path)
        assert status == 200 and nothing == "" and int(headers["Content-Length"]) > 0


def test_the_two_status_pages_lead_to_each_other(browser):
    status_page, ours = browser.get("/")[2], browser.get()[2]
    assert 'href="zerg.html"' in status_page and 'href="./"' in ours
    assert (
        status_page.count('href="zerg.html#pair-pybossa"') == 2 and 'id="pair-pybossa"' in ours
    ), "one for each program of the pair"


def test_the_json_shows_a_swap_within_a_second(stack, browser):
    before = browser.view()["pairs"][0]["serving"]
    stack.zerg.swap("")
    began = time.monotonic()
    stack.until(lambda: browser.view()["pairs"][0]["serving"] != before, 1.0)
    view = browser.view()
    print(f"seen {(time.monotonic() - began) * 1000:.0f} ms after the swap")
    assert view["history"]["pybossa"][-1]["kind"] == "swap"
    assert "swap" in view["texts"][0]["history"][0]


# what is done


def test_an_action_leads_back_to_the_page_which_says_what_came_of_it(stack, browser):
    before = serving(stack)
    began = time.monotonic()
    status, headers, _ = browser.post("swap")
    print(f"swap by form, token included: {(time.monotonic() - began) * 1000:.1f} ms")
    assert status == 303 and serving(stack) != before
    assert browser.said(headers).startswith(f"pybossa: {serving(stack)} serves, {before} parked")
    assert "said=" in headers["Location"] and browser.get("/zerg.html?said=<b>evil")[0] == 200


def test_every_action_does_what_it_says(stack, browser):
    spare = stack.info()["parked"]
    assert browser.post("promote", program=spare)[0] == 303 and serving(stack) == spare
    assert "nothing to do" in browser.said(browser.post("promote", program=spare)[1])
    assert "nothing to do" in browser.said(browser.post("reconcile")[1])
    assert "auto off" in browser.said(browser.post("auto-off")[1]) and stack.info()["auto"] is False
    assert "auto on" in browser.said(browser.post("auto-on")[1]) and stack.info()["auto"] is True
    assert (
        "only instance" in browser.said(browser.post("pause", program=spare)[1])
        and serving(stack) == spare
    )
    assert "no pair has a program" in browser.said(
        browser.post("promote", program="<i>")[1]
    ).replace("&lt;", "<")
    assert "no pair is named" in browser.said(browser.post("swap", pair="nosuch")[1])


def test_a_deploy_is_asked_about_first_and_can_be_aborted(stack, browser):
    status, _, text = browser.post("deploy")
    assert status == 200 and "Deploy it?" in text and stack.zerg.getDeploy("") == {}
    status, headers, _ = browser.post("deploy", sure="yes")
    assert status == 303 and "deploying" in browser.said(headers)
    assert "is under way" in browser.said(browser.post("swap")[1])
    stack.until(lambda: stack.zerg.getDeploy("")["phase"] == "baking")
    assert browser.view()["pairs"][0]["busy"]["kind"] == "deploy"
    assert "rolled back" in browser.said(browser.post("abort")[1])
    assert "no deploy" in browser.said(browser.post("abort")[1])


def test_a_hold_is_asked_about_first(stack, browser):
    status, _, text = browser.post("hold")
    assert status == 200 and "Hold it?" in text and 'name="sure"' in text and serving(stack)
    status, headers, _ = browser.post("hold", sure="yes")
    assert status == 303 and "held by an operator" in browser.said(headers) and not serving(stack)
    assert browser.view()["pairs"][0]["held"] is True
    assert browser.post("resume", program="pybossa")[0] == 303 and serving(stack) == "pybossa"


def test_a_failover_is_counted_and_zergctl_tells_the_same(stack, browser):
    def failovers(text):
        return float(re.search(r'zerg_failovers_total\{pair="pybossa"\} (\S+)', text).group(1))

    before, warm = failovers(browser.get("/zerg/metrics")[2]), stack.info()
    master = next(c["master"] for c in warm["instances"] if c["program"] == warm["serving"])
    os.kill(master, signal.SIGKILL)
    stack.until(lambda: failovers(browser.get("/zerg/metrics")[2]) == before + 1)
    assert serving(stack) == warm["parked"]
    told = stack.zergctl("metrics")
    assert told.returncode == 0 and failovers(told.stdout) == before + 1
