"""References to the site's users, who may be kept in another database, under any user model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import models, router, transaction
from django.db.models.signals import post_delete

from django_wanvideo.db import database
from django_wanvideo.models.base.rows import RowKey, UnaskedDescriptor

if TYPE_CHECKING:
    from django.db.models.deletion import Collector

M = TypeVar("M", bound=models.Model)


def alias() -> str:
    """Return the alias in ``DATABASES`` that users are written to."""
    return router.db_for_write(get_user_model())


def rows() -> models.QuerySet[Any]:
    """Return all users, as they were written, and none hidden by a manager of the site's."""
    return get_user_model()._base_manager.using(alias())  # noqa: SLF001 - Django's documented model API


def find(pk: Any) -> Any:
    """Return somebody by key, or nobody where they are gone."""
    return rows().filter(pk=pk).first() if pk is not None else None


def fetched_with(rows: models.QuerySet[M], name: str) -> models.QuerySet[M]:
    """Fetch a person with each of ``rows``: by a join, or with one further query where that is in another database."""
    return rows.select_related(name) if alias() == database.alias() else rows.prefetch_related(name)


def name_of(user: Any) -> str:
    """Return how staff know a person, whatever a site's user model has to say about it."""
    for method in ("get_full_name", "get_username"):
        asked = getattr(user, method, None)
        if callable(asked) and (name := str(asked() or "").strip()):
            return name
    return str(user)


def username_of(user: Any) -> str:
    """Return what a person is known by to the site: the field that its user model names, or the key."""
    asked = getattr(user, "get_username", None)
    return str(asked()) if callable(asked) else str(user.pk)


def groups_of(pk: Any) -> dict[Any, str]:
    """Return the names of the groups that somebody is in, by key; none where a site's user model has no groups."""
    fields = {field.name: field.related_model for field in get_user_model()._meta.many_to_many}  # noqa: SLF001 - documented model API
    if pk is None or "groups" not in fields or fields["groups"] is not apps.get_model("auth", "Group"):
        return {}
    found = rows().filter(pk=pk, groups__isnull=False).values_list("groups__pk", "groups__name")
    return dict(found.order_by("groups__pk"))


def all_groups() -> dict[Any, str]:
    """Return the names of all groups by key."""
    groups = apps.get_model("auth", "Group")._base_manager.using(alias())  # noqa: SLF001 - Django's documented model API
    return dict(groups.order_by("pk").values_list("pk", "name"))


def check_permission(user: Any, permission: str, message: str) -> None:
    """Raise PermissionDenied unless a person has a permission; code (``None``) may do everything."""
    allowed = getattr(user, "has_perm", None)
    if user is not None and not (callable(allowed) and allowed(permission)):
        raise PermissionDenied(message)


def set_null(collector: Collector, field: PersonKey, sub_objs: Any, using: str) -> None:
    """Do what ``SET_NULL`` does where users and tasks are in one database; elsewhere ``_forget`` does it after commit."""
    if using == database.alias():
        models.SET_NULL(collector, field, sub_objs, using)


# As of Django's own: the rows need not be fetched to be changed.
set_null.lazy_sub_objs = True  # type: ignore[attr-defined]


class _PersonDescriptor(UnaskedDescriptor):
    """Reads a person from where users are kept, not from where the row is; who is gone there is nobody."""

    def get_queryset(self, **hints: Any) -> models.QuerySet[Any]:
        # Without a word of the router Django would follow the row, into a database that has no users.
        return super().get_queryset(**hints).using(alias())

    def get_object(self, instance: models.Model) -> Any:
        try:
            return super().get_object(instance)
        except self.field.remote_field.model.DoesNotExist:
            return None


class PersonKey(RowKey):
    """A user, or nobody. No constraint in the database, whose tables may lack the users'."""

    forward_related_accessor_class = _PersonDescriptor

    def __init__(self, **options: Any) -> None:
        fixed = {"null": True, "blank": True, "related_name": "+", "db_constraint": False, "on_delete": set_null}
        super().__init__(**{"to": settings.AUTH_USER_MODEL, **options, **fixed})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Stand in migrations as the foreign key that it is."""
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "on_delete": models.SET_NULL}

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Look for the person where users are kept, whatever database the row is in."""
        super().validate(value, None)


def connect() -> None:
    """Bind the receiver to the user model and what is made of it; called once when Django is ready."""
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            post_delete.connect(_forget, sender=model, dispatch_uid=f"wanvideo.forget_person.{model._meta.label}")  # noqa: SLF001


def _forget(sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any) -> None:
    """Let rows in another database forget a person whose deletion has been committed."""
    if using == database.alias():
        return
    user_id = instance.pk

    def forget() -> None:
        for model in apps.get_app_config("wanvideo").get_models():
            for field in model._meta.concrete_fields:  # noqa: SLF001 - documented model API
                if isinstance(field, PersonKey):
                    model._default_manager.filter(**{field.attname: user_id}).update(**{field.attname: None})  # noqa: SLF001

    # The deletion stands by then, whatever becomes of this; who is gone is shown as nobody in any case.
    transaction.on_commit(forget, using=using, robust=True)
