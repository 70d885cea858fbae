"""One "create" call of one client against a loopback server: ``python driver.py CLIENT URL``.

Runs in the client's own environment, so it imports nothing of this project but where it calls our own client. Each
client has its defaults; told are the address, a key that opens nothing, and a read timeout of a second. The waits
between its own retries are cut short, which changes their number in none of them.
"""

from __future__ import annotations

import os
import sys
import time

KEY = "not-a-real-key"
SECONDS = 1.0
PROMPT = "A cat plays the piano"
PICTURE = "https://pictures.example/cat.png"
_sleep = time.sleep


def fal_client(url):
    # Its hosts can be set, but https cannot be taken away; the constant is all that differs from its defaults.
    import fal_client.client as module

    module.QUEUE_URL_FORMAT = f"{url}/"
    client = module.SyncClient(key=KEY, default_timeout=SECONDS)
    client.submit("fal-ai/wan/v2.6/image-to-video", arguments={"prompt": PROMPT, "image_url": PICTURE})


def runwayml(url):
    from runwayml import RunwayML

    client = RunwayML(api_key=KEY, base_url=url, timeout=SECONDS)
    client.image_to_video.create(model="gen4_turbo", prompt_image=PICTURE, prompt_text=PROMPT, ratio="1280:720")


def openai(url):
    from openai import OpenAI

    OpenAI(api_key=KEY, base_url=url, timeout=SECONDS).videos.create(prompt=PROMPT)


def lumaai(url):
    from lumaai import LumaAI

    LumaAI(auth_token=KEY, base_url=url, timeout=SECONDS).generations.create(model="ray-2", prompt=PROMPT)


def dashscope(url):
    import dashscope as module
    from dashscope import VideoSynthesis

    module.base_http_api_url = f"{url}/api/v1"
    VideoSynthesis.async_call(model="wan2.6-i2v", prompt=PROMPT, img_url=PICTURE, api_key=KEY, request_timeout=SECONDS)


def replicate(url):
    from replicate import Client

    client = Client(api_token=KEY, base_url=url, timeout=SECONDS)
    # `wait` is what this call takes its read timeout from, whatever the client was given.
    client.predictions.create(version="0" * 64, input={"prompt": PROMPT, "image": PICTURE}, wait=1)


def google_genai(url):
    from google import genai
    from google.genai import types

    options = types.HttpOptions(base_url=url, timeout=int(SECONDS * 1000))
    client = genai.Client(vertexai=True, api_key=KEY, http_options=options)
    client.models.generate_videos(model="veo-3.0-generate-001", prompt=PROMPT)


def requests_bare(url):
    import requests

    requests.post(f"{url}/v1/videos/generations", json={"prompt": PROMPT}, timeout=SECONDS).raise_for_status()


def requests_retry(url):
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    session = requests.Session()
    retry = Retry(3, allowed_methods=None, status_forcelist=[500, 502, 503, 504], backoff_factor=0.1)
    session.mount("http://", HTTPAdapter(max_retries=retry))
    session.post(f"{url}/v1/videos/generations", json={"prompt": PROMPT}, timeout=SECONDS).raise_for_status()


def ours(url):
    from django_wanvideo.evolink.client import EvoLinkClient

    client = EvoLinkClient(KEY, base_url=url, files_url=url, read_timeout=SECONDS, allow_private_hosts=True)
    body = {"model": "wan2.6-image-to-video-flash", "prompt": PROMPT, "image_urls": [PICTURE], "duration": 5}
    client.create(body, idempotency_key="wanvideo-benchmark", before_send=None)


CALLS = {
    call.__name__.replace("_", "-"): call
    for call in (
        fal_client,
        runwayml,
        openai,
        lumaai,
        dashscope,
        replicate,
        google_genai,
        requests_bare,
        requests_retry,
        ours,
    )
}


def main(name, url):
    """Make the call; prints how it ended."""
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[variable]
    time.sleep = lambda seconds: _sleep(min(seconds, 0.05))
    try:
        CALLS[name](url)
    except Exception as error:
        print(f"{type(error).__name__}: {str(error)[:200]}")
    else:
        print("no exception")


if __name__ == "__main__":
    main(*sys.argv[1:])
