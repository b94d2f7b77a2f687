// <vitrina-search>: search by photo and by words in any page of a shop. One script without others:
//
//   <script type="module" src="https://search.example/static/vitrina-search.js"></script>
//   <vitrina-search key="a publishable key"></vitrina-search>
//
// docs/api.md describes its attributes, its theme and its event.

const HOME = new URL("..", import.meta.url).href;
const MAX_SIDE = 1600; // pixels
const MIN_SIDE = 0.04; // share of the photo; a smaller box is a tap

const TEXTS = {
  en: {
    words: "Search products", camera: "Search by photo", search: "Search", close: "Close",
    hint: "Draw a box around the item you want.", whole: "Whole photo", draw: "Draw a box",
    more: "Show more", busy: "Searching…", exact: "Exact match", similar: "Similar",
    soldOut: "Sold out", nothing: "Nothing found. Try other words or another photo.",
    blank: "There is nothing to see in this photo. Take it again with more light.",
    weak: "We found nothing quite like this. These are the closest.",
    corrected: (words) => `Showing results for “${words}”.`,
    unreadable: "This photo cannot be read. Save it as JPEG and try again, or choose another.",
    tooMany: "That was a lot of searches. Try again in a minute.",
    refused: (page) => `Search is not set up for ${page}. Check the key and its origins.`,
    failed: "The shop did not answer. Try again in a moment.", again: "Try again",
    results: "Results", photo: "Your photo", item: "Item",
  },
  ru: {
    words: "Поиск товаров", camera: "Поиск по фото", search: "Найти", close: "Закрыть",
    hint: "Обведите рамкой нужный предмет.", whole: "Всё фото", draw: "Обвести рамкой",
    more: "Показать ещё", busy: "Ищем…", exact: "Точное совпадение", similar: "Похоже",
    soldOut: "Нет в наличии", nothing: "Ничего не найдено. Измените запрос или выберите другое фото.",
    blank: "На этом фото ничего не видно. Снимите ещё раз при хорошем свете.",
    weak: "Точно такого не нашлось. Вот самое близкое.",
    corrected: (words) => `Показаны результаты по запросу «${words}».`,
    unreadable: "Это фото не удаётся прочитать. Сохраните его в формате JPEG или выберите другое.",
    tooMany: "Слишком много запросов подряд. Попробуйте через минуту.",
    refused: (page) => `Поиск не настроен для ${page}. Проверьте ключ и его источники запросов.`,
    failed: "Магазин не ответил. Попробуйте ещё раз чуть позже.", again: "Повторить",
    results: "Результаты", photo: "Ваше фото", item: "Предмет",
  },
};

