"""What the page refuses, and what every answer carries; the real server, without a broker."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from markupsafe import Markup
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from streams.emit import DEAD_LETTER
from streams.page.access import tokens_of
from streams.page.customer import digest
from streams.page.serve import site_with
from streams.settings import SettingsError, load
from tests.page.served import FORM, served

TOKEN, OTHER = "4f1c9a70be2d5538", "a-second-token-0"
HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>é中"


class Switch:
    """A panel as another module would bring it."""

    async def run(self):
        await asyncio.Event().wait()

    def routes(self):
        return [Route("/switch", self.post, methods=["POST"])]

    async def post(self, request):
        site = request.app.state.site
        fields = await site.access.form(request, request.state.visit)
        return PlainTextResponse(f"{request.state.visit.name} {fields['to']}")

    def shown(self, site, visit, event):
        return Markup("<section><h2>Switch of {}</h2></section>").format(event.id)


@pytest.fixture(scope="module")
def opened():
    """A page without tokens and without customers."""
    with served(panels=[Switch()]) as page:
        yield page


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A page with two tokens, that shows customers."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(f"# who\nann {TOKEN}\nbob {OTHER}\n")
    with served(page_token_file=str(tokens), page_customers=True, page_names=("kairos.example.com",), panels=[Switch()]) as page:
        yield page


# At the start


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "example.com", ""])
def test_without_a_token_only_the_loopback_address_is_served(host):
    with pytest.raises(SettingsError, match=f"page_host: wanted a loopback address such as 127.0.0.1, got {host}: everybody") as refused:
        site_with(load({"page_host": host}, environ={}))
    assert "page_token_file" in str(refused.value)
    assert "page_behind_proxy" in str(refused.value)
    site_with(load({"page_host": host, "page_behind_proxy": True}, environ={}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ann short", "tokens:1: wanted a token of at least 16 characters, got 5"),
        ("ann b 4f1c9a70be2d5538", "tokens:1: wanted a name"),
        ("an/n 4f1c9a70be2d5538", "tokens:1: wanted a name"),
        ("ann 4f1c9a70be2d5538\nann 4f1c9a70be2d5539", "tokens:2: wanted one token for each name, got ann again"),
        ("# nobody\n\n", "wanted a line with a name and a token"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_used_is_refused_without_quoting_it(tmp_path, text, says):
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(SettingsError) as refused:
        tokens_of(load({"page_token_file": str(tmp_path / "tokens")}, environ={}), {})
    assert says in str(refused.value)
    assert "4f1c9a70be" not in str(refused.value)


def test_tokens_come_from_a_file_and_the_environment(tmp_path):
    (tmp_path / "tokens").write_text(f"ann {TOKEN}\n")
    named = load({"page_token_file": str(tmp_path / "tokens")}, environ={})
    assert tokens_of(named, {"KAIROS_PAGE_TOKEN": OTHER}) == {"token": OTHER, "ann": TOKEN}
    assert tokens_of(load({}, environ={}), {}) == {}
    with pytest.raises(SettingsError, match="page_token_file: wanted a readable text file, got /no/such"):
        tokens_of(load({"page_token_file": "/no/such"}, environ={}), {})


def test_a_wrong_address_of_a_worker_is_refused():
    with pytest.raises(SettingsError, match="page_metrics: wanted an address such as http://127.0.0.1:9464, got '127.0.0.1:9464'"):
        site_with(load({"page_metrics": ("127.0.0.1:9464",)}, environ={}))


# Who asks, and by which name


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.9", "localhost@evil.example", "", "a b", "[::1", "localhost:80:80", None])
def test_a_strange_host_is_refused(opened, host):
    answer = opened.ask("/", Host=host)
    assert answer.status in ((400, 421) if host is None else (421,))
    assert "<html" not in answer.text


def test_own_names_are_answered(opened, guarded):
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8090", "localhost."):
        assert opened.ask("/", Host=host).status == 200
    assert guarded.ask("/sign-in", Host="kairos.example.com").status == 200
    assert opened.ask("/", Host="kairos.example.com").status == 421


def test_without_a_token_nothing_is_shown(guarded):
    for path in ("/", "/events", "/events/balance.low", "/dead-letters", "/customer", "/no-such-page"):
        answer = guarded.ask(path)
        assert (answer.status, answer.header("location"), answer.text) == (303, "/sign-in", "")
    assert guarded.post("/customer", {"customer": "C1"}, "x").status == 401
    assert guarded.ask("/?token=" + TOKEN).status == 303, "no token is read from an address"


def test_sign_in_and_out(guarded):
    page = guarded.ask("/sign-in")
    wrong = guarded.form("/sign-in", page, {"token": "4f1c9a70be2d5539"})
    assert wrong.status == 403
    assert "none of the tokens" in wrong.text
    assert guarded.form("/sign-in", page, {"token": ""}).status == 403
    right = guarded.form("/sign-in", page, {"token": OTHER})
    assert (right.status, right.header("location")) == (303, "/")
    assert right.header("set-cookie").endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert right.cookie != page.cookie, "a session that was known before is not the one that is signed in"
    own = {"Cookie": f"kairos_page={right.cookie}"}
    home = guarded.ask("/", **own)
    assert home.status == 200
    assert "Sign bob out" in home.text
    assert OTHER not in home.text
    assert guarded.ask("/", Cookie=f"kairos_page={page.cookie}").status == 303
    assert guarded.post("/sign-out", {"csrf": home.csrf}, right.cookie).status == 303
    assert guarded.ask("/", **own).status == 303


def test_behind_a_proxy_the_proxy_says_who_asks():
    with served(page_behind_proxy=True, page_customers=True) as page:
        answer = page.ask("/customer", X_Forwarded_For="6.6.6.6, 10.1.2.3", X_Forwarded_Proto="https", X_Forwarded_User="ann@example.com")
        assert answer.status == 200
        assert answer.header("set-cookie").endswith("; SameSite=Strict; Secure")
        lines = heard(lambda: page.form("/customer", answer, {"customer": "C1"}, X_Forwarded_For="6.6.6.6, 10.1.2.3", X_Forwarded_User="ann@example.com"))
        assert [(line["who"], line["peer"]) for line in lines] == [("ann@example.com", "10.1.2.3")]


# Forms


def test_a_form_that_is_not_ours_is_refused(guarded):
    session = guarded.signed_in(TOKEN)
    proof = guarded.ask("/customer", Cookie=f"kairos_page={session}").csrf
    stranger = guarded.ask("/sign-in")
    cases = [
        ({"to": "off"}, {}, 403),
        ({"to": "off", "csrf": ""}, {}, 403),
        ({"to": "off", "csrf": stranger.csrf}, {}, 403),
        ({"to": "off", "csrf": proof}, {"Origin": "http://evil.example"}, 403),
        ({"to": "off", "csrf": proof}, {"Origin": "null"}, 403),
        ({"to": "off", "csrf": proof}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"to": "off", "csrf": proof}, {"Sec-Fetch-Site": "same-site"}, 403),
        ({"to": "off", "csrf": proof}, {"Content-Type": "text/plain"}, 415),
        ({"to": "x" * 9_000, "csrf": proof}, {}, 413),
        ({f"f{n}": "1" for n in range(50)}, {}, 400),
        ({"to": "off", "csrf": proof}, {}, 200),
        ({"to": "off", "csrf": proof}, {"Origin": guarded.url, "Sec-Fetch-Site": "same-origin"}, 200),
    ]
    for fields, headers, status in cases:
        answer = guarded.post("/switch", fields, session, **headers)
        assert answer.status == status, (fields, headers, answer.text)
        assert (answer.text == "ann off") == (status == 200)
    assert guarded.ask("/switch", "POST", b"to=%ff&csrf=" + proof.encode(), Cookie=f"kairos_page={session}", Content_Type=FORM).status == 400
    assert guarded.ask("/switch", "POST", b"to=off&csrf=" + proof.encode(), Content_Type=FORM).status == 401, "without the cookie"
    assert guarded.ask("/switch").status in (303, 405)


def test_a_panel_of_another_module_is_on_every_event_s_page(opened):
    assert "<h2>Switch of balance.low</h2>" in opened.ask("/events/balance.low").text


# Addresses


@pytest.mark.parametrize(
    "path",
    [
        "/static/../access.py",
        "/static/..%2faccess.py",
        "/static/%2e%2e/access.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/page.css%00",
        "/events/..%2f..%2fetc",
    ],
)
def test_no_address_leads_to_other_files(opened, path):
    answer = opened.ask(path)
    assert answer.status == 404
    assert "There is no such page" in answer.text


def test_long_and_strange_addresses(opened):
    assert opened.ask("/events?q=" + "a" * 3_000).status == 414
    assert opened.ask("/" + "a" * 3_000).status == 414
    with suppress(ConnectionError):  # the server itself stops reading, and may end the connection first
        assert opened.ask("/events?q=" + "a" * 300_000).status == 400
    assert opened.ask("/events?q=a").status == 200
    assert opened.ask("/", "POST", b"").status == 405
    assert opened.ask("/events/" + "%3Cscript%3E").status == 404
    searched = opened.ask("/events?q=%3Cscript%3Ealert(1)%3C/script%3E%00%ff")
    assert searched.status == 200
    assert "<script>alert" not in searched.text


def test_every_answer_has_the_security_headers(opened, guarded):
    for answer in (opened.ask("/"), opened.ask("/no"), opened.ask("/static/page.js"), opened.ask("/", Host="evil.example"), guarded.ask("/"), guarded.ask("/sign-in")):
        assert "default-src 'self'" in answer.header("content-security-policy")
        assert "frame-ancestors 'none'" in answer.header("content-security-policy")
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("x-frame-options") == "DENY"
        assert answer.header("referrer-policy") == "same-origin"
        assert answer.header("cache-control") in ("no-store", "no-cache")
        assert "server" not in answer.headers
    assert opened.ask("/static/page.css").header("content-type").startswith("text/css")


def test_an_unforeseen_error_is_a_sentence_with_the_same_headers(opened, monkeypatch):
    monkeypatch.setattr("streams.page.dead_letters.MEANING", None)
    answer = opened.ask("/dead-letters")
    assert answer.status == 500
    assert "an unforeseen error, which the log of &#39;kairos page&#39; has" in answer.text
    assert "Traceback" not in answer.text
    assert "default-src 'self'" in answer.header("content-security-policy")
    assert answer.header("cache-control") == "no-store"


# Personal data, and what others wrote


def heard(act):
    """What the page logs of customers meanwhile."""
    lines = []

    class Ear(logging.Handler):
        def emit(self, record):
            if "customer" in record.getMessage():
                lines.append({"message": record.getMessage(), **record.fields})

    logger, ear = logging.getLogger("kairos.page"), Ear()
    level = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    try:
        act()
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)
    return lines


def test_without_its_switch_no_customer_is_shown(opened):
    page = opened.ask("/dead-letters")
    for answer in (opened.ask("/customer"), opened.post("/customer", {"customer": "C1"}, page.cookie), opened.post("/customer/why-not", {"customer": "C1"}, page.cookie)):
        assert answer.status == 403
        assert "page_customers = true" in answer.text
    assert 'href="/customer"' not in page.text


def test_every_look_at_a_customer_is_logged_without_naming_it(guarded):
    session = guarded.signed_in(TOKEN)
    proof = guarded.ask("/customer", Cookie=f"kairos_page={session}").csrf
    lines = heard(lambda: guarded.post("/customer", {"csrf": proof, "customer": "C-4711"}, session))
    lines += heard(lambda: guarded.post("/customer/why-not", {"csrf": proof, "customer": "C-4711", "event": "balance.low"}, session))
    assert [(line["what"], line["who"], line["peer"]) for line in lines] == [("timeline", "ann", "127.0.0.1"), ("why not", "ann", "127.0.0.1")]
    assert {line["customer"] for line in lines} == {digest("kairos", "C-4711")}
    assert "4711" not in json.dumps(lines)


def test_a_customer_that_cannot_be_one_is_refused(guarded):
    session = guarded.signed_in(TOKEN)
    proof = guarded.ask("/customer", Cookie=f"kairos_page={session}").csrf
    for fields in ({}, {"customer": " "}, {"customer": "C" * 201}, {"customer": "C\x00"}, {"customer": "C1", "days": "8"}):
        assert guarded.post("/customer", {"csrf": proof, **fields}, session).status == 400
    for fields in ({"event": "no.such"}, {"event": "balance.low", "at": "tomorrow"}, {"event": "balance.low", "at": "2026-13-01T00:00"}):
        assert guarded.post("/customer/why-not", {"csrf": proof, "customer": "C1", **fields}, session).status == 400
    shown = guarded.post("/customer", {"csrf": proof, "customer": HOSTILE}, session)
    assert shown.status == 200
    assert "<script>alert" not in shown.text
    assert "<img" not in shown.text
    assert "no Kafka broker answers" in shown.text, "there is none in this test"


def published(event, **changed):
    """A published event, of a definition's first case."""
    data = {
        "event": event,
        "version": 1,
        "customer_id": "C-secret",
        "account_id": None,
        "subscription_id": "S-secret",
        "msisdn": "+8613800000272",
        "local_time": "2026-05-02T04:36:26.817+08:00",
        "touchpoint": None,
        "marketing_consent": "unknown",
        "trigger": {"record_type": "balance_change", "source_system": "s", "record_id": "r"},
        "parameters": {},
        "evidence": {},
        "detail": {"balance_after": 4321, "bucket_id": HOSTILE, "currency": "CNY"},
    }
    own = {"id": "0" * 32, "source": "/kairos/op1", "subject": "S-secret", "time": "2026-05-01T20:36:26.817Z", "datacontenttype": "application/json", "partitionkey": "C-secret"}
    return json.dumps({"specversion": "1.0", "type": f"customer.{event}.v1", **own, "data": {**data, **changed}}).encode()


