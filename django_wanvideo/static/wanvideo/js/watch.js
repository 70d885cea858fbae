// Keeps rows and pages of tasks on their way up to date: one small request for all of them, slower while nothing moves,
// none while the page is hidden or paused.
const FASTEST = 2000;
const SLOWEST = 15000;
const PATIENCE = 20000;

const list = document.querySelector("[data-wanvideo-list]");
const page = document.querySelector("[data-wanvideo-watch]");
let delay = FASTEST;
let timer = 0;
let paused = false;
let stopped = false;
let asking = false;

function live() {
    if (page) return page.dataset.live ? [page] : [];
    return list ? [...list.querySelectorAll("[data-wanvideo-task][data-live]")] : [];
}

const idOf = (element) => element.dataset.wanvideoTask || element.dataset.wanvideoWatch;

function tell(state) {
    const line = document.querySelector("[data-wanvideo-live]");
    const words = line?.querySelector("span");
    if (!words) return;
    const count = live().length;
    const text = words.dataset[state] || "";
    line.hidden = !text;
    words.textContent = text.replace("%(n)s", count);
    const button = document.querySelector("[data-wanvideo-pause]");
    if (button) button.hidden = !count || stopped;
}

function say(text) {
    const line = document.querySelector("[data-wanvideo-say]");
    if (line) line.textContent = text;
}

function put(element, value) {
    if (element && element.textContent !== value) element.textContent = value;
}

function updateRow(cell, row) {
    const tr = cell.closest("tr");
    if (cell.dataset.status === row.status) {
        const bar = cell.querySelector("progress");
        if (bar && row.progress > bar.value) bar.value = row.progress;
        const line = cell.querySelector(".wv-sub");
        if (line && line.textContent !== row.line) line.textContent = row.line;
        return false;
    }
    cell.dataset.status = row.status;
    cell.innerHTML = row.state;
    const credits = tr.querySelector(".field-credits");
    if (credits) credits.innerHTML = row.credits;
    const title = tr.querySelector(".field-task .wv-clip")?.textContent.trim().slice(0, 60) || "";
    say(`${title}: ${row.label}`);
    if (!row.live) {
        delete cell.dataset.live;
        const picture = tr.querySelector(".field-picture a");
        if (picture) picture.innerHTML = row.picture;
        tr.classList.add("wv-row-new");
        setTimeout(() => tr.classList.remove("wv-row-new"), 4000);
    }
    return true;
}

async function redraw() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of [".wv-head", ".wv-task-main", ".wv-task-more"]) {
        const [now, then] = [document.querySelector(part), fresh.querySelector(part)];
        if (now && then) now.replaceWith(document.adoptNode(then));
    }
    // The notes may be half written: everything beside them is replaced, they are not.
    const [side, then] = [document.querySelector(".wv-task-side"), fresh.querySelector(".wv-task-side")];
    const notes = side?.querySelector("textarea")?.closest("section");
    if (notes && then) {
        while (side.firstElementChild !== notes) side.firstElementChild.remove();
        for (const section of [...then.children]) {
            if (!section.querySelector("textarea")) side.insertBefore(document.adoptNode(section), notes);
        }
    }
    document.dispatchEvent(new Event("wanvideo:redrawn"));
}

async function updatePage(row) {
    put(document.querySelector("[data-wanvideo-part=head]"), row.head);
    put(page.querySelector("[data-wanvideo-part=now]"), row.now);
    put(page.querySelector("[data-wanvideo-part=left]"), row.left);
    const bar = page.querySelector(".wv-stage progress");
    if (bar && row.bar > bar.value) bar.value = row.bar;
    if (page.dataset.status === row.status) return false;
    page.dataset.status = row.status;
    if (!row.live) delete page.dataset.live;
    say(row.label);
    await redraw();
    return true;
}

async function ask() {
    const waiting = live();
    if (!waiting.length) return tell("done");
    if (asking || paused || stopped || document.hidden) return;
    asking = true;
    const query = new URLSearchParams(waiting.slice(0, 200).map((element) => ["id", idOf(element)]));
    if (page) query.append("page", "1");
    let state = "live";
    try {
        const url = `${(page || list).dataset.statusUrl}?${query}`;
        const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
        if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
            stopped = true;
            state = "signedOut";
        } else if (!answer.ok) {
            throw new Error(String(answer.status));
        } else {
            const { tasks } = await answer.json();
            let moved = false;
            for (const element of waiting) {
                const row = tasks[idOf(element)];
                if (!row) delete element.dataset.live;
                else moved = (page ? await updatePage(row) : updateRow(element, row)) || moved;
            }
            delay = moved ? FASTEST : Math.min(delay * 1.15, SLOWEST);
        }
    } catch {
        state = "slow";
        delay = Math.min(delay * 2, SLOWEST);
    }
    asking = false;
    tell(paused ? "paused" : live().length || state !== "live" ? state : "done");
    next();
}

function next() {
    clearTimeout(timer);
    if (!stopped && !paused && !document.hidden && live().length) timer = setTimeout(ask, delay);
}

function wake() {
    if (document.hidden || paused || stopped) return clearTimeout(timer);
    delay = FASTEST;
    clearTimeout(timer);
    ask();
}

document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-wanvideo-pause]");
    if (!button) return;
    paused = !paused;
    const words = button.querySelector("span");
    [words.textContent, button.dataset.resume] = [button.dataset.resume, words.textContent];
    tell(paused ? "paused" : "live");
    wake();
});
document.addEventListener("visibilitychange", wake);
addEventListener("focus", wake);

if (live().length) {
    tell("live");
    next();
}