const STYLE = `
:host { display: block; color: var(--vitrina-text, CanvasText); font: var(--vitrina-font, inherit);
  --accent: var(--vitrina-accent, light-dark(#0c6b4f, #6fd3ab)); --on-accent: var(--vitrina-on-accent, Canvas);
  --muted: var(--vitrina-muted, light-dark(#62685f, #9fa69b)); --ground: var(--vitrina-background, Canvas);
  --tile: var(--vitrina-tile, light-dark(#f1f3ee, #dcdfd8)); --radius: var(--vitrina-radius, 12px); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, input { font: inherit; color: inherit; }
:focus-visible, .file:focus-visible + .icon { outline: 2px solid var(--accent); outline-offset: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
form { display: flex; align-items: center; gap: .25rem; padding: .25rem .25rem .25rem 1rem; border: 1px solid var(--muted); border-radius: 99px; background: var(--ground); }
form input[type=search] { flex: 1; min-width: 0; height: 2.5rem; border: 0; background: none; outline-offset: 4px; }
.icon { display: grid; place-items: center; width: 2.75rem; height: 2.75rem; border-radius: 99px; cursor: pointer; }
.icon svg { width: 1.5rem; fill: none; stroke: currentcolor; stroke-width: 1.6; stroke-linejoin: round; }
.button { min-height: 2.5rem; padding: .25rem 1.1rem; border: 1px solid var(--muted); border-radius: 99px; background: var(--ground); cursor: pointer; }
.main { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
dialog { width: min(60rem, 100vw - 1rem); max-width: none; height: min(50rem, 100dvh - 1rem); max-height: none; padding: 1rem; border: 0; border-radius: var(--radius); background: var(--ground); color: inherit; overflow-y: auto; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
header > .button { margin-left: auto; }
header { display: flex; align-items: start; gap: 1rem; }
figure { margin: 0; }
.frame, .tile, li { position: relative; }
.frame { width: fit-content; border-radius: var(--radius); outline: 1px solid var(--tile); overflow: hidden; cursor: crosshair; touch-action: none; user-select: none; }
.pen { display: none; }
@media (pointer: coarse) { .pen { display: inline; } .pen[aria-pressed=true] { font-weight: 600; } .frame:not(.drawing) { touch-action: pan-y pinch-zoom; } }
.frame img { display: block; max-width: 100%; max-height: 32vh; }
.box { position: absolute; border: 2px solid #fff; border-radius: 6px; box-shadow: 0 0 0 100rem rgb(0 0 0 / 50%); pointer-events: none; }
.object { position: absolute; width: 24px; height: 24px; margin: -12px; padding: 0; border: 5px solid #fff; border-radius: 50%; background: #0c6b4f; box-shadow: 0 0 0 1px rgb(0 0 0 / 40%); cursor: pointer; }
figcaption, .fine { color: var(--muted); font-size: .875rem; }
.link { padding: .25rem 0; border: 0; background: none; text-decoration: underline; cursor: pointer; }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10rem, 44%), 1fr)); gap: 1.25rem 1rem; margin: 1rem 0; padding: 0; list-style: none; }
li a { color: inherit; text-decoration: none; }
li a::after { content: ""; position: absolute; inset: 0; }
.tile { aspect-ratio: 1; margin-bottom: .4rem; border-radius: var(--radius); background: var(--tile); overflow: hidden; }
.tile img { width: 100%; height: 100%; padding: 6%; object-fit: contain; mix-blend-mode: multiply; }
.badge { position: absolute; left: .5rem; top: .5rem; max-width: calc(100% - 1rem); padding: .2rem .5rem; border-radius: .8rem; line-height: 1.2; background: #fff; color: #41473e; font-size: .8125rem; font-weight: 600; }
.badge.exact { background: #0c6b4f; color: #fff; }
.badge.sold { top: auto; bottom: .5rem; background: #94451c; color: #fff; }
.price { font-weight: 650; }
`;
const CAMERA = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 8h3l1.6-2.4h6.8L17 8h3v11H4zM12 16.6a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6z"/></svg>';

/** Returns an element with properties and children. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** Returns a photo small and without metadata, or the file itself if the browser cannot read it. */
async function shrunk(file) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = make("canvas", { width: bitmap.width * scale, height: bitmap.height * scale });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob((blob) => done(blob ?? file), "image/jpeg", 0.9));
  } catch {
    return file;
  }
}

class VitrinaSearch extends HTMLElement {
  #photo = null;
  #query = ""; // the id under which the server keeps the photo
  #box = null; // left, top, width and height, each 0 to 1
  #asked = 0; // the number of the last search; answers to earlier ones are dropped
  #session = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("");

