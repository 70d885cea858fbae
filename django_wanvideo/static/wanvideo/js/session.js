// A session that has ended costs nobody what was typed: a form is sent only while somebody is signed in, and with the
// token of whoever that is now.
let note = document.querySelector("[data-wanvideo-session]");
const form = note?.closest("form");
const PATIENCE = 5000;
let checked = false;
let checking = false;

// Tells whether somebody is signed in; null where the site does not say.
async function isSignedIn() {
    try {
        const answer = await fetch(note.dataset.wanvideoSession, {
            redirect: "manual",
            cache: "no-store",
            signal: AbortSignal.timeout(PATIENCE),
        });
        if (answer.type === "opaqueredirect" || answer.status === 401) return false;
        if (!answer.ok) return null;
        const { token } = await answer.json();
        for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
        return true;
    } catch {
        return null;
    }
}

// What was sent before and shown again looks untouched, so the form of a task is always worth keeping.
function isWorthKeeping() {
    if (form.querySelector("[data-wanvideo-price]")) return true;
    return [...form.querySelectorAll("textarea, input:not([type=hidden])")].some(
        (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked,
    );
}

function show(isSignedOut) {
    if (note.hidden !== isSignedOut) return;
    note.hidden = !isSignedOut;
    if (isSignedOut) note.scrollIntoView({ block: "nearest" });
    else document.dispatchEvent(new Event("wanvideo:signed-in"));
}

async function checkThenSend(button) {
    checking = true;
    const words = button?.dataset.once;
    const was = button ? [...button.childNodes] : [];
    if (words) button.replaceChildren(words);
    button?.setAttribute("aria-disabled", "true");
    const answer = await isSignedIn();
    if (words) button.replaceChildren(...was);
    button?.removeAttribute("aria-disabled");
    checking = false;
    show(answer === false);
    if (answer === false) return;
    // Nobody spends at a price that is not known: it is asked for now, and shown before the next press.
    if (button?.name === "_generate" && form.querySelector("[data-wanvideo-price][data-stale]")) return;
    checked = true;
    form.requestSubmit(button);
    checked = false;
}

async function look() {
    if (!note.hidden && !document.hidden && (await isSignedIn())) show(false);
}

if (form) {
    // Before the module that counts presses hears of it.
    document.addEventListener(
        "submit",
        (event) => {
            if (event.target !== form || checked || form.dataset.sent || !isWorthKeeping()) return;
            event.preventDefault();
            event.stopImmediatePropagation();
            if (!checking) checkThenSend(event.submitter);
        },
        { capture: true },
    );
    document.addEventListener("wanvideo:signed-out", () => show(true));
    document.addEventListener("wanvideo:swapped", () => {
        note = document.querySelector("[data-wanvideo-session]") ?? note;
    });
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
}
