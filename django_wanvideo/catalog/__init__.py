"""What each Wan model accepts and costs: data, and validation that reads it."""

from __future__ import annotations

from django_wanvideo.catalog.inputs import InputSpec, MediaFacts
from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.pricing import InputSeconds, Multiplier, PriceRule
from django_wanvideo.catalog.registry import build_request, clean, estimate, find, get, known, media_type_for, models
from django_wanvideo.catalog.spec import CountedTogether, ModelSpec, OneOf, OutputSize, PromptSpec, Rule

__all__ = [
    "Choice",
    "CountedTogether",
    "InputSeconds",
    "InputSpec",
    "MediaFacts",
    "ModelSpec",
    "Multiplier",
    "OneOf",
    "OutputSize",
    "ParameterSpec",
    "PriceRule",
    "PromptSpec",
    "Rule",
    "build_request",
    "clean",
    "estimate",
    "find",
    "get",
    "known",
    "media_type_for",
    "models",
]
