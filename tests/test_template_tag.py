"""``{% wanvideo task %}``: a player for any page, which says what made the video and never breaks the page."""

from __future__ import annotations

import datetime as dt
import json
import re
from html.parser import HTMLParser

import django
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.http import HttpResponse
from django.template import Context, RequestContext, Template
from django.urls import reverse
from django.utils import translation

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from django_wanvideo.templatetags.wanvideo import DIGITAL_SOURCE_TYPE, size_of
from tests.factories import make_task
from tests.pictures import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def task():
    made = make_task(TaskStatus.COMPLETED, prompt="secret plans of the shop")
    made.video.save("v.mp4", ContentFile(b"0123456789"), save=False)
    made.poster.save("p.jpg", ContentFile(b"jpeg"), save=False)
    made.save(update_fields=["video", "poster"])
    return made


def render(task, arguments="", request=None, **context):
    template = Template("{% load wanvideo %}{% wanvideo task " + arguments + " %}")
    values = {"task": task, **context}
    return template.render(RequestContext(request, values) if request is not None else Context(values))


def schema(page):
    found = re.search(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', page, re.S)
    return json.loads(found[1]) if found else None


def test_a_player_with_its_poster(task):
    page = render(task)
    assert "<video controls playsinline" in page
    assert 'preload="metadata"' in page
    assert f'poster="{task.poster.url}"' in page
    assert f'<source src="{task.video.url}" type="video/mp4">' in page
    assert "<figcaption>Made with AI</figcaption>" in page
    assert "<script" not in page
    assert "style" not in page
    assert "secret plans" not in page


def test_its_arguments(task):
    page = render(
        task, 'preload="none" class="film wide" captions="/c.vtt" srclang="de" label="Deutsch" width=640 height=360'
    )
    assert 'class="wanvideo film wide"' in page
    assert 'preload="none"' in page
    assert '<track kind="captions" src="/c.vtt" srclang="de" label="Deutsch" default>' in page
    assert 'width="640" height="360"' in page
    assert 'preload="metadata"' in render(task, 'preload="onload"')


def test_the_words_can_be_changed_and_not_left_out(task):
    assert "<figcaption>Drawn by a machine</figcaption>" in render(task, 'note="Drawn by a machine"')
    assert "Made with AI" in render(task, 'note=""')
    assert "Made with AI" in render(task, "note=nothing")


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.setdefault(tag, []).append(dict(attrs))


EVIL = "\"'><script>alert('x')</script>"


@pytest.mark.parametrize(
    ("argument", "tag", "attribute", "value"),
    [
        ("class", "figure", "class", f"wanvideo {EVIL}"),
        ("captions", "track", "src", EVIL),
        ("srclang", "track", "srclang", EVIL),
        ("label", "track", "label", EVIL),
        ("nonce", "script", "nonce", EVIL),
        ("note", "figure", "class", "wanvideo"),
    ],
)
def test_what_is_given_is_escaped(task, argument, tag, attribute, value):
    captions = "" if argument == "captions" else 'captions="/c.vtt" '
    found = Tags(render(task, f'{captions}{argument}=evil schema=True name="n"', evil=EVIL)).found
    assert {name: len(tags) for name, tags in found.items()} == dict.fromkeys(
        ("figure", "video", "source", "track", "figcaption", "script"), 1
    )
    assert found[tag][0][attribute] == value


@pytest.mark.parametrize("without", [None, "", "x", 7])
def test_no_task_shows_nothing_or_what_stands_for_it(without):
    assert render(without).strip() == ""
    assert render(without, "fallback=words", words="<soon>").strip() == "&lt;soon&gt;"


def test_a_task_without_video_shows_nothing():
    for status in TaskStatus:
        assert render(make_task(status), 'schema=True name="n"').strip() == ""
    assert render(VideoTask()).strip() == ""


# -- size


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({"quality": "720p", "aspect_ratio": "16:9"}, (1280, 720)),
        ({"quality": "1080p", "aspect_ratio": "9:16"}, (1080, 1920)),
        ({"quality": "720p", "aspect_ratio": "1:1"}, (960, 960)),
        ({"quality": "720p"}, (1280, 720)),
        ({"quality": "best", "aspect_ratio": "16:9"}, None),
        ({"quality": "720p", "aspect_ratio": "0:0"}, None),
    ],
)
def test_the_size_follows_the_settings(parameters, size):
    assert size_of(make_task(model="wan2.6-text-to-video", parameters=parameters)) == size
    assert size_of(make_task(model="of another time", parameters={})) is None


