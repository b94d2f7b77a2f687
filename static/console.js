// The scroll areas of the console are no landmarks: several of one name would be in the way of those
// who move between landmarks. Areas can still be scrolled with the keyboard.
window.addEventListener("load", () => {
  for (const area of document.querySelectorAll(".simplebar-content-wrapper")) {
    area.removeAttribute("role");
    area.removeAttribute("aria-label");
  }
});
