// Takes beside each other: one position, one sound, one pick. Without this module each player has its own controls and
// each Pick is a form.
const deck = document.querySelector("[data-wanvideo-deck]");
const playButton = deck?.querySelector("[data-wanvideo-play]");
const scrub = deck?.querySelector("[data-wanvideo-scrub]");
// Seconds: the farthest that one may be from the others, and from where on it is brought nearer by playing slower or faster.
const AWAY = 0.1;
const NEARLY = 0.02;
const EVERY = 50;
const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;

let position = 0;
let playing = false;
let timer = 0;
// The length of a frame, until one that is shorter was seen.
let frame = 1 / 24;

const takes = () => [...document.querySelectorAll("[data-wanvideo-take]")];
const players = () => [...document.querySelectorAll(".wv-take video:not([data-broken])")];
const lengthOf = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
// The longest one: the others wait at their end until it begins anew.
const leader = () => players().reduce((best, video) => (best && lengthOf(best) >= lengthOf(video) ? best : video), null);
const isOver = (video) => video.ended || position >= lengthOf(video);

function clock(seconds) {
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function show() {
    const lead = leader();
    const end = lead ? lengthOf(lead) : 0;
    scrub.max = end || 1;
    scrub.value = position;
    const words = scrub.dataset.words.replace("%(at)s", Math.round(position)).replace("%(length)s", Math.round(end));
    scrub.setAttribute("aria-valuetext", words);
    deck.querySelector("[data-wanvideo-at]").textContent = clock(position);
    deck.querySelector("[data-wanvideo-length]").textContent = clock(end);
    const label = playButton.querySelector("span");
    playButton.dataset.play ??= label.textContent;
    label.textContent = playing ? playButton.dataset.stop : playButton.dataset.play;
    playButton.querySelector("use").setAttribute("href", playing ? "#wv-pause" : "#wv-play");
}

function seek(to) {
    const lead = leader();
    position = Math.min(Math.max(0, to), lead ? lengthOf(lead) : 0);
    for (const video of players()) video.currentTime = Math.min(position, lengthOf(video));
    show();
}

function start(video) {
    // A player that is told to stop before it began says so; that is no trouble.
    video.play().catch((error) => {
        if (error.name === "NotAllowedError") stop();
    });
}

// One waits, all wait: nobody plays before everybody can.
function keepTogether() {
    const all = players();
    const lead = leader();
    if (!lead) return stop();
    if (all.some((video) => video.seeking || video.readyState < (isOver(video) ? 2 : 3))) {
        for (const video of all) video.pause();
        return;
    }
    if (lead.ended || (lead.paused && position >= lengthOf(lead))) {
        if (CALM) return stop();
        return seek(0);
    }
    const waiting = all.filter((video) => video.paused && !isOver(video));
    if (waiting.length) {
        for (const video of all) if (!isOver(video)) start(video);
    }
    position = lead.currentTime;
    for (const video of all) {
        if (video === lead || isOver(video)) continue;
        const away = video.currentTime - position;
        if (Math.abs(away) > AWAY) video.currentTime = position;
        video.playbackRate = Math.abs(away) < NEARLY || Math.abs(away) > AWAY ? 1 : away > 0 ? 0.92 : 1.08;
    }
    show();
}

// What cannot be played keeps nobody waiting, and shows by its own controls that something is wrong.
function leaveOut(video) {
    video.dataset.broken = "1";
    video.controls = true;
}

function bringIntoView() {
    const all = document.querySelector(".wv-takes");
    const room = innerHeight - deck.offsetHeight;
    if (all.offsetHeight <= room) all.scrollIntoView({ block: "nearest", behavior: CALM ? "auto" : "smooth" });
}

function play() {
    for (const video of players()) {
        if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) leaveOut(video);
    }
    if (!players().length || playing) return;
    playing = true;
    const lead = leader();
    bringIntoView();
    for (const video of players()) video.preload = "auto";
    seek(position >= lengthOf(lead) - frame ? 0 : position);
    clearInterval(timer);
    timer = setInterval(keepTogether, EVERY);
}

function stop() {
    playing = false;
    clearInterval(timer);
    const lead = leader();
    if (lead) position = lead.currentTime;
    for (const video of players()) {
        video.pause();
        video.playbackRate = 1;
    }
    seek(position);
}

const toggle = () => (playing ? stop() : play());

function step(frames) {
    if (playing) stop();
    seek(position + frames * frame);
}

// A video that plays shows how long its frames are.
function watchFrames(video) {
    let last = Infinity;
    const see = (_now, { mediaTime }) => {
        const length = mediaTime - last;
        if (length > 1 / 121 && length < frame) frame = length;
        last = mediaTime;
        video.requestVideoFrameCallback(see);
    };
    video.requestVideoFrameCallback?.(see);
}

// Sound ---------------------------------------------------------------------------------------------------------------

function hear() {
    const chosen = deck.querySelector("[name=sound]:checked")?.value || "";
    for (const take of takes()) {
        const video = take.querySelector("video");
        if (!video) continue;
        video.muted = take.dataset.wanvideoTake !== chosen;
        take.querySelector("[data-wanvideo-sound]").hidden = video.muted;
    }
}

