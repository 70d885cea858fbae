// Counts the characters of a prompt while it is typed: code points, as the server counts them.
for (const count of document.querySelectorAll("[data-wanvideo-count]")) {
    const area = document.getElementById(count.dataset.wanvideoCount);
    const length = count.querySelector("[data-wanvideo-length]");
    if (!area || !length) continue;
    const show = () => {
        const characters = [...area.value.trim()].length;
        length.textContent = String(characters);
        count.classList.toggle("is-failed", characters > Number(count.dataset.limit));
    };
    area.addEventListener("input", show);
    // Back fills in the text without a word.
    addEventListener("pageshow", show);
    show();
}
