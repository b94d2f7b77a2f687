// Reports which results shoppers open, so that the search can learn from it. It sends no personal
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
  const card = event.target.closest("a") && event.target.closest(".card[data-search]");
  if (!card || (event.type === "auxclick" && event.button !== 1)) return;
  const { search, product } = card.dataset;
  const body = [{ type: "click", product: Number(product), query: search, session: session() }];
  const json = new Blob([JSON.stringify(body)], { type: "application/json" });
  navigator.sendBeacon("/api/v1/events/", json);
}

document.addEventListener("click", opened);
document.addEventListener("auxclick", opened);
