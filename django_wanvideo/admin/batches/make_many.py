"""The page *Make many videos*. It leads to the check, never to a charge.

The page carries the id of its batch, which is stored with the first file or the first press, so that what is sent again
from the same page is the same batch.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.admin.base import as_uuid, person
from django_wanvideo.admin.batches import check
from django_wanvideo.admin.batches.forms import given, preview
from django_wanvideo.admin.batches.forms.make_many import SHOWN_MODEL, SHOWN_PRESET, MakeManyForm, make_many_form
from django_wanvideo.admin.batches.prices import price_of_form
from django_wanvideo.admin.forms.fields import ParameterField
from django_wanvideo.batches import checking
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES
from django_wanvideo.choices import BatchState
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch, BatchFile, Preset

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_wanvideo.admin.batches.base import BatchAdminBase
    from django_wanvideo.catalog import ModelSpec


class SeeOther(HttpResponseRedirect):
    """Leads on to a page that is fetched, whatever was sent."""

    status_code = HTTPStatus.SEE_OTHER


def make_many_view(model_admin: BatchAdminBase, request: HttpRequest) -> HttpResponse:
    """Show the form, or keep what came with it and check it."""
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    batch = _batch_of(model_admin, request)
    if batch.state not in {BatchState.UPLOADING, BatchState.CHECKED}:
        return check.lead_on(model_admin, request, batch)
    if request.method == "POST":
        return _keep(model_admin, request, batch)
    stored = None if batch._state.adding else batch  # noqa: SLF001 - Django's way to ask
    chosen = batch.settings
    preset = batch.preset or Preset.objects.named(request.GET.get("preset", ""), person(request))
    spec = _spec(request.GET.get("model") or chosen.get("model") or (preset.model if preset is not None else ""))
    initial = _of_batch(batch) if stored else _of_preset(preset)
    form = make_many_form(spec, person(request))(batch=batch, initial=initial)
    return _page(model_admin, request, form, unfinished=None if stored else _unfinished(request))


def _batch_of(model_admin: BatchAdminBase, request: HttpRequest) -> Batch:
    """Return the batch that the page is for; one that is not stored yet for a new page."""
    asked = as_uuid(request.POST.get("batch") or request.GET.get("batch") or "")
    found = model_admin.get_own_batch(request, asked) if asked is not None else None
    return found or Batch(pk=asked or uuid.uuid4(), owner_id=request.user.pk)


def _unfinished(request: HttpRequest) -> Batch | None:
    """Return what this person began to upload and did not go on with."""
    begun = Batch.objects.filter(owner_id=request.user.pk, state=BatchState.UPLOADING, expires_at__gt=timezone.now())
    return begun.filter(files__isnull=False).order_by("-created_at").first()


def _keep(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch) -> HttpResponse:
    """Store the files, then look at the rest; what is refused is shown again with all that was typed and given."""
    way = request.POST.get("way", "")
    way = way if way in {PICTURES, TABLE, TAKES} else PICTURES
    spec = _spec(request.POST.get("model", ""))
    try:
        batch = checking.begin(batch)
    except TransitionNotAllowed:
        batch.refresh_from_db()
        return check.lead_on(model_admin, request, batch)
    refused = given.take(batch, way, request.FILES, spec)
    if "_remove" in request.POST:
        given.forget(batch, BatchFile.objects.filter(batch=batch))
    if switched := _switched(model_admin, request, batch):
        return switched
    form = make_many_form(spec, person(request))(request.POST, batch=batch, refused=refused)
    if form.is_valid() and (leads := _check(model_admin, request, form)) is not None:
        return leads
    return _page(model_admin, request, form)


def _check(model_admin: BatchAdminBase, request: HttpRequest, form: MakeManyForm) -> HttpResponse | None:
    """Check the batch and lead to what was found; ``None`` where the form has errors now."""
    batch = form.batch
    batch.settings = batch.settings | form.settings()
    batch.preset = form.preset
    batch.source_name = _source_name(batch)
    batch.name = form.cleaned_data["name"] or _name(batch)
    try:
        checking.check(batch)
    except ValidationError as error:
        form.add_error("table" if batch.settings["way"] == TABLE else None, error)
        return None
    except TransitionNotAllowed:
        batch.refresh_from_db()
        return check.lead_on(model_admin, request, batch)
    return SeeOther(model_admin.get_page_url("check", batch.pk))


def _switched(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch) -> HttpResponse | None:
    """Show the settings of another model or preset, filled in with what was typed; ``None`` where none was chosen."""
    data = request.POST
    preset = Preset.objects.named(data.get("preset", ""), person(request)) if data.get("preset") else None
    uses_preset = "_preset" in data or data.get("preset", "") != data.get(SHOWN_PRESET, "")
    spec = _spec(preset.model if preset is not None and uses_preset else data.get("model", ""))
    if not {"_model", "_preset", "_remove"} & data.keys() and not uses_preset and data.get(SHOWN_MODEL) == spec.id:
        return None
    known = catalog.find(data.get(SHOWN_MODEL))
    typed: dict[str, Any] = {name: value for name, value in data.items() if value and not name.startswith("_")}
    for parameter in known.parameters if known is not None else ():
        if parameter.kind == "boolean":
            # A tick box that is off sends nothing.
            typed[parameter.name] = parameter.name in data
    typed["fix_inputs"] = "fix_inputs" in data
    form_type = make_many_form(spec, person(request))
    for name, field in form_type.base_fields.items():
        if isinstance(field, ParameterField) and not _takes(field, typed.get(name)):
            typed.pop(name, None)
    typed |= {"model": spec.id} | (_of_preset(preset) if uses_preset else {})
    return _page(model_admin, request, form_type(batch=batch, initial=typed))


def _takes(field: ParameterField, value: Any) -> bool:
    try:
        field.to_python(value)
    except ValidationError:
        return False
    return True


def _of_preset(preset: Preset | None) -> dict[str, Any]:
    if preset is None:
        return {}
    words = {"prompt": preset.prompt} if preset.prompt else {}
    return {**preset.parameters, **words, "preset": preset.slug, "model": preset.model}


def _of_batch(batch: Batch) -> dict[str, Any]:
    """Return what the form of a batch had in it."""
    chosen = batch.settings
    takes = chosen.get("takes", {})
    links = {f"{role}_url": value for role, value in takes.get("inputs", {}).items() if "://" in str(value)}
    links = {name: "\n".join(value) if isinstance(value, list) else value for name, value in links.items()}
    shown = {name: chosen[name] for name in ("way", "model", "prompt", "fix_inputs") if name in chosen}
    own = {"name": batch.name, "preset": batch.preset.slug if batch.preset is not None else ""}
    count = {"takes": takes["count"]} if takes.get("count") else {}
    seed = {"seed": takes["seed"]} if "seed" in takes else {}
    return {**chosen.get("parameters", {}), **links, **shown, **own, **count, **seed} | {
        "prompts": "\n".join(takes.get("prompts", []))
    }


def _spec(model: str) -> ModelSpec:
    """Return a model by its id, or the site's own choice for what is none."""
    for candidate in (model, conf.DEFAULT_MODEL):
        found = catalog.find(candidate)
        if found is not None:
            return found
    return catalog.models()[0]


