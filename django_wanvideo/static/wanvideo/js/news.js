// While nobody looks at the page: counts in the tab's title what has become of one's own videos, and says it by the
// browser's own notifications to who has asked for them. Stops once nothing is on its way, or somebody looks.
const EVERY = 30000;
const button = document.querySelector("[data-wanvideo-news]");
const title = document.title;
let since = "";
let timer = 0;

// By the server's clock, whatever this one says.
function moment() {
    return new Date(Date.parse(button.dataset.now) + performance.now()).toISOString();
}

function offer() {
    button.hidden = !("Notification" in window) || Notification.permission !== "default";
}

function show(news, before) {
    document.title = news.count ? `(${news.count}) ${title}` : title;
    if (news.count <= before || !("Notification" in window) || Notification.permission !== "granted") return;
    // With a tag the newest takes the place of the one before.
    const shown = new Notification(title, { body: news.text, tag: "wanvideo" });
    shown.addEventListener("click", () => window.focus());
}

async function ask(before = 0) {
    const query = new URLSearchParams({ since });
    let news = null;
    try {
        const answer = await fetch(`${button.dataset.wanvideoNews}?${query}`, {
            redirect: "manual",
            signal: AbortSignal.timeout(EVERY),
        });
        // Somebody who is signed out is told nothing.
        if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return;
        if (answer.ok) news = await answer.json();
    } catch {
        // The site is away; asked again.
    }
    if (!document.hidden) return;
    if (news) show(news, before);
    if (news && !news.moving) return;
    timer = setTimeout(ask, EVERY, news?.count ?? before);
}

function turn() {
    clearTimeout(timer);
    if (document.hidden) {
        since = moment();
        timer = setTimeout(ask, EVERY);
    } else {
        document.title = title;
    }
}

if (button) {
    offer();
    button.addEventListener("click", async () => {
        await Notification.requestPermission();
        offer();
    });
    document.addEventListener("visibilitychange", turn);
}
