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
