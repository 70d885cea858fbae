"""The test site for the worker and the sweep beside a browser test: the same engines, rows and files."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["WANVIDEO_BROWSER_DATABASE"]
WANVIDEO = json.loads(os.environ["WANVIDEO_BROWSER_SITE"])
