"""The page in a real browser, headless Chromium: it is alive, it acts, and it runs no foreign
script.
"""

import os
import shutil
import time

import pytest

selenium = pytest.importorskip(
    "selenium", reason="selenium is not installed: pip install selenium (the extra 'test' does)"
)
from selenium import webdriver  # noqa: E402
from selenium.common.exceptions import (  # noqa: E402
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

from supervisor_zerg.demo.stack import Stack  # noqa: E402
from supervisor_zerg.demo.traffic import get  # noqa: E402

from .browser import Browser  # noqa: E402

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
LOAD_S = 20
SHOWN_S = 10
PROMISED_S = 1.0


def found(*names):
    return next(filter(None, map(shutil.which, names)), "")


@pytest.fixture(scope="module")
def chromium():
    binary, driver = found("chromium", "chromium-browser", "google-chrome"), found("chromedriver")
    if not (binary and driver):
        pytest.skip(
            "chromium or chromedriver is missing: apt-get install chromium chromium-driver "
            "(.ci/run does)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1100,700",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    window.set_page_load_timeout(LOAD_S)
    yield window
    window.quit()


@pytest.fixture(scope="module")
def stack():
    pair = (
        f"\n[zerg:{HOSTILE}]\nprograms = {HOSTILE},<b>y</b>\nfifos = "
        "/nowhere/0,/nowhere/1,/nowhere/2\nstats =\npool =\n"
    )
    stack = Stack("managed", app={"processes": 2}, http=True)
    conf = stack.conf_d / "zerg.conf"
    conf.write_text(conf.read_text() + pair)
    try:
        stack.start(wait=False)
        stack.until(lambda: info(stack)["serving"], 30)
        stack.supervisor.startProcess("pybossabak", False)
        stack.until(lambda: info(stack)["warm"])
        yield stack
    finally:
        stack.stop()


def info(stack):
    return stack.zerg.getPairInfo("pybossa")


@pytest.fixture
def page(stack, chromium):
    stack.until(lambda: info(stack)["warm"])
    chromium.get(f"http://127.0.0.1:{stack.port}/zerg.html")
    return chromium


def pair_of(page):
    return page.find_element(By.CSS_SELECTOR, '[data-pair="pybossa"]')


def roles(page):
    return pair_of(page).find_element(By.CSS_SELECTOR, '[data-text="roles"]').text


def until(stack, page, true):
    """Wait for what a page will show, be it the next one."""

    def now():
        try:
            return true(page)
        except (StaleElementReferenceException, NoSuchElementException):
            return False

    return stack.until(now, SHOWN_S)


def shows(page, stack, words):
    until(stack, page, lambda page: words in roles(page))


def says(page, stack, words):
    until(stack, page, lambda page: words in page.find_element(By.TAG_NAME, "body").text)


def complaints(page):
    return [
        entry["message"]
        for entry in page.get_log("browser")
        if entry["level"] in ("SEVERE", "WARNING")
    ]


def test_a_swap_is_seen_without_a_reload(stack, page):
    page.execute_script("window.mark = 'the same page'")
    before = info(stack)
    assert roles(page).startswith(before["serving"])
    stack.zerg.swap("pybossa")
    began = time.monotonic()
    stack.until(lambda: roles(page).startswith(f"{before['parked']} serves"), PROMISED_S)
    print(f"shown {(time.monotonic() - began) * 1000:.0f} ms after the reply to the swap")
    row = pair_of(page).find_element(By.CSS_SELECTOR, f'[data-program="{before["parked"]}"]')
    assert row.get_attribute("data-condition") == "serving"
    assert "swap" in pair_of(page).find_element(By.CSS_SELECTOR, ".history li").text
    stack.zerg.setAuto("pybossa", False)
    says(page, stack, "auto is off")
    assert pair_of(page).find_element(By.CSS_SELECTOR, '[data-action="auto-on"]').is_displayed()
    stack.zerg.setAuto("pybossa", True)
    stack.until(lambda: "auto is off" not in pair_of(page).text, SHOWN_S)
    assert page.execute_script("return window.mark") == "the same page"
    assert complaints(page) == []


def test_a_click_swaps_and_the_page_says_so(stack, page):
    before = info(stack)
    pair_of(page).find_element(By.CSS_SELECTOR, '[data-action="swap"]').click()
    until(stack, page, lambda page: page.find_element(By.ID, "message"))
    assert page.find_element(By.ID, "message").text.startswith(
        f"pybossa: {before['parked']} serves"
    )
    shows(page, stack, f"{before['parked']} serves")
    picture(stack, page)


def picture(stack, page):
    """The picture of the README, when its path is given."""
    path = os.environ.get("ZERG_PICTURE")
    if path:
        for _ in range(300):
            get(stack.web)
        time.sleep(1)
        page.execute_script(
            "document.querySelectorAll('.pair').forEach((p) => { if (p.dataset.pair !== "
            "'pybossa') p.remove(); })"
        )
        page.save_screenshot(path)


def test_a_hold_is_asked_about_and_can_be_ended(stack, page):
    pair_of(page).find_element(By.CSS_SELECTOR, '[data-action="hold"]').click()
    says(page, stack, "Hold it?")
    assert info(stack)["serving"]
    page.find_element(By.CSS_SELECTOR, 'button[type="submit"]').click()
    shows(page, stack, "nobody serves")
    pair_of(page).find_element(
        By.CSS_SELECTOR, '[data-program="pybossa"] [data-action="resume"]'
    ).click()
    shows(page, stack, "pybossa serves")


def test_the_page_says_when_nobody_answers_and_recovers(stack, page):
    def network(offline):
        state_times = {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        }
        page.execute_cdp_cmd("Network.emulateNetworkConditions", state_times)

    page.execute_cdp_cmd("Network.enable", {})
    network(offline=True)
    try:
        until(stack, page, lambda page: page.find_element(By.ID, "silent").is_displayed())
    finally:
        network(offline=False)
    until(stack, page, lambda page: not page.find_element(By.ID, "silent").is_displayed())


def test_a_form_without_the_token_is_refused(stack, page):
    before = info(stack)["serving"]
    page.execute_script(
        "document.querySelectorAll('[name=token]').forEach((field) => { field.value = 'forged'; })"
    )
    pair_of(page).find_element(By.CSS_SELECTOR, '[data-action="swap"]').click()
    says(page, stack, "open the page again")
    assert info(stack)["serving"] == before


def test_a_foreign_page_is_refused_though_it_knows_the_token(stack, page, tmp_path):
    before, token = info(stack)["serving"], Browser(stack.port).token()
    url = f"http://127.0.0.1:{stack.port}/zerg/swap"
    form = (
        '<form method="post" action="%s"><input name="token" value="%s"><input name="pair" '
        'value="pybossa"><button>x</button></form>'
    )
    evil = tmp_path / "evil.html"
    evil.write_text(form % (url, token))
    page.get(evil.as_uri())
    page.find_element(By.TAG_NAME, "button").click()
    says(page, stack, "another site")
    assert info(stack)["serving"] == before


def test_a_hostile_name_is_shown_and_not_run(stack, page):
    stack.until(lambda: len(page.find_elements(By.CSS_SELECTOR, ".pair")) == 2, SHOWN_S)
    page.execute_script(
        "document.querySelectorAll('.problems').forEach((list) => list.replaceChildren())"
    )  # the script fills it anew
    shows(page, stack, "serves")
    hostile = page.find_elements(By.CSS_SELECTOR, ".pair")[1]
    assert (
        hostile.get_attribute("data-pair") == HOSTILE
        and HOSTILE in hostile.find_element(By.TAG_NAME, "h2").text
    )
    assert hostile.find_element(By.CSS_SELECTOR, '[data-text="program"]').text == HOSTILE
    assert (
        hostile.find_element(By.CSS_SELECTOR, '[data-action="promote"]').get_attribute("value")
        == HOSTILE
    )
    page.execute_script(
        "arguments[0].hidden = false",
        hostile.find_element(By.CSS_SELECTOR, '[data-action="promote"]'),
    )
    hostile.find_element(By.CSS_SELECTOR, '[data-action="promote"]').click()
    until(stack, page, lambda page: page.find_element(By.ID, "message"))
    assert HOSTILE in page.find_element(By.ID, "message").text
    assert page.title == "Zerg pairs"
    assert not page.find_elements(By.CSS_SELECTOR, "#pairs script, #pairs img")


@pytest.mark.parametrize("width", [360, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_the_night(page, width, scheme):
    screen = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    try:
        page.refresh()
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        red = page.execute_script(
            "return parseInt(getComputedStyle(document.body).backgroundColor.slice(4))"
        )
        assert red > 200 if scheme == "light" else red < 60
        if os.environ.get("ZERG_PICTURE"):
            page.save_screenshot(f"{os.environ['ZERG_PICTURE']}.{scheme}-{width}.png")
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_without_its_script_the_page_still_swaps(stack, page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        before = info(stack)
        pair_of(page).find_element(By.CSS_SELECTOR, '[data-action="swap"]').click()
        stack.until(lambda: info(stack)["serving"] != before["serving"], SHOWN_S)
        until(stack, page, lambda page: page.find_element(By.ID, "message"))
        assert roles(page).startswith(before["parked"])
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
