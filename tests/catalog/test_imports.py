from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from django_wanvideo import catalog
from django_wanvideo.catalog import urls
spec = catalog.get("wan2.6-image-to-video-flash")
catalog.clean(spec, prompt="A cat", parameters={}, inputs={"first_frame": ["https://example.com/cat.png"]})
catalog.estimate(spec, {})
urls.check_url("https://example.com/cat.png")
print(sorted({name.split(".")[0] for name in sys.modules} & {"PIL", "av", "requests", "rq", "django_rq"}))
print([name for name in sys.modules if name.startswith("django_wanvideo.models")])
"""


def test_the_catalogue_works_without_settings_pictures_network_or_models():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split("\n")[:2] == ["[]", "[]"]
