// <crop-box>: the part of a photo to search for. It lies over the photo and is drawn, dragged and
// resized by mouse, finger or keyboard. `box` is [x, y, width, height], each 0 to 1, or null for
// the whole photo. A choice, once made, is told by the event "crop".

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const LEAST = 0.04; // the smallest side; anything smaller was a tap
const STEP = 0.02; // of the arrow keys
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEY_PAUSE_MS = 500; // a row of key presses is one choice

const clamp = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);

class CropBox extends HTMLElement {
  #edges = [0, 0, 1, 1]; // left, top, right, bottom
  #drag = null;
  #keyTimer = 0;

  connectedCallback() {
    this.frame = document.createElement("div");
    this.frame.className = "crop-frame";
    this.frame.tabIndex = 0;
    this.frame.setAttribute("role", "application");
    this.frame.setAttribute("aria-label", this.getAttribute("label"));
    for (const name of HANDLES) {
      const handle = document.createElement("i");
      handle.dataset.edges = name;
      this.frame.append(handle);
    }
    this.replaceChildren(this.frame);
    this.addEventListener("pointerdown", (event) => this.#start(event));
    this.addEventListener("pointermove", (event) => this.#move(event));
    this.addEventListener("pointerup", () => this.#end());
    this.addEventListener("pointercancel", () => this.#cancel());
    this.frame.addEventListener("keydown", (event) => this.#press(event));
    this.#show();
  }

  get box() {
    const [left, top, right, bottom] = this.#edges;
    return this.#isWhole() ? null : [left, top, right - left, bottom - top];
  }

  set box(box) {
    const [x, y, width, height] = box ?? [0, 0, 1, 1];
    this.#edges = [clamp(x), clamp(y), clamp(x + width), clamp(y + height)];
    this.#show();
  }

  /** Whether a choice is being made. */
  get busy() {
    return Boolean(this.#drag || this.#keyTimer);
  }

  /** Offers parts of the photo, each a box, as points to tap. */
  suggest(boxes) {
    for (const old of this.querySelectorAll("button")) old.remove();
    for (const box of boxes) {
      const point = document.createElement("button");
      point.type = "button";
      point.setAttribute("aria-label", this.getAttribute("object-label"));
      point.style.left = `${100 * (box[0] + box[2] / 2)}%`;
      point.style.top = `${100 * (box[1] + box[3] / 2)}%`;
      point.addEventListener("click", () => {
        this.box = box;
        this.#tell();
      });
      this.append(point);
    }
  }

  #isWhole() {
    const [left, top, right, bottom] = this.#edges;
    return left < 0.002 && top < 0.002 && right > 0.998 && bottom > 0.998;
  }

  #point(event) {
    const area = this.getBoundingClientRect();
    return [
      clamp((event.clientX - area.left) / area.width),
      clamp((event.clientY - area.top) / area.height),
    ];
  }

  #start(event) {
    if (event.button !== 0 || !event.isPrimary || event.target.closest("button")) return;
    event.preventDefault(); // no dragging of the picture, no selecting of text
    this.frame.focus({ preventScroll: true, focusVisible: false });
    this.setPointerCapture(event.pointerId);
    const handle = event.target.dataset.edges;
    const inside = event.target === this.frame && !this.#isWhole();
    const kind = handle ? "resize" : inside ? "move" : "draw";
    this.#drag = { kind, handle, from: this.#point(event), edges: [...this.#edges] };
  }

  #move(event) {
    if (!this.#drag) return;
    const { kind, handle, from, edges } = this.#drag;
    const to = this.#point(event);
    if (kind === "draw") {
      this.#edges = this.#sorted([...from, ...to]);
    } else if (kind === "move") {
      this.#edges = moved(edges, to[0] - from[0], to[1] - from[1]);
    } else {
      const next = [...edges];
      if (handle.includes("w")) next[0] = Math.min(to[0], edges[2] - LEAST);
      if (handle.includes("e")) next[2] = Math.max(to[0], edges[0] + LEAST);
      if (handle.includes("n")) next[1] = Math.min(to[1], edges[3] - LEAST);
      if (handle.includes("s")) next[3] = Math.max(to[1], edges[1] + LEAST);
      this.#edges = next.map((edge) => clamp(edge));
    }
    this.#show();
  }

  #end() {
    if (!this.#drag) return;
    const before = this.#drag.edges;
    this.#drag = null;
    const [left, top, right, bottom] = this.#edges;
    if (right - left < LEAST || bottom - top < LEAST) this.#edges = before;
    this.#show();
    if (this.#edges.some((edge, i) => Math.abs(edge - before[i]) > 0.002)) this.#tell();
  }

  #cancel() {
    if (!this.#drag) return;
    this.#edges = this.#drag.edges;
    this.#drag = null;
    this.#show();
  }

  #press(event) {
    if (event.key === "Escape" && !this.#isWhole()) {
      this.#edges = [0, 0, 1, 1];
    } else if (event.key in KEYS && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const [dx, dy] = KEYS[event.key].map((direction) => direction * STEP);
      const [left, top, right, bottom] = this.#edges;
      this.#edges = event.shiftKey
        ? [left, top, clamp(right + dx, left + LEAST), clamp(bottom + dy, top + LEAST)]
        : moved(this.#edges, dx, dy);
    } else {
      return;
    }
    event.preventDefault();
    this.#show();
    clearTimeout(this.#keyTimer);
    this.#keyTimer = setTimeout(() => this.#tell(), KEY_PAUSE_MS);
  }

  #sorted([x1, y1, x2, y2]) {
    return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  }

  #show() {
    const [left, top, right, bottom] = this.#edges;
    Object.assign(this.frame.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    });
    this.classList.toggle("whole", this.#isWhole());
  }

  #tell() {
    this.#keyTimer = 0;
    this.dispatchEvent(new Event("crop", { bubbles: true }));
  }
}

function moved([left, top, right, bottom], dx, dy) {
  const x = clamp(dx, -left, 1 - right);
  const y = clamp(dy, -top, 1 - bottom);
  return [left + x, top + y, right + x, bottom + y];
}

customElements.define("crop-box", CropBox);
