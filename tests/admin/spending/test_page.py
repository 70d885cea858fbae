"""The page of what was spent says what the ledger says, to whoever may know it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.utils import timezone, translation

from django_wanvideo.admin.spending import chart
from django_wanvideo.choices import CreditOutcome, CreditResult
from django_wanvideo.models import Batch, CreditEntry, VideoTask
from django_wanvideo.spending import keeping
from django_wanvideo.spending.periods import Period
from django_wanvideo.spending.report import Report
from django_wanvideo.spending.sums import Sums
from tests.admin.conftest import url
from tests.spending.entries import MODELS, entry

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def ours(settings):
    def set_to(**values):
        settings.WANVIDEO = {**settings.WANVIDEO, **values}

    return set_to


def text_of(response):
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def page_of(client, **query):
    response = client.get(url("spending"), query)
    assert response.status_code == 200
    return response


def rows_of(response, slug):
    """The rows of a table of the page, cells as texts, its sum among them."""
    table = response.content.decode().partition(f'id="{slug}-heading"')[2].partition("</table>")[0]
    rows = re.findall("<tr>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows[1:]]
    return {
        row[0]: row[1:]
        for row in [
            [" ".join(re.sub("<[^>]*>", " ", cell).replace("\xa0", " ").split()) for cell in row] for row in cells
        ]
    }


def csv_of(client, **query):
    response = client.get(url("spending"), {**query, "format": "csv"})
    assert response.streaming
    content = b"".join(response).decode()
    assert content.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(content[1:])))


def some(admin_client):
    """Three videos and two failures of three people on three days."""
    yesterday = NOW - dt.timedelta(days=1)
    batch = Batch.objects.create(name="=Spring", owner=admin_client.user)
    entry(NOW, owner=admin_client.user, owner_label="boss", seconds_to_video=100)
    entry(
        yesterday,
        owner=admin_client.user,
        owner_label="boss",
        batch_id=batch.pk,
        batch_label="=Spring",
        seconds_to_video=118,
    )
    entry(NOW - dt.timedelta(days=40), owner_label="ann", model=MODELS[2])
    failed = {"result": CreditResult.FAILED, "seconds_to_video": None}
    entry(yesterday, owner_label="ann", model=MODELS[2], used=Decimal(3), **failed)
    entry(yesterday, owner_label="ann", used=0, outcome=CreditOutcome.RELEASED, **failed)
    entry(NOW, result="", used=None, reserved=Decimal(6), outcome=CreditOutcome.ACCEPTED, seconds_to_video=None)
    return batch


@pytest.mark.parametrize("kept", [False, True], ids=["from the entries", "from sums"])
def test_each_table_says_what_was_made_what_failed_and_what_it_cost(admin_client, kept):
    some(admin_client)
    if kept:
        assert keeping.keep_sums() == 2
    page = page_of(admin_client)
    total = ["2 10 s", "2 cost 3.00", "50 %", "1:40", "32.80 $0.48"]
    days = rows_of(page, "days")
    assert days["Thu 26 Nov"] == ["1 5 s", "0", "100 %", "1:40", "17.90 $0.26"]
    assert days["Wed 25 Nov"] == ["1 5 s", "2 cost 3.00", "33 %", "1:58", "14.90 $0.22"]
    assert days["Sun 1 Nov"] == ["0 0 s", "0", "–", "–", "0.00 $0.00"]
    assert days["All"] == total
    assert len(days) == 27
    assert rows_of(page, "models") == {
        "Wan 2.6 Flash": ["2 10 s", "1 not charged", "67 %", "1:40", "29.80 $0.44"],
        MODELS[2]: ["0 0 s", "1 cost 3.00", "0 %", "–", "3.00 $0.04"],
        "All": total,
    }
    assert rows_of(page, "people") == {
        "boss": ["2 10 s", "0", "100 %", "1:40", "23.80 $0.35"],
        "Nobody": ["0 0 s", "0", "–", "–", "6.00 $0.09"],
        "ann (deleted)": ["0 0 s", "2 cost 3.00", "0 %", "–", "3.00 $0.04"],
        "All": total,
    }
    assert rows_of(page, "batches")["=Spring"] == ["1 5 s", "0", "100 %", "1:58", "11.90 $0.18"]
    assert "6.00 not billed yet" in text_of(page)
    assert "no-store" in page.headers["Cache-Control"]


def test_what_is_deleted_stays_counted_and_named(admin_client):
    batch = some(admin_client)
    batch.delete()
    assert "=Spring" in rows_of(page_of(admin_client), "batches")
    assert "batch=" not in page_of(admin_client).content.decode()


def test_periods(admin_client):
    some(admin_client)
    assert "This month" in text_of(page_of(admin_client))
    october = page_of(admin_client, period="last-month")
    assert rows_of(october, "days")["Sat 17 Oct"][0] == "1 5 s"
    assert rows_of(october, "models")["All"][0] == "1 5 s"
    chosen = page_of(admin_client, **{"from": "2026-10-17", "to": "2026-11-25"})
    assert rows_of(chosen, "models")["All"][0] == "2 10 s"
    assert 'value="2026-10-17"' in chosen.content.decode()
    year = page_of(admin_client, **{"from": "2026-01-01", "to": "2027-01-01"})
    assert list(rows_of(year, "days"))[:2] == ["November 2026", "October 2026"], "no day that has not been"
    flash = page_of(admin_client, model=MODELS[0])
    assert set(rows_of(flash, "models")) == {"Wan 2.6 Flash", "All"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "2026-11-20", "to": "2026-11-01"}, "This day is before the first one."),
        ({"from": "2020-01-01"}, "At most two years are shown at once."),
        ({"from": "yesterday"}, "Enter a valid date."),
    ],
)
def test_what_cannot_be_shown_is_said_and_this_month_is_shown(admin_client, query, words):
    some(admin_client)
    page = page_of(admin_client, **query)
    assert words in text_of(page)
    assert rows_of(page, "days")["All"][0] == "2 10 s"


def test_days_are_those_of_the_persons_time_zone(admin_client):
    entry(dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC))
    keeping.keep_sums()
    assert rows_of(page_of(admin_client), "days")["Fri 20 Nov"][0] == "1 5 s"
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        page = page_of(admin_client)
    assert rows_of(page, "days")["Sat 21 Nov"][0] == "1 5 s"
    assert "Days begin at midnight in Asia/Tokyo." in text_of(page)


def test_nothing_yet(admin_client):
    page = page_of(admin_client)
    assert "Nothing was spent" in text_of(page)
    assert "<svg viewBox" not in page.content.decode()


def test_money_is_what_the_site_pays(admin_client, ours):
    entry(NOW)
    ours(CREDIT_PRICE=("0.02", "EUR"))
    assert rows_of(page_of(admin_client), "models")["All"][-1] == "11.90 0.24 EUR"
    assert csv_of(admin_client)[0]["EUR"] == "0.2380"
    assert "0.24 EUR" in text_of(admin_client.get(url("add"))).replace("\xa0", " ")


# The chart --------------------------------------------------------------------------------------------------------------


def test_the_chart_has_a_bar_for_each_day(admin_client, ours):
    """It has a bar for each day, as high as its credits, in any language."""
    ours(DAILY_CREDIT_LIMIT=30)
    some(admin_client)
    with translation.override("de"):
        content = page_of(admin_client).content.decode()
    svg = content[content.index("<svg viewBox") : content.index("</svg>", content.index("<svg viewBox"))]
    heights = [float(height) for height in re.findall(r'class="wv-bar-rect"[^>]*height="([0-9.]+)"', svg)]
    assert len(heights) == 26
    assert heights[:24] == [0.0] * 24
    assert heights[25] / heights[24] == pytest.approx(17.9 / 14.9, rel=0.01)
    assert 'class="wv-limit"' in svg
    assert "style=" not in svg
    assert re.findall(r'(?:x|y|x1|x2|y1|y2|width|height)="[^"]*,', svg) == []


@pytest.mark.parametrize("highest", ["0.4", "7", "11.9", "99", "100", "2947.2", "1000000"])
@pytest.mark.parametrize("limit", [None, "30"])
def test_every_chart_is_inside_of_its_frame_with_three_to_seven_lines(highest, limit):
    period = Period(dt.date(2026, 11, 1), dt.date(2026, 11, 2), dt.UTC)
    days = {period.first: Sums(credits=Decimal(highest)), period.last: Sums(credits=Decimal("0.1"))}
    drawn = chart.chart(Report(period, Sums(), days, [], [], []), Decimal(limit) if limit else None)
    tops = [float(item.y) for item in (*drawn["bars"], *drawn["lines"])]
    assert min(tops) >= 26
    assert max(tops) <= 224
    assert 3 <= len(drawn["lines"]) <= 7
    assert len({line.words for line in drawn["lines"]}) == len(drawn["lines"])


# Who sees what ----------------------------------------------------------------------------------------------------------


def test_who_sees_own_tasks_only_sees_own_spending_only(admin_client, person, monkeypatch, ours):
    ann = person("view_videotask", name="ann")
    ours(CREDIT_LIMITS={"site": {"day": 100}, "user": {"month": 50}})
    some(admin_client)
    entry(NOW, owner=ann.user, owner_label="ann", used=Decimal(7))
    monkeypatch.setattr(
        admin.site._registry[VideoTask], "get_visible_queryset", lambda request, tasks: tasks.owned_by(request.user)
    )
    page = page_of(ann)
    assert rows_of(page, "models") == {"Wan 2.6 Flash": ["1 5 s", "0", "100 %", "2:00", "7.00 $0.10"], "All": ["1 5 s", "0", "100 %", "2:00", "7.00 $0.10"]}  # fmt: skip
    assert rows_of(page, "people") == {}
    assert "your own videos" in text_of(page)
    assert list(rows_of(page, "limits")) == ["ann This month"]
    assert "This site" not in text_of(page)
    assert [line["Credits"] for line in csv_of(ann)] == ["7.0000"]


def test_the_list_leads_to_the_page_and_a_popup_does_not(admin_client):
    assert url("spending") in admin_client.get(url("changelist")).content.decode()
    assert url("spending") not in admin_client.get(url("changelist"), {"_popup": "1"}).content.decode()


# Limits -----------------------------------------------------------------------------------------------------------------


def test_what_is_left_of_each_limit(admin_client, person, ours):
    ann = person(name="ann").user
    Group.objects.create(name="Marketing").user_set.add(ann)
    group = Group.objects.get()
    Group.objects.create(name="Others")
    ours(
        CREDIT_LIMITS={
            "site": {"day": 100, "month": 50},
            "group": {"Marketing": {"week": 20}, "Gone": {"day": 1}},
            "user": {"day": 12},
        }
    )
    entry(NOW, owner=ann, owner_label="ann", group_keys=f",{group.pk},")
    entry(NOW - dt.timedelta(days=20), used=Decimal(60))
    assert rows_of(page_of(admin_client), "limits") == {
        "This site Today": ["11.90 of 100", "88.10", "27 Nov, 00:00"],
        "This site This month": ["71.90 of 50", "0.00", "1 Dec, 00:00"],
        "Group “Marketing” This week": ["11.90 of 20", "8.10", "30 Nov, 00:00"],
        "ann Today": ["11.90 of 12", "0.10", "27 Nov, 00:00"],
    }
    assert "of 50 credits, the monthly limit" in text_of(page_of(admin_client)), "the one of which most is used"


def test_limits_that_cannot_be_read_break_no_page(admin_client, ours):
    entry(NOW)
    ours(CREDIT_LIMITS=lambda user: 1 / 0)
    assert "The limits on credits cannot be read" in text_of(page_of(admin_client))


# The table to take away -------------------------------------------------------------------------------------------------


def test_the_csv_has_a_row_for_each_day_model_batch_and_person(admin_client):
    some(admin_client)
    lines = csv_of(admin_client)
    assert [(line["Day"], line["Person"], line["Videos"], line["Failed"], line["Credits"]) for line in lines] == [
        ("2026-11-25", "ann (deleted)", "0", "1", "3.0000"),
        ("2026-11-25", "ann (deleted)", "0", "1", "0.0000"),
        ("2026-11-25", "boss", "1", "0", "11.9000"),
        ("2026-11-26", "", "0", "0", "6.0000"),
        ("2026-11-26", "boss", "1", "0", "11.9000"),
    ]
    assert lines[2]["Batch"] == "'=Spring", "no program takes a name for a formula"
    assert (lines[2]["Median seconds to video"], lines[2]["Success (per cent)"]) == ("118", "100")
    assert sum(Decimal(line["Credits"]) for line in lines) == Decimal("32.8")
    assert csv_of(admin_client, period="last-month")[0]["Day"] == "2026-10-17"


def test_as_many_people_and_batches_as_there_are_ask_no_more(admin_client, django_assert_max_num_queries, ours):
    ours(CREDIT_LIMITS={"site": {"day": 100}})
    for number in range(60):
        CreditEntry.objects.filter(
            pk=entry(NOW, owner_label=f"person{number}", batch_id=uuid.uuid4(), batch_label=f"Batch {number}").pk
        )
    with django_assert_max_num_queries(13):
        page = page_of(admin_client)
    assert "10 more are in the CSV file." in text_of(page)
    assert len(rows_of(page, "batches")) == 51
