"""The admin of presets: one's own, and those for everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.admin.forms.preset_forms import MAY_SHARE, preset_form
from django_wanvideo.models import Preset

if TYPE_CHECKING:
    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    PresetModelAdmin = admin.ModelAdmin[Preset]
else:
    PresetModelAdmin = admin.ModelAdmin


class PresetAdmin(PresetModelAdmin):
    """Changes presets; they are made from the form of a new video. Nobody sees those of others that are not shared."""

    list_display = ("name", "model_label", "for_whom", "slug")
    search_fields = ("name", "prompt")
    show_full_result_count = False
    change_form_template = "admin/wanvideo/preset/change_form.html"

    class Media:
        css = {"all": ("wanvideo/wanvideo.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Preset]:
        """Return what the person may use."""
        user: Any = request.user
        return Preset.objects.usable_by(user)

    def has_change_permission(self, request: HttpRequest, obj: Preset | None = None) -> bool:
        """Tell whether it may be changed; what everyone uses only by those who may share."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Preset | None = None) -> bool:
        """As for changing."""
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Preset]) -> None:
        """Delete those of the chosen ones that the person may delete."""
        for preset in queryset:
            if self.has_delete_permission(request, preset):
                preset.delete()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Lead to the form of a new video, where presets are kept from."""
        url = reverse("admin:wanvideo_videotask_add", current_app=self.admin_site.name)
        return HttpResponseRedirect(f"{url}?save_preset=1")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Leave out the button for another one: those come from the form of a video."""
        return super().changeform_view(
            request, object_id, form_url, {"show_save_and_add_another": False, **(extra_context or {})}
        )

    def get_form(
        self, request: HttpRequest, obj: Preset | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[Preset]]:
        """Return the form with the settings of the preset's model."""
        try:
            spec = catalog.get(obj.model if obj is not None else "")
        except ValidationError:
            return super().get_form(request, obj, change=change, fields=("name",))
        form = preset_form(spec)
        if not request.user.has_perm(MAY_SHARE):
            form.base_fields["is_shared"].disabled = True
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Preset | None = None) -> Any:
        """Return the name, the words, and the settings of its model."""
        names = list(self.get_form(request, obj).base_fields)
        first = [name for name in ("name", "prompt", "slug", "is_shared") if name in names]
        rest = [name for name in names if name not in first]
        label = self.model_label(obj) if obj is not None else ""
        return [(None, {"fields": first}), *([(label, {"fields": rest})] if rest else [])]

    @admin.display(description=gettext_lazy("model"), ordering="model")
    def model_label(self, preset: Preset) -> str:
        """The model as people know it; its id where the catalogue has it no more."""
        spec = catalog.find(preset.model)
        return str(spec.label) if spec is not None else preset.model

    @admin.display(description=gettext_lazy("for"), ordering="is_shared")
    def for_whom(self, preset: Preset) -> str:
        """Who can use it."""
        return _("Everyone") if preset.is_shared else _("Only you")


def _may_touch(request: HttpRequest, preset: Preset | None) -> bool:
    if preset is None or request.user.has_perm(MAY_SHARE):
        return True
    return preset.owner_id == request.user.pk and not preset.is_shared