def test_events_and_dead_letters_that_others_wrote_are_shown_as_text(opened, guarded):
    session = guarded.signed_in(TOKEN)
    for page, cookie in ((opened, "x"), (guarded, session)):
        live, now = page.site.live, time.time()
        live.event("customer-events.balance", published("balance.low"), now)
        live.event("customer-events.balance", published("balance.low", customer_id=HOSTILE), now)
        live.event("customer-events.balance", published("balance.low", touchpoint=HOSTILE, local_time=HOSTILE), now)
        live.event("customer-events.balance", published(HOSTILE), now)
        live.event("customer-events.balance", b"\xff not json", now)
        live.event("customer-events.balance", None, now)
        live.letter(HOSTILE, (HOSTILE, -1, 5), now)
        live.letter("bad_json", ("raw.billing", 3, 1182), now)
        shown = {path: page.ask(path, Cookie=f"kairos_page={cookie}").text for path in ("/", "/events", "/events/balance.low", "/dead-letters")}
        for text in shown.values():
            assert "<script>alert" not in text
            assert "<img" not in text
        assert '>3</td><td class="n">1182</td>' in shown["/dead-letters"]
        assert "&lt;script&gt;" in shown["/dead-letters"]
        assert DEAD_LETTER not in shown["/events"]
        personal = page is guarded
        assert ("&lt;script&gt;" in shown["/events/balance.low"]) == personal
        assert ("C-secret" in shown["/events/balance.low"]) == personal
        assert "43.21" in shown["/events/balance.low"]


def test_nothing_is_asked_of_other_machines():
    folder = Path(__file__).resolve().parent.parent.parent / "streams" / "page"
    for file in [*folder.glob("templates/*"), *folder.glob("static/*")]:
        text = file.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in text.replace("// Newer", "").replace("// What", ""), file.name
        assert "style=" not in text, "the content policy forbids it"
        assert "|safe" not in text.replace(" ", "")


def test_who_is_not_known_by_name_may_not_switch():
    with served() as page:
        shown = page.ask("/events/balance.low")
        assert "Only who is known by name may switch" in shown.text
        asked = {"csrf": page.site.access.csrf(SimpleNamespace(session=shown.cookie)), "do": "off", "why": "x"}
        answer = page.post("/events/balance.low/switch", asked, shown.cookie)
        assert (answer.status, "only who is known by name may switch" in answer.text) == (403, True)
        assert page.post("/events/balance.lowest/switch", asked, shown.cookie).status == 404
        assert page.post("/events/balance.low/switch", {"do": "off", "why": "x"}, shown.cookie).status == 403, "without the proof that the page wrote the form"
