"""The page on a running worker and a real broker, in headless Chromium: what it shows, that it is alive, and that it can be read by everyone."""

from __future__ import annotations

import asyncio
import json
import re
import time

import pytest

from schemas.raw import TOPICS
from streams.page import health
from tests.broker.kafka import produce
from tests.broker.test_causes import ready
from tests.broker.test_operations import charge
from tests.broker.test_outage import wait_for
from tests.broker.workers import Cluster
from tests.page.chromium import Chromium, installed
from tests.page.looks import FOCUSED, LOOK
from tests.page.served import served

pytestmark = pytest.mark.broker
HOSTILE = '<b onclick=alert(1)>O\'Neil & "中"</b>'
TOKEN = "3c1f8e0a77d24b69"
CUSTOMERS = ["C1", "C2", "C3", HOSTILE]
BAD = [("raw.usage", 2, b"C1", b"not json"), ("raw.usage", 2, b"C1", b"nor this"), ("raw.billing", 1, b"C2", b'{"record_type":"balance_change","msisdn":"+8613800000272"}')]
NOW = "document.dispatchEvent(new Event('visibilitychange'))"
"""The page looks at once, as it does when its tab is shown again."""
PATHS = ("/", "/events", "/events/balance.low", "/dead-letters", "/customer")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser; without one these tests are left out, and the last line of the run says so."""
    program = installed()
    if program is None:
        pytest.skip("left out: tests of the live page in a browser: Chromium is not here, nor could make test unpack it (apt-get install chromium)")
    started = Chromium(program, tmp_path_factory.mktemp("chromium") / "profile")
    yield started
    started.close()


@pytest.fixture(scope="module")
def page(browser, kafka, tmp_path_factory):
    """A page that shows customers, of an application whose one worker has done what there was. It asks broker and worker every second."""
    patch = pytest.MonkeyPatch()
    patch.setattr(health, "LOOK_S", 1.0)
    folder = tmp_path_factory.mktemp("page")
    cluster = Cluster(kafka, folder)
    cluster.fresh_topics()
    records = [*(charge(number, customer) for number, customer in enumerate(CUSTOMERS)), *BAD]
    cluster.produce(records)
    (folder / "raw.jsonl").write_bytes(b"".join(value + b"\n" for _, _, _, value in records[: len(CUSTOMERS)]))
    _, port = ready(cluster, "--instance", "first")
    cluster.wait_worked_off()
    (folder / "tokens").write_text(f"ann {TOKEN}\n")
    given = {"brokers": kafka, "app": cluster.app, "page_metrics": (f"http://127.0.0.1:{port}",), "page_customers": True, "page_token_file": str(folder / "tokens")}
    try:
        with served([str(folder / "raw.jsonl")], **given) as running:
            running.cluster, running.folder = cluster, folder
            wait_for(
                lambda: running.site.follower.caught_up and running.site.health.seen is not None and not running.site.health.problems, 30, "the page to have read what there was"
            )
            browser.open(running.url)
            sign_in(browser)
            yield running
    finally:
        patch.undo()
        cluster.end()


def sign_in(browser):
    """Give the token, as somebody with a keyboard does."""
    browser.do("document.getElementById('token').focus()")
    browser.ask("Input.insertText", text=TOKEN)
    loads = browser.loads
    browser.press("Enter", 13)
    browser.wait_loaded(loads)


def text(browser):
    return browser.do("document.body.innerText")


def test_the_look_at_a_page_sees_what_is_wrong(browser, page):
    browser.size(320)
    browser.open(
        "data:text/html,<body><h1>a</h1><h3>b</h3><input><button></button><svg></svg><table><th>x</table><p id=i style='color:%23999'>gray</p><p id=i>twice</p><hr width=900>"
    )
    wrong = "; ".join(browser.do(LOOK)["wrong"])
    for part in (
        "leaves out a level",
        "no label",
        "no name",
        "without a text",
        "without a caption",
        "no scope",
        "contrast 2.8",
        "id twice",
        "wider than the window",
        "one main",
        "no title",
    ):
        assert part in wrong, (part, wrong)


def test_every_page_can_be_read_by_everyone(browser, page):
    browser.complaints.clear()
    browser.requests.clear()
    for path in PATHS:
        for width in (320, 1440):
            browser.size(width)
            for scheme in ("light", "dark"):
                browser.scheme(scheme)
                if (width, scheme) in ((320, "light"), (1440, "light")):
                    browser.open(page.url + path)
                seen = browser.do(LOOK)
                assert seen["wrong"] == [], (path, width, scheme)
                assert seen["texts"] > 10, "it looks at what is there"
                dark = browser.do("getComputedStyle(document.body).backgroundColor")
                assert (dark == "rgb(20, 24, 27)") == (scheme == "dark")
    assert browser.complaints == []
    strange = {url for url in browser.requests if not url.startswith((page.url, "about:", "data:"))}
    assert strange == set(), "nothing is asked of other machines"


def test_the_overview_shows_the_installation(browser, page):
    browser.size(1440)
    browser.open(page.url)
    browser.wait_for("document.body.innerText.includes('All is well')")
    shown = text(browser)
    rows = browser.do("[...document.querySelectorAll('[data-live=shards] tr')].map(r => [...r.children].map(c => c.innerText))")
    assert [row[:2] for row in rows] == [[str(number), "0"] for number in range(4)]
    assert all(row[2].startswith("ready, restored in ") and row[4].startswith("first") for row in rows)
    topics = browser.do("[...document.querySelectorAll('[data-live=topics] tr')].map(r => [...r.children].map(c => c.innerText))")
    assert topics == [[topic, "4", {"raw.billing": "5", "raw.usage": "2"}.get(topic, "0"), "0"] for topic in TOPICS]
    assert "Sign ann out" in shown
    assert browser.do("document.querySelector('[data-live=refused]').innerText") == "3"


def test_the_catalogue_is_searched_and_its_counts_are_live(browser, page):
    browser.open(page.url + "/events")
    assert "143 events" in text(browser)
    count = "document.querySelector('[data-live=\"count balance.low\"]').innerText"
    assert browser.do(count) == "4"
    assert "4 events in the last 60 minutes" in browser.do("document.querySelector('[data-live=\"line balance.low\"] svg').getAttribute('aria-label')")
    loads = browser.loads
    asyncio.run(produce(page.cluster.bootstrap, [charge(9, "C9")]))
    browser.wait_for(f"{NOW}, {count} === '5'", 30)
    assert browser.loads == loads, "without a load"
    browser.submit("document.getElementById('q').value = 'LOW mark'; document.querySelector('form.search').requestSubmit()")
    found = browser.do("[...document.querySelectorAll('.events li')].map(l => l.textContent.toLowerCase())")
    assert 0 < len(found) < 10
    assert all("low" in one and "mark" in one for one in found)
    assert "This happens for a line when" in browser.do("document.querySelector('details').textContent")
    browser.submit("document.getElementById('q').value = 'nothing has this'; document.querySelector('form.search').requestSubmit()")
    assert "No event has all of these words" in text(browser)
    browser.open(page.url)
    browser.wait_for(f"{NOW}, document.querySelector('[data-live=latency]').innerText.includes('half of 1 events')", 30)


def test_updates_can_be_paused_and_a_page_that_does_not_answer_is_said(browser, page):
    browser.open(page.url + "/events/balance.low")
    browser.do("document.getElementById('pause').click()")
    assert browser.do("[document.getElementById('pause').getAttribute('aria-pressed'), document.getElementById('said').innerText]") == ["true", "Updates are paused."]
    asked = len(browser.requests)
    browser.do(NOW)
    assert len(browser.requests) == asked
    browser.ask("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.do("document.getElementById('pause').click()")
    browser.wait_for("document.getElementById('said').innerText === 'The page does not answer: the figures are old.'")
    browser.ask("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.do(NOW)
    browser.wait_for("document.getElementById('said').innerText === ''")
    browser.complaints.clear()


def test_without_scripts_a_reload_shows_the_same(browser, page):
    browser.scripts(on=False)
    try:
        browser.open(page.url + "/events/balance.low")
        before = browser.html()
        asyncio.run(produce(page.cluster.bootstrap, [charge(10, "C10")]))
        wait_for(lambda: sum(page.site.live.flows["balance.low"].published.series(time.time())) == 6, 20, "the event to be counted")
        assert browser.html() == before, "nothing moves"
        browser.open(page.url + "/events/balance.low")
        after = browser.html()
    finally:
        browser.scripts(on=True)
    assert "<strong>5</strong> published" in before
    assert "<strong>6</strong> published" in after
    assert "C10" in after
    assert '<noscript><span class="quiet">Reload the page for newer figures.</span></noscript>' in after
    assert re.search(r'<button[^>]*id="pause" hidden', after), "no button that does nothing"


def test_the_keyboard_alone_is_enough(browser, page):
    browser.size(1440)
    browser.open(page.url)
    seen = []
    for _ in range(6):
        browser.press("Tab", 9)
        focused = browser.do(FOCUSED)
        assert focused["outline"], focused
        assert focused["seen"], focused
        seen.append(focused["text"])
    assert seen == ["Skip to the content", "Kairos", "Overview", "Events", "Dead letters", "Customer"]
    browser.open(page.url)
    browser.press("Tab", 9)
    browser.press("Enter", 13)
    browser.wait_for("document.activeElement.id === 'main'")


def test_dead_letters_have_coordinates_and_no_values(browser, page):
    browser.open(page.url + "/dead-letters")
    shown = text(browser)
    rows = browser.do("[...document.querySelectorAll('.places tbody tr')].map(r => [...r.children].slice(1).map(c => c.innerText))")
    assert rows == [["raw.usage", "2", "1"], ["raw.usage", "2", "0"], ["raw.billing", "1", str(max(0, int(rows[2][2])))]]
    assert "bad_json" in shown
    assert "missing_field" in shown
    assert "the value is not one JSON object" in shown
    html = browser.do("document.documentElement.outerHTML")
    assert "nor this" not in html
    assert "13800000272" not in html


def test_one_customer_s_timeline_and_why_not(browser, page):
    browser.open(page.url + "/events/balance.low")
    names = browser.do("[...document.querySelectorAll('[data-live=latest] button')].map(b => b.innerText)")
    assert sorted(names) == sorted([*CUSTOMERS, "C9", "C10"])
    browser.submit("[...document.querySelectorAll('[data-live=latest] button')].find(b => b.innerText.startsWith('<b')).click()")
    assert browser.do("document.getElementById('timeline').innerText") == f"Timeline of {HOSTILE}"
    assert browser.do("document.querySelectorAll('main b').length") == 0
    happened = browser.do("[...document.querySelectorAll('.timeline a')].map(a => a.innerText)")
    assert "balance.low" in happened
    assert browser.do(LOOK)["wrong"] == []
    browser.do("for (const d of document.querySelectorAll('details')) d.open = true")
    shown = text(browser)
    assert "is down to 9.00 CNY" in shown
    assert "caused by" in shown
    assert f"customer {HOSTILE}" in shown
    browser.submit("document.getElementById('customer').value = 'nobody'; document.querySelector('form.ask').requestSubmit()")
    assert "No event of this customer in that time" in text(browser)

    browser.submit(
        "document.getElementById('why-customer').value = 'C1'; document.getElementById('event').value = 'balance.drop'; document.querySelectorAll('form.ask')[1].requestSubmit()"
    )
    answer = browser.do("document.querySelector('.answer').innerText")
    assert "balance.drop did not happen to C1" in answer
    assert "NO" in answer
    assert browser.do(LOOK)["wrong"] == []


def switched(page, session, path="/events/balance.low", **fields):
    """Send one of the forms of an event's page."""
    shown = page.ask(path, Cookie=f"kairos_page={session}")
    return page.post(f"{path}/switch", {"csrf": shown.csrf, **fields}, session)


