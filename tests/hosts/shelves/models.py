"""Shelves with videos. Without constraints in the database, whose tables are there before those of videos."""

from __future__ import annotations

from django.db import models

TASK = "wanvideo.VideoTask"


class Shelf(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "shelves"
        verbose_name_plural = "shelves"

    def __str__(self):
        return self.name


class Slot(models.Model):
    """A place on a shelf, which keeps its video from being deleted."""

    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE)
    video = models.ForeignKey(
        TASK, on_delete=models.PROTECT, db_constraint=False, limit_choices_to={"prompt__contains": "fox"}
    )
    clip = models.FileField(upload_to="clips/", blank=True)

    class Meta:
        app_label = "shelves"

    def __str__(self):
        return f"slot {self.pk} of {self.shelf}"


class Teaser(models.Model):
    video = models.OneToOneField(TASK, on_delete=models.CASCADE, db_constraint=False, related_name="+")

    class Meta:
        app_label = "shelves"

    def __str__(self):
        return f"teaser {self.pk}"


class Playlist(models.Model):
    name = models.CharField(max_length=40)
    videos = models.ManyToManyField(TASK, db_constraint=False)

    class Meta:
        app_label = "shelves"

    def __str__(self):
        return self.name


class Hidden(models.Model):
    """One that no admin shows."""

    video = models.ForeignKey(TASK, on_delete=models.CASCADE, db_constraint=False)

    class Meta:
        app_label = "shelves"

    def __str__(self):
        return f"hidden {self.pk}"