  connectedCallback() {
    if (this.shadowRoot) return;
    const sheet = new CSSStyleSheet(); // policies that forbid inline styles allow it
    sheet.replaceSync(STYLE);
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    const t = this.#texts;
    this.words = make("input", { type: "search", maxLength: 500, placeholder: t.words, enterKeyHint: "search" });
    this.words.setAttribute("aria-label", t.words);
    this.file = make("input", { type: "file", accept: "image/*", id: "file", className: "unseen file" });
    const label = make("label", { htmlFor: "file", className: "icon", title: t.camera, innerHTML: CAMERA });
    label.append(make("span", { className: "unseen", textContent: t.camera }));
    const form = make("form", {}, this.words, this.file, label, make("button", { className: "button main", textContent: t.search }));
    form.setAttribute("role", "search");
    this.preview = make("img", { alt: t.photo, draggable: false });
    this.outline = make("div", { className: "box", hidden: true });
    this.frame = make("div", { className: "frame" }, this.preview, this.outline);
    this.whole = make("button", { type: "button", className: "link", textContent: t.whole, hidden: true });
    this.pen = make("button", { type: "button", className: "link pen", textContent: t.draw });
    this.figure = make("figure", { hidden: true }, this.frame, make("figcaption", {}, `${t.hint} `, this.pen, " ", this.whole));
    const close = make("button", { type: "button", className: "button", textContent: t.close });
    this.status = make("p", {});
    this.status.setAttribute("role", "status");
    this.list = make("ol", {});
    this.more = make("button", { type: "button", className: "button", textContent: t.more, hidden: true });
    this.dialog = make("dialog", {}, make("header", {}, this.figure, close), this.status, this.list, this.more);
    this.dialog.setAttribute("aria-label", t.results);
    this.shadowRoot.append(form, this.dialog);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.words.value.trim()) return;
      this.#usePhoto(null);
      this.#search();
    });
    this.file.addEventListener("change", async () => {
      if (!this.file.files.length) return;
      this.#usePhoto(await shrunk(this.file.files[0]));
      this.file.value = "";
      this.#search();
    });
    close.addEventListener("click", () => this.dialog.close());
    this.whole.addEventListener("click", () => this.#select(null));
    this.pen.addEventListener("click", () => this.#letDraw(!this.frame.classList.contains("drawing")));
    this.preview.addEventListener("load", () => { this.figure.hidden = false; });
    this.more.addEventListener("click", () => this.#search(Number(this.more.value)));
    this.frame.addEventListener("pointerdown", (event) => this.#draw(event));
  }

  get #texts() {
    const language = this.getAttribute("lang") || document.documentElement.lang || navigator.language;
    return TEXTS[language.slice(0, 2).toLowerCase()] ?? TEXTS.en;
  }

  get #language() {
    return this.#texts === TEXTS.ru ? "ru" : "en";
  }

  #call(path, options = {}) {
    const headers = { "Accept-Language": this.#language, ...options.headers };
    if (this.getAttribute("key")) headers.Authorization = `Bearer ${this.getAttribute("key")}`;
    return fetch(this.#at(`api/v1/${path}`), { ...options, headers });
  }

  #at(path) {
    return new URL(path, this.getAttribute("server") || HOME).href;
  }

  #usePhoto(photo) {
    if (this.preview.src) URL.revokeObjectURL(this.preview.src);
    this.#photo = photo;
    this.#query = "";
    this.#select(null, false);
    this.#outlineObjects([]);
    this.figure.hidden = true;
    if (photo) this.preview.src = URL.createObjectURL(photo);
    else this.preview.removeAttribute("src");
  }

  async #search(offset = 0) {
    const t = this.#texts;
    const number = ++this.#asked;
    if (!this.dialog.open) this.dialog.showModal();
    this.status.textContent = t.busy;
    this.more.hidden = true;
    if (!offset) this.list.replaceChildren();
    try {
      let response = await this.#ask(offset);
      if (response.status === 404 && this.#query) {
        this.#query = ""; // the photo is not kept any more
        response = await this.#ask(offset);
      }
      const answer = await response.json();
      if (number !== this.#asked) return;
      if (response.ok) this.#show(answer, offset);
      else this.#explain(response.status, answer.code, offset);
    } catch {
      // To a page, a refusal looks like a lost connection.
      const isThere = await fetch(this.#at("livez"), { mode: "no-cors" }).then(() => true, () => false);
      if (number === this.#asked) this.#explain(isThere ? 403 : 0, "", offset);
    }
  }

  /** Says why there is no answer, and offers to try again where that may help. */
  #explain(status, code, offset) {
    const t = this.#texts;
    const isRefused = status === 401 || status === 403;
    if (code?.startsWith("image_")) this.status.textContent = t.unreadable;
    else if (status === 429) this.status.textContent = t.tooMany;
    else this.status.textContent = isRefused ? t.refused(location.origin) : t.failed;
    if (status === 429 || !status || status >= 500) this.#offerAgain(offset);
  }

  #ask(offset) {
    const limit = this.getAttribute("limit") || 24;
    const fields = { limit, offset };
    if (!this.#photo) {
      return this.#call(`search/text/?${new URLSearchParams({ ...fields, q: this.words.value.trim() })}`);
    }
    const body = new FormData();
    if (this.#query) fields.query = this.#query;
    else body.append("image", this.#photo, "photo.jpg");
    if (this.#box) fields.box = this.#box.map((n) => n.toFixed(4)).join(",");
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    return this.#call("search/photo/", { method: "POST", body });
  }

  #offerAgain(offset) {
    Object.assign(this.more, { hidden: false, value: offset, textContent: this.#texts.again });
  }

  #show(answer, offset) {
    const t = this.#texts;
    if (this.#photo) this.#query = answer.query.id;
    const cards = answer.query.blank ? [] : answer.results.map((one) => this.#card(one, answer));
    this.list.append(...cards);
    if (offset) cards[0]?.querySelector("a").focus({ preventScroll: true });
    const isUnseen = this.#photo && this.preview.complete && !this.preview.naturalWidth; // HEIC
    if (isUnseen) this.preview.src = this.#at(`search/photos/${this.#query}.jpg`);
    this.status.textContent = this.#summary(answer);
    if (!this.#box) this.#outlineObjects(answer.query.objects);
    const next = cards.length ? answer.next_offset : null;
    Object.assign(this.more, { hidden: next === null, value: next ?? "", textContent: t.more });
  }

  #summary({ query, results, calibrated }) {
    const t = this.#texts;
    if (query.blank) return t.blank;
    if (!this.list.children.length) return t.nothing;
    if (query.corrected) return t.corrected(query.corrected);
    const isWeak = calibrated && this.list.children.length === results.length && results.every(({ match }) => match === "weak");
    return isWeak ? t.weak : "";
  }

  #card(result, answer) {
    const t = this.#texts;
    const { product, match } = result;
    const offer = result.variant ?? product;
    const tile = make("div", { className: "tile" });
    if (offer.image) {
      const srcset = [240, 480].map((width) => `${offer.image}?w=${width} ${width}w`).join(", ");
      tile.append(make("img", { alt: "", loading: "lazy", sizes: "12rem", srcset, src: `${offer.image}?w=240` }));
    }
    if (answer.calibrated && match !== "weak") {
      tile.append(make("span", { className: `badge ${match}`, textContent: t[match] }));
    }
    if (!offer.in_stock) tile.append(make("span", { className: "badge sold", textContent: t.soldOut }));
    const link = make("a", { href: offer.url, textContent: product.title });
    const price = new Intl.NumberFormat(this.#language, { style: "currency", currency: product.currency });
    const tell = (event) => (event.type === "click" || event.button === 1) && this.#tell(result, answer);
    link.addEventListener("click", tell);
    link.addEventListener("auxclick", tell);
    return make("li", {}, tile, link, make("div", { className: "price", textContent: price.format(offer.price) }));
  }

  #tell(result, answer) {
    this.dispatchEvent(new CustomEvent("vitrina-click", { bubbles: true, composed: true, detail: result }));
    if (navigator.globalPrivacyControl || navigator.doNotTrack === "1") return;
    const events = [{ type: "click", product: result.product.id, query: answer.query.id, session: this.#session }];
    this.#call("events/", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(events), keepalive: true }).catch(() => {});
  }

  #outlineObjects(objects) {
    for (const dot of this.frame.querySelectorAll(".object")) dot.remove();
    const near = (a, b) => [0, 1].every((i) => Math.abs(a[i] + a[i + 2] / 2 - b[i] - b[i + 2] / 2) < 0.06);
    const apart = objects.filter(({ box }, n) => !objects.slice(0, n).some((one) => near(one.box, box)));
    apart.forEach(({ box }, number) => {
      const dot = make("button", { type: "button", className: "object" });
      dot.setAttribute("aria-label", `${this.#texts.item} ${number + 1}`);
      dot.style.left = `${100 * (box[0] + box[2] / 2)}%`;
      dot.style.top = `${100 * (box[1] + box[3] / 2)}%`;
      dot.addEventListener("click", () => this.#select(box));
      this.frame.append(dot);
    });
  }

  /** Selects a part of the photo, or the whole photo, and searches for it. */
  #select(box, search = true) {
    this.#box = box;
    this.whole.hidden = this.outline.hidden = !box;
    if (box) this.#place(box);
    if (search) this.#search();
  }

  #place([left, top, width, height]) {
    const sides = { left, top, width, height };
    for (const [side, share] of Object.entries(sides)) this.outline.style[side] = `${100 * share}%`;
    this.outline.hidden = false;
  }

  /** Lets a finger on the photo draw a box instead of scrolling. */
  #letDraw(draws) {
    this.frame.classList.toggle("drawing", draws);
    this.pen.setAttribute("aria-pressed", String(draws));
  }

  #draw(event) {
    const scrolls = event.pointerType === "touch" && !this.frame.classList.contains("drawing");
    if (event.button || scrolls || event.target.matches(".object")) return;
    event.preventDefault();
    this.frame.setPointerCapture(event.pointerId);
    const area = this.frame.getBoundingClientRect();
    const at = ({ clientX, clientY }) => [(clientX - area.left) / area.width, (clientY - area.top) / area.height].map((n) => Math.min(1, Math.max(0, n)));
    const from = at(event);
    let box = null;
    const move = (moved) => {
      const to = at(moved);
      const [left, top] = from.map((n, axis) => Math.min(n, to[axis]));
      box = [left, top, Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
      this.#place(box);
    };
    const end = (ended) => {
      this.frame.removeEventListener("pointermove", move);
      this.frame.removeEventListener("pointerup", end);
      this.frame.removeEventListener("pointercancel", end);
      const isBox = ended.type === "pointerup" && box && Math.min(box[2], box[3]) >= MIN_SIDE;
      this.#letDraw(false);
      if (isBox) this.#select(box);
      else this.#select(this.#box, false);
    };
    this.frame.addEventListener("pointermove", move);
    this.frame.addEventListener("pointerup", end);
    this.frame.addEventListener("pointercancel", end);
  }
}

customElements.define("vitrina-search", VitrinaSearch);
