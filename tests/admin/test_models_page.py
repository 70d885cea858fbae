"""The page that asks what one has and wants: which models it shows, and that it costs nobody a click afterwards."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.admin.forms import made_for
from django_wanvideo.catalog import wan
from django_wanvideo.choices import Purpose
from django_wanvideo.models import VideoTask
from tests.admin.conftest import FLASH, url

pytestmark = pytest.mark.django_db
REFERENCE = "wan2.7-reference-video"


def columns(page):
    """The models of a page, from left to right."""
    return re.findall(r'name="model" value="([^"]+)"', page.content.decode())


def model_of(page):
    return page.context["adminform"].form.spec.id


def test_what_a_model_is_for_follows_from_what_it_takes():
    counts = {purpose.value: sum(purpose in spec.purposes for spec in catalog.models()) for purpose in Purpose}
    assert counts == {"animate": 6, "words": 5, "first-to-last": 3, "continue": 1, "character": 5, "change": 1}
    assert all(spec.purposes for spec in catalog.models())
    # A first frame beside references is not enough for a picture alone to be animated.
    assert catalog.get(REFERENCE).purposes == (Purpose.CHARACTER,)


@pytest.mark.parametrize("want", Purpose.values)
def test_each_card_shows_its_models_the_cheapest_first(admin_client, want):
    page = admin_client.get(url("models"), {"want": want})
    text = page.content.decode()
    assert columns(page) == [spec.id for spec in page.context["table"].models]
    assert {spec.id for spec in catalog.models() if want in spec.purposes} == set(columns(page))
    (prices,) = [line.cells for line in page.context["table"].lines if line.is_price]
    amounts = [float(cell[0].split("\xa0")[0]) for cell in prices]
    assert amounts == sorted(amounts)
    assert text.count('name="want"') == 6
    assert text.count(" checked") == 2


def test_the_default_is_marked_and_numbers_are_the_catalogues(admin_client):
    """The default is marked and chosen, and numbers are those of the catalogue."""
    page = admin_client.get(url("models"))
    assert page.context["chosen"].id == FLASH
    lines = {line.head: line.cells[columns(page).index(FLASH)] for line in page.context["table"].lines}
    assert lines["Price of 5 s, 720p"] == ["11.90\xa0credits"]
    assert lines["Price a second"] == ["480p:\xa0–", "720p:\xa02.38", "1080p:\xa03.97"]
    assert lines["Length"] == ["2\xa0to\xa015\xa0s"]
    assert lines["Picture"] == ["360 to 2000 px a side, 10\xa0MB"]
    assert lines["Ready in"] == ["not used here yet"]
    assert page.content.decode().count("default here") == 1


def test_the_add_page_opens_with_the_persons_last_model(admin_client, person):
    """What was chosen once is what the add page opens with for that person."""
    there = admin_client.get(url("models"), {"want": "character", "model": REFERENCE, "_continue": "1"})
    assert there.url == f"{url('add')}?model={REFERENCE}"
    page = admin_client.get(url("add"))
    assert (model_of(page), page.context["title"]) == (REFERENCE, "Keep this character")
    assert ">Keep this character</a>" in admin_client.get(url("changelist")).content.decode()
    assert admin_client.get(url("models")).context["want"] == Purpose.CHARACTER
    # What an address says comes first, and a picture that is to be filled in never lands where there is no place for it.
    assert model_of(admin_client.get(url("add"), {"model": FLASH})) == FLASH
    assert model_of(admin_client.get(url("add"), {made_for.NAME: "x"})) == FLASH
    assert model_of(person("add_videotask").get(url("add"))) == FLASH


def test_a_model_of_another_card_is_shown_and_not_gone_on_with(admin_client):
    """Without a script the table still shows the models of the card before."""
    page = admin_client.get(url("models"), {"want": "words", "model": FLASH, "_continue": "1"})
    assert page.status_code == 200
    assert FLASH not in columns(page)
    assert model_of(admin_client.get(url("add"))) == FLASH


def test_what_an_address_fills_in_comes_along(admin_client):
    page = admin_client.get(url("add"), {"prompt": "Rain", "model": FLASH})
    address = page.context["wanvideo"]["models_url"]
    assert admin_client.get(address).context["chosen"].id == FLASH
    there = admin_client.get(address, follow=False).content.decode()
    assert '<input type="hidden" name="prompt" value="Rain">' in there
    assert (
        admin_client.get(f"{url('models')}?prompt=Rain&want=animate&model={FLASH}&_continue=1").url.count("prompt=Rain")
        == 1
    )


def test_hidden_and_withdrawn_models_are_not_shown(admin_client, monkeypatch):
    """Hidden and withdrawn models are not shown, and one alone is no choice."""
    gone = replace(catalog.get("wan2.6-image-to-video"), withdrawn=dt.date(2026, 1, 1))
    left = [gone if spec.id == gone.id else spec for spec in wan.MODELS if spec.id != "wan2.5-image-to-video"]
    admin_client.get(url("models"), {"model": gone.id, "_continue": "1", "want": "animate"})
    monkeypatch.setattr(wan, "MODELS", tuple(left))
    assert not {gone.id, "wan2.5-image-to-video"} & set(columns(admin_client.get(url("models"))))
    assert model_of(admin_client.get(url("add"))) == FLASH
    monkeypatch.setattr(wan, "MODELS", (catalog.get(FLASH),))
    assert admin_client.get(url("models")).url == url("add")
    assert "Other ways" not in admin_client.get(url("add")).content.decode()


def test_ready_in_is_how_long_this_sites_last_videos_took(admin_client, make_task):
    cache.clear()
    first = make_task("completed")
    for _number in range(4):
        make_task("completed", like=first)
    now = timezone.now()
    VideoTask.objects.update(accepted_at=now - dt.timedelta(seconds=118), finished_at=now)
    cells = next(
        line.cells for line in admin_client.get(url("models")).context["table"].lines if line.head == "Ready in"
    )
    assert cells[0] == ["about 2\xa0min"]