def _source_name(batch: Batch) -> str:
    if batch.settings["way"] == TABLE:
        return str(BatchFile.objects.get(pk=batch.settings["table"]).name)
    return str(batch.settings.get("media_name", "")) if batch.settings["way"] == PICTURES else ""


def _name(batch: Batch) -> str:
    what = batch.source_name.rpartition(".")[0] or {PICTURES: _("Pictures"), TAKES: _("Takes")}.get(
        batch.settings["way"], _("Table")
    )
    return f"{what[:80]}, {date_format(timezone.localtime(), 'SHORT_DATETIME_FORMAT')}"


def _page(
    model_admin: BatchAdminBase, request: HttpRequest, form: MakeManyForm, *, unfinished: Batch | None = None
) -> HttpResponse:
    shown = form.data if form.is_bound else form.initial
    waiting = given.pictures_of(unfinished).count() if unfinished is not None else 0
    return model_admin.render_page(
        request,
        "make_many",
        _("Make many videos"),
        form=form,
        batch=form.batch,
        price=price_of_form(form),
        filled=preview.filled(str(form["prompt"].value() or ""), form.batch),
        preview_url=model_admin.get_page_url("preview"),
        rules=form.spec.form_rules(),
        preset_shown=shown.get("preset", ""),
        unfinished=unfinished if waiting else None,
        unfinished_count=waiting,
        files_url=model_admin.get_page_url("files", form.batch.pk),
        price_url=model_admin.get_page_url("price"),
        add_url=model_admin.get_page_url("add"),
        template_url=model_admin.get_page_url("template"),
    )
