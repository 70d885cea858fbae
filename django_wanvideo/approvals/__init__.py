"""What costs more than one person may spend: a second person approves it, or sends it back."""

from __future__ import annotations

from django_wanvideo.approvals.decisions import Decision, approve, send_back, waiting

__all__ = ["Decision", "approve", "send_back", "waiting"]
