// Reports which results shoppers open or call wrong, so that the search can learn from it. It sends no personal
// data: the session is a random number that the browser forgets when the tab is closed, and no cookie. It reports
// nothing if the browser asks not to be followed (Global Privacy Control, Do Not Track).

const declined = navigator.globalPrivacyControl || navigator.doNotTrack === "1";

let known;

function session() {
  try {
    known ??= sessionStorage.getItem("session");
    known ??= Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, "0")).join("");
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
  if (declined) return;
  const body = JSON.stringify(events.map((event) => ({ ...event, session: session() })));
  navigator.sendBeacon("/api/v1/events/", new Blob([body], { type: "application/json" }));
}

document.addEventListener("click", opened);
document.addEventListener("auxclick", opened);
const viewed = document.querySelector("[data-viewed]");
if (viewed) report([{ type: "view", product: Number(viewed.dataset.viewed) }]);

// What suits the session. The page asks again when the shopper comes back to it.
const recommended = document.querySelector("[data-recommended]");

async function recommend() {
  const headers = declined ? {} : { "X-Session": session() ?? "" };
  const answer = await fetch(recommended.dataset.recommended, { headers }).catch(() => undefined);
  if (!answer?.ok) return;
  recommended.innerHTML = await answer.text();
  recommended.parentElement.hidden = !recommended.childElementCount;
}

if (recommended) {
  recommend();
  window.addEventListener("pageshow", ({ persisted }) => persisted && recommend());
}

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
