"""What each Wan model accepts and costs: data, and validation that reads it."""

from __future__ import annotations

from django_wanvideo.catalog import images, links
from django_wanvideo.catalog.price import Multiplier, PriceRule
from django_wanvideo.catalog.registry import get, media_of, models
from django_wanvideo.catalog.spec import Choice, InputSpec, ModelSpec, ParameterSpec, PromptSpec, Rule

__all__ = [
    "Choice",
    "InputSpec",
    "ModelSpec",
    "Multiplier",
    "ParameterSpec",
    "PriceRule",
    "PromptSpec",
    "Rule",
    "get",
    "images",
    "links",
    "media_of",
    "models",
]
