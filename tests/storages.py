"""Storages that are not like a folder of this machine."""

from __future__ import annotations

import datetime as dt

from django.core.files.storage import InMemoryStorage
from django.utils import timezone


class ClientError(Exception):
    """What an object store's own library raises: no ``OSError``, nor anything else that Django knows of."""


class Overwriting(InMemoryStorage):
    """One that puts a file in the place of another of the same name, as object stores do by default."""

    def get_available_name(self, name, max_length=None):
        return name


METHODS = {"url", "open", "save", "delete", "exists", "size", "listdir", "get_modified_time"}


class Failing(Overwriting):
    """One whose named methods raise its own error."""

    error = ClientError("An error occurred (AccessDenied) https://s3.example/x?X-Amz-Signature=hidden-signature")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.failing = set()

    def __getattribute__(self, name):
        if name in METHODS and name in self.failing:
            return self._fail
        return super().__getattribute__(name)

    def _fail(self, *args, **kwargs):
        raise self.error


class WithoutAddresses(Overwriting):
    """One that gives no addresses and says so."""

    def url(self, name):
        raise NotImplementedError("subclasses of Storage must provide a url() method")


class TakesOnly(Overwriting):
    """One that neither lists nor deletes and says so."""

    def delete(self, name):
        raise NotImplementedError("subclasses of Storage must provide a delete() method")

    def listdir(self, path):
        raise NotImplementedError("subclasses of Storage must provide a listdir() method")


class Refusing(Overwriting):
    """One whose key may put and get, and nothing else."""

    def delete(self, name):
        raise PermissionError("403")

    exists = listdir = url = delete


def names(storage):
    """Return the names of all files of a storage."""
    found, folders = [], [""]
    while folders:
        folder = folders.pop()
        inner, files = InMemoryStorage.listdir(storage, folder or ".")
        found += [f"{folder}/{name}".lstrip("/") for name in files]
        folders += [f"{folder}/{name}".lstrip("/") for name in inner]
    return sorted(found)


class Signing(Overwriting):
    """One whose addresses are signed, for as many seconds as it is told."""

    def __init__(self, *args, seconds=86_400, **kwargs):
        super().__init__(*args, **kwargs)
        self.seconds = seconds

    def url(self, name):
        now = timezone.now().astimezone(dt.UTC)
        signed = f"X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Expires={self.seconds}&X-Amz-Signature=hidden-signature"
        return f"https://bucket.s3.example/{name}?{signed}"
