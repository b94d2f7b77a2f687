// Reports which results shoppers open or call wrong, so that the search can learn from it. It sends no personal
// data: the session is a random number that the browser forgets when the tab is closed.

let known;

function session() {
  try {
    known ??= sessionStorage.getItem("session");
    known ??= Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("");
    sessionStorage.setItem("session", known);
  } catch {
    // The browser stores nothing for this site, so the number lasts for this page only.
  }
  return known;
}

function opened(event) {
  const card = event.target.closest("a") && event.target.closest(".card[data-product]");
  if (!card || (event.type === "auxclick" && event.button !== 1)) return;
  const { search, product } = card.dataset;
  report([{ type: "click", product: Number(product), query: search ?? "" }]);
}

function report(events) {
  const body = JSON.stringify(events.map((event) => ({ ...event, session: session() })));
  navigator.sendBeacon("/api/v1/events/", new Blob([body], { type: "application/json" }));
}

document.addEventListener("click", opened);
document.addEventListener("auxclick", opened);

// A result that is called wrong is reported when the shopper leaves the page, because until then
// it can be undone.
const wrong = new Map(); // product → search

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button[name=wrong]");
  if (button) wrong.set(button.value, button.closest(".card").dataset.search);
  const undo = target.closest("[data-undo]");
  if (undo) wrong.delete(undo.dataset.undo);
}, { capture: true });
window.addEventListener("pagehide", () => {
  const events = [...wrong].map(([product, query]) => ({ type: "wrong", product: Number(product), query }));
  if (events.length) report(events);
  wrong.clear();
});
