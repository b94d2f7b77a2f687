// Suggests names while the shopper types words. It is a combobox with a list: the arrow keys choose
// a suggestion, Enter takes it, and Escape closes the list.

const PAUSE_MS = 150; // after the last key, before the server is asked
const MIN_LETTERS = 2;

const field = document.getElementById("q");
const list = document.getElementById("suggestions");
let timer = 0;
let asked = null;

field.setAttribute("role", "combobox");
field.setAttribute("aria-autocomplete", "list");
field.setAttribute("aria-controls", list.id);
close();

function close() {
  asked?.abort();
  clearTimeout(timer);
  list.hidden = true;
  list.replaceChildren();
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

async function ask() {
  const text = field.value.trim();
  if (text.length < MIN_LETTERS) return close();
  asked?.abort();
  asked = new AbortController();
  try {
    const address = `/api/v1/search/suggestions/?q=${encodeURIComponent(text.slice(0, 100))}`;
    const answer = await fetch(address, { signal: asked.signal });
    if (answer.ok) show((await answer.json()).suggestions);
  } catch {
    // The connection is lost, or another letter came meanwhile: the search works without them.
  }
}

function show(names) {
  if (!names.length || document.activeElement !== field) return close();
  list.replaceChildren(
    ...names.map((name, i) => {
      const item = document.createElement("li");
      item.id = `suggestion-${i}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.textContent = name;
      return item;
    }),
  );
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  field.removeAttribute("aria-activedescendant");
}

function choose(item) {
  for (const one of list.children) one.setAttribute("aria-selected", String(one === item));
  field.setAttribute("aria-activedescendant", item.id);
}

function take(item) {
  field.value = item.textContent;
  close();
  field.form.requestSubmit();
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE_MS);
});
field.addEventListener("keydown", (event) => {
  if (list.hidden) return;
  const items = [...list.children];
  const place = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const step = event.key === "ArrowDown" ? 1 : -1;
    choose(items.at((place + step + (place < 0 && step < 0 ? 1 : 0) + items.length) % items.length));
  } else if (event.key === "Enter" && place >= 0) {
    take(items[place]);
  } else if (event.key === "Escape") {
    close();
  } else {
    return;
  }
  event.preventDefault();
});
list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
list.addEventListener("click", ({ target }) => target.id && target !== list && take(target));
field.addEventListener("blur", close);
field.form.addEventListener("submit", close);
