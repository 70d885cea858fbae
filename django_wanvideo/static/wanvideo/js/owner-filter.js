// Names the field that Select2 makes of the owner filter, for readers: it leaves it without a name of its own.
const select = document.querySelector("[data-wanvideo-name]");
const observer = new MutationObserver(name);

function name() {
    const field = select.parentNode.querySelector(".select2-selection__rendered");
    if (!field) return;
    field.setAttribute("aria-label", select.dataset.wanvideoName);
    observer.disconnect();
}

if (select) {
    observer.observe(select.parentNode, { childList: true });
    name();
}
