// A pressed button says so, and further presses are ignored; what counts is the one-time nonce on the server.
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
