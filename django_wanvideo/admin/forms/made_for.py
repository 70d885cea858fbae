"""What a new video is made for: an object of the site's own, whose page leads here with its picture, by a signed link."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from django.apps import apps
from django.core import signing

from django_wanvideo.models.base import origins

if TYPE_CHECKING:
    from django.db.models import Model
    from django.db.models.fields.files import FieldFile
    from django.http import HttpRequest

#: The name of the link's parameter, and of the key in a task's ``metadata``.
NAME = origins.NAME
SALT = "django_wanvideo.admin.forms.made_for"
#: How long a page may lie open before its link to a new video is too old.
LIFETIME = dt.timedelta(days=1)


@dataclass(frozen=True)
class MadeFor:
    """An object, the field of it that the video is for, and the stored picture that it is made from."""

    #: As in ``apps.get_model()``: ``"shop.product"``.
    model: str
    pk: str
    name: str
    #: The field with the picture, and the picture's name in that field's storage when the page was shown.
    picture: str
    stored: str
    #: The person who was shown the link; for others it is none.
    user: str
    #: What the site wants to find in the task's ``metadata`` beside ``NAME``.
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What a task says of it in its ``metadata``."""
        return key_of(self.model, self.pk, self.name)

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.stored).name

    def open(self) -> IO[bytes]:
        """Open the picture that the person was shown, whatever the object has by now."""
        stored: Any = apps.get_model(self.model)._meta.get_field(self.picture)  # noqa: SLF001 - documented model API
        opened: IO[bytes] = stored.storage.open(self.stored, "rb")
        return opened


def key_of(model: str, pk: Any, name: str) -> str:
    return f"{model}:{pk}:{name}"[: origins.LONGEST]


def sign(obj: Model, name: str, picture: FieldFile, *, user: Any, metadata: dict[str, Any]) -> str:
    """Return the value of the link's parameter: a video for the field ``name`` of ``obj``, made from ``picture``."""
    made_for = MadeFor(
        model=obj._meta.label_lower,  # noqa: SLF001 - documented model API
        pk=str(obj.pk),
        name=name,
        picture=picture.field.name,
        stored=str(picture.name),
        user=str(user.pk),
        metadata=metadata,
    )
    return signing.dumps(asdict(made_for), salt=SALT, compress=True)


def read(token: str, *, owner: Any) -> MadeFor | None:
    """Return what a link says; ``None`` for one that is old, was changed, or was shown to somebody else."""
    try:
        made_for = MadeFor(**signing.loads(token, salt=SALT, max_age=LIFETIME))
    except signing.BadSignature:
        return None
    return made_for if made_for.user == str(owner) else None


def of_request(request: HttpRequest) -> MadeFor | None:
    """Return what the new task of an add page is made for, if anything."""
    return read(request.GET.get(NAME, ""), owner=request.user.pk)


def initial(request: HttpRequest, name: str) -> dict[str, str]:
    """Return what an add page fills into ``name``, its field of a picture that is kept: the link, if it is one."""
    return {name: request.GET[NAME]} if of_request(request) is not None else {}


def object_of(key: Any) -> tuple[type[Model], str] | None:
    """Return the model and the primary key that a task's ``metadata`` names; ``None`` for what is no such key."""
    label, _colon, rest = str(key or "").partition(":")
    pk = rest.rpartition(":")[0]
    try:
        return (apps.get_model(label), pk) if pk else None
    except (LookupError, ValueError):
        return None
