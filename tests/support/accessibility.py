"""Barriers for people with disabilities in a page, found by axe-core."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def find_violations(page: Page) -> list[str]:
    """Returns a line for each element of the open page that violates a rule of axe-core: the rule,
    its impact, and the element."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']} ({found['impact']}): {node['html'][:300]}"
        for found in violations
        for node in found["nodes"]
    ]