def in_force(page):
    """By shard, the version that its worker has in force."""
    return {float(value) for value in re.findall(r"^kairos_settings_version{[^}]*} (\S+)$", page.cluster.ask(0, "/metrics"), re.MULTILINE)}


def test_an_event_is_switched_off_a_value_is_changed_and_all_shards_follow(browser, page):
    session = page.signed_in(TOKEN)
    wait_for(lambda: "Nothing can be switched" not in page.ask("/events/balance.low", Cookie=f"kairos_page={session}").text, 30, "the control topic to be read")
    assert switched(page, session, do="off", why="too many").status == 303
    wait_for(lambda: in_force(page) == {1.0}, 30, "all shards to have version 1")
    again = switched(page, session, do="off", why="once more")
    assert (again.status, "wanted an event that is on, got one that is off already" in again.text) == (409, True)
    assert "wanted a text of 1 to 1000 characters" in switched(page, session, do="on", why=" ").text
    wrong = switched(page, session, do="set", why="wrong", **{"value.low": "9000"})
    assert (wrong.status, "Nothing was changed: balance.low" in wrong.text) == (409, True)
    assert "all values are those that are in force already" in switched(page, session, do="set", why="the same", **{"value.low": "1000 minor", "value.rearm": "2000 minor"}).text
    assert switched(page, session, do="set", why="fewer", **{"value.low": "500"}).status == 303
    assert switched(page, session, do="nothing", why="x").status == 400
    assert switched(page, session, path="/events/balance.low", do="on", why="enough").status == 303
    wait_for(lambda: in_force(page) == {3.0}, 30, "all shards to have version 3")
    browser.open(page.url + "/events/balance.low")
    shown = text(browser)
    for part in ("balance.low is on", "version 3 is in force", "too many", "fewer", "ann"):
        assert part in shown, part
    assert browser.do("document.getElementById('switch-low').value") == "500 minor"
    assert browser.do(LOOK)["wrong"] == []


def test_what_is_wrong_is_said_at_once(browser, page):
    browser.open(page.url)
    (worker,) = page.cluster.workers
    worker.kill()
    worker.wait()
    browser.wait_for(f"{NOW}, document.querySelector('[data-live=problems]').innerText.includes('no answer')", 30)
    assert browser.do("document.querySelector('[data-live=problems]').getAttribute('aria-live')") == "polite"
    assert browser.do(LOOK)["wrong"] == []
    assert json.dumps(browser.complaints) == "[]"
    assert time.time() - page.site.health.at_s < 30


def test_signing_out_ends_it(browser, page):
    browser.open(page.url)
    browser.submit("document.querySelector('form.out').requestSubmit()")
    assert browser.do("document.querySelector('h1').innerText") == "Sign in"
    assert browser.do(LOOK)["wrong"] == []
    browser.open(page.url + "/customer")
    assert browser.do("document.querySelector('h1').innerText") == "Sign in"
