"""Routers as sites write them."""

from __future__ import annotations


class VideosElsewhere:
    """Sends the app to a database of its own and says nothing of other models, nor of relations."""

    def db_for_read(self, model, **hints):
        return "videos" if model._meta.app_label == "wanvideo" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "videos") == (app_label == "wanvideo")


class LaggingReplica:
    """Reads everything from a replica that has heard of nothing yet, once the tables are there."""

    is_on = False

    def db_for_read(self, model, **hints):
        return "replica" if self.is_on else "default"

    def db_for_write(self, model, **hints):
        return "default"
