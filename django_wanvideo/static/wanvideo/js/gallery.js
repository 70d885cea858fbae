// The grid: plays the video of the tile that is pointed at or has the focus, and counts the tiles that are selected.
const PAUSE = 200;
const gallery = document.querySelector(".wv-gallery");
const calm = matchMedia("(prefers-reduced-motion: reduce), (prefers-reduced-data: reduce)");
const pointed = matchMedia("(hover: hover)");
let timer = 0;
let playing = null;

const mayPlay = () => !calm.matches && !navigator.connection?.saveData;

function stop() {
    clearTimeout(timer);
    if (!playing) return;
    const { poster, video } = playing;
    playing = null;
    video.pause();
    // Without its source nothing more is fetched.
    video.removeAttribute("src");
    video.load();
    video.remove();
    poster.classList.remove("is-playing");
}

function play(poster) {
    stop();
    if (!poster.isConnected || !mayPlay()) return;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, loop: true, playsInline: true, disablePictureInPicture: true, tabIndex: -1 });
    video.addEventListener("error", () => playing?.video === video && stop());
    video.addEventListener("playing", () => poster.classList.add("is-playing"), { once: true });
    playing = { poster, video };
    video.src = poster.dataset.wanvideoVideo;
    poster.prepend(video);
    // Refused where the browser lets nothing play by itself, or stopped before it began.
    video.play().catch(() => playing?.video === video && stop());
}

function want(event) {
    const tile = event.target.closest(".wv-gallery > li");
    if (playing && tile?.contains(playing.poster)) return;
    stop();
    const poster = tile?.querySelector("[data-wanvideo-video]");
    if (poster && mayPlay()) timer = setTimeout(play, PAUSE, poster);
}

function leave(event) {
    const tile = event.target.closest(".wv-gallery > li");
    if (tile && !tile.contains(event.relatedTarget)) stop();
}

// Selecting: what Django's own script does for the rows of a table.
function select() {
    const boxes = [...gallery.querySelectorAll("input.action-select")];
    const all = document.getElementById("action-toggle");
    const actions = document.querySelector("#changelist-form .actions");
    if (!boxes.length || !all || !actions) return;
    const counter = actions.querySelector(".action-counter");
    const across = actions.querySelector("input.select-across");
    const show = (selector, shown) => {
        for (const part of actions.querySelectorAll(selector)) part.classList.toggle("hidden", !shown);
    };
    let last = null;

    const count = () => {
        const chosen = boxes.filter((box) => box.checked).length;
        const words = globalThis.ngettext?.("%(sel)s of %(cnt)s selected", "%(sel)s of %(cnt)s selected", chosen);
        if (counter && words) counter.textContent = globalThis.interpolate(words, { sel: chosen, cnt: boxes.length }, true);
        all.checked = chosen === boxes.length;
        all.indeterminate = chosen > 0 && !all.checked;
        // Whoever takes one away no longer means all that match.
        if (across && !all.checked) across.value = 0;
        const isAcross = across?.value === "1";
        show(".question", all.checked && !isAcross);
        show(".all, .clear", isAcross);
        counter?.classList.toggle("hidden", isAcross);
    };
    const set = (some, checked) => {
        for (const box of some) box.checked = checked;
        count();
    };

    all.closest("label").hidden = false;
    all.addEventListener("change", () => set(boxes, all.checked));
    gallery.addEventListener("click", (event) => {
        const box = event.target.closest("input.action-select");
        if (!box) return;
        const ends = [last, box].map((one) => boxes.indexOf(one)).sort((a, b) => a - b);
        set(event.shiftKey && last ? boxes.slice(ends[0], ends[1] + 1) : [box], box.checked);
        last = box;
    });
    actions.addEventListener("click", (event) => {
        const link = event.target.closest(".question a, .clear a");
        if (!link || !across) return;
        event.preventDefault();
        across.value = link.closest(".question") ? 1 : 0;
        if (link.closest(".clear")) set(boxes, false);
        else count();
    });
    // A browser that goes back keeps the ticks.
    addEventListener("pageshow", count);
    count();
}

if (gallery) {
    gallery.addEventListener("mouseover", (event) => pointed.matches && want(event));
    gallery.addEventListener("mouseout", leave);
    gallery.addEventListener("focusin", want);
    gallery.addEventListener("focusout", leave);
    document.addEventListener("visibilitychange", () => document.hidden && stop());
    addEventListener("pagehide", stop);
    select();
}
