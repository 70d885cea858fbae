"""EvoLink's Wan models, a file for each generation, in the order in which people see them."""

from __future__ import annotations

from django_wanvideo.catalog.wan import wan25, wan26, wan27, wan30

MODELS = (*wan26.MODELS, *wan27.MODELS, *wan30.MODELS, *wan25.MODELS)
