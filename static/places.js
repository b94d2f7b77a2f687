// Back and Forward between answers reload the page. This brings back the place on it, where the
// shopper left it. Between pages, the browser does so itself.

const MAX_PLACES = 50;
let places = []; // address and pixels from the top, the latest last

try {
  places = JSON.parse(sessionStorage.getItem("places") ?? "[]");
  if (sessionStorage.getItem("returns") === location.href) comeBack();
} catch {
  // The browser stores nothing for this site: the page begins at its top.
}

function comeBack() {
  sessionStorage.removeItem("returns");
  const [, top] = places.find(([address]) => address === location.href) ?? [];
  if (top !== undefined) scrollTo(0, top);
  addEventListener("load", () => setTimeout(() => { history.scrollRestoration = "auto"; }));
}

function leave(address) {
  places = [...places.filter(([known]) => known !== address), [address, Math.round(scrollY)]];
  try {
    sessionStorage.setItem("places", JSON.stringify(places.slice(-MAX_PLACES)));
  } catch {
    // As above.
  }
}

let shown = location.href;
document.body.addEventListener("htmx:beforeRequest", () => leave((shown = location.href)));
document.body.addEventListener("htmx:afterSettle", () => { shown = location.href; });
window.addEventListener("popstate", () => {
  if (location.pathname + location.search === shown.slice(location.origin.length).split("#")[0]) return;
  leave(shown);
  history.scrollRestoration = "manual";
  try {
    sessionStorage.setItem("returns", location.href);
  } catch {
    // As above.
  }
});
