// The search page. It takes photos in every way that browsers offer, and searches again when the
// photo, the box, a filter or the order changes. htmx sends the form and swaps the answer in.
// Without this script, the buttons of the form do the same.

import "./places.js";
import { addressIn, imagesIn, putFiles, shrunk } from "./photo_files.js";

const MAX_PHOTOS = 5; // of one thing, in a search

const form = document.getElementById("search");
const shop = document.querySelector(".shop");
const panel = form.querySelector(".panel");
const input = document.getElementById("image");
const camera = document.getElementById("camera");
const another = document.getElementById("another");
const morePhotos = form.querySelector(".more-photos");
const preview = document.getElementById("photo");
const crop = form.querySelector("crop-box");
const words = document.getElementById("q");
const drawBox = form.querySelector("[data-draw]");
const openPhoto = form.querySelector("[data-open]");
const wholePhoto = form.querySelector("[data-whole]");
const status = document.getElementById("status");

const results = () => document.getElementById("results");
const keptQuery = () => form.elements.namedItem("query"); // each answer brings one
const ask = () => form.requestSubmit();

// --- The photo ------------------------------------------------------------------------------------

let photos = []; // those of the present search that this page has sent

/** Searches for what the photos show, all of them the same thing. Shows the first. */
async function usePhotos(files) {
  photos = await Promise.all([...files].slice(0, MAX_PHOTOS).map(shrunk));
  putFiles(input, photos);
  camera.value = another.value = "";
  forgetSearch();
  clearFilters(); // those of the last photo rarely suit another one
  setBox(null);
  outline([]);
  showMore([]);
  showPhoto(URL.createObjectURL(photos[0]));
  ask();
}

/** Adds photos of the same thing to the search. */
async function addPhotos(files) {
  const room = MAX_PHOTOS - 1 - morePhotos.children.length;
  const added = await Promise.all([...files].slice(0, Math.max(0, room)).map(shrunk));
  photos.push(...added);
  putFiles(another, added);
  if (added.length) ask();
}

/** Searches for what a photo at a web address shows. */
function useAddress(address) {
  input.value = camera.value = another.value = "";
  forgetSearch();
  clearFilters();
  setBox(null);
  words.value = address;
  ask();
}

/** Forgets the photos of the last answer, and what the shopper said about its products. */
function forgetSearch() {
  for (const field of results().querySelectorAll("input[type=hidden]")) field.remove();
}

/** Shows further photos of the thing, small. */
function showMore(addresses) {
  morePhotos.replaceChildren(
    ...addresses.map((address) => {
      const item = document.createElement("li");
      const image = Object.assign(new Image(48, 48), { src: address, alt: "" });
      item.append(image);
      return item;
    }),
  );
  morePhotos.hidden = !addresses.length;
}

function clearFilters() {
  for (const field of form.elements) {
    if (!results().contains(field)) continue;
    if (field.type === "checkbox") field.checked = false;
    else if (field.type === "number") field.value = "";
    else if (field.name === "sort") field.selectedIndex = 0;
  }
}

function showPhoto(url) {
  if (preview.src.startsWith("blob:")) URL.revokeObjectURL(preview.src);
  crop.hidden = true; // until the photo has loaded
  panel.classList.remove("unshown");
  preview.src = url;
  panel.classList.add("with-photo");
  words.placeholder = words.dataset.withPhoto;
}

function photoIsShown() {
  panel.classList.remove("unshown");
  crop.hidden = false;
}

function removePhoto(event) {
  if (!form.elements.namedItem("q").value.trim()) return; // the link leads to the home page
  event.preventDefault();
  input.value = camera.value = another.value = "";
  forgetSearch();
  showMore([]);
  setBox(null);
  panel.classList.remove("with-photo", "open");
  words.placeholder = words.dataset.words;
  words.focus();
  ask();
}

function setBox(box) {
  crop.box = box;
  form.elements.namedItem("box").value = box ? box.map((n) => n.toFixed(4)).join(",") : "";
  wholePhoto.hidden = !box;
}

/** Outlines the objects that the server found in the photo. */
function outline(objects) {
  crop.suggest(objects);
  panel.classList.toggle("with-objects", objects.length > 0);
}

const numbers = (text) => (text ? text.split(",").map(Number) : null);

