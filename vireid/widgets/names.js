// ipywidgets' slider handles have a role but no name; give each the words that stand beside it.
function name(root) {
  for (const row of root.querySelectorAll(".widget-inline-hbox, .widget-slider")) {
    const words = row.querySelector(".widget-label")?.textContent;
    for (const handle of row.querySelectorAll("[role=slider], [contenteditable]")) {
      if (words && handle.getAttribute("aria-label") !== words) handle.setAttribute("aria-label", words);
    }
  }
}

function render({ el }) {
  el.style.display = "none";
  const watch = new MutationObserver(() => name(el.parentElement));
  const begin = () => {
    if (!el.parentElement) return requestAnimationFrame(begin);
    name(el.parentElement);
    watch.observe(el.parentElement, { childList: true, subtree: true });
  };
  begin();
  return () => watch.disconnect();
}

export default { render };
