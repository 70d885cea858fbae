// Ticking to make rows again shows at once what that costs; the server calculates it.
const tick = document.querySelector("[data-wanvideo-again]");
if (tick) {
    const isShown = () => new URLSearchParams(location.search).has("again");
    tick.addEventListener("change", () => location.assign(tick.checked ? `${location.pathname}?again=1` : location.pathname));
    // Back ticks the box as it was left, beside a price that knows nothing of it.
    addEventListener("pageshow", () => { tick.checked = isShown(); });
}
