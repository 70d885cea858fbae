// Keeps the price beside the button up to date; the server calculates it.
let bar = document.querySelector("[data-wanvideo-price]");
const form = bar?.closest("form");
const WAIT = 300;

// Of words the price asks only how many lines there are, as the server counts them.
function lines(field) {
    return field.value.split("\n").filter((line) => line.trim()).length;
}

function settings() {
    const query = new URLSearchParams();
    for (const field of form.querySelectorAll("[data-wanvideo-lines]")) query.append(field.name, lines(field));
    for (const [name, value] of new FormData(form)) {
        const skipped =
            /^(preset|preset_name|preset_for|prompts?|seeds|notes|metadata|idempotency_key|seen|shown_credits|csrfmiddlewaretoken)$|_(file|url|kept)$/.test(name);
        if (typeof value === "string" && !skipped) query.append(name, value);
    }
    // Of clips only number and length count; their addresses stay in the page.
    for (const field of form.querySelectorAll("textarea[name$=_url]")) {
        if (lines(field)) query.append(field.name.replace(/_url$/, "_count"), lines(field));
    }
    for (const list of form.querySelectorAll("[data-wanvideo-items]")) {
        const filled = [...list.querySelectorAll("[name$=_url]")].filter((field) => lines(field));
        if (!filled.length) continue;
        const lengths = filled.map((field) => field.closest("[data-seconds]").dataset.seconds);
        query.append(filled[0].name.replace(/_url$/, "_seconds"), lengths);
    }
    return query;
}

function address(query) {
    const url = bar.dataset.wanvideoPrice;
    return `${url}${url.includes("?") ? "&" : "?"}${query}`;
}

function show(price) {
    const text = bar.querySelector(".wv-price");
    const buttons = form.querySelectorAll("[name=_generate]");
    const known = Boolean(price?.known);
    text.classList.remove("is-asking");
    delete bar.dataset.stale;
    text.querySelector("strong").textContent = price?.formula || text.dataset.unknown;
    text.querySelector("[data-dollars]").textContent = known && price.dollars ? `, ${price.dollars}` : "";
    text.querySelector(".wv-sub").textContent = price?.remark || "";
    text.querySelector("[data-budget]").textContent = price?.limit || "";
    const shown = bar.querySelector("[name=shown_credits]");
    if (shown) shown.value = price?.credits || "";
    for (const button of buttons) {
        const another = button.dataset.another?.replace("%(credits)s", price?.amount ?? "–");
        if (price) button.textContent = another ?? price.button;
        button.disabled = !known;
    }
}

// The buttons stay: pressing one asks again whether somebody is signed in.
function signedOut() {
    const text = bar.querySelector(".wv-price");
    text.classList.remove("is-asking");
    text.querySelector("strong").textContent = text.dataset.unknown;
    for (const part of ["[data-dollars]", ".wv-sub", "[data-budget]"]) text.querySelector(part).textContent = "";
    bar.dataset.stale = "1";
    document.dispatchEvent(new Event("wanvideo:signed-out"));
}

if (bar && form) {
    let timer = 0;
    let asking = null;
    let last = settings().toString();
    const ask = async () => {
        const query = settings().toString();
        if (query === last) return bar.querySelector(".wv-price").classList.remove("is-asking");
        last = query;
        asking?.abort();
        const mine = (asking = new AbortController());
        try {
            const answer = await fetch(address(query), { signal: mine.signal, redirect: "manual" });
            if (answer.type === "opaqueredirect" || answer.status === 401) return signedOut();
            show(answer.ok ? await answer.json() : null);
        } catch (error) {
            if (error.name !== "AbortError") show(null);
        }
    };
    const later = (event) => {
        if (event.target.matches("textarea:not([data-wanvideo-lines], [name$=_url]), [type=file]")) return;
        bar.querySelector(".wv-price").classList.add("is-asking");
        clearTimeout(timer);
        timer = setTimeout(ask, WAIT);
    };
    // A page that one goes back to has its fields filled in again, and the price of the empty form.
    addEventListener("pageshow", (event) => {
        const way = performance.getEntriesByType("navigation")[0]?.type;
        if (!event.persisted && way !== "back_forward") return;
        last = "";
        ask();
    });
    document.addEventListener("wanvideo:signed-in", () => {
        last = "";
        ask();
    });
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    // A theme's own drop-downs tell only jQuery of a choice.
    window.jQuery?.(form).on("change", later);
    // Back fills in the fields without a word.
    addEventListener("pageshow", ask);
    document.addEventListener("wanvideo:swapped", () => {
        bar = document.querySelector("[data-wanvideo-price]");
        asking?.abort();
        clearTimeout(timer);
        last = settings().toString();
    });
}
