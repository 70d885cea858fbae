// Copies the address of a video.
document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-wanvideo-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(new URL(button.dataset.wanvideoCopy, location.href).href);
    const words = button.querySelector("span");
    const before = words.textContent;
    words.textContent = button.dataset.done;
    setTimeout(() => (words.textContent = before), 2000);
});

// The clipboard is offered only where the browser has one (https, localhost).
const offer = () => {
    for (const button of document.querySelectorAll("[data-wanvideo-copy]")) button.hidden = !navigator.clipboard;
};
document.addEventListener("wanvideo:redrawn", offer);
offer();
