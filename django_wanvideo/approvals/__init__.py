"""What costs more than one person may spend: a second person approves it or sends it back, or the first one withdraws it."""

from __future__ import annotations

from django_wanvideo.approvals.decisions import Decision, approve, send_back, waiting, withdraw

__all__ = ["Decision", "approve", "send_back", "waiting", "withdraw"]
