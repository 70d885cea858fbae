"""What the page *Make many videos* sends, and where its pages are."""

from __future__ import annotations

import io
import uuid
import zipfile

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from django_wanvideo.models import Batch
from tests.admin.conftest import FLASH, picture

#: What somebody needs who may make batches and send them.
MAKER = ("add_batch", "view_batch", "add_videotask", "view_videotask")
SPENDER = (*MAKER, "submit_videotask")
LINK = "https://pictures.example/fox.jpg"


def url(name, *args):
    """The address of a page of batches."""
    return reverse(f"admin:wanvideo_batch_{name}", args=args)


def data(way="pictures", **changes):
    """What the page sends for good videos."""
    found = {
        "batch": str(uuid.uuid4()),
        "shown_model": FLASH,
        "shown_preset": "",
        "way": way,
        "prompt": "A fox called {name} trots on",
        "takes": "4",
        "prompts": "",
        "name": "Autumn postcards",
        "model": FLASH,
        "duration": "5",
        "quality": "720p",
        "generate_audio": "on",
        "prompt_extend": "on",
        "shot_type": "single",
        "fix_inputs": "on",
        "_check": "1",
    }
    found.update(changes)
    return {key: value for key, value in found.items() if value is not None}


def table(*rows, name="cards.csv"):
    """A table with a link and a motif in each row."""
    lines = ["first_frame,motif,duration", *rows]
    return SimpleUploadedFile(name, "\r\n".join(lines).encode(), "text/csv")


def good_rows(count=3, *, motif="fox"):
    """Rows that can be made."""
    return [f"{LINK}?{n},{motif} {n},5" for n in range(count)]


def archive(*names, name="cards.zip"):
    """A ZIP file of pictures, each another one."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for number, entry in enumerate(names):
            packed.writestr(entry, picture(colour=(number, 90, 60)).read())
    return SimpleUploadedFile(name, target.getvalue(), "application/zip")


def checked(client, way="table", **changes):
    """Send the form and return the batch that was checked."""
    sent = data(way, **changes)
    response = client.post(url("add"), sent)
    assert response.status_code == 303, response.context["form"].errors
    batch = Batch.objects.get(pk=sent["batch"])
    assert response["Location"] == url("check", batch.pk)
    return batch


def checked_table(client, count=3, **changes):
    """Send a table of good rows and return the batch that was checked."""
    return checked(client, **{"prompt": "A {motif} trots on", "table": table(*good_rows(count)), **changes})
