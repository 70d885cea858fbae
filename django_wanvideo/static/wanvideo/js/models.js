// The table of models follows the chosen card at once, and the button names the chosen model.
const form = document.querySelector(".wv-choice");
const PLACE = "[data-wanvideo-models]";
let asking = null;

function show() {
    const chosen = form.querySelector("[name=model]:checked");
    const button = form.querySelector("[name=_continue]");
    const column = chosen?.closest("th").cellIndex;
    for (const row of form.querySelectorAll(".wv-compare tr")) {
        for (const cell of row.cells) cell.classList.toggle("is-chosen", cell.cellIndex === column);
    }
    if (chosen) button.textContent = button.dataset.with.replace("%(model)s", chosen.dataset.label);
}

async function follow() {
    asking?.abort();
    const mine = (asking = new AbortController());
    const query = new URLSearchParams(new FormData(form));
    query.delete("model");
    const place = form.querySelector(PLACE);
    place.setAttribute("aria-busy", "true");
    try {
        const answer = await fetch(`?${query}`, { signal: mine.signal, redirect: "manual" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = answer.ok && page.querySelector(PLACE);
        if (!fresh) throw new Error("These are no models.");
        place.replaceWith(fresh);
        history.replaceState(history.state, "", `?${query}`);
        show();
    } catch (error) {
        // The page itself can be asked for in the usual way, which leads through the login and back.
        if (error.name !== "AbortError") form.requestSubmit(form.querySelector(".wv-show button"));
    }
}

if (form) {
    form.querySelector(".wv-show").classList.add("visually-hidden");
    form.querySelector(".wv-show button").tabIndex = -1;
    form.addEventListener("change", (event) => (event.target.name === "want" ? follow() : show()));
    // Back fills in what was chosen without a word.
    addEventListener("pageshow", show);
    show();
}
