"""The list is narrowed by what it offers: its address is no way to guess what it does not show."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import RequestFactory

from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.admin.changelist import lookups
from django_wanvideo.models import VideoTask
from tests.admin.conftest import url

pytestmark = [pytest.mark.django_db, pytest.mark.fault("K10.guessing-by-lookup")]

PROBES = [
    "metadata__customer__startswith",
    "metadata__icontains",
    "metadata__has_key",
    "metadata",
    "notes__startswith",
    "owner__password__startswith",
    "owner__email__contains",
    "owner__username",
    "owner_id",
    "owner__isnull",
    "attempts__request__callback_url__startswith",
    "attempts__idempotency_key",
    "events__detail__reason",
    "inputs__file__startswith",
    "result_url__startswith",
    "video__startswith",
    "error_message__regex",
    "parent__metadata__customer",
    "children__notes__contains",
    "status__in",
    "status__startswith",
    "model__startswith",
    "prompt__startswith",
    "id__startswith",
    "pk",
    "created_at__year",
    "attention__x",
]


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("value", ["A", "B"])
def test_what_the_list_does_not_offer_is_refused(person, make_task, probe, value):
    viewer = person("view_videotask")
    task = make_task(owner=viewer.user, notes="Anna")
    VideoTask.objects.filter(pk=task.pk).update(metadata={"customer": "Anna"})
    assert viewer.get(url("changelist"), {probe: value}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"status": "draft"},
        {"attention": "needed"},
        {"attention": "expiring"},
        {"model": "wan2.6-image-to-video-flash"},
        {"owner": "me"},
        {"q": "fox"},
        {"o": "-3"},
        {"p": "1"},
        {"_popup": "1"},
        {"_to_field": "id"},
        {"status": "draft", "owner": "me", "q": "fox", "o": "1"},
    ],
)
def test_what_the_list_offers_works(person, make_task, query):
    viewer = person("view_videotask")
    make_task(owner=viewer.user)
    assert viewer.get(url("changelist"), query).status_code == 200


class ShopAdmin(VideoTaskAdmin):
    """A site's own list."""

    list_filter = (
        "status",
        ("created_at", admin.DateFieldListFilter),
        "owner",
        ("error_code", admin.EmptyFieldListFilter),
    )
    date_hierarchy = "queued_at"


@pytest.mark.parametrize(
    ("lookup", "allowed"),
    [
        ("status__exact", True),
        ("created_at__gte", True),
        ("created_at__isnull", True),
        ("owner__id__exact", True),
        ("owner__isnull", True),
        ("error_code__isempty", True),
        ("queued_at__year", True),
        ("owner__password__startswith", False),
        ("owner__username", False),
        ("metadata__customer", False),
        ("statusx", False),
        ("notes", False),
    ],
)
def test_a_sites_own_filters_are_offered_and_no_more(lookup, allowed):
    shop = ShopAdmin(VideoTask, admin.site)
    assert shop.lookup_allowed(lookup, "1", RequestFactory().get("/")) is allowed


def test_a_filter_with_parameters_of_its_own_is_offered():
    class Between(admin.ListFilter):
        title = "between"

        def has_output(self):
            return True

        def choices(self, changelist):
            return []

        def queryset(self, request, queryset):
            return queryset

        def expected_parameters(self):
            return ["since", "until"]

    class Own(VideoTaskAdmin):
        list_filter = (Between,)

    shop, request = Own(VideoTask, admin.site), RequestFactory().get("/")
    assert [shop.lookup_allowed(name, "1", request) for name in ("since", "until", "when")] == [True, True, False]


def test_a_sites_foreign_key_may_narrow_the_list_that_it_opens(monkeypatch):
    limits = [{"status": "completed"}, lambda: {"metadata__sku": "X1"}]
    monkeypatch.setattr(VideoTask._meta, "related_fkey_lookups", limits)
    shop, request = VideoTaskAdmin(VideoTask, admin.site), RequestFactory().get("/")
    asked = [("status", "completed"), ("metadata__sku", "X1"), ("metadata__sku", "X2")]
    assert [lookups.is_offered(shop, request, *pair) for pair in asked] == [True, True, False]
    assert shop.lookup_allowed("metadata__sku", "X1", request)
