"""The first login in the app: a gift that only the app has."""

from events.stories import view
from events.words import W
from streams.define import Case, Detail, Event, once


class FirstAppLogin(Event, by="customer"):
    logins = W.where(W.platform == "app", W.page_category == "login", W.outcome == "submit")
    when = logins.where(logins.nth() == 1)
    rearm = once
    detail = Detail(platform=W.platform)


CASES = [
    Case("the first alone", [view("login", "10:00", outcome="submit"), view("login", "11:00", outcome="submit")], [{"platform": "app"}]),
    Case("a customer from before the records: the first is not known", [view("login", outcome="submit")], [], history_from="2026-04-02"),
    Case("in the browser", [view("login", outcome="submit", platform="web")], []),
    Case("seen, but not sent", [view("login"), view("login", "10:01", outcome="error")], []),
    Case("another form", [view("checkout", outcome="submit")], []),
    Case("just one", [view("login", outcome="submit")], [{"platform": "app"}]),
]
