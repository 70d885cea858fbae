"""What the shop sells."""

from __future__ import annotations

from django.db import models


class Product(models.Model):
    """One thing on sale. Its video comes by itself when a task that names it in ``metadata`` is done."""

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    photo = models.ImageField(upload_to="products/", blank=True)
    video = models.ForeignKey(
        "wanvideo.VideoTask",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="products",
        help_text="Filled in when a video for this product is finished.",
    )

    loop = models.FileField(upload_to="products/loops/", blank=True, help_text="A short video for the overview.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
