"""An alarm about drift leads from the first page to its figures and to what can be done."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from catalog.models import Generation
from indexing.models import DriftMeasurement, DriftReference

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_shop"), pytest.mark.long]

TICKS = "chart => Chart.getChart(chart).scales.y.ticks.map(tick => tick.label)"


@pytest.fixture
def alarm(generations: list[Generation]) -> DriftMeasurement:
    """Two weeks of shoppers' photos, the second of which is an alarm."""
    zeros = np.zeros((1, 4), np.float16).tobytes()
    reference = DriftReference.objects.create(
        generation=generations[0], kind="queries", vectors=zeros
    )
    week = {"reference": reference, "vectors": 300, "level": 0.1}
    DriftMeasurement.objects.create(**week, distance=0.074, at=timezone.now() - timedelta(days=7))
    return DriftMeasurement.objects.create(**week, distance=0.254)


def test_an_alarm_says_what_to_do(alarm: DriftMeasurement, console: Callable[[str], Page]) -> None:
    page = console("")
    expect(page.get_by_text("Shoppers search with other photos")).to_be_visible()
    page.locator("main").get_by_role("link", name="Drift").click()

    expect(page.get_by_text("2.54 times the alarm level, from 300 photos")).to_be_visible()
    marks = page.locator("canvas.chart").evaluate(TICKS)
    assert len(marks) > 2
    assert [mark for mark in marks if len(mark) > 4] == []  # such as 1.8000000000000003

    page.locator("main").get_by_role("link", name="Rebuild").click()
    expect(page.get_by_role("heading", name="Rebuild")).to_be_visible()
    page.go_back()
    page.locator("main").get_by_role("link", name="What is searched for").click()
    expect(page.get_by_role("heading", name="What is searched for")).to_be_visible()
