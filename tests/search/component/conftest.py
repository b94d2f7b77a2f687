"""The web component on a page that has nothing else."""

from pathlib import Path

from playwright.sync_api import Page

CHAIR = Path(__file__).resolve().parents[3] / "catalog/demo/photos/blends-antiquechair-0.jpg"
PLACE = """attributes => new Promise(done => {
    document.documentElement.lang = attributes.lang;
    const element = document.createElement("vitrina-search");
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    const main = document.createElement("main");
    main.append(Object.assign(document.createElement("h1"), { textContent: "A shop" }), element);
    document.body.replaceChildren(main);
    const script = document.createElement("script");
    Object.assign(script, { type: "module", src: "/static/vitrina-search.js", onload: done });
    document.head.append(script);
})"""


def place(page: Page, site: str, **attributes: str) -> None:
    """Puts the component on a page that has nothing else."""
    page.goto(f"{site}/404")
    page.evaluate(PLACE, attributes)
