// <crop-box> selects the part of a photo to search for. It covers the photo; users draw, drag and
// resize the box with the mouse, a finger or the keyboard. `box` is [x, y, width, height], each 0
// to 1, or null for the whole photo. Outlines show the objects found in the photo; a tap or the
// keyboard selects one. The event "crop" reports each finished choice.

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const FINGER = 22; // pixels
const MIN_SIDE = 0.04; // share of the photo; a smaller box is a tap
const EDGE_TOLERANCE = 0.002; // edges closer than this are equal
const KEY_STEP = 0.02; // share of the photo that an arrow key moves the box
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEY_PAUSE_MS = 500; // key presses with shorter pauses are one choice

const clamp = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);

class CropBox extends HTMLElement {
  #edges = [0, 0, 1, 1]; // left, top, right, bottom
  #objects = new Map(); // button → its edges
  #drag = null;
  #tap = null;
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
    this.addEventListener("pointerup", (event) => this.#end(event));
    this.addEventListener("pointercancel", () => this.#cancel());
    this.frame.addEventListener("keydown", (event) => this.#press(event));
    this.#show();
  }

  /** Whether a finger draws a box instead of scrolling the page. */
  get drawing() {
    return this.classList.contains("drawing");
  }

  set drawing(drawing) {
    this.classList.toggle("drawing", drawing);
  }

  get box() {
    const [left, top, right, bottom] = this.#edges;
    return this.#isWhole() ? null : [left, top, right - left, bottom - top];
  }

  set box(box) {
    this.#edges = edgesOf(box ?? [0, 0, 1, 1]);
    this.#show();
  }

  /** Whether the user is making a choice. */
  get busy() {
    return Boolean(this.#drag || this.#keyTimer);
  }

  /** Outlines objects of the photo, each with its `box` and a `label`. The same objects again
   * change nothing, so an outline keeps the keyboard's focus. */
  suggest(objects) {
    const edges = objects.map(({ box }) => edgesOf(box));
    const known = [...this.#objects.values()];
    const same = known.length === edges.length && edges.every((one, i) => alike(one, known[i]));
    if (same) return;
    for (const button of this.#objects.keys()) button.remove();
    this.#objects = new Map(
      objects.map(({ label }, i) => [this.#outline(edges[i], label), edges[i]]),
    );
    this.append(...this.#objects.keys());
    this.#show();
  }

  #outline(edges, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", label);
    place(button, edges);
    button.style.zIndex = Math.round(100 * (1 - area(edges))); // smaller objects lie on top
    button.title = label;
    button.addEventListener("click", (event) => {
      if (event.detail === 0) this.#choose(button); // from the keyboard; #end handles taps
    });
    return button;
  }

  /** Selects an object, or the whole photo if that object is selected already. */
  #choose(button) {
    const pressed = button.getAttribute("aria-pressed") === "true";
    this.#edges = pressed ? [0, 0, 1, 1] : [...this.#objects.get(button)];
    this.#show();
    this.#tell();
  }

  /** Returns the button of the object whose dot, in its middle, is nearest to a point: of the
   * objects around the point and of those whose dot is within a finger's width. */
  #objectAt(point) {
    const { width, height } = this.getBoundingClientRect();
    const apart = ([left, top, right, bottom]) =>
      Math.hypot(((left + right) / 2 - point[0]) * width, ((top + bottom) / 2 - point[1]) * height);
    const near = [...this.#objects].filter(
      ([, edges]) => contains(edges, point) || apart(edges) < FINGER,
    );
    return near.sort(([, one], [, other]) => apart(one) - apart(other))[0]?.[0];
  }

  #isWhole() {
    const [left, top, right, bottom] = this.#edges;
    return left < EDGE_TOLERANCE && top < EDGE_TOLERANCE && right > 1 - EDGE_TOLERANCE && bottom > 1 - EDGE_TOLERANCE;
  }

  #point(event) {
    const area = this.getBoundingClientRect();
    return [
      clamp((event.clientX - area.left) / area.width),
      clamp((event.clientY - area.top) / area.height),
    ];
  }

  #start(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const from = this.#point(event);
    const handle = event.target.dataset.edges;
    const inside = !this.#isWhole() && contains(this.#edges, from);
    const kind = handle ? "resize" : inside ? "move" : "draw";
    // A finger on the photo scrolls the page, unless the shopper wants to draw. A tap still selects.
    if (kind === "draw" && event.pointerType === "touch" && !this.drawing) {
      this.#tap = { object: this.#objectAt(from), x: event.clientX, y: event.clientY };
      return;
    }
    event.preventDefault(); // neither drag the picture nor select text
    this.frame.focus({ preventScroll: true, focusVisible: false });
    this.setPointerCapture(event.pointerId);
    const object = this.#objectAt(from); // selected if this is a tap
    this.#drag = { kind, handle, object, from, to: from, edges: [...this.#edges] };
  }

  #move(event) {
    if (!this.#drag) return;
    const { kind, handle, from, edges } = this.#drag;
    const to = (this.#drag.to = this.#point(event));
    if (kind === "draw") {
      this.#edges = this.#sorted([...from, ...to]);
    } else if (kind === "move") {
      this.#edges = moved(edges, to[0] - from[0], to[1] - from[1]);
    } else {
      const next = [...edges];
      if (handle.includes("w")) next[0] = Math.min(to[0], edges[2] - MIN_SIDE);
      if (handle.includes("e")) next[2] = Math.max(to[0], edges[0] + MIN_SIDE);
      if (handle.includes("n")) next[1] = Math.min(to[1], edges[3] - MIN_SIDE);
      if (handle.includes("s")) next[3] = Math.max(to[1], edges[1] + MIN_SIDE);
      this.#edges = next.map((edge) => clamp(edge));
    }
    this.#show();
  }

  #end(event) {
    const tap = this.#tap;
    this.#tap = null;
    if (tap?.object && Math.hypot(event.clientX - tap.x, event.clientY - tap.y) < FINGER) {
      this.#choose(tap.object);
    }
    if (!this.#drag) return;
    const { kind, edges: before, object, from, to } = this.#drag;
    this.#drag = null;
    const slack = kind === "draw" ? MIN_SIDE / 2 : 2 * EDGE_TOLERANCE;
    if (object && to.every((place, axis) => Math.abs(place - from[axis]) < slack)) {
      this.#choose(object);
      return;
    }
    const [left, top, right, bottom] = this.#edges;
    if (right - left < MIN_SIDE || bottom - top < MIN_SIDE) this.#edges = before;
    this.#show();
    if (!alike(this.#edges, before)) this.#tell();
  }

  #cancel() {
    this.#tap = null; // the browser scrolls
    if (!this.#drag) return;
    this.#edges = this.#drag.edges;
    this.#drag = null;
    this.#show();
  }

  #press(event) {
    if (event.key === "Escape" && !this.#isWhole()) {
      this.#edges = [0, 0, 1, 1];
    } else if (event.key in KEYS && !event.altKey && !event.ctrlKey && !event.metaKey) {
      const [dx, dy] = KEYS[event.key].map((direction) => direction * KEY_STEP);
      const [left, top, right, bottom] = this.#edges;
      this.#edges = event.shiftKey
        ? [left, top, clamp(right + dx, left + MIN_SIDE), clamp(bottom + dy, top + MIN_SIDE)]
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
    place(this.frame, this.#edges);
    this.classList.toggle("whole", this.#isWhole());
    for (const [button, edges] of this.#objects) {
      button.setAttribute("aria-pressed", alike(edges, this.#edges));
    }
  }

  #tell() {
    this.#keyTimer = 0;
    this.dispatchEvent(new Event("crop", { bubbles: true }));
  }
}

function place(element, [left, top, right, bottom]) {
  Object.assign(element.style, {
    left: `${100 * left}%`,
    top: `${100 * top}%`,
    width: `${100 * (right - left)}%`,
    height: `${100 * (bottom - top)}%`,
  });
}

function edgesOf([x, y, width, height]) {
  return [clamp(x), clamp(y), clamp(x + width), clamp(y + height)];
}

function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

function contains([left, top, right, bottom], [x, y]) {
  return x >= left && x <= right && y >= top && y <= bottom;
}

function alike(edges, others) {
  return edges.every((edge, i) => Math.abs(edge - others[i]) < EDGE_TOLERANCE);
}

function moved([left, top, right, bottom], dx, dy) {
  const x = clamp(dx, -left, 1 - right);
  const y = clamp(dy, -top, 1 - bottom);
  return [left + x, top + y, right + x, bottom + y];
}

customElements.define("crop-box", CropBox);