preview.addEventListener("load", photoIsShown);
preview.addEventListener("error", () => panel.classList.add("unshown"));
crop.addEventListener("crop", () => {
  setBox(crop.box);
  draw(false);
  ask();
});
wholePhoto.addEventListener("click", () => {
  setBox(null);
  ask();
  crop.frame.focus();
});
// On phones, a finger on the photo scrolls the page until the shopper wants to draw, and beside
// results the photo is a strip until it is opened.
function draw(drawing) {
  crop.drawing = drawing;
  drawBox.setAttribute("aria-pressed", String(drawing));
  if (drawing) open(true);
}

function open(isOpen) {
  panel.classList.toggle("open", isOpen);
  openPhoto.setAttribute("aria-expanded", String(isOpen));
}

drawBox.addEventListener("click", () => draw(!crop.drawing));
openPhoto.addEventListener("click", () => open(!panel.classList.contains("open")));
form.querySelector("[data-clear]").addEventListener("click", removePhoto);

// --- Ways in: choose, photograph, paste, drop, example --------------------------------------------

for (const source of [input, camera]) {
  source.addEventListener("change", () => source.files.length && usePhotos(source.files));
}
another.addEventListener("change", () => another.files.length && addPhotos(another.files));

document.addEventListener("paste", (event) => {
  const files = imagesIn(event.clipboardData);
  const isField = event.target.closest?.("input, textarea") && event.target !== words;
  const address = isField ? "" : addressIn(event.clipboardData);
  if (!files.length && !address) return; // leave pasted text alone
  event.preventDefault();
  if (files.length) usePhotos(files);
  else useAddress(address);
});
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault(); // otherwise the browser opens the photo
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("dragging");
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  // Other files are sent too: the server says what is wrong with them.
  const files = imagesIn(event.dataTransfer);
  const sent = files.length ? files : event.dataTransfer.files;
  if (sent.length) usePhotos(sent);
});
for (const example of document.querySelectorAll("[data-example]")) {
  example.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const photo = await fetch(example.querySelector("img").src).catch(() => null);
    if (photo?.ok) usePhotos([new File([await photo.blob()], "example.jpg", { type: "image/jpeg" })]);
    else loseConnection(() => example.click());
  });
}

// --- Asking ---------------------------------------------------------------------------------------

document.addEventListener("change", ({ target }) => {
  const asks = target.form === form && target.type !== "file" && target.name !== "q";
  if (asks) ask();
});

// A photo that the server does not have is sent by POST. Everything else is a GET, so that its
// address can be shared.
document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  const data = detail.formData;
  const sends = { image: !keptQuery() && input.files.length > 0, another: another.files.length > 0 };
  for (const [name, value] of [...data]) {
    if (value === "" || (value instanceof File && (!sends[name] || !value.name))) data.delete(name);
  }
  if (sends.image || sends.another) return;
  data.delete("csrfmiddlewaretoken");
  detail.verb = "get";
  detail.useUrlParams = true;
});
document.body.addEventListener("htmx:beforeRequest", () => {
  status.textContent = status.dataset.busy;
});

document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const photoIsGone = detail.xhr.status === 404 && keptQuery() && input.files.length > 0;
  if (photoIsGone) {
    detail.shouldSwap = false;
    putFiles(input, photos);
    another.value = "";
    keptQuery().remove();
    setTimeout(ask); // after htmx has finished this request
    return;
  }
  const isPage = /^\s*<(!doctype|html)/i.test(detail.serverResponse);
  const isPart = !isPage && !(detail.xhr.status >= 500 && results().querySelector(".card"));
  if (isPart) return;
  const said = detail.xhr.status < 500 && detail.target === results() && noticeIn(detail.serverResponse);
  if (said) {
    detail.serverResponse = said;
  } else {
    detail.shouldSwap = false; // what is loaded stays
    loseConnection();
  }
});

/** Returns what a whole page of an error says, as an answer, or "" if it is no page of this shop. */
function noticeIn(page) {
  const notice = new DOMParser().parseFromString(page, "text/html").querySelector("main > .notice");
  if (!notice) return "";
  notice.setAttribute("role", "alert");
  return `<section id="results" class="answer"><div class="found">${notice.outerHTML}</div></section>`;
}

