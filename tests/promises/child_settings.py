"""The test site for child processes: the same engines and rows as in the test that starts them."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["WANVIDEO_CHILD_DATABASE"]
WANVIDEO = json.loads(os.environ["WANVIDEO_CHILD_SITE"])
