"""Which address answers what to whom: every address of the admin, for people with one permission each."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from django_wanvideo import takes
from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.admin.forms import temporary_uploads
from django_wanvideo.admin.views import plans
from django_wanvideo.models import Film, VideoTask
from django_wanvideo.services.sending import quotes
from tests.admin.conftest import add_data, hidden, store, url
from tests.pictures import picture

WHO = ("nobody", "view", "add", "change", "delete", "submit", "resolve")
OK, GONE, MOVED, NO = 200, 404, 302, 403

#: What each address answers, in the order of ``WHO``. 302 after a POST means done, or refused in words on a page that the
#: person may see; what was really done is the business of ``DOES``.
ANSWERS = {
    #                        nobody view add  change delete submit resolve
    "GET changelist":       (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET add":              (NO,    NO,  OK,  NO,    NO,    NO,    NO),
    "POST add":             (NO,    NO,  MOVED, NO,  NO,    NO,    NO),
    "POST add, generate":   (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET change":           (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "POST change, notes":   (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST change, draft":   (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "GET delete":           (NO,    NO,  NO,  NO,    OK,    NO,    NO),
    "POST delete":          (NO,    NO,  NO,  NO,    MOVED, NO,    NO),
    "GET history":          (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET status":           (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET totals":           (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET spending":         (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET news":             (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "GET models":           (NO,    NO,  OK,  NO,    NO,    NO,    NO),
    "GET price":            (NO,    NO,  OK,  OK,    NO,    NO,    NO),
    "GET temporary_upload": (NO,    NO,  OK,  OK,    NO,    NO,    NO),
    "GET video":            (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "POST poster":          (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST send":            (NO,    NO,  NO,  NO,    NO,    MOVED, NO),
    "GET plan":             (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET resolve":          (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST resolve":         (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET sending":          (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST sending":         (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET bulk_resolve":     (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST bulk_resolve":    (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET approvals":        (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST approvals":       (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "GET make_takes":       (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST make_takes":      (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST make_takes, generate": (NO, NO, NO,  NO,    NO,    NO,    NO),
    "GET takes":            (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "POST pick":            (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "GET film":             (NO,    OK,  NO,  OK,    NO,    NO,    NO),
    "POST join":            (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST do continue":     (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST do continue_clip": (NO,   NO,  NO,  NO,    NO,    NO,    NO),
    "POST do remake":       (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST do retry":        (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST do fetch":        (NO,    NO,  NO,  NO,    NO,    NO,    NO),
    "POST do cancel":       (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST do dismiss":      (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST do undismiss":    (NO,    NO,  NO,  MOVED, NO,    NO,    NO),
    "POST do refresh":      (NO,    MOVED, NO, MOVED, NO,   NO,    NO),
    "POST do duplicate":    (NO,    NO,  NO,  NO,    NO,    NO,    NO),
}  # fmt: skip

#: What needs a second permission beside ``view``: the address, and the permission that opens it.
WITH_VIEW = {
    "GET make_takes": ("add", OK),
    "POST make_takes": ("add", MOVED),
    "POST do duplicate": ("add", MOVED),
    "POST do retry": ("submit", MOVED),
    "POST do fetch": ("submit", MOVED),
    "POST do cancel": ("change", MOVED),
    "POST do dismiss": ("change", MOVED),
    "POST poster": ("change", MOVED),
    "POST pick": ("change", MOVED),
    "POST join": ("change", MOVED),
    "POST change, notes": ("change", MOVED),
    "GET delete": ("delete", OK),
    "GET plan": ("submit", OK),
    "GET resolve": ("resolve", OK),
    "POST resolve": ("resolve", MOVED),
    "GET bulk_resolve": ("resolve", OK),
    "POST bulk_resolve": ("resolve", MOVED),
    "GET approvals": ("approve", OK),
    "POST approvals": ("approve", MOVED),
}


def plan_of(owner, task):
    """The token of a plan that sends one draft."""
    if owner is None:
        return "x"
    return plans.keep(owner, [plans.Entry(task.pk, quotes.quote(task))], again=False, back="/")


@pytest.fixture
def ask(make_task, monkeypatch):
    """Ask one address of ``ANSWERS`` as a client; returns the status."""

    def send(client, name):
        owner = client.user if hasattr(client, "user") else None
        method, what = name.split(" ", 1)
        data = {}
        match what:
            case (
                "changelist"
                | "add"
                | "models"
                | "status"
                | "totals"
                | "spending"
                | "sending"
                | "bulk_resolve"
                | "approvals"
            ):
                address = url(what)
                data = add_data() if method == "POST" else {}
            case "add, generate":
                address, data = url("add"), add_data(_save=None, _generate="1")
            case "price":
                address, data = url("price"), {"duration": "5", "quality": "720p"}
            case "news":
                address, data = url("news"), {"since": timezone.now().isoformat()}
            case "temporary_upload":
                address = url("temporary_upload")
                data = {"name": temporary_uploads.keep(picture(), owner=owner.pk if owner else 0)}
            case "send":
                address, data = url("send"), {"plan": plan_of(owner, make_task())}
            case "plan":
                address = url("plan", plan_of(owner, make_task()))
            case "change, notes":
                address, data = url("change", make_task("completed").pk), {"notes": "n"}
            case "change, draft":
                address, data = url("change", make_task().pk), add_data(first_frame_file=None)
            case "delete":
                address, data = url("delete", make_task("failed").pk), {"post": "yes"} if method == "POST" else {}
            case "resolve":
                monkeypatch.setattr("django_wanvideo.services.resolution.evidence.TIMEOUT", 0.01)
                address = url("resolve", make_task("unconfirmed").pk)
                data = {"decision": "not_accepted"} if method == "POST" else {}
            case "video":
                task = make_task("completed")
                store(task, b"0123456789")
                address = url("video", task.pk)
            case "film":
                task = make_task("completed")
                store(task, b"0123456789")
                film = Film.objects.create(task=task, parts=[str(task.pk)], digest="x", video=task.video.name)
                address = url("film", task.pk, film.pk)
            case "make_takes":
                address = url("make_takes", make_task("failed").pk)
                data = {"prompts": "other words", "repeats": ""} if method == "POST" else {}
            case "make_takes, generate":
                address = url("make_takes", make_task("failed").pk)
                data = {"repeats": "1", "shown_credits": "99", "_generate": "1"}
            case "takes" | "pick":
                first = make_task("completed")
                takes.group(first, [make_task("completed")])
                address = url(what, first.pk)
            case _ if what.startswith("do "):
                verb = what.removeprefix("do ")
                address = url("operate", make_task("queued" if verb == "cancel" else "failed").pk, verb)
            case _:
                address = url(what, make_task("failed").pk)
        return client.get(address, data) if method == "GET" else client.post(address, data)

    return send


def test_the_table_knows_every_address_of_the_admin():
    from django.contrib import admin

    ours = admin.site.get_model_admin(VideoTask)
    names = {pattern.name.removeprefix("wanvideo_videotask_") for pattern in ours.get_urls() if pattern.name}
    asked = {name.split(" ", 1)[1].split(",")[0].split(" ")[0].replace("do", "operate") for name in ANSWERS}
    assert names - asked == set()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_address_answers_those_who_may(ask, person, name):
    for who, expected in zip(WHO, ANSWERS[name], strict=True):
        client = person() if who == "nobody" else person(f"{who}_videotask")
        response = ask(client, name)
        assert response.status_code == expected, who
        assert "/login/" not in response.headers.get("Location", ""), who


@pytest.mark.parametrize("name", WITH_VIEW)
def test_some_addresses_need_two_permissions(ask, person, name):
    """They open with both, and all that there are but the second one do not."""
    permission, expected = WITH_VIEW[name]
    others = sorted({*WHO[1:], "approve"} - {permission})
    assert ask(person(*(f"{other}_videotask" for other in others)), name).status_code == NO
    assert ask(person("view_videotask", f"{permission}_videotask"), name).status_code == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_who_is_not_signed_in_or_no_staff_is_sent_to_sign_in(ask, client, person, name):
    login = reverse("admin:login")
    assert ask(client, name).headers["Location"].startswith(login)
    customer = person("view_videotask", "add_videotask", "change_videotask", "submit_videotask")
    customer.user.is_staff = False
    customer.user.save()
    assert ask(customer, name).headers["Location"].startswith(login)
    assert not VideoTask.objects.exclude(status__in=["draft", "queued", "completed", "failed", "unconfirmed"]).exists()


def test_refused_addresses_change_nothing(ask, person):
    client = person("view_videotask")
    for name in ANSWERS:
        if name.startswith("POST") and name != "POST do refresh":
            before = VideoTask.objects.count()
            ask(client, name)
            made = VideoTask.objects.order_by("-created_at")[: VideoTask.objects.count() - before]
            assert {task.events.exclude(kind="created").count() for task in made} <= {0}, name


@pytest.mark.parametrize(
    ("action", "status", "permission", "after"),
    [
        ("cancel_selected", "queued", "change", "cancelled"),
        ("delete_selected", "failed", "delete", None),
        ("duplicate_selected", "failed", "add", "failed"),
    ],
)
def test_an_action_is_refused_to_those_without_its_permission(person, make_task, action, status, permission, after):
    task = make_task(status)
    data = {"action": action, "_selected_action": [str(task.pk)], "post": "yes"}
    person("view_videotask").post(url("changelist"), data)
    assert VideoTask.objects.get().status == status
    person("view_videotask", f"{permission}_videotask").post(url("changelist"), data)
    assert VideoTask.objects.filter(pk=task.pk).values_list("status", flat=True).first() == after
    assert VideoTask.objects.count() == (2 if permission == "add" else after is not None)


def test_own_tasks_only_holds_for_every_address_of_a_task(ask, admin_client, person, monkeypatch, make_task):
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    for name in ANSWERS:
        if name.split(" ", 1)[1].split(",")[0] not in {
            "changelist",
            "add",
            "models",
            "status",
            "totals",
            "news",
            "price",
            "temporary_upload",
            "send",
            "spending",
            "sending",
            "bulk_resolve",
            "approvals",
            "plan",
        }:
            assert ask(admin_client, name).status_code in {GONE, MOVED}, name
    assert not VideoTask.objects.filter(notes="n").exists()
    assert not VideoTask.objects.filter(status__in=["cancelled", "storing"]).exists()


def test_a_plan_never_reaches_tasks_that_one_may_not_see(admin_client, make_task, monkeypatch):
    task = make_task()
    data = {"action": "submit_selected", "_selected_action": [str(task.pk)]}
    plan = hidden(admin_client.post(url("changelist"), data, follow=True), "plan")
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
    )
    admin_client.post(url("send"), {"plan": plan})
    task.refresh_from_db()
    assert task.status == "draft"