let focusedMore = null; // "Show more", if the keyboard was on it: browsers take the focus from a disabled button
let lastCard = null; // before more are appended, if the keyboard was on the button
let openFilter = null; // the id of the field that the keyboard is on, if the filters are open
document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
  focusedMore = detail.elt.id === "show-more" && detail.elt === document.activeElement ? detail.elt : null;
});
document.body.addEventListener("htmx:afterRequest", () => {
  if (focusedMore?.isConnected && document.activeElement === document.body) focusedMore.focus({ preventScroll: true });
});
document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  openFilter = document.querySelector("#filters:popover-open") && document.activeElement.id;
  lastCard = focusedMore && detail.target.contains(focusedMore) ? detail.target.previousElementSibling : null;
});

document.body.addEventListener("htmx:afterSwap", () => {
  const filters = document.getElementById("filters");
  if (openFilter !== null && filters?.showPopover) {
    document.getElementById("open-filters")?.focus({ preventScroll: true }); // it gets the focus back from the filters
    filters.showPopover();
    document.getElementById(openFilter)?.focus({ preventScroll: true });
  }
  const next = lastCard?.nextElementSibling;
  next?.querySelector("h2 a, button")?.focus({ preventScroll: true });
  if (saidSomething) [...document.querySelectorAll("[data-undo]")].at(-1)?.focus();
  saidSomething = false;
  readAnswer();
});

// --- What shoppers say about products -------------------------------------------------------------

let saidSomething = false;

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".card-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const button = event.target.closest(".card-menu button");
  if (!button) return;
  event.preventDefault();
  if (button.name === "like") results().querySelector("input[name=like]")?.remove(); // one is liked
  const { name, value } = button;
  const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
  field.setAttribute("form", form.id);
  results().append(field);
  button.closest("details").open = false;
  saidSomething = true;
  ask();
});
document.addEventListener("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target.closest?.(".card-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
words.addEventListener("change", () => keptQuery() || forgetSearch()); // other words, another search

// --- Without a connection -------------------------------------------------------------------------

const RETRY_MS = 5000;
const again = document.querySelector("[data-again]");
let retry = 0;
let failed = null; // repeats the request that failed last

/** Says that the shop does not answer, and repeats what failed by itself. The results stay. */
function loseConnection(repeat = failed) {
  failed = repeat;
  status.textContent = "";
  shop.classList.add("offline");
  clearTimeout(retry);
  retry = setTimeout(tryAgain, RETRY_MS);
}

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => loseConnection());
}
document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const button = detail.elt.closest("#more button");
  failed = button ? () => button.isConnected && button.click() : ask;
});
window.addEventListener("online", () => shop.classList.contains("offline") && tryAgain());
again.addEventListener("click", tryAgain);

function tryAgain() {
  clearTimeout(retry);
  if (failed) failed();
  else location.reload(); // the page itself failed
}

/** Applies what the answer says about the photo, and announces the answer to screen readers. */
function readAnswer() {
  const answer = results();
  shop.classList.remove("offline");
  for (const photo of answer.querySelectorAll(".tile img")) {
    if (photo.complete && !photo.naturalWidth) photo.srcset = photo.srcset; // it failed: once more
  }
  const said = answer.querySelector("[role=alert] p, #summary") ?? answer.querySelector("h1");
  status.textContent = said ? said.textContent.trim().replace(/\s+/g, " ") : "";
  if (answer.dataset.photo) {
    if (!panel.matches(".with-photo:not(.unshown)")) showPhoto(answer.dataset.photo);
    // The photo takes the place of its address, unless the address led nowhere.
    if (/^https?:/i.test(words.value) && !answer.querySelector("[role=alert]")) words.value = "";
    another.value = "";
    showMore([...answer.querySelectorAll(".more-photo")].map((one) => one.value));
  }
  if (answer.dataset.box !== undefined && !crop.busy && panel.classList.contains("with-photo")) {
    setBox(numbers(answer.dataset.box));
    const found = [...answer.querySelectorAll(".found-object")];
    outline(found.map((one) => ({ box: numbers(one.value), label: one.textContent })));
  }
  const wait = answer.querySelector("[data-retry]")?.dataset.retry;
  clearTimeout(retry);
  if (wait) retry = setTimeout(tryAgain, 1000 * wait);
}

if (preview.complete && preview.naturalWidth) photoIsShown();
if (results().matches(".answer")) readAnswer();
