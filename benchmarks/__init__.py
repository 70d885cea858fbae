"""Side-by-side measurements, one command each: ``python -m benchmarks.callback``, ``.store``, ``.charge_safety``, ``.soak``.

They print ratios and leave with 1 when a stated goal is missed; ``--no-goal`` prints only.
"""

from __future__ import annotations
