// Another model's settings, a preset, and items that are added, moved, taken away or cut: the form follows without a reload.
// The server answers with the page that it would show; its form takes the place of the one that is there.
const PLACE = "[data-wanvideo-form]";
const BUTTONS = ["_model", "_preset", "_add", "_up", "_remove", "_cut"];
const form = document.querySelector(PLACE)?.closest("form");
// Whether the button is left to the browser, and to whoever asks first whether somebody is signed in.
let isPlain = false;
let isAsking = false;

function setUp() {
    for (const list of form.querySelectorAll("[data-wanvideo-items]")) {
        const button = list.querySelector("[data-wanvideo-add-files]");
        const input = list.querySelector("input[type=file]");
        list.classList.add("is-live");
        if (!button || !input) continue;
        button.hidden = true;
        const add = () => input.files.length && form.requestSubmit(button);
        input.addEventListener("change", add);
    }
}

// Back opens the form of the model that was shown last, so that the browser finds the fields that it fills in.
function note(page) {
    const address = new URL(location.href);
    if (!form.querySelector("[name=seen]")) address.searchParams.set("model", page.querySelector("[name=shown_model]").value);
    history.replaceState(history.state, "", address);
}

function put(answer, focused) {
    const page = new DOMParser().parseFromString(answer, "text/html");
    const fresh = page.querySelector(PLACE);
    if (!fresh) return false;
    form.querySelector(PLACE).replaceWith(fresh);
    const title = document.querySelector("#content > h1, .wv-title");
    const other = page.querySelector("#content > h1, .wv-title");
    if (title && other) title.textContent = other.textContent;
    document.title = page.title;
    // What was to be corrected may be what was pressed for.
    if (!page.querySelector(".errornote")) document.querySelector(".errornote")?.remove();
    note(fresh);
    document.dispatchEvent(new Event("wanvideo:swapped"));
    (fresh.querySelector("[autofocus]") ?? document.getElementById(focused))?.focus();
    return true;
}

async function swap(button) {
    const place = form.querySelector(PLACE);
    const data = new FormData(form, button);
    const focused = document.activeElement?.id;
    isAsking = true;
    // Nothing can be typed that the answer would not know of.
    place.inert = true;
    place.setAttribute("aria-busy", "true");
    let isDone = false;
    try {
        const answer = await fetch(location.href, { method: "POST", body: data, redirect: "manual" });
        isDone = answer.ok && put(await answer.text(), focused);
    } catch {
        // No network: the browser says so in its own way.
    }
    isAsking = false;
    if (isDone) return;
    place.inert = false;
    place.removeAttribute("aria-busy");
    isPlain = true;
    form.requestSubmit(button);
}

if (form) {
    // Before the modules that look after what is sent for good.
    document.addEventListener(
        "submit",
        (event) => {
            if (event.target !== form || isPlain || !BUTTONS.includes(event.submitter?.name)) return;
            event.preventDefault();
            event.stopImmediatePropagation();
            if (!isAsking) swap(event.submitter);
        },
        { capture: true },
    );
    for (const pressed of ["click", "change"]) form.addEventListener(pressed, () => (isPlain = false), { capture: true });
    document.addEventListener("wanvideo:swapped", setUp);
    setUp();
}
