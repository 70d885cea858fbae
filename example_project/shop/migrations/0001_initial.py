from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("wanvideo", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("description", models.TextField(blank=True)),
                ("photo", models.ImageField(blank=True, upload_to="products/")),
                (
                    "video",
                    models.ForeignKey(
                        blank=True,
                        help_text="Filled in when a video for this product is finished.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="products",
                        to="wanvideo.videotask",
                    ),
                ),
                (
                    "loop",
                    models.FileField(
                        blank=True, help_text="A short video for the overview.", upload_to="products/loops/"
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
    ]
