"""The shop shows each product in the video that was made for it."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from django_wanvideo.models import VideoTask
from django_wanvideo.signals import video_completed, video_failed
from example_project.shop import receivers
from example_project.shop.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def product():
    return Product.objects.create(name="Canoe")


def finished_task(metadata, *, minutes_ago=0, **fields):
    moment = timezone.now() - timedelta(minutes=minutes_ago)
    fields = {"status": "completed", "model": "m", "prompt": "p", "finished_at": moment} | fields
    return VideoTask.objects.create(metadata=metadata, **fields)


def announce(signal, task):
    signal.send(sender=VideoTask, task=task, event=None)


def test_a_finished_video_is_attached_to_the_product_that_its_task_names(product):
    task = finished_task({"product": product.pk})
    announce(video_completed, task)
    product.refresh_from_db()
    assert product.video == task


def test_a_repeated_signal_changes_nothing(product, caplog, django_assert_num_queries):
    task = finished_task({"product": str(product.pk)})
    announce(video_completed, task)
    with caplog.at_level(logging.INFO, "example_project"), django_assert_num_queries(1):
        announce(video_completed, task)
    assert caplog.messages == []
    product.refresh_from_db()
    assert product.video == task


def test_a_video_that_ended_earlier_does_not_replace_a_newer_one(product):
    newer = finished_task({"product": product.pk})
    announce(video_completed, newer)
    announce(video_completed, finished_task({"product": product.pk}, minutes_ago=5))
    product.refresh_from_db()
    assert product.video == newer


def test_a_newer_video_replaces_an_older_one(product):
    announce(video_completed, finished_task({"product": product.pk}, minutes_ago=5))
    newer = finished_task({"product": product.pk})
    announce(video_completed, newer)
    product.refresh_from_db()
    assert product.video == newer


@pytest.mark.parametrize("metadata", [{}, {"product": None}, {"product": "canoe"}, {"product": [1]}, {"sku": "X1"}, []])
def test_a_task_that_names_no_product_costs_no_query(product, metadata, django_assert_num_queries):
    task = finished_task(metadata)
    with django_assert_num_queries(0):
        announce(video_completed, task)


def test_a_task_for_a_product_that_is_gone_harms_nothing(product):
    announce(video_completed, finished_task({"product": product.pk + 1}))
    product.refresh_from_db()
    assert product.video is None


def test_a_failure_is_told_in_the_shops_log(product, caplog):
    task = finished_task({"product": product.pk}, status="failed", error_message="The picture was refused.")
    announce(video_failed, task)
    assert caplog.messages == [f"Product {product.pk} gets no video from task {task.pk}: The picture was refused."]


def test_hooking_twice_hooks_once(product, caplog):
    receivers.connect()
    task = finished_task({"product": product.pk}, status="failed", error_message="The picture was refused.")
    announce(video_failed, task)
    assert len(caplog.messages) == 1


def test_a_product_outlives_its_video(product):
    task = finished_task({"product": product.pk})
    announce(video_completed, task)
    task.delete()
    product.refresh_from_db()
    assert product.video is None


def test_the_admin_shows_the_products_video(product, admin_client):
    task = finished_task({"product": product.pk}, video="wanvideo/canoe.mp4")
    announce(video_completed, task)
    url = f"/admin/shop/product/{product.pk}/change/"
    assert "wanvideo/canoe.mp4" in admin_client.get(url).content.decode()
