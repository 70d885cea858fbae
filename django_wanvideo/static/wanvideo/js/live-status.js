// Keeps rows and pages of tasks on their way, and the page of a batch, up to date: small requests for all of them, slower
// while nothing moves, none while the page is hidden or paused.
const FASTEST = 2000;
const SLOWEST = 15000;
const PATIENCE = 20000;
// Ids in one request: web servers commonly take addresses of no more than 4 kB.
const BATCH = 80;
// How long EvoLink still keeps a paid file: beside the bar, or among what can be done about a failure.
const EXPIRES = "[data-wanvideo-part=expires]";
const TILE = "[data-wanvideo-tile]";

const list = document.querySelector("[data-wanvideo-list]");
const page = document.querySelector("[data-wanvideo-watch]");
// What says on the page of a part that the film is being joined.
const awaitedFilm = () => page?.querySelector("[data-wanvideo-film]");
const ofBatch = () => document.querySelector("[data-wanvideo-batch]");
// How often the numbers of a batch are spoken at most.
const SPEAK_EVERY = 10000;
let delay = FASTEST;
let timer = 0;
let paused = false;
let stopped = false;
let asking = false;
let spokenAt = 0;

function live() {
    const batch = ofBatch();
    if (batch) return batch.dataset.live ? [batch] : [];
    if (page) return page.dataset.live || awaitedFilm() ? [page] : [];
    return list ? [...list.querySelectorAll("[data-wanvideo-task][data-live]")] : [];
}

const idOf = (element) => element.dataset.wanvideoTask || element.dataset.wanvideoWatch;

function tell(state) {
    const line = document.querySelector("[data-wanvideo-live]");
    const words = line?.querySelector("span");
    if (!words) return;
    const count = ofBatch()?.dataset.live || live().length;
    const text = (words.dataset[state] || "").replace("%(n)s", count);
    line.hidden = !text;
    words.replaceChildren(state === "signedOut" ? wayIn(text) : text);
    const button = document.querySelector("[data-wanvideo-pause]");
    if (button) button.hidden = !count || stopped;
}

// The page's own address: the site leads from there to its login, and back.
function wayIn(text) {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = text;
    // Notes may be half written here; this page goes on when somebody comes back to it.
    if (page) [link.target, link.rel] = ["_blank", "noopener"];
    return link;
}

function say(texts) {
    const line = document.querySelector("[data-wanvideo-say]");
    if (line && texts.length) line.textContent = texts.join("; ");
}

function put(element, value) {
    if (element && element.textContent !== value) element.textContent = value;
}

// Returns what is to be announced; nothing while the status is the same.
function updateRow(cell, row) {
    // A row of the table, a tile of the grid, or a take.
    const tr = cell.closest("tr, .wv-gallery > li, .wv-take");
    if (cell.dataset.status === row.status) {
        const bar = cell.querySelector("progress");
        if (bar && row.progress > bar.value) bar.value = row.progress;
        put(cell.querySelector(".wv-sub"), row.line);
        return "";
    }
    cell.dataset.status = row.status;
    if (row.tile) updateTile(cell, row.tile);
    else cell.innerHTML = row.state;
    const credits = tr.querySelector(".field-credits");
    if (credits) credits.innerHTML = row.credits;
    if (!row.live) {
        delete cell.dataset.live;
        const picture = tr.querySelector(".field-picture a");
        if (picture) picture.innerHTML = row.picture;
        tr.classList.add("wv-row-new");
        setTimeout(() => tr.classList.remove("wv-row-new"), 4000);
        document.dispatchEvent(new Event("wanvideo:ended"));
    }
    const title = tr.querySelector(".wv-clip, h2")?.textContent.trim().slice(0, 60) || "";
    return `${title}: ${row.label}`;
}

function updateTile(tile, { poster, video, line }) {
    const link = tile.querySelector(".wv-poster");
    link.innerHTML = poster;
    if (video) link.dataset.wanvideoVideo = video;
    tile.querySelector(".wv-tile-line").innerHTML = line;
}

// Tells how to find again what has the focus once the page was redrawn; nothing when it stays where it is.
function focused() {
    const here = document.activeElement;
    if (!here?.closest(".wv-head, .wv-task-main, .wv-task-more, .wv-task-side")) return null;
    for (const name of ["formaction", "href", "data-wanvideo-pause", "data-wanvideo-copy"]) {
        if (here.hasAttribute(name)) return { here, again: `[${name}="${CSS.escape(here.getAttribute(name))}"]` };
    }
    return { here, again: "" };
}

function refocus(before) {
    if (!before || before.here.isConnected) return;
    const alike = before.again ? [...document.querySelectorAll(before.again)] : [];
    // Two links may lead to the same place.
    const same = alike.find((one) => one.textContent === before.here.textContent) || alike[0];
    if (same && !same.hidden) return same.focus();
    const heading = document.querySelector("#outcome-heading") || document.querySelector("#content h1, h1");
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
}

async function fetchPage(address = location.href) {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return null;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Who has signed in again sends with a new token.
    const token = fresh.querySelector("[name=csrfmiddlewaretoken]")?.value;
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token || field.value;
    return fresh;
}

