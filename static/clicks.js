// Tells the shop which result was opened, so that the search learns from it. No personal data: the
// session is a random number that the tab forgets when it is closed.

let known;

function session() {
  try {
    known ??= sessionStorage.getItem("session");
    known ??= Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("");
    sessionStorage.setItem("session", known);
  } catch {
    // The browser keeps nothing for this site: a number for this page alone.
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
