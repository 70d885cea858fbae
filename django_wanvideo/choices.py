"""The words of the domain, as choices."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class TaskStatus(TextChoices):
    """Where a task is on its way from a wish to a stored file."""

    DRAFT = "draft", _("draft")
    QUEUED = "queued", _("queued")
    SUBMITTING = "submitting", _("submitting")
    UNCONFIRMED = "unconfirmed", _("unconfirmed")
    PENDING = "pending", _("pending")
    PROCESSING = "processing", _("processing")
    STORING = "storing", _("storing")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


#: Nothing happens to these by itself any more.
FINISHED_STATUSES = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED})
#: These can be tried again.
RETRYABLE_STATUSES = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})
#: EvoLink has the task, or may have it.
IN_FLIGHT_STATUSES = frozenset(
    {TaskStatus.SUBMITTING, TaskStatus.UNCONFIRMED, TaskStatus.PENDING, TaskStatus.PROCESSING},
)
#: The sweep has something to do for these.
ACTIVE_STATUSES = IN_FLIGHT_STATUSES | {TaskStatus.QUEUED, TaskStatus.STORING}


#: Why a queued task waits for credits of a limit of the site's own, by whose limit it is and in which period.
CREDIT_LIMIT_REASONS = {
    (scope, period): f"{prefix}{adverb}_credit_limit"
    for scope, prefix in (("site", ""), ("group", "group_"), ("user", "user_"))
    for period, adverb in (("day", "daily"), ("week", "weekly"), ("month", "monthly"))
}
#: The same for a task whose own price is more than a limit allows at all, and for credits that EvoLink says are used up.
ABOVE_CREDIT_LIMIT, CREDITS_USED_UP = "above_credit_limit", "credits_used_up"


class AttemptState(TextChoices):
    """What became of one POST that may be billed."""

    CLAIMED = "claimed", _("claimed")
    UNCONFIRMED = "unconfirmed", _("unconfirmed")
    ACCEPTED = "accepted", _("accepted")
    NOT_ACCEPTED = "not_accepted", _("not accepted")
    SUPERSEDED = "superseded", _("superseded")
    FINISHED = "finished", _("ended")


#: A task has at most one attempt in these states.
OPEN_ATTEMPT_STATES = frozenset({AttemptState.CLAIMED, AttemptState.UNCONFIRMED, AttemptState.ACCEPTED})


class InputRole(TextChoices):
    """What an input is to the video; the same words for every model."""

    FIRST_FRAME = "first_frame", _("picture (first frame)")
    LAST_FRAME = "last_frame", _("last frame")
    REFERENCE_IMAGES = "reference_images", _("reference image")
    REFERENCE_VIDEOS = "reference_videos", _("reference video")
    SOURCE_VIDEO = "source_video", _("source video")
    AUDIO = "audio", _("sound")
    VOICES = "voices", _("voice")
    DOCUMENT = "document", _("document")


class Purpose(TextChoices):
    """What somebody has and wants a video of, in the order in which people are asked."""

    ANIMATE = "animate", _("Animate a picture")
    WORDS = "words", _("From words")
    FIRST_TO_LAST = "first-to-last", _("First to last frame")
    CONTINUE = "continue", _("Continue a clip")
    CHARACTER = "character", _("Keep this character")
    CHANGE = "change", _("Change a clip")


class EventKind(TextChoices):
    """One line of a task's history."""

    CREATED = "created", _("created")
    QUEUED = "queued", _("queued")
    CLAIMED = "claimed", _("claimed by a worker")
    WAITING = "waiting", _("waiting")
    RELEASED = "released", _("given back to the queue")
    ACCEPTED = "accepted", _("accepted by EvoLink")
    UNCONFIRMED = "unconfirmed", _("answer lost")
    PROGRESS = "progress", _("progress")
    GENERATED = "generated", _("made by EvoLink")
    STORE_FAILED = "store_failed", _("copying failed")
    LINK_EXPIRING = "link_expiring", _("link ends soon")
    STORED = "stored", _("stored")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    RETRIED = "retried", _("tried again")
    OVERDUE = "overdue", _("overdue")
    NEEDS_DECISION = "needs_decision", _("needs a decision")
    RESOLVED = "resolved", _("decided")
    CALLBACK = "callback", _("callback received")
    DUPLICATE = "duplicate", _("second paid result")
    RECEIVER_FAILED = "receiver_failed", _("a signal receiver failed")
    PICKED = "picked", _("picked")
    APPROVAL_REQUESTED = "approval_requested", _("approval requested")
    APPROVED = "approved", _("approved")
    SENT_BACK = "sent_back", _("sent back")
    NOTE = "note", _("note")


