"""The acts over time as a picture: what is drawn, where, and that it is safe and the same again."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_service.evidence.report.contents import Contents
from graph_service.evidence.report.timeline import WIDTH, Column, column_of, described, timeline
from tests.evidence_contents import act, contents, finding, stress

SVG = "{http://www.w3.org/2000/svg}"
FINDING_BLUE = "#1f4e79"


def drawn(told: Contents) -> ElementTree.Element:
    return ElementTree.fromstring(timeline(told))


def texts(told: Contents) -> list[str]:
    return [each.text or "" for each in drawn(told).iter(f"{SVG}text")]


def columns(told: Contents, colour: str = FINDING_BLUE) -> list[tuple[float, float, float]]:
    """Left edge, width and height of each column; the line of a finding's time is 2 high."""
    found = []
    for each in drawn(told).iter(f"{SVG}rect"):
        if each.get("fill") == colour and each.get("height") != "2.0":
            numbers = [float(each.attrib[name]) for name in ("x", "width", "height")]
            found.append((numbers[0], numbers[1], numbers[2]))
    return found


def alone(days: list[date]) -> Contents:
    """A document with one finding, its acts on these days, and nothing else that has a day."""
    only = finding(since=min(days), until=max(days))
    acts = tuple(replace(act(0, only), day=day) for day in days)
    return replace(contents(1, 0, 0, measures=(), replies=()), findings=(only,), acts=acts)


def titled(title: str) -> Contents:
    return replace(contents(1), findings=(finding(title=title),))


def test_three_acts_of_a_week_are_three_columns_each_on_its_day() -> None:
    days = [date(2025, 3, 3), date(2025, 3, 5), date(2025, 3, 9)]
    told = alone(days)
    assert column_of(told) is Column.DAY
    left = [x for x, _, _ in columns(told)]
    assert len(left) == 3
    assert (left[2] - left[1]) / (left[1] - left[0]) == pytest.approx(2.0, abs=0.01)
    assert "3 händelser" in texts(told)
    assert "1. Besök som överlappar varandra på olika platser" in texts(told)


def test_columns_are_as_high_as_their_share_of_the_fullest() -> None:
    told = alone([date(2025, 3, 3)] * 4 + [date(2025, 3, 5)] * 2 + [date(2025, 3, 9)])
    high = [height for _, _, height in columns(told)]
    assert [height / high[0] for height in high] == [1.0, 0.5, 0.25]
    assert "7 händelser, högst 4 på en dag" in texts(told)


def test_a_day_becomes_a_week_and_a_month_as_the_time_grows() -> None:
    first = date(2024, 1, 1)
    spans = {200: Column.DAY, 201: Column.WEEK, 1400: Column.WEEK, 1401: Column.MONTH}
    for days, kind in spans.items():
        assert column_of(alone([first, first + timedelta(days=days)])) is kind


def test_a_week_begins_on_its_monday() -> None:
    monday, sunday = date(2025, 3, 3), date(2025, 3, 9)
    told = alone([monday, sunday, sunday + timedelta(days=1), monday + timedelta(days=300)])
    assert column_of(told) is Column.WEEK
    heights = [height for _, _, height in columns(told)]
    assert [height / heights[0] for height in heights] == [1.0, 0.5, 0.5]


def test_three_thousand_acts_of_forty_findings_are_one_picture_a_page_holds() -> None:
    picture = drawn(stress())
    assert int(picture.attrib["height"]) < 600
    assert len(list(picture.iter())) < 400
    told = texts(stress())
    assert "Besök som överlappar varandra på olika platser (40 indikationer)" in told
    assert any(each.startswith("3\N{NO-BREAK SPACE}000 händelser, högst ") for each in told)


def test_a_payment_counts_once_however_many_registrations_it_paid() -> None:
    told = contents(chains=50)
    assert len({chain.payment for chain in told.chains}) == 1
    at = texts(told).index("Betalningar")
    assert texts(told)[at + 1] == "1 händelse"


def test_names_are_text_and_no_markup() -> None:
    hostile = '</text><script>alert("1")</script>&\N{RIGHT-TO-LEFT OVERRIDE}'
    told = titled(hostile)
    written = texts(told)
    assert '1. </text><script>alert("1")</script>&[U+202E]' in written
    assert not list(drawn(told).iter(f"{SVG}script"))
    assert not re.search(r"<(script|image|use|a|foreignObject)\b", timeline(told))


def test_the_ends_of_long_names_are_seen_to_be_cut() -> None:
    told = titled("mycket lång titel " * 30)
    assert any(each.endswith("…") and 70 < len(each) <= 76 for each in texts(told))


def test_it_is_told_in_words_and_its_language_is_named() -> None:
    told = contents(findings=2, acts=6)
    assert described(told).startswith("Tidslinje över 6 händelser i 2 indikationer, 2025-03-03")
    assert drawn(told).attrib["role"] == "img"
    assert drawn(told).findtext(f"{SVG}title") == "Händelser över tid"


def test_a_case_without_any_day_says_so() -> None:
    told = replace(contents(1, 0, 0, measures=(), replies=()), findings=())
    assert texts(told) == ["Inga dagar är upptagna."]
    assert described(told) == "Inga dagar är upptagna."


@given(
    st.lists(st.dates(date(1990, 1, 1), date(2060, 12, 31)), min_size=1, max_size=60),
)
def test_every_act_is_in_a_column_and_all_is_within_the_picture(days: list[date]) -> None:
    told = alone(days)
    assert timeline(told) == timeline(told)
    found = columns(told)
    named = {Column.DAY: "%Y-%m-%d", Column.WEEK: "%G-%V", Column.MONTH: "%Y-%m"}
    assert len(found) == len({f"{day:{named[column_of(told)]}}" for day in days})
    for left, width, height in found:
        assert left >= 0
        assert left + width <= WIDTH
        assert 2 <= height <= 18
    for each in drawn(told).iter(f"{SVG}text"):
        assert 0 <= float(each.attrib["x"]) <= WIDTH
