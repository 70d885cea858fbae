"""The page that asks what one has and wants, and shows the models for it side by side; it leads on to the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.admin.people import choices
from django_wanvideo.admin.presentation import model_table
from django_wanvideo.choices import Purpose
from django_wanvideo.conf import conf

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.base import TaskAdminBase
    from django_wanvideo.catalog import ModelSpec

WANT, MODEL, CONTINUE = "want", "model", "_continue"
#: The icon of each card, and the line that tells it from the others.
_CARDS = {
    Purpose.ANIMATE: ("image", gettext_lazy("A picture becomes the first frame and starts to move.")),
    Purpose.WORDS: ("words", gettext_lazy("No picture needed: the words decide what is seen.")),
    Purpose.FIRST_TO_LAST: ("two-frames", gettext_lazy("Two pictures: the video goes from one to the other.")),
    Purpose.CONTINUE: ("onward", gettext_lazy("A clip goes on from its end.")),
    Purpose.CHARACTER: ("person", gettext_lazy("A person or thing from your clips or pictures in a new scene.")),
    Purpose.CHANGE: ("edit-clip", gettext_lazy("A clip stays, something in it changes.")),
}


def model_choice_view(model_admin: TaskAdminBase, request: HttpRequest) -> HttpResponse:
    """Show the models for what the address wants, or lead on to the form of the one that was chosen."""
    model_admin.require(request, None, "add")
    others = request.GET.copy()
    asked = {name: (others.pop(name, None) or [""])[-1] for name in (WANT, MODEL, CONTINUE)}
    fitting = {purpose: models for purpose in Purpose if (models := model_table.cheapest_first(purpose))}
    add_url = model_admin.get_page_url("add")
    if len(catalog.models()) == 1 or not fitting:
        return HttpResponseRedirect(f"{add_url}?{others.urlencode()}" if others else add_url)
    usual = next((spec for spec in catalog.models() if spec.id == asked[MODEL]), None) or choices.model_of(request)
    own = [purpose.value for purpose in (usual.purposes if usual is not None else ())]
    want = next((one for name in (asked[WANT], *own) for one in fitting if one.value == name), next(iter(fitting)))
    models = fitting[want]
    if asked[CONTINUE] and usual is not None and usual.id == asked[MODEL] and usual in models:
        choices.keep(request, choices.MODEL, usual.id)
        others[MODEL] = usual.id
        return HttpResponseRedirect(f"{add_url}?{others.urlencode()}")
    liked = (usual.id if usual is not None else "", conf.DEFAULT_MODEL)
    chosen = next((spec for name in liked for spec in models if spec.id == name), models[0])
    context = {
        "cards": [(one, *_CARDS[one], model_table.summary(found), one == want) for one, found in fitting.items()],
        "want": want,
        "table": model_table.table(models),
        "chosen": chosen,
        "default": conf.DEFAULT_MODEL,
        "as_of": format_date(max(spec.price.as_of for spec in models), "j M Y"),
        "kept": [(name, value) for name, values in others.lists() for value in values],
        "back": f"{add_url}?{others.urlencode()}" if others else add_url,
    }
    return model_admin.render_page(request, "models", _("Make a video"), **context)


def words(spec: ModelSpec | None) -> str:
    """Return the title of the add page, and of what leads to it: what one does with a model."""
    purposes = spec.purposes if spec is not None else ()
    if not purposes:
        return _("Make a video")
    return _("Make a video from words") if purposes[0] == Purpose.WORDS else str(purposes[0].label)


def url(model_admin: TaskAdminBase, request: HttpRequest) -> str:
    """Return the address of the page that compares models, where there is something to compare; else an empty text."""
    if len(catalog.models()) == 1:
        return ""
    query = request.GET.copy()
    query[MODEL] = model_admin.get_model_spec(request).id
    return f"{model_admin.get_page_url('models')}?{query.urlencode()}"