async function redraw(hasEnded, address) {
    const fresh = await fetchPage(address);
    if (!fresh) return;
    // "On its way" is over, and what has ended can be deleted.
    if (hasEnded) for (const message of document.querySelectorAll(".messagelist .success")) message.remove();
    const [tools, freshTools] = [document.querySelector(".object-tools"), fresh.querySelector(".object-tools")];
    if (tools && freshTools) tools.replaceWith(document.adoptNode(freshTools));
    const before = focused();
    // The whole of a batch is replaced, its tiles each in its place.
    for (const part of [".wv-head", ...(ofBatch() ? [".wv-task"] : [".wv-task-main", ".wv-task-more"])]) {
        const [now, then] = [document.querySelector(part), fresh.querySelector(part)];
        if (now && then) now.replaceWith(document.adoptNode(then));
    }
    for (const tile of document.querySelectorAll(TILE)) {
        const then = fresh.querySelector(`[data-wanvideo-tile="${tile.dataset.wanvideoTile}"]`);
        if (then && then.innerHTML !== tile.innerHTML) tile.replaceChildren(...document.adoptNode(then).childNodes);
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
    tell("live");
    refocus(before);
}

// What plays beside the film goes on.
async function redrawFilm() {
    const fresh = await fetchPage();
    if (!fresh) throw new Error("The page of the film is not to be had just now.");
    const before = focused();
    const [now, then] = [page.querySelector(".wv-film"), fresh.querySelector(".wv-film")];
    for (const message of document.querySelectorAll(".messagelist .success")) message.remove();
    now?.replaceWith(...(then ? [document.adoptNode(then)] : []));
    refocus(before);
}

async function updatePage(row) {
    put(document.querySelector("[data-wanvideo-part=head]"), row.head);
    put(page.querySelector("[data-wanvideo-part=now]"), row.now);
    put(page.querySelector("[data-wanvideo-part=left]"), row.left);
    if (row.expires) put(page.querySelector(EXPIRES), row.expires);
    const bar = page.querySelector(".wv-stage progress");
    if (bar && row.bar > bar.value) bar.value = row.bar;
    if (!row.live) delete page.dataset.live;
    if (row.film) await redrawFilm();
    if (page.dataset.status === row.status) return row.film || "";
    page.dataset.status = row.status;
    await redraw(row.ended);
    return row.label;
}

// Shows a batch anew where anything of it has changed; returns its numbers now and then, which are announced.
async function updateBatch(found) {
    const batch = ofBatch();
    if (batch.dataset.version === found.version) return [];
    const tiles = [...document.querySelectorAll(TILE)].map((tile) => ["tile", tile.dataset.wanvideoTile]);
    await redraw(!found.live, tiles.length ? `${location.pathname}?${new URLSearchParams(tiles)}` : location.href);
    if (batch.dataset.done === String(found.done) || (found.live && Date.now() - spokenAt < SPEAK_EVERY)) return [""];
    spokenAt = Date.now();
    return [found.now];
}

// The numbers in the filters would tell of what was before.
async function recount() {
    const links = [...document.querySelectorAll("#changelist-filter a")];
    if (!links.length) return;
    const answer = await fetch(`${list.dataset.statusUrl}?counts=1`, { signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok || answer.redirected) return;
    const { counts } = await answer.json();
    for (const [name, value, label, text] of counts) {
        const link = links.find(
            (one) => new URLSearchParams(one.search).get(name) === value && one.textContent.trim().startsWith(label),
        );
        put(link, text);
    }
}

// Asks about some of what moves and shows the answers; returns whether anything has ended or moved on.
async function askAbout(some) {
    const query = new URLSearchParams(some.map((element) => ["id", idOf(element)]));
    if (page) query.append("page", "1");
    if (awaitedFilm()) query.append("film", awaitedFilm().dataset.wanvideoFilm);
    if (list?.querySelector(".wv-gallery")) query.append("tiles", "1");
    const url = ofBatch()?.dataset.statusUrl || `${(page || list).dataset.statusUrl}?${query}`;
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
        stopped = true;
        return [];
    }
    if (!answer.ok) throw new Error(String(answer.status));
    if (ofBatch()) return updateBatch(await answer.json());
    const { tasks } = await answer.json();
    const news = [];
    for (const element of some) {
        const row = tasks[idOf(element)];
        if (!row) delete element.dataset.live;
        else news.push(page ? await updatePage(row) : updateRow(element, row));
    }
    return news.filter(Boolean);
}

async function ask() {
    const waiting = live();
    if (!waiting.length) return tell("done");
    if (asking || paused || document.hidden) return;
    asking = true;
    const resumed = stopped;
    stopped = false;
    let state = "live";
    const news = [];
    try {
        for (let at = 0; at < waiting.length && !stopped; at += BATCH) {
            news.push(...(await askAbout(waiting.slice(at, at + BATCH))));
        }
        if (resumed && !stopped) await fetchPage();
        if (list && news.length) {
            document.dispatchEvent(new Event("wanvideo:moved"));
            await recount();
        }
        delay = news.length ? FASTEST : Math.min(delay * 1.15, SLOWEST);
    } catch {
        state = "slow";
        delay = Math.min(delay * 2, SLOWEST);
    }
    if (stopped) state = "signedOut";
    asking = false;
    say(news.filter(Boolean));
    tell(paused ? "paused" : live().length || state !== "live" ? state : "done");
    next();
}

function next() {
    clearTimeout(timer);
    if (!stopped && !paused && !document.hidden && live().length) timer = setTimeout(ask, delay);
}

// Also somebody who was signed out is asked for once more: they may have signed in again elsewhere.
function wake() {
    clearTimeout(timer);
    if (document.hidden || paused) return;
    delay = FASTEST;
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

// A failed page with a countdown is watched as well; the first answer says whether it still counts.
if (page?.querySelector(EXPIRES)) page.dataset.live = "1";
if (live().length) {
    tell("live");
    next();
}
