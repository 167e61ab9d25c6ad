"""Golden files of the digests, and what must hold for any message.

After a wanted change of the layout: UPDATE_GOLDEN=1 pytest tests/notify/test_render.py,
then read the diff of tests/notify/golden/.
"""

from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jobs.notify.blocks import Bars, Dots, Link, Message
from jobs.notify.chart import png
from jobs.notify.digest import build
from jobs.notify.facts import Facts
from jobs.notify.render_html import render_html
from jobs.notify.render_text import render_text
from tests.notify import samples

GOLDEN = Path(__file__).parent / "golden"
LINKS = (
    Link("Open the dashboard", "https://tableau.example/views/odd-lines?month=2011-12&x=1"),
    Link("See the runs", "https://jenkins.example/job/pipeline/"),
)
DIGESTS = {
    "year": samples.YEAR,
    "day": samples.DAY,
    "errors_only": samples.ERRORS_ONLY,
    "late": samples.LATE,
    "late_and_more": samples.LATE_AND_MORE,
    "held": samples.HELD,
    "checks": samples.CHECKS,
    "all_alerts": samples.ALL_ALERTS,
}

# Gmail cuts a message off at 102 KB.
MAX_HTML_BYTES = 90_000

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    'O\'Brien & "Söhne" {{ 7*7 }} {% raw %}',
    "two\r\nBcc: everyone@example.com\r\n\r\nlines\x00\x1b[31m",
    "right\u202eto left\u2066 🎁 👩‍👩‍👧 $\\frac{$ cid:chart",
    "x" * 500,
    "",
)


def digest(facts: Facts) -> Message:
    """The message with fixed time and links."""
    return build(facts, now=samples.NOW, links=LINKS)


def check_golden(name: str, rendered: str) -> None:
    """Compare with the stored file, or store it."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(rendered, encoding="utf-8")
    assert rendered == path.read_text(encoding="utf-8")


def visible(markup: str) -> str:
    """What a reader of the HTML sees, alt texts included."""
    body = markup[markup.index("<body") :]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    alts = " ".join(re.findall(r'alt="([^"]*)"', body))
    return html.unescape(re.sub(r"<[^>]+>", " ", body) + " " + alts)


def figures(text: str) -> set[str]:
    """Every number as written: 22,863 or 4.3 or 2010-12-01 in parts."""
    return set(re.findall(r"\d[\d,]*(?:\.\d+)?(?<!,)", text))


@pytest.mark.parametrize("name", DIGESTS)
def test_html_is_as_stored(name: str) -> None:
    check_golden(f"{name}.html", render_html(digest(DIGESTS[name])))


@pytest.mark.parametrize("name", DIGESTS)
def test_text_is_as_stored(name: str) -> None:
    check_golden(f"{name}.txt", render_text(digest(DIGESTS[name])))


@pytest.mark.parametrize("name", DIGESTS)
def test_html_and_text_carry_the_same_figures(name: str) -> None:
    message = digest(DIGESTS[name])
    in_html, in_text = visible(render_html(message)), render_text(message)
    assert figures(in_html) - figures(in_text + message.preheader) == set()
    assert figures(in_text) - figures(in_html + " ".join(link.url for link in LINKS)) == set()


class Elements(HTMLParser):
    """Collects which elements there are, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, *(name for name, _ in attrs)))


def elements(markup: str) -> set[tuple[str, ...]]:
    """The elements of a page."""
    parser = Elements()
    parser.feed(markup)
    return parser.found


def hostile_facts(name: str) -> Facts:
    """A year whose every name is the given text."""
    odd, errors = samples.YEAR_ODD, samples.ERRORS
    late = (replace(samples.LATE.late[0], view=name, reasons=(name or "?", "why")),)
    held = (replace(samples.HELD.held[0], subject=name, files=(name,), observed=name),)
    failed = (replace(samples.CHECKS.failed[0], name=name, observed=name, expected=name),)
    raw = {"country": name, name: "x"}
    return replace(
        samples.YEAR,
        late=late,
        held=held,
        failed=failed,
        odd=replace(
            odd,
            per_day=odd.per_day[:1],  # so that names are drawn
            top=tuple(replace(one, description=name, stock_code=name) for one in odd.top),
            categories=tuple(replace(one, name=name) for one in odd.categories),
            products=tuple(replace(one, name=name, detail=name) for one in odd.products),
        ),
        errors=replace(
            errors,
            rules=tuple(
                replace(rule, raw=raw, often=((name, 3),), source_file=name)
                for rule in errors.rules
            ),
        ),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_add_no_markup(name: str) -> None:
    known = elements(render_html(digest(hostile_facts("harmless"))))
    assert elements(render_html(digest(hostile_facts(name)))) <= known


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_on_their_line(name: str) -> None:
    message = digest(hostile_facts(name))
    text = render_text(message)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\u2066]", text + message.subject)
    assert not re.search(r"^Bcc:", text, re.MULTILINE)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_can_be_drawn(name: str, recwarn: pytest.WarningsRecorder) -> None:
    message = digest(hostile_facts(name))
    assert isinstance(message.pictures[0].chart, Dots)
    assert png(message.pictures[0].chart).startswith(b"\x89PNG")
    assert not recwarn.list


def test_a_markup_name_is_shown_as_text() -> None:
    markup = render_html(digest(hostile_facts(HOSTILE[0])))
    assert "<script" not in markup
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in markup


def test_only_web_addresses_become_links() -> None:
    links = (Link("Click", "javascript:alert(1)"), Link("File", "file:///etc/passwd"), *LINKS)
    markup = render_html(build(samples.DAY, now=samples.NOW, links=links))
    assert re.findall(r'href="([a-z]+):', markup) == ["https", "https"]


def test_mail_is_short_enough_for_gmail() -> None:
    assert len(render_html(digest(samples.YEAR)).encode()) < MAX_HTML_BYTES


def test_html_loads_nothing_from_elsewhere() -> None:
    markup = render_html(digest(samples.YEAR))
    assert re.findall(r'src="([^"]*)"', markup) == ["cid:chart"]
    assert "<link" not in markup
    assert "url(" not in markup
    assert "@import" not in markup


def test_charts_are_the_same_each_time() -> None:
    picture = digest(samples.YEAR).pictures[0]
    assert isinstance(picture.chart, Bars)
    assert png(picture.chart) == png(picture.chart)