def test_the_size_follows_the_first_frame():
    task = VideoTask.objects.create_task(prompt="p", first_frame=picture(size=(600, 800)), quality="720p")
    width, height = size_of(task)
    assert abs(width / height - 600 / 800) < 0.01
    assert abs(width * height - 1280 * 720) < 5000
    assert size_of(make_task()) is None


# -- addresses


def test_links_last_where_the_site_says_who_may_follow_them(task, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "VIDEO_ACCESS": "django_wanvideo.views.public"}
    page = render(task)
    assert f'src="{reverse("wanvideo:video", args=[task.pk])}"' in page
    assert f'poster="{reverse("wanvideo:poster", args=[task.pk])}"' in page
    settings.ROOT_URLCONF = "tests.hosts.nested_urls"
    assert f'src="{task.video.url}"' in render(task), "where our addresses cannot be found, the storage's own are used"


def test_a_storage_without_addresses_is_played_through_ours(task, settings):
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.WithoutAddresses"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    storages["odd"].save("v.mp4", ContentFile(b"x"))
    assert f'src="{reverse("wanvideo:video", args=[task.pk])}"' in render(task)


def test_a_small_first_frame_is_no_poster():
    task = VideoTask.objects.create_task(prompt="p", first_frame=picture())
    VideoTask.objects.filter(pk=task.pk).update(video="v.mp4")
    task.refresh_from_db()
    page = render(task, 'schema=True name="n"')
    assert "poster=" not in page
    assert schema(page)["thumbnailUrl"].endswith(task.first_frame.thumbnail.url)


# -- search engines


def test_search_engines_are_told_what_the_tag_was_told(task, rf):
    page = render(
        task,
        'schema=True name="A canoe" description=text upload_date=day duration="PT5S"',
        request=rf.get("/shop/"),
        text="It glides.",
        day=dt.date(2026, 5, 4),
    )
    assert schema(page) == {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": "A canoe",
        "description": "It glides.",
        "uploadDate": "2026-05-04",
        "duration": "PT5S",
        "contentUrl": f"http://testserver{task.video.url}",
        "thumbnailUrl": f"http://testserver{task.poster.url}",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
    }
    assert DIGITAL_SOURCE_TYPE.endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize(
    "evil", ["</script><script>alert(1)</script>", "<!--<script>", "a & b", "\u2028\u2029", '"}, {']
)
def test_a_name_ends_no_script(task, evil):
    page = render(task, "schema=True name=evil description=evil", evil=evil)
    assert page.count("<script") == page.count("</script>") == 1
    assert "<!--" not in page
    assert schema(page)["name"] == evil


def test_without_a_name_search_engines_are_told_nothing(task, caplog):
    assert schema(render(task, "schema=True")) is None
    assert "needs a name" in caplog.text


def test_a_nonce_is_used_where_there_is_one(task, rf):
    request = rf.get("/")
    assert "nonce" not in render(task, 'schema=True name="n"', request=request)
    assert 'nonce="given"' in render(task, 'schema=True name="n" nonce="given"', request=request)
    assert 'nonce="of-the-page"' in render(task, 'schema=True name="n"', csp_nonce="of-the-page")
    request.csp_nonce = "of-django-csp"
    assert 'nonce="of-django-csp"' in render(task, 'schema=True name="n"', request=request)


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django's own policy came with 6.0")
def test_the_nonce_of_djangos_own_policy(task, rf, settings):
    from django.middleware.csp import ContentSecurityPolicyMiddleware
    from django.utils.csp import CSP

    settings.SECURE_CSP = {"script-src": [CSP.SELF, CSP.NONCE]}
    request = rf.get("/")
    show = ContentSecurityPolicyMiddleware(
        lambda asked: HttpResponse(render(task, 'schema=True name="n"', request=asked))
    )
    response = show(request)
    (nonce,) = re.findall('nonce="([^"]+)"', response.content.decode())
    assert f"'nonce-{nonce}'" in response["Content-Security-Policy"]


def test_the_words_are_translated_and_the_language_of_captions_follows(task):
    with translation.override("de"):
        assert 'srclang="de"' in render(task, 'captions="/c.vtt"')


def test_a_player_costs_no_query_where_its_poster_is_there(task, django_assert_num_queries):
    fresh = VideoTask.objects.prefetch_related("inputs").get(pk=task.pk)
    with django_assert_num_queries(0):
        render(fresh)
