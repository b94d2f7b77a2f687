// The scroll areas of the console are no landmarks: several of one name would be in the way of those
// who move between landmarks. Areas can still be scrolled with the keyboard.
window.addEventListener("load", () => {
  for (const area of document.querySelectorAll(".simplebar-content-wrapper")) {
    area.removeAttribute("role");
    area.removeAttribute("aria-label");
  }
  // An empty head of a column is a cell.
  for (const head of document.querySelectorAll("th")) {
    if (!head.textContent.trim() && !head.querySelector("[aria-label], input")) head.setAttribute("role", "cell");
  }
});

// Choosers that search as one types have no name of their own: the label of their field names them.
function nameChoosers() {
  for (const chooser of document.querySelectorAll('.select2-selection[role="combobox"]')) {
    const field = chooser.closest(".select2")?.previousElementSibling;
    const label = field?.id && document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    if (label && !chooser.hasAttribute("data-named")) {
      label.id ||= `${field.id}-label`;
      const value = chooser.getAttribute("aria-labelledby");
      chooser.setAttribute("aria-labelledby", `${label.id} ${value}`);
      chooser.querySelector('[role="textbox"]')?.setAttribute("aria-labelledby", label.id);
      chooser.setAttribute("data-named", "");
    }
  }
}
// They come when the page has loaded, and with each row that is added to a form.
document.addEventListener("DOMContentLoaded", () => {
  new MutationObserver(nameChoosers).observe(document.body, { childList: true, subtree: true });
  nameChoosers();
});

// Charts: axes that begin at 0, with numbers in the language of the page, 1.8 in place of
// 1.8000000000000003, in a colour that can be read; points where there are too few for a line. unfold
// draws them when the page has loaded.
document.addEventListener("DOMContentLoaded", () => {
  const { x, y } = DEFAULT_CHART_OPTIONS.scales;
  y.beginAtZero = true;
  DEFAULT_CHART_OPTIONS.datasets.line.pointStyle = "circle";
  const numbers = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 6 });
  y.ticks.callback = (value) => numbers.format(value);
  x.ticks.color = y.ticks.color = () => {
    const root = document.documentElement;
    return getComputedStyle(root).getPropertyValue(root.classList.contains("dark") ? "--color-base-400" : "--color-base-500");
  };
});

// The photo that a page searches with can be dropped anywhere on the page, which then searches.
document.addEventListener("DOMContentLoaded", () => {
  const field = document.querySelector("input[type=file][data-drop]");
  if (!field) return;
  field.hasChangeListener = true; // unfold would write the file's name into the field of the words
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const photo = event.dataTransfer.files[0];
    if (!photo) return;
    const files = new DataTransfer();
    files.items.add(photo);
    field.files = files.files;
    field.form.requestSubmit();
  });
});
