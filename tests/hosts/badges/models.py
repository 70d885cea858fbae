"""A user known by a badge: no name, no mail, no groups, no manager of Django's."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractBaseUser
from django.db import models


class Holder(AbstractBaseUser):
    """Whoever holds a badge."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    badge = models.IntegerField(unique=True)
    is_staff = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    objects = models.Manager()

    USERNAME_FIELD = "badge"

    class Meta:
        app_label = "badges"

    def __str__(self):
        # Django's own returns the user name as it is, which here is a number.
        return f"badge {self.badge}"

    def has_perm(self, perm, obj=None):
        return True

    def has_module_perms(self, app_label):
        return True
