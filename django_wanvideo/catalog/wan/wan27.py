"""Wan 2.7 at EvoLink. Source: EvoLink's page of each model, and its public pricing rules."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.pricing import InputSeconds
from django_wanvideo.catalog.spec import CountedTogether, ModelSpec, OneOf, Rule
from django_wanvideo.catalog.wan import common, media
from django_wanvideo.choices import InputRole

_FIRST, _LAST, _CLIP = InputRole.FIRST_FRAME.value, InputRole.LAST_FRAME.value, InputRole.SOURCE_VIDEO.value
_PICTURES, _CLIPS = InputRole.REFERENCE_IMAGES, InputRole.REFERENCE_VIDEOS

_PROMPT_EXTEND = replace(common.PROMPT_EXTEND, default=False)
_COMMON = (_PROMPT_EXTEND, common.NEGATIVE_PROMPT, common.SEED)

_AUDIO = media.sound(
    InputRole.AUDIO,
    "audio_urls",
    _(
        "The video moves to this sound. What is longer than the video is cut; after a shorter sound the video is silent."
    ),
    2,
    30,
    ("WAV", "MP3"),
    label=_("Sound"),
    as_list=True,
)

_PRICE = common.price("5.44", "10.88")
_REFERENCE_PRICE = common.price("5.44", "10.88", input_seconds=(InputSeconds(_CLIPS, Decimal(5)),))
_EDIT_BILLED = (InputSeconds(InputRole.SOURCE_VIDEO, Decimal(10)),)
_EDIT_PRICE = common.price("5.44", "10.88", reserved=((0, 10),), input_seconds=_EDIT_BILLED)

TEXT_TO_VIDEO = ModelSpec(
    id="wan2.7-text-to-video",
    label=_("Wan 2.7, text to video"),
    short_label=_("Wan 2.7 text to video"),
    prompt=common.prompt(5000, "text", is_truncated=True),
    parameters=(common.duration(2, 15), common.quality(_PRICE), common.ASPECT_RATIO, *_COMMON),
    inputs=(_AUDIO,),
    price=_PRICE,
    sizes=common.SIZES,
    source=common.page("wan2.7-text-to-video"),
    as_of=common.PAGES_AS_OF,
)

_GENERATION_MODE = ParameterSpec(
    name="generation_mode",
    kind="choice",
    label=_("What is made"),
    help_text=_("Follows from what you give."),
    default=None,
    unset_label=_("as the inputs say"),
    follows_inputs=True,
    options=(
        Choice("first_frame", _("From a first frame")),
        Choice("first_last_frame", _("From a first to a last frame")),
        Choice("video_continuation", _("What comes after a clip")),
    ),
    request_field="generation_mode",
)

IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.7-image-to-video",
    label=_("Wan 2.7, image to video, first and last frame, continuation"),
    short_label=_("Wan 2.7 image to video"),
    prompt=common.prompt(5000, "image", required=False, is_truncated=True),
    parameters=(common.duration(2, 15), common.quality(_PRICE), _GENERATION_MODE, *_COMMON),
    inputs=(
        media.first_frame_27(),
        media.LAST_FRAME,
        media.clip_27(
            InputRole.SOURCE_VIDEO,
            _("The video begins with this clip and goes on from its end; the length counts both."),
            2,
            10,
            label=_("Clip to continue"),
            is_part_of_video=True,
        ),
        _AUDIO,
    ),
    one_of=(OneOf((_FIRST, _CLIP), _("Add a first frame, or a clip to continue.")),),
    rules=(
        Rule(
            "excludes",
            _CLIP,
            ((_FIRST, True),),
            _("A clip is continued from its own end. Remove the clip, or the first frame."),
        ),
        Rule(
            "excludes",
            _CLIP,
            ((InputRole.AUDIO.value, True),),
            _("A clip is continued without another sound. Remove the clip, or the sound."),
        ),
        Rule(
            "requires",
            "generation_mode",
            ((_FIRST, True), (_LAST, False)),
            _("This needs a first frame and takes no last one."),
            values=("first_frame",),
        ),
        Rule(
            "requires",
            "generation_mode",
            ((_FIRST, True), (_LAST, True)),
            _("This needs a first and a last frame."),
            values=("first_last_frame",),
        ),
        Rule(
            "requires",
            "generation_mode",
            ((_CLIP, True),),
            _("This needs a clip to continue."),
            values=("video_continuation",),
        ),
    ),
    price=_PRICE,
    source=common.page("wan2.7-image-to-video"),
    as_of=common.PAGES_AS_OF,
)

REFERENCE_VIDEO = ModelSpec(
    id="wan2.7-reference-video",
    label=_("Wan 2.7, reference video"),
    short_label=_("Wan 2.7 reference video"),
    prompt=common.prompt(5000, "references", is_truncated=True),
    parameters=(
        common.duration(2, 15),
        common.quality(_REFERENCE_PRICE),
        common.ASPECT_RATIO,
        ParameterSpec(
            name="voice_bindings",
            kind="text",
            label=_("Whose voices"),
            help_text=_(
                "To whom each voice belongs, in the order of the voices: image1, video2. Empty: to the clips, then to the "
                "pictures, as they stand."
            ),
            default=None,
            unset_label=_("clips, then pictures, as they stand"),
            max_length=100,
            request_field="",
        ),
        *_COMMON,
    ),
    inputs=(
        media.first_frame_27(
            words=_("The video starts with this picture. It is beside the references and has no voice of its own.")
        ),
        media.reference_images(5, _("People, things and places. One person in each picture.")),
        media.clip_27(
            _CLIPS,
            _(
                "People and things that move, with their voices. One person in each clip. Their first seconds are billed."
            ),
            1,
            30,
            label=_("Reference clips"),
            max_items=5,
        ),
        media.sound(
            InputRole.VOICES,
            "model_params.voice_bindings",
            _("How somebody sounds, one voice for each."),
            1,
            10,
            ("WAV", "MP3"),
            label=_("Voices"),
            max_items=5,
            keys_parameter="voice_bindings",
            key_roles=(("video", _CLIPS), ("image", _PICTURES)),
        ),
    ),
    one_of=(OneOf((_PICTURES.value, _CLIPS.value), _("Add a reference picture or a reference clip.")),),
    counted_together=(
        CountedTogether((_PICTURES, _CLIPS), 5, _("Give at most 5 reference pictures and clips together.")),
    ),
    rules=(
        Rule(
            "excludes",
            "duration",
            ((_CLIPS.value, True),),
            _("With reference clips a video has at most 10 seconds. Choose a shorter one, or remove the clips."),
            values=tuple(range(11, 16)),
        ),
        Rule(
            "excludes",
            "aspect_ratio",
            ((_FIRST, True),),
            _("With a first frame the video has its format. Leave the format unset, or remove the first frame."),
        ),
    ),
    price=_REFERENCE_PRICE,
    sizes=common.SIZES,
    not_sent=(("audio_urls", "the older form of voices, which is ignored beside model_params.voice_bindings"),),
    source=common.page("wan2.7-reference-video"),
    as_of=common.PAGES_AS_OF,
)

VIDEO_EDIT = ModelSpec(
    id="wan2.7-video-edit",
    label=_("Wan 2.7, video edit"),
    short_label=_("Wan 2.7 video edit"),
    prompt=common.prompt(5000, "edit", required=False, is_truncated=True),
    parameters=(
        common.duration(
            2,
            10,
            default=0,
            also=(Choice(0, _("As the clip"), _("up to 10 seconds are reserved, less may be billed")),),
        ),
        common.quality(_EDIT_PRICE),
        replace(common.ASPECT_RATIO, default=None, unset_label=_("as the clip")),
        ParameterSpec(
            name="keep_original_sound",
            kind="boolean",
            label=_("Keep the clip’s sound"),
            help_text=_("Off: Wan keeps it or makes a new one, as the prompt says."),
            default=False,
            request_field="keep_original_sound",
        ),
        *_COMMON,
    ),
    inputs=(
        media.clip_27(
            InputRole.SOURCE_VIDEO,
            _("The clip that is changed. Its seconds are billed, and those of the video."),
            2,
            10,
            label=_("Clip to change"),
            required=True,
        ),
        media.reference_images(4, _("What is to be seen in the clip, such as clothes or a thing.")),
    ),
    price=_EDIT_PRICE,
    sizes=common.SIZES,
    source=common.page("wan2.7-video-edit"),
    as_of=common.PAGES_AS_OF,
)

MODELS = (TEXT_TO_VIDEO, IMAGE_TO_VIDEO, REFERENCE_VIDEO, VIDEO_EDIT)
