// The moment at which a player stands becomes the picture of its video; without this file one types its seconds.
const show = () => {
    for (const label of document.querySelectorAll("[data-wanvideo-moment]")) label.hidden = true;
};
document.addEventListener("click", (event) => {
    const label = event.target.closest("button[formaction]")?.parentElement.querySelector("[data-wanvideo-moment]");
    const player = document.querySelector(".wv-player video");
    if (label && player) label.querySelector("input").value = player.currentTime.toFixed(3);
});
document.addEventListener("wanvideo:redrawn", show);
show();