function setUp() {
    for (const video of players()) {
        if (video.dataset.setUp) continue;
        video.dataset.setUp = "1";
        video.controls = false;
        video.addEventListener("loadedmetadata", show);
        // Of a source it is told at the source.
        video.addEventListener("error", () => leaveOut(video), { capture: true });
        video.addEventListener("click", toggle);
        watchFrames(video);
    }
    for (const choice of deck.querySelectorAll("[name=sound]")) {
        const take = choice.value && document.querySelector(`[data-wanvideo-take="${choice.value}"]`);
        choice.disabled = Boolean(take) && !take.querySelector("video");
    }
    deck.classList.toggle("is-live", players().length > 0);
    hear();
    shortcuts();
    show();
}

// Picking -------------------------------------------------------------------------------------------------------------

// Shows what has changed of a page that was fetched; players that are there go on.
function apply(fresh) {
    for (const take of takes()) {
        const then = fresh.querySelector(`[data-wanvideo-take="${take.dataset.wanvideoTake}"]`);
        if (!then) continue;
        if (then.dataset.ready !== take.dataset.ready) {
            take.replaceWith(document.adoptNode(then));
            continue;
        }
        take.className = then.className;
        const [now, next] = [take.querySelector("form"), then.querySelector("form")];
        if (!now || !next) continue;
        const [button, like] = [now.querySelector("button"), next.querySelector("button")];
        now.elements.seen.value = next.elements.seen.value;
        if (button.name === like.name) continue;
        button.name = like.name;
        button.setAttribute("aria-pressed", like.getAttribute("aria-pressed"));
        button.replaceChildren(...document.adoptNode(like).childNodes);
    }
    for (const part of ["[data-wanvideo-part=chip]", "[data-wanvideo-part=head]", "[data-wanvideo-part=actions]", "[data-wanvideo-refusal]"]) {
        const [now, then] = [document.querySelector(part), fresh.querySelector(part)];
        if (now && then && now.innerHTML !== then.innerHTML) now.replaceChildren(...document.adoptNode(then).childNodes);
    }
    setUp();
}

async function fetched(answer) {
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function refresh() {
    const fresh = await fetched(await fetch(location.href, { headers: { Accept: "text/html" } }));
    if (fresh) apply(fresh);
}

let sending = false;

async function send(form, button) {
    const data = new FormData(form);
    data.append(button.name, button.value);
    sending = true;
    button.setAttribute("aria-busy", "true");
    let fresh = null;
    try {
        fresh = await fetched(await fetch(form.action, { method: "POST", body: data, headers: { "X-Requested-With": "wanvideo" } }));
    } catch {
        // The browser itself says what is wrong.
    }
    button.removeAttribute("aria-busy");
    if (fresh) apply(fresh);
    else {
        form.dataset.failed = "1";
        form.requestSubmit(button);
    }
    sending = false;
}

// Keys ----------------------------------------------------------------------------------------------------------------

const line = document.querySelector("[data-wanvideo-keys]");
const hasKeys = () => line.dataset.wanvideoKeys !== "off";
const pickButtons = () => [...document.querySelectorAll("[data-key]")];

function shortcuts() {
    const switcher = line.querySelector("button");
    switcher.textContent = hasKeys() ? switcher.dataset.off : switcher.dataset.on;
    switcher.value = hasKeys() ? "off" : "on";
    line.querySelector("span").hidden = !hasKeys();
    for (const [button, keys] of [...pickButtons().map((one) => [one, one.dataset.key]), [playButton, "Space"], [scrub, "ArrowLeft ArrowRight"]]) {
        if (hasKeys()) button.setAttribute("aria-keyshortcuts", keys);
        else button.removeAttribute("aria-keyshortcuts");
    }
}

function press(event) {
    if (!hasKeys() || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    const here = event.target;
    if (here.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === " ") {
        // There it presses what has the focus.
        if (here.closest("a, button, summary")) return;
        if (!event.repeat) toggle();
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        step(event.key === "ArrowLeft" ? -1 : 1);
    } else {
        const button = pickButtons().find((one) => one.dataset.key === event.key);
        if (!button) return;
        if (!event.repeat && button.name === "pick") button.form.requestSubmit(button);
    }
    event.preventDefault();
}

if (deck) {
    playButton.addEventListener("click", toggle);
    scrub.addEventListener("input", () => seek(Number(scrub.value)));
    deck.addEventListener("change", (event) => event.target.name === "sound" && hear());
    document.addEventListener("keydown", press);
    line.addEventListener("submit", (event) => {
        event.preventDefault();
        const body = new FormData(line, event.submitter);
        line.dataset.wanvideoKeys = event.submitter.value;
        shortcuts();
        // Kept for the next time; this page has it already.
        fetch(line.action, { method: "POST", body, headers: { "X-Requested-With": "wanvideo" }, keepalive: true }).catch(() => {});
    });
    // Before the module that counts presses hears of it.
    document.addEventListener(
        "submit",
        (event) => {
            if (!event.submitter?.dataset.key || event.target.dataset.failed) return;
            event.preventDefault();
            event.stopImmediatePropagation();
            if (!sending) send(event.target, event.submitter);
        },
        { capture: true },
    );
    document.addEventListener("wanvideo:ended", refresh);
    addEventListener("pageshow", (event) => event.persisted && refresh());
    const chosen = document.querySelector(".wv-take.is-picked video") || players()[0];
    const sound = chosen && deck.querySelector(`[name=sound][value="${chosen.closest("[data-wanvideo-take]").dataset.wanvideoTake}"]`);
    if (sound) sound.checked = true;
    setUp();
}