class BatchState(TextChoices):
    """Where a batch is on its way from files to videos."""

    #: Its files come in; nothing has been checked.
    UPLOADING = "uploading", pgettext_lazy("batch", "uploading")
    CHECKED = "checked", pgettext_lazy("batch", "checked")
    CREATING = "creating", pgettext_lazy("batch", "creating")
    READY = "ready", pgettext_lazy("batch", "ready")
    SUBMITTED = "submitted", pgettext_lazy("batch", "submitted")
    ENDED = "ended", pgettext_lazy("batch", "ended")


class BatchOperation(TextChoices):
    """What is being done to the rows of a batch, one after the other."""

    SUBMIT = "submit", pgettext_lazy("batch", "sending")
    CANCEL = "cancel", pgettext_lazy("batch", "cancelling")
    RETRY = "retry", pgettext_lazy("batch", "trying again")


class BatchEventKind(TextChoices):
    """One line of a batch's history."""

    CREATED = "created", pgettext_lazy("batch", "confirmed")
    SUBMITTED = "submitted", pgettext_lazy("batch", "submitted")
    CANCELLED = "cancelled", pgettext_lazy("batch", "cancelled")
    RETRIED = "retried", pgettext_lazy("batch", "tried again")
    FINISHED = "finished", pgettext_lazy("batch", "ended")
    APPROVAL_REQUESTED = "approval_requested", _("approval requested")
    APPROVED = "approved", _("approved")
    SENT_BACK = "sent_back", _("sent back")
    WITHDRAWN = "withdrawn", _("request withdrawn")
    RECEIVER_FAILED = "receiver_failed", _("a signal receiver failed")


class ApprovalKind(TextChoices):
    """What is done once a second person has agreed."""

    SUBMIT = "submit", pgettext_lazy("approval", "Generate")
    RETRY = "retry", pgettext_lazy("approval", "Retry")
    RESEND = "resend", pgettext_lazy("approval", "Send again")


class ApprovalState(TextChoices):
    """What became of what somebody asked for."""

    WAITING = "waiting", pgettext_lazy("approval", "waiting")
    APPROVED = "approved", pgettext_lazy("approval", "approved")
    RETURNED = "returned", pgettext_lazy("approval", "sent back")
    WITHDRAWN = "withdrawn", pgettext_lazy("approval", "withdrawn")
    #: It was edited, or costs more by now, so it has to be asked for again.
    VOID = "void", pgettext_lazy("approval", "void")


class NotificationKind(TextChoices):
    """What a person is told of."""

    READY = "ready", _("a video is ready")
    FAILED = "failed", _("a video failed")
    DECISION = "decision", _("a video needs a decision")
    BATCH = "batch", _("a batch has ended")
    APPROVAL = "approval", _("an approval is asked for, or was refused")


class NotifyWhen(TextChoices):
    """How often a person wants to be told."""

    NEVER = "never", pgettext_lazy("e-mail", "Never")
    NOW = "now", pgettext_lazy("e-mail", "At once, of each video")
    BATCH = "batch", pgettext_lazy("e-mail", "Once for a batch; at once of single videos")
    HOUR = "hour", pgettext_lazy("e-mail", "At most once an hour, of all together")


class EventSource(TextChoices):
    """Who or what caused an event."""

    USER = "user", _("a person")
    APPLICATION = "application", _("the site's code")
    WORKER = "worker", _("a worker")
    RESPONSE = "response", _("EvoLink's answer")
    CALLBACK = "callback", _("EvoLink's callback")
    POLL = "poll", _("a status check")
    SWEEP = "sweep", _("the sweep")

    @classmethod
    def of(cls, actor: object | None) -> EventSource:
        """Return who asked: a person where there is one, the site's code otherwise."""
        return cls.APPLICATION if actor is None else cls.USER


class CreditOutcome(TextChoices):
    """What became of the credits of one attempt."""

    #: The request may leave at any moment.
    CLAIMED = "claimed", pgettext_lazy("credits", "claimed")
    #: EvoLink may or may not have accepted it.
    UNKNOWN = "unknown", pgettext_lazy("credits", "unknown")
    #: EvoLink has it and has not reported what it cost.
    ACCEPTED = "accepted", pgettext_lazy("credits", "accepted")
    CHARGED = "charged", pgettext_lazy("credits", "charged")
    #: Never accepted, or given back.
    RELEASED = "released", pgettext_lazy("credits", "released")


class CreditResult(TextChoices):
    """What became of the video of one attempt; empty while nothing is known, or where it was only put off."""

    VIDEO = "video", pgettext_lazy("credits", "a video")
    FAILED = "failed", pgettext_lazy("credits", "failed")
    CANCELLED = "cancelled", pgettext_lazy("credits", "cancelled")


class Charge(TextChoices):
    """What is known about the money of a task."""

    NONE = "none", pgettext_lazy("charge", "Not charged")
    NOT_EXPECTED = "not_expected", pgettext_lazy("charge", "Should not be charged")
    EXPECTED = "expected", pgettext_lazy("charge", "Will be charged")
    CHARGED = "charged", pgettext_lazy("charge", "Charged")
    MAYBE = "maybe", pgettext_lazy("charge", "May have been charged")
