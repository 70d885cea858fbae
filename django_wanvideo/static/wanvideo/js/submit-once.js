// A pressed button says so, and further presses are ignored; what counts is the page's key on the server.
// Back fetches the page anew and fills in what was typed, but gives it another key: the first one, which belongs to what
// was typed, is remembered with the page's place in the browser's history.
const remembered = [...document.querySelectorAll("[data-wanvideo-keep]")];
const place = history.state && typeof history.state === "object" ? history.state : {};
if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
    for (const field of remembered) field.value = place.wanvideo?.[field.name] ?? field.value;
}
if (remembered.length) {
    const values = Object.fromEntries(remembered.map((field) => [field.name, field.value]));
    history.replaceState({ ...place, wanvideo: values }, "");
}

document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
        event.preventDefault();
        return;
    }
    const button = event.submitter;
    form.dataset.sent = "1";
    if (button?.dataset.once) {
        button.dataset.was = button.textContent;
        // It keeps its width, so that the second click of two does not hit what stood beside it.
        button.style.minWidth = `${button.offsetWidth}px`;
        button.textContent = button.dataset.once;
        button.setAttribute("aria-disabled", "true");
    }
});

// The page may come back from the browser's memory, ready to be used again.
addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[data-was]")) {
        button.textContent = button.dataset.was;
        button.style.minWidth = "";
        button.removeAttribute("aria-disabled");
    }
});
