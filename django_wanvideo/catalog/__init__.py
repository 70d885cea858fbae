"""What each Wan model accepts and costs: data, and validation that reads it."""

from __future__ import annotations

from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.registry import build_request, clean, estimate, get, media_of, models
from django_wanvideo.catalog.spec import InputSpec, ModelSpec, Multiplier, PriceRule, PromptSpec, Rule

__all__ = [
    "Choice",
    "InputSpec",
    "ModelSpec",
    "Multiplier",
    "ParameterSpec",
    "PriceRule",
    "PromptSpec",
    "Rule",
    "build_request",
    "clean",
    "estimate",
    "get",
    "media_of",
    "models",
]
