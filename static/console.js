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
window.addEventListener("load", nameChoosers);
document.addEventListener("formset:added", () => setTimeout(nameChoosers));
